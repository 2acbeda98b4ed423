"""The chapter's ways to train: timed by `make bench`, compared by `make parity`."""

from functools import partial

import numpy as np

from snippets.logistic_regression.data import load_iris

SPEED = {
    "title": "Logistic regression",
    "unit": "µs per epoch",
    "scale": 1e6 / 10,  # of a run's seconds, to that unit
    "baseline": "by hand",  # each framework's own
    "rounds": {1: 25},  # by the number of threads
    "chapter": ("by hand", "fast", "fast, without the lines"),  # in its own table
    "memory": False,  # there would be nothing but the framework's
}
BOUNDS = {  # on the losses, at any step
    "logistic regression, float32": 1e-5,
    "logistic regression, float64": 1e-11,
}


def tell(lines, returned):
    """Say what ten epochs printed, and the parameters after them."""
    weights, bias = returned[:2]
    numbers = [*np.asarray(weights).ravel(), *np.asarray(bias).ravel()]
    named = {"lines": lines} if lines else {}
    return named | {"parameters": [f"{number:.4f}" for number in numbers]}


def races(framework, _):
    """Return by its name the preparation of each way of ten epochs."""
    arrays = load_iris()[:2]
    if framework == "pytorch":
        import torch

        from snippets.logistic_regression import pytorch_manual as manual
        from snippets.logistic_regression import pytorch_module as layers
        from snippets.logistic_regression import pytorch_more as fast

        flowers = [
            torch.tensor(x, dtype=torch.float32, device=manual.device) for x in arrays
        ]
        automatic_name, train = "autograd", manual.train_with_autograd
        layers_name = "layer, loss and optimizer"

        def with_layers(features, targets, num_epochs, learning_rate):
            model = layers.LogisticRegression(2).to(manual.device)
            layers.train_module(model, features, targets, num_epochs, learning_rate)
            return model.linear.weight[0], model.linear.bias

        def tell_tensors(lines, returned):
            return tell(lines, [x.detach().cpu() for x in returned[:2]])

    elif framework == "tensorflow":
        import tensorflow as tf

        from snippets.logistic_regression import tensorflow_keras as layers
        from snippets.logistic_regression import tensorflow_manual as manual
        from snippets.logistic_regression import tensorflow_more as fast

        flowers = [tf.constant(x, tf.float32) for x in arrays]
        automatic_name, train = "gradient tape", manual.train_with_tape
        layers_name, tell_tensors = "Keras' fit", tell

        def with_layers(features, targets, num_epochs, learning_rate):
            model = layers.build_logistic_regression(2)
            targets = targets[:, tf.newaxis]
            layers.train_keras(model, features, targets, num_epochs, learning_rate)
            kernel, bias = model.get_weights()
            return kernel[:, 0], bias[0]

    else:
        return {}

    def without_lines(rows, num_epochs, learning_rate):
        parameters = fast.descend(rows, num_epochs, learning_rate)
        last = (parameters if framework == "pytorch" else parameters.numpy())[-1]
        return last[:-1], last[-1]

    rows = [fast.signed_rows(*flowers)]
    ways = {
        "by hand": (manual.train_by_hand, flowers),
        automatic_name: (train, flowers),
        layers_name: (with_layers, flowers),
        "fast": (fast.train_fast, rows),
        "fast, without the lines": (without_lines, rows),
    }

    def prepare(train, data):
        return partial(train, *data, 10, 0.1), tell_tensors

    return {"speed": {name: partial(prepare, *way) for name, way in ways.items()}}


def train(framework):
    """Return by name the losses and the last weights of what has a bound."""
    from snippets.same_numbers.batches import SEED, draw_starts
    from snippets.same_numbers.trainers import trainers

    start, fit = draw_starts(SEED)["logistic regression"], trainers(framework)[0]
    return {name: fit(start, name.split(", ")[1]) for name in BOUNDS}
