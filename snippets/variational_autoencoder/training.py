"""What both frameworks share: start weights, batches, noise, the log, and KL thrice."""

# --8<-- [start:imports]
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

# --8<-- [end:imports]
from snippets.softmax_regression.data import read_mnist, to_features

# --8<-- [start:hyperparameters]
NUM_PIXELS = 28 * 28
NUM_HIDDEN = 400
NUM_LATENT = 20
LEARNING_RATE = 0.003
BATCH_SIZE = 128
SEED = 1
# --8<-- [end:hyperparameters]


# --8<-- [start:start]
def draw_params(encoder_sizes, decoder_sizes, seed):
    """Return [W1, b1, W2, b2, W3, b3, W4, b4], the encoder's first, as float32 arrays.

    A weight matrix has shape (inputs, outputs) and the variance 2 / inputs, the start
    of He et al. (2015); biases are zero.
    """
    rng = np.random.default_rng(seed)
    params = []
    for num_inputs, num_outputs in [*pairwise(encoder_sizes), *pairwise(decoder_sizes)]:
        scale = np.sqrt(2 / num_inputs)
        weights = scale * rng.standard_normal((num_inputs, num_outputs))
        params += [weights.astype(np.float32), np.zeros(num_outputs, np.float32)]
    return params


def draw_start(num_codes, num_latent, seed):
    """Return draw_params for images: num_codes out of the encoder, num_latent in.

    The encoder's last weights are a tenth, so that all codes start near 0.
    """
    encoder_sizes = [NUM_PIXELS, NUM_HIDDEN, num_codes]
    params = draw_params(encoder_sizes, [num_latent, NUM_HIDDEN, NUM_PIXELS], seed)
    params[2] /= 10
    return params


# --8<-- [end:start]


# --8<-- [start:batches]
def draw_noise(shape, seed):
    """Return standard normal numbers of this shape, as float32."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def draw_batches(num_examples, num_epochs, num_latent, seed):
    """Yield for each epoch its batches of indices, shuffled anew, and their noise.

    Their shapes are (num_batches, batch_size) and (num_batches, batch_size,
    num_latent). Examples that do not fill a batch are left out of this epoch. Raises
    ValueError if there are too few for one batch.
    """
    num_batches = num_examples // BATCH_SIZE
    if not num_batches:
        raise ValueError(f"{num_examples} examples do not fill a batch of {BATCH_SIZE}")
    rng = np.random.default_rng(seed)
    for _ in range(num_epochs):
        order = rng.permutation(num_examples)[: num_batches * BATCH_SIZE]
        noise = rng.standard_normal((num_batches, BATCH_SIZE, num_latent), np.float32)
        yield order.reshape(num_batches, BATCH_SIZE), noise


# --8<-- [end:batches]


# --8<-- [start:log]
def print_log(history):
    """Print a line for each epoch of a history (num_epochs, 2).

    Its columns are the reconstruction loss and the KL divergence of the validation set,
    in nats per image.
    """
    for epoch, (reconstruction, kl) in enumerate(history, start=1):
        loss = f"Valid loss: {reconstruction + kl:.1f}"
        print(f"Epoch: {epoch:03d} | {loss} = {reconstruction:.1f} + KL {kl:.1f}")


# --8<-- [end:log]


# --8<-- [start:kl]
def log_normal(values, mean, log_var):
    """Return the logarithm of the normal density with this mean and log-variance."""
    squares = (values - mean) ** 2 / np.exp(log_var)
    return -(np.log(2 * np.pi) + log_var + squares) / 2


def kl_closed(mean, log_var):
    """Return KL(normal with this mean and log-variance || standard normal) in nats."""
    return (mean**2 + np.exp(log_var) - 1 - log_var) / 2


def kl_integrated(mean, log_var):
    """Return the same from the definition, by the trapezoidal rule over 12 sigma."""
    std = np.exp(log_var / 2)
    values = np.linspace(mean - 12 * std, mean + 12 * std, 10_001)
    log_q = log_normal(values, mean, log_var)
    ratios = log_q - log_normal(values, 0.0, 0.0)
    return np.trapezoid(np.exp(log_q) * ratios, values)


def kl_sampled(mean, log_var, noise):
    """Return the same as a mean over samples, and the standard error of this mean.

    Takes standard normal noise (num_samples,).
    """
    values = mean + np.exp(log_var / 2) * noise  # (num_samples,)
    ratios = log_normal(values, mean, log_var) - log_normal(values, 0.0, 0.0)
    return ratios.mean(), ratios.std(ddof=1) / np.sqrt(len(noise))


# --8<-- [end:kl]


# --8<-- [start:plot_kl]
def plot_kl(sizes, estimates, exact):
    """Draw estimates [(mean, standard error), ...] by their numbers of samples."""
    means, errors = np.transpose(estimates)
    _, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    axis.axhline(exact, color="black", linewidth=1, label="closed form")
    axis.errorbar(sizes, means, 2 * errors, fmt="o", capsize=4, label="by sampling")
    axis.set(xscale="log", xlabel="samples", ylabel="KL divergence in nats")
    axis.legend()


# --8<-- [end:plot_kl]


# --8<-- [start:differences]
def finite_differences(function, arrays, epsilon=1e-6):
    """Return the gradients of a function of float64 arrays, each entry moved both ways.

    The arrays are moved in place, and back. The function takes them as one list.
    """
    grads = [np.zeros_like(array) for array in arrays]
    for array, grad in zip(arrays, grads, strict=True):
        for index in np.ndindex(array.shape):
            value = array[index]
            for sign in [1, -1]:
                array[index] = value + sign * epsilon
                grad[index] += sign * function(arrays) / (2 * epsilon)
            array[index] = value
    return grads


# --8<-- [end:differences]


if __name__ == "__main__":
    # --8<-- [start:data]
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    X_train, X_valid = X_train[:55_000], X_train[55_000:]
    y_train, y_valid = y_train[:55_000], y_train[55_000:]
    print("Train:", X_train.shape, "valid:", X_valid.shape, "test:", X_test.shape)
    # --8<-- [end:data]

    # --8<-- [start:run_kl]
    mean, log_var = 1.0, np.log(0.25)
    print(f"closed form: {kl_closed(mean, log_var):.4f}")
    print(f"integrated:  {kl_integrated(mean, log_var):.4f}")
    sizes = [10, 100, 1000, 10_000, 100_000, 1_000_000]
    noise = np.random.default_rng(SEED).standard_normal(sizes[-1])
    estimates = [kl_sampled(mean, log_var, noise[:size]) for size in sizes]
    for size, (estimate, error) in zip(sizes, estimates, strict=True):
        print(f"{size:9,} samples: {estimate:.4f} ± {error:.4f}")
    # --8<-- [end:run_kl]

    # --8<-- [start:run_plot_kl]
    plot_kl(sizes, estimates, kl_closed(mean, log_var))
    # --8<-- [end:run_plot_kl]
