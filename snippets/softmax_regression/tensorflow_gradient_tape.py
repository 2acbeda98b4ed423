"""Softmax regression in TensorFlow, with the gradient tape's gradient."""

import tensorflow as tf

from snippets.softmax_regression.batches import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_EPOCHS,
    SEED,
    draw_orders,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.softmax_regression.tensorflow_manual import (
    cross_entropy,
    evaluate,
    predict_logits,
    train,
)


# --8<-- [start:step]
@tf.function  # traced once per batch size, then run as a graph
def step_with_tape(features, targets, weights, bias, learning_rate):
    """Move weights and bias in place, one step down the tape's gradient."""
    with tf.GradientTape() as tape:  # only the loss is recorded
        loss = cross_entropy(predict_logits(features, weights, bias), targets)
    grad_weights, grad_bias = tape.gradient(loss, [weights, bias])
    weights.assign_sub(learning_rate * grad_weights)
    bias.assign_sub(learning_rate * grad_bias)


# --8<-- [end:step]


if __name__ == "__main__":
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    orders = draw_orders(len(X_train), NUM_EPOCHS, SEED)
    features, targets = tf.constant(X_train), tf.constant(y_train)
    test_features, test_targets = tf.constant(X_test), tf.constant(y_test)

    # --8<-- [start:run]
    auto_weights, auto_bias = train(
        step_with_tape, features, targets, orders, BATCH_SIZE, LEARNING_RATE
    )
    test_accuracy, test_cost = evaluate(
        test_features, test_targets, auto_weights, auto_bias
    )
    print(f"Test ACC: {test_accuracy:.2%} | Test cost: {test_cost:.4f}")
    # --8<-- [end:run]
