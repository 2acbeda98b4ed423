"""The chapter's ways to train: timed by `make bench`, compared by `make parity`."""

from functools import partial

import numpy as np

from snippets.softmax_regression.data import (
    SEED,
    draw_orders,
    read_mnist,
    split_batches,
    to_features,
    train_in_numpy,
)

SPEED = {
    "title": "Softmax regression",
    "unit": "ms per epoch",
    "scale": 1e3,  # of a run's seconds, to that unit
    "baseline": "pytorch|image by image",
    "rounds": {1: 5, 2: 3},  # by the number of threads
    "chapter": ("image by image", "by hand", "fast"),  # in its own table
    "growth": "images in an epoch",
}
BOUNDS = {  # on the losses, at any step
    "softmax regression, float32": 1e-6,
    "softmax regression, float64": 1e-13,
}


def tell_epoch(count, lines, _):
    """Say what an epoch of so many rows printed at its end."""
    return {f"lines, {count} rows": lines[-1:]}


def tell_history(count, _, history):
    """Say the same of layers, which return it."""
    (_, accuracy, cost), *_ = history
    line = f"Epoch: 001/001 | Train ACC: {accuracy:.2%} | Cost: {cost:.4f}"
    return {f"lines, {count} rows": [line]}


def races(framework, rows):
    """Return by its name the preparation of each way of an epoch of so many images."""
    images, targets = (x[:rows] for x in read_mnist()[:2])
    sizes = [rows // 16, rows // 8, rows // 4, rows // 2, rows]
    digits = to_features(images), targets

    def on_tensors(train, count=rows):
        def prepare():
            orders = draw_orders(count, 1, SEED)
            data = [x[:count] for x in digits]
            return partial(train, *data, orders, 256, 0.1), partial(tell_epoch, count)

        return prepare

    if framework == "pytorch":
        import torch
        from torch.utils.data import DataLoader, TensorDataset

        from snippets.softmax_regression import pytorch_manual as manual
        from snippets.softmax_regression import pytorch_module as layers
        from snippets.softmax_regression import pytorch_more as fast

        pixels = [torch.from_numpy(x) for x in digits]
        digits = [x.to(manual.device) for x in pixels]
        dataset = TensorDataset(pixels[0].reshape(-1, 1, 28, 28), pixels[1])
        automatic_name, step = "autograd", manual.step_with_autograd
        to_sampler = np.ndarray.tolist

        def load_images(dataset, sampler, batch_size):
            return DataLoader(dataset, batch_size=batch_size, sampler=sampler)

        def new_model():
            return layers.SoftmaxRegression(784, 10).to(manual.device)

    elif framework == "tensorflow":
        import tensorflow as tf

        from snippets.softmax_regression import tensorflow_keras as layers
        from snippets.softmax_regression import tensorflow_manual as manual
        from snippets.softmax_regression import tensorflow_more as fast

        digits = [tf.constant(x) for x in digits]
        dataset = tf.reshape(digits[0], (-1, 28, 28)), digits[1]
        automatic_name, step = "gradient tape", manual.step_with_tape
        to_sampler = tf.data.Dataset.from_tensor_slices

        def load_images(dataset, sampler, batch_size):
            pixels, labels = dataset
            one = sampler.map(lambda i: (pixels[i], labels[i]), tf.data.AUTOTUNE)
            return one.batch(batch_size).prefetch(tf.data.AUTOTUNE)

        def new_model():
            return layers.build_softmax_regression(28, 28, 10)

    else:
        return {
            "speed": {
                "fast": on_tensors(train_in_numpy),
                "the products alone": partial(products_alone, digits[0]),
            },
            "growth": {f"fast|{n}": on_tensors(train_in_numpy, n) for n in sizes},
        }

    def loaded(load):
        def prepare():
            ordered = to_sampler(draw_orders(rows, 1, SEED)[0])
            train_loader = load(dataset, ordered, 256)
            whole = load(dataset, to_sampler(np.arange(rows)), 256)

            def run():
                return layers.fit(new_model(), train_loader, whole, 1, 0.1)

            return run, partial(tell_history, rows)

        return prepare

    by_hand = partial(manual.train, manual.step_by_hand)
    growing = {"fast": fast.train_fast}
    if framework == "pytorch":
        growing = {"by hand": by_hand} | growing
    return {
        "speed": {
            "image by image": loaded(load_images),
            "loader of batches": loaded(layers.load_batches),
            automatic_name: on_tensors(partial(manual.train, step)),
            "by hand": on_tensors(by_hand),
            "fast": on_tensors(fast.train_fast),
        },
        "growth": {
            f"{name}|{n}": on_tensors(train, n)
            for name, train in growing.items()
            for n in sizes
        },
    }


def products_alone(features):
    """Prepare the matrix products of an epoch, on batches that lie in order."""
    batches = split_batches(features, 256)
    weights = np.zeros((784, 10), np.float32)
    errors = np.zeros((256, 10), np.float32)

    def run():
        for batch in batches:
            batch @ weights
            batch.T @ errors[: len(batch)]
        features @ weights

    return run, None  # it trains nothing: there is nothing to compare


def train(framework):
    """Return by name the losses and the last weights of what has a bound."""
    from snippets.same_numbers.batches import SEED, draw_starts
    from snippets.same_numbers.trainers import trainers

    start, fit = draw_starts(SEED)["softmax regression"], trainers(framework)[1]
    return {name: fit(start, name.split(", ")[1]) for name in BOUNDS}
