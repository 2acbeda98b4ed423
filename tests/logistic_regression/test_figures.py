import matplotlib.pyplot as plt
import numpy as np
import pytest

from snippets.logistic_regression.figures import plot_boundary, plot_costs


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_costs_are_plotted_from_epoch_1_on():
    plot_costs([3.0, 2.0, 1.5])
    (line,) = plt.gca().lines
    np.testing.assert_array_equal(line.get_xydata(), [[1, 3], [2, 2], [3, 1.5]])


def test_each_class_is_plotted_by_itself():
    X = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    plot_boundary(X, np.array([0.0, 1.0, 0.0]), [1.0, 1.0], 0.0)
    setosa, versicolor = plt.gca().collections
    np.testing.assert_array_equal(setosa.get_offsets(), X[[0, 2]])
    np.testing.assert_array_equal(versicolor.get_offsets(), X[[1]])


def test_the_line_is_where_the_logit_is_0():
    X = np.array([[-1.0, 0.0], [3.0, 1.0]])
    weights, bias = np.array([4.0, -3.0]), 0.5
    plot_boundary(X, np.array([0.0, 1.0]), weights, bias)
    (line,) = plt.gca().lines
    np.testing.assert_allclose(line.get_xydata() @ weights + bias, 0, atol=1e-12)
