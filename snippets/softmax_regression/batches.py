"""The hyperparameters, the order of the examples and the log: both frameworks' own."""

import numpy as np

# --8<-- [start:hyperparameters]
NUM_CLASSES = 10
LEARNING_RATE = 0.1
BATCH_SIZE = 256
NUM_EPOCHS = 10
SEED = 123
# --8<-- [end:hyperparameters]


# --8<-- [start:orders]
def draw_orders(num_examples, num_epochs, seed):
    """Return a new shuffle of the examples for each epoch: (num_epochs, num_examples).

    Raises ValueError if there is no example or no epoch.
    """
    if num_examples < 1 or num_epochs < 1:
        raise ValueError(f"{num_examples} examples, {num_epochs} epochs: need 1 each")
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(num_examples) for _ in range(num_epochs)])


def split_batches(order, batch_size):
    """Cut one epoch's order into batches of indices; the last one may be smaller.

    Raises ValueError if batch_size is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, must be at least 1")
    return np.split(order, range(batch_size, len(order), batch_size))


# --8<-- [end:orders]


# --8<-- [start:log]
def print_epoch(epoch, num_epochs, train_accuracy, cost):
    """Print one line of the training log."""
    fields = [
        f"Epoch: {epoch:03d}/{num_epochs:03d}",
        f"Train ACC: {train_accuracy:.2%}",
        f"Cost: {cost:.4f}",
    ]
    print(" | ".join(fields))


# --8<-- [end:log]


if __name__ == "__main__":
    # --8<-- [start:run]
    orders = draw_orders(60_000, NUM_EPOCHS, SEED)
    batches = split_batches(orders[0], BATCH_SIZE)
    print(f"{len(batches)} batches an epoch, {len(batches[-1])} images in the last")
    # --8<-- [end:run]
