"""Diffusion on a plane in PyTorch, by hand and with automatic differentiation."""

# --8<-- [start:imports]
import numpy as np
import torch

# --8<-- [end:imports]
from snippets.diffusion.figures import plot_paths
from snippets.diffusion.training import (
    DECAY,
    NUM_STEPS,
    SEED,
    WAVES,
    add_noise,
    draw_noisy_batches,
    draw_plane_weights,
    draw_ring,
    draw_weights,
    energy_distance,
    ideal_noise,
    join,
    mix_straight,
    sample_ddim,
    sample_ddpm,
    sample_flow,
    share_near,
)
from snippets.variational_autoencoder.pytorch_manual import adam_step, to_tensors
from snippets.variational_autoencoder.training import finite_differences


# --8<-- [start:forward]
def silu_and_slope(sums):
    """Return SiLU, sums times their sigmoid, and its derivative, in the same shape."""
    gate = torch.sigmoid(sums)
    return sums * gate, gate * (1 + sums * (1 - gate))


def forward(features, params):
    """Return predictions (batch, size), and (values, slopes) of each hidden layer."""
    *hidden_params, W3, b3 = params
    values, hidden = features, []
    for weights, bias in zip(hidden_params[::2], hidden_params[1::2], strict=True):
        values, slopes = silu_and_slope(values @ weights + bias)  # (batch, units)
        hidden.append((values, slopes))
    return values @ W3 + b3, hidden


def loss_fn(predictions, targets):
    """Return the mean of the squared errors over the batch and all coordinates."""
    return ((predictions - targets) ** 2).mean()


# --8<-- [end:forward]


# --8<-- [start:backward]
def backward(features, targets, params):
    """Return the gradients of the loss, shaped as the parameters."""
    _, _, W2, _, W3, _ = params
    predictions, [(first, first_slopes), (second, second_slopes)] = forward(
        features, params
    )
    grad = 2 * (predictions - targets) / targets.numel()  # (batch, size)
    grad_second = grad @ W3.T * second_slopes  # (batch, units)
    grad_first = grad_second @ W2.T * first_slopes
    return [
        features.T @ grad_first,  # W1
        grad_first.sum(dim=0),  # b1
        first.T @ grad_second,  # W2
        grad_second.sum(dim=0),  # b2
        second.T @ grad,  # W3
        grad.sum(dim=0),  # b3
    ]


# --8<-- [end:backward]


# --8<-- [start:autograd]
def backward_autograd(features, targets, params):
    """Return the same gradients, derived by PyTorch."""
    params = [p.detach().requires_grad_() for p in params]
    loss = loss_fn(forward(features, params)[0], targets)
    return torch.autograd.grad(loss, params)


# --8<-- [end:autograd]


# --8<-- [start:train]
def train(params, batches, gradients=backward):
    """Move the parameters in place by Adam; return their running averages.

    The batches are pairs of features and targets in NumPy.
    """
    means, squares = ([torch.zeros_like(p) for p in params] for _ in range(2))
    averages = [p.clone() for p in params]
    for step, batch in enumerate(batches, start=1):
        features, targets = (torch.from_numpy(x).to(params[0]) for x in batch)
        grads = gradients(features, targets, params)
        adam_step(params, grads, means, squares, step)
        for average, param in zip(averages, params, strict=True):
            average += (1 - DECAY) * (param - average)
    return averages


# --8<-- [end:train]


# --8<-- [start:predict]
def to_predictor(params, waves=WAVES):
    """Return a function of points and a step: NumPy in, NumPy out."""

    def predict(points, step):
        features = torch.from_numpy(join(points, step, waves=waves))
        return forward(features, params)[0].numpy()

    return predict


# --8<-- [end:predict]


if __name__ == "__main__":
    points = draw_ring(20_000, SEED)

    # --8<-- [start:check]
    small = [p.astype(np.float64) for p in draw_weights([5, 8, 8, 2])]
    features, targets = to_tensors([np.full((4, 5), 0.3), np.ones((4, 2))])

    def loss_of(arrays):
        """Return the loss for parameters in NumPy arrays, as a float."""
        return float(loss_fn(forward(features, to_tensors(arrays))[0], targets))

    by_hand = backward(features, targets, to_tensors(small))
    for name, other, bound in [
        ("autograd", backward_autograd(features, targets, to_tensors(small)), 1e-14),
        ("finite differences", finite_differences(loss_of, small), 1e-8),
    ]:
        pairs = zip(by_hand, other, strict=True)
        apart = max(abs(np.asarray(x) - np.asarray(y)).max() for x, y in pairs)
        print(f"{name}: within {bound:.0e}: {apart < bound}")
    # --8<-- [end:check]

    # --8<-- [start:run]
    params = to_tensors(draw_plane_weights())
    averages = train(params, draw_noisy_batches(points, num_batches=2000))

    rng = np.random.default_rng(SEED)
    steps = rng.integers(1, NUM_STEPS + 1, size=20_000)
    noise = rng.standard_normal((20_000, 2), np.float32)
    noisy, _ = add_noise(points, noise, steps)
    predict = to_predictor(averages)
    for name, predictor in [("network", predict), ("ideal", ideal_noise)]:
        print(f"Loss, {name}: {((predictor(noisy, steps) - noise) ** 2).mean():.3f}")
    # --8<-- [end:run]

    # --8<-- [start:run_sample]
    others = draw_ring(1000, seed=2)
    noise = rng.standard_normal((NUM_STEPS + 1, 1000, 2), np.float32)
    states = sample_ddpm(predict, noise)
    ideal_states = sample_ddpm(ideal_noise, noise)
    for name, samples in [
        ("data", draw_ring(1000, seed=3)),
        ("network", states[-1]),
        ("ideal", ideal_states[-1]),
    ]:
        apart = energy_distance(samples, others)
        print(f"{name:7}: near {share_near(samples):.2f}, energy distance {apart:.3f}")
    # --8<-- [end:run_sample]

    # --8<-- [start:run_paths]
    plot_paths(points[:150], states[:, :150])
    # --8<-- [end:run_paths]

    # --8<-- [start:run_ddim]
    for num_steps in [200, 50, 20, 10, 5]:
        found = [
            energy_distance(sample_ddim(predictor, noise[0], num_steps), others)
            for predictor in (predict, ideal_noise)
        ]
        print(f"{num_steps:3} steps: network {found[0]:.3f}, ideal {found[1]:.3f}")
    # --8<-- [end:run_ddim]

    # --8<-- [start:steps]
    numbers = np.arange(NUM_STEPS + 1.0)[:, None]
    for name, waves in [("no step", 0 * numbers), ("step as a number", numbers)]:
        other = to_tensors(draw_plane_weights(num_features=3))
        other = train(other, draw_noisy_batches(points, 2000, waves=waves))
        samples = sample_ddpm(to_predictor(other, waves), noise)[-1]
        print(f"{name}: near {share_near(samples):.2f}")
    # --8<-- [end:steps]

    # --8<-- [start:average]
    for name, weights in [("last weights", params), ("running average", averages)]:
        samples = sample_ddim(to_predictor(weights), noise[0], 50)
        print(f"{name}: energy distance {energy_distance(samples, others):.3f}")
    # --8<-- [end:average]

    # --8<-- [start:run_flow]
    flow_params = to_tensors(draw_plane_weights())
    flow_averages = train(flow_params, draw_noisy_batches(points, 2000, mix_straight))
    flow = to_predictor(flow_averages)
    for num_steps in [200, 50, 20, 10, 5]:
        found = [
            energy_distance(sample_flow(flow, noise[0], num_steps), others),
            energy_distance(sample_ddim(predict, noise[0], num_steps), others),
        ]
        print(f"{num_steps:3} steps: flow {found[0]:.3f}, diffusion {found[1]:.3f}")
    # --8<-- [end:run_flow]

    # --8<-- [start:exercise_scaled]
    waves = np.arange(NUM_STEPS + 1.0)[:, None] / NUM_STEPS
    other = to_tensors(draw_plane_weights(num_features=3))
    other = train(other, draw_noisy_batches(points, 2000, waves=waves))
    samples = sample_ddpm(to_predictor(other, waves), noise)[-1]
    print(f"near {share_near(samples):.2f}")
    # --8<-- [end:exercise_scaled]
