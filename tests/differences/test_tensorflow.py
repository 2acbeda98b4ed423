"""The functions and classes that make Keras start and compute as PyTorch does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from snippets.differences.tensorflow_convolutions import BatchNormAsInPyTorch
from snippets.differences.tensorflow_data import Watch, mean_over_examples
from snippets.differences.tensorflow_layers import (
    dense_as_pytorch,
    describe_gru,
    gru_as_pytorch,
)
from snippets.differences.tensorflow_numbers import show
from snippets.differences.tensorflow_optimizers import (
    AdamAsInPyTorch,
    RMSpropAsInPyTorch,
    descend,
)
from snippets.differences.tensorflow_recurrent import (
    draw_weights,
    load_gru,
    load_lstm,
    swap_first_gates,
)

READS = []


def test_dense_starts_within_the_root_of_its_inputs():
    keras.utils.set_random_seed(0)
    kernel, bias = dense_as_pytorch(100, 50).get_weights()
    assert (kernel.shape, bias.shape) == ((100, 50), (50,))
    assert 0.099 < abs(kernel).max() <= 0.1
    assert 0.09 < abs(bias).max() <= 0.1


def test_gru_starts_within_the_root_of_its_units():
    keras.utils.set_random_seed(0)
    weights = gru_as_pytorch(20, 100).get_weights()
    assert [array.shape for array in weights] == [(20, 300), (100, 300), (2, 300)]
    for array in weights:
        assert 0.099 < abs(array).max() <= 0.1
    assert not np.array_equal(weights[0], weights[1][:20])


def test_description_of_a_gru():
    layer = gru_as_pytorch(2, 1)
    kernel, recurrent_kernel, bias = (0 * array for array in layer.get_weights())
    layer.set_weights([kernel, recurrent_kernel, bias])
    assert describe_gru(layer) == "0.00, biases 0.00, orthogonal: False"
    kernel[1, 2], recurrent_kernel[0, 1], bias[1, 0] = -0.25, 1, -0.5
    layer.set_weights([kernel, recurrent_kernel, bias])
    assert describe_gru(layer) == "0.25, biases 0.50, orthogonal: True"


def test_descent_takes_a_step_for_each_gradient():
    weight, optimizer = tf.Variable(1.0), keras.optimizers.SGD(learning_rate=0.5)
    assert descend(optimizer, weight, [1.0, -3.0]) == 2.0
    assert descend(optimizer, weight, []) == 2.0


def test_adam_follows_pytorchs_formula():
    weight, optimizer = tf.Variable(0.0), AdamAsInPyTorch(0.1, epsilon=1e-6)
    expected = mean = square = 0.0
    for t, grad in enumerate([1e-6, -2e-6, 3e-6], start=1):
        mean, square = 0.9 * mean + 0.1 * grad, 0.999 * square + 0.001 * grad**2
        root = (square / (1 - 0.999**t)) ** 0.5
        expected -= 0.1 * mean / (1 - 0.9**t) / (root + 1e-6)
        assert descend(optimizer, weight, [grad]) == pytest.approx(expected, rel=1e-4)
    assert optimizer.epsilon == 1e-6


def test_adam_takes_the_same_steps_within_a_graph():
    ends = []
    for wrap in (tf.function, lambda function: function):
        weight, optimizer = tf.Variable(0.0), AdamAsInPyTorch(0.1, epsilon=1e-6)
        optimizer.build([weight])

        @wrap
        def step(weight=weight, optimizer=optimizer):
            optimizer.apply([tf.constant(1e-6)], [weight])

        for _ in range(3):
            step()
        ends.append(weight.numpy())
    assert ends[0] == pytest.approx(ends[1], rel=1e-6)
    assert ends[0] == pytest.approx(-0.15, rel=1e-4)  # g / (|g| + epsilon) is a half


def test_rmsprop_follows_pytorchs_formula():
    weight, optimizer = tf.Variable(0.0), RMSpropAsInPyTorch(epsilon=1e-4)
    expected = square = 0.0
    for grad in [0.001, -0.002, 0.003]:
        square = 0.99 * square + 0.01 * grad**2
        expected -= 0.01 * grad / (square**0.5 + 1e-4)
        assert descend(optimizer, weight, [grad]) == pytest.approx(expected, rel=1e-5)


def test_rmsprop_has_pytorchs_defaults():
    optimizer = RMSpropAsInPyTorch()
    assert float(optimizer.learning_rate) == pytest.approx(0.01)
    assert (optimizer.rho, optimizer.epsilon) == (0.99, 1e-8)


@pytest.mark.parametrize("shape", [(6, 2), (2, 3, 4, 2)])
def test_moving_variance_divides_by_one_less(shape):
    features = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    norm = BatchNormAsInPyTorch(momentum=0.75)
    outputs = norm(features, training=True)
    assert outputs.shape == shape
    axes = tuple(range(len(shape) - 1))
    expected = 0.75 + 0.25 * features.var(axes, ddof=1)
    np.testing.assert_allclose(norm.moving_variance, expected, rtol=1e-5)
    np.testing.assert_allclose(norm.moving_mean, 0.25 * features.mean(axes), rtol=1e-4)


def test_averages_move_in_training_only():
    norm = BatchNormAsInPyTorch()
    norm(tf.constant([[1.0], [3.0]]))
    norm.trainable = False
    norm(tf.constant([[1.0], [3.0]]), training=True)
    assert norm.moving_variance.numpy() == [1]


def test_one_value_has_no_variance():
    norm = BatchNormAsInPyTorch()
    with pytest.raises(tf.errors.InvalidArgumentError, match="has no variance"):
        norm(tf.constant([[1.0, 2.0]]), training=True)
    assert norm.moving_variance.numpy().tolist() == [1, 1]
    assert np.isfinite(norm(tf.constant([[1.0, 2.0]]))).all()


def test_drawn_weights_have_the_shapes_of_the_layers():
    arrays = draw_weights(4, 3, 2)
    assert [array.shape for array in arrays] == [(8, 3), (8, 2), (8,), (8,)]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    assert all(map(np.array_equal, arrays, draw_weights(4, 3, 2)))


def test_first_gates_change_places():
    array = np.arange(12).reshape(6, 2)
    swapped = swap_first_gates(array)
    assert swapped[:, 0].tolist() == [4, 6, 0, 2, 8, 10]
    np.testing.assert_array_equal(swap_first_gates(swapped), array)
    with pytest.raises(ValueError, match="equal division"):
        swap_first_gates(array[:5])


def test_loaded_gru_has_the_update_gate_first():
    layer, arrays = gru_as_pytorch(3, 1), draw_weights(3, 3, 1)
    load_gru(layer, arrays)
    kernel, recurrent_kernel, bias = layer.get_weights()
    for found, array in zip([kernel.T, recurrent_kernel.T, *bias], arrays, strict=True):
        np.testing.assert_array_equal(found, array[[1, 0, 2]])
    with pytest.raises(ValueError, match="shape"):
        load_gru(layer, draw_weights(3, 2, 1))


def test_loaded_lstm_has_the_sum_of_the_biases():
    layer, arrays = keras.layers.LSTM(2), draw_weights(4, 3, 2)
    layer.build((None, None, 3))
    load_lstm(layer, arrays)
    kernel, recurrent_kernel, bias = layer.get_weights()
    np.testing.assert_array_equal(kernel.T, arrays[0])
    np.testing.assert_array_equal(recurrent_kernel.T, arrays[1])
    np.testing.assert_array_equal(bias, arrays[2] + arrays[3])


def test_watched_examples_are_those_of_fit():
    model = Watch()
    model.batches = []
    model.compile(run_eagerly=True)
    model.fit(np.arange(5), batch_size=2, shuffle=False, verbose=0)
    assert model.batches == [[0, 1], [2, 3], [4]]


def test_shown_values_and_type():
    assert show(tf.constant([1, 2])) == "[1, 2] int32"
    assert show(tf.constant(0.5, tf.float64)) == "0.5 float64"


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5])
def test_mean_does_not_hang_on_the_batches(batch_size):
    losses = np.array([1.0, 2.0, 3.0, 10.0], np.float32)
    assert mean_over_examples(losses, batch_size) == pytest.approx(4)


def test_mean_of_no_example_is_refused() -> None:
    with pytest.raises(ValueError, match="losses are empty"):
        mean_over_examples(np.zeros(0, "float32"), 4)
