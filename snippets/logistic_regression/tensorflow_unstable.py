"""Logistic regression in TensorFlow, with a cost that turns into NaN."""

import tensorflow as tf

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.tensorflow_manual import (
    LEARNING_RATE,
    cross_entropy,
    predict_logits,
)


# --8<-- [start:loss]
def cross_entropy_from_probas(logits, targets):
    """Return the cross-entropy of 0/1 targets in the textbook's form: do not use.

    From a logit of about 17 on, float32 rounds the probability to 1, and the second
    term becomes 0 * log(0), which is NaN.
    """
    probas = tf.sigmoid(logits)  # (batch,)
    losses = -targets * tf.math.log(probas) - (1 - targets) * tf.math.log(1 - probas)
    return tf.reduce_sum(losses)


# --8<-- [end:loss]


# --8<-- [start:train]
def meets_nan(cost_fn, features, targets, num_epochs, learning_rate):
    """Return whether training with cost_fn meets a cost of NaN within num_epochs."""
    weights = tf.Variable(tf.zeros(features.shape[1]))
    bias = tf.Variable(tf.zeros(()))
    for _ in range(num_epochs):
        with tf.GradientTape() as tape:
            cost = cost_fn(predict_logits(features, weights, bias), targets)
        if tf.math.is_nan(cost):
            return True
        grad_weights, grad_bias = tape.gradient(cost, [weights, bias])
        weights.assign_sub(learning_rate * grad_weights)
        bias.assign_sub(learning_rate * grad_bias)
    return False


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = tf.constant(X_train, dtype=tf.float32)
    targets = tf.constant(y_train, dtype=tf.float32)

    # --8<-- [start:run]
    cost_fns = {"probabilities": cross_entropy_from_probas, "logits": cross_entropy}
    for form, cost_fn in cost_fns.items():
        found = meets_nan(cost_fn, features, targets, 100, LEARNING_RATE)
        print(f"Cost from {form}: {'NaN' if found else 'no NaN'} before epoch 100")
    # --8<-- [end:run]
