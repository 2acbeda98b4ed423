"""The chapter's ways to train: timed by `make bench`, compared by `make parity`."""

from functools import partial

import numpy as np

from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.training import (
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    NUM_HIDDEN,
    SEED,
    draw_params,
)

SPEED = {
    "title": "Multilayer perceptron",
    "unit": "ms per epoch",
    "scale": 1e3 / NUM_EPOCHS,  # of a run's seconds, to that unit
    "baseline": "by hand",  # each framework's own
    "rounds": {1: 3},  # by the number of threads
    "chapter": ("by hand", "layers and optimizer"),  # in its own table
    "memory": False,  # there would be nothing but the framework's
}
BOUNDS = {  # on the losses, at any step
    "multilayer perceptron, float32": 1e-5,
    "multilayer perceptron, float64": 1e-12,
}
SIZES = [40, NUM_HIDDEN, NUM_CLASSES]


def tell(_, history):
    """Say the losses and accuracies after the last epoch."""
    return {"last epoch": [f"{number:.3f}" for number in history[-1]]}


def split():
    """Return the training set and the validation set."""
    signals, labels = make_mnist1d()
    return (signals[:3200], labels[:3200]), (signals[3200:4000], labels[3200:4000])


def races(framework, _):
    """Return by its name the preparation of each way of twenty epochs."""
    train_set, valid_set = split()
    if framework == "pytorch":
        import torch

        from snippets.multilayer_perceptron import pytorch_manual as manual
        from snippets.multilayer_perceptron import pytorch_module as layers

        sets = [manual.to_tensors(x) for x in (train_set, valid_set)]
        arrays, automatic_name, to_params = sets, "autograd", manual.to_tensors

        def new_optimizer(model):
            return torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)

    elif framework == "tensorflow":
        import keras

        from snippets.multilayer_perceptron import tensorflow_keras as layers
        from snippets.multilayer_perceptron import tensorflow_manual as manual

        sets = [manual.to_tensors(x) for x in (train_set, valid_set)]
        arrays, automatic_name = [train_set, valid_set], "gradient tape"
        to_params = manual.to_variables

        def new_optimizer(_):
            return keras.optimizers.SGD(LEARNING_RATE)

    else:
        return {}

    def on_tensors(gradients):
        params = to_params(draw_params(SIZES, SEED))
        return manual.train(params, gradients, *sets)

    def with_layers():
        model = layers.build_model(SIZES)
        layers.load_params(model, draw_params(SIZES, SEED))
        return layers.fit(model, new_optimizer(model), *arrays, NUM_EPOCHS)

    ways = {
        "by hand": partial(on_tensors, manual.backward),
        automatic_name: partial(on_tensors, manual.backward_autograd),
        "layers and optimizer": with_layers,
    }

    def prepare(way):
        return way, tell

    return {"speed": {name: partial(prepare, way) for name, way in ways.items()}}


def train(framework):
    """Return by name the losses and the last weights of what has a bound."""
    if framework == "pytorch":
        from snippets.multilayer_perceptron import pytorch_manual as manual

        to_params = manual.to_tensors
    else:
        from snippets.multilayer_perceptron import tensorflow_manual as manual

        to_params = manual.to_variables

    def run(dtype):
        losses = []

        def backward(features, targets, params):
            logits, _ = manual.forward(features, params)
            losses.append(float(manual.cross_entropy(logits, targets)))
            return manual.backward(features, targets, params)

        sets = [manual.to_tensors([x.astype(dtype), y]) for x, y in split()]
        params = to_params([x.astype(dtype) for x in draw_params(SIZES, SEED)])
        manual.train(params, backward, *sets)
        return np.array(losses), [x.numpy() for x in params]

    return {name: run(name.split(", ")[1]) for name in BOUNDS}
