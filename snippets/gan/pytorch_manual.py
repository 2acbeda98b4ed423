"""A GAN on a plane in PyTorch, by hand and with automatic differentiation."""

# --8<-- [start:imports]
import numpy as np
import torch

# --8<-- [end:imports]
from snippets.diffusion.training import draw_ring
from snippets.gan.figures import plot_points
from snippets.gan.training import (
    LEARNING_RATE,
    MIXING,
    MOMENTUM,
    SEED,
    SHIFT,
    draw_gaussian,
    draw_pairs,
    draw_start,
    print_gaussian,
    print_modes,
)
from snippets.variational_autoencoder.pytorch_manual import to_tensors
from snippets.variational_autoencoder.training import finite_differences


# --8<-- [start:network]
def forward(features, params):
    """Return what a network makes of features, and a record for the way back.

    Hidden layers have the activation SiLU. The record has the inputs of each layer, and
    the slopes of the activation that made them, None for the features.
    """
    *hidden, weights, bias = params
    record = [(features, None)]
    for W, b in zip(hidden[::2], hidden[1::2], strict=True):
        sums = record[-1][0] @ W + b  # (batch, units)
        gate = torch.sigmoid(sums)
        record.append((sums * gate, gate * (1 + sums * (1 - gate))))
    return record[-1][0] @ weights + bias, record


def backward(grad, record, params):
    """Return the gradients of the parameters, and the one of the features.

    Takes the gradient of what the network returned.
    """
    grads = []
    for (inputs, slopes), weights in zip(record[::-1], params[-2::-2], strict=True):
        grads = [inputs.T @ grad, grad.sum(dim=0), *grads]
        grad = grad @ weights.T  # of the inputs
        if slopes is not None:
            grad = grad * slopes
    return grads, grad


# --8<-- [end:network]


# --8<-- [start:losses]
def discriminator_loss(real, fake):
    """Return the cross-entropy of logits (batch, 1): real points are the class 1."""
    softplus = torch.nn.functional.softplus
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(fake, saturating=False):
    """Return minus log D, or log(1 - D) if saturating, of logits (batch, 1)."""
    softplus = torch.nn.functional.softplus
    return -softplus(fake).mean() if saturating else softplus(-fake).mean()


# --8<-- [end:losses]


# --8<-- [start:gradients]
def discriminator_grads(real, fake, D):
    """Return the gradients of the discriminator's loss, for points (batch, size)."""
    logits, record = forward(real, D)
    grads, _ = backward((torch.sigmoid(logits) - 1) / len(logits), record, D)
    logits, record = forward(fake, D)
    more, _ = backward(torch.sigmoid(logits) / len(logits), record, D)
    return [one + two for one, two in zip(grads, more, strict=True)]


def generator_grads(noise, G, D, saturating=False):
    """Return the gradients of the generator's loss by its own parameters."""
    fake, made = forward(noise, G)
    logits, judged = forward(fake, D)
    slopes = -torch.sigmoid(logits) if saturating else torch.sigmoid(logits) - 1
    _, grad_fake = backward(slopes / len(logits), judged, D)
    grads, _ = backward(grad_fake, made, G)
    return grads


# --8<-- [end:gradients]


# --8<-- [start:autograd]
def discriminator_autograd(real, fake, D):
    """Return the same gradients of the discriminator, derived by PyTorch."""
    D = [p.detach().requires_grad_() for p in D]
    loss = discriminator_loss(forward(real, D)[0], forward(fake, D)[0])
    return torch.autograd.grad(loss, D)


def generator_autograd(noise, G, D, saturating=False):
    """Return the same gradients of the generator, derived by PyTorch."""
    G = [p.detach().requires_grad_() for p in G]
    fake, _ = forward(noise, G)
    return torch.autograd.grad(generator_loss(forward(fake, D)[0], saturating), G)


# --8<-- [end:autograd]


# --8<-- [start:adam]
class Adam:
    """Adam, which moves its parameters in place."""

    def __init__(self, params, learning_rate, momentum=MOMENTUM):
        self.params, self.learning_rate, self.momentum = params, learning_rate, momentum
        self.means, self.squares = (
            [torch.zeros_like(p) for p in params] for _ in range(2)
        )
        self.step = 0

    def apply(self, grads):
        """Take a step against the gradients."""
        self.step += 1
        rate = self.learning_rate / (1 - self.momentum**self.step)
        scale = 1 / (1 - 0.999**self.step)
        moved = zip(self.params, grads, self.means, self.squares, strict=True)
        for param, grad, mean, square in moved:
            mean += (1 - self.momentum) * (grad - mean)
            square += 0.001 * (grad**2 - square)
            param -= rate * mean / (torch.sqrt(scale * square) + 1e-8)


# --8<-- [end:adam]


# --8<-- [start:train]
def train(G, D, batches, rates=(LEARNING_RATE,) * 2, momentum=MOMENTUM, every=100):
    """Move the parameters of both networks in place, in turns, by Adam.

    The batches are pairs of real points and noise in NumPy, the rates those of
    generator and discriminator. Returns copies of the generator's parameters, one after
    each `every` steps.
    """
    optimizers = [Adam(G, rates[0], momentum), Adam(D, rates[1], momentum)]
    copies = []
    for step, pair in enumerate(batches, start=1):
        real, noise = (torch.from_numpy(x).to(G[0]) for x in pair)
        fake, _ = forward(noise, G)
        optimizers[1].apply(discriminator_grads(real, fake, D))
        optimizers[0].apply(generator_grads(noise, G, D))
        if step % every == 0:
            copies.append([p.clone() for p in G])
    return copies


# --8<-- [end:train]


# --8<-- [start:fast]
def flatten(params):
    """Return one vector with a copy of all parameters, and parameters that view it."""
    vector = torch.cat([p.ravel() for p in params])
    chunks = vector.split([p.numel() for p in params])
    views = [x.view(p.shape) for x, p in zip(chunks, params, strict=True)]
    return vector, views


def train_fast(G, D, batches, rates=(LEARNING_RATE, LEARNING_RATE), momentum=MOMENTUM):
    """Return both networks as `train` leaves them; G and D stay as they are."""
    (g_vector, G), (d_vector, D) = flatten(G), flatten(D)
    g_optimizer = Adam([g_vector], rates[0], momentum)
    d_optimizer = Adam([d_vector], rates[1], momentum)
    for pair in batches:
        real, noise = (torch.from_numpy(x).to(g_vector) for x in pair)
        fake, made = forward(noise, G)
        logits, judged = forward(torch.cat([real, fake]), D)
        slopes = torch.sigmoid(logits)
        slopes[: len(real)] -= 1
        grads, _ = backward(slopes / len(real), judged, D)
        d_optimizer.apply([torch.cat([x.ravel() for x in grads])])
        logits, judged = forward(fake, D)
        _, grad = backward((torch.sigmoid(logits) - 1) / len(fake), judged, D)
        grads, _ = backward(grad, made, G)  # the fake points are still the same
        g_optimizer.apply([torch.cat([x.ravel() for x in grads])])
    return G, D


# --8<-- [end:fast]


if __name__ == "__main__":
    # --8<-- [start:check]
    starts = draw_start(num_hidden=[5])
    G, D = map(to_tensors, starts)
    rng = np.random.default_rng(SEED)
    real, noise = to_tensors([rng.standard_normal((4, 2)), rng.standard_normal((4, 2))])
    fake, _ = forward(noise, G)

    def g_loss(arrays):
        """Return the generator's loss for parameters in NumPy arrays, as a float."""
        made, _ = forward(noise, to_tensors(arrays))
        return float(generator_loss(forward(made, D)[0]))

    def d_loss(arrays):
        """Return the discriminator's loss for parameters in NumPy arrays."""
        logits = [forward(points, to_tensors(arrays))[0] for points in (real, fake)]
        return float(discriminator_loss(*logits))

    by_hand = [*generator_grads(noise, G, D), *discriminator_grads(real, fake, D)]
    derived = [*generator_autograd(noise, G, D), *discriminator_autograd(real, fake, D)]
    differences = finite_differences(g_loss, starts[0])
    differences += finite_differences(d_loss, starts[1])
    for name, other, bound in [
        ("autograd", derived, 1e-14),
        ("finite differences", differences, 1e-8),
    ]:
        pairs = zip(by_hand, other, strict=True)
        apart = max(abs(np.asarray(x) - np.asarray(y)).max() for x, y in pairs)
        print(f"{name}: within {bound:.0e}: {apart < bound}")
    # --8<-- [end:check]

    # --8<-- [start:run_gaussian]
    points = draw_gaussian(20_000, SEED)
    G, D = to_tensors(draw_start([])[0]), to_tensors(draw_start([16])[1])
    copies = train(G, D, draw_pairs(points, 1500), rates=(0.005, 0.02), every=10)
    W, b = (np.mean(x[100:], axis=0) for x in zip(*copies, strict=True))
    print_gaussian("truth", SHIFT, MIXING.T @ MIXING)
    print_gaussian("points", points.mean(axis=0), np.cov(points.T))
    print_gaussian("learned", b, W.T @ W)
    # --8<-- [end:run_gaussian]

    # --8<-- [start:run_slopes]
    print("logit     D(x)    slope of log(1 - D)    slope of -log D")
    for logit in [-20.0, -10.0, -5.0, 0.0, 5.0]:
        proba = float(torch.sigmoid(torch.tensor(logit, dtype=torch.float64)))
        print(f"{logit:5.0f}  {proba:7.1e}  {-proba:21.1e}  {proba - 1:17.1e}")
    # --8<-- [end:run_slopes]

    # --8<-- [start:run_sure]
    ring = draw_ring(20_000, SEED)
    G, D = map(to_tensors, draw_start())
    G[-1] += 5  # all fakes are far from the ring
    train(G, D, draw_pairs(ring, 500), rates=(0.0, LEARNING_RATE))  # moves D alone
    noise = torch.from_numpy(np.random.default_rng(SEED).standard_normal((1000, 2)))
    begin, _ = forward(noise, G)
    print(f"Mean logit of fakes: {forward(begin, D)[0].numpy().mean():.0f}")
    for name, saturating in [("log(1 - D)", True), ("-log D", False)]:
        moved = G
        for _ in range(20):
            grads = generator_grads(noise, moved, D, saturating)
            moved = [p - 0.01 * grad for p, grad in zip(moved, grads, strict=True)]
        way = np.linalg.norm(forward(noise, moved)[0] - begin, axis=1).mean()
        print(f"{name:10}: moved by {way:.2f}")
    # --8<-- [end:run_sure]

    # --8<-- [start:run_ring]
    G, D = map(to_tensors, draw_start())
    snapshots = train(G, D, draw_pairs(ring, 1000))
    sets = [forward(noise, params)[0].numpy() for params in snapshots]
    print_modes(sets)
    # --8<-- [end:run_ring]

    # --8<-- [start:plot_ring]
    steps = [100, 200, 300, 1000]
    plot_points(ring[:1000], [sets[step // 100 - 1] for step in steps], steps)
    # --8<-- [end:plot_ring]

    # --8<-- [start:run_collapse]
    settings = {"rates": (0.01, 0.001), "momentum": 0.9}
    collapsing = train(
        *map(to_tensors, draw_start()), draw_pairs(ring, 600), **settings
    )
    sets = [forward(noise, params)[0].numpy() for params in collapsing]
    print_modes(sets)
    # --8<-- [end:run_collapse]

    # --8<-- [start:plot_collapse]
    steps = [200, 300, 400, 500]
    plot_points(ring[:1000], [sets[step // 100 - 1] for step in steps], steps)
    # --8<-- [end:plot_collapse]

    # --8<-- [start:run_momentum]
    settings["momentum"] = MOMENTUM
    mended = train(*map(to_tensors, draw_start()), draw_pairs(ring, 600), **settings)
    print_modes([forward(noise, params)[0].numpy() for params in mended])
    # --8<-- [end:run_momentum]

    # --8<-- [start:run_loss]
    real, _ = forward(torch.from_numpy(ring[:1000]).double(), D)
    fake, _ = forward(forward(noise, G)[0], D)
    print(f"Loss of the discriminator: {float(discriminator_loss(real, fake)):.2f}")
    print(f"Loss without a clue: {2 * np.log(2):.2f}")
    # --8<-- [end:run_loss]

    # --8<-- [start:log]
    logit = torch.tensor(-200.0)
    print("logarithm of the sigmoid:", float(-torch.log(torch.sigmoid(logit))))
    print("softplus:", float(generator_loss(logit)))
    # --8<-- [end:log]

    # --8<-- [start:exercise_line]
    G, D = draw_start()
    G[0] = G[0][:1]  # the weights of one number
    snapshots = train(to_tensors(G), to_tensors(D), draw_pairs(ring, 1000, num_noise=1))
    print_modes([forward(noise[:, :1], params)[0].numpy() for params in snapshots])
    # --8<-- [end:exercise_line]

    # --8<-- [start:exercise_matrix]
    print("Learned:", W.round(1).tolist())
    print("Truth:  ", MIXING.tolist())
    # --8<-- [end:exercise_matrix]

    # --8<-- [start:run_fast]
    slow, quick = (to_tensors(draw_start()[0]) for _ in range(2))
    D = to_tensors(draw_start()[1])
    quick, _ = train_fast(quick, D, draw_pairs(ring, 100))
    train(slow, D, draw_pairs(ring, 100))
    pairs = zip(slow, quick, strict=True)
    print("Same weights:", all(np.allclose(x, y, atol=1e-8) for x, y in pairs))
    # --8<-- [end:run_fast]
