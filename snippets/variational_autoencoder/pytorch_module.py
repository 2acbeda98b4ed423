"""Autoencoders in PyTorch, from layers, as one trains them in practice."""

# --8<-- [start:imports]
import math
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# --8<-- [end:imports]
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.figures import (
    make_grid,
    plot_images,
    plot_plane,
)
from snippets.variational_autoencoder.judge import (
    frechet_distance,
    read_digits,
    train_judge,
)
from snippets.variational_autoencoder.training import (
    LEARNING_RATE,
    NUM_HIDDEN,
    NUM_LATENT,
    NUM_PIXELS,
    SEED,
    draw_batches,
    draw_noise,
    draw_start,
    print_log,
)


# --8<-- [start:autoencoder]
def build_layers(num_inputs, num_outputs, activation=nn.SiLU):
    """Return two linear layers with an activation function between them."""
    return nn.Sequential(
        nn.Linear(num_inputs, NUM_HIDDEN),
        activation(),
        nn.Linear(NUM_HIDDEN, num_outputs),
    )


class Autoencoder(nn.Module):
    """Squeeze images into codes (batch, num_latent), and decode these to logits.

    The encoder has num_codes outputs, num_latent unless told otherwise.
    """

    def __init__(self, num_latent, num_codes=None, activation=nn.SiLU):
        super().__init__()
        self.num_latent, self.beta = num_latent, 1.0
        self.encoder = build_layers(NUM_PIXELS, num_codes or num_latent, activation)
        self.decoder = build_layers(num_latent, NUM_PIXELS, activation)

    def forward(self, features, noise):
        """Return the logits and a second loss of 0; the noise is not used."""
        return self.decoder(self.encoder(features)), features.new_zeros(())

    @torch.inference_mode()
    def codes(self, images):
        """Return the code of each image: NumPy in, NumPy out."""
        return self.encoder(torch.from_numpy(images)).numpy()

    @torch.inference_mode()
    def decode(self, codes):
        """Return images (num_images, num_pixels) for codes: NumPy in, NumPy out."""
        return torch.sigmoid(self.decoder(torch.from_numpy(codes))).numpy()


def load_params(model, params):
    """Copy arrays [W1, b1, ...] into the model; PyTorch keeps weights transposed."""
    with torch.no_grad():
        for param, array in zip(model.parameters(), params, strict=True):
            param.copy_(torch.from_numpy(array.T))


# --8<-- [end:autoencoder]


# --8<-- [start:fit]
def reconstruction_loss(logits, features):
    """Return minus log p(x|z) in nats: summed over pixels, mean over the batch."""
    losses = nn.functional.binary_cross_entropy_with_logits(
        logits, features, reduction="none"
    )
    return losses.sum(dim=1).mean()


@torch.inference_mode()
def evaluate(model, features, noise):
    """Return the reconstruction loss and the KL divergence, as floats."""
    model.eval()
    logits, kl = model(features, noise)
    return reconstruction_loss(logits, features).item(), kl.item()


def fit(
    model,
    optimizer,
    X_train,
    X_valid,
    num_epochs,
    loss_fn=reconstruction_loss,
    seed=SEED,
):
    """Train the model in place on features (num_examples, num_pixels).

    Returns for each epoch the reconstruction loss and the KL divergence of the
    validation set: (num_epochs, 2).
    """
    dataset, history = TensorDataset(X_train), []
    valid_noise = torch.from_numpy(draw_noise((len(X_valid), model.num_latent), seed))
    epochs = draw_batches(len(X_train), num_epochs, model.num_latent, seed)
    for batches, noise in epochs:
        model.train()
        loader = DataLoader(dataset, batch_size=None, sampler=batches)
        for (features,), eps in zip(loader, torch.from_numpy(noise), strict=True):
            logits, kl = model(features, eps)
            loss = loss_fn(logits, features) + model.beta * kl
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        history.append(evaluate(model, X_valid, valid_noise))
    return np.array(history)


# --8<-- [end:fit]


# --8<-- [start:vae]
class VAE(Autoencoder):
    """Encode images as normal distributions, and decode samples of them to logits."""

    def __init__(self, num_latent, beta=1.0, activation=nn.SiLU):
        super().__init__(num_latent, 2 * num_latent, activation)
        self.beta = beta

    def encode(self, features):
        """Return means and log-variances, (batch, num_latent) each."""
        return self.encoder(features).chunk(2, dim=1)

    def codes(self, images):
        """Return the mean of each image: NumPy in, NumPy out."""
        return super().codes(images)[:, : self.num_latent]

    def forward(self, features, noise):
        """Return the logits and the KL divergence, for noise (batch, num_latent)."""
        mean, log_var = self.encode(features)
        kl = (mean**2 + log_var.exp() - 1 - log_var).sum(dim=1).mean() / 2
        return self.decoder(mean + torch.exp(log_var / 2) * noise), kl


# --8<-- [end:vae]


# --8<-- [start:likelihood]
@torch.inference_mode()
def log_likelihoods(model, features, noise):
    """Return an estimate of log p(x) for each image, by importance weights: (batch,).

    The noise is (num_samples, batch, num_latent). Burda et al. (2015).
    """
    mean, log_var = model.encode(features)
    log_weights = []
    for eps in noise:
        latents = mean + torch.exp(log_var / 2) * eps  # (batch, num_latent)
        logits = model.decoder(latents)
        losses = nn.functional.softplus(logits) - features * logits
        log_ratio = (eps**2 + log_var - latents**2).sum(dim=1) / 2  # log p(z)/q(z|x)
        log_weights.append(log_ratio - losses.sum(dim=1))
    return torch.logsumexp(torch.stack(log_weights), dim=0) - math.log(len(noise))


# --8<-- [end:likelihood]


if __name__ == "__main__":
    train_images, y_train, test_images, _ = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    X_train, X_valid = X_train[:55_000], X_train[55_000:]
    y_train, y_valid = y_train[:55_000], y_train[55_000:]
    judge = train_judge(X_train, y_train)

    # --8<-- [start:run_autoencoder]
    train_data, valid_data = torch.from_numpy(X_train), torch.from_numpy(X_valid)
    autoencoder = Autoencoder(num_latent=2)
    load_params(autoencoder, draw_start(2, 2, SEED))
    optimizer = torch.optim.Adam(autoencoder.parameters(), LEARNING_RATE, fused=True)
    print_log(fit(autoencoder, optimizer, train_data, valid_data, num_epochs=1))
    # --8<-- [end:run_autoencoder]

    # --8<-- [start:run_points]
    codes = autoencoder.codes(X_valid)
    decoded = autoencoder.decode(codes)
    points = autoencoder.decode(draw_noise((1000, 2), SEED))
    print(f"Distance of decoded codes: {frechet_distance(decoded, X_valid, judge):.1f}")
    print(f"Distance of decoded points: {frechet_distance(points, X_valid, judge):.1f}")
    # --8<-- [end:run_points]

    # --8<-- [start:run_codes]
    plot_plane(codes[:1000], y_valid[:1000], points[:100])
    # --8<-- [end:run_codes]

    # --8<-- [start:run_vae]
    train_data, valid_data = torch.from_numpy(X_train), torch.from_numpy(X_valid)
    vae = VAE(NUM_LATENT)
    load_params(vae, draw_start(2 * NUM_LATENT, NUM_LATENT, SEED))
    optimizer = torch.optim.Adam(vae.parameters(), LEARNING_RATE, fused=True)
    print_log(fit(vae, optimizer, train_data, valid_data, num_epochs=2))
    # --8<-- [end:run_vae]

    # --8<-- [start:run_samples]
    samples = vae.decode(draw_noise((1000, NUM_LATENT), SEED))
    print(f"Distance of samples: {frechet_distance(samples, X_valid, judge):.1f}")
    # --8<-- [end:run_samples]

    # --8<-- [start:run_images]
    digits = X_valid[:15]
    rows = [digits, vae.decode(vae.codes(digits)), samples[:15], samples[15:30]]
    plot_images(np.concatenate(rows), 15, ["digits", "decoded", "samples", ""])
    # --8<-- [end:run_images]

    # --8<-- [start:run_plane]
    flat = VAE(num_latent=2)
    load_params(flat, draw_start(4, 2, SEED))
    optimizer = torch.optim.Adam(flat.parameters(), LEARNING_RATE, fused=True)
    print_log(fit(flat, optimizer, train_data, valid_data, num_epochs=2))
    decoded = flat.decode(flat.codes(X_valid))
    points = flat.decode(draw_noise((1000, 2), SEED))
    print(f"Distance of decoded means: {frechet_distance(decoded, X_valid, judge):.1f}")
    print(f"Distance of decoded points: {frechet_distance(points, X_valid, judge):.1f}")
    # --8<-- [end:run_plane]

    # --8<-- [start:run_grid]
    plot_plane(flat.codes(X_valid[:1000]), y_valid[:1000], flat.decode(make_grid()))
    # --8<-- [end:run_grid]

    # --8<-- [start:run_between]
    codes = vae.codes(X_valid)
    shares = np.linspace(0, 1, 9, dtype=np.float32)[:, None]
    one, other = X_valid[:1], X_valid[1:2]
    mixed = (1 - shares) * one + shares * other  # (9, num_pixels)
    path = (1 - shares) * codes[:1] + shares * codes[1:2]  # (9, num_latent)
    half = (X_valid[:2500] + X_valid[2500:]) / 2
    middle = vae.decode((codes[:2500] + codes[2500:]) / 2)
    print(f"Distance of mixed pixels: {frechet_distance(half, X_valid, judge):.1f}")
    print(
        f"Distance of decoded midpoints: {frechet_distance(middle, X_valid, judge):.1f}"
    )
    # --8<-- [end:run_between]

    # --8<-- [start:run_path]
    plot_images(np.concatenate([mixed, vae.decode(path)]), 9, ["pixels", "codes"])
    # --8<-- [end:run_path]

    # --8<-- [start:run_ink]
    order = X_valid.mean(axis=1).argsort()
    thicker = codes[order[-500:]].mean(axis=0) - codes[order[:500]].mean(axis=0)
    as_is = read_digits(vae.decode(codes), judge).argmax(axis=1)
    for amount in [-0.5, 0.0, 0.5]:
        images = vae.decode(codes + np.float32(amount) * thicker)
        kept = (read_digits(images, judge).argmax(axis=1) == as_is).mean()
        print(f"{amount:4.1f}: ink {images.mean():.3f}, same digit {kept:.1%}")
    # --8<-- [end:run_ink]

    # --8<-- [start:run_test]
    features = torch.from_numpy(X_test[:1000])
    noise = torch.from_numpy(draw_noise((100, 1000, NUM_LATENT), SEED))
    for num_samples in [1, 10, 100]:
        estimates = log_likelihoods(vae, features, noise[:num_samples])
        print(f"{num_samples:3} samples: {-estimates.mean().item():.1f} nats")
    # --8<-- [end:run_test]

    # --8<-- [start:run_beta]
    for beta in [0.2, 1.0, 5.0]:
        model = VAE(NUM_LATENT, beta)
        load_params(model, draw_start(2 * NUM_LATENT, NUM_LATENT, SEED))
        optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)
        history = fit(model, optimizer, train_data[:6400], valid_data, num_epochs=1)
        print(
            f"beta {beta}: reconstruction {history[0, 0]:.1f}, KL {history[0, 1]:.1f}"
        )
    # --8<-- [end:run_beta]

    # --8<-- [start:mean_over_pixels]
    loss_fn = nn.functional.binary_cross_entropy_with_logits  # a mean over all pixels
    model = VAE(NUM_LATENT)
    load_params(model, draw_start(2 * NUM_LATENT, NUM_LATENT, SEED))
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)
    history = fit(model, optimizer, train_data[:6400], valid_data, 1, loss_fn)
    print(f"KL: {history[0, 1]:.1f} nats")
    # --8<-- [end:mean_over_pixels]

    # --8<-- [start:variance]
    model = VAE(NUM_LATENT)
    load_params(model, draw_start(2 * NUM_LATENT, NUM_LATENT, SEED))
    with torch.inference_mode():
        _, variance = model.encode(valid_data)
    print(f"Negative: {(variance < 0).double().mean():.1%}")
    print("NaN among standard deviations:", torch.sqrt(variance).isnan().any().item())
    # --8<-- [end:variance]

    # --8<-- [start:exercise_parameters]
    print(sum(p.numel() for p in vae.parameters()))
    # --8<-- [end:exercise_parameters]

    # --8<-- [start:exercise_latents]
    for num_latent in [2, 10, 40]:
        model = VAE(num_latent)
        load_params(model, draw_start(2 * num_latent, num_latent, SEED))
        optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)
        history = fit(model, optimizer, train_data[:6400], valid_data, num_epochs=1)
        print(f"{num_latent:2} latent numbers: {history[0].sum():.1f}")
    # --8<-- [end:exercise_latents]

    # --8<-- [start:exercise_beta]
    model = VAE(NUM_LATENT, beta=0.0)
    load_params(model, draw_start(2 * NUM_LATENT, NUM_LATENT, SEED))
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)
    history = fit(model, optimizer, train_data[:6400], valid_data, num_epochs=1)
    images = model.decode(draw_noise((1000, NUM_LATENT), SEED))
    print(f"Reconstruction {history[0, 0]:.1f}, KL {history[0, 1]:.1f}")
    print(f"Distance of samples: {frechet_distance(images, X_valid, judge):.1f}")
    # --8<-- [end:exercise_beta]

    # --8<-- [start:run_fast]
    noise = draw_noise((1000, NUM_LATENT), SEED)
    start = time.perf_counter()
    one_by_one = np.concatenate([vae.decode(row) for row in noise[:, None]])
    middle = time.perf_counter()
    in_one_batch = vae.decode(noise)
    ratio = (middle - start) / (time.perf_counter() - middle)
    print("Same images:", np.allclose(one_by_one, in_one_batch, atol=1e-5))
    print("More than twice as fast:", ratio > 2)
    # --8<-- [end:run_fast]
