"""A GAN on a plane in TensorFlow, by hand and with a gradient tape."""

# --8<-- [start:imports]
import numpy as np
import tensorflow as tf

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
from snippets.variational_autoencoder.tensorflow_manual import to_tensors, to_variables
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
        gate = tf.sigmoid(sums)
        record.append((sums * gate, gate * (1 + sums * (1 - gate))))
    return record[-1][0] @ weights + bias, record


def backward(grad, record, params):
    """Return the gradients of the parameters, and the one of the features.

    Takes the gradient of what the network returned.
    """
    grads = []
    for (inputs, slopes), weights in zip(record[::-1], params[-2::-2], strict=True):
        grad_weights = tf.transpose(inputs) @ grad
        grads = [grad_weights, tf.reduce_sum(grad, axis=0), *grads]
        grad = grad @ tf.transpose(weights)  # of the inputs
        if slopes is not None:
            grad = grad * slopes
    return grads, grad


# --8<-- [end:network]


# --8<-- [start:losses]
def discriminator_loss(real, fake):
    """Return the cross-entropy of logits (batch, 1): real points are the class 1."""
    softplus = tf.nn.softplus
    return tf.reduce_mean(softplus(-real)) + tf.reduce_mean(softplus(fake))


def generator_loss(fake, saturating=False):
    """Return minus log D, or log(1 - D) if saturating, of logits (batch, 1)."""
    softplus = tf.nn.softplus
    return tf.reduce_mean(-softplus(fake) if saturating else softplus(-fake))


# --8<-- [end:losses]


# --8<-- [start:gradients]
def discriminator_grads(real, fake, D):
    """Return the gradients of the discriminator's loss, for points (batch, size)."""
    logits, record = forward(real, D)
    grads, _ = backward((tf.sigmoid(logits) - 1) / len(logits), record, D)
    logits, record = forward(fake, D)
    more, _ = backward(tf.sigmoid(logits) / len(logits), record, D)
    return [one + two for one, two in zip(grads, more, strict=True)]


def generator_grads(noise, G, D, saturating=False):
    """Return the gradients of the generator's loss by its own parameters."""
    fake, made = forward(noise, G)
    logits, judged = forward(fake, D)
    slopes = -tf.sigmoid(logits) if saturating else tf.sigmoid(logits) - 1
    _, grad_fake = backward(slopes / len(logits), judged, D)
    grads, _ = backward(grad_fake, made, G)
    return grads


# --8<-- [end:gradients]


# --8<-- [start:autograd]
def discriminator_autograd(real, fake, D):
    """Return the same gradients of the discriminator, derived by TensorFlow."""
    with tf.GradientTape() as tape:
        loss = discriminator_loss(forward(real, D)[0], forward(fake, D)[0])
    return tape.gradient(loss, D)


def generator_autograd(noise, G, D, saturating=False):
    """Return the same gradients of the generator, derived by TensorFlow."""
    with tf.GradientTape() as tape:
        loss = generator_loss(forward(forward(noise, G)[0], D)[0], saturating)
    return tape.gradient(loss, G)


# --8<-- [end:autograd]


# --8<-- [start:adam]
class Adam:
    """Adam, which moves its parameters in place."""

    def __init__(self, params, learning_rate, momentum=MOMENTUM):
        self.params, self.learning_rate, self.momentum = params, learning_rate, momentum
        self.means, self.squares = (
            [tf.Variable(tf.zeros_like(p)) for p in params] for _ in range(2)
        )
        self.step = tf.Variable(tf.zeros((), params[0].dtype))

    def apply(self, grads):
        """Take a step against the gradients."""
        step = self.step.assign_add(1)
        rate = self.learning_rate / (1 - self.momentum**step)
        scale = 1 / (1 - 0.999**step)
        moved = zip(self.params, grads, self.means, self.squares, strict=True)
        for param, grad, mean, square in moved:
            mean.assign_add((1 - self.momentum) * (grad - mean))
            square.assign_add(0.001 * (grad**2 - square))
            param.assign_sub(rate * mean / (tf.sqrt(scale * square) + 1e-8))


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

    @tf.function
    def update(real, noise):
        fake, _ = forward(noise, G)
        optimizers[1].apply(discriminator_grads(real, fake, D))
        optimizers[0].apply(generator_grads(noise, G, D))

    for step, pair in enumerate(batches, start=1):
        update(*(tf.cast(x, G[0].dtype) for x in pair))
        if step % every == 0:
            copies.append([tf.constant(p) for p in G])
    return copies


# --8<-- [end:train]


# --8<-- [start:fast]
def build_fast_training(G, D, rates=(LEARNING_RATE, LEARNING_RATE), momentum=MOMENTUM):
    """Return a compiled function that moves both networks as `train` does.

    It takes all real points and all noise, (num_steps, batch, size) each. In each call,
    Adam begins anew.
    """
    g_optimizer, d_optimizer = Adam(G, rates[0], momentum), Adam(D, rates[1], momentum)

    @tf.function(jit_compile=True)
    def run(real, noise):
        for optimizer in (g_optimizer, d_optimizer):
            for state in (optimizer.step, *optimizer.means, *optimizer.squares):
                state.assign(tf.zeros_like(state))
        for step in tf.range(len(real)):
            fake, _ = forward(noise[step], G)
            d_optimizer.apply(discriminator_grads(real[step], fake, D))
            g_optimizer.apply(generator_grads(noise[step], G, D))

    return run


# --8<-- [end:fast]


if __name__ == "__main__":
    # --8<-- [start:check]
    starts = draw_start(num_hidden=[5])
    G, D = map(to_variables, starts)
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
    G, D = to_variables(draw_start([])[0]), to_variables(draw_start([16])[1])
    copies = train(G, D, draw_pairs(points, 1500), rates=(0.005, 0.02), every=10)
    W, b = (np.mean(x[100:], axis=0) for x in zip(*copies, strict=True))
    print_gaussian("truth", SHIFT, MIXING.T @ MIXING)
    print_gaussian("points", points.mean(axis=0), np.cov(points.T))
    print_gaussian("learned", b, W.T @ W)
    # --8<-- [end:run_gaussian]

    # --8<-- [start:run_slopes]
    print("logit     D(x)    slope of log(1 - D)    slope of -log D")
    for logit in [-20.0, -10.0, -5.0, 0.0, 5.0]:
        proba = float(tf.sigmoid(tf.constant(logit, tf.float64)))
        print(f"{logit:5.0f}  {proba:7.1e}  {-proba:21.1e}  {proba - 1:17.1e}")
    # --8<-- [end:run_slopes]

    # --8<-- [start:run_sure]
    ring = draw_ring(20_000, SEED)
    G, D = map(to_variables, draw_start())
    G[-1].assign_add([5.0, 5.0])  # all fakes are far from the ring
    train(G, D, draw_pairs(ring, 500), rates=(0.0, LEARNING_RATE))  # moves D alone
    noise = tf.constant(np.random.default_rng(SEED).standard_normal((1000, 2)))
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
    G, D = map(to_variables, draw_start())
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
        *map(to_variables, draw_start()), draw_pairs(ring, 600), **settings
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
    mended = train(*map(to_variables, draw_start()), draw_pairs(ring, 600), **settings)
    print_modes([forward(noise, params)[0].numpy() for params in mended])
    # --8<-- [end:run_momentum]

    # --8<-- [start:run_loss]
    real, _ = forward(ring[:1000].astype(np.float64), D)
    fake, _ = forward(forward(noise, G)[0], D)
    print(f"Loss of the discriminator: {float(discriminator_loss(real, fake)):.2f}")
    print(f"Loss without a clue: {2 * np.log(2):.2f}")
    # --8<-- [end:run_loss]

    # --8<-- [start:log]
    logit = tf.constant(-200.0)
    print("logarithm of the sigmoid:", float(-tf.math.log(tf.sigmoid(logit))))
    print("softplus:", float(generator_loss(logit)))
    # --8<-- [end:log]

    # --8<-- [start:exercise_line]
    G, D = draw_start()
    G[0] = G[0][:1]  # the weights of one number
    snapshots = train(
        to_variables(G), to_variables(D), draw_pairs(ring, 1000, num_noise=1)
    )
    print_modes([forward(noise[:, :1], params)[0].numpy() for params in snapshots])
    # --8<-- [end:exercise_line]

    # --8<-- [start:exercise_matrix]
    print("Learned:", W.round(1).tolist())
    print("Truth:  ", MIXING.tolist())
    # --8<-- [end:exercise_matrix]

    # --8<-- [start:run_fast]
    slow, quick = (to_variables(draw_start()[0]) for _ in range(2))
    D = to_variables(draw_start()[1])
    real, noise = map(np.stack, zip(*draw_pairs(ring, 100), strict=True))
    run = build_fast_training(quick, D)
    run(*(tf.constant(x, tf.float64) for x in (real, noise)))
    train(slow, to_variables(draw_start()[1]), draw_pairs(ring, 100))
    pairs = zip(slow, quick, strict=True)
    print("Same weights:", all(np.allclose(x, y, atol=1e-8) for x, y in pairs))
    # --8<-- [end:run_fast]
