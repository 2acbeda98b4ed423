"""The multilayer perceptron in TensorFlow, as fast as it gets with the same numbers."""

import tensorflow as tf

from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.tensorflow_manual import (
    accuracy,
    backward,
    cross_entropy,
    forward,
    to_tensors,
    to_variables,
)
from snippets.multilayer_perceptron.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    NUM_HIDDEN,
    SEED,
    draw_batches,
    draw_params,
    print_log,
)


# --8<-- [start:epoch]
@tf.function(jit_compile=True)  # the whole epoch becomes one piece of machine code
def run_epoch(features, targets, batches, params):
    """Return the parameters after a step for each row of batches (steps, batch).

    Takes features (num_examples, num_features), targets (num_examples,).
    """

    def step(params, batch):
        X, y = tf.gather(features, batch), tf.gather(targets, batch)
        grads = backward(X, y, params)
        pairs = zip(params, grads, strict=True)
        return [param - LEARNING_RATE * grad for param, grad in pairs]

    return tf.foldl(step, batches, params)


# --8<-- [end:epoch]


# --8<-- [start:train]
def train_fast(params, train_data, valid_data):
    """Train as train does: move the parameters in place, return the same history."""
    features, targets = train_data
    history = []
    for batches in draw_batches(len(targets), NUM_EPOCHS, BATCH_SIZE, SEED):
        moved = run_epoch(features, targets, batches, [p.value() for p in params])
        for param, value in zip(params, moved, strict=True):
            param.assign(value)
        outputs = [(forward(X, params)[0], y) for X, y in (train_data, valid_data)]
        losses = [float(cross_entropy(logits, y)) for logits, y in outputs]
        accuracies = [accuracy(logits, y) for logits, y in outputs]
        history.append((*losses, *accuracies))
    return history


# --8<-- [end:train]


if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, X_valid = signals[:3200], signals[3200:4000]
    y_train, y_valid = labels[:3200], labels[3200:4000]

    # --8<-- [start:run]
    train_data = to_tensors([X_train, y_train])
    valid_data = to_tensors([X_valid, y_valid])
    params = to_variables(draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED))
    print_log(train_fast(params, train_data, valid_data))
    # --8<-- [end:run]
