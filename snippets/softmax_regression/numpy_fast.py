"""Softmax regression in NumPy alone: the floor that the frameworks are held against."""

import numpy as np

from snippets.softmax_regression.batches import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    SEED,
    draw_orders,
    print_epoch,
    split_batches,
)
from snippets.softmax_regression.data import read_mnist, to_features


# --8<-- [start:epoch]
def errors_in_numpy(logits, one_hot):
    """Turn logits into probabilities less targets, in place: (batch, num_classes)."""
    logits -= logits.max(axis=1, keepdims=True)  # no power can overflow
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    logits -= one_hot
    return logits


def run_epoch_in_numpy(
    features, one_hot, order, batch_size, learning_rate, weights, bias
):
    """Move weights and bias in place, a step for each batch of one epoch's order."""
    rows = np.empty((batch_size, features.shape[1]), features.dtype)
    for batch in split_batches(order, batch_size):
        taken = np.take(features, batch, axis=0, out=rows[: len(batch)], mode="clip")
        errors = errors_in_numpy(taken @ weights + bias, one_hot[batch])
        errors *= learning_rate / len(batch)
        weights -= taken.T @ errors
        bias -= errors.sum(axis=0)


# --8<-- [end:epoch]


# --8<-- [start:train]
def evaluate_in_numpy(features, targets, weights, bias):
    """Return the accuracy and the mean cross-entropy, as floats."""
    logits = features @ weights + bias  # (num_examples, num_classes)
    hits = logits.argmax(axis=1) == targets
    logits -= logits.max(axis=1, keepdims=True)
    target_logits = np.take_along_axis(logits, targets[:, None], axis=1)[:, 0]
    log_sums = np.log(np.exp(logits).sum(axis=1))  # (num_examples,)
    return float(hits.mean()), float((log_sums - target_logits).mean())


def train_in_numpy(features, targets, orders, batch_size, learning_rate):
    """Train and print a line for each epoch; return weights and bias.

    Raises ValueError before the first step if a target is missing or out of range.
    """
    if len(features) != len(targets) or not len(targets):
        raise ValueError(f"{len(features)} features, {len(targets)} targets")
    if targets.min() < 0 or targets.max() >= NUM_CLASSES:
        raise ValueError(f"targets must be 0 to {NUM_CLASSES - 1}")
    one_hot = np.eye(NUM_CLASSES, dtype=features.dtype)[targets]
    weights = np.zeros((features.shape[1], NUM_CLASSES), features.dtype)
    bias = np.zeros(NUM_CLASSES, features.dtype)
    for epoch, order in enumerate(orders, start=1):
        run_epoch_in_numpy(
            features, one_hot, order, batch_size, learning_rate, weights, bias
        )
        results = evaluate_in_numpy(features, targets, weights, bias)
        print_epoch(epoch, len(orders), *results)
    return weights, bias


# --8<-- [end:train]


if __name__ == "__main__":
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    orders = draw_orders(len(X_train), 10, SEED)

    # --8<-- [start:run]
    numpy_weights, numpy_bias = train_in_numpy(
        X_train, y_train, orders, BATCH_SIZE, LEARNING_RATE
    )
    # --8<-- [end:run]
