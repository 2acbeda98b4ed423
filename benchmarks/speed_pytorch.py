"""What `make bench` times in PyTorch: for each race, the variants by their names."""

import sys
from functools import cache, partial

import numpy as np
import torch
from torch.utils.data import TensorDataset

from benchmarks.worker import clock, serve
from snippets.character_rnn import data as text
from snippets.character_rnn import pytorch_fast as rnn_fast
from snippets.character_rnn import pytorch_model, pytorch_train
from snippets.character_rnn.weights import draw_start_weights
from snippets.logistic_regression import pytorch_autograd as logistic_autograd
from snippets.logistic_regression import pytorch_fast as logistic_fast
from snippets.logistic_regression import pytorch_manual as logistic
from snippets.logistic_regression import pytorch_module as logistic_module
from snippets.logistic_regression.data import load_iris
from snippets.softmax_regression import pytorch_autograd as softmax_autograd
from snippets.softmax_regression import pytorch_fast as softmax_fast
from snippets.softmax_regression import pytorch_manual as softmax
from snippets.softmax_regression import pytorch_module as softmax_module
from snippets.softmax_regression.batches import SEED, draw_orders
from snippets.softmax_regression.data import read_mnist, to_features

device = logistic.device
ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000  # images to train on
SIZES = [ROWS // 16, ROWS // 8, ROWS // 4, ROWS // 2, ROWS]
LENGTHS = [25, 50, 100, 200, 400, 800]


@cache
def flowers():
    """Return the training set's features and targets."""
    X_train, y_train, *_ = load_iris()
    return [
        torch.tensor(x, dtype=torch.float32, device=device) for x in (X_train, y_train)
    ]


@cache
def signed_rows():
    """Return what the fast way trains on."""
    return [logistic_fast.signed_rows(*flowers())]


def tell_logistic(lines, returned):
    """Say what ten epochs printed, and the parameters after them."""
    weights, bias = returned[:2]
    numbers = [*weights.tolist(), bias.item()]
    named = {"lines": lines} if lines else {}
    return named | {"parameters": [f"{number:.4f}" for number in numbers]}


def with_module(features, targets, num_epochs, learning_rate):
    """Train a module; return its parameters."""
    model = logistic_module.LogisticRegression(2).to(device)
    logistic_module.train_module(model, features, targets, num_epochs, learning_rate)
    return model.linear.weight[0], model.linear.bias


def without_lines(rows, num_epochs, learning_rate):
    """Train the fast way, and neither measure nor print."""
    last = logistic_fast.descend(rows, num_epochs, learning_rate)[-1]
    return last[:-1], last[-1]


def run_logistic(train, data=flowers):
    """Return a preparation of ten epochs of logistic regression."""
    return lambda: (partial(train, *data(), 10, 0.1), tell_logistic)


@cache
def digits():
    """Return the training set's features and targets."""
    images, targets, *_ = read_mnist()
    features = torch.from_numpy(to_features(images[:ROWS])).to(device)
    return features, torch.from_numpy(targets[:ROWS]).to(device)


def tell_epoch(count, lines, _):
    """Say what an epoch of so many rows printed at its end."""
    return {f"lines, {count} rows": lines[-1:]}


def run_softmax(train, count=ROWS):
    """Return a preparation of one epoch by a function of features, targets, orders."""

    def prepare():
        orders = draw_orders(count, 1, SEED)
        features, targets = (x[:count] for x in digits())

        run = partial(train, features, targets, orders, 256, 0.1)
        return run, partial(tell_epoch, count)

    return prepare


def run_loader(load, open_dataset):
    """Return a preparation of one epoch of the module, fed by a loader."""

    def prepare():
        dataset, orders = open_dataset(), draw_orders(ROWS, 1, SEED)

        def run():
            model = softmax_module.SoftmaxRegression(784, 10).to(device)
            softmax_module.train_module(model, load, dataset, orders, 256, 0.1)

        return run, partial(tell_epoch, ROWS)

    return prepare


def tensor_dataset():
    """Return the images as one tensor, with their targets."""
    features, targets = digits()
    return TensorDataset(features.reshape(-1, 1, 28, 28), targets)


def run_rnn(loss_fn, batch_size, length=200):
    """Return a preparation of one update on a batch: the first three losses agree."""

    def prepare():
        with open(text.fetch_corpus(), encoding="ascii") as file:
            tokens, _ = text.split_corpus(file.read())
        start = draw_start_weights(100, 64, 128, np.random.default_rng(SEED))
        model = pytorch_model.build_model(start)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        step = pytorch_train.make_step(model, optimizer, loss_fn)
        generator = np.random.default_rng(SEED)
        batches = list(text.draw_batches(tokens, length, batch_size, 3, generator))
        losses = [f"{step(*batch):.4f}" for batch in batches]

        def run():
            return step(*batches[0])

        return run, lambda *_: {f"losses, {batch_size} times {length}": losses}

    return prepare


def measure_on_gpu(run, loops):
    """Return what clock does, timed by the GPU's own events."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    for _ in range(loops):
        result = run()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1000 / loops, result


by_hand = partial(softmax.train, softmax.step_by_hand)
RACES = {
    "logistic": {
        "by hand": run_logistic(logistic.train_by_hand),
        "autograd": run_logistic(logistic_autograd.train_with_autograd),
        "layer, loss and optimizer": run_logistic(with_module),
        "fast": run_logistic(logistic_fast.train_fast, signed_rows),
        "fast, without the lines": run_logistic(without_lines, signed_rows),
    },
    "softmax": {
        "image by image": run_loader(
            softmax_module.load_images, partial(softmax_module.open_images, train=True)
        ),
        "loader of batches": run_loader(softmax_module.load_batches, tensor_dataset),
        "autograd": run_softmax(
            partial(softmax.train, softmax_autograd.step_with_autograd)
        ),
        "by hand": run_softmax(by_hand),
        "fast": run_softmax(softmax_fast.train_fast),
    },
    "rnn": {
        "a call per character": run_rnn(pytorch_train.loss_by_character, 1),
        "a call per portion": run_rnn(pytorch_train.loss_of_sequence, 1),
        "fast": run_rnn(rnn_fast.loss_by_hand, 1),
        "a call per batch of 64": run_rnn(pytorch_train.loss_of_sequence, 64),
        "fast, batch of 64": run_rnn(rnn_fast.loss_by_hand, 64),
    },
    "rows": {f"by hand|{n}": run_softmax(by_hand, n) for n in SIZES}
    | {f"fast|{n}": run_softmax(softmax_fast.train_fast, n) for n in SIZES},
    "length": {
        f"a call per portion|{n}": run_rnn(pytorch_train.loss_of_sequence, 1, n)
        for n in LENGTHS
    }
    | {f"fast|{n}": run_rnn(rnn_fast.loss_by_hand, 1, n) for n in LENGTHS},
}

if __name__ == "__main__":
    serve(RACES, measure_on_gpu if device.type == "cuda" else clock)
