"""Pictures of points on a plane and of what is judged: arrays in."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt

# --8<-- [end:imports]


# --8<-- [start:points]
def plot_points(points, sets, steps):
    """Draw sets of points on the plane, named by their steps, beside real points.

    Of each set, 250 points show its form; each is an element of the picture.
    """
    panels = [("data", points), *zip((f"step {x}" for x in steps), sets, strict=True)]
    _, axes = plt.subplots(1, len(panels), figsize=(9, 2.1), layout="constrained")
    for axis, (name, shown) in zip(axes, panels, strict=True):
        axis.scatter(*shown[:250].T, s=2, color="C0" if name == "data" else "C1")
        axis.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal")
        axis.set(xticks=[], yticks=[], title=name)


# --8<-- [end:points]


# --8<-- [start:digits]
def plot_digits(images):
    """Draw images (num_images, 784) in rows of 20."""
    rows = images.reshape(-1, 20, 28, 28).swapaxes(1, 2)
    _, axis = plt.subplots(figsize=(8, 0.42 * len(rows)), layout="constrained")
    axis.imshow(rows.reshape(-1, 20 * 28), cmap="gray_r", vmin=0, vmax=1)
    axis.axis("off")


# --8<-- [end:digits]
