"""Softmax regression in TensorFlow, level by level, against NumPy and one another."""

import re

import numpy as np
import pytest
import tensorflow as tf

from snippets.softmax_regression import (
    tensorflow_gradient_tape,
    tensorflow_keras,
    tensorflow_manual,
    tensorflow_pitfalls,
    tensorflow_use,
)
from snippets.softmax_regression.batches import draw_orders, split_batches

NUM_FEATURES, NUM_CLASSES = 12, 10
STEPS = [tensorflow_manual.step_by_hand, tensorflow_gradient_tape.step_with_tape]


@pytest.fixture
def arrays():
    """Fifty examples of ten classes, features (50, 12) and targets (50,)."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(50) % NUM_CLASSES)
    X = rng.normal(size=(50, NUM_FEATURES)) + y[:, None] / 5
    return X.astype(np.float32), y


@pytest.fixture
def tensors(arrays):
    return tuple(tf.constant(array) for array in arrays)


@pytest.fixture
def parameters():
    """Weights (12, 10) and bias (10,) in NumPy's float32."""
    rng = np.random.default_rng(1)
    shapes = [(NUM_FEATURES, NUM_CLASSES), (NUM_CLASSES,)]
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.fixture
def images():
    """Fifty images of 3 x 4 bytes, with their targets."""
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (50, 3, 4), dtype=np.uint8)
    return tf.constant(pixels), tf.constant(np.arange(50) % NUM_CLASSES)


@pytest.fixture
def model():
    return tensorflow_keras.build_softmax_regression(3, 4, NUM_CLASSES)


def probas_in_numpy(X, weights, bias):
    powers = np.exp(X.astype(float) @ weights + bias)
    return powers / powers.sum(axis=1, keepdims=True)


def cost_in_numpy(X, y, weights, bias):
    return -np.log(probas_in_numpy(X, weights, bias)[np.arange(len(y)), y]).mean()


def descend_in_numpy(X, y, orders, batch_size, learning_rate):
    weights, bias = np.zeros((X.shape[1], NUM_CLASSES)), np.zeros(NUM_CLASSES)
    for order in orders:
        for i in range(0, len(order), batch_size):
            X_batch, y_batch = (
                X[order[i : i + batch_size]],
                y[order[i : i + batch_size]],
            )
            probas = probas_in_numpy(X_batch, weights, bias)
            errors = (probas - np.eye(NUM_CLASSES)[y_batch]) / len(y_batch)
            weights -= learning_rate * X_batch.T @ errors
            bias -= learning_rate * errors.sum(axis=0)
    return weights, bias


def central_differences(function, array, step=1e-6):
    """Return the gradient of a function of one array, each entry moved both ways."""
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        shift = np.zeros_like(array)
        shift[index] = step
        gradient[index] = (function(array + shift) - function(array - shift)) / 2 / step
    return gradient


def test_logits_match_numpy_and_have_shape_batch_classes(arrays, tensors, parameters):
    logits = tensorflow_manual.predict_logits(tensors[0], *parameters)
    assert logits.shape == (50, NUM_CLASSES)
    assert logits.dtype == tf.float32
    expected = arrays[0].astype(float) @ parameters[0] + parameters[1]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_softmax_matches_numpy_and_sums_to_one(arrays, tensors, parameters):
    logits = tensorflow_manual.predict_logits(tensors[0], *parameters)
    probas = tensorflow_manual.softmax(logits)
    assert probas.shape == logits.shape
    expected = probas_in_numpy(arrays[0], *parameters)
    np.testing.assert_allclose(probas, expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(tf.reduce_sum(probas, axis=1), np.ones(50), rtol=1e-5)


def test_softmax_and_loss_stay_finite_for_large_logits():
    logits = tf.constant([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]])
    probas = tensorflow_manual.softmax(logits)
    np.testing.assert_allclose(probas, [[1, 0, 0], [1 / 3] * 3], rtol=1e-6)
    loss = tensorflow_manual.cross_entropy(logits, tf.constant([2, 0]))
    assert float(loss) == pytest.approx((2e4 + np.log(3)) / 2)


def test_log_sum_exp_matches_tensorflows():
    logits = 30 * np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    result = tensorflow_manual.log_sum_exp(tf.constant(logits))
    assert result.shape == (7,)
    np.testing.assert_allclose(result, tf.reduce_logsumexp(logits, axis=1), rtol=1e-5)


def test_cross_entropy_matches_numpy_and_keras(arrays, tensors, parameters):
    logits = tensorflow_manual.predict_logits(tensors[0], *parameters)
    loss = tensorflow_manual.cross_entropy(logits, tensors[1])
    assert loss.shape == ()
    assert float(loss) == pytest.approx(cost_in_numpy(*arrays, *parameters), rel=1e-5)
    keras_loss = tensorflow_keras.loss_fn(tensors[1], logits)
    assert float(loss) == pytest.approx(float(keras_loss), rel=1e-5)


def test_cross_entropy_is_log_of_the_number_of_classes_at_zero():
    loss = tensorflow_manual.cross_entropy(tf.zeros((6, 10)), tf.range(6))
    assert float(loss) == pytest.approx(np.log(10))


@pytest.mark.parametrize(
    ("logits", "targets"), [((6, 10), (5,)), ((6, 10), (6, 1)), ((6,), (6,))]
)
def test_cross_entropy_refuses_shapes_that_do_not_match(logits, targets):
    with pytest.raises(ValueError, match=re.escape(f"{logits} and {targets}")):
        tensorflow_manual.cross_entropy(tf.zeros(logits), tf.zeros(targets, tf.int64))


def test_manual_gradients_match_the_tape(tensors, parameters):
    features, targets = tensors
    variables = [tf.Variable(parameter) for parameter in parameters]
    with tf.GradientTape() as tape:
        logits = tensorflow_manual.predict_logits(features, *variables)
        loss = tensorflow_manual.cross_entropy(logits, targets)
    expected = tape.gradient(loss, variables)
    by_hand = tensorflow_manual.gradients(features, targets, logits)
    assert [tuple(x.shape) for x in by_hand] == [(NUM_FEATURES, NUM_CLASSES), (10,)]
    for grad, expected_grad in zip(by_hand, expected, strict=True):
        assert grad.dtype == tf.float32
        np.testing.assert_allclose(grad, expected_grad, rtol=1e-5, atol=1e-6)


def test_manual_gradients_match_central_differences(arrays, parameters):
    features, targets = tf.constant(arrays[0], tf.float64), tf.constant(arrays[1])
    weights, bias = (x.astype(np.float64) for x in parameters)

    def cost(weights, bias):
        logits = tensorflow_manual.predict_logits(features, weights, bias)
        return float(tensorflow_manual.cross_entropy(logits, targets))

    logits = tensorflow_manual.predict_logits(features, weights, bias)
    grads = tensorflow_manual.gradients(features, targets, logits)
    expected = [
        central_differences(lambda changed: cost(changed, bias), weights),
        central_differences(lambda changed: cost(weights, changed), bias),
    ]
    for grad, expected_grad in zip(grads, expected, strict=True):
        assert grad.dtype == tf.float64
        np.testing.assert_allclose(grad, expected_grad, rtol=0, atol=1e-8)


@pytest.mark.parametrize("step", STEPS)
def test_step_moves_the_variables_in_place(step, arrays, tensors, parameters):
    weights, bias = (tf.Variable(parameter) for parameter in parameters)
    step(*tensors, weights, bias, 0.5)
    X, y = arrays
    errors = (probas_in_numpy(X, *parameters) - np.eye(NUM_CLASSES)[y]) / len(y)
    expected = parameters[0] - 0.5 * X.T @ errors, parameters[1] - 0.5 * errors.sum(0)
    np.testing.assert_allclose(weights, expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(bias, expected[1], rtol=1e-4, atol=1e-5)


def test_accuracy_is_the_fraction_of_largest_logits_at_the_target():
    logits = tf.constant([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [-3.0, -2.0, -1.0]])
    result = tensorflow_manual.accuracy(logits, tf.constant([0, 1, 0], tf.int64))
    assert isinstance(result, float)
    assert result == pytest.approx(2 / 3)


def test_evaluate_returns_accuracy_and_mean_cost(arrays, tensors, parameters):
    result = tensorflow_manual.evaluate(*tensors, *parameters)
    hits = probas_in_numpy(arrays[0], *parameters).argmax(axis=1) == arrays[1]
    expected = hits.mean(), cost_in_numpy(*arrays, *parameters)
    assert all(isinstance(value, float) for value in result)
    assert result == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("lowest", "highest"), [(0, 11), (-1, 9)])
def test_require_examples_names_targets_out_of_range(lowest, highest):
    targets = np.array([lowest, 4, highest])
    with pytest.raises(ValueError, match=f"targets are {lowest} to {highest}, must be"):
        tensorflow_manual.require_examples(np.zeros((3, 2)), tf.constant(targets), 10)


def test_require_examples_takes_what_is_in_range_and_refuses_what_is_missing():
    targets = tf.constant(np.array([0, 4, 9]))
    tensorflow_manual.require_examples(np.zeros((3, 2)), targets, 10)
    # No example of the first class, or the last.
    many = tf.constant(np.arange(300) % 4 + 2)
    tensorflow_manual.require_examples(np.zeros((300, 2)), many, 10)
    with pytest.raises(ValueError, match="4 features but 3 targets"):
        tensorflow_manual.require_examples(np.zeros((4, 2)), targets, 10)


@pytest.mark.parametrize("bad", [-1, 10])
@pytest.mark.parametrize("step", STEPS)
def test_training_refuses_a_label_out_of_range_before_the_first_step(
    bad, step, arrays, capsys
):
    arrays[1][7] = bad
    features, targets = (tf.constant(array) for array in arrays)
    with pytest.raises(ValueError, match="must be 0 to 9"):
        tensorflow_manual.train(step, features, targets, draw_orders(50, 1, 0), 8, 0.1)
    assert capsys.readouterr().out == ""


def test_training_refuses_a_missing_target(tensors):
    features, targets = tensors
    orders = draw_orders(50, 1, 0)
    with pytest.raises(ValueError, match="50 features but 49 targets"):
        tensorflow_manual.train(STEPS[0], features, targets[1:], orders, 8, 0.1)


def test_training_refuses_a_batch_size_of_zero(tensors):
    with pytest.raises(ValueError, match="batch_size is 0"):
        tensorflow_manual.train(STEPS[0], *tensors, draw_orders(50, 1, 0), 0, 0.1)


@pytest.mark.parametrize("step", STEPS)
def test_training_descends_as_numpy_does(step, arrays, tensors, capsys):
    orders = draw_orders(50, 3, seed=5)
    weights, bias = tensorflow_manual.train(step, *tensors, orders, 8, 0.1)
    expected_weights, expected_bias = descend_in_numpy(*arrays, orders, 8, 0.1)
    np.testing.assert_allclose(weights, expected_weights, atol=1e-5)
    np.testing.assert_allclose(bias, expected_bias, atol=1e-5)
    lines = capsys.readouterr().out.splitlines()
    cost = cost_in_numpy(*arrays, expected_weights, expected_bias)
    assert len(lines) == 4
    assert lines[0] == "First cost: 2.3026"
    assert lines[3].startswith("Epoch: 003/003 | Train ACC: ")
    assert float(lines[3].rpartition("Cost: ")[2]) == pytest.approx(cost, abs=2e-4)


def test_model_returns_zero_logits_at_the_start(model):
    logits = model(tf.ones((5, 3, 4)))
    assert logits.shape == (5, NUM_CLASSES)
    assert not logits.numpy().any()


@pytest.mark.parametrize(
    "load", [tensorflow_keras.load_images, tensorflow_keras.load_batches]
)
def test_both_loaders_keep_the_order_and_the_last_batch(load, images):
    order = draw_orders(50, 1, seed=2)[0]
    loaded = list(load(images, order, 16))
    assert [len(targets) for _, targets in loaded] == [16, 16, 16, 2]
    for (pixels, targets), batch in zip(loaded, split_batches(order, 16), strict=True):
        assert pixels.shape[1:] == (3, 4)
        assert pixels.dtype == tf.float32
        expected = images[0].numpy()[batch] / np.float32(255)
        np.testing.assert_array_equal(pixels, expected)
        np.testing.assert_array_equal(targets, images[1].numpy()[batch])


def test_keras_trains_as_by_hand(images, capsys):
    orders = draw_orders(50, 3, seed=5)
    features = tf.reshape(tf.cast(images[0], tf.float32) / 255, (50, 12))
    weights, bias = tensorflow_manual.train(
        STEPS[0], features, images[1], orders, 8, 0.1
    )
    by_hand = capsys.readouterr().out
    for load in (tensorflow_keras.load_images, tensorflow_keras.load_batches):
        model = tensorflow_keras.build_softmax_regression(3, 4, NUM_CLASSES)
        tensorflow_keras.train_keras(model, load, images, orders, 8, 0.1)
        assert capsys.readouterr().out == by_hand
        np.testing.assert_allclose(model.get_weights()[0], weights, atol=1e-6)
        np.testing.assert_allclose(model.get_weights()[1], bias, atol=1e-6)


@pytest.mark.parametrize("bad", [-1, 11])
@pytest.mark.parametrize(
    "load", [tensorflow_keras.load_images, tensorflow_keras.load_batches]
)
def test_keras_refuses_a_label_out_of_range_before_the_first_step(
    load, bad, model, images, capsys
):
    targets = images[1].numpy()
    targets[43] = bad
    dataset = images[0], tf.constant(targets)
    with pytest.raises(ValueError, match=r"targets are .*, must be 0 to 9"):
        tensorflow_keras.train_keras(
            model, load, dataset, draw_orders(50, 1, 0), 8, 0.1
        )
    assert capsys.readouterr().out == ""
    assert not model.get_weights()[0].any()


def test_print_epoch_logs_one_batch_before_and_the_whole_set_after(
    model, images, capsys
):
    weights, bias = np.random.default_rng(4).normal(size=(2, 12, NUM_CLASSES))
    model.set_weights([weights, bias[0]])
    model.compile(loss=tensorflow_keras.loss_fn, metrics=["accuracy"])
    dataset = tensorflow_keras.load_batches(images, np.arange(50), 16)
    callback = tensorflow_keras.PrintEpoch(dataset)
    callback.set_model(model)
    callback.set_params({"epochs": 3})
    callback.on_train_begin()
    callback.on_epoch_end(1)
    first, line = capsys.readouterr().out.splitlines()
    X, y = images[0].numpy().reshape(50, -1) / 255, images[1].numpy()
    cost = cost_in_numpy(X[:16], y[:16], weights, bias[0])
    assert float(first.removeprefix("First cost: ")) == pytest.approx(cost, abs=2e-4)
    hits = (X @ weights + bias[0]).argmax(axis=1) == y
    start = f"Epoch: 002/003 | Train ACC: {hits.mean():.2%} | Cost: "
    cost = cost_in_numpy(X, y, weights, bias[0])
    assert line.startswith(start)
    assert float(line.removeprefix(start)) == pytest.approx(cost, abs=2e-4)


def test_time_pass_takes_every_batch():
    taken = []
    seconds = tensorflow_keras.time_pass(taken.append(x) or x for x in range(5))
    assert taken == [0, 1, 2, 3, 4]
    assert 0 <= seconds < 1


def test_largest_difference():
    one, other = tf.constant([1.0, 2.0]), tf.constant([1.5, -1.0])
    assert tensorflow_use.largest_difference(one, other) == 3.0


def test_unshifted_softmax_is_right_until_it_is_nan():
    unshifted = tensorflow_pitfalls.softmax_unshifted
    moderate, large = tf.constant([[2.0, 1.0, -3.0]]), tf.constant([[89.0, 1.0, 0.0]])
    expected = tensorflow_manual.softmax(moderate)
    np.testing.assert_allclose(unshifted(moderate), expected, rtol=1e-5)
    assert np.isnan(unshifted(large)).any()
    assert not np.isnan(unshifted(large - 1)).any()


def test_a_step_from_probabilities_is_another_and_smaller_step(tensors):
    steps = []
    for step in (STEPS[1], tensorflow_pitfalls.step_from_probas):
        weights = tf.Variable(tf.zeros((NUM_FEATURES, NUM_CLASSES)))
        step(*tensors, weights, tf.Variable(tf.zeros(NUM_CLASSES)), 0.1)
        steps.append(float(tf.norm(weights)))
    assert 0 < steps[1] < steps[0] / 5
