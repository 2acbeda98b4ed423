"""A variational autoencoder in PyTorch, by hand and with automatic differentiation."""

# --8<-- [start:imports]
import numpy as np
import torch

# --8<-- [end:imports]
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.training import (
    LEARNING_RATE,
    NUM_LATENT,
    SEED,
    draw_batches,
    draw_noise,
    draw_params,
    draw_start,
    finite_differences,
    print_log,
)


# --8<-- [start:tensors]
def to_tensors(arrays):
    """Return NumPy arrays as tensors of their own that share no memory."""
    return [torch.tensor(array) for array in arrays]


# --8<-- [end:tensors]


# --8<-- [start:encode]
def encode(features, params):
    """Return means and log-variances (batch, num_latent), and the hidden sums."""
    W1, b1, W2, b2, *_ = params
    sums = features @ W1 + b1  # (batch, num_hidden)
    mean, log_var = (torch.nn.functional.silu(sums) @ W2 + b2).chunk(2, dim=1)
    return mean, log_var, sums


def decode(latents, params):
    """Return the logits of the pixels (batch, num_pixels), and the hidden sums."""
    *_, W3, b3, W4, b4 = params
    sums = latents @ W3 + b3  # (batch, num_hidden)
    return torch.nn.functional.silu(sums) @ W4 + b4, sums


# --8<-- [end:encode]


# --8<-- [start:loss]
def cross_entropy(logits, features):
    """Return minus log p(x|z) in nats: summed over pixels, mean over the batch."""
    losses = torch.nn.functional.softplus(logits) - features * logits
    return losses.sum(dim=1).mean()


def kl_divergence(mean, log_var):
    """Return KL(q(z|x) || p(z)) in nats: summed over latents, mean over the batch."""
    return (mean**2 + log_var.exp() - 1 - log_var).sum(dim=1).mean() / 2


def losses(features, noise, params):
    """Return both parts of the loss, for noise (batch, num_latent)."""
    mean, log_var, _ = encode(features, params)
    latents = mean + torch.exp(log_var / 2) * noise  # (batch, num_latent)
    logits, _ = decode(latents, params)
    return cross_entropy(logits, features), kl_divergence(mean, log_var)


# --8<-- [end:loss]


# --8<-- [start:backward]
def silu_and_slope(sums):
    """Return SiLU, sums times their sigmoid, and its derivative, in the same shape."""
    gate = torch.sigmoid(sums)
    return sums * gate, gate * (1 + sums * (1 - gate))


def backward(features, noise, params):
    """Return the gradients of the loss, shaped as the parameters."""
    _, _, W2, _, W3, _, W4, _ = params
    mean, log_var, encoder_sums = encode(features, params)
    encoded, encoder_slopes = silu_and_slope(encoder_sums)
    std = torch.exp(log_var / 2)
    latents = mean + std * noise
    logits, decoder_sums = decode(latents, params)
    decoded, decoder_slopes = silu_and_slope(decoder_sums)

    grad_logits = (torch.sigmoid(logits) - features) / len(features)
    grad_decoder_sums = grad_logits @ W4.T * decoder_slopes
    grad_latents = grad_decoder_sums @ W3.T  # (batch, num_latent)
    grad_mean = grad_latents + mean / len(features)
    grad_log_var = grad_latents * noise * std / 2 + (std**2 - 1) / 2 / len(features)
    grad_codes = torch.cat([grad_mean, grad_log_var], dim=1)
    grad_encoder_sums = grad_codes @ W2.T * encoder_slopes
    return [
        features.T @ grad_encoder_sums,  # W1
        grad_encoder_sums.sum(dim=0),  # b1
        encoded.T @ grad_codes,  # W2
        grad_codes.sum(dim=0),  # b2
        latents.T @ grad_decoder_sums,  # W3
        grad_decoder_sums.sum(dim=0),  # b3
        decoded.T @ grad_logits,  # W4
        grad_logits.sum(dim=0),  # b4
    ]


# --8<-- [end:backward]


# --8<-- [start:autograd]
def backward_autograd(features, noise, params):
    """Return the same gradients, derived by PyTorch."""
    params = [p.detach().requires_grad_() for p in params]
    return torch.autograd.grad(sum(losses(features, noise, params)), params)


# --8<-- [end:autograd]


# --8<-- [start:adam]
def adam_step(params, grads, means, squares, step):
    """Move parameters and both running averages in place; the first step is 1."""
    for param, grad, mean, square in zip(params, grads, means, squares, strict=True):
        mean += 0.1 * (grad - mean)
        square += 0.001 * (grad**2 - square)
        root = torch.sqrt(square / (1 - 0.999**step)) + 1e-8
        param -= LEARNING_RATE * mean / (1 - 0.9**step) / root


# --8<-- [end:adam]


# --8<-- [start:train]
def train(params, gradients, X_train, X_valid, num_epochs):
    """Move the parameters in place by Adam, batch by batch.

    Returns for each epoch the reconstruction loss and the KL divergence of the
    validation set, as floats: (num_epochs, 2).
    """
    num_latent = params[4].shape[0]  # rows of W3
    valid_noise = torch.from_numpy(draw_noise((len(X_valid), num_latent), SEED)).to(
        X_valid
    )
    means, squares = ([torch.zeros_like(p) for p in params] for _ in range(2))
    history, step = [], 0
    for batches, noise in draw_batches(len(X_train), num_epochs, num_latent, SEED):
        for batch, eps in zip(
            torch.from_numpy(batches), torch.from_numpy(noise).to(X_train), strict=True
        ):
            step += 1
            grads = gradients(X_train[batch], eps, params)
            adam_step(params, grads, means, squares, step)
        history.append([loss.item() for loss in losses(X_valid, valid_noise, params)])
    return history


# --8<-- [end:train]


if __name__ == "__main__":
    X_train = to_features(read_mnist()[0])
    X_train, X_valid = X_train[:55_000], X_train[55_000:]

    # --8<-- [start:check]
    small = draw_params([6, 8, 4], [2, 8, 6], SEED)
    small = [p.astype(np.float64) for p in small]
    features, noise = to_tensors([np.full((5, 6), 0.3), np.ones((5, 2))])

    def loss_of(arrays):
        """Return the loss for parameters in NumPy arrays, as a float."""
        return float(sum(losses(features, noise, to_tensors(arrays))))

    by_hand = backward(features, noise, to_tensors(small))
    for name, other, bound in [
        ("autograd", backward_autograd(features, noise, to_tensors(small)), 1e-14),
        ("finite differences", finite_differences(loss_of, small), 1e-8),
    ]:
        pairs = zip(by_hand, other, strict=True)
        apart = max(abs(np.asarray(x) - np.asarray(y)).max() for x, y in pairs)
        print(f"{name}: within {bound:.0e}: {apart < bound}")
    # --8<-- [end:check]

    # --8<-- [start:run]
    train_data, valid_data = to_tensors([X_train[:6400], X_valid])
    start = draw_start(2 * NUM_LATENT, NUM_LATENT, SEED)
    params = to_tensors(start)
    print_log(train(params, backward, train_data, valid_data, num_epochs=2))
    # --8<-- [end:run]
