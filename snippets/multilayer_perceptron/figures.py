"""Pictures of signals, of training and of what was learned: arrays in."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt

# --8<-- [end:imports]


# --8<-- [start:signals]
def plot_signals(signals, labels):
    """Draw the first signal of each of ten classes."""
    _, axes = plt.subplots(2, 5, figsize=(8, 3.2), sharex=True, layout="constrained")
    for label, axis in enumerate(axes.flat):
        axis.plot(signals[labels == label][0])
        axis.set(title=f"class {label}", yticks=[])


# --8<-- [end:signals]


# --8<-- [start:losses]
def plot_losses(histories):
    """Draw training losses per epoch: {name: (num_epochs, 2)}."""
    _, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for name, losses in histories.items():
        axis.plot(range(1, len(losses) + 1), losses[:, 0], label=name)
    axis.set(xlabel="epoch", ylabel="training loss")
    axis.legend()


# --8<-- [end:losses]


# --8<-- [start:overfitting]
def plot_overfitting(losses):
    """Draw training and validation loss per epoch (num_epochs, 2), and the best."""
    _, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
    epochs = range(1, len(losses) + 1)
    axis.plot(epochs, losses[:, 0], label="training")
    axis.plot(epochs, losses[:, 1], label="validation")
    best = losses[:, 1].argmin()
    axis.plot(best + 1, losses[best, 1], "o", color="black", label="lowest")
    axis.set(xlabel="epoch", ylabel="loss")
    axis.legend()


# --8<-- [end:overfitting]


# --8<-- [start:filters]
def plot_weights(weights):
    """Draw what the first 20 hidden units weigh: (28 * 28, num_hidden)."""
    _, axes = plt.subplots(2, 10, figsize=(8, 1.8), layout="constrained")
    for image, axis in zip(weights.T.reshape(-1, 28, 28), axes.flat, strict=False):
        limit = abs(image).max()
        axis.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axis.axis("off")


# --8<-- [end:filters]


# --8<-- [start:digits]
def plot_digits(images, labels, readings):
    """Draw images (count, 28 * 28) in a row: each digit's label, and how it is read."""
    _, axes = plt.subplots(1, len(images), figsize=(8, 1.3), layout="constrained")
    for number, axis in enumerate(axes):
        axis.imshow(images[number].reshape(28, 28), cmap="gray_r")
        axis.set_title(f"{labels[number]} as {readings[number]}", fontsize=9)
        axis.axis("off")


# --8<-- [end:digits]

if __name__ == "__main__":
    from snippets.datasets.mnist1d import make_mnist1d

    signals, labels = make_mnist1d()
    # --8<-- [start:run_signals]
    plot_signals(signals, labels)
    # --8<-- [end:run_signals]
