"""What judges the chapter's digits: two classifiers, and the images of the data."""

from functools import cache, partial

import numpy as np

from snippets.convolutional_network.training import (
    BATCH_SIZE,
    LENET_SHAPES,
    draw_params,
)
from snippets.diffusion.training import coverage
from snippets.gan.training import (
    NUM_NOISE,
    SEED,
    draw_networks,
    draw_noise,
    draw_noisy_batches,
    judge_digits,
    nearest_distances,
)
from snippets.multilayer_perceptron.training import draw_batches
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.judge import frechet_distance, train_judge

MEASURES = {  # by row: the unit
    "read with confidence by LeNet-5": "%",
    "read with confidence by the perceptron": "%",
    "rarest class, by LeNet-5": "%",
    "most frequent class, by LeNet-5": "%",
    "Fréchet distance": "",
    "coverage of validation digits": "%",
    "distance to the nearest training image, median": "",
    "distance to the nearest training image, least": "",
}
REAL = "real digits, "
RESULTS = {
    prefix + row: {
        "seeds": 3,
        "unit": unit,
        "digits": 1,
        "yardstick": "–" if prefix else REAL + row,
    }
    for prefix in ("", REAL)
    for row, unit in MEASURES.items()
}


def prepare(framework):
    """Return what trains a generator for a seed, and what judges images.

    The first returns 1,000 images and the number of both networks' parameters. The
    second takes images (1000, 784), and returns a dict of numbers by row; the Fréchet
    distance is that of `alike`, where given. Validation digits are near themselves.
    """
    train_images, y_train, *_ = read_mnist()
    X_train, X_valid = np.split(to_features(train_images), [55_000])
    y_train, y_valid = np.split(y_train, [55_000])
    if framework == "pytorch":
        from snippets.gan import pytorch_module as layers
    else:
        from snippets.gan import tensorflow_keras as layers

    @cache
    def make(seed):
        networks = layers.build_networks(seed)
        layers.fit_gan(*networks, draw_noisy_batches(X_train, 2500, seed=seed))
        images = layers.make_digits(networks[0], draw_noise((1000, NUM_NOISE), seed))
        return images, sum(p.size for x in draw_networks() for p in x) + 2 * (128 + 256)

    @cache
    def judges():
        data = (X_train, y_train), (X_valid, y_valid)
        return train_judge(X_train, y_train), train_lenet(framework, *data)

    def judge(images, alike=None):
        perceptron, read = judges()
        probas = read(images)
        shares = np.bincount(probas.argmax(axis=1), minlength=10) / len(images)
        nearest = nearest_distances(images, X_train)
        found = [
            100 * (probas.max(axis=1) > 0.9).mean(),
            100 * judge_digits(images, perceptron)[0],
            100 * shares.min(),
            100 * shares.max(),
            frechet_distance(images if alike is None else alike, X_valid, perceptron),
            100 * coverage(images, X_valid[:1000], perceptron),
            np.median(nearest),
            nearest.min(),
        ]
        return dict(zip(MEASURES, found, strict=True))

    return make, judge


def train_lenet(framework, train_data, valid_data):
    """Return what reads images (num_images, 784), as probabilities of ten classes.

    It is the classifier of the convolutional chapter, trained as there.
    """
    start = draw_params(LENET_SHAPES, SEED, gain=2.0)
    rounds = np.stack(list(draw_batches(55_000, 3, BATCH_SIZE, SEED)))
    if framework == "pytorch":
        import torch

        from snippets.convolutional_network import pytorch_module as layers

        def to_images(rows):
            return torch.from_numpy(rows.reshape(-1, 1, 28, 28))

        lenet = layers.build_lenet5(torch.nn.ReLU, torch.nn.MaxPool2d)
        sets = [
            (to_images(x), torch.from_numpy(y)) for x, y in (train_data, valid_data)
        ]
        layers.load_params(lenet, start)
        layers.fit_decaying(lenet, 0.005, *sets, rounds)

        @torch.inference_mode()
        def read(rows):
            return torch.softmax(lenet(to_images(rows)), dim=1).numpy()

        return read
    import keras

    from snippets.convolutional_network import tensorflow_keras as layers

    def to_images(rows):
        return rows.reshape(-1, 28, 28, 1)

    lenet = layers.build_lenet5("relu", keras.layers.MaxPooling2D)
    sets = [(to_images(x), y) for x, y in (train_data, valid_data)]
    layers.load_params(lenet, start)
    layers.fit_decaying(lenet, 0.005, *sets, rounds)

    def read(rows):
        return keras.ops.softmax(lenet(to_images(rows))).numpy()

    return read


def results(framework):
    """Return by its row what judges 1,000 images of a seed's training.

    The rows of a seed share one training. The real digits are 1,000 that the seed draws
    of the validation set, without those that are to be covered. For the distance they
    are of the training set.
    """
    make, judge = prepare(framework)
    digits = to_features(read_mnist()[0])

    @cache
    def judge_made(seed):
        return judge(make(seed)[0])

    @cache
    def judge_real(seed):
        rows = np.random.default_rng(seed).permutation(4000)[:1000]
        return judge(digits[56_000 + rows], digits[rows])

    def reach(row, seed):
        found = judge_real(seed) if row.startswith(REAL) else judge_made(seed)
        return make(seed)[1], found[row.removeprefix(REAL)]

    return {row: partial(reach, row) for row in RESULTS}
