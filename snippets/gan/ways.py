"""The chapter's ways to train: timed, compared between frameworks, and judged."""

from functools import cache, partial

import numpy as np

from snippets.diffusion.training import draw_ring
from snippets.gan.judged import prepare
from snippets.gan.training import (
    LEARNING_RATE,
    MOMENTUM,
    SEED,
    count_modes,
    draw_noise,
    draw_pairs,
    draw_start,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.judge import frechet_distance, train_judge

RINGS = {  # by row: rates and momentum; modes are counted after each 100 of 600 steps
    "ring, momentum 0.5, modes": ((LEARNING_RATE, LEARNING_RATE), MOMENTUM),
    "ring, collapsing, modes": ((0.01, 0.001), 0.9),
    "ring, mended, modes": ((0.01, 0.001), MOMENTUM),
}
DIGITS = "digits, Fréchet distance"
RESULTS = {
    name: {"seeds": 3, "unit": "", "digits": 1, "yardstick": "8"} for name in RINGS
} | {DIGITS: {"seeds": 3, "unit": "", "digits": 1, "yardstick": "real digits: 0.9"}}
SPEED = {
    "title": "GAN",
    "unit": "ms per step",
    "scale": 1e3 / 100,  # of a run's seconds, to that unit
    "baseline": "by hand",  # each framework's own
    "rounds": {1: 7},  # by the number of threads
    "chapter": ("by hand", "fast"),  # in its own table
    "memory": False,
}
BOUNDS = {  # on the discriminator's losses, at any step
    "ring, float32, 300 steps": 1e-3,
    "ring, float64, 1000 steps": 1e-7,
}


def load(framework):
    """Return a framework's modules, and what makes parameters of arrays."""
    if framework == "pytorch":
        from snippets.gan import pytorch_manual as manual
        from snippets.gan import pytorch_module as layers

        return manual, layers, manual.to_tensors
    from snippets.gan import tensorflow_keras as layers
    from snippets.gan import tensorflow_manual as manual

    return manual, layers, manual.to_variables


def results(framework):
    """Return by its row the number of parameters, and what a training reaches."""
    manual, _, to_params = load(framework)
    make, _ = prepare(framework)

    def count(rates, momentum, seed):
        starts = draw_start(seed=seed)
        pairs = draw_pairs(draw_ring(20_000, SEED), 600, seed=seed)
        found = manual.train(*map(to_params, starts), pairs, rates, momentum)
        (noise,) = manual.to_tensors([draw_noise((1000, 2), seed).astype(float)])
        modes = [count_modes(manual.forward(noise, x)[0].numpy())[0] for x in found]
        return sum(p.size for x in starts for p in x), np.mean(modes[1:])

    @cache
    def train_perceptron():
        images, labels, *_ = read_mnist()
        X_train, X_valid = np.split(to_features(images), [55_000])
        return X_valid, train_judge(X_train, labels[:55_000])

    def reach(seed):
        images, size = make(seed)
        return size, frechet_distance(images, *train_perceptron())

    return {name: partial(count, *way) for name, way in RINGS.items()} | {DIGITS: reach}


def tell(_, params):
    """Say the mean square of the generator's parameters."""
    squares = [np.mean(np.asarray(p) ** 2) for p in params]
    return {"mean square": f"{np.mean(squares):.6f}"}


def races(framework, _):
    """Return by its name the preparation of each way to train for 100 steps."""
    if framework not in ("pytorch", "tensorflow"):
        return {}
    manual, _, to_params = load(framework)
    ring, starts = draw_ring(20_000, SEED), draw_start()
    batches = list(draw_pairs(ring, 100))

    def by_hand():
        G, D = map(to_params, starts)
        manual.train(G, D, batches)
        return G

    if framework == "pytorch":

        def fast():
            G, _ = manual.train_fast(*map(to_params, starts), batches)
            return G

        return {
            "speed": {
                "by hand": lambda: (by_hand, tell),
                "fast": lambda: (fast, tell),
            }
        }
    G, D = map(to_params, starts)
    real, noise = (np.stack(x).astype(float) for x in zip(*batches, strict=True))
    run = manual.build_fast_training(G, D)

    def fast():
        for params, start in zip((G, D), starts, strict=True):
            for param, array in zip(params, start, strict=True):
                param.assign(array)
        run(real, noise)
        return G

    return {"speed": {"by hand": lambda: (by_hand, tell), "fast": lambda: (fast, tell)}}


def train(framework):
    """Return by name the losses and the last weights of what has a bound."""
    manual, _, to_params = load(framework)

    def run(dtype, num_steps):
        G, D = (to_params([p.astype(dtype) for p in x]) for x in draw_start())
        losses = []

        def batches():
            for pair in draw_pairs(draw_ring(20_000, SEED), num_steps):
                real, noise = manual.to_tensors([x.astype(dtype) for x in pair])
                fake, _ = manual.forward(noise, G)
                logits = [manual.forward(points, D)[0] for points in (real, fake)]
                losses.append(float(manual.discriminator_loss(*logits)))
                yield pair

        manual.train(G, D, batches())
        return np.array(losses), [x.numpy() for x in G]

    return {
        name: run(name.split(", ")[1], int(name.split(", ")[2].split()[0]))
        for name in BOUNDS
    }
