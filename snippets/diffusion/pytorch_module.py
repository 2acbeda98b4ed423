"""Diffusion in the latent space of an autoencoder in PyTorch, from layers."""

# --8<-- [start:imports]
import time
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

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
from snippets.variational_autoencoder.pytorch_module import VAE, fit, load_params
from snippets.variational_autoencoder.training import (
    NUM_LATENT,
    draw_noise,
    draw_start,
    print_log,
)


# --8<-- [start:network]
def build_network(sizes):
    """Return linear layers of these sizes with SiLU between them."""
    layers = []
    for num_inputs, num_outputs in pairwise(sizes):
        layers += [nn.Linear(num_inputs, num_outputs), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def fit_noise(network, optimizer, batches, decay=0.995):
    """Train the network in place; return one with the running average of its weights.

    The batches are pairs of features and targets in NumPy.
    """
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay))
    for features, targets in batches:
        predictions = network(torch.from_numpy(features))
        loss = nn.functional.mse_loss(predictions, torch.from_numpy(targets))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update_parameters(network)
    return average.module


def to_runner(network):
    """Return a function that runs the network: NumPy in, NumPy out."""

    @torch.inference_mode()
    def run(features):
        return network(torch.from_numpy(features)).numpy()

    return run


# --8<-- [end:network]


# --8<-- [start:fast]
@torch.inference_mode()
def sample_fast(network, start, one_hots, weight, num_steps):
    """Return what sample_ddim returns; both predictions of a step are one batch."""
    points, waves = torch.from_numpy(start), torch.from_numpy(WAVES)
    labels = torch.from_numpy(np.vstack([one_hots, 0 * one_hots]))
    for step, later in pairwise(choose_steps(num_steps)):
        coded = waves[step].expand(len(labels), -1)
        features = torch.cat([points.repeat(2, 1), coded, labels], dim=1)
        labelled, unlabelled = network(features).chunk(2)
        predicted = labelled + weight * (labelled - unlabelled)
        ratio = np.sqrt(KEPT[later] / KEPT[step])
        shift = np.sqrt(1 - KEPT[later]) - ratio * np.sqrt(1 - KEPT[step])
        points = float(ratio) * points + float(shift) * predicted
    return points.numpy()


# --8<-- [end:fast]


if __name__ == "__main__":
    train_images, y_train, *_ = read_mnist()
    X_train, X_valid = np.split(to_features(train_images), [55_000])
    y_train = y_train[:55_000]
    judge = train_judge(X_train, y_train)

    # --8<-- [start:run_vae]
    vae = VAE(NUM_LATENT)
    load_params(vae, draw_start(2 * NUM_LATENT, NUM_LATENT, SEED))
    optimizer = torch.optim.Adam(vae.parameters(), LEARNING_RATE, fused=True)
    print_log(fit(vae, optimizer, *map(torch.from_numpy, (X_train, X_valid)), 1))

    codes = vae.codes(X_train)
    center, scale = codes.mean(axis=0), codes.std(axis=0)
    latents = (codes - center) / scale
    # --8<-- [end:run_vae]

    # --8<-- [start:run_fit]
    sizes = [NUM_LATENT + 2 * NUM_WAVES + 10, 192, 192, 192, NUM_LATENT]
    network = build_network(sizes)
    load_params(network, draw_weights(sizes))
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, fused=True)
    one_hots = np.eye(10, dtype=np.float32)
    batches = draw_labelled_batches(latents, one_hots[y_train], num_batches=2000)
    average = fit_noise(network, optimizer, batches)
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
    in_one_loop = sample_fast(average, starts, labels, 1, 20)
    print(
        "Same samples:",
        np.allclose(np.concatenate(one_by_one), in_one_batch, atol=1e-3),
    )
    print("Same in one loop:", np.allclose(in_one_loop, in_one_batch, atol=1e-3))
    print("One batch more than 3 times as fast:", ratio > 3)
    # --8<-- [end:run_fast]
