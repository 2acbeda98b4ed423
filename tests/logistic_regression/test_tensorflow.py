"""Logistic regression in TensorFlow, level by level, against NumPy and one another."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from snippets.logistic_regression import (
    tensorflow_exercises,
    tensorflow_gradient_tape,
    tensorflow_keras,
    tensorflow_manual,
    tensorflow_minibatch,
    tensorflow_unstable,
    tensorflow_use,
    tensorflow_v1,
)
from snippets.logistic_regression.minibatches import iterate_minibatches

NUM_FEATURES = 3


@pytest.fixture
def arrays():
    """Thirty examples of two overlapping classes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, NUM_FEATURES)).astype(np.float32)
    y = (X[:, 0] + rng.normal(size=30) > 0).astype(np.float32)
    return X, y


@pytest.fixture
def tensors(arrays):
    return tuple(tf.constant(array) for array in arrays)


@pytest.fixture
def parameters():
    return tf.Variable([0.5, -1.0, 2.0]), tf.Variable(0.25)


@pytest.fixture
def model():
    return tensorflow_keras.build_logistic_regression(NUM_FEATURES)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def cost_in_numpy(X, y, weights, bias):
    probas = sigmoid(X.astype(float) @ weights + bias)
    return -np.sum(y * np.log(probas) + (1 - y) * np.log(1 - probas))


def descend_in_numpy(X, y, num_epochs, learning_rate):
    weights, bias = np.zeros(X.shape[1]), 0.0
    for _ in range(num_epochs):
        errors = sigmoid(X.astype(float) @ weights + bias) - y
        weights -= learning_rate * X.T @ errors
        bias -= learning_rate * errors.sum()
    return weights, bias


def descend_on_minibatches_in_numpy(X, y, learning_rate):
    weights, bias, costs = np.zeros(X.shape[1]), 0.0, []
    for X_batch, y_batch in iterate_minibatches(X, y, batch_size=8, seed=1):
        costs.append(cost_in_numpy(X_batch, y_batch, weights, bias))
        errors = sigmoid(X_batch @ weights + bias) - y_batch
        weights -= learning_rate * X_batch.T @ errors
        bias -= learning_rate * errors.sum()
    return weights, bias, costs


def test_logits_match_numpy_and_have_shape_batch(arrays, tensors, parameters):
    logits = tensorflow_manual.predict_logits(tensors[0], *parameters)
    assert logits.shape == (30,)
    assert logits.dtype == tf.float32
    expected = arrays[0] @ np.array([0.5, -1.0, 2.0]) + 0.25
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_cross_entropy_matches_the_textbook_formula(arrays, tensors, parameters):
    logits = tensorflow_manual.predict_logits(tensors[0], *parameters)
    loss = tensorflow_manual.cross_entropy(logits, tensors[1])
    assert loss.shape == ()
    expected = cost_in_numpy(*arrays, np.array([0.5, -1.0, 2.0]), 0.25)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_stays_finite_where_probabilities_round():
    logits = tf.constant([100.0, -100.0, 200.0])
    right, wrong = tf.constant([1.0, 0.0, 1.0]), tf.constant([0.0, 1.0, 0.0])
    assert float(tensorflow_manual.cross_entropy(logits, right)) == pytest.approx(0)
    assert float(tensorflow_manual.cross_entropy(logits, wrong)) == pytest.approx(400)


@pytest.mark.parametrize("function", ["cross_entropy", "accuracy"])
def test_shapes_that_would_broadcast_are_refused(function):
    logits, targets = tf.zeros(75), tf.zeros((75, 1))
    with pytest.raises(ValueError, match=re.escape("(75,) and (75, 1)")):
        getattr(tensorflow_manual, function)(logits, targets)


def test_require_same_shape_lets_equal_shapes_pass():
    tensorflow_manual.require_same_shape(tf.zeros((4, 1)), tf.ones((4, 1)))


def test_manual_gradients_match_the_tape(tensors, parameters):
    features, targets = tensors
    with tf.GradientTape() as tape:
        logits = tensorflow_manual.predict_logits(features, *parameters)
        loss = tensorflow_manual.cross_entropy(logits, targets)
    expected = tape.gradient(loss, parameters)
    by_hand = tensorflow_manual.gradients(features, targets, logits)
    assert [tuple(grad.shape) for grad in by_hand] == [(NUM_FEATURES,), ()]
    for grad, expected_grad in zip(by_hand, expected, strict=True):
        np.testing.assert_allclose(grad, expected_grad, rtol=1e-5, atol=1e-5)


def test_accuracy_counts_a_logit_of_zero_as_class_zero():
    logits = tf.constant([-2.0, 0.0, 0.0, 3.0])
    targets = tf.constant([0.0, 0.0, 1.0, 1.0])
    result = tensorflow_manual.accuracy(logits, targets)
    assert isinstance(result, float)
    assert result == 0.75


def test_log_line_has_the_original_posts_format(capsys):
    tensorflow_manual.print_epoch(1, 74 / 75, 5.5812)
    expected = "Epoch: 001 | Train ACC: 0.987 | Cost: 5.581\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    "train",
    [tensorflow_manual.train_by_hand, tensorflow_gradient_tape.train_with_tape],
)
def test_training_descends_as_numpy_does(train, arrays, tensors, capsys):
    weights, bias, costs = train(*tensors, num_epochs=5, learning_rate=0.1)
    expected_weights, expected_bias = descend_in_numpy(*arrays, 5, 0.1)
    assert (weights.shape, bias.shape) == ((NUM_FEATURES,), ())
    np.testing.assert_allclose(weights.numpy(), expected_weights, rtol=1e-4)
    assert float(bias) == pytest.approx(expected_bias, rel=1e-4, abs=1e-5)
    lines = capsys.readouterr().out.splitlines()
    cost = cost_in_numpy(*arrays, expected_weights, expected_bias)
    assert len(lines) == len(costs) == 5
    assert costs[-1] == pytest.approx(cost, rel=1e-4)
    assert float(lines[-1].rpartition("Cost: ")[2]) == pytest.approx(cost, abs=2e-3)


def test_keras_model_returns_zero_logits_of_shape_batch_1_at_the_start(model, tensors):
    logits = model(tensors[0])
    assert logits.shape == (30, 1)
    assert not np.any(logits)


def test_keras_loss_is_the_cross_entropy_by_hand(tensors, parameters):
    logits = tensorflow_manual.predict_logits(tensors[0], *parameters)
    expected = tensorflow_manual.cross_entropy(logits, tensors[1])
    loss = tensorflow_keras.loss_fn(tensors[1][:, None], logits[:, None])
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_keras_loss_averages_where_the_batch_is_the_last_axis(tensors, parameters):
    logits = tensorflow_manual.predict_logits(tensors[0], *parameters)
    summed = tensorflow_manual.cross_entropy(logits, tensors[1])
    loss = tensorflow_keras.loss_fn(tensors[1], logits)
    np.testing.assert_allclose(loss, summed / 30, rtol=1e-5)


def test_keras_trains_and_logs_as_by_hand(model, tensors, capsys):
    features, targets = tensors
    weights, bias, _ = tensorflow_manual.train_by_hand(features, targets, 5, 0.1)
    by_hand = capsys.readouterr().out
    tensorflow_keras.train_keras(model, features, targets[:, None], 5, 0.1)
    assert capsys.readouterr().out == by_hand
    kernel, intercept = model.get_weights()
    np.testing.assert_allclose(kernel[:, 0], weights.numpy(), rtol=1e-4)
    np.testing.assert_allclose(intercept[0], bias.numpy(), rtol=1e-4, atol=1e-5)


def test_print_epoch_shows_the_cost_after_the_update(model, tensors, capsys):
    features, targets = tensors[0], tensors[1][:, None]
    model.compile(
        loss=tensorflow_keras.loss_fn,
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
    )
    callback = tensorflow_keras.PrintEpoch(features, targets)
    callback.set_model(model)
    callback.on_epoch_end(0)
    majority = 1 - float(tf.reduce_mean(targets))
    expected = f"| Train ACC: {majority:.3f} | Cost: {30 * np.log(2):.3f}\n"
    assert capsys.readouterr().out == f"Epoch: 001 {expected}"


def test_minibatch_training_updates_after_each_batch(model, arrays):
    weights, bias, expected_costs = descend_on_minibatches_in_numpy(*arrays, 0.05)
    optimizer = keras.optimizers.SGD(learning_rate=0.05)
    batches = iterate_minibatches(*arrays, batch_size=8, seed=1)
    costs = tensorflow_minibatch.train_on_minibatches(model, optimizer, batches)
    assert len(costs) == 3
    assert costs == pytest.approx(expected_costs, rel=1e-4)
    kernel, intercept = model.get_weights()
    np.testing.assert_allclose(kernel[:, 0], weights, rtol=1e-4)
    np.testing.assert_allclose(intercept[0], bias, rtol=1e-4)


def test_graph_of_tensorflow_1_trains_as_numpy_does(arrays):
    weights, bias, expected_costs = descend_on_minibatches_in_numpy(*arrays, 0.05)
    graph, variables = tensorflow_v1.build_graph(NUM_FEATURES, learning_rate=0.05)
    costs = []
    with tf.compat.v1.Session(graph=graph) as session:
        session.run(tf.compat.v1.global_variables_initializer())
        for X_batch, y_batch in iterate_minibatches(*arrays, batch_size=8, seed=1):
            feed = {"inputs:0": X_batch, "targets:0": y_batch}
            costs.append(session.run(["train", "cost:0"], feed)[1])
        found_weights, found_bias = session.run(variables)
    assert costs == pytest.approx(expected_costs, rel=1e-4)
    np.testing.assert_allclose(found_weights, weights, rtol=1e-4)
    np.testing.assert_allclose(found_bias, bias, rtol=1e-4)


def test_graph_of_tensorflow_1_starts_with_every_example_in_class_zero(arrays):
    X, y = arrays
    graph, _ = tensorflow_v1.build_graph(NUM_FEATURES, learning_rate=0.05)
    with tf.compat.v1.Session(graph=graph) as session:
        session.run(tf.compat.v1.global_variables_initializer())
        found = session.run("accuracy:0", {"inputs:0": X, "targets:0": y})
    assert found == pytest.approx(1 - y.mean())


def test_graph_of_tensorflow_1_refuses_targets_that_would_broadcast(arrays):
    X, y = arrays
    graph, _ = tensorflow_v1.build_graph(NUM_FEATURES, learning_rate=0.05)
    with (
        tf.compat.v1.Session(graph=graph) as session,
        pytest.raises(ValueError, match=re.escape("(30, 1)")),
    ):
        session.run("cost:0", {"inputs:0": X, "targets:0": y[:, None]})


def test_graph_of_tensorflow_1_leaves_eager_execution_on():
    tensorflow_v1.build_graph(NUM_FEATURES, learning_rate=0.05)
    assert tf.executing_eagerly()


def test_cost_from_probabilities_is_right_until_it_is_nan():
    targets = tf.constant([1.0, 0.0])
    unstable = tensorflow_unstable.cross_entropy_from_probas
    moderate, extreme = tf.constant([2.0, -1.0]), tf.constant([40.0, -1.0])
    expected = tensorflow_manual.cross_entropy(moderate, targets)
    np.testing.assert_allclose(unstable(moderate, targets), expected, rtol=1e-5)
    assert np.isnan(unstable(extreme, targets))
    assert np.isfinite(tensorflow_manual.cross_entropy(extreme, targets))


def test_meets_nan_tells_the_two_costs_apart():
    features, targets = tf.constant([[-30.0], [30.0]]), tf.constant([0.0, 1.0])
    from_probas = tensorflow_unstable.cross_entropy_from_probas
    from_logits = tensorflow_manual.cross_entropy
    assert tensorflow_unstable.meets_nan(from_probas, features, targets, 5, 0.1)
    assert not tensorflow_unstable.meets_nan(from_probas, features, targets, 1, 0.1)
    assert not tensorflow_unstable.meets_nan(from_logits, features, targets, 50, 0.1)


@pytest.mark.parametrize(
    ("sepals", "species"),
    [([6.0, 2.5], "Iris versicolor"), ([5.0, 3.5], "Iris setosa")],
)
def test_predict_species_standardizes_and_names_the_likelier(sepals, species):
    model = tensorflow_keras.build_logistic_regression(2)
    model.set_weights([np.array([[4.0], [-3.0]]), np.array([0.5])])
    mean, std = np.array([5.4, 3.1]), np.array([0.6, 0.4])
    versicolor = sigmoid((np.array(sepals) - mean) / std @ [4, -3] + 0.5)
    name, proba = tensorflow_use.predict_species(model, sepals, mean, std)
    assert name == species
    assert isinstance(proba, float)
    assert proba == pytest.approx(max(versicolor, 1 - versicolor), rel=1e-5)


def test_predict_species_refuses_a_third_measure():
    model = tensorflow_keras.build_logistic_regression(2)
    with pytest.raises(ValueError, match="broadcast"):
        tensorflow_use.predict_species(model, [6.0, 2.5, 1.4], np.zeros(2), np.ones(2))


@pytest.mark.parametrize("num_epochs", [1, 7])
def test_the_mean_at_n_times_the_rate_descends_as_the_sum(num_epochs, arrays, tensors):
    model = tensorflow_exercises.fit_mean(*tensors, num_epochs, learning_rate=30 * 0.02)
    weights, bias = descend_in_numpy(*arrays, num_epochs, learning_rate=0.02)
    np.testing.assert_allclose(model.get_weights()[0][:, 0], weights, atol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], [bias], atol=1e-5)
