"""Each gradient and each cell by hand in TensorFlow, against tape and differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st

from snippets.character_rnn import tensorflow_cells as cells
from snippets.character_rnn.weights import gru_to_keras
from snippets.softmax_regression import tensorflow_manual as softmax
from tests.gradients import (
    assert_same,
    assert_within_reach,
    central_differences,
    exact_gradients,
    examples,
    few,
    make_examples,
    make_recurrence,
    many,
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


def by_hand(model, case):
    """Return the gradients that a chapter derived by hand."""
    features, targets, weights, bias = map(tf.constant, case)
    logits = model.predict_logits(features, weights, bias)
    return [grad.numpy() for grad in model.gradients(features, targets, logits)]


def cost_of(model, case):
    """Return a chapter's cost, as a function of weights and bias."""
    features, targets = map(tf.constant, case[:2])

    def cost(weights, bias):
        logits = model.predict_logits(features, weights, bias)
        return model.cross_entropy(logits, targets)

    return cost


def check_by_differences(model, case):
    found, cost, parameters = by_hand(model, case), cost_of(model, case), case[2:]
    assert_same(found, exact_gradients(*case))
    assert_same(found, by_tape(cost, parameters))
    assert_same(found, by_differences(cost, parameters))


def check_within_reach(model, case):
    found = by_hand(model, case)
    assert_within_reach(found, exact_gradients(*case), case.features)
    assert_within_reach(found, by_tape(cost_of(model, case), case[2:]), case.features)


@many
@given(case=examples(num_classes=st.integers(1, 5), largest=0.9))
@example(case=make_examples(3, 2, num_classes=1, scale=1, size=1, seed=0))
@example(case=make_examples(1, 1, num_classes=4, scale=1, size=1, seed=0))
def test_gradient_of_softmax_regression(case):
    check_by_differences(softmax, case)


@many
@given(case=examples(num_classes=st.integers(1, 5), largest=4))
def test_gradient_of_softmax_regression_at_any_logit(case):
    check_within_reach(softmax, case)


def test_empty_batch_is_refused():
    features, logits, targets = (
        tf.zeros((0, 3)),
        tf.zeros((0, 2)),
        tf.zeros(0, tf.int64),
    )
    with pytest.raises(ValueError, match="the batch is empty"):
        softmax.cross_entropy(logits, targets)
    with pytest.raises(ValueError, match="the batch is empty"):
        softmax.gradients(features, targets, logits)


def test_targets_in_a_column_have_no_gradient():
    features, column = tf.zeros((3, 2)), tf.zeros((3, 1))
    with pytest.raises(ValueError, match="do not match in shape"):
        softmax.gradients(features, column, column)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradient_of_softmax_regression_is_right_at_logits_of_ten_thousand(dtype):
    signs = tf.constant([[1, -1], [-1, 1], [1, 1], [-1, -1]], dtype)
    logits, targets = 1e4 * signs, tf.constant([0, 0, 1, 1])
    features = tf.constant([[1], [2], [3], [5]], dtype)
    errors = np.array([[0, 0], [-1, 1], [0.5, -0.5], [0.5, -0.5]]) / 4
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = softmax.cross_entropy(logits, targets)
    assert float(loss) == pytest.approx((2e4 + 2 * np.log(2)) / 4)
    np.testing.assert_allclose(tape.gradient(loss, logits), errors, rtol=0, atol=1e-7)
    by_weights, by_bias = softmax.gradients(features, targets, logits)
    assert by_weights.dtype == by_bias.dtype == dtype
    assert by_weights.numpy().tolist() == [[0.5, -0.5]]
    assert by_bias.numpy().tolist() == [0, 0]


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
