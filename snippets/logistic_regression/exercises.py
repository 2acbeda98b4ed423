"""Solutions of the chapter's exercises: arrays in, from either framework."""

import numpy as np

from snippets.logistic_regression.data import load_iris


# --8<-- [start:centimetres]
def to_centimetres(weights, bias, mean, std):
    """Turn weights (num_features,) and bias for standardized features into ones for cm.

    w (x - mean) / std + b is (w / std) x + b - w mean / std.
    """
    return weights / std, bias - (weights * mean / std).sum()


# --8<-- [end:centimetres]


# --8<-- [start:least_sure]
def least_sure(logits):
    """Return the index of the logit (batch,) nearest 0: its probability is nearest 0.5.

    Raises ValueError if there is none.
    """
    return int(abs(logits).argmin())


# --8<-- [end:least_sure]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    learned_weights, learned_bias = np.zeros(2), 0.0
    for _ in range(10):  # as by hand
        errors = 1 / (1 + np.exp(-X_train @ learned_weights - learned_bias)) - y_train
        learned_weights -= 0.1 * errors @ X_train
        learned_bias -= 0.1 * errors.sum()

    # --8<-- [start:run_centimetres]
    cm_weights, cm_bias = to_centimetres(learned_weights, learned_bias, mean, std)
    print("Weights: {:.3f} {:.3f}, bias: {:.3f}".format(*cm_weights, cm_bias))
    flower = np.array([5.8, 2.7])  # cm
    logit = (flower - mean) / std @ learned_weights + learned_bias
    print(f"Logit, standardized: {logit:.3f}")
    print(f"Logit, centimetres:  {flower @ cm_weights + cm_bias:.3f}")
    # --8<-- [end:run_centimetres]

    # --8<-- [start:run_least_sure]
    test_logits = X_test @ learned_weights + learned_bias  # (25,)
    index = least_sure(test_logits)
    print("Sepal: {:.1f} cm long, {:.1f} cm wide".format(*X_test[index] * std + mean))
    print("Species:", ["Iris setosa", "Iris versicolor"][int(y_test[index])])
    proba = 1 / (1 + np.exp(-test_logits[index]))
    print(f"Probability of a versicolor: {proba:.3f}")
    # --8<-- [end:run_least_sure]
