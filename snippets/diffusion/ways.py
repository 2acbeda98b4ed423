"""The chapter's ways to train and to sample: timed, compared, and judged by results."""

from functools import cache, partial

import numpy as np

from snippets.diffusion.training import (
    NUM_STEPS,
    NUM_WAVES,
    SEED,
    draw_labelled_batches,
    draw_noisy_batches,
    draw_plane_weights,
    draw_ring,
    draw_weights,
    guide,
    judge_samples,
    sample_ddim,
    sample_ddpm,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.judge import train_judge
from snippets.variational_autoencoder.training import (
    LEARNING_RATE,
    NUM_LATENT,
    draw_noise,
    draw_start,
)

READ = "read as asked, guidance weight"
APART = "Fréchet distance, guidance weight"
RESULTS = {
    f"{READ} {weight}": {
        "seeds": 3,
        "unit": "%",
        "digits": 1,
        "yardstick": "real digits: 96.1 %",
    }
    for weight in (0, 1, 2)
} | {
    f"{APART} {weight}": {
        "seeds": 3,
        "unit": "",
        "digits": 1,
        "yardstick": "real digits: 0.9",
    }
    for weight in (0, 1, 2)
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
SIZES = [NUM_LATENT + 2 * NUM_WAVES + 10, 192, 192, 192, NUM_LATENT]


def load(framework):
    """Return a framework's layers, its tensors of an array, and two optimizers.

    Each optimizer is made for a model; the second averages the weights where Keras
    leaves that to the optimizer.
    """
    if framework == "pytorch":
        import torch

        from snippets.diffusion import pytorch_module as layers

        def adam(model):
            return torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)

        return layers, torch.from_numpy, adam, adam
    import keras

    from snippets.diffusion import tensorflow_keras as layers

    def plain(_):
        return keras.optimizers.Adam(LEARNING_RATE, epsilon=1e-8)

    def averaging(_):
        return keras.optimizers.Adam(
            LEARNING_RATE, epsilon=1e-8, use_ema=True, ema_momentum=0.995
        )

    return layers, np.asarray, plain, averaging


def build(framework, seed=SEED):
    """Return a network for latents with the start weights of a seed."""
    layers, *_ = load(framework)
    network, weights = layers.build_network(SIZES), draw_weights(SIZES, seed)
    if framework == "pytorch":
        layers.load_params(network, weights)
    else:
        network.set_weights(weights)
    return network


def results(framework):
    """Return by its row what judges 1,000 samples of a model that a seed trains.

    The rows of a seed share one model, an autoencoder of two epochs and a network of
    4,000 steps, so that only the first spends the seconds of training.
    """
    layers, tensor, adam, averaging = load(framework)
    train_images, y_train, *_ = read_mnist()
    X_train = to_features(train_images)
    X_train, X_valid, y_train = X_train[:55_000], X_train[55_000:], y_train[:55_000]
    judge, one_hots = train_judge(X_train, y_train), np.eye(10, dtype=np.float32)
    asked = np.arange(1000) % 10

    @cache
    def train_model(seed):
        vae = layers.VAE(NUM_LATENT)
        layers.load_params(vae, draw_start(2 * NUM_LATENT, NUM_LATENT, seed))
        layers.fit(vae, adam(vae), tensor(X_train), tensor(X_valid), 2, seed=seed)
        codes = vae.codes(X_train)
        center, scale = codes.mean(axis=0), codes.std(axis=0)
        network, latents = build(framework, seed), (codes - center) / scale
        batches = draw_labelled_batches(latents, one_hots[y_train], 4000, seed)
        about = [] if framework == "pytorch" else [4000]  # Keras must be told
        average = layers.fit_noise(network, averaging(network), batches, *about)
        run = layers.to_runner(average)
        return run, lambda latents: vae.decode(center + scale * latents)

    @cache
    def judge_model(seed, weight):
        run, decode = train_model(seed)
        noise = draw_noise((NUM_STEPS + 1, 1000, NUM_LATENT), seed)
        samples = sample_ddpm(guide(run, one_hots[asked], weight), noise)[-1]
        return judge_samples(decode(samples), asked, X_valid, judge)

    def reach(weight, column, seed):
        parameters = sum(array.size for array in draw_weights(SIZES))
        factor = 100 if column == 0 else 1
        return parameters, factor * judge_model(seed, weight)[column]

    return {
        row: partial(reach, int(row.split()[-1]), 1 if row.startswith(APART) else 0)
        for row in RESULTS
    }


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
