"""Batch and layer normalization in TensorFlow, by hand in both directions."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.residual_network.training import SEED

# --8<-- [start:normalize]
EPSILON = 1e-5  # keeps the division safe where a channel is constant


def normalize(features, axis):
    """Return features of mean 0 and variance 1 along the axis, and their factor."""
    centred = features - tf.reduce_mean(features, axis, keepdims=True)
    variance = tf.reduce_mean(centred * centred, axis, keepdims=True)
    scale = 1 / tf.sqrt(variance + EPSILON)
    return scale * centred, scale


# --8<-- [end:normalize]


# --8<-- [start:forward]
MOMENTUM = 0.1  # the share of the new batch in the running statistics


def batch_norm(features, gamma, beta, running, training):
    """Return features (rows, channels), normalized over the rows, scaled and shifted.

    In training, the running [mean, variance] of each channel move in place towards
    those of the batch; otherwise they are used in place of those of the batch.
    """
    if training:
        normalized, _ = normalize(features, axis=0)
        mean, variance = tf.nn.moments(features, axes=[0])
        n = features.shape[0]
        batch = mean, variance * n / (n - 1)
        for average, value in zip(running, batch, strict=True):
            average.assign_add(MOMENTUM * (value - average))
    else:
        mean, variance = running
        normalized = (features - mean) / tf.sqrt(variance + EPSILON)
    return gamma * normalized + beta


def layer_norm(features, gamma, beta):
    """Return features (rows, channels), normalized within each row."""
    normalized, _ = normalize(features, axis=1)
    return gamma * normalized + beta


# --8<-- [end:forward]


# --8<-- [start:backward]
def norm_backward(grads, normalized, scale, gamma, axis):
    """Return the gradients with respect to the features, gamma and beta.

    Takes the gradient with respect to the outputs (rows, channels), and what normalize
    returned. The axis is 0 for batch normalization in training, and 1 for layer
    normalization.
    """
    slopes = gamma * grads  # with respect to the normalized features
    common = tf.reduce_mean(slopes, axis, keepdims=True)
    along = tf.reduce_mean(slopes * normalized, axis, keepdims=True)
    grad_features = scale * (slopes - common - along * normalized)
    return grad_features, tf.reduce_sum(grads * normalized, 0), tf.reduce_sum(grads, 0)


# --8<-- [end:backward]


# --8<-- [start:others]
def backward_autograd(loss_fn, arrays):
    """Return the gradients of a loss with respect to its arguments, by TensorFlow."""
    variables = [tf.Variable(x) for x in arrays]
    with tf.GradientTape() as tape:
        loss = loss_fn(*variables)
    return tape.gradient(loss, variables)


def finite_differences(loss_fn, arrays, step=1e-6):
    """Return the same gradients, from the loss a step below and a step above."""
    grads = [np.zeros(x.shape) for x in arrays]
    for number, (array, grad) in enumerate(zip(arrays, grads, strict=True)):
        for index in np.ndindex(*array.shape):
            for sign in [1, -1]:
                moved = array.numpy()
                moved[index] += sign * step
                loss = loss_fn(*arrays[:number], moved, *arrays[number + 1 :])
                grad[index] += sign * loss / (2 * step)
    return grads


# --8<-- [end:others]


if __name__ == "__main__":
    # --8<-- [start:check]
    rng = np.random.default_rng(SEED)
    features, grads = tf.constant(rng.normal(size=(2, 8, 3)))  # (rows, channels)
    gamma, beta = tf.constant(rng.normal(size=(2, 3)))

    start = tf.Variable(np.zeros(3)), tf.Variable(np.ones(3))  # running statistics
    losses = {  # the gradient with respect to the outputs is grads
        "batch norm": lambda *x: tf.reduce_sum(grads * batch_norm(*x, start, True)),
        "layer norm": lambda *x: tf.reduce_sum(grads * layer_norm(*x)),
    }
    for axis, (name, loss_fn) in enumerate(losses.items()):
        arrays = [features, gamma, beta]
        by_hand = norm_backward(grads, *normalize(features, axis), gamma, axis)
        for other, found, bound in [
            ("autograd", backward_autograd(loss_fn, arrays), 1e-12),
            ("finite differences", finite_differences(loss_fn, arrays), 1e-7),
        ]:
            pairs = zip(by_hand, found, strict=True)
            apart = max(float(tf.reduce_max(abs(one - two))) for one, two in pairs)
            print(f"{name}, {other}: within {bound:.0e}: {apart < bound}")
    # --8<-- [end:check]

    # --8<-- [start:layer]
    layer = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    running = [tf.Variable(tf.zeros(3)), tf.Variable(tf.ones(3))]  # mean, variance
    for scale in [1, 2, 3]:
        signals = tf.constant(rng.normal(1, scale, size=(4, 5, 3)), dtype=tf.float32)
        rows = tf.reshape(signals, (-1, 3))  # (batch * length, channels)
        by_hand = batch_norm(rows, tf.ones(3), tf.zeros(3), running, True)
        outputs = tf.reshape(layer(signals, training=True), (-1, 3))
        apart = float(tf.reduce_max(abs(by_hand - outputs)))
        print(f"Training: within 1e-05: {apart < 1e-5}")
    variances = float(running[1][0]), float(layer.moving_variance[0])
    print("Running variance: by hand {:.3f}, layer {:.3f}".format(*variances))
    # --8<-- [end:layer]
