"""The chapter's ways to train: timed by `make bench`, compared by `make parity`.

Its head table is trained by `make results`.
"""

from functools import partial

import numpy as np

from snippets.recurrent_networks.data import (
    BATCH_SIZE,
    LEARNING_RATES,
    MAX_NORM,
    NUM_HIDDEN,
    NUM_STEPS,
    SEED,
    accuracy,
    draw_params,
    draw_sequences,
    gru_to_pytorch,
)
from snippets.recurrent_networks.data import train as train_on_batches

SPEED = {
    "title": "Recurrent networks",
    "unit": "ms per update",
    "scale": 1e3,  # of a run's seconds, to that unit
    "baseline": "the cell by hand",  # each framework's own
    "rounds": {1: 5},  # by the number of threads
    "chapter": ("the cell by hand", "the library's layer"),  # in its own table
    "memory": False,
}
BOUNDS = {  # on the losses, at any step
    "GRU, clipped, float32, 100 steps": 1e-4,
    "GRU, clipped, float64, 100 steps": 1e-4,
    "GRU, not clipped, float64, 100 steps": 1e-5,
}
ROWS = {"plain recurrent network": "RNN", "GRU": "GRU"}
RESULTS = {  # of the head table
    name: {"seeds": 3, "unit": "%", "digits": 1, "yardstick": "50 (a coin)"}
    for name in ROWS
}


def layers_of(framework):
    """Return a framework's module of layers."""
    if framework == "pytorch":
        from snippets.recurrent_networks import pytorch_module as layers
    else:
        from snippets.recurrent_networks import tensorflow_keras as layers
    return layers


def by_hand(framework):
    """Return a GRU of the framework whose steps are written out."""
    layers = layers_of(framework)
    if framework == "pytorch":

        class ByHand(layers.FlipFlops):
            """What FlipFlops computes."""

            def forward(self, features):
                weights = list(self.layer.parameters())
                states = layers.unroll(layers.gru_cell, features, NUM_HIDDEN, weights)
                return self.linear(states)

    else:
        tf = layers.tf

        class ByHand(layers.FlipFlops):
            """What FlipFlops computes."""

            def call(self, features):
                if not self.layer.built:
                    return self.linear(self.layer(features))
                cell = self.layer.cell
                kernels = [cell.kernel.value, cell.recurrent_kernel.value]
                weights = [swap_gates(tf, tf.transpose(x)) for x in kernels]
                weights += [swap_gates(tf, x) for x in tf.unstack(cell.bias.value)]
                states = layers.unroll(layers.gru_cell, features, NUM_HIDDEN, weights)
                return self.linear(states)

    return ByHand


def swap_gates(tf, tensor):
    """Turn Keras' order of the gates along axis 0 into PyTorch's."""
    first, second, third = tf.split(tensor, 3)
    return tf.concat([second, first, third], axis=0)


def races(framework, _):
    """Return by its name the preparation of each way of one update on a batch."""
    if framework == "numpy":
        return {}
    layers = layers_of(framework)

    def prepare(kind_of_model):
        whole, layers.FlipFlops = layers.FlipFlops, kind_of_model
        model = layers.build_model("GRU")
        layers.FlipFlops = whole
        step = layers.make_step(model, LEARNING_RATES["GRU"])
        generator = np.random.default_rng(SEED)
        batches = [draw_sequences(BATCH_SIZE, NUM_STEPS, generator) for _ in range(3)]
        told = {"losses": [f"{step(*batch):.4f}" for batch in batches]}
        return partial(step, *batches[0]), lambda *_: told

    kinds = {
        "the cell by hand": by_hand(framework),
        "the library's layer": layers.FlipFlops,
    }
    return {"speed": {name: partial(prepare, kind) for name, kind in kinds.items()}}


def train(framework):
    """Return by name the losses and the last weights of what has a bound."""
    layers = layers_of(framework)

    def run(kind, clipped, dtype, num_steps):
        if framework == "pytorch":
            model = layers.build_model(kind).to(getattr(layers.torch, dtype))
        else:
            layers.keras.config.set_floatx(dtype)
            layers.keras.config.set_dtype_policy(dtype)
            model = layers.build_model(kind)
        max_norm = MAX_NORM if clipped == "clipped" else 1e6
        update = layers.make_step(model, LEARNING_RATES[kind], max_norm)

        def step(*batch):
            return update(*(array.astype(dtype) for array in batch))

        losses = train_on_batches(step, num_steps, log_every=0)
        return np.array(losses), arrays_of(framework, model)

    found = {}
    for name in BOUNDS:
        *how, steps = name.split(", ")
        found[name] = run(*how, int(steps.split()[0]))
    return found


def arrays_of(framework, model):
    """Return the weights of a model with a GRU, in PyTorch's layout."""
    if framework == "pytorch":
        return [x.detach().cpu().numpy() for x in model.parameters()]
    *layer, kernel, bias = model.get_weights()
    return [*gru_to_pytorch(*layer), kernel.T, bias]


def results(framework):
    """Return for each row of the head table how it is trained, given a seed.

    Each returns its number of parameters, and in percent how many signs it remembers.
    """
    layers = layers_of(framework)

    def reach(kind, seed):
        model = layers.build_model(kind, seed)
        step = layers.make_step(model, LEARNING_RATES[kind])
        train_on_batches(step, 600, seed, log_every=0)
        features, targets = draw_sequences(200, NUM_STEPS, np.random.default_rng(99))
        layer, weight, bias = draw_params(kind, seed)
        size = sum(x.size for x in [*layer, weight, bias])
        return size, 100 * accuracy(layers.predict(model, features), targets)

    return {name: partial(reach, kind) for name, kind in ROWS.items()}
