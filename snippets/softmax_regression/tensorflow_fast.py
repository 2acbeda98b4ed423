"""Softmax regression in TensorFlow, the fast way: a whole epoch compiled."""

import tensorflow as tf

from snippets.softmax_regression.batches import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    SEED,
    draw_orders,
    print_epoch,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.softmax_regression.tensorflow_manual import (
    cross_entropy,
    evaluate,
    require_examples,
)


# --8<-- [start:epoch]
def step_on(batch, features, targets, weights, bias, learning_rate):
    """Return weights and bias, one step further: batch holds the examples' indices."""
    rows = tf.gather(features, batch)  # (batch, num_features)
    one_hot = tf.one_hot(tf.gather(targets, batch), NUM_CLASSES, dtype=rows.dtype)
    errors = tf.nn.softmax(rows @ weights + bias) - one_hot  # (batch, num_classes)
    rate = learning_rate / batch.shape[0]
    grad_weights = tf.matmul(rows, errors, transpose_a=True)
    return weights - rate * grad_weights, bias - rate * tf.reduce_sum(errors, axis=0)


@tf.function(jit_compile=True)  # the whole epoch becomes one piece of machine code
def run_epoch(features, targets, order, batch_size, learning_rate, weights, bias):
    """Return weights, bias, accuracy and cost after one epoch.

    Takes features (num_examples, num_features), targets (num_examples,), and order, the
    indices of the examples. A smaller last batch is compiled by itself.
    """

    def step(parameters, batch):
        return step_on(batch, features, targets, *parameters, learning_rate)

    num_full = order.shape[0] // batch_size * batch_size
    parameters = weights, bias
    if num_full:
        batches = tf.reshape(order[:num_full], (-1, batch_size))
        parameters = tf.foldl(step, batches, parameters)
    if num_full < order.shape[0]:
        parameters = step(parameters, order[num_full:])
    weights, bias = parameters
    logits = features @ weights + bias  # (num_examples, num_classes)
    hits = tf.cast(tf.argmax(logits, axis=1) == targets, logits.dtype)
    return weights, bias, tf.reduce_mean(hits), cross_entropy(logits, targets)


# --8<-- [end:epoch]


# --8<-- [start:train]
def train_fast(features, targets, orders, batch_size, learning_rate):
    """Train as train does, and print its lines; return weights and bias.

    Raises ValueError before the first step if a target is missing or out of range.
    """
    require_examples(features, targets, NUM_CLASSES)
    weights = tf.zeros((features.shape[1], NUM_CLASSES), features.dtype)
    bias = tf.zeros(NUM_CLASSES, features.dtype)
    for epoch, order in enumerate(orders, start=1):
        weights, bias, *results = run_epoch(
            features, targets, order, batch_size, learning_rate, weights, bias
        )
        print_epoch(epoch, len(orders), *map(float, results))
    return weights, bias


# --8<-- [end:train]


if __name__ == "__main__":
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    orders = draw_orders(len(X_train), 10, SEED)
    features, targets = tf.constant(X_train), tf.constant(y_train)
    test_features, test_targets = tf.constant(X_test), tf.constant(y_test)

    # --8<-- [start:run]
    fast_weights, fast_bias = train_fast(
        features, targets, orders, BATCH_SIZE, LEARNING_RATE
    )
    test_accuracy, test_cost = evaluate(
        test_features, test_targets, fast_weights, fast_bias
    )
    print(f"Test ACC: {test_accuracy:.2%} | Test cost: {test_cost:.4f}")
    # --8<-- [end:run]
