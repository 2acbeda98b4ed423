"""What both frameworks share: signals, start weights, batches, and what is printed."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d

# --8<-- [start:start]
NUM_HIDDEN = 100
NUM_CLASSES = 10
BATCH_SIZE = 100
NUM_STEPS = 320  # ten epochs of 3,200 signals
SEED = 1


def draw_params(seed=SEED):
    """Return [W1, b1, W2, b2] in float32, with the start of He et al. (2015)."""
    rng = np.random.default_rng(seed)
    params = []
    for num_inputs, num_outputs in [(40, NUM_HIDDEN), (NUM_HIDDEN, NUM_CLASSES)]:
        weights = rng.standard_normal((num_inputs, num_outputs))
        params += [(np.sqrt(2 / num_inputs) * weights).astype(np.float32)]
        params += [np.zeros(num_outputs, np.float32)]
    return params


def draw_batches(num_examples, num_steps, seed=SEED):
    """Return batches of indices (num_steps, BATCH_SIZE), shuffled in each epoch.

    Raises ValueError unless the batch size divides the number of examples.
    """
    if num_examples % BATCH_SIZE:
        raise ValueError(f"{num_examples} examples in batches of {BATCH_SIZE}")
    rng = np.random.default_rng(seed)
    num_epochs = -(-num_steps * BATCH_SIZE // num_examples)  # rounded up
    orders = [rng.permutation(num_examples) for _ in range(num_epochs)]
    return np.concatenate(orders).reshape(-1, BATCH_SIZE)[:num_steps]


# --8<-- [end:start]


# --8<-- [start:compare]
def print_equal(name, one, two):
    """Print whether arrays have the same bits as others, with a name."""
    equal = all(
        np.asarray(x).tobytes() == np.asarray(y).tobytes()
        for x, y in zip(one, two, strict=True)
    )
    print(f"{name:28} | {'bit-equal' if equal else 'different'}")


def print_flushed(name, grads):
    """Print which share of gradients is zero, and which infinite: arrays."""
    grads = np.concatenate([np.ravel(x) for x in grads]).astype(np.float64)
    zeros, infinite = (grads == 0).mean(), np.isinf(grads).mean()
    print(f"{name:25} | zero: {zeros:4.0%} | infinite: {infinite:.0%}")


# --8<-- [end:compare]

if __name__ == "__main__":
    # --8<-- [start:run_data]
    signals, labels = make_mnist1d()
    X_train, X_valid = signals[:3200], signals[3200:4000]
    y_train, y_valid = labels[:3200], labels[3200:4000]
    # --8<-- [end:run_data]

    # --8<-- [start:run_sums]
    large, small = np.float32(1e8), np.float32(1)
    print("(large + small) - large:", (large + small) - large)
    print("(large - large) + small:", (large - large) + small)
    # --8<-- [end:run_sums]
