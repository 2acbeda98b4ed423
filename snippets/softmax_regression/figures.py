"""Pictures of what a softmax regression learned: arrays in, from either framework."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt

# --8<-- [end:imports]


# --8<-- [start:weights]
def plot_weights(weight_images):
    """Draw one image of weights per class: red speaks for it, blue against it.

    Takes an even number of images, (num_classes, height, width).
    """
    figure, axes = plt.subplots(
        2, len(weight_images) // 2, figsize=(7, 3), layout="constrained"
    )
    limit = abs(weight_images).max()  # one scale for all, white at 0
    for digit, axis in enumerate(axes.flat):
        drawn = axis.imshow(
            weight_images[digit], cmap="RdBu_r", vmin=-limit, vmax=limit
        )
        axis.set_title(digit)
        axis.axis("off")
    figure.colorbar(drawn, ax=axes, label="weight")


# --8<-- [end:weights]


# --8<-- [start:confusion]
def plot_confusion(shares):
    """Write shares (num_classes, num_classes) in percent, and colour the errors."""
    num_classes = len(shares)
    percent = 100 * shares
    wrong = percent.copy()
    wrong[range(num_classes), range(num_classes)] = 0  # else they outshine the errors
    figure, axis = plt.subplots(figsize=(6, 5), layout="constrained")
    drawn = axis.imshow(wrong, cmap="Reds")
    for row in range(num_classes):
        for column in range(num_classes):
            dark = wrong[row, column] > wrong.max() / 2
            axis.text(
                column, row, f"{percent[row, column]:.1f}", ha="center", va="center",
                fontsize=8, color="white" if dark else "black",
            )  # fmt: skip
    axis.set(xticks=range(num_classes), yticks=range(num_classes))
    axis.set(xlabel="read as", ylabel="digit")
    figure.colorbar(drawn, label="percent of the digit's images")


# --8<-- [end:confusion]


# --8<-- [start:errors]
def plot_errors(images, targets, predictions, probas):
    """Draw images (num_images, height, width) with their true and predicted class.

    The probabilities (num_images,) are the predictions'.
    """
    _, axes = plt.subplots(
        1, len(images), figsize=(8, 1.8), layout="constrained", squeeze=False
    )
    for index, axis in enumerate(axes.flat):
        axis.imshow(images[index], cmap="gray_r")
        axis.set_title(
            f"{targets[index]}, read as {predictions[index]}\n({probas[index]:.3f})",
            fontsize=9,
        )
        axis.axis("off")


# --8<-- [end:errors]


if __name__ == "__main__":
    from snippets.softmax_regression.batches import NUM_CLASSES
    from snippets.softmax_regression.data import read_mnist
    from snippets.softmax_regression.errors import (
        confusion_matrix,
        most_confident_errors,
        to_shares,
    )
    from snippets.softmax_regression.learned import learn

    y_test, weight_images, _, test_probas = learn()
    test_images = read_mnist()[2]
    predictions = test_probas.argmax(axis=1)
    shares = to_shares(confusion_matrix(y_test, predictions, NUM_CLASSES))

    # --8<-- [start:run_weights]
    plot_weights(weight_images)
    # --8<-- [end:run_weights]

    # --8<-- [start:run_confusion]
    plot_confusion(shares)
    # --8<-- [end:run_confusion]

    # --8<-- [start:run_errors]
    worst = most_confident_errors(test_probas, y_test, count=6)
    plot_errors(
        test_images[worst],
        y_test[worst],
        predictions[worst],
        test_probas[worst].max(axis=1),
    )
    # --8<-- [end:run_errors]
