"""What `make bench` times in TensorFlow: for each race, the variants by their names."""

import sys
from functools import cache, partial

import numpy as np
import tensorflow as tf

from benchmarks.worker import serve
from snippets.character_rnn import data as text
from snippets.character_rnn import tensorflow_fast as rnn_fast
from snippets.character_rnn import tensorflow_model, tensorflow_train
from snippets.character_rnn.weights import draw_start_weights
from snippets.logistic_regression import tensorflow_fast as logistic_fast
from snippets.logistic_regression import tensorflow_gradient_tape as logistic_tape
from snippets.logistic_regression import tensorflow_keras as logistic_keras
from snippets.logistic_regression import tensorflow_manual as logistic
from snippets.logistic_regression.data import load_iris
from snippets.softmax_regression import tensorflow_fast as softmax_fast
from snippets.softmax_regression import tensorflow_gradient_tape as softmax_tape
from snippets.softmax_regression import tensorflow_keras as softmax_keras
from snippets.softmax_regression import tensorflow_manual as softmax
from snippets.softmax_regression.batches import SEED, draw_orders
from snippets.softmax_regression.data import read_mnist, to_features

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000  # images to train on
SIZES = [ROWS // 16, ROWS // 8, ROWS // 4, ROWS // 2, ROWS]
LENGTHS = [25, 50, 100, 200, 400, 800]


@cache
def flowers():
    """Return the training set's features and targets."""
    X_train, y_train, *_ = load_iris()
    return [tf.constant(x, tf.float32) for x in (X_train, y_train)]


@cache
def signed_rows():
    """Return what the fast way trains on."""
    return [logistic_fast.signed_rows(*flowers())]


def tell_logistic(lines, returned):
    """Say what ten epochs printed, and the parameters after them."""
    weights, bias = returned[:2]
    numbers = [*np.asarray(weights).tolist(), float(bias)]
    named = {"lines": lines} if lines else {}
    return named | {"parameters": [f"{number:.4f}" for number in numbers]}


def with_keras(features, targets, num_epochs, learning_rate):
    """Train Keras' model; return its parameters."""
    model = logistic_keras.build_logistic_regression(2)
    targets = targets[:, tf.newaxis]
    logistic_keras.train_keras(model, features, targets, num_epochs, learning_rate)
    kernel, bias = model.get_weights()
    return kernel[:, 0], bias[0]


def without_lines(rows, num_epochs, learning_rate):
    """Train the fast way, and neither measure nor print."""
    last = logistic_fast.descend(rows, num_epochs, learning_rate).numpy()[-1]
    return last[:-1], last[-1]


def run_logistic(train, data=flowers):
    """Return a preparation of ten epochs of logistic regression."""
    return lambda: (partial(train, *data(), 10, 0.1), tell_logistic)


@cache
def images():
    """Return the training set's images, as bytes, and targets."""
    train_images, targets, *_ = read_mnist()
    return train_images[:ROWS], targets[:ROWS]


@cache
def digits():
    """Return the training set's features and targets."""
    train_images, targets = images()
    return tf.constant(to_features(train_images)), tf.constant(targets)


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


def run_loader(load):
    """Return a preparation of one epoch of Keras' model, fed by a loader."""

    def prepare():
        dataset, orders = tuple(map(tf.constant, images())), draw_orders(ROWS, 1, SEED)

        def run():
            model = softmax_keras.build_softmax_regression(28, 28, 10)
            softmax_keras.train_keras(model, load, dataset, orders, 256, 0.1)

        return run, partial(tell_epoch, ROWS)

    return prepare


def run_rnn(loss_fn, make_step, batch_size, length=200):
    """Return a preparation of one update on a batch: the first three losses agree."""

    def prepare():
        with open(text.fetch_corpus(), encoding="ascii") as file:
            tokens, _ = text.split_corpus(file.read())
        start = draw_start_weights(100, 64, 128, np.random.default_rng(SEED))
        model = tensorflow_model.build_model(start)
        step = make_step(model, tensorflow_train.build_optimizer(model), loss_fn)
        generator = np.random.default_rng(SEED)
        batches = list(text.draw_batches(tokens, length, batch_size, 3, generator))
        losses = [f"{step(*batch):.4f}" for batch in batches]

        def run():
            return step(*batches[0])

        return run, lambda *_: {f"losses, {batch_size} times {length}": losses}

    return prepare


by_hand = partial(softmax.train, softmax.step_by_hand)
with_tape = partial(softmax.train, softmax_tape.step_with_tape)
by_character = partial(tensorflow_train.make_step, compiled=False)
of_sequence = tensorflow_train.loss_of_sequence, tensorflow_train.make_step
fast = rnn_fast.loss_by_hand, rnn_fast.make_compiled_step
RACES = {
    "logistic": {
        "by hand": run_logistic(logistic.train_by_hand),
        "gradient tape": run_logistic(logistic_tape.train_with_tape),
        "Keras' fit": run_logistic(with_keras),
        "fast": run_logistic(logistic_fast.train_fast, signed_rows),
        "fast, without the lines": run_logistic(without_lines, signed_rows),
    },
    "softmax": {
        "image by image": run_loader(softmax_keras.load_images),
        "loader of batches": run_loader(softmax_keras.load_batches),
        "gradient tape": run_softmax(with_tape),
        "by hand": run_softmax(by_hand),
        "fast": run_softmax(softmax_fast.train_fast),
    },
    "rnn": {
        "a call per character": run_rnn(
            tensorflow_train.loss_by_character, by_character, 1
        ),
        "a call per portion": run_rnn(*of_sequence, 1),
        "fast": run_rnn(*fast, 1),
        "a call per batch of 64": run_rnn(*of_sequence, 64),
        "fast, batch of 64": run_rnn(*fast, 64),
    },
    "rows": {f"fast|{n}": run_softmax(softmax_fast.train_fast, n) for n in SIZES},
    "length": {f"fast|{n}": run_rnn(*fast, 1, n) for n in LENGTHS},
}

if __name__ == "__main__":
    serve(RACES)
