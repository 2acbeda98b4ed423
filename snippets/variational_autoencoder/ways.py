"""The chapter's ways to train: timed by `make bench`, compared by `make parity`."""

from functools import partial

import numpy as np

from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.judged import prepare
from snippets.variational_autoencoder.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_LATENT,
    SEED,
    draw_start,
)

RESULTS = {
    "VAE 784-400-20, ten epochs": {
        "seeds": 3,
        "unit": "nats",
        "digits": 2,
        "yardstick": "[105.6](https://github.com/pytorch/examples/tree/main/vae)",
    },
}
SPEED = {
    "title": "Variational autoencoder",
    "unit": "ms per step",
    "scale": 1e3 / 50,  # of a run's seconds, to that unit
    "baseline": "by hand",  # each framework's own
    "rounds": {1: 3},  # by the number of threads
    "chapter": (  # in its own table
        "by hand",
        "layers and optimizer",
        "fast",
        "the products alone",
    ),
    "memory": False,
}
BOUNDS = {  # on the losses, at any step
    "variational autoencoder, float32": 1e-2,
    "variational autoencoder, float64": 1e-10,
}


def results(framework):
    """Return by its row what trains a model on all training images, as the yardstick.

    Its value is the loss of the whole test set in nats per image.
    """
    train, _ = prepare(framework)
    return dict.fromkeys(RESULTS, lambda seed: train(seed)[1:])


def tell(_, history):
    """Say both losses after the last epoch."""
    return {"last epoch": [f"{number:.1f}" for number in history[-1]]}


def races(framework, _):
    """Return by its name the preparation of each way of 50 steps."""
    features = to_features(read_mnist()[0])
    sets = [features[:6400], features[-1000:]]
    start = draw_start(2 * NUM_LATENT, NUM_LATENT, SEED)
    if framework == "pytorch":
        import torch

        from snippets.variational_autoencoder import pytorch_fast as fast
        from snippets.variational_autoencoder import pytorch_manual as manual
        from snippets.variational_autoencoder import pytorch_module as layers

        arrays, automatic_name = manual.to_tensors(sets), "autograd"
        to_params = manual.to_tensors

        def new_optimizer(model):
            return torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)

    elif framework == "tensorflow":
        import keras

        from snippets.variational_autoencoder import tensorflow_fast as fast
        from snippets.variational_autoencoder import tensorflow_keras as layers
        from snippets.variational_autoencoder import tensorflow_manual as manual

        arrays, automatic_name = sets, "gradient tape"
        to_params = manual.to_variables

        def new_optimizer(_):
            return keras.optimizers.Adam(LEARNING_RATE, epsilon=1e-8)

    else:
        return {"speed": {"the products alone": partial(products_alone, sets[0])}}

    def on_tensors(gradients):
        return manual.train(to_params(start), gradients, *manual.to_tensors(sets), 1)

    def with_layers():
        model = layers.VAE(NUM_LATENT)
        layers.load_params(model, start)
        return layers.fit(model, new_optimizer(model), *arrays, 1)

    def as_one():
        return fast.train_fast(to_params(start), *manual.to_tensors(sets), 1)

    ways = {
        "by hand": partial(on_tensors, manual.backward),
        automatic_name: partial(on_tensors, manual.backward_autograd),
        "layers and optimizer": with_layers,
        "fast": as_one,
    }

    def prepare(way):
        return way, tell

    return {"speed": {name: partial(prepare, way) for name, way in ways.items()}}


def products_alone(features):
    """Prepare the matrix products of 50 steps, on batches that lie in order."""
    batches = features.reshape(-1, BATCH_SIZE, features.shape[1])
    W1, _, W2, _, W3, _, W4, _ = draw_start(2 * NUM_LATENT, NUM_LATENT, SEED)
    encoded = batches[0] @ W1
    codes = encoded @ W2
    latents = np.ascontiguousarray(codes[:, :NUM_LATENT])
    decoded = latents @ W3

    def run():
        for batch in batches:
            batch @ W1
            encoded @ W2
            latents @ W3
            decoded @ W4
            batch @ W4.T
            decoded.T @ batch
            decoded @ W3.T
            latents.T @ decoded
            codes @ W2.T
            encoded.T @ codes
            batch.T @ encoded

    return run, None  # it trains nothing: there is nothing to compare


def train(framework):
    """Return by name the losses and the last weights of what has a bound."""
    features = to_features(read_mnist()[0])
    if framework == "pytorch":
        from snippets.variational_autoencoder import pytorch_manual as manual

        to_params = manual.to_tensors
    else:
        from snippets.variational_autoencoder import tensorflow_manual as manual

        to_params = manual.to_variables

    def run(dtype):
        losses = []

        def backward(features, noise, params):
            losses.append(float(sum(manual.losses(features, noise, params))))
            return manual.backward(features, noise, params)

        sets = [features[:12_800].astype(dtype), features[-1000:].astype(dtype)]
        start = draw_start(2 * NUM_LATENT, NUM_LATENT, SEED)
        params = to_params([x.astype(dtype) for x in start])
        manual.train(params, backward, *manual.to_tensors(sets), 1)
        return np.array(losses), [x.numpy() for x in params]

    return {name: run(name.split(", ")[1]) for name in BOUNDS}
