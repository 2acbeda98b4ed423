"""Pictures of latent planes and of images: arrays in."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt
import numpy as np

# --8<-- [end:imports]


# --8<-- [start:tile]
def tile(images, num_columns):
    """Lay images (num_images, 28 * 28) out in rows of one large image."""
    rows = images.reshape(-1, num_columns, 28, 28)
    return rows.transpose(0, 2, 1, 3).reshape(len(rows) * 28, num_columns * 28)


# --8<-- [end:tile]


# --8<-- [start:plane]
def plot_plane(codes, labels, images):
    """Draw where digits lie in the plane, and decoded images in rows of 10."""
    _, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    points = axes[0].scatter(*codes.T, s=4, c=labels, cmap="tab10")
    axes[0].legend(*points.legend_elements(), fontsize="x-small", title="digit")
    axes[0].set(xlabel="$z_1$", ylabel="$z_2$")
    axes[1].imshow(tile(images, 10), cmap="gray_r", vmin=0, vmax=1)
    axes[1].axis("off")


# --8<-- [end:plane]


# --8<-- [start:images]
def plot_images(images, num_columns, names):
    """Draw images in rows, with a name at the left of each row."""
    picture = tile(images, num_columns)
    _, axis = plt.subplots(
        figsize=(8, 8.4 * len(picture) / picture.shape[1]), layout="constrained"
    )
    axis.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
    axis.set_yticks(14 + 28 * np.arange(len(names)), names)
    axis.set_xticks([])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


# --8<-- [end:images]


# --8<-- [start:grid]
def make_grid(num_steps=10, limit=2.0):
    """Return the points of a square grid in the plane, row by row from the top left."""
    steps = np.linspace(-limit, limit, num_steps)
    columns, rows = np.meshgrid(steps, -steps)
    return np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32)


# --8<-- [end:grid]
