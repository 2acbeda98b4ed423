"""The chapter's ways to train: timed by `make bench`, compared by `make parity`.

What its models reach with several seeds is measured by `make results`.
"""

from functools import partial

import numpy as np

from snippets.lstm.training import (
    BATCH_SIZE,
    LENGTH,
    NUM_HIDDEN,
    SEED,
    TEST_SEED,
    draw_sequences,
)

SPEED = {
    "title": "LSTM",
    "unit": "ms per step",
    "scale": 1e3,  # of a run's seconds, to that unit
    "baseline": "by hand",  # each framework's own
    "rounds": {1: 9},  # by the number of threads
    "chapter": ("by hand", "layer", "fast"),  # in its own table
    "memory": False,  # there would be little but the framework's
}
BOUNDS = {  # on the losses, at any step
    "LSTM, float64, 300 steps": 1e-6,
    "plain RNN, float64, 300 steps": 1e-9,
    "LSTM, float32, 100 steps": 1e-5,
}
NAMES = {"plain RNN": "plain", "GRU": "GRU", "LSTM": "LSTM"}
GUESS = "[0.167](https://arxiv.org/abs/1511.06464) (guessing the mean)"
ROWS = {  # by name: kind, forget bias, length and number of steps
    f"{name}, T = {length}": (kind, 1.0, length, 1000)
    for length in (50, 100)
    for name, kind in NAMES.items()
}
BIASES = {
    f"LSTM, forget bias {bias:.0f}": ("LSTM", bias, LENGTH, 300) for bias in (0.0, 1.0)
}
ABOUT = {"seeds": 3, "unit": "", "digits": 4, "yardstick": GUESS}
RESULTS = dict.fromkeys(ROWS, ABOUT) | dict.fromkeys(BIASES, ABOUT | {"table": "bias"})


def layers_of(framework, dtype="float32"):
    """Return a framework's module of layers, and let it compute in a type."""
    if framework == "pytorch":
        import torch

        from snippets.lstm import pytorch_module as layers

        torch.set_default_dtype(getattr(torch, dtype))
        return layers
    import keras

    from snippets.lstm import tensorflow_keras as layers

    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    return layers


def reader_by_hand(framework):
    """Return a model whose LSTM is the cell by hand, called step after step."""
    layers = layers_of(framework)
    model = layers.build_model("LSTM")
    if framework == "pytorch":
        from snippets.lstm.pytorch_manual import lstm_cell
        from snippets.recurrent_networks.pytorch_manual import unroll

        weights = list(model.recurrent.parameters())
        model.recurrent.forward = lambda features: (
            unroll(lstm_cell, features, 2 * NUM_HIDDEN, weights)[:, :, :NUM_HIDDEN],
            None,
        )
        return model
    tf = layers.tf
    from snippets.lstm.tensorflow_manual import lstm_cell
    from snippets.recurrent_networks.tensorflow_manual import unroll

    cell, recurrent = model.recurrent.cell, model.recurrent

    def call(features, **_):  # Keras says whether it trains
        kernels = [tf.transpose(x.value) for x in (cell.kernel, cell.recurrent_kernel)]
        weights = [*kernels, cell.bias.value, tf.zeros_like(cell.bias.value)]
        return unroll(lstm_cell, features, 2 * NUM_HIDDEN, weights)[:, :, :NUM_HIDDEN]

    recurrent.call = call
    return model


def races(framework, _):
    """Return by its name the preparation of each way of one step."""
    if framework == "numpy":
        return {}
    layers = layers_of(framework)
    from importlib import import_module

    fast = import_module(f"snippets.lstm.{framework}_fast")
    builders = {
        "by hand": partial(reader_by_hand, framework),
        "layer": partial(layers.build_model, "LSTM"),
        "fast": fast.build_fast_model,
    }

    def prepare(name):
        step = layers.make_step(builders[name]())
        if name == "by hand" and framework == "tensorflow":
            step = step.python_function  # XLA takes long for so many operations
        rng = np.random.default_rng(SEED)
        batches = [
            layers.to_tensors(draw_sequences(BATCH_SIZE, LENGTH, rng)) for _ in range(3)
        ]
        losses = [f"{float(step(*batch)[0]):.4f}" for batch in batches]
        return partial(step, *batches[0]), lambda *_: {"losses": losses}

    return {"speed": {name: partial(prepare, name) for name in builders}}


def train(framework):
    """Return by name the losses and the last weights of what has a bound."""
    found = {}
    for name in BOUNDS:
        kind, dtype, steps = name.split(", ")
        layers = layers_of(framework, dtype)
        model = layers.build_model(NAMES[kind])
        losses = layers.fit(model, int(steps.split()[0]))[:, 0]
        if framework == "pytorch":
            params = [x.detach().numpy() for x in model.parameters() if x.requires_grad]
            weights = [x.T for x in params]
        else:
            weights = model.get_weights()
        found[name] = losses, weights
    return found


def results(framework):
    """Return by row a function of a seed: (number of parameters, error on the test)."""
    layers = layers_of(framework)

    def reach(kind, forget_bias, length, num_steps, seed):
        model = layers.build_model(kind, seed, forget_bias)
        layers.fit(model, num_steps, length, seed)
        rng = np.random.default_rng(TEST_SEED)
        test_data = layers.to_tensors(draw_sequences(2000, length, rng))
        if framework == "pytorch":
            count = sum(x.numel() for x in model.parameters() if x.requires_grad)
        else:
            count = model.count_params()
        return count, layers.evaluate(model, *test_data)

    return {name: partial(reach, *way) for name, way in (ROWS | BIASES).items()}
