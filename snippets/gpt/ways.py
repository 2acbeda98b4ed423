"""The ways to write, timed by `make bench`; the training, for `make parity`."""

from functools import partial

import numpy as np

from snippets.gpt.training import CONTEXT, SEED, draw_params, encode, read_plays

SPEED = {
    "title": "GPT",
    "unit": "s per text",
    "scale": 1.0,  # of a run's seconds, to that unit
    "baseline": "read again",  # each framework's own
    "rounds": {1: 5},  # by the number of threads
    "chapter": ("read again", "with the cache"),  # in its own table
    "memory": False,  # there would be little but the framework's
}
TRAINED = "GPT, float32"
BOUNDS = {TRAINED: 1e-4}  # on the losses, at any step
VOCABULARY = 65


def modules(framework):
    """Return a framework's modules of the model and of its training."""
    if framework == "pytorch":
        from snippets.gpt import pytorch_model, pytorch_train

        return pytorch_model, pytorch_train
    from snippets.gpt import tensorflow_model, tensorflow_train

    return tensorflow_model, tensorflow_train


def build(models):
    """Return the model with the start weights that both frameworks have."""
    model = models.GPT(VOCABULARY)
    models.load_params(model, draw_params(VOCABULARY, SEED))
    return model


def races(framework, _):
    """Return by its name the preparation of each way to fill the context with text."""
    if framework == "numpy":
        return {}
    models, _ = modules(framework)

    def prepare(write):
        def run():
            rng = np.random.default_rng(SEED)
            return write(model, [0], CONTEXT - 1, rng, top_k=10)

        model = build(models)
        return run, lambda _, tokens: {"tokens": [str(x) for x in tokens]}

    ways = {"read again": models.generate, "with the cache": models.generate_cached}
    return {"speed": {name: partial(prepare, way) for name, way in ways.items()}}


def train(framework):
    """Return by name the losses and the last weights of what has a bound."""
    models, training = modules(framework)
    model = build(models)
    text, rest = read_plays()
    losses = training.train(model, encode(text, sorted({*text, *rest})))
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
