"""What `make bench` times in NumPy alone: the floor of softmax regression."""

import sys
from functools import cache, partial

import numpy as np

from benchmarks.worker import serve
from snippets.softmax_regression.batches import SEED, draw_orders, split_batches
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.softmax_regression.numpy_fast import train_in_numpy

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000  # images to train on
SIZES = [ROWS // 16, ROWS // 8, ROWS // 4, ROWS // 2, ROWS]


@cache
def digits():
    """Return the training set's features and targets."""
    images, targets, *_ = read_mnist()
    return to_features(images[:ROWS]), targets[:ROWS]


def tell_epoch(count, lines, _):
    """Say what an epoch of so many rows printed at its end."""
    return {f"lines, {count} rows": lines[-1:]}


def run_softmax(count=ROWS):
    """Return a preparation of one epoch."""

    def prepare():
        orders = draw_orders(count, 1, SEED)
        features, targets = (x[:count] for x in digits())

        run = partial(train_in_numpy, features, targets, orders, 256, 0.1)
        return run, partial(tell_epoch, count)

    return prepare


def products_alone():
    """Prepare the matrix products of an epoch, on batches that lie in order."""
    features, _ = digits()
    batches = split_batches(features, 256)
    weights = np.zeros((784, 10), np.float32)
    errors = np.zeros((256, 10), np.float32)

    def run():
        for batch in batches:
            batch @ weights
            batch.T @ errors[: len(batch)]
        features @ weights

    return run, lambda *_: {}


RACES = {
    "softmax": {"fast": run_softmax(), "the products alone": products_alone},
    "rows": {f"fast|{n}": run_softmax(n) for n in SIZES},
}

if __name__ == "__main__":
    serve(RACES)
