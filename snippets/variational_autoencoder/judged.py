"""What is judged of the chapter's model: the likelihood of all test images."""

from functools import cache, partial

import numpy as np

from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.training import (
    NUM_LATENT,
    draw_noise,
    draw_start,
)

ROWS = {f"{x} codes for each image": x for x in (10, 100)}
ROWS = {"1 code for each image, the ELBO": 1} | ROWS
EXAMPLE = "[105.6](https://github.com/pytorch/examples/tree/main/vae)"
RESULTS = {
    row: {
        "seeds": 3,
        "unit": "nats",
        "digits": 2,
        "yardstick": EXAMPLE if number == 1 else "–",
    }
    for row, number in ROWS.items()
}


def prepare(framework):
    """Return what trains a model with a seed, as the yardstick does: on all images.

    It returns the model, its number of parameters, and its loss of the test set in nats
    per image. A second function estimates minus log p(x) of images, given the model and
    noise (num_samples, num_images, num_latent).
    """
    train_images, _, test_images, _ = read_mnist()
    sets = [to_features(train_images), to_features(test_images)]
    if framework == "pytorch":
        import torch

        from snippets.variational_autoencoder import pytorch_module as layers

        tensor = torch.from_numpy

        def new_optimizer(model):
            return torch.optim.Adam(model.parameters(), 0.001, fused=True)

    else:
        import keras

        from snippets.variational_autoencoder import tensorflow_keras as layers

        tensor = np.asarray

        def new_optimizer(_):
            return keras.optimizers.Adam(0.001, epsilon=1e-8)

    @cache
    def train(seed):
        start = draw_start(2 * NUM_LATENT, NUM_LATENT, seed)
        model = layers.VAE(NUM_LATENT)
        layers.load_params(model, start)
        data = map(tensor, sets)
        history = layers.fit(model, new_optimizer(model), *data, 10, seed=seed)
        return model, sum(p.size for p in start), sum(history[-1])

    def estimate(model, images, noise):
        return -np.asarray(layers.log_likelihoods(model, *map(tensor, (images, noise))))

    return train, estimate


def results(framework):
    """Return by its row what estimates minus log p(x) of all test images in nats.

    All rows of a seed share one training.
    """
    train, estimate = prepare(framework)
    parts = np.split(to_features(read_mnist()[2]), 10)

    def reach(num_samples, seed):
        model, size, _ = train(seed)
        found = []
        for number, images in enumerate(parts):
            shape = num_samples, len(images), NUM_LATENT
            noise = draw_noise(shape, seed=100 * seed + number)
            found.append(estimate(model, images, noise).mean())
        return size, np.mean(found)

    return {row: partial(reach, number) for row, number in ROWS.items()}
