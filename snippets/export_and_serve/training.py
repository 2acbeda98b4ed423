"""What both frameworks share: settings, start weights, batches. NumPy alone."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]

# --8<-- [start:settings]
SEED = 1
BATCH_SIZE = 100
NUM_EPOCHS = 12
LEARNING_RATE = 0.1
MOMENTUM = 0.9
SHAPES = [(5, 1, 24), (5, 24, 24), (24, 10)]  # width, channels in and out; classes
# --8<-- [end:settings]


# --8<-- [start:start]
def draw_weights(shapes=SHAPES, seed=SEED):
    """Return an array for each shape, scaled by the number of inputs (LeCun, 1998)."""
    rng = np.random.default_rng(seed)
    drawn = [rng.standard_normal(shape, np.float32) for shape in shapes]
    return [x / np.sqrt(x[..., 0].size, dtype=np.float32) for x in drawn]


def draw_batches(size=4000, num_epochs=NUM_EPOCHS, seed=SEED):
    """Return the indices of all batches (steps, batch), each epoch in a new order."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(size) for _ in range(num_epochs)]
    return np.concatenate(orders).reshape(-1, BATCH_SIZE)


# --8<-- [end:start]


# --8<-- [start:apart]
def apart(logits, expected):
    """Return the largest difference, as a share of the largest expected logit."""
    return np.abs(logits - expected).max() / np.abs(expected).max()


# --8<-- [end:apart]
