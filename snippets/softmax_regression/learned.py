"""A softmax regression in NumPy, for the modules that look at what was learned.

No page shows it: there, the arrays come from the framework's own model.
"""

import numpy as np

from snippets.softmax_regression.batches import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    SEED,
    draw_orders,
    split_batches,
)
from snippets.softmax_regression.data import read_mnist, to_features


def softmax(logits):
    """Return the probabilities of logits, both (batch, num_classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def learn(folder="data", num_epochs=NUM_EPOCHS):
    """Train; return y_test, and weight_images, test_logits, test_probas in NumPy."""
    train_images, y_train, test_images, y_test = read_mnist(folder)
    features, one_hot = (
        to_features(train_images),
        np.eye(NUM_CLASSES, dtype=np.float32)[y_train],
    )
    weights = np.zeros((features.shape[1], NUM_CLASSES), np.float32)
    bias = np.zeros(NUM_CLASSES, np.float32)
    for order in draw_orders(len(features), num_epochs, SEED):
        for batch in split_batches(order, BATCH_SIZE):
            probas = softmax(features[batch] @ weights + bias)
            errors = (probas - one_hot[batch]) / len(batch)
            weights -= LEARNING_RATE * features[batch].T @ errors
            bias -= LEARNING_RATE * errors.sum(axis=0)
    test_logits = to_features(test_images) @ weights + bias
    weight_images = weights.T.reshape(NUM_CLASSES, *train_images.shape[1:])
    return y_test, weight_images, test_logits, softmax(test_logits)
