"""What a softmax regression learned, in numbers and pictures, from either framework.

Where no framework hands its arrays over, a softmax regression in NumPy does.
"""

from contextlib import redirect_stdout

# --8<-- [start:imports]
import matplotlib.pyplot as plt

# --8<-- [end:imports]
import numpy as np

from snippets.softmax_regression.data import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
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


def learn(folder="data", num_epochs=NUM_EPOCHS):
    """Train; return y_test, and weight_images, test_logits, test_probas in NumPy."""
    train_images, y_train, test_images, y_test = read_mnist(folder)
    features = to_features(train_images)
    orders = draw_orders(len(features), num_epochs, SEED)
    with redirect_stdout(None):
        weights, bias = train_in_numpy(
            features, y_train, orders, BATCH_SIZE, LEARNING_RATE
        )
    test_logits = to_features(test_images) @ weights + bias
    weight_images = weights.T.reshape(NUM_CLASSES, *train_images.shape[1:])
    return y_test, weight_images, test_logits, softmax(test_logits)


# --8<-- [start:plot_weights]
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


# --8<-- [end:plot_weights]


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


# --8<-- [start:commonest]
def commonest_confusion(shares):
    """Return label, wrong prediction and share of the largest error.

    Takes shares (num_classes, num_classes), of a row's class read as a column's.
    """
    wrong = shares * (1 - np.eye(len(shares)))
    label, prediction = np.unravel_index(wrong.argmax(), wrong.shape)
    return int(label), int(prediction), float(wrong.max())


# --8<-- [end:commonest]


# --8<-- [start:plot_confusion]
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


# --8<-- [start:plot_errors]
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


# --8<-- [end:plot_errors]


# --8<-- [start:pair]
def sigmoid(logits):
    """Return 1 / (1 + e^-z) of each logit."""
    return 1 / (1 + np.exp(-logits))


def probas_between(probas, one, other):
    """Return the probability (batch,) of class one, where only two are possible."""
    return probas[:, one] / (probas[:, one] + probas[:, other])


# --8<-- [end:pair]


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
    y_test, weight_images, test_logits, test_probas = learn()
    test_images = read_mnist()[2]

    # --8<-- [start:run_plot_weights]
    plot_weights(weight_images)
    # --8<-- [end:run_plot_weights]

    # --8<-- [start:run_confusion]
    predictions = test_probas.argmax(axis=1)  # (10000,)
    shares = to_shares(confusion_matrix(y_test, predictions, NUM_CLASSES))
    for digit, share in enumerate(shares.diagonal()):
        print(f"Of the {digit}s, {share:.1%} are recognized")
    label, prediction, share = commonest_confusion(shares)
    print(f"Commonest confusion: {share:.1%} of the {label}s are read as {prediction}")
    # --8<-- [end:run_confusion]

    # --8<-- [start:run_plot_confusion]
    plot_confusion(shares)
    # --8<-- [end:run_plot_confusion]

    # --8<-- [start:run_confident]
    for index in most_confident_errors(test_probas, y_test, count=6):
        label, prediction = y_test[index], predictions[index]
        proba = test_probas[index, prediction]
        print(f"Image {index}: {label}, read as {prediction} ({proba:.3f})")
    # --8<-- [end:run_confident]

    # --8<-- [start:run_plot_errors]
    worst = most_confident_errors(test_probas, y_test, count=6)
    plot_errors(
        test_images[worst],
        y_test[worst],
        predictions[worst],
        test_probas[worst].max(axis=1),
    )
    # --8<-- [end:run_plot_errors]

    # --8<-- [start:run_sure]
    sure = test_probas.max(axis=1) >= 0.9975  # 0.998, rounded
    expected = (1 - test_probas[sure].max(axis=1)).sum()
    found = (predictions[sure] != y_test[sure]).sum()
    print(f"Read as surely as that: {sure.mean():.0%} of the images")
    print(f"Errors among them: {expected:.1f} expected, {found} found")
    # --8<-- [end:run_sure]

    # --8<-- [start:run_sum]
    total = weight_images.sum(axis=0)  # (28, 28)
    print("Every sum within 0.0001 of zero:", bool(abs(total).max() < 1e-4))
    # --8<-- [end:run_sum]

    # --8<-- [start:run_pair]
    four_not_nine = sigmoid(test_logits[:, 4] - test_logits[:, 9])  # (10000,)
    difference = abs(four_not_nine - probas_between(test_probas, 4, 9)).max()
    print("The same within 0.0001:", bool(difference < 1e-4))
    # --8<-- [end:run_pair]

    # --8<-- [start:run_answered]
    for threshold in (0.5, 0.8, 0.9, 0.99):
        share, right = answer_above(threshold, test_probas, y_test)
        print(f"From {threshold}: {share:.1%} answered, {right:.1%} of them rightly")
    # --8<-- [end:run_answered]
