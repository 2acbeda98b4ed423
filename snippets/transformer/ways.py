"""The chapter's ways to train: timed by `make bench`, compared by `make parity`.

What its models reach with several seeds is measured by `make results`.
"""

from functools import partial
from itertools import islice

import numpy as np

from snippets.datasets.mnist1d import make_mnist1d
from snippets.transformer.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_EPOCHS,
    SEED,
    SIZES,
    draw_batches,
    draw_params,
    draw_sequences,
)

SPEED = {
    "title": "Transformer",
    "unit": "ms per step",
    "scale": 1e3,  # of a run's seconds, to that unit
    "baseline": "by hand",  # each framework's own
    "rounds": {1: 9},  # by the number of threads
    "chapter": ("by hand", "fused"),  # in its own table
    "memory": False,  # there would be little but the framework's
}
TRAINED = "transformer, reversal, float32"
BOUNDS = {TRAINED: 2e-5}  # on the losses, at any step

UVA = "https://uvadlc-notebooks.readthedocs.io/en/latest/tutorial_notebooks/tutorial6/"
REVERSAL = "Transformer, 1 block, on reversal"
SIGNALS = "Transformer, 2 blocks, on MNIST-1D"
RESULTS = {
    REVERSAL: {
        "seeds": 3,
        "unit": "%",
        "digits": 1,
        "yardstick": f"[100]({UVA}Transformers_and_MHAttention.html)",
    },
    SIGNALS: {
        "seeds": 3,
        "unit": "%",
        "digits": 1,
        "yardstick": "CNN: [94 ± 2](https://arxiv.org/abs/2011.14439)",
    },
}
SIGNAL_SIZES = 1, 40, 10
SIGNAL_TRAINING = 30, 0.003, 0.3  # epochs, learning rate, weight decay


def modules(framework):
    """Return a framework's layers, and how it makes tensors of arrays."""
    if framework == "pytorch":
        import torch

        from snippets.transformer import pytorch_module as layers

        return layers, torch.from_numpy
    import tensorflow as tf

    from snippets.transformer import tensorflow_keras as layers

    return layers, tf.constant


def stepper(framework, layers, model, compiled=None):
    """Return a function of inputs and targets that trains a step and gives its loss.

    TensorFlow's can be compiled: "graph" or "XLA".
    """
    if framework == "pytorch":
        import torch

        params = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(params, LEARNING_RATE, (0.9, 0.98), 1e-9)

        def step(inputs, targets):
            loss = layers.cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.detach()

        return step
    import keras
    import tensorflow as tf

    optimizer = keras.optimizers.Adam(LEARNING_RATE, beta_2=0.98, epsilon=1e-9)
    optimizer.build(model.trainable_variables)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def step(inputs, targets):
        with tf.GradientTape() as tape:
            loss = loss_fn(targets, model(inputs))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads, model.trainable_variables)
        return loss

    return tf.function(step, jit_compile=compiled == "XLA") if compiled else step


def build(layers, fused=False):
    """Return the model of the reversal from the start that all have."""
    model = layers.Transformer(SIZES)
    layers.load_params(model, draw_params(SIZES, 1, SEED))
    if fused:
        block = model.blocks[0]
        block.attention = layers.FusedAttention(block.attention)
    return model


def batches(to_tensor, num_epochs):
    """Yield the inputs and targets of each step."""
    inputs, targets = draw_sequences(6400, seed=1)
    for epoch in draw_batches(len(inputs), num_epochs, BATCH_SIZE, SEED):
        for batch in epoch:
            yield to_tensor(inputs[batch]), to_tensor(targets[batch])


def races(framework, _):
    """Return by its name the preparation of each way of one step."""
    if framework == "numpy":
        return {}
    layers, to_tensor = modules(framework)

    def prepare(fused, compiled):
        step = stepper(framework, layers, build(layers, fused), compiled)
        data = list(islice(batches(to_tensor, 1), 5))
        losses = [f"{float(step(*batch)):.4f}" for batch in data]
        return partial(step, *data[0]), lambda *_: {"losses": losses}

    ways = {"by hand": (False, None), "fused": (True, None)}
    if framework == "tensorflow":
        ways |= {"by hand, graph": (False, "graph"), "by hand, XLA": (False, "XLA")}
        ways |= {"fused, graph": (True, "graph"), "fused, XLA": (True, "XLA")}
    return {"speed": {name: partial(prepare, *way) for name, way in ways.items()}}


def train(framework):
    """Return by name the losses and the last weights of what has a bound."""
    layers, to_tensor = modules(framework)
    model = build(layers)
    step = stepper(framework, layers, model, "graph")
    losses = [float(step(*batch)) for batch in batches(to_tensor, NUM_EPOCHS)]
    if framework == "pytorch":
        is_linear = {id(x.weight) for x in model.modules() if hasattr(x, "in_features")}
        weights = [
            (x.T if id(x) in is_linear else x).detach().numpy()
            for x in model.parameters()
        ]
    else:
        weights = [x.numpy() for x in model.weights]
    return {TRAINED: (np.array(losses), weights)}


def results(framework):
    """Return by row a function of a seed: (number of parameters, accuracy in %)."""
    layers, to_tensor = modules(framework)

    def reach(model, sets, *training):
        if framework == "pytorch":
            sets = [[to_tensor(x) for x in pair] for pair in sets]
            count = sum(p.numel() for p in model.parameters() if p.requires_grad)
        else:
            count = sum(x.numpy().size for x in model.trainable_weights)
        train_set, valid_set, test_set = sets
        layers.fit(model, train_set, valid_set, *training)
        if framework == "pytorch":
            _, accuracy = layers.evaluate(model, *test_set)
        else:
            _, accuracy = model.evaluate(*test_set, verbose=0)
        return count, 100 * accuracy

    def reverse(seed):
        model = layers.Transformer(SIZES)
        layers.load_params(model, draw_params(SIZES, 1, seed))
        sets = draw_sequences(6400, 1), draw_sequences(1000, 2), draw_sequences(1000, 3)
        return reach(model, sets, NUM_EPOCHS)

    def classify(seed):
        model = layers.Transformer(
            SIGNAL_SIZES, blocks=2, heads=4, learned=True, pool=True
        )
        layers.load_params(model, draw_params(SIGNAL_SIZES, 2, seed))
        signals, labels = make_mnist1d()
        signals = signals[:, :, None]
        places = slice(0, 3200), slice(3200, 4000), slice(4000, 5000)
        sets = [(signals[x], labels[x]) for x in places]
        return reach(model, sets, *SIGNAL_TRAINING)

    return {REVERSAL: reverse, SIGNALS: classify}
