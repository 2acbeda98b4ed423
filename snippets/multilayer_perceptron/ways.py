"""The chapter's ways to train: timed by `make bench`, compared by `make parity`.

Its head table is trained by `make results`.
"""

from functools import partial

import numpy as np

from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    NUM_HIDDEN,
    SEED,
    draw_params,
)
from snippets.softmax_regression.data import read_mnist, to_features

SPEED = {
    "title": "Multilayer perceptron",
    "unit": "ms per epoch",
    "scale": 1e3 / NUM_EPOCHS,  # of a run's seconds, to that unit
    "baseline": "by hand",  # each framework's own
    "rounds": {1: 5},  # by the number of threads
    "chapter": (  # in its own table
        "by hand",
        "layers and optimizer",
        "fast",
        "the products alone",
    ),
    "memory": False,  # there would be nothing but the framework's
}
BOUNDS = {  # on the losses, at any step
    "multilayer perceptron, float32": 1e-3,  # on some processors a ReLU parts them
    "multilayer perceptron, float64": 1e-12,
}
PAPER = "https://arxiv.org/abs/2011.14439"
RASBT = "https://github.com/rasbt/deeplearning-models/blob/master"
RESULTS = {  # what is said of each model beside its accuracy on the test set
    "softmax regression on MNIST-1D": {
        "seeds": 3, "unit": "%", "digits": 1, "yardstick": f"[32 ± 1 %]({PAPER})",
    },
    "MLP 40-100-100-10 on MNIST-1D": {
        "seeds": 3, "unit": "%", "digits": 1, "yardstick": f"[68 ± 2 %]({PAPER})",
    },
    "MLP 784-100-10 on MNIST": {
        "seeds": 3, "unit": "%", "digits": 2,
        "yardstick": f"[97.5 %]({RASBT}/pytorch_ipynb/mlp/mlp-basic.ipynb)",
    },
}  # fmt: skip
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

        from snippets.multilayer_perceptron import pytorch_fast as fast
        from snippets.multilayer_perceptron import pytorch_manual as manual
        from snippets.multilayer_perceptron import pytorch_module as layers

        sets = [manual.to_tensors(x) for x in (train_set, valid_set)]
        arrays, automatic_name, to_params = sets, "autograd", manual.to_tensors

        def new_optimizer(model):
            return torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)

    elif framework == "tensorflow":
        import keras

        from snippets.multilayer_perceptron import tensorflow_fast as fast
        from snippets.multilayer_perceptron import tensorflow_keras as layers
        from snippets.multilayer_perceptron import tensorflow_manual as manual

        sets = [manual.to_tensors(x) for x in (train_set, valid_set)]
        arrays, automatic_name = [train_set, valid_set], "gradient tape"
        to_params = manual.to_variables

        def new_optimizer(_):
            return keras.optimizers.SGD(LEARNING_RATE)

    else:
        return {"speed": {"the products alone": partial(products_alone, train_set[0])}}

    def on_tensors(gradients):
        params = to_params(draw_params(SIZES, SEED))
        return manual.train(params, gradients, *sets)

    def as_one():
        return fast.train_fast(to_params(draw_params(SIZES, SEED)), *sets)

    def with_layers():
        model = layers.build_model(SIZES)
        layers.load_params(model, draw_params(SIZES, SEED))
        return layers.fit(model, new_optimizer(model), *arrays, NUM_EPOCHS)

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
    """Prepare the matrix products of twenty epochs, on batches that lie in order."""
    batches = features.reshape(-1, BATCH_SIZE, features.shape[1])
    W1, _, W2, _ = draw_params(SIZES, SEED)
    hidden, errors = np.maximum(batches[0] @ W1, 0), batches[0] @ W1 @ W2

    def run():
        for _ in range(NUM_EPOCHS):
            for batch in batches:
                batch @ W1
                hidden @ W2
                errors @ W2.T
                hidden.T @ errors
                batch.T @ hidden

    return run, None  # it trains nothing: there is nothing to compare


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


def results(framework):
    """Return by its name how each model of the head table is trained, given a seed.

    Each returns its number of parameters and its accuracy on the test set, in percent.
    """
    if framework == "pytorch":
        import torch

        from snippets.multilayer_perceptron import pytorch_module as layers

        set_seed = torch.manual_seed

        def tensors(arrays):
            return [torch.from_numpy(x) for x in arrays]

        def sgd(rate):
            return lambda model: torch.optim.SGD(model.parameters(), lr=rate)

        def adam(rate):
            return lambda model: torch.optim.Adam(model.parameters(), lr=rate)

        def reached(model, data):
            accuracy = layers.evaluate(model, *tensors(data))[1]
            return sum(p.numel() for p in model.parameters()), 100 * accuracy

    else:
        import keras

        from snippets.multilayer_perceptron import tensorflow_keras as layers

        set_seed, tensors = keras.utils.set_random_seed, tuple

        def sgd(rate):
            return lambda _: keras.optimizers.SGD(rate)

        def adam(rate):
            return lambda _: keras.optimizers.Adam(rate)

        def reached(model, data):
            accuracy = model.evaluate(*data, verbose=0)[1]
            return model.count_params(), 100 * accuracy

    def reach(sets, sizes, make_optimizer, num_epochs, patience, dropout, seed):
        set_seed(seed)
        model = layers.build_model(sizes, dropout)
        layers.load_params(model, draw_params(sizes, seed))
        train_data, valid_data, test_data = sets
        data = tensors(train_data), tensors(valid_data)
        layers.fit(model, make_optimizer(model), *data, num_epochs, patience, seed)
        return reached(model, test_data)

    X, y = make_mnist1d()
    signals = *split(), (X[4000:], y[4000:])
    X, y, *test_data = read_mnist()
    X, test_data[0] = to_features(X), to_features(test_data[0])
    digits = (X[:55_000], y[:55_000]), (X[55_000:], y[55_000:]), test_data
    line, network, reader = RESULTS
    return {
        line: partial(reach, signals, [40, 10], sgd(0.1), 40, 10, 0.0),
        network: partial(reach, signals, [40, 100, 100, 10], adam(0.003), 80, 10, 0.2),
        reader: partial(reach, digits, [784, 100, 10], sgd(0.2), 10, None, 0.0),
    }
