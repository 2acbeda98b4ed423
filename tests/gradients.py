"""Random cases for the gradient checks of both frameworks, and what to check against.

All arrays are float64. In float32 a difference quotient keeps three digits at best.
"""

from typing import NamedTuple

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

TOLERANCE = 1e-7

# The same examples in every run, and nothing written to disk. How long one takes says
# nothing: the first pays for the framework's start. Recurrent ones take long.
many = settings(derandomize=True, deadline=None, database=None, max_examples=30)
few = settings(many, max_examples=5)


class Examples(NamedTuple):
    """A batch for a linear classifier, and its parameters."""

    features: np.ndarray  # (batch, num_features)
    targets: np.ndarray  # (batch,)
    weights: np.ndarray  # (num_features,) or (num_features, num_classes)
    bias: np.ndarray  # () or (num_classes,)


class Recurrence(NamedTuple):
    """The arguments of a recurrent cell, and what its states are multiplied with."""

    features: np.ndarray  # (batch, time, num_features)
    hidden: np.ndarray  # (batch, num_hidden)
    weights: list  # weight_ih, weight_hh, bias_ih, bias_hh, gates along axis 0
    slopes: np.ndarray  # (batch, time, num_hidden)


def draw_numbers(rng, shape):
    """Draw numbers from 0.5 to 1.5 of either sign; none sets too small a step."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape)


def make_examples(rows, num_features, num_classes, scale, size, seed):
    """Draw Examples with features of a scale and no logit beyond ±size.

    The weights undo the scale: beside them, a step of the bias is not lost in rounding.
    No class means two of them told apart by one logit: logistic regression.
    """
    rng = np.random.default_rng(seed)
    classes = () if num_classes is None else (num_classes,)
    features = scale * draw_numbers(rng, (rows, num_features))
    targets = rng.integers(num_classes or 2, size=rows)
    targets = targets if classes else targets.astype(float)
    weights = draw_numbers(rng, (num_features, *classes)) / scale
    bias = draw_numbers(rng, classes)
    shrink = size / np.max(np.abs(features) @ np.abs(weights) + np.abs(bias))
    return Examples(features, targets, shrink * weights, shrink * bias)


def make_recurrence(rows, time, num_features, num_hidden, num_gates, scale, seed):
    """Draw a Recurrence with features of a scale, and weights that undo it."""
    rng = np.random.default_rng(seed)
    units = num_gates * num_hidden
    shapes = [(units, num_features), (units, num_hidden), (units,), (units,)]
    weights = [draw_numbers(rng, shape) for shape in shapes]
    weights[0] /= scale
    return Recurrence(
        scale * draw_numbers(rng, (rows, time, num_features)),
        draw_numbers(rng, (rows, num_hidden)),
        weights,
        draw_numbers(rng, (rows, time, num_hidden)),
    )


def powers_of_ten(lowest, highest):
    """Draw numbers of every magnitude between two powers of ten."""
    return st.floats(lowest, highest).map(lambda exponent: 10.0**exponent)


def examples(num_classes, largest):
    """Draw Examples whose logits reach from 0.1 to 10 ** largest."""
    return st.builds(
        make_examples,
        rows=st.integers(1, 6),
        num_features=st.integers(1, 4),
        num_classes=num_classes,
        scale=powers_of_ten(-3, 3),
        size=powers_of_ten(-1, largest),
        seed=st.integers(0, 2**32 - 1),
    )


def recurrences(num_gates):
    """Draw Recurrences."""
    return st.builds(
        make_recurrence,
        rows=st.integers(1, 3),
        time=st.integers(1, 3),
        num_features=st.integers(1, 3),
        num_hidden=st.integers(1, 3),
        num_gates=st.just(num_gates),
        scale=powers_of_ten(-3, 3),
        seed=st.integers(0, 2**32 - 1),
    )


def exact_gradients(features, targets, weights, bias):
    """Return the gradients of the cross-entropy in NumPy: sums of features times p - y.

    That of logistic regression is summed over the batch, that of softmax regression
    averaged. Neither form below can overflow.
    """
    logits = features @ weights + bias
    if logits.ndim == 1:
        errors = (1 + np.tanh(logits / 2)) / 2 - targets  # sigmoid(z) - y
    else:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probas = powers / powers.sum(axis=1, keepdims=True)
        errors = (probas - np.eye(len(bias))[targets]) / len(targets)
    return [features.T @ errors, errors.sum(axis=0)]


def central_differences(function, arrays):
    """Return the gradients of a function of several arrays, each entry moved both ways.

    Two points on each side leave an error of the fourth power of the step, which may
    then be so large, a thousandth of the array's scale, that rounding does not matter.
    """
    arrays = [np.asarray(array) for array in arrays]  # a product of scalars is none
    gradients = []
    for place, array in enumerate(arrays):
        step = 1e-3 * np.max(np.abs(array))
        gradient = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            values = []
            for steps in (-2, -1, 1, 2):
                moved = array.copy()
                moved[index] += steps * step
                others = arrays[:place], arrays[place + 1 :]
                values.append(float(function(*others[0], moved, *others[1])))
            far_below, below, above, far_above = values
            slope = 8 * (above - below) - (far_above - far_below)
            gradient[index] = slope / (12 * step)
        gradients.append(gradient)
    return gradients


def relative_error(found, expected):
    """Return ‖found - expected‖ / (‖found‖ + ‖expected‖), 0 where both are nothing.

    It is taken of the whole array: an entry in which large terms cancel has no right
    digits of its own. Below 1e-15, where a gradient of 0 ends up, nothing is relative.
    """
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype == np.float64
    size = np.linalg.norm(found) + np.linalg.norm(expected)
    return np.linalg.norm(found - expected) / max(size, 1e-15)


def assert_same(gradients, expected, tolerance=TOLERANCE):
    """Fail unless as many gradients are given as expected, each within tolerance."""
    for found, right in zip(gradients, expected, strict=True):
        assert relative_error(found, right) <= tolerance


def assert_within_reach(gradients, expected, features):
    """Fail unless the gradients are right to 1e-7 of what the features allow at most.

    A gradient sums features times errors p - y. Where p is almost y, the error has few
    right digits; so compare with the sum that errors of 1 would give.
    """
    reach = np.abs(features).sum(axis=0)  # (num_features,)
    most = [reach, len(features)]
    for found, right, limit in zip(gradients, expected, most, strict=True):
        assert np.all(np.isfinite(found))
        assert np.max(np.abs(np.asarray(found) - right).T / limit) <= TOLERANCE
