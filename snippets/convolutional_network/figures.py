"""Pictures of maps, kernels and errors: arrays in."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt

# --8<-- [end:imports]


# --8<-- [start:edges]
def plot_edges(images):
    """Draw images side by side, zero as white: {title: (rows, columns)}."""
    _, axes = plt.subplots(1, len(images), figsize=(6, 2.3), layout="constrained")
    for (title, image), axis in zip(images.items(), axes, strict=True):
        limit = abs(image).max()
        if image.min() < 0:
            axis.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)
        else:
            axis.imshow(image, cmap="gray_r")
        axis.set_title(title, fontsize=10)
        axis.axis("off")


# --8<-- [end:edges]


# --8<-- [start:maps]
def plot_maps(kernels, first, second):
    """Draw kernels (6, 5, 5), six maps of C1 and sixteen of C3 (16, rows, columns)."""
    _, axes = plt.subplots(4, 8, figsize=(8, 4.2), layout="constrained")
    blank = [None, None]
    rows = [[*kernels, *blank], [*first, *blank], second[:8], second[8:]]
    names = ["kernels", "maps of C1", "maps of C3", ""]
    for row, name, images in zip(axes, names, rows, strict=True):
        row[0].set_ylabel(name)
        for axis, image in zip(row, images, strict=True):
            axis.set(xticks=[], yticks=[], frame_on=False)
            if image is not None:
                limit = abs(image).max()
                axis.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit)


# --8<-- [end:maps]


# --8<-- [start:errors]
def plot_errors(images, labels, probas):
    """Draw the ten images that a model gets wrong with most confidence.

    Images are (n, 28, 28), labels (n,), probabilities (n, 10).
    """
    guesses, confidence = probas.argmax(axis=1), probas.max(axis=1)
    wrong = (guesses != labels).nonzero()[0]
    worst = wrong[confidence[wrong].argsort()[::-1][:10]]
    _, axes = plt.subplots(2, 5, figsize=(8, 3.6), layout="constrained")
    for index, axis in zip(worst, axes.flat, strict=True):
        axis.imshow(images[index], cmap="gray_r")
        axis.set_title(f"{labels[index]}, read as {guesses[index]}", fontsize=10)
        axis.axis("off")


# --8<-- [end:errors]
