"""Logistic regression in TensorFlow, the fast way: the whole run compiled."""

import tensorflow as tf

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.tensorflow_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    accuracy,
    predict_logits,
    print_epoch,
    require_same_shape,
)


# --8<-- [start:signed]
def signed_rows(features, targets):
    """Return a row (features, 1) per example, negated where its target is 1.

    Takes features (batch, num_features) and targets (batch,), returns (batch,
    num_features + 1). Each target must be 0 or 1.
    """
    rows = tf.concat([features, tf.ones_like(features[:, :1])], axis=1)
    return (1 - 2 * targets)[:, tf.newaxis] * rows


# --8<-- [end:signed]


# --8<-- [start:descend]
@tf.function(jit_compile=True)  # the whole loop becomes one piece of machine code
def descend(features, targets, num_epochs, learning_rate):
    """Descend the gradient from zero.

    Returns weights and bias in one row, before training and after each epoch:
    (num_epochs + 1, num_features + 1).
    """
    rows = signed_rows(features, targets)  # (batch, num_features + 1)
    now = tf.zeros(rows.shape[1], rows.dtype)
    parameters = tf.TensorArray(rows.dtype, num_epochs + 1).write(0, now)
    for epoch in tf.range(num_epochs):
        probas = tf.sigmoid(tf.linalg.matvec(rows, now))  # of the wrong class: (batch,)
        now -= learning_rate * tf.linalg.matvec(rows, probas, transpose_a=True)
        parameters = parameters.write(epoch + 1, now)
    return parameters.stack()


# --8<-- [end:descend]


# --8<-- [start:measure]
def measure(parameters, features, targets):
    """Return accuracy and cost (num_epochs,) of each of parameters' rows."""
    logits = tf.matmul(parameters[:, :-1], features, transpose_b=True)
    logits += parameters[:, -1:]  # (num_epochs, batch)
    hits = tf.cast((logits > 0) == (targets > 0.5), logits.dtype)
    losses = tf.math.softplus(logits) - targets * logits
    return tf.reduce_mean(hits, axis=1), tf.reduce_sum(losses, axis=1)


# --8<-- [end:measure]


# --8<-- [start:train]
@tf.function(jit_compile=True)
def descend_and_measure(features, targets, num_epochs, learning_rate):
    """Return all parameters, accuracies and costs, from one compiled function."""
    parameters = descend(features, targets, num_epochs, learning_rate)
    return parameters, *measure(parameters[1:], features, targets)


def train_fast(features, targets, num_epochs, learning_rate):
    """Train first, measure and print all epochs then; return weights, bias, costs.

    Raises ValueError if a target is not 0 or 1, or if lengths differ.
    """
    require_same_shape(features[:, 0], targets)
    if not set(targets.numpy()) <= {0.0, 1.0}:
        raise ValueError("a target is neither 0 nor 1")
    found = descend_and_measure(features, targets, num_epochs, learning_rate)
    parameters, accuracies, costs = (x.numpy() for x in found)
    results = list(zip(accuracies.tolist(), costs.tolist(), strict=True))
    for epoch, (train_accuracy, cost) in enumerate(results, start=1):
        print_epoch(epoch, train_accuracy, cost)
    return parameters[-1, :-1], parameters[-1, -1], [cost for _, cost in results]


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = tf.constant(X_train, dtype=tf.float32)
    targets = tf.constant(y_train, dtype=tf.float32)
    test_features = tf.constant(X_test, dtype=tf.float32)
    test_targets = tf.constant(y_test, dtype=tf.float32)

    # --8<-- [start:run]
    fast_weights, fast_bias, fast_costs = train_fast(
        features, targets, NUM_EPOCHS, LEARNING_RATE
    )
    test_logits = predict_logits(test_features, fast_weights, fast_bias)  # (25,)
    print("Weights: {:.4f} {:.4f}".format(*fast_weights.tolist()))
    print(f"Bias: {float(fast_bias):.4f}")
    print(f"Test accuracy: {accuracy(test_logits, test_targets):.2%}")
    # --8<-- [end:run]
