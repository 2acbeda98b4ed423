"""The chapter's ways to train and to sample: timed, compared, and judged by results."""

from functools import cache, partial

import numpy as np

from snippets.diffusion.judged import SIZES, build, load, prepare
from snippets.diffusion.training import (
    SEED,
    draw_noisy_batches,
    draw_plane_weights,
    draw_ring,
    draw_weights,
    guide,
    sample_ddim,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.judge import read_digits, train_judge
from snippets.variational_autoencoder.training import NUM_LATENT, draw_noise

RESULTS = {
    "digits read as asked, guidance weight 1": {
        "seeds": 3,
        "unit": "%",
        "digits": 1,
        "yardstick": "real digits: 96.1 %",
    }
}
SPEED = {
    "title": "Diffusion",
    "unit": "ms per image",
    "scale": 1e3 / 100,  # of a run's seconds, to that unit
    "baseline": "image by image",  # each framework's own
    "rounds": {1: 5},  # by the number of threads
    "chapter": ("image by image", "one batch", "one loop"),  # in its own table
    "memory": False,
}
BOUNDS = {  # on the losses, at any step
    "diffusion on the plane, float32": 1e-3,
    "diffusion on the plane, float64": 1e-11,
}


def results(framework):
    """Return by its row what trains a model with a seed, and has its samples read."""
    _, sample, asked = prepare(framework)

    @cache
    def judge():
        images, labels, *_ = read_mnist()
        return train_judge(to_features(images[:55_000]), labels[:55_000])

    def reach(seed):
        parameters = sum(array.size for array in draw_weights(SIZES))
        read = read_digits(sample(seed, 1), judge()).argmax(axis=1)
        return parameters, 100 * (read == asked).mean()

    return dict.fromkeys(RESULTS, reach)


def tell(_, samples):
    """Say the mean of the samples' squares."""
    return {"mean square": f"{(samples**2).mean():.3g}"}


def races(framework, _):
    """Return by its name the preparation of each way to sample 100 guided latents."""
    if framework not in ("pytorch", "tensorflow"):
        return {}
    layers, *_ = load(framework)
    network, one_hots = build(framework), np.eye(10, dtype=np.float32)
    run, labels = layers.to_runner(network), one_hots[np.arange(100) % 10]
    starts = draw_noise((100, NUM_LATENT), SEED)

    def image_by_image():
        pairs = zip(starts[:, None], labels[:, None], strict=True)
        found = [sample_ddim(guide(run, label, 1), start, 20) for start, label in pairs]
        return np.concatenate(found)

    def one_batch():
        return sample_ddim(guide(run, labels, 1), starts, 20)

    if framework == "pytorch":

        def one_loop():
            return layers.sample_fast(network, starts, labels, 1, 20)

    else:
        sample = layers.build_fast_sampler(network, 1, 20)

        def one_loop():
            return sample(starts, labels).numpy()

    ways = {"image by image": image_by_image, "one batch": one_batch}
    ways["one loop"] = one_loop

    def prepare(way):
        return way, tell

    return {"speed": {name: partial(prepare, way) for name, way in ways.items()}}


def train(framework):
    """Return by name the losses and the last weights of what has a bound."""
    if framework == "pytorch":
        from snippets.diffusion import pytorch_manual as manual

        to_params = manual.to_tensors
    else:
        from snippets.diffusion import tensorflow_manual as manual

        to_params = manual.to_variables

    def run(dtype):
        params = to_params([x.astype(dtype) for x in draw_plane_weights()])
        losses = []

        def batches():
            for features, targets in draw_noisy_batches(draw_ring(20_000, SEED), 1000):
                batch = [x.astype(dtype) for x in (features, targets)]
                inputs, outputs = manual.to_tensors(batch)
                predictions, _ = manual.forward(inputs, params)
                losses.append(float(manual.loss_fn(predictions, outputs)))
                yield batch

        manual.train(params, batches())
        return np.array(losses), [x.numpy() for x in params]

    return {name: run(name.split(", ")[1]) for name in BOUNDS}
