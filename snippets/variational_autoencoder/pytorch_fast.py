"""The autoencoder by hand in PyTorch, as fast as it gets with the same numbers."""

import torch

from snippets.softmax_regression.data import read_mnist, to_features
from snippets.variational_autoencoder.pytorch_manual import (
    backward,
    losses,
    to_tensors,
)
from snippets.variational_autoencoder.training import (
    LEARNING_RATE,
    NUM_LATENT,
    SEED,
    draw_batches,
    draw_noise,
    draw_start,
    print_log,
)


# --8<-- [start:epoch]
@torch.no_grad()
def run_epoch(features, batches, noise, params, optimizer):
    """Move the parameters in place, a step for each row of batches (steps, batch).

    Takes features (num_examples, num_pixels), noise (steps, batch, num_latent), and an
    optimizer of the parameters.
    """
    for batch, eps in zip(batches, noise, strict=True):
        grads = backward(features[batch], eps, params)
        for param, grad in zip(params, grads, strict=True):
            param.grad = grad
        optimizer.step()


# --8<-- [end:epoch]


# --8<-- [start:train]
def train_fast(params, X_train, X_valid, num_epochs):
    """Train as train does: move the parameters in place, return the same history."""
    num_latent = params[4].shape[0]  # rows of W3
    valid_noise = torch.from_numpy(draw_noise((len(X_valid), num_latent), SEED)).to(
        X_valid
    )
    optimizer = torch.optim.Adam(params, LEARNING_RATE, fused=True)
    history = []
    for batches, noise in draw_batches(len(X_train), num_epochs, num_latent, SEED):
        noise = torch.from_numpy(noise).to(X_train)
        run_epoch(X_train, torch.from_numpy(batches), noise, params, optimizer)
        history.append([loss.item() for loss in losses(X_valid, valid_noise, params)])
    return history


# --8<-- [end:train]


if __name__ == "__main__":
    X_train = to_features(read_mnist()[0])
    X_train, X_valid = X_train[:55_000], X_train[55_000:]

    # --8<-- [start:run]
    train_data, valid_data = to_tensors([X_train[:6400], X_valid])
    params = to_tensors(draw_start(2 * NUM_LATENT, NUM_LATENT, SEED))
    print_log(train_fast(params, train_data, valid_data, num_epochs=2))
    # --8<-- [end:run]
