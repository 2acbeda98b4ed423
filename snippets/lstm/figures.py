"""Pictures of training, of gradients against distance, and of a trained state."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt
import numpy as np

# --8<-- [end:imports]


# --8<-- [start:losses]
def plot_losses(histories, window=20):
    """Draw means of the loss over windows of steps: {name: (num_steps, 2)}.

    The first column of a history is the loss.
    """
    _, axis = plt.subplots(figsize=(6.5, 3.5), layout="constrained")
    for name, history in histories.items():
        means = history[:, 0].reshape(-1, window).mean(axis=1)
        axis.plot(window * np.arange(1, len(means) + 1), means, label=name)
    axis.axhline(1 / 6, color="black", linewidth=1, label="guessing the mean")
    axis.set(xlabel="step", ylabel="mean squared error", ylim=(0, None))
    axis.legend()


# --8<-- [end:losses]


# --8<-- [start:reach]
def plot_reach(before, after):
    """Draw gradient norms (length,) by name against the distance from the end.

    They are drawn before training in one picture, and after training in another.
    """
    _, axes = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained", sharey=True)
    titles = ["before training", "after training"]
    for axis, title, norms in zip(axes, titles, [before, after], strict=True):
        for name, values in norms.items():
            distances = np.arange(len(values))[::-1]
            axis.plot(distances, values, label=name)
        axis.set(title=title, xlabel="steps before the end", yscale="log")
        axis.legend(fontsize=8)
    axes[0].set_ylabel("gradient norm")


# --8<-- [end:reach]


# --8<-- [start:reading]
def plot_reading(features, sums, readings):
    """Draw what models predict after each step of one sequence, by name: (length,).

    Takes its features (length, 2), and the sum of the marked numbers so far (length,).
    """
    _, axis = plt.subplots(figsize=(6.5, 3.5), layout="constrained")
    steps = np.arange(1, len(features) + 1)
    axis.step(steps, sums, where="post", color="black", linewidth=1, label="sum so far")
    for name, values in readings.items():
        axis.plot(steps, values, label=name)
    marks = features[:, 1] == 1
    axis.plot(steps[marks], features[marks, 0], "o", color="black", label="marked")
    axis.set(xlabel="step", ylabel="prediction")
    axis.legend(fontsize=8)


# --8<-- [end:reading]
