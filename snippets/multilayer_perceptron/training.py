"""What both frameworks share: hyperparameters, start weights, batches and the log."""

# --8<-- [start:imports]
from itertools import pairwise

import numpy as np

# --8<-- [end:imports]

# --8<-- [start:hyperparameters]
NUM_HIDDEN = 100
NUM_CLASSES = 10
LEARNING_RATE = 0.1
BATCH_SIZE = 100
NUM_EPOCHS = 20
SEED = 1
# --8<-- [end:hyperparameters]


# --8<-- [start:start]
def draw_params(sizes, seed, gain=2.0):
    """Return [W1, b1, W2, b2, ...] for layers of these sizes, as float32 arrays.

    A weight matrix has shape (inputs, outputs) and the variance gain / inputs; with
    gain 2 that is the start of He et al. (2015) for ReLU. Biases are zero.
    """
    rng = np.random.default_rng(seed)
    params = []
    for num_inputs, num_outputs in pairwise(sizes):
        scale = np.sqrt(gain / num_inputs)
        weights = scale * rng.standard_normal((num_inputs, num_outputs))
        params += [weights.astype(np.float32), np.zeros(num_outputs, np.float32)]
    return params


# --8<-- [end:start]


# --8<-- [start:batches]
def draw_batches(num_examples, num_epochs, batch_size, seed):
    """Yield for each epoch its batches of indices, shuffled anew.

    Raises ValueError unless the batch size divides the number of examples.
    """
    if num_examples % batch_size:
        raise ValueError(f"{num_examples} examples in batches of {batch_size}")
    rng = np.random.default_rng(seed)
    for _ in range(num_epochs):
        yield rng.permutation(num_examples).reshape(-1, batch_size)


# --8<-- [end:batches]


# --8<-- [start:log]
def print_log(history, every=5):
    """Print epoch 1 and each that `every` divides of a history (num_epochs, 4).

    Its columns are training loss, validation loss, training and validation accuracy.
    """
    for epoch, (loss, _, train_accuracy, valid_accuracy) in enumerate(history, 1):
        if epoch == 1 or epoch % every == 0:
            accuracies = (
                f"Train ACC: {train_accuracy:.1%} | Valid ACC: {valid_accuracy:.1%}"
            )
            print(f"Epoch: {epoch:03d} | {accuracies} | Train loss: {loss:.3f}")


# --8<-- [end:log]


# --8<-- [start:scales]
def activation_scales(gain, num_layers=10, width=400, seed=1):
    """Return how large the activations are after each of many ReLU layers.

    The features are standard normal, a batch of 1,000.
    """
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((1000, width))
    scales = []
    for _ in range(num_layers):
        weights = np.sqrt(gain / width) * rng.standard_normal((width, width))
        hidden = np.maximum(hidden @ weights, 0)  # (1000, width)
        scales.append(np.sqrt((hidden**2).mean()))
    return scales


# --8<-- [end:scales]


# --8<-- [start:claim]
def print_remedies(lowest):
    """Say which remedies reached a lower validation loss than none: {name: loss}."""
    for name, loss in lowest.items():
        if name != "none":
            print(f"{name} helps: {loss < lowest['none']}")


# --8<-- [end:claim]

if __name__ == "__main__":
    # --8<-- [start:run_scales]
    for gain in [1, 2, 4]:
        scales = activation_scales(gain)
        print(f"variance {gain}/inputs: layer 1 {scales[0]:.2g}, 10 {scales[-1]:.2g}")
    # --8<-- [end:run_scales]
