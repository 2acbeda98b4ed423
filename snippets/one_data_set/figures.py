"""A picture of signals, in order and shuffled: arrays in."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.one_data_set.training import ORDER


# --8<-- [start:signals]
def plot_shuffled(signals, labels, order):
    """Draw the first signal of five classes, and below each the same one shuffled."""
    _, axes = plt.subplots(2, 5, figsize=(8, 3.2), sharex=True, layout="constrained")
    for label, (above, below) in enumerate(axes.T):
        signal = signals[labels == label][0]
        above.plot(signal)
        above.set(title=f"class {label}", yticks=[])
        below.plot(signal[order])
        below.set(yticks=[])
    axes[0, 0].set_ylabel("in order")
    axes[1, 0].set_ylabel("shuffled")


# --8<-- [end:signals]

if __name__ == "__main__":
    # --8<-- [start:data]
    signals, labels = make_mnist1d()
    # --8<-- [end:data]
    # --8<-- [start:run]
    plot_shuffled(signals, labels, ORDER)
    # --8<-- [end:run]
