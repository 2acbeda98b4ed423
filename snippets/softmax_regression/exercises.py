"""Solutions of the chapter's exercises: arrays in, from either framework."""

import numpy as np


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
    from snippets.softmax_regression.learned import learn

    y_test, weight_images, test_logits, test_probas = learn()

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
