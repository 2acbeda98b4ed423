"""Cross-correlation of one image with one kernel, in NumPy: as loops."""

# --8<-- [start:imports]
import time

import numpy as np

# --8<-- [end:imports]
from snippets.convolutional_network.figures import plot_edges
from snippets.softmax_regression.data import read_mnist


# --8<-- [start:loops]
def correlate(image, kernel):
    """Return the weighted sum of each window of an image (rows, columns).

    The weights are a kernel (height, width). The map has shape
    (rows - height + 1, columns - width + 1).
    """
    height, width = kernel.shape
    rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
    sums = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            for i in range(height):
                for j in range(width):
                    sums[row, column] += kernel[i, j] * image[row + i, column + j]
    return sums


# --8<-- [end:loops]


# --8<-- [start:seconds]
def shortest_time(run, times):
    """Return the seconds of the fastest of so many calls."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)


# --8<-- [end:seconds]


# --8<-- [start:field]
def print_fields(layers):
    """Print which part of the image a unit of each layer sees: {name: (size, step)}.

    A layer has windows of so many units, and moves them by so many each time.
    """
    seen, apart = 1, 1  # pixels that a unit sees, pixels between two neighbours
    for name, (size, step) in layers.items():
        seen += (size - 1) * apart
        apart *= step
        print(f"{name}: {seen} x {seen} pixels, {apart} apart")


# --8<-- [end:field]

if __name__ == "__main__":
    # --8<-- [start:run]
    drawn = np.array(
        [
            [0, 0, 3, 9, 0, 0],
            [0, 2, 9, 5, 0, 0],
            [0, 6, 9, 0, 0, 0],
            [0, 9, 7, 5, 3, 0],
            [0, 8, 9, 9, 8, 0],
            [0, 2, 7, 8, 3, 0],
        ]
    )
    edges = np.array([[1.0, 0.0, -1.0]] * 3)
    print(correlate(drawn, edges).astype(int))
    # --8<-- [end:run]

    # --8<-- [start:data]
    train_images, y_digits, test_images, y_test_digits = read_mnist()
    image = train_images[5] / 255  # (28, 28)
    # --8<-- [end:data]

    # --8<-- [start:run_edges]
    vertical, horizontal = correlate(image, edges), correlate(image, edges.T)
    plot_edges(
        {
            f"image {image.shape}": image,
            f"vertical edges {vertical.shape}": vertical,
            f"horizontal edges {horizontal.shape}": horizontal,
        }
    )
    # --8<-- [end:run_edges]

    # --8<-- [start:run_field]
    print_fields({"C1": (5, 1), "S2": (2, 2), "C3": (5, 1), "S4": (2, 2)})
    # --8<-- [end:run_field]

    # --8<-- [start:run_flip]
    impulse, kernel = [0, 0, 1, 0, 0], [1, 2, 3]
    print("Cross-correlation:", np.correlate(impulse, kernel, mode="valid"))
    print("Convolution:      ", np.convolve(impulse, kernel, mode="valid"))
    # --8<-- [end:run_flip]
