"""Softmax regression in TensorFlow: fast, and where it goes wrong."""

from contextlib import redirect_stdout

import numpy as np
import tensorflow as tf

from snippets.softmax_regression.data import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    SEED,
    draw_orders,
    print_epoch,
    read_mnist,
    to_features,
)
from snippets.softmax_regression.tensorflow_keras import loss_fn
from snippets.softmax_regression.tensorflow_manual import (
    cross_entropy,
    evaluate,
    log_sum_exp,
    predict_logits,
    require_examples,
    softmax,
    step_by_hand,
    train,
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


# --8<-- [start:fast_train]
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


# --8<-- [end:fast_train]


# --8<-- [start:overflow]
def softmax_unshifted(logits):
    """Return the probabilities by the textbook's formula: do not use.

    In float32, e^z is infinite from a logit of 89 on, and inf / inf is NaN.
    """
    powers = tf.exp(logits)  # (batch, num_classes)
    return powers / tf.reduce_sum(powers, axis=1, keepdims=True)


# --8<-- [end:overflow]


# --8<-- [start:from_probas]
@tf.function
def step_from_probas(features, targets, weights, bias, learning_rate):
    """Move weights and bias in place by a loss that gets probabilities: do not use."""
    with tf.GradientTape() as tape:
        probas = softmax(predict_logits(features, weights, bias))
        loss = loss_fn(targets, probas)
    grad_weights, grad_bias = tape.gradient(loss, [weights, bias])
    weights.assign_sub(learning_rate * grad_weights)
    bias.assign_sub(learning_rate * grad_bias)


# --8<-- [end:from_probas]


if __name__ == "__main__":
    train_images, y_train, *_ = read_mnist()
    X_train, best_rate = to_features(train_images), 0.5
    orders = draw_orders(len(X_train), NUM_EPOCHS, SEED)
    features, targets = tf.constant(X_train), tf.constant(y_train)
    with redirect_stdout(None):
        hand_weights, hand_bias = train(
            step_by_hand, features, targets, orders, BATCH_SIZE, LEARNING_RATE
        )

    # --8<-- [start:run_shift]
    logits = tf.constant([[3.0, 1.0, 0.0]])  # (1, num_classes)
    log_probas = logits - log_sum_exp(logits)[:, tf.newaxis]  # (1, num_classes)
    print(f"e^z of the logits sums to {tf.reduce_sum(tf.exp(logits)):.3f}")
    print(f"and of the log-probabilities to {tf.reduce_sum(tf.exp(log_probas)):.3f}")
    print("Softmax: {:.3f} {:.3f} {:.3f}".format(*softmax(logits)[0].numpy()))
    print("All + 50: {:.3f} {:.3f} {:.3f}".format(*softmax(logits + 50)[0].numpy()))
    # --8<-- [end:run_shift]

    # --8<-- [start:run_maximum]
    probas = tf.constant([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]])  # (batch, num_classes)
    values, indices = tf.reduce_max(probas, axis=1), tf.argmax(probas, axis=1)
    print("Largest probabilities: {:.1f} {:.1f}".format(*values.numpy()))
    print("Their classes: {} {}".format(*indices.numpy()))
    # --8<-- [end:run_maximum]

    # --8<-- [start:run_overflow]
    W = tf.Variable(tf.zeros((784, NUM_CLASSES)))
    b = tf.Variable(tf.zeros(NUM_CLASSES))
    pixels, labels = 255 * features[:BATCH_SIZE], targets[:BATCH_SIZE]
    step_by_hand(pixels, labels, W, b, LEARNING_RATE)
    logits = predict_logits(pixels, W, b)  # (256, 10)
    print(f"Largest logit: {float(tf.reduce_max(logits)) / 1000:.1f} thousand")
    print("NaN without the shift:", np.isnan(softmax_unshifted(logits)).any())
    print("NaN with the shift:", np.isnan(softmax(logits)).any())
    # --8<-- [end:run_overflow]

    # --8<-- [start:run_from_probas]
    logits = predict_logits(features, hand_weights, hand_bias)  # (60000, 10)
    certain = tf.one_hot(targets, NUM_CLASSES)
    print(f"From logits: {float(loss_fn(targets, logits)):.4f}")
    print(f"From probabilities: {float(loss_fn(targets, softmax(logits))):.4f}")
    print(f"At best: {float(loss_fn(targets, certain)):.4f}")
    # --8<-- [end:run_from_probas]

    # --8<-- [start:train_from_probas]
    train(step_from_probas, features, targets, orders[:1], BATCH_SIZE, LEARNING_RATE)
    # --8<-- [end:train_from_probas]

    # --8<-- [start:run_few]
    few, valid = (features[:300], targets[:300]), (features[55_000:], targets[55_000:])
    few_orders = draw_orders(300, 200, SEED)
    with redirect_stdout(None):  # not 200 lines
        fitted = train(step_by_hand, *few, few_orders, BATCH_SIZE, LEARNING_RATE)
    print(f"Train ACC: {evaluate(*few, *fitted)[0]:.2%}")
    print(f"Valid ACC: {evaluate(*valid, *fitted)[0]:.2%}")
    # --8<-- [end:run_few]

    # --8<-- [start:run_mixed]
    places = np.random.default_rng(SEED).permutation(28 * 28)
    mixed = tf.gather(features, places, axis=1)  # (60000, 784)
    train(step_by_hand, mixed, targets, orders[:1], BATCH_SIZE, LEARNING_RATE)
    # --8<-- [end:run_mixed]

    # --8<-- [start:run_tuned]
    part, part_orders = features[:55_000], draw_orders(55_000, NUM_EPOCHS, SEED)
    with redirect_stdout(None):
        tuned = train(
            step_by_hand, part, targets[:55_000], part_orders, BATCH_SIZE, best_rate
        )
    valid_logits = predict_logits(features[55_000:], *tuned)  # (5000, 10)
    valid_probas = softmax(valid_logits).numpy()
    # --8<-- [end:run_tuned]

    # --8<-- [start:run_fast]
    fast_weights, fast_bias = train_fast(
        features, targets, orders, BATCH_SIZE, LEARNING_RATE
    )
    # --8<-- [end:run_fast]
