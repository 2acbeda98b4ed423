"""Where a classifier of digits errs: arrays in, from either framework."""

import numpy as np


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


if __name__ == "__main__":
    from snippets.softmax_regression.batches import NUM_CLASSES
    from snippets.softmax_regression.learned import learn

    y_test, _, _, test_probas = learn()

    # --8<-- [start:run_confusion]
    predictions = test_probas.argmax(axis=1)  # (10000,)
    shares = to_shares(confusion_matrix(y_test, predictions, NUM_CLASSES))
    for digit, share in enumerate(shares.diagonal()):
        print(f"Of the {digit}s, {share:.1%} are recognized")
    label, prediction, share = commonest_confusion(shares)
    print(f"Commonest confusion: {share:.1%} of the {label}s are read as {prediction}")
    # --8<-- [end:run_confusion]

    # --8<-- [start:run_confident]
    for index in most_confident_errors(test_probas, y_test, count=6):
        label, prediction = y_test[index], predictions[index]
        proba = test_probas[index, prediction]
        print(f"Image {index}: {label}, read as {prediction} ({proba:.3f})")
    # --8<-- [end:run_confident]

    # --8<-- [start:run_sure]
    sure = test_probas.max(axis=1) >= 0.9975  # 0.998, rounded
    expected = (1 - test_probas[sure].max(axis=1)).sum()
    found = (predictions[sure] != y_test[sure]).sum()
    print(f"Read as surely as that: {sure.mean():.0%} of the images")
    print(f"Errors among them: {expected:.1f} expected, {found} found")
    # --8<-- [end:run_sure]
