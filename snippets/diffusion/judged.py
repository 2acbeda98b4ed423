"""What judges the chapter's digits, by the weight of guidance."""

from functools import cache, partial

import numpy as np

from snippets.diffusion.training import (
    NUM_STEPS,
    NUM_WAVES,
    SEED,
    coverage,
    distances_to,
    draw_labelled_batches,
    draw_weights,
    guide,
    judge_samples,
    sample_ddpm,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.judge import (
    frechet_distance,
    read_digits,
    train_judge,
)
from snippets.variational_autoencoder.training import (
    LEARNING_RATE,
    NUM_LATENT,
    draw_noise,
    draw_start,
)

SIZES = [NUM_LATENT + 2 * NUM_WAVES + 10, 192, 192, 192, NUM_LATENT]
MEASURES = {  # by name: the unit
    "read as asked": "%",
    "Fréchet distance": "",
    "coverage of validation digits": "%",
    "distance to the nearest training image, median": "",
}
WAYS = {f"weight {weight}, ": weight for weight in (0, 1, 2)}
REAL, DECODED = "real digits, ", "decoded digits, "
RESULTS = {
    way + name: {
        "seeds": 3,
        "unit": unit,
        "digits": 1,
        "yardstick": (DECODED if "nearest" in name else REAL) + name
        if way in WAYS
        else "–",
    }
    for name, unit in MEASURES.items()
    for way in (*WAYS, DECODED if "nearest" in name else REAL)
}


def load(framework):
    """Return a framework's layers, its tensors of an array, and two optimizers.

    Each optimizer is made for a model; the second averages the weights where Keras
    leaves that to the optimizer.
    """
    if framework == "pytorch":
        import torch

        from snippets.diffusion import pytorch_module as layers

        def adam(model):
            return torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)

        return layers, torch.from_numpy, adam, adam
    import keras

    from snippets.diffusion import tensorflow_keras as layers

    def plain(_):
        return keras.optimizers.Adam(LEARNING_RATE, epsilon=1e-8)

    def averaging(_):
        return keras.optimizers.Adam(
            LEARNING_RATE, epsilon=1e-8, use_ema=True, ema_momentum=0.995
        )

    return layers, np.asarray, plain, averaging


def build(framework, seed=SEED):
    """Return a network for latents with the start weights of a seed."""
    layers, *_ = load(framework)
    network, weights = layers.build_network(SIZES), draw_weights(SIZES, seed)
    if framework == "pytorch":
        layers.load_params(network, weights)
    else:
        network.set_weights(weights)
    return network


def prepare(framework):
    """Return what trains with a seed, what samples 1,000 digits, and the digits asked.

    Training returns a model, an autoencoder of two epochs and a network of 4,000 steps
    on its codes, as functions: of features, of images to codes and of codes to images.
    Sampling takes a seed and a weight, and returns images (1000, 784).
    """
    layers, tensor, adam, averaging = load(framework)
    train_images, y_train, *_ = read_mnist()
    X_train, X_valid = np.split(to_features(train_images), [55_000])
    one_hots, asked = np.eye(10, dtype=np.float32), np.arange(1000) % 10

    @cache
    def train(seed):
        vae = layers.VAE(NUM_LATENT)
        layers.load_params(vae, draw_start(2 * NUM_LATENT, NUM_LATENT, seed))
        layers.fit(vae, adam(vae), tensor(X_train), tensor(X_valid), 2, seed=seed)
        codes = vae.codes(X_train)
        center, scale = codes.mean(axis=0), codes.std(axis=0)
        network, latents = build(framework, seed), (codes - center) / scale
        labels = one_hots[y_train[:55_000]]
        batches = draw_labelled_batches(latents, labels, 4000, seed)
        about = [] if framework == "pytorch" else [4000]  # Keras must be told
        average = layers.fit_noise(network, averaging(network), batches, *about)
        return layers.to_runner(average), vae, lambda x: vae.decode(center + scale * x)

    @cache
    def sample(seed, weight):
        run, _, decode = train(seed)
        noise = draw_noise((NUM_STEPS + 1, 1000, NUM_LATENT), seed)
        return decode(sample_ddpm(guide(run, one_hots[asked], weight), noise)[-1])

    return train, sample, asked


def results(framework):
    """Return by its row what judges 1,000 images of a seed's model.

    The rows of a seed share one training. The real digits are 1,000 that the seed draws
    of the validation set, without those that are to be covered; for the distance they
    are of the training set, and to be compared with nearest images they are decoded.
    """
    train, sample, asked = prepare(framework)
    train_images, labels, *_ = read_mnist()
    digits = to_features(train_images)
    X_train, X_valid = np.split(digits, [55_000])
    size = sum(array.size for array in draw_weights(SIZES))

    @cache
    def judge():
        return train_judge(X_train, labels[:55_000])

    @cache
    def judge_made(seed, weight):
        images = sample(seed, weight)
        share, distance, covered = judge_samples(images, asked, X_valid, judge())
        nearest = distances_to(images, X_train).min(axis=1)
        return 100 * share, distance, 100 * covered, np.median(nearest)

    @cache
    def judge_real(seed):
        rows = np.random.default_rng(seed).permutation(4000)[:1000]
        images, read = digits[56_000 + rows], labels[56_000 + rows]
        share = (read_digits(images, judge()).argmax(axis=1) == read).mean()
        distance = frechet_distance(digits[rows], X_valid, judge())
        covered = coverage(images, X_valid[:1000], judge())
        _, vae, _ = train(seed)
        decoded = vae.decode(vae.codes(images))
        nearest = distances_to(decoded, X_train).min(axis=1)
        return 100 * share, distance, 100 * covered, np.median(nearest)

    def reach(way, name, seed):
        found = judge_made(seed, WAYS[way]) if way in WAYS else judge_real(seed)
        return size, found[[*MEASURES].index(name)]

    pairs = [row.partition(", ") for row in RESULTS]
    return {
        row: partial(reach, way + comma, name)
        for row, (way, comma, name) in zip(RESULTS, pairs, strict=True)
    }
