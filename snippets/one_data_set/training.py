"""What both frameworks share: settings, start weights, batches, a shuffled order."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]

# --8<-- [start:hyperparameters]
BATCH_SIZE = 100
WEIGHT_DECAY = 0.1
SETTINGS = {  # the learning rate at the start, and the epochs
    "linear": (0.01, 20),
    "MLP": (0.01, 40),
    "CNN": (0.02, 40),
    "GRU": (0.02, 40),
    "residual": (0.01, 15),
    "Transformer": (0.005, 20),
}
SEED = 0
# --8<-- [end:hyperparameters]

# --8<-- [start:shuffle]
ORDER = np.random.RandomState(42).permutation(40)  # as MNIST-1D's authors shuffle
# --8<-- [end:shuffle]


# --8<-- [start:start]
def draw_weights(shape, rng):
    """Return weights of variance 1 / inputs, float32, in Keras' layout.

    The shape is (inputs, outputs), or (kernel size, channels, outputs).
    """
    scale = np.sqrt(1 / np.prod(shape[:-1]))
    return (scale * rng.standard_normal(shape)).astype(np.float32)


# --8<-- [end:start]


# --8<-- [start:batches]
def draw_batches(num_examples, num_epochs, seed):
    """Return batches of indices (num_steps, BATCH_SIZE), each epoch shuffled anew."""
    rng = np.random.default_rng(seed)
    epochs = [rng.permutation(num_examples) for _ in range(num_epochs)]
    return np.concatenate(epochs).reshape(-1, BATCH_SIZE)


# --8<-- [end:batches]
