"""The autoencoder by hand in TensorFlow, as fast as it gets with the same numbers."""

import numpy as np
import tensorflow as tf

from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.tensorflow_manual import (
    backward,
    losses,
    to_tensors,
    to_variables,
)
from snippets.variational_autoencoder.training import (
    LEARNING_RATE,
    NUM_LATENT,
    SEED,
    draw_batches,
    draw_noise,
    draw_start,
    print_log,
)


# --8<-- [start:epoch]
@tf.function(jit_compile=True)  # the whole epoch becomes one piece of machine code
def run_epoch(features, batches, noise, rates, scales, params, means, squares):
    """Move the parameters in place, a step for each row of batches (steps, batch).

    Takes features (num_examples, num_pixels), noise (steps, batch, num_latent), and of
    Adam both corrections of each step (steps,) and both running averages.
    """
    for k in tf.range(len(batches)):
        grads = backward(tf.gather(features, batches[k]), noise[k], params)
        moved = zip(params, grads, means, squares, strict=True)
        for param, grad, mean, square in moved:
            mean.assign_add(0.1 * (grad - mean))
            square.assign_add(0.001 * (grad**2 - square))
            param.assign_sub(rates[k] * mean / (tf.sqrt(scales[k] * square) + 1e-8))


# --8<-- [end:epoch]


# --8<-- [start:train]
def train_fast(params, X_train, X_valid, num_epochs):
    """Train as train does: move the parameters in place, return the same history."""
    num_latent = params[4].shape[0]  # rows of W3
    valid_noise = tf.cast(draw_noise((len(X_valid), num_latent), SEED), X_valid.dtype)
    state = [[tf.Variable(tf.zeros_like(p)) for p in params] for _ in range(2)]
    history, done = [], 0
    for batches, noise in draw_batches(len(X_train), num_epochs, num_latent, SEED):
        steps = done + 1 + np.arange(len(batches))
        corrections = LEARNING_RATE / (1 - 0.9**steps), 1 / (1 - 0.999**steps)
        drawn = [tf.cast(x, X_train.dtype) for x in (noise, *corrections)]
        run_epoch(X_train, batches, *drawn, params, *state)
        history.append([float(loss) for loss in losses(X_valid, valid_noise, params)])
        done += len(batches)
    return history


# --8<-- [end:train]


if __name__ == "__main__":
    X_train = to_features(read_mnist()[0])
    X_train, X_valid = X_train[:55_000], X_train[55_000:]

    # --8<-- [start:run]
    train_data, valid_data = to_tensors([X_train[:6400], X_valid])
    params = to_variables(draw_start(2 * NUM_LATENT, NUM_LATENT, SEED))
    print_log(train_fast(params, train_data, valid_data, num_epochs=2))
    # --8<-- [end:run]
