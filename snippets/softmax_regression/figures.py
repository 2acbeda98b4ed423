"""What a softmax regression learned, in numbers and pictures, from either framework.

Run by itself, this module trains a softmax regression in NumPy and looks at that one.
"""

from contextlib import redirect_stdout

# --8<-- [start:imports]
import matplotlib.pyplot as plt

# --8<-- [end:imports]
import numpy as np

from snippets.softmax_regression.data import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_EPOCHS,
    SEED,
    draw_orders,
    read_mnist,
    to_features,
    train_in_numpy,
)


def softmax(logits):
    """Return the probabilities of logits, both (batch, num_classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def learn(folder="data", num_images=None, num_epochs=NUM_EPOCHS, rate=LEARNING_RATE):
    """Train on the first images, or all; return weights and bias, in NumPy."""
    train_images, y_train, *_ = read_mnist(folder)
    features, targets = to_features(train_images)[:num_images], y_train[:num_images]
    orders = draw_orders(len(features), num_epochs, SEED)
    with redirect_stdout(None):
        return train_in_numpy(features, targets, orders, BATCH_SIZE, rate)


# --8<-- [start:plot_digits]
def plot_digits(images, titles):
    """Draw images (num_images, height, width) in a row, each with its title."""
    _, axes = plt.subplots(
        1, len(images), figsize=(8, 1.5), layout="constrained", squeeze=False
    )
    for image, title, axis in zip(images, titles, axes.flat, strict=True):
        axis.imshow(image, cmap="gray_r")
        axis.set_title(title, fontsize=9)
        axis.axis("off")


# --8<-- [end:plot_digits]


# --8<-- [start:plot_weights]
def plot_weights(weight_images):
    """Draw one image of weights per class: red speaks for it, blue against it.

    Takes an even number of images, (num_classes, height, width).
    """
    figure, axes = plt.subplots(
        2, len(weight_images) // 2, figsize=(7, 2.6), layout="constrained"
    )
    limit = abs(weight_images).max()  # one scale for all, white at 0
    for digit, axis in enumerate(axes.flat):
        drawn = axis.imshow(
            weight_images[digit], cmap="RdBu_r", vmin=-limit, vmax=limit
        )
        axis.set_title(digit)
        axis.axis("off")
    figure.colorbar(drawn, ax=axes, label="weight")


# --8<-- [end:plot_weights]


# --8<-- [start:plot_reading]
def plot_reading(image, probas):
    """Draw an image (height, width) beside the probability of each class."""
    _, (left, right) = plt.subplots(
        1, 2, figsize=(5.5, 1.6), layout="constrained", width_ratios=[1, 2]
    )
    left.imshow(image, cmap="gray_r")
    left.axis("off")
    right.bar(range(len(probas)), probas)
    right.set(xticks=range(len(probas)), xlabel="digit", ylabel="probability")


# --8<-- [end:plot_reading]


# --8<-- [start:confusion]
def confusion_matrix(targets, predictions, num_classes):
    """Count the examples of each class (row) by their prediction (column).

    Takes targets and predictions (num_examples,), returns (num_classes, num_classes).
    Raises ValueError if the shapes differ or if a class is out of range.
    """
    if targets.shape != predictions.shape:
        raise ValueError(f"targets {targets.shape}, predictions {predictions.shape}")
    both = np.concatenate([targets, predictions])
    if both.min() < 0 or both.max() >= num_classes:
        raise ValueError(f"classes must be 0 to {num_classes - 1}")
    cells = num_classes * targets + predictions  # row by row
    counts = np.bincount(cells, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def to_shares(confusion):
    """Divide each row of counts (num_classes, num_classes) by its sum.

    Raises ValueError if a class has no example.
    """
    sums = confusion.sum(axis=1, keepdims=True)  # (num_classes, 1)
    if not sums.all():
        raise ValueError("a class has no example")
    return confusion / sums


# --8<-- [end:confusion]


# --8<-- [start:plot_confusion]
def plot_confusion(shares):
    """Write shares (num_classes, num_classes) in percent, and colour the errors."""
    num_classes = len(shares)
    percent = 100 * shares
    wrong = percent.copy()
    wrong[range(num_classes), range(num_classes)] = 0  # else they outshine the errors
    figure, axis = plt.subplots(figsize=(5.2, 4), layout="constrained")
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


# --8<-- [end:plot_confusion]


# --8<-- [start:confident]
def most_confident_errors(probas, targets, count):
    """Return the indices of the wrong predictions with the largest probabilities.

    Takes probas (num_examples, num_classes) and targets (num_examples,), returns at
    most count indices. Raises ValueError for other shapes.
    """
    if probas.ndim != 2 or len(probas) != len(targets):
        raise ValueError(f"probas {probas.shape}, targets {targets.shape}")
    wrong = np.flatnonzero(probas.argmax(axis=1) != targets)
    confidence = probas[wrong].max(axis=1)  # (num_errors,)
    return wrong[np.argsort(-confidence, kind="stable")[:count]]


# --8<-- [end:confident]


# --8<-- [start:calibration]
def calibration(probas, targets, num_bins):
    """Return mean confidence and accuracy of bins of equally many examples.

    The confidence of an example is its largest probability; the first bin has the
    lowest. Takes probas (num_examples, num_classes), returns (num_bins, 2). Raises
    ValueError if the examples cannot be divided equally.
    """
    if len(probas) % num_bins:
        raise ValueError(f"{len(probas)} examples for {num_bins} equal bins")
    confidence = probas.max(axis=1)  # (num_examples,)
    hits = probas.argmax(axis=1) == targets
    order = confidence.argsort(kind="stable").reshape(num_bins, -1)
    return np.stack([confidence[order].mean(axis=1), hits[order].mean(axis=1)], axis=1)


# --8<-- [end:calibration]


# --8<-- [start:answered]
def answer_above(threshold, probas, targets):
    """Return the share of examples answered, and the accuracy among them.

    An example is answered where its largest probability reaches the threshold.
    Raises ValueError if none is.
    """
    answered = probas.max(axis=1) >= threshold  # (batch,)
    if not answered.any():
        raise ValueError(f"no example reaches {threshold}")
    hits = probas[answered].argmax(axis=1) == targets[answered]
    return answered.mean(), hits.mean()


# --8<-- [end:answered]


if __name__ == "__main__":
    train_images, y_train, test_images, y_test = read_mnist()

    # --8<-- [start:run_digits]
    firsts = [np.flatnonzero(y_train == digit)[0] for digit in range(10)]
    plot_digits(train_images[firsts], range(10))
    # --8<-- [end:run_digits]

    final_weights, final_bias = learn(rate=0.5)
    weight_images = final_weights.T.reshape(-1, 28, 28)
    test_probas = softmax(to_features(test_images) @ final_weights + final_bias)

    # --8<-- [start:run_plot_weights]
    plot_weights(weight_images)
    # --8<-- [end:run_plot_weights]

    # --8<-- [start:run_reading]
    predictions = test_probas.argmax(axis=1)  # (10000,)
    print(f"Label {y_test[8]}, read as {predictions[8]}")
    plot_reading(test_images[8], test_probas[8])
    # --8<-- [end:run_reading]

    # --8<-- [start:run_confusion]
    plot_confusion(to_shares(confusion_matrix(y_test, predictions, 10)))
    # --8<-- [end:run_confusion]

    # --8<-- [start:run_confident]
    wrong = most_confident_errors(test_probas, y_test, count=6)
    titles = [
        f"{y_test[i]}, read as {predictions[i]}\n({test_probas[i].max():.3f})"
        for i in wrong
    ]
    plot_digits(test_images[wrong], titles)
    # --8<-- [end:run_confident]

    # --8<-- [start:run_calibration]
    bins = calibration(test_probas, y_test, num_bins=10)
    for confidence, share_right in bins:
        print(f"confidence {confidence:.1%}, accuracy {share_right:.1%}")
    gap = abs(bins[:, 0] - bins[:, 1]).mean()
    print(f"Mean difference: {gap:.1%}")
    # --8<-- [end:run_calibration]

    # --8<-- [start:run_sum]
    total = weight_images.sum(axis=0)  # (28, 28)
    print("Every sum within 0.0001 of zero:", bool(abs(total).max() < 1e-4))
    # --8<-- [end:run_sum]

    tuned_weights, tuned_bias = learn(num_images=55_000, rate=0.5)
    X_valid = to_features(train_images[55_000:])
    valid_probas = softmax(X_valid @ tuned_weights + tuned_bias)

    # --8<-- [start:run_answered]
    for threshold in (0.5, 0.7, 0.8, 0.9, 0.95):
        share, right = answer_above(threshold, valid_probas, y_train[55_000:])
        print(
            f"From {threshold:.2f}: {share:.1%} answered, {right:.1%} of them rightly"
        )
    # --8<-- [end:run_answered]
