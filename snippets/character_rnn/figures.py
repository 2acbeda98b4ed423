"""What a character RNN's training and its hidden state look like."""

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


# --8<-- [start:loss]
def plot_loss(losses, window=10):
    """Plot the loss over the iterations, and its mean over the last window of them.

    Raises ValueError if there are fewer losses than window.
    """
    if not 1 <= window <= len(losses):
        raise ValueError(f"window is {window}, must be 1 to {len(losses)}")
    means = np.convolve(losses, np.full(window, 1 / window), mode="valid")
    _, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    axes.plot(np.arange(1, len(losses) + 1), losses, alpha=0.4, label="each batch")
    axes.plot(np.arange(window, len(losses) + 1), means, label=f"mean of {window}")
    axes.set(xlabel="iteration", ylabel="loss (nats per character)")
    axes.legend()


# --8<-- [end:loss]


# --8<-- [start:states]
def plot_hidden_state(text, states):
    """Plot states (len(text), num_hidden): a row per unit, a column per character.

    Raises ValueError if text and states differ in length.
    """
    if len(text) != len(states):
        raise ValueError(f"text has {len(text)} characters, states {len(states)}")
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    image = axes.imshow(states.T, aspect="auto", cmap="coolwarm", vmin=-1, vmax=1)
    axes.set_xticks(np.arange(len(text)), labels=list(text))
    axes.set(xlabel="character read", ylabel="hidden unit")
    figure.colorbar(image, label="state")


# --8<-- [end:states]


if __name__ == "__main__":
    logits = np.array([2.0, 1.0, 0.0])

    # --8<-- [start:run_temperature]
    plot_temperature(logits, np.linspace(0.1, 4, 79))
    # --8<-- [end:run_temperature]
