"""Mini-batches in the same order for every framework, and the log of their costs."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]


# --8<-- [start:minibatches]
def iterate_minibatches(X, y, batch_size, seed):
    """Iterate over shuffled (X, y) batches; an incomplete last one is dropped.

    Raises ValueError if the lengths differ or hold not even one batch.
    """
    if len(X) != len(y):
        raise ValueError(f"{len(X)} features but {len(y)} targets")
    if not 1 <= batch_size <= len(X):
        raise ValueError(f"batch_size is {batch_size}, must be 1 to {len(X)}")
    indices = np.arange(len(X))
    np.random.RandomState(seed).shuffle(indices)
    num_batches = len(X) // batch_size
    batches = indices[: num_batches * batch_size].reshape(num_batches, batch_size)
    return ((X[batch], y[batch]) for batch in batches)


# --8<-- [end:minibatches]


# --8<-- [start:log]
def print_minibatch_epoch(epoch, costs, divisor, train_accuracy, test_accuracy):
    """Print the costs of an epoch's batches, averaged wrongly and rightly.

    The post's log divides by a counter of all batches so far that starts at 1 and is
    never reset: its "AvgCost" shrinks even where the costs do not.
    """
    fields = [f"Epoch: {epoch:03d}"]
    if costs:
        fields.append(f"AvgCost: {sum(costs) / divisor:.3f}")
        fields.append(f"Mean cost: {sum(costs) / len(costs):.3f}")
    fields.append(f"Train/Test ACC: {train_accuracy:.2f}/{test_accuracy:.2f}")
    print(" | ".join(fields))


# --8<-- [end:log]
