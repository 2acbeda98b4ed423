"""What a character RNN's training and its hidden state look like."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt
import numpy as np

# --8<-- [end:imports]


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
