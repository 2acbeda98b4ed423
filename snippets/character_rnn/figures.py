"""What temperature does, and how a character RNN's losses fall."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt
import numpy as np

# --8<-- [end:imports]
from snippets.character_rnn.weights import character_probas


# --8<-- [start:temperature]
def plot_temperature(logits, temperatures):
    """Plot the probability of each character over the temperature.

    Raises ValueError if a temperature is not positive.
    """
    probas = np.stack([character_probas(logits, x) for x in temperatures])
    _, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    for logit, curve in zip(logits, probas.T, strict=True):
        axes.plot(temperatures, curve, label=f"logit {logit:g}")
    axes.axvline(1, color="gray", linestyle="--")  # as the model was trained
    axes.set(xlabel="temperature", ylabel="probability", ylim=(0, 1))
    axes.legend()


# --8<-- [end:temperature]


# --8<-- [start:history]
def plot_history(history, round_size):
    """Plot the losses of training and validation after each round of batches."""
    _, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    batches = round_size * np.arange(1, len(history["loss"]) + 1)
    axes.plot(batches, history["loss"], marker="o", label="training, mean of a round")
    axes.plot(batches, history["val_loss"], marker="o", label="validation, at its end")
    axes.set(xlabel="batches", ylabel="loss (nats per character)", ylim=(0, None))
    axes.legend()


# --8<-- [end:history]


if __name__ == "__main__":
    logits = np.array([2.0, 1.0, 0.0])

    # --8<-- [start:run_temperature]
    plot_temperature(logits, np.linspace(0.1, 4, 79))
    # --8<-- [end:run_temperature]
