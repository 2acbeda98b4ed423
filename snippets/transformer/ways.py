"""The chapter's ways to train: timed by `make bench`, compared by `make parity`.

What its models reach with several seeds is measured by `make results`.
"""

from functools import partial
from shutil import which
from unittest.mock import patch

import numpy as np

from snippets.datasets.mnist1d import make_mnist1d
from snippets.transformer.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_EPOCHS,
    NUM_SYMBOLS,
    SEED,
    SIZES,
    draw_batches,
    draw_params,
    draw_sequences,
)

COMPILES = which("g++") is not None  # torch.compile needs it
LONG = NUM_SYMBOLS, 256, NUM_SYMBOLS  # what is timed
SPEED = {
    "title": "Transformer",
    "unit": "ms per step",
    "scale": 1e3,  # of a run's seconds, to that unit
    "baseline": "by hand",  # each framework's own
    "rounds": {1: 9},  # by the number of threads
    "chapter": (  # in its own table
        "by hand",
        "one product",
        "one product, own kernel",
        "by hand, bfloat16",
        *(["by hand, compiled"] if COMPILES else []),
    ),
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

    It can be compiled: in TensorFlow as a "graph" or by "XLA", in PyTorch by
    "torch.compile". In PyTorch, the products can also be in "bfloat16"; in Keras,
    the model decides.
    """
    if framework == "pytorch":
        import torch

        params = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(params, LEARNING_RATE, (0.9, 0.98), 1e-9)

        def loss_of(inputs, targets):
            with torch.autocast("cpu", torch.bfloat16, enabled=compiled == "bfloat16"):
                return layers.cross_entropy(model(inputs), targets)

        if compiled == "torch.compile":
            loss_of = torch.compile(loss_of)

        def step(inputs, targets):
            loss = loss_of(inputs, targets)
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

    if compiled not in ("graph", "XLA"):
        return step
    return tf.function(step, jit_compile=compiled == "XLA")


def build(layers, attention=None, sizes=SIZES, heads=1):
    """Return the model of the reversal from the start that all have."""
    params = draw_params(sizes, 1, SEED)
    if attention:  # with one matrix for queries, keys and values
        params[4:7] = [np.concatenate(params[4:7], axis=1)]
    with patch.object(
        layers, "MultiHeadAttention", attention or layers.MultiHeadAttention
    ):
        model = layers.Transformer(sizes, heads=heads)
    layers.load_params(model, params)
    return model


def one_product(layers):
    """Return attention with one projection, and the rest by hand."""

    class OneProduct(layers.FusedAttention):
        def mix(self, *parts):
            heads = [layers.split_heads(part, self.num_heads) for part in parts]
            return layers.merge_heads(layers.attend(*heads)[0])

    return OneProduct


def batches(to_tensor, num_epochs):
    """Yield the inputs and targets of each step."""
    inputs, targets = draw_sequences(6400, seed=1)
    for epoch in draw_batches(len(inputs), num_epochs, BATCH_SIZE, SEED):
        for batch in epoch:
            yield to_tensor(inputs[batch]), to_tensor(targets[batch])


def races(framework, _):
    """Return by its name the preparation of each way of one step.

    The step is that of the reversal, with longer sequences and with four heads.
    """
    if framework == "numpy":
        return {}
    layers, to_tensor = modules(framework)

    def prepare(attention=None, compiled=None):
        if framework == "tensorflow":
            import keras

            policy = "mixed_bfloat16" if compiled == "bfloat16" else "float32"
            keras.config.set_dtype_policy(policy)
        model = build(layers, attention, LONG, heads=4)
        step = stepper(framework, layers, model, compiled)
        symbols = np.random.default_rng(SEED).integers(NUM_SYMBOLS, size=(16, LONG[1]))
        inputs = to_tensor(np.eye(NUM_SYMBOLS, dtype=np.float32)[symbols])
        batch = inputs, to_tensor(symbols[:, ::-1].copy())
        losses = [float(step(*batch)) for _ in range(3)]
        told = {"losses, roughly": [f"{loss:.1f}" for loss in losses]}
        if compiled != "bfloat16":  # which has three digits at most
            told["losses"] = [f"{loss:.4f}" for loss in losses]
        return partial(step, *batch), lambda *_: told

    own = layers.FusedAttention
    ways = {"by hand": (), "one product": (one_product(layers),)}
    ways["one product, own kernel"] = (own,)
    ways["by hand, bfloat16"] = (None, "bfloat16")
    if framework == "tensorflow":
        ways |= {"by hand, compiled": (None, "graph"), "by hand, XLA": (None, "XLA")}
        ways |= {"all that, compiled": (own, "graph"), "all that, XLA": (own, "XLA")}
    elif COMPILES:
        ways |= {"by hand, compiled": (None, "torch.compile")}
        ways |= {"all that, compiled": (own, "torch.compile")}
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
