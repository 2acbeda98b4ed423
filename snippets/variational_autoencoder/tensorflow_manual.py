"""A variational autoencoder in TensorFlow, by hand and with a gradient tape."""

# --8<-- [start:imports]
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.training import (
    LEARNING_RATE,
    NUM_LATENT,
    SEED,
    draw_batches,
    draw_noise,
    draw_params,
    draw_start,
    finite_differences,
    print_log,
)


# --8<-- [start:tensors]
def to_tensors(arrays):
    """Return NumPy arrays as tensors."""
    return [tf.constant(array) for array in arrays]


def to_variables(arrays):
    """Return NumPy arrays as variables, which can be changed in place."""
    return [tf.Variable(array) for array in arrays]


# --8<-- [end:tensors]


# --8<-- [start:encode]
def encode(features, params):
    """Return means and log-variances (batch, num_latent), and the hidden sums."""
    W1, b1, W2, b2, *_ = params
    sums = features @ W1 + b1  # (batch, num_hidden)
    mean, log_var = tf.split(tf.nn.silu(sums) @ W2 + b2, 2, axis=1)
    return mean, log_var, sums


def decode(latents, params):
    """Return the logits of the pixels (batch, num_pixels), and the hidden sums."""
    *_, W3, b3, W4, b4 = params
    sums = latents @ W3 + b3  # (batch, num_hidden)
    return tf.nn.silu(sums) @ W4 + b4, sums


# --8<-- [end:encode]


# --8<-- [start:loss]
def cross_entropy(logits, features):
    """Return minus log p(x|z) in nats: summed over pixels, mean over the batch."""
    losses = tf.nn.softplus(logits) - features * logits
    return tf.reduce_mean(tf.reduce_sum(losses, axis=1))


def kl_divergence(mean, log_var):
    """Return KL(q(z|x) || p(z)) in nats: summed over latents, mean over the batch."""
    terms = mean**2 + tf.exp(log_var) - 1 - log_var
    return tf.reduce_mean(tf.reduce_sum(terms, axis=1)) / 2


def losses(features, noise, params):
    """Return both parts of the loss, for noise (batch, num_latent)."""
    mean, log_var, _ = encode(features, params)
    latents = mean + tf.exp(log_var / 2) * noise  # (batch, num_latent)
    logits, _ = decode(latents, params)
    return cross_entropy(logits, features), kl_divergence(mean, log_var)


# --8<-- [end:loss]


# --8<-- [start:backward]
def silu_and_slope(sums):
    """Return SiLU, sums times their sigmoid, and its derivative, in the same shape."""
    gate = tf.sigmoid(sums)
    return sums * gate, gate * (1 + sums * (1 - gate))


def backward(features, noise, params):
    """Return the gradients of the loss, shaped as the parameters."""
    _, _, W2, _, W3, _, W4, _ = params
    mean, log_var, encoder_sums = encode(features, params)
    encoded, encoder_slopes = silu_and_slope(encoder_sums)
    std = tf.exp(log_var / 2)
    latents = mean + std * noise
    logits, decoder_sums = decode(latents, params)
    decoded, decoder_slopes = silu_and_slope(decoder_sums)

    grad_logits = (tf.sigmoid(logits) - features) / len(features)
    grad_decoder_sums = grad_logits @ tf.transpose(W4) * decoder_slopes
    grad_latents = grad_decoder_sums @ tf.transpose(W3)  # (batch, num_latent)
    grad_mean = grad_latents + mean / len(features)
    grad_log_var = grad_latents * noise * std / 2 + (std**2 - 1) / 2 / len(features)
    grad_codes = tf.concat([grad_mean, grad_log_var], axis=1)
    grad_encoder_sums = grad_codes @ tf.transpose(W2) * encoder_slopes
    return [
        tf.transpose(features) @ grad_encoder_sums,  # W1
        tf.reduce_sum(grad_encoder_sums, axis=0),  # b1
        tf.transpose(encoded) @ grad_codes,  # W2
        tf.reduce_sum(grad_codes, axis=0),  # b2
        tf.transpose(latents) @ grad_decoder_sums,  # W3
        tf.reduce_sum(grad_decoder_sums, axis=0),  # b3
        tf.transpose(decoded) @ grad_logits,  # W4
        tf.reduce_sum(grad_logits, axis=0),  # b4
    ]


# --8<-- [end:backward]


# --8<-- [start:autograd]
def backward_autograd(features, noise, params):
    """Return the same gradients, derived by TensorFlow."""
    with tf.GradientTape() as tape:
        loss = sum(losses(features, noise, params))
    return tape.gradient(loss, params)


# --8<-- [end:autograd]


# --8<-- [start:adam]
def adam_step(params, grads, means, squares, step):
    """Move parameters and both running averages in place; the first step is 1."""
    for param, grad, mean, square in zip(params, grads, means, squares, strict=True):
        mean.assign_add(0.1 * (grad - mean))
        square.assign_add(0.001 * (grad**2 - square))
        root = tf.sqrt(square / (1 - 0.999**step)) + 1e-8
        param.assign_sub(LEARNING_RATE * mean / (1 - 0.9**step) / root)


# --8<-- [end:adam]


# --8<-- [start:train]
def train(params, gradients, X_train, X_valid, num_epochs):
    """Move the parameters in place by Adam, batch by batch.

    Returns for each epoch the reconstruction loss and the KL divergence of the
    validation set, as floats: (num_epochs, 2).
    """
    num_latent = params[4].shape[0]  # rows of W3
    valid_noise = tf.cast(draw_noise((len(X_valid), num_latent), SEED), X_valid.dtype)
    means, squares = ([tf.Variable(tf.zeros_like(p)) for p in params] for _ in range(2))
    history, step = [], 0
    for batches, noise in draw_batches(len(X_train), num_epochs, num_latent, SEED):
        for batch, eps in zip(batches, tf.cast(noise, X_train.dtype), strict=True):
            step += 1
            grads = gradients(tf.gather(X_train, batch), eps, params)
            adam_step(params, grads, means, squares, step)
        history.append([float(loss) for loss in losses(X_valid, valid_noise, params)])
    return history


# --8<-- [end:train]


if __name__ == "__main__":
    X_train = to_features(read_mnist()[0])
    X_train, X_valid = X_train[:55_000], X_train[55_000:]

    # --8<-- [start:check]
    small = draw_params([6, 8, 4], [2, 8, 6], SEED)
    small = [p.astype(np.float64) for p in small]
    features, noise = to_tensors([np.full((5, 6), 0.3), np.ones((5, 2))])

    def loss_of(arrays):
        """Return the loss for parameters in NumPy arrays, as a float."""
        return float(sum(losses(features, noise, to_tensors(arrays))))

    by_hand = backward(features, noise, to_variables(small))
    for name, other, bound in [
        ("autograd", backward_autograd(features, noise, to_variables(small)), 1e-14),
        ("finite differences", finite_differences(loss_of, small), 1e-8),
    ]:
        pairs = zip(by_hand, other, strict=True)
        apart = max(abs(np.asarray(x) - np.asarray(y)).max() for x, y in pairs)
        print(f"{name}: within {bound:.0e}: {apart < bound}")
    # --8<-- [end:check]

    # --8<-- [start:run]
    train_data, valid_data = to_tensors([X_train[:6400], X_valid])
    start = draw_start(2 * NUM_LATENT, NUM_LATENT, SEED)
    params = to_variables(start)
    print_log(train(params, backward, train_data, valid_data, num_epochs=2))
    # --8<-- [end:run]
