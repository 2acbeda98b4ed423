"""Batch and layer normalization in PyTorch, by hand in both directions."""

# --8<-- [start:imports]
import numpy as np
import torch

# --8<-- [end:imports]
from snippets.residual_network.training import SEED

# --8<-- [start:normalize]
EPSILON = 1e-5  # keeps the division safe where a channel is constant


def normalize(features, axis):
    """Return features of mean 0 and variance 1 along the axis, and their factor."""
    centred = features - features.mean(dim=axis, keepdim=True)
    variance = (centred * centred).mean(dim=axis, keepdim=True)
    scale = 1 / torch.sqrt(variance + EPSILON)
    return scale * centred, scale


# --8<-- [end:normalize]


# --8<-- [start:forward]
MOMENTUM = 0.1  # the share of the new batch in the running statistics


def batch_norm(features, gamma, beta, running, training):
    """Return features (rows, channels), normalized over the rows, scaled and shifted.

    In training, the running [mean, variance] of each channel move in place towards
    those of the batch; otherwise they are used in place of those of the batch.
    """
    if training:
        normalized, _ = normalize(features, axis=0)
        batch = features.mean(dim=0), features.var(dim=0, correction=1)
        with torch.no_grad():
            for average, value in zip(running, batch, strict=True):
                average += MOMENTUM * (value - average)
    else:
        mean, variance = running
        normalized = (features - mean) / torch.sqrt(variance + EPSILON)
    return gamma * normalized + beta


def layer_norm(features, gamma, beta):
    """Return features (rows, channels), normalized within each row."""
    normalized, _ = normalize(features, axis=1)
    return gamma * normalized + beta


# --8<-- [end:forward]


# --8<-- [start:backward]
def norm_backward(grads, normalized, scale, gamma, axis):
    """Return the gradients with respect to the features, gamma and beta.

    Takes the gradient with respect to the outputs (rows, channels), and what normalize
    returned. The axis is 0 for batch normalization in training, and 1 for layer
    normalization.
    """
    slopes = gamma * grads  # with respect to the normalized features
    common = slopes.mean(dim=axis, keepdim=True)
    along = (slopes * normalized).mean(dim=axis, keepdim=True)
    grad_features = scale * (slopes - common - along * normalized)
    return grad_features, (grads * normalized).sum(dim=0), grads.sum(dim=0)


# --8<-- [end:backward]


# --8<-- [start:others]
def backward_autograd(loss_fn, arrays):
    """Return the gradients of a loss with respect to its arguments, by PyTorch."""
    tensors = [x.detach().requires_grad_() for x in arrays]
    return torch.autograd.grad(loss_fn(*tensors), tensors)


def finite_differences(loss_fn, arrays, step=1e-6):
    """Return the same gradients, from the loss a step below and a step above."""
    grads = [torch.zeros_like(x) for x in arrays]
    for array, grad in zip(arrays, grads, strict=True):
        values, slopes = array.view(-1), grad.view(-1)
        for index in range(len(values)):
            value = values[index].item()
            for sign in [1, -1]:
                values[index] = value + sign * step
                slopes[index] += sign * loss_fn(*arrays) / (2 * step)
            values[index] = value
    return grads


# --8<-- [end:others]


if __name__ == "__main__":
    # --8<-- [start:check]
    rng = np.random.default_rng(SEED)
    features, grads = torch.from_numpy(rng.normal(size=(2, 8, 3)))  # (rows, channels)
    gamma, beta = torch.from_numpy(rng.normal(size=(2, 3)))

    start = torch.zeros(3), torch.ones(3)  # running statistics
    losses = {  # the gradient with respect to the outputs is grads
        "batch norm": lambda *x: (grads * batch_norm(*x, start, True)).sum(),
        "layer norm": lambda *x: (grads * layer_norm(*x)).sum(),
    }
    for axis, (name, loss_fn) in enumerate(losses.items()):
        arrays = [features, gamma, beta]
        by_hand = norm_backward(grads, *normalize(features, axis), gamma, axis)
        for other, found, bound in [
            ("autograd", backward_autograd(loss_fn, arrays), 1e-12),
            ("finite differences", finite_differences(loss_fn, arrays), 1e-7),
        ]:
            pairs = zip(by_hand, found, strict=True)
            apart = max((one - two).abs().max().item() for one, two in pairs)
            print(f"{name}, {other}: within {bound:.0e}: {apart < bound}")
    # --8<-- [end:check]

    # --8<-- [start:layer]
    layer = torch.nn.BatchNorm1d(3)
    running = [torch.zeros(3), torch.ones(3)]  # mean, variance
    for scale in [1, 2, 3]:
        signals = torch.tensor(
            rng.normal(1, scale, size=(4, 5, 3)), dtype=torch.float32
        )
        rows = signals.reshape(-1, 3)  # (batch * length, channels)
        by_hand = batch_norm(rows, torch.ones(3), torch.zeros(3), running, True)
        outputs = layer(signals.mT).mT.reshape(-1, 3)  # it wants channels second
        apart = (by_hand - outputs).abs().max().item()
        print(f"Training: within 1e-05: {apart < 1e-5}")
    variances = running[1][0].item(), layer.running_var[0].item()
    print("Running variance: by hand {:.3f}, layer {:.3f}".format(*variances))
    # --8<-- [end:layer]
