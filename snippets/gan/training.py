"""What both frameworks share: data, batches of points and noise, and measures."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]
from snippets.diffusion.training import CENTERS, SPREAD
from snippets.multilayer_perceptron.training import draw_params
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.judge import read_digits, train_judge

# --8<-- [start:hyperparameters]
NUM_UNITS = 64  # in each hidden layer
BATCH_SIZE = 128
LEARNING_RATE = 0.002
MOMENTUM = 0.5  # of Adam; its default is 0.9
SEED = 1
# --8<-- [end:hyperparameters]


# --8<-- [start:gaussian]
MIXING = np.array([[1.0, 2.0], [-0.1, 0.5]])
SHIFT = np.array([1.0, 2.0])


def draw_gaussian(num_points, seed):
    """Return points (num_points, 2) of one Gaussian on the plane, as float32.

    Its mean is SHIFT, its covariance matrix is MIXING.T @ MIXING.
    """
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((num_points, 2))
    return (noise @ MIXING + SHIFT).astype(np.float32)


def print_gaussian(name, mean, covariance):
    """Print a mean (2,) and the three different entries of a covariance (2, 2)."""
    spread = covariance[0, 0], covariance[0, 1], covariance[1, 1]
    numbers = " ".join(f"{x:5.2f}" for x in spread)
    print(f"{name:8} mean {mean[0]:.2f} {mean[1]:.2f}, covariance {numbers}")


# --8<-- [end:gaussian]


# --8<-- [start:start]
def draw_start(num_hidden=(NUM_UNITS, NUM_UNITS), seed=SEED):
    """Return the start of a generator and of a discriminator for points of a plane.

    Both are lists [W1, b1, W2, b2, ...] in float64. The generator takes two numbers.
    """
    sizes = [2, *num_hidden, 2], [2, *num_hidden, 1]
    starts = [draw_params(x, seed + k) for k, x in enumerate(sizes)]
    return [[p.astype(np.float64) for p in params] for params in starts]


# --8<-- [end:start]


# --8<-- [start:batches]
def draw_pairs(points, num_steps, num_noise=2, seed=SEED):
    """Yield pairs of real points (BATCH_SIZE, size) and noise (BATCH_SIZE, num_noise).

    Each step draws its points anew, with replacement.
    """
    rng = np.random.default_rng(seed)
    for _ in range(num_steps):
        batch = rng.integers(len(points), size=BATCH_SIZE)
        yield points[batch], rng.standard_normal((BATCH_SIZE, num_noise), np.float32)


# --8<-- [end:batches]


# --8<-- [start:modes]
def count_modes(points):
    """Return how many of the ring's Gaussians are covered, and the share near one.

    Near is within three standard deviations of a center. A Gaussian is covered if at
    least a quarter of its fair share of all points is near its center.
    """
    distances = np.linalg.norm(points[:, None] - CENTERS, axis=2)  # (num_points, 8)
    near = distances.min(axis=1) < 3 * SPREAD
    counts = np.bincount(distances.argmin(axis=1)[near], minlength=len(CENTERS))
    covered = counts >= len(points) / len(CENTERS) / 4
    return int(covered.sum()), float(near.mean())


def print_modes(sets):
    """Print what count_modes finds in every second set of points, 100 steps apart."""
    for number, points in enumerate(sets, start=1):
        if number % 2 == 0:
            covered, share = count_modes(points)
            line = f"Step: {number * 100:04d} | Modes: {covered} of 8"
            print(f"{line} | Near one: {share:.0%}")


# --8<-- [end:modes]


# --8<-- [start:digits]
NUM_NOISE = 32  # random numbers for a digit


def draw_noise(shape, seed):
    """Return standard normal numbers of this shape, as float32."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def draw_networks(seed=SEED):
    """Return the start of a generator and of a discriminator for digits, as float32."""
    sizes = [NUM_NOISE, 128, 256, 784], [784, 128, 1]
    return [draw_params(x, seed + k) for k, x in enumerate(sizes)]


def draw_noisy_batches(images, num_steps, spread=0.3, seed=SEED):
    """Yield real images (64, 784), noise (64, NUM_NOISE), and noise for all pixels.

    The last two have the shape of the images and this standard deviation: one is for
    the real images, one for the fake ones.
    """
    rng = np.random.default_rng(seed)
    for _ in range(num_steps):
        real = images[rng.integers(len(images), size=64)]
        z = rng.standard_normal((64, NUM_NOISE), np.float32)
        yield real, z, *(spread * rng.standard_normal((2, *real.shape), np.float32))


# --8<-- [end:digits]


# --8<-- [start:judge]
def judge_digits(images, judge):
    """Return how a judge reads images (num_images, 784).

    That is the share that it reads with a probability above 0.9, and the shares of the
    rarest and of the most frequent class.
    """
    probas = read_digits(images, judge)  # (num_images, 10)
    shares = np.bincount(probas.argmax(axis=1), minlength=10) / len(images)
    return (probas.max(axis=1) > 0.9).mean(), shares.min(), shares.max()


def nearest_distances(images, others):
    """Return the distance of each image to the nearest of the others."""
    squares = (images**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)
    return np.sqrt(np.maximum(squares - 2 * images @ others.T, 0).min(axis=1))


# --8<-- [end:judge]


if __name__ == "__main__":
    # --8<-- [start:run_digits]
    train_images, y_train, *_ = read_mnist()
    X_train, X_valid = np.split(to_features(train_images), [55_000])
    judge = train_judge(X_train, y_train[:55_000])
    readings = read_digits(X_valid, judge).argmax(axis=1)
    print(f"Read correctly: {(readings == y_train[55_000:]).mean():.1%}")
    # --8<-- [end:run_digits]
