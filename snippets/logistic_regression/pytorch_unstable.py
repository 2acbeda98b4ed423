"""Logistic regression in PyTorch, with a cost that turns into NaN."""

import torch

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.pytorch_manual import (
    LEARNING_RATE,
    cross_entropy,
    device,
    predict_logits,
)


# --8<-- [start:loss]
def cross_entropy_from_probas(logits, targets):
    """Return the cross-entropy of 0/1 targets in the textbook's form: do not use.

    From a logit of about 17 on, float32 rounds the probability to 1, and the second
    term becomes 0 * log(0), which is NaN.
    """
    probas = torch.sigmoid(logits)  # (batch,)
    losses = -targets * torch.log(probas) - (1 - targets) * torch.log(1 - probas)
    return losses.sum()


# --8<-- [end:loss]


# --8<-- [start:train]
def meets_nan(cost_fn, features, targets, num_epochs, learning_rate):
    """Return whether training with cost_fn meets a cost of NaN within num_epochs."""
    weights = torch.zeros(features.shape[1], device=features.device, requires_grad=True)
    bias = torch.zeros((), device=features.device, requires_grad=True)
    for _ in range(num_epochs):
        cost = cost_fn(predict_logits(features, weights, bias), targets)
        if cost.isnan():
            return True
        grad_weights, grad_bias = torch.autograd.grad(cost, [weights, bias])
        with torch.no_grad():
            weights -= learning_rate * grad_weights
            bias -= learning_rate * grad_bias
    return False


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = torch.tensor(X_train, dtype=torch.float32, device=device)
    targets = torch.tensor(y_train, dtype=torch.float32, device=device)

    # --8<-- [start:run]
    cost_fns = {"probabilities": cross_entropy_from_probas, "logits": cross_entropy}
    for form, cost_fn in cost_fns.items():
        found = meets_nan(cost_fn, features, targets, 100, LEARNING_RATE)
        print(f"Cost from {form}: {'NaN' if found else 'no NaN'} before epoch 100")
    # --8<-- [end:run]
