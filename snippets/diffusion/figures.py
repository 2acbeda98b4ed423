"""Pictures of paths from data to noise and back, and of what guidance trades."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt
import numpy as np

# --8<-- [end:imports]
from snippets.diffusion.training import SEED, add_noise


# --8<-- [start:paths]
def plot_paths(points, states):
    """Draw points as they become noise, and the states of samples on their way back."""
    shown = [0, 25, 50, 100, len(states) - 1]
    noise = np.random.default_rng(SEED).standard_normal(points.shape)
    _, axes = plt.subplots(2, len(shown), figsize=(9, 4), layout="constrained")
    for (above, below), step in zip(axes.T, shown, strict=True):
        noisy, _ = add_noise(points, noise, np.full(len(points), step))
        above.scatter(*noisy.T, s=3)
        below.scatter(*states[len(states) - 1 - step].T, s=3, color="C1")
        above.set_title(f"step {step}", fontsize="medium")
        for axis in (above, below):
            axis.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xticks=[], yticks=[])
    axes[0, 0].set_ylabel("forward →")
    axes[1, 0].set_ylabel("← back")


# --8<-- [end:paths]


# --8<-- [start:trade]
def plot_trade(weights, shares, coverages):
    """Draw the share that is read as asked, and the coverage, by guidance weight."""
    _, axis = plt.subplots(figsize=(5, 2.8), layout="constrained")
    axis.plot(100 * np.array(shares), 100 * np.array(coverages), marker="o")
    for weight, *place in zip(weights, shares, coverages, strict=True):
        axis.annotate(
            f"{weight}", 100 * np.array(place), (-4, -4), ha="right", va="top",
            textcoords="offset points",
        )  # fmt: skip
    axis.set(xlabel="read as asked, in %", ylabel="digits covered, in %")


# --8<-- [end:trade]
