"""Logistic regression in TensorFlow, the fast way: the whole run compiled."""

import tensorflow as tf

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.tensorflow_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    accuracy,
    predict_logits,
    print_epoch,
)


# --8<-- [start:signed]
def signed_rows(features, targets):
    """Return a row (features, 1) per example, negated where its target is 1.

    Takes features (batch, num_features) and targets (batch,), returns (batch,
    num_features + 1). Raises ValueError if a target is not 0 or 1, or is missing, or
    if there is none.
    """
    if features.shape[:1] != targets.shape or not len(targets):
        raise ValueError(f"{len(features)} features, targets {tuple(targets.shape)}")
    if not tf.reduce_all(targets * targets == targets):
        raise ValueError("a target is neither 0 nor 1")
    signs = (1 - 2 * targets)[:, tf.newaxis]  # (batch, 1)
    return tf.concat([signs * features, signs], axis=1)


# --8<-- [end:signed]


# --8<-- [start:descend]
@tf.function(jit_compile=True)  # the whole loop becomes one piece of machine code
def descend(rows, num_epochs, learning_rate):
    """Descend the gradient from zero, on signed rows (batch, num_features + 1).

    Returns weights and bias in one row, before training and after each epoch:
    (num_epochs + 1, num_features + 1).
    """

    def step(now, _):
        probas = tf.sigmoid(tf.linalg.matvec(rows, now))  # of the wrong class: (batch,)
        return now - learning_rate * tf.linalg.matvec(rows, probas, transpose_a=True)

    start = tf.zeros(rows.shape[1], rows.dtype)
    later = tf.scan(step, tf.range(num_epochs), start)  # (num_epochs, num_features + 1)
    return tf.concat([start[tf.newaxis], later], axis=0)


# --8<-- [end:descend]


# --8<-- [start:measure]
def measure(parameters, rows):
    """Return accuracy and cost (num_epochs,) of each of parameters' rows."""
    wrong_logits = tf.matmul(parameters, rows, transpose_b=True)  # (num_epochs, batch)
    signs = rows[:, -1]
    hits = (signs * wrong_logits > 0) == (signs < 0)  # as for logits and targets
    costs = tf.reduce_sum(tf.math.softplus(wrong_logits), axis=1)
    return tf.reduce_mean(tf.cast(hits, rows.dtype), axis=1), costs


# --8<-- [end:measure]


# --8<-- [start:train]
@tf.function(jit_compile=True)
def descend_and_measure(rows, num_epochs, learning_rate):
    """Return parameters, accuracies and costs: the columns, a row for each epoch."""
    parameters = descend(rows, num_epochs, learning_rate)[1:]
    results = tf.stack(measure(parameters, rows), axis=1)  # (num_epochs, 2)
    return tf.concat([parameters, results], axis=1)


def train_fast(rows, num_epochs, learning_rate):
    """Train on signed rows first; measure and print all epochs afterwards.

    Returns weights, bias and the costs.
    """
    found = descend_and_measure(rows, num_epochs, learning_rate).numpy()
    *parameters, accuracies, costs = found.T.tolist()
    for epoch in range(num_epochs):
        print_epoch(epoch + 1, accuracies[epoch], costs[epoch])
    *weights, bias = (column[-1] for column in parameters)
    return weights, bias, costs


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = tf.constant(X_train, dtype=tf.float32)
    targets = tf.constant(y_train, dtype=tf.float32)
    test_features = tf.constant(X_test, dtype=tf.float32)
    test_targets = tf.constant(y_test, dtype=tf.float32)

    # --8<-- [start:run]
    rows = signed_rows(features, targets)  # (75, 3)
    fast_weights, fast_bias, fast_costs = train_fast(rows, NUM_EPOCHS, LEARNING_RATE)
    test_logits = predict_logits(test_features, fast_weights, fast_bias)  # (25,)
    print("Weights: {:.4f} {:.4f}".format(*fast_weights))
    print(f"Bias: {fast_bias:.4f}")
    print(f"Test accuracy: {accuracy(test_logits, test_targets):.2%}")
    # --8<-- [end:run]
