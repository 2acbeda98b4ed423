"""My model: the same tests for both frameworks."""

from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from snippets.my_model import data, fast, ways
from tests.frameworks import need

READS = ["snippets/my_model"]

MODULES = {
    "pytorch": ("pytorch_manual", "pytorch_autograd", "pytorch_module"),
    "tensorflow": (
        "tensorflow_manual",
        "tensorflow_gradient_tape",
        "tensorflow_keras",
    ),
}


@pytest.fixture(params=MODULES)
def framework(request):
    """A framework's modules, how it makes tensors, and its name."""
    need(request.param)
    folder, names = data.__package__, MODULES[request.param]
    manual, automatic, layers = (import_module(f"{folder}.{x}") for x in names)
    train = vars(automatic)
    return SimpleNamespace(
        name=request.param,
        manual=manual,
        train=train.get("train_with_autograd") or train["train_with_tape"],
        layers=layers,
        train_layers=getattr(layers, "train_module", None) or layers.train_keras,
        tensor=ways.trained(request.param)[0],
    )


@pytest.fixture
def points(framework):
    """The features and targets as tensors."""
    return [framework.tensor(x) for x in data.load_points()]


def test_points_are_the_same_for_everyone():
    features, targets = data.load_points()
    assert features.shape == targets.shape == (50,)
    assert features.dtype == targets.dtype == np.float32
    assert np.abs(features).max() <= 1
    np.testing.assert_array_equal(features, data.load_points()[0])
    noise = targets - 2 * features - 1
    assert 0.05 < noise.std() < 0.15


def test_picture_has_the_points_and_the_line():
    data.plot_line(np.array([0.0, 0.5]), np.array([1.0, 2.0]), 2.0, 1.0)
    (axes,) = data.plt.gcf().axes
    assert axes.collections[0].get_offsets().tolist() == [[0.0, 1.0], [0.5, 2.0]]
    assert axes.lines[0].get_ydata().tolist() == [-1.0, 3.0]
    data.plt.close("all")


def test_loss_is_the_mean_of_the_squared_errors(framework):
    predictions, targets = framework.tensor([1.0, 2.0]), framework.tensor([0.0, 4.0])
    assert float(framework.manual.mean_squared_error(predictions, targets)) == 2.5


@pytest.mark.parametrize("shape", [(3,), (2, 1), (0,)])
def test_loss_refuses_other_shapes_and_an_empty_batch(framework, shape):
    other = np.zeros(shape, np.float32)
    same = other if shape == (0,) else np.zeros(2, np.float32)
    with pytest.raises(ValueError, match="shapes differ, or are empty"):
        framework.manual.mean_squared_error(*map(framework.tensor, (other, same)))


def test_gradient_is_the_slope_that_differences_find(framework, points):
    features, targets = points
    zero = framework.tensor(np.float32(0))

    def cost(weight, bias):
        predictions = framework.manual.predict(features, weight, bias)
        return float(framework.manual.mean_squared_error(predictions, targets))

    predictions = framework.manual.predict(features, zero, zero)
    found = framework.manual.gradients(features, targets, predictions)
    slopes = [cost(0.5, 0) - cost(-0.5, 0), cost(0, 0.5) - cost(0, -0.5)]
    np.testing.assert_allclose([float(x) for x in found], slopes, rtol=1e-5)


def test_every_level_learns_the_same_line_and_prints_it(framework, points, capsys):
    weight, bias, costs = framework.manual.train_by_hand(*points, 100, 0.1)
    lines = capsys.readouterr().out
    assert float(weight) == pytest.approx(2, abs=0.1)
    assert float(bias) == pytest.approx(1, abs=0.1)
    assert len(costs) == 100
    again = framework.train(*points, 100, 0.1)
    assert capsys.readouterr().out == lines
    np.testing.assert_allclose(again[2], costs, rtol=1e-5)
    model = framework.layers.build_model()
    columns = [x[:, None] for x in points]
    framework.train_layers(model, *columns, 100, 0.1)
    assert capsys.readouterr().out == lines


def test_fast_way_finds_what_the_one_by_hand_finds(framework, points):
    weight, bias, _ = framework.manual.train_by_hand(*points, 100, 0.1)
    found = fast.train_fast(*data.load_points(), 100, 0.1)
    np.testing.assert_allclose(found, [float(weight), float(bias)], atol=1e-5)


@pytest.mark.parametrize(("one", "other"), [(3, 2), (0, 0)])
def test_fast_way_refuses_other_shapes_and_no_example(one, other):
    with pytest.raises(ValueError, match="features"):
        fast.train_fast(np.zeros(one), np.zeros(other), 1, 0.1)


def test_ways_agree_before_they_are_timed(framework):
    told = []
    for prepare in ways.races(framework.name, 0)["speed"].values():
        run, tell = prepare()
        told.append(tell([], run()))
    assert told[0] == told[1]
    assert ways.train(framework.name).keys() == ways.BOUNDS.keys()
