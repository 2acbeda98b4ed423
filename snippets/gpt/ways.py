"""The ways to write, timed by `make bench`; the training, for `make parity`."""

from functools import partial
from importlib import import_module

import numpy as np

from snippets.gpt.training import (
    SEED,
    draw_params,
    encode,
    read_plays,
)

SPEED = {
    "title": "GPT",
    "unit": "s per text",
    "scale": 1.0,  # of a run's seconds, to that unit
    "baseline": "read again",  # each framework's own
    "rounds": {1: 5},  # by the number of threads
    "chapter": ("read again", "with the cache", "fast"),  # in its own table
    "memory": False,  # there would be little but the framework's
    "growth": "characters in the text",
    "slopes": {"read again": "up to 2", "with the cache": "1", "fast": "1"},
}
LENGTHS = [32, 64, 128, 256, 512]
LONG = 256  # characters in the text of the table
TRAINED = "GPT, float32"
BOUNDS = {TRAINED: 1e-5}  # on the losses, at any step
VOCABULARY = 65


def modules(framework):
    """Return a framework's modules of the model and of its training."""
    if framework == "pytorch":
        from snippets.gpt import pytorch_model, pytorch_train

        return pytorch_model, pytorch_train
    from snippets.gpt import tensorflow_model, tensorflow_train

    return tensorflow_model, tensorflow_train


def build(models, seed=SEED, scale=1, **sizes):
    """Return the model with the start weights that both frameworks have."""
    model = models.GPT(VOCABULARY, **sizes)
    params = draw_params(VOCABULARY, seed, **sizes)
    models.load_params(model, [scale * x for x in params])
    return model


def train_tokens():
    """Return the training text's tokens, and those of the validation text."""
    texts = read_plays()
    characters = sorted({*texts[0], *texts[1]})
    return [encode(text, characters) for text in texts]


def races(framework, _):
    """Return by its name the preparation of each way to write a text."""
    if framework == "numpy":
        return {}
    models, _ = modules(framework)
    ways = {
        "read again": models.generate,
        "with the cache": models.generate_cached,
        "fast": import_module(f"snippets.gpt.{framework}_fast").generate_fast,
    }

    def prepare(write, length):
        def run():
            rng = np.random.default_rng(SEED)
            return write(model, [0], length - 1, rng, top_k=10)

        model = build(models, scale=10, context=LENGTHS[-1])
        told = f"text of {length}"
        return run, lambda _, tokens: {told: [str(x) for x in tokens]}

    return {
        "speed": {name: partial(prepare, way, LONG) for name, way in ways.items()},
        "growth": {
            f"{name}|{n}": partial(prepare, way, n)
            for name, way in ways.items()
            for n in LENGTHS
        },
    }


def train(framework):
    """Return by name the losses and the last weights of what has a bound."""
    models, training = modules(framework)
    model = build(models)
    losses = training.train(model, train_tokens()[0])
    if framework == "pytorch":
        linear = [x.weight for x in model.modules() if hasattr(x, "in_features")]
        transposed = {id(weight) for weight in linear}
        weights = [
            (x.T if id(x) in transposed else x).detach().numpy()
            for x in model.parameters()
        ]
    else:
        weights = [x.numpy() for x in model.weights]
    return {TRAINED: (losses, weights)}
