"""A picture of the numbers that a format can hold."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt
import numpy as np

# --8<-- [end:imports]


# --8<-- [start:ranges]
def plot_ranges(ranges, grads, scale):
    """Draw the ranges of formats {name: (smallest, largest)} over gradients.

    The gradients (count,) are drawn as a histogram, as they are and times the scale.
    """
    _, axis = plt.subplots(figsize=(7, 3.5), layout="constrained")
    sizes = np.log10(np.abs(grads[grads != 0]))
    bins = np.arange(-20, 6, 0.5)
    for name, shift in [("gradients", 0), ("gradients, scaled", np.log10(scale))]:
        counts, _ = np.histogram(sizes + shift, bins)
        axis.stairs(counts / len(sizes), bins, fill=True, alpha=0.5, label=name)
    for row, (name, (smallest, largest)) in enumerate(ranges.items(), 1):
        start, end = np.log10([smallest, largest])
        height = -0.03 * row
        axis.plot([max(start, -20), min(end, 6)], [height] * 2, linewidth=6, label=name)
    axis.set(xlabel="power of ten", ylabel="share of gradients", xlim=(-20, 6))
    axis.set_yticks([0, 0.1, 0.2])  # below zero are the ranges
    axis.legend(fontsize=8, loc="upper left")


# --8<-- [end:ranges]
