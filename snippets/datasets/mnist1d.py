"""MNIST-1D: signals of ten classes, made by a generator instead of fetched.

The data set of Sam Greydanus and Dmitry Kobak, "Scaling down deep learning with
MNIST-1D" (2020), to the byte: a test holds its hash.
"""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]

# --8<-- [start:digits]
# A digit as twelve places: where a pen is, left to right, while it writes downwards.
DIGITS = np.array(
    [
        [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
        [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
        [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
        [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
        [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
        [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
        [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
        [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
    ]
)
# --8<-- [end:digits]


# --8<-- [start:make]
def resample(signal, size):
    """Return the signal at `size` evenly spaced places, by linear interpolation."""
    old, new = np.linspace(0, 1, len(signal)), np.linspace(0, 1, size)
    return np.interp(new, old, signal)


def smooth(noise, sigma=2, reach=8):
    """Return noise averaged over its neighbours with weights of a Gaussian."""
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(noise, reach, mode="symmetric")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def distort(digit, rng):
    """Return a signal (40,): the digit stretched, scaled, shifted, sheared, noisy."""
    padding = np.zeros(36 + int(rng.rand() * 25))
    signal = resample(np.append(digit + 1e-8, padding), 72)
    signal = signal * (1 + 0.4 * (rng.rand() - 0.5))
    signal = np.roll(signal, rng.choice(48))
    noise = smooth(0.25 * rng.randn(72))  # where no pen was, the line wobbles
    signal = np.where(signal == 0, noise, signal) + 0.02 * rng.randn(72)
    slope = 0.75 * (rng.rand() - 0.5)
    return resample(signal - slope * np.linspace(-0.5, 0.5, 72), 40)


def make_mnist1d(seed=42):
    """Return 5,000 signals (5000, 40), float32, and their labels (5000,), shuffled.

    All signals together have mean 0 and standard deviation 1. The first 4,000 are the
    paper's training set, the last 1,000 its test set.
    """
    rng = np.random.RandomState(seed)  # NumPy's old generator, as the paper's code
    scaled = DIGITS - DIGITS.mean(axis=1, keepdims=True)
    scaled = scaled / scaled.std(axis=1, keepdims=True)
    templates = (scaled - scaled[:, :1]) / 6
    signals = np.stack([distort(x, rng) for x in templates for _ in range(500)])
    labels = np.repeat(np.arange(10), 500)
    order = rng.permutation(len(labels))
    signals = (signals - signals.mean()) / signals.std()
    return signals[order].astype(np.float32), labels[order]


# --8<-- [end:make]

if __name__ == "__main__":
    # --8<-- [start:run]
    signals, labels = make_mnist1d()
    X_train, X_valid, X_test = np.split(signals, [3200, 4000])
    y_train, y_valid, y_test = np.split(labels, [3200, 4000])
    print("Train:", X_train.shape, "valid:", X_valid.shape, "test:", X_test.shape)
    print("Test signals of each class:", *np.bincount(y_test))
    # --8<-- [end:run]
