"""Each gradient and each cell by hand in TensorFlow, against tape and differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from snippets.character_rnn import tensorflow_cells as cells
from snippets.character_rnn.weights import gru_to_keras
from tests.gradients import (
    assert_same,
    central_differences,
    few,
    make_recurrence,
    recurrences,
)

DTYPES = [tf.float32, tf.float64]
CELLS = [(cells.rnn_cell, 1), (cells.gru_cell, 3), (cells.gru_cell_reset_before, 3)]


def by_tape(function, arrays):
    """Return the gradients of a function of several tensors, in NumPy."""
    tensors = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    return [grad.numpy() for grad in tape.gradient(value, tensors)]


def by_differences(function, arrays):
    """Return the central differences of the same function."""
    return central_differences(lambda *x: function(*map(tf.constant, x)), arrays)


@pytest.mark.parametrize(("cell", "num_gates"), CELLS)
@few
@given(data=st.data())
def test_gradient_through_a_cell(cell, num_gates, data):
    case = data.draw(recurrences(num_gates))
    arguments = [case.features[:, 0], case.hidden, *case.weights]
    slopes = tf.constant(case.slopes[:, 0])

    def cost(*arguments):
        return tf.reduce_sum(cell(*arguments) * slopes)

    assert_same(by_tape(cost, arguments), by_differences(cost, arguments))


@pytest.mark.parametrize(("cell", "num_gates"), CELLS)
def test_cell_maps_no_rows_to_no_rows(cell, num_gates):
    case = make_recurrence(1, 2, 3, 4, num_gates, scale=1, seed=0)
    features, hidden = case.features[:0], case.hidden[:0]
    assert cell(features[:, 0], hidden, *case.weights).shape == (0, 4)

    def total(*weights):
        states = cells.unroll(cell, features, 4, weights)
        assert states.shape == (0, 2, 4)
        return tf.reduce_sum(states)

    for grad in by_tape(total, case.weights):
        np.testing.assert_array_equal(grad, np.zeros_like(grad))


@pytest.mark.parametrize(("cell", "num_gates"), CELLS)
@few
@given(data=st.data())
def test_gradient_back_through_time(cell, num_gates, data):
    case = data.draw(recurrences(num_gates))
    arguments, slopes = [case.features, *case.weights], tf.constant(case.slopes)

    def cost(features, *weights):
        states = cells.unroll(cell, features, slopes.shape[2], weights)
        return tf.reduce_sum(states * slopes)

    assert_same(by_tape(cost, arguments), by_differences(cost, arguments))


@pytest.mark.parametrize(
    ("cell", "num_gates", "library"),
    [
        (cells.rnn_cell, 1, keras.layers.SimpleRNN),
        (cells.gru_cell, 3, keras.layers.GRU),
    ],
)
@few
@given(data=st.data())
def test_states_and_gradient_are_the_librarys(cell, num_gates, library, data):
    case = data.draw(recurrences(num_gates))
    num_hidden = case.hidden.shape[1]
    layer = library(num_hidden, return_sequences=True, dtype="float64")
    layer = cells.load_recurrent_layer(layer, case.weights)
    features, slopes = tf.constant(case.features), tf.constant(case.slopes)
    variables = [variable.value for variable in layer.trainable_variables]
    with tf.GradientTape() as tape:
        expected = layer(features)
        cost = tf.reduce_sum(expected * slopes)

    def states(*weights):
        return cells.unroll(cell, features, num_hidden, weights)

    assert_same([states(*map(tf.constant, case.weights))], [expected])
    grads = by_tape(lambda *x: tf.reduce_sum(states(*x) * slopes), case.weights)
    if num_gates == 3:
        grads = gru_to_keras(*grads)
    else:  # one bias: the slope along either of ours is the slope along their sum
        grads = [grads[0].T, grads[1].T, grads[2]]
    assert_same(grads, tape.gradient(cost, variables))


@few
@given(case=recurrences(num_gates=1))
def test_slope_of_the_plain_cell_is_the_one_in_the_text(case):
    weights = list(map(tf.constant, case.weights))
    features, hidden = tf.constant(case.features[0, :1]), tf.constant(case.hidden[:1])
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        state = cells.rnn_cell(features, hidden, *weights)[0]  # tanh(a)
    found = tape.jacobian(state, hidden)[:, 0]  # (num_hidden, num_hidden)
    assert_same([found], [(1 - state**2)[:, None] * weights[1]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("cell", "num_gates"), CELLS)
def test_cells_are_exact_where_every_gate_is_open_or_shut(cell, num_gates, dtype):
    rng, units = np.random.default_rng(0), 2 * num_gates
    signs = rng.choice([-1.0, 1.0], (8, units))
    kept = signs[:, 2:4] > 0 if num_gates == 3 else np.full((8, 2), False)
    shapes = [(8, 2), (units, 2), (units,), (units,)]
    features, hidden, weight_hh, bias_ih, bias_hh = (
        tf.constant(array, dtype)
        for array in [signs, *map(rng.standard_normal, shapes)]
    )
    weight_ih = 1e4 * tf.eye(units, dtype=dtype)
    with tf.GradientTape() as tape:
        tape.watch([features, hidden])
        state = cell(features, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    by_features, by_hidden = tape.gradient(state, [features, hidden])
    expected = np.where(kept, hidden, signs[:, -2:])
    np.testing.assert_array_equal(state, expected)
    np.testing.assert_array_equal(by_features, np.zeros((8, units)))
    np.testing.assert_array_equal(by_hidden, kept)
