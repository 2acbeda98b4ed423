"""Diffusion in the latent space of an autoencoder in TensorFlow, from layers."""

# --8<-- [start:imports]
import time
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.diffusion.figures import plot_trade
from snippets.diffusion.training import (
    KEPT,
    LEARNING_RATE,
    NUM_STEPS,
    NUM_WAVES,
    SEED,
    WAVES,
    choose_steps,
    distances_to,
    draw_labelled_batches,
    draw_weights,
    guide,
    judge_samples,
    report,
    sample_ddim,
    sample_ddpm,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.figures import plot_images
from snippets.variational_autoencoder.judge import (
    frechet_distance,
    read_digits,
    train_judge,
)
from snippets.variational_autoencoder.tensorflow_keras import VAE, fit, load_params
from snippets.variational_autoencoder.training import (
    NUM_LATENT,
    draw_noise,
    draw_start,
    print_log,
)


# --8<-- [start:network]
def build_network(sizes):
    """Return dense layers of these sizes with SiLU between them."""
    layers = [keras.Input(shape=(sizes[0],))]
    for num_outputs in sizes[1:-1]:
        layers += [keras.layers.Dense(num_outputs, "silu")]
    return keras.Sequential([*layers, keras.layers.Dense(sizes[-1])])


def fit_noise(network, optimizer, batches, num_batches):
    """Train the network in place; return it with what the optimizer leaves in it.

    With use_ema, that is the running average of the weights. The batches are pairs of
    features and targets in NumPy, and Keras must be told how many there are.
    """
    network.compile(optimizer, "mse", jit_compile=False)
    network.fit(batches, steps_per_epoch=num_batches, shuffle=False, verbose=0)
    return network


def to_runner(network):
    """Return a function that runs the network: NumPy in, NumPy out."""
    compiled = tf.function(network)

    def run(features):
        return compiled(tf.constant(features)).numpy()

    return run


# --8<-- [end:network]


# --8<-- [start:fast]
def build_fast_sampler(network, weight, num_steps):
    """Return a compiled function that returns what sample_ddim returns."""

    @tf.function(jit_compile=True)
    def sample(start, one_hots):
        points, labels = start, tf.concat([one_hots, 0 * one_hots], axis=0)
        for step, later in pairwise(choose_steps(num_steps)):
            coded = tf.tile(WAVES[None, step], [len(labels), 1])
            features = tf.concat([tf.tile(points, [2, 1]), coded, labels], axis=1)
            labelled, unlabelled = tf.split(network(features), 2)
            predicted = labelled + weight * (labelled - unlabelled)
            ratio = np.sqrt(KEPT[later] / KEPT[step])
            shift = np.sqrt(1 - KEPT[later]) - ratio * np.sqrt(1 - KEPT[step])
            points = float(ratio) * points + float(shift) * predicted
        return points

    return sample


# --8<-- [end:fast]


if __name__ == "__main__":
    train_images, y_train, *_ = read_mnist()
    X_train, X_valid = np.split(to_features(train_images), [55_000])
    y_train = y_train[:55_000]
    judge = train_judge(X_train, y_train)

    # --8<-- [start:run_vae]
    vae = VAE(NUM_LATENT)
    load_params(vae, draw_start(2 * NUM_LATENT, NUM_LATENT, SEED))
    optimizer = keras.optimizers.Adam(LEARNING_RATE, epsilon=1e-8)
    print_log(fit(vae, optimizer, X_train, X_valid, 1))

    codes = vae.codes(X_train)
    center, scale = codes.mean(axis=0), codes.std(axis=0)
    latents = (codes - center) / scale
    # --8<-- [end:run_vae]

    # --8<-- [start:run_fit]
    sizes = [NUM_LATENT + 2 * NUM_WAVES + 10, 192, 192, 192, NUM_LATENT]
    network = build_network(sizes)
    network.set_weights(draw_weights(sizes))
    optimizer = keras.optimizers.Adam(
        LEARNING_RATE, epsilon=1e-8, use_ema=True, ema_momentum=0.995
    )
    one_hots = np.eye(10, dtype=np.float32)
    batches = draw_labelled_batches(latents, one_hots[y_train], num_batches=2000)
    average = fit_noise(network, optimizer, batches, num_batches=2000)
    run = to_runner(average)
    # --8<-- [end:run_fit]

    # --8<-- [start:run_guidance]
    asked = np.arange(1000) % 10
    latent_noise = draw_noise((NUM_STEPS + 1, 1000, NUM_LATENT), SEED)
    sets = {}
    for weight in (0, 1, 2):
        guided = guide(run, one_hots[asked], weight)
        samples = sample_ddpm(guided, latent_noise)[-1]
        images = sets[f"weight {weight}"] = vae.decode(center + scale * samples)
        report(f"weight {weight}", images, asked, X_valid, judge)
    report("random codes", vae.decode(latent_noise[0]), asked, X_valid, judge)
    report("real digits", X_train[:1000], y_train[:1000], X_valid, judge)
    # --8<-- [end:run_guidance]

    # --8<-- [start:run_images]
    plot_images(np.concatenate([x[:20] for x in sets.values()]), 20, sets)
    # --8<-- [end:run_images]

    # --8<-- [start:run_trade]
    weights, shares, coverages = [0, 0.5, 1, 2, 4, 8], [], []
    for weight in weights:
        guided = guide(run, one_hots[asked], weight)
        samples = sample_ddim(guided, latent_noise[0], num_steps=20)
        images = vae.decode(center + scale * samples)
        share, _, covered = judge_samples(images, asked, X_valid, judge)
        shares.append(share)
        coverages.append(covered)
    plot_trade(weights, shares, coverages)
    # --8<-- [end:run_trade]

    # --8<-- [start:run_ddim]
    guided, seconds = guide(run, one_hots[asked], 1), []
    for num_steps in [200, 50, 20, 10, 5]:
        begin = time.perf_counter()
        samples = sample_ddim(guided, latent_noise[0], num_steps)
        seconds.append(time.perf_counter() - begin)
        images = vae.decode(center + scale * samples)
        report(f"{num_steps} steps", images, asked, X_valid, judge)
    print("5 steps at least 10 times as fast as 200:", seconds[0] > 10 * seconds[-1])
    # --8<-- [end:run_ddim]

    # --8<-- [start:run_nearest]
    decoded = vae.decode(vae.codes(X_valid[:200]))
    for name, images in [("samples", sets["weight 1"][:200]), ("decoded", decoded)]:
        nearest = distances_to(images, X_train).min(axis=1)
        print(f"{name}: median {np.median(nearest):.1f}, least {nearest.min():.1f}")
    # --8<-- [end:run_nearest]

    # --8<-- [start:exercise_unlabelled]
    samples = sample_ddim(guide(run, 0 * one_hots[asked], 0), latent_noise[0], 20)
    images = vae.decode(center + scale * samples)
    shares = np.bincount(read_digits(images, judge).argmax(axis=1), minlength=10) / 1000
    print(f"From {shares.min():.2f} to {shares.max():.2f}")
    print(f"Distance: {frechet_distance(images, X_valid, judge):.1f}")
    # --8<-- [end:exercise_unlabelled]

    # --8<-- [start:run_fast]
    labels, starts = one_hots[asked[:50]], latent_noise[0, :50]
    predictors = [guide(run, labels[k : k + 1], 1) for k in range(50)]
    begin = time.perf_counter()
    one_by_one = [
        sample_ddim(predictor, starts[k : k + 1], 20)
        for k, predictor in enumerate(predictors)
    ]
    middle = time.perf_counter()
    in_one_batch = sample_ddim(guide(run, labels, 1), starts, 20)
    ratio = (middle - begin) / (time.perf_counter() - middle)
    sample_fast = build_fast_sampler(average, 1, 20)
    in_one_loop = sample_fast(starts, labels).numpy()
    print(
        "Same samples:",
        np.allclose(np.concatenate(one_by_one), in_one_batch, atol=1e-3),
    )
    print("Same in one loop:", np.allclose(in_one_loop, in_one_batch, atol=1e-3))
    print("One batch more than 3 times as fast:", ratio > 3)
    # --8<-- [end:run_fast]
