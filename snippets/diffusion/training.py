"""What both frameworks share: data, schedule, noise, batches, samplers, measures."""

# --8<-- [start:imports]
from functools import partial
from itertools import pairwise

import numpy as np

# --8<-- [end:imports]
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.judge import (
    frechet_distance,
    read_digits,
    train_judge,
)

# --8<-- [start:hyperparameters]
NUM_STEPS = 200  # T, from data to noise
NUM_WAVES = 8  # of the sines, and of the cosines, that encode a step
NUM_UNITS = 128  # in each hidden layer
LEARNING_RATE = 0.003
DECAY = 0.99  # of the running average of the weights
SEED = 1
# --8<-- [end:hyperparameters]


# --8<-- [start:ring]
SPREAD = 0.14  # the standard deviation of each Gaussian
ANGLES = np.arange(8) * np.pi / 4
CENTERS = np.sqrt(2) * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def draw_ring(num_points, seed):
    """Return points (num_points, 2) of eight Gaussians on a ring, as float32.

    Both coordinates have mean 0 and a variance of about 1.
    """
    rng = np.random.default_rng(seed)
    centers = CENTERS[rng.integers(8, size=num_points)]
    points = centers + SPREAD * rng.standard_normal((num_points, 2))
    return points.astype(np.float32)


# --8<-- [end:ring]


# --8<-- [start:schedule]
def make_schedule(num_steps=NUM_STEPS, first=0.0005, last=0.1):
    """Return the share of the data's variance that is left after each step.

    The share of noise that a step adds grows evenly from first to last. The result is
    float64, (num_steps + 1,), and begins with 1. Ho et al. (2020).
    """
    betas = np.linspace(first, last, num_steps)
    return np.concatenate([[1.0], np.cumprod(1 - betas)])


KEPT = make_schedule()


# --8<-- [end:schedule]


# --8<-- [start:forward]
def add_noise(points, noise, steps, kept=KEPT):
    """Return points (batch, size) after steps (batch,), and the noise to predict."""
    share = kept[steps][:, None]  # (batch, 1)
    noisy = np.sqrt(share) * points + np.sqrt(1 - share) * noise
    return noisy.astype(np.float32), noise


# --8<-- [end:forward]


# --8<-- [start:simulation]
def add_noise_by_steps(points, num_steps, seed, kept=KEPT):
    """Return the same after num_steps small steps, each with noise of its own."""
    rng = np.random.default_rng(seed)
    for before, after in pairwise(kept[: num_steps + 1]):
        beta = 1 - after / before
        noise = rng.standard_normal(points.shape)
        points = np.sqrt(1 - beta) * points + np.sqrt(beta) * noise
    return points


# --8<-- [end:simulation]


# --8<-- [start:features]
def encode_steps(num_waves=NUM_WAVES):
    """Return sines and cosines of each step, (NUM_STEPS + 1, 2 * num_waves), float32.

    The waves are up to 1,000 times as long as the first. Vaswani et al. (2017).
    """
    rates = 5 * 1000.0 ** (-np.arange(num_waves) / (num_waves - 1))
    angles = np.arange(NUM_STEPS + 1)[:, None] * rates  # in radians
    return np.hstack([np.sin(angles), np.cos(angles)]).astype(np.float32)


WAVES = encode_steps()


def join(points, steps, *contexts, waves=WAVES):
    """Return what the network sees: points, coded steps and contexts, side by side."""
    coded = np.broadcast_to(waves[steps], (len(points), waves.shape[1]))
    return np.hstack([points, coded, *contexts]).astype(np.float32)


def draw_noisy_batches(points, num_batches, mix=add_noise, waves=WAVES, seed=SEED):
    """Yield pairs of features (256, size + 2 * NUM_WAVES) and targets (256, size)."""
    rng = np.random.default_rng(seed)
    for _ in range(num_batches):
        clean = points[rng.integers(len(points), size=256)]
        steps = rng.integers(1, NUM_STEPS + 1, size=256)
        noisy, targets = mix(clean, rng.standard_normal(clean.shape, np.float32), steps)
        yield join(noisy, steps, waves=waves), targets


# --8<-- [end:features]


# --8<-- [start:start]
def draw_weights(sizes, seed=SEED):
    """Return [W1, b1, W2, b2, ...] as float32: the start of He et al. (2015)."""
    rng, params = np.random.default_rng(seed), []
    for num_inputs, num_outputs in pairwise(sizes):
        scale = np.sqrt(2 / num_inputs)
        weights = scale * rng.standard_normal((num_inputs, num_outputs))
        params += [weights.astype(np.float32), np.zeros(num_outputs, np.float32)]
    return params


def draw_plane_weights(num_features=2 + 2 * NUM_WAVES, seed=SEED):
    """Return the start weights of a network for points of a plane.

    The weights of both coordinates are six times as large, so that hidden units can
    tell points apart that are close to each other.
    """
    params = draw_weights([num_features, NUM_UNITS, NUM_UNITS, 2], seed)
    params[0][:2] *= 6
    return params


# --8<-- [end:start]


# --8<-- [start:ideal]
def ideal_noise(points, step, kept=KEPT):
    """Return the mean of the noise that is in points (batch, 2) of the ring.

    After each step, the ring is a mixture of eight Gaussians. The steps are one number
    or an array (batch,).
    """
    share = np.broadcast_to(kept[step], len(points))[:, None]  # (batch, 1)
    variance = share * SPREAD**2 + 1 - share
    shifts = points[:, None] - np.sqrt(share)[..., None] * CENTERS  # (batch, 8, 2)
    logits = -(shifts**2).sum(axis=2) / 2 / variance  # (batch, 8)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)  # which Gaussian it came from
    return np.sqrt(1 - share) / variance * (weights[..., None] * shifts).sum(axis=1)


# --8<-- [end:ideal]


# --8<-- [start:ddpm]
def sample_ddpm(predict, noise, kept=KEPT):
    """Return all states (NUM_STEPS + 1, num_points, size) on the way to samples.

    predict takes points and a step. The noise has the shape of the result: the start,
    then the noise of each step. Ho et al. (2020), algorithm 2.
    """
    states = [noise[0]]
    for step in range(len(kept) - 1, 0, -1):
        alpha = kept[step] / kept[step - 1]
        predicted = predict(states[-1], step)
        mean = states[-1] - (1 - alpha) / np.sqrt(1 - kept[step]) * predicted
        variance = (1 - alpha) * (1 - kept[step - 1]) / (1 - kept[step])
        fresh = np.sqrt(variance) * noise[len(states)]
        states.append((mean / np.sqrt(alpha) + fresh).astype(noise.dtype))
    return np.stack(states)


# --8<-- [end:ddpm]


# --8<-- [start:ddim]
def choose_steps(num_steps):
    """Return num_steps + 1 steps from NUM_STEPS to 0, evenly spaced."""
    return np.linspace(NUM_STEPS, 0, num_steps + 1).round().astype(int)


def sample_ddim(predict, start, num_steps, kept=KEPT):
    """Return samples (num_points, size) from a start of noise. Song et al. (2021)."""
    points = start
    for step, later in pairwise(choose_steps(num_steps)):
        predicted = predict(points, step)
        clean = (points - np.sqrt(1 - kept[step]) * predicted) / np.sqrt(kept[step])
        points = np.sqrt(kept[later]) * clean + np.sqrt(1 - kept[later]) * predicted
        points = points.astype(start.dtype)
    return points


# --8<-- [end:ddim]


# --8<-- [start:measures]
def energy_distance(points, others):
    """Return how far two sets of points are apart: 0 for equal distributions.

    It is twice the mean distance between the sets, minus the mean distances within
    each. Székely and Rizzo (2013).
    """

    def mean_distance(some, more):
        return np.linalg.norm(some[:, None] - more, axis=2).mean()

    between = mean_distance(points, others)
    return 2 * between - mean_distance(points, points) - mean_distance(others, others)


def share_near(points):
    """Return the share of points within three standard deviations of a center."""
    distances = np.linalg.norm(points[:, None] - CENTERS, axis=2)  # (num_points, 8)
    return (distances.min(axis=1) < 3 * SPREAD).mean()


# --8<-- [end:measures]


# --8<-- [start:flow]
def mix_straight(points, noise, steps):
    """Return points on straight lines to noise, and the velocities along them."""
    share = (steps / NUM_STEPS)[:, None]
    return ((1 - share) * points + share * noise).astype(np.float32), noise - points


def sample_flow(predict, start, num_steps):
    """Return samples from a start of noise, by Euler's method. Lipman et al. (2023)."""
    points = start
    for step, later in pairwise(choose_steps(num_steps)):
        velocity = predict(points, step)
        points = points + np.float32((later - step) / NUM_STEPS) * velocity
    return points


# --8<-- [end:flow]


# --8<-- [start:labels]
def draw_labelled_batches(points, one_hots, num_batches, seed=SEED):
    """Yield features and targets as above, with labels; one of ten is left out.

    The features are (256, size + 2 * NUM_WAVES + num_classes). A label that is left out
    is a row of zeros. Ho and Salimans (2022), algorithm 1.
    """
    rng = np.random.default_rng(seed)
    for _ in range(num_batches):
        batch = rng.integers(len(points), size=256)
        steps = rng.integers(1, NUM_STEPS + 1, size=256)
        noise = rng.standard_normal((256, points.shape[1]), np.float32)
        noisy, targets = add_noise(points[batch], noise, steps)
        labels = one_hots[batch] * (rng.random((256, 1)) >= 0.1)
        yield join(noisy, steps, labels), targets


# --8<-- [end:labels]


# --8<-- [start:guidance]
def guide(run, one_hots, weight):
    """Return a predictor of the noise in points whose labels are (num_points, 10).

    run takes the features of a network and returns what it predicts, NumPy in, NumPy
    out. Ho and Salimans (2022), equation 6.
    """

    def predict(points, step):
        labelled = run(join(points, step, one_hots))
        if not weight:
            return labelled
        unlabelled = run(join(points, step, 0 * one_hots))
        return labelled + weight * (labelled - unlabelled)

    return predict


# --8<-- [end:guidance]


# --8<-- [start:coverage]
def distances_to(images, others):
    """Return the distances of images to others: (num_images, num_others)."""
    squares = (images**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)
    return np.sqrt(np.maximum(squares - 2 * images @ others.T, 0))


def coverage(images, digits, params, num_neighbors=5):
    """Return the share of digits that have an image near them, as the judge sees them.

    Near means nearer than their num_neighbors-th digit. The judge's parameters are
    [W1, b1, W2, b2]; distances are between its hidden units. Naeem et al. (2020).
    """
    W1, b1, *_ = params
    images, digits = (np.maximum(x @ W1 + b1, 0) for x in (images, digits))
    among_digits = np.sort(distances_to(digits, digits), axis=1)
    radius = among_digits[:, num_neighbors]  # the first is the digit itself
    return (distances_to(digits, images).min(axis=1) < radius).mean()


def judge_samples(images, asked, digits, params):
    """Return the share that is read as asked, the distance and the coverage.

    asked are labels (num_images,). Distance and coverage compare the images with real
    digits: the distance with all, the coverage with the first 1,000.
    """
    share = (read_digits(images, params).argmax(axis=1) == asked).mean()
    distance = frechet_distance(images, digits, params)
    return share, distance, coverage(images, digits[:1000], params)


def report(name, images, asked, digits, params):
    """Print the three numbers of judge_samples, with a name before them."""
    share, distance, covered = judge_samples(images, asked, digits, params)
    print(f"{name:12}: {share:.2f}, distance {distance:.1f}, covers {covered:.2f}")


# --8<-- [end:coverage]


if __name__ == "__main__":
    # --8<-- [start:run_ring]
    points = draw_ring(20_000, SEED)
    print("Points:", points.shape)
    print(f"Means: {abs(points.mean(axis=0)).max():.2f} or less")
    print(f"Variances: {points.var(axis=0).min():.2f} or more")
    # --8<-- [end:run_ring]

    # --8<-- [start:run_forward]
    start = np.full((100_000, 1), CENTERS[0, 0])
    for step in [1, 50, 100, 200]:
        found = add_noise_by_steps(start, step, SEED)
        mean, std = np.sqrt(KEPT[step]) * CENTERS[0, 0], np.sqrt(1 - KEPT[step])
        print(f"Step {step:3}: kept {KEPT[step]:.5f}")
        print(f"  closed form:  mean {mean:.2f}, deviation {std:.2f}")
        print(f"  step by step: mean {found.mean():.2f}, deviation {found.std():.2f}")
    # --8<-- [end:run_forward]

    # --8<-- [start:run_digits]
    train_images, y_train, *_ = read_mnist()
    X_train, X_valid = np.split(to_features(train_images), [55_000])
    y_train, y_valid = np.split(y_train, [55_000])
    judge = train_judge(X_train, y_train)
    readings = read_digits(X_valid, judge).argmax(axis=1)
    print(f"Read correctly: {(readings == y_valid).mean():.1%}")
    # --8<-- [end:run_digits]

    # --8<-- [start:run_schedule]
    def predict_moved(points, step, kept):
        """Return the ideal noise for a ring around (3, 3)."""
        return ideal_noise(points - 3 * np.sqrt(kept[step]), step, kept)

    fresh = np.random.default_rng(SEED).standard_normal((NUM_STEPS + 1, 1000, 2))
    for kept in [make_schedule(NUM_STEPS, 0.0001, 0.02), KEPT]:
        samples = sample_ddpm(partial(predict_moved, kept=kept), fresh, kept)[-1]
        apart = energy_distance(samples - 3, draw_ring(1000, seed=2))
        print(f"Kept at the end: {kept[-1]:.5f}, energy distance {apart:.3f}")
    # --8<-- [end:run_schedule]

    # --8<-- [start:exercise_one_step]
    samples = sample_ddim(ideal_noise, fresh[0], num_steps=1)
    distances = np.linalg.norm(samples, axis=1)
    print(f"Distance from the middle: {np.median(distances):.2f}")
    # --8<-- [end:exercise_one_step]
