"""The chapter's ways to train: timed by `make bench`, compared by `make parity`.

Its head table is trained by `make results`.
"""

from functools import partial

from snippets.my_model.data import load_points
from snippets.my_model.fast import train_fast

SPEED = {
    "title": "My model",
    "unit": "µs per epoch",
    "scale": 1e6 / 100,  # of a run's seconds, to that unit
    "baseline": "by hand",  # each framework's own
    "rounds": {1: 25},  # by the number of threads
    "chapter": ("by hand", "fast"),  # in its own table
    "memory": False,
}
TRAINED = "my model, float32"
BOUNDS = {TRAINED: 1e-6}  # on the losses, at any step
RESULTS = {  # the rows of the head table: what is said of each, beside what it reached
    "My model": {
        "seeds": 3,
        "unit": "",
        "digits": 3,
        "yardstick": "2, the true slope",
    },
}


def trained(framework):
    """Return how a framework makes tensors, and how it trains by hand."""
    if framework == "pytorch":
        import torch

        from snippets.my_model import pytorch_manual as manual

        return partial(torch.tensor, device=manual.device), manual.train_by_hand
    import tensorflow as tf

    from snippets.my_model import tensorflow_manual as manual

    return tf.constant, manual.train_by_hand


def tell(_, returned):
    """Say what was found, to the digits that all ways have in common."""
    return {"parameters": [f"{float(x):.4f}" for x in returned[:2]]}


def races(framework, _):
    """Return by its name the preparation of each way."""
    if framework == "numpy":
        return {}
    arrays = load_points()
    to_tensor, train_by_hand = trained(framework)
    ways = {
        "by hand": (train_by_hand, map(to_tensor, arrays)),
        "fast": (train_fast, arrays),
    }

    def prepare(train, data):
        return partial(train, *data, 100, 0.1), tell

    return {"speed": {name: partial(prepare, *way) for name, way in ways.items()}}


def train(framework):
    """Return by name the losses and the last weights of what has a bound."""
    to_tensor, train_by_hand = trained(framework)
    arrays = map(to_tensor, load_points())
    weight, bias, costs = train_by_hand(*arrays, 100, 0.1)
    return {TRAINED: (costs, [float(weight), float(bias)])}


def results(framework):
    """Return for each row of the head table how it is trained, given a seed.

    Each returns its number of parameters, and what it reached: here, the slope.
    """
    to_tensor, train_by_hand = trained(framework)

    def reach(seed):
        arrays = map(to_tensor, load_points(seed=seed))
        weight, _, _ = train_by_hand(*arrays, 1000, 0.1)
        return 2, float(weight)

    return {"My model": reach}
