"""The floor in NumPy computes what softmax regression's formulas say."""

import numpy as np
import pytest

from snippets.softmax_regression import numpy_fast
from snippets.softmax_regression.batches import draw_orders, split_batches


@pytest.fixture
def digits():
    """Fifty examples of ten classes."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(50) % 10)
    return (rng.normal(size=(50, 12)) + y[:, None] / 5).astype(np.float32), y


@pytest.mark.parametrize("batch_size", [16, 64])
def test_training_descends_the_formulas_gradient(digits, batch_size, capsys):
    X, y = digits
    orders = draw_orders(50, 3, 1)
    weights, bias = np.zeros((12, 10)), np.zeros(10)
    for order in orders:
        for batch in split_batches(order, batch_size):
            powers = np.exp(X[batch].astype(float) @ weights + bias)
            errors = powers / powers.sum(axis=1, keepdims=True) - np.eye(10)[y[batch]]
            weights -= 0.1 / len(batch) * X[batch].T @ errors
            bias -= 0.1 / len(batch) * errors.sum(axis=0)
    made = numpy_fast.train_in_numpy(X, y, orders, batch_size, 0.1)
    np.testing.assert_allclose(made[0], weights, atol=1e-6)
    np.testing.assert_allclose(made[1], bias, atol=1e-6)
    logits = X @ weights + bias
    cost = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(50), y]
    accuracy, found = numpy_fast.evaluate_in_numpy(X, y, *made)
    assert found == pytest.approx(cost.mean(), abs=1e-6)
    assert accuracy == np.mean(logits.argmax(axis=1) == y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["001/003", "002/003", "003/003"]


def test_large_logits_do_not_overflow(digits, capsys):
    X, y = digits
    made = numpy_fast.train_in_numpy(1e4 * X, y, draw_orders(50, 2, 1), 10, 1.0)
    assert all(np.isfinite(x).all() for x in made)
    assert "nan" not in capsys.readouterr().out


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_out_of_range_is_refused(digits, label):
    X, y = digits
    y[3] = label
    with pytest.raises(ValueError, match="must be 0 to 9"):
        numpy_fast.train_in_numpy(X, y, draw_orders(50, 1, 1), 10, 0.1)


def test_a_missing_target_is_refused(digits):
    X, y = digits
    with pytest.raises(ValueError, match="50 features, 49 targets"):
        numpy_fast.train_in_numpy(X, y[:-1], draw_orders(50, 1, 1), 10, 0.1)


def test_no_examples_are_refused(digits):
    X, y = digits
    with pytest.raises(ValueError, match="0 features, 0 targets"):
        numpy_fast.train_in_numpy(X[:0], y[:0], draw_orders(1, 1, 1), 10, 0.1)
