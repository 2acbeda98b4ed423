"""Logistic regression in TensorFlow, trained on mini-batches."""

import keras
import tensorflow as tf

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.minibatches import (
    iterate_minibatches,
    print_minibatch_epoch,
)
from snippets.logistic_regression.tensorflow_keras import (
    build_logistic_regression,
    loss_fn,
)
from snippets.logistic_regression.tensorflow_manual import accuracy


# --8<-- [start:train]
def train_on_minibatches(model, optimizer, batches):
    """Update the model after each NumPy batch; return the batches' costs."""
    costs = []
    for X_batch, y_batch in batches:
        features = tf.constant(X_batch, dtype=tf.float32)
        targets = tf.constant(y_batch, dtype=tf.float32)[:, tf.newaxis]  # (batch, 1)
        with tf.GradientTape() as tape:
            loss = loss_fn(targets, model(features))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads, model.trainable_variables)
        costs.append(float(loss))
    return costs


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = tf.constant(X_train, dtype=tf.float32)
    targets = tf.constant(y_train, dtype=tf.float32)
    test_features = tf.constant(X_test, dtype=tf.float32)
    test_targets = tf.constant(y_test, dtype=tf.float32)

    # --8<-- [start:run]
    minibatch_model = build_logistic_regression(num_features=2)
    optimizer = keras.optimizers.SGD(learning_rate=0.05)
    costs, divisor = [], 1
    for epoch in range(15):
        train_accuracy = accuracy(minibatch_model(features)[:, 0], targets)
        test_accuracy = accuracy(minibatch_model(test_features)[:, 0], test_targets)
        print_minibatch_epoch(epoch, costs, divisor, train_accuracy, test_accuracy)
        batches = iterate_minibatches(X_train, y_train, batch_size=10, seed=123)
        costs = train_on_minibatches(minibatch_model, optimizer, batches)
        divisor += len(costs)
    kernel, intercept = minibatch_model.get_weights()  # (2, 1), (1,)
    print("Weights: {:.4f} {:.4f}".format(*kernel[:, 0].tolist()))
    print(f"Bias: {intercept.item():.4f}")
    # --8<-- [end:run]
