"""A GAN for digits in PyTorch, from layers, as one trains it in practice."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

# --8<-- [end:imports]
from snippets.gan.figures import plot_digits
from snippets.gan.training import (
    NUM_NOISE,
    SEED,
    draw_networks,
    draw_noise,
    draw_noisy_batches,
    judge_digits,
    nearest_distances,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.judge import frechet_distance, train_judge


# --8<-- [start:networks]
def build_networks(seed=SEED):
    """Return a generator (batch, NUM_NOISE) -> (batch, 784) and a discriminator."""
    generator = nn.Sequential(
        nn.Linear(NUM_NOISE, 128),
        nn.BatchNorm1d(128),
        nn.SiLU(),
        nn.Linear(128, 256),
        nn.BatchNorm1d(256),
        nn.SiLU(),
        nn.Linear(256, 784),
        nn.Sigmoid(),
    )
    discriminator = nn.Sequential(nn.Linear(784, 128), nn.SiLU(), nn.Linear(128, 1))
    for network, params in zip(
        (generator, discriminator), draw_networks(seed), strict=True
    ):
        layers = [layer for layer in network if isinstance(layer, nn.Linear)]
        for layer, weights, bias in zip(layers, params[::2], params[1::2], strict=True):
            layer.weight.data.copy_(torch.from_numpy(weights.T))
            layer.bias.data.copy_(torch.from_numpy(bias))
    return generator, discriminator


# --8<-- [end:networks]


# --8<-- [start:fit]
def fit_gan(generator, discriminator, batches, learning_rate=0.001):
    """Train both networks in place; return both losses of each step, (num_steps, 2).

    At the end, the generator gets the running average of its weights.
    """
    softplus = nn.functional.softplus
    g_optimizer, d_optimizer = (
        torch.optim.Adam(x.parameters(), learning_rate, betas=(0.5, 0.999), fused=True)
        for x in (generator, discriminator)
    )
    average = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(0.998))
    losses = []
    generator.train()
    for batch in batches:
        real, z, real_noise, fake_noise = map(torch.from_numpy, batch)
        fake = generator(z) + fake_noise
        real_logits = discriminator(real + real_noise)
        fake_logits = discriminator(fake.detach())  # no gradient for the generator
        d_loss = softplus(-real_logits).mean() + softplus(fake_logits).mean()
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()

        g_loss = softplus(-discriminator(fake)).mean()
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        average.update_parameters(generator)
        losses.append(torch.stack([d_loss, g_loss]).detach())
    generator.load_state_dict(average.module.state_dict())
    return torch.stack(losses).numpy()


@torch.inference_mode()
def make_digits(generator, z):
    """Return images (num_images, 784) from noise: NumPy in, NumPy out."""
    generator.eval()  # running statistics for the batch normalization
    return generator(torch.from_numpy(z)).numpy()


# --8<-- [end:fit]


if __name__ == "__main__":
    train_images, y_train, *_ = read_mnist()
    X_train, X_valid = np.split(to_features(train_images), [55_000])
    judge = train_judge(X_train, y_train[:55_000])

    # --8<-- [start:run_fit]
    z = draw_noise((1000, NUM_NOISE), seed=2)
    generator, discriminator = build_networks()
    untrained = make_digits(generator, z)
    losses = fit_gan(
        generator, discriminator, draw_noisy_batches(X_train, num_steps=2500)
    )
    for step in [1, 2, 5, 10]:
        d_loss, g_loss = losses[step - 1]
        print(f"Step: {step:04d} | D loss: {d_loss:.2f} | G loss: {g_loss:.2f}")
    # --8<-- [end:run_fit]

    # --8<-- [start:run_judge]
    digits = make_digits(generator, z)
    sets = {"real digits": X_train[:1000], "untrained": untrained, "GAN": digits}
    for name, images in sets.items():
        sure, least, most = judge_digits(images, judge)
        print(f"{name:12}: sure {sure:.1f}, classes from {least:.2f} to {most:.2f}")
    # --8<-- [end:run_judge]

    # --8<-- [start:run_distance]
    for name, images in sets.items():
        print(f"{name:12}: {frechet_distance(images, X_valid, judge):.0f}")
    # --8<-- [end:run_distance]

    # --8<-- [start:run_digits]
    plot_digits(digits[:40])
    # --8<-- [end:run_digits]

    # --8<-- [start:run_nearest]
    for name, images in [("GAN", digits[:200]), ("validation", X_valid[:200])]:
        nearest = nearest_distances(images, X_train)
        median, least = np.median(nearest), nearest.min()
        print(f"{name:10}: median {median:.1f}, least {least:.1f}")
    # --8<-- [end:run_nearest]

    # --8<-- [start:left]
    generator, discriminator = build_networks()
    generator.train()
    fake_logits = discriminator(generator(torch.from_numpy(z)))
    nn.functional.softplus(-fake_logits).mean().backward()
    print(
        "Gradient left in the discriminator:", discriminator[0].weight.grad is not None
    )
    # --8<-- [end:left]

    # --8<-- [start:exercise_noise]
    for spread in [0.3, 0.0]:
        generator, discriminator = build_networks()
        batches = draw_noisy_batches(X_train, num_steps=300, spread=spread)
        d_loss = fit_gan(generator, discriminator, batches)[-50:, 0].mean()
        print(f"Noise {spread}: D loss {d_loss:.1f}")
    # --8<-- [end:exercise_noise]
