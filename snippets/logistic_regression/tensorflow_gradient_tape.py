"""Logistic regression in TensorFlow, with the gradient tape's gradients."""

import tensorflow as tf

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.tensorflow_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    accuracy,
    cross_entropy,
    predict_logits,
    print_epoch,
)


# --8<-- [start:train]
def train_with_tape(features, targets, num_epochs, learning_rate):
    """Descend the tape's gradient from zero; return weights, bias and the costs."""
    weights = tf.Variable(tf.zeros(features.shape[1]))
    bias = tf.Variable(tf.zeros(()))
    costs = []
    for epoch in range(1, num_epochs + 1):
        with tf.GradientTape() as tape:  # only the loss is recorded
            loss = cross_entropy(predict_logits(features, weights, bias), targets)
        grad_weights, grad_bias = tape.gradient(loss, [weights, bias])
        weights.assign_sub(learning_rate * grad_weights)
        bias.assign_sub(learning_rate * grad_bias)
        logits = predict_logits(features, weights, bias)
        cost = float(cross_entropy(logits, targets))
        costs.append(cost)
        print_epoch(epoch, accuracy(logits, targets), cost)
    return weights, bias, costs


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = tf.constant(X_train, dtype=tf.float32)
    targets = tf.constant(y_train, dtype=tf.float32)
    test_features = tf.constant(X_test, dtype=tf.float32)
    test_targets = tf.constant(y_test, dtype=tf.float32)

    # --8<-- [start:run]
    weights, bias, costs = train_with_tape(features, targets, NUM_EPOCHS, LEARNING_RATE)
    test_logits = predict_logits(test_features, weights, bias)  # (25,)
    print("Weights: {:.4f} {:.4f}".format(*weights.numpy().tolist()))
    print(f"Bias: {float(bias):.4f}")
    print(f"Test accuracy: {accuracy(test_logits, test_targets):.2%}")
    # --8<-- [end:run]
