"""Logistic regression in PyTorch, the fast way: three operations a step."""

import torch

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.pytorch_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    accuracy,
    device,
    predict_logits,
    print_epoch,
)


# --8<-- [start:signed]
def signed_rows(features, targets):
    """Return a row (features, 1) per example, negated where its target is 1.

    Takes features (batch, num_features) and targets (batch,), returns (batch,
    num_features + 1). Raises ValueError if a target is not 0 or 1, or is missing, or
    if there is none.
    """
    if features.shape[:1] != targets.shape or not len(targets):
        raise ValueError(f"{len(features)} features, targets {tuple(targets.shape)}")
    if not torch.equal(targets * targets, targets):
        raise ValueError("a target is neither 0 nor 1")
    signs = (1 - 2 * targets)[:, None]  # (batch, 1)
    return torch.cat([signs * features, signs], dim=1)


# --8<-- [end:signed]


# --8<-- [start:descend]
@torch.inference_mode()  # records nothing
def descend(rows, num_epochs, learning_rate):
    """Descend the gradient from zero, on signed rows (batch, num_features + 1).

    Returns weights and bias in one row, before training and after each epoch:
    (num_epochs + 1, num_features + 1).
    """
    parameters = rows.new_zeros(num_epochs + 1, rows.shape[1])
    probas, columns = rows.new_empty(len(rows)), rows.T
    before, *later = parameters.unbind()
    for after in later:
        torch.mv(rows, before, out=probas)
        probas.sigmoid_()  # the probability of the class that is wrong: (batch,)
        torch.addmv(before, columns, probas, alpha=-learning_rate, out=after)
        before = after
    return parameters


# --8<-- [end:descend]


# --8<-- [start:measure]
@torch.inference_mode()
def measure(parameters, rows):
    """Return accuracy and cost (num_epochs,) of each of parameters' rows."""
    wrong_logits, signs = parameters @ rows.T, rows[:, -1]  # (num_epochs, batch)
    hits = (signs * wrong_logits > 0) == (signs < 0)  # as for logits and targets
    costs = torch.nn.functional.softplus(wrong_logits).sum(dim=1)
    return hits.mean(dim=1, dtype=rows.dtype), costs


# --8<-- [end:measure]


# --8<-- [start:train]
def train_fast(rows, num_epochs, learning_rate):
    """Train on signed rows first; measure and print all epochs afterwards.

    Returns weights, bias and the costs.
    """
    parameters = descend(rows, num_epochs, learning_rate)
    accuracies, costs = (x.tolist() for x in measure(parameters[1:], rows))
    for epoch in range(num_epochs):
        print_epoch(epoch + 1, accuracies[epoch], costs[epoch])
    return parameters[-1, :-1], parameters[-1, -1], costs


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = torch.tensor(X_train, dtype=torch.float32, device=device)
    targets = torch.tensor(y_train, dtype=torch.float32, device=device)
    test_features = torch.tensor(X_test, dtype=torch.float32, device=device)
    test_targets = torch.tensor(y_test, dtype=torch.float32, device=device)

    # --8<-- [start:run]
    rows = signed_rows(features, targets)  # (75, 3)
    fast_weights, fast_bias, fast_costs = train_fast(rows, NUM_EPOCHS, LEARNING_RATE)
    test_logits = predict_logits(test_features, fast_weights, fast_bias)  # (25,)
    print("Weights: {:.4f} {:.4f}".format(*fast_weights.tolist()))
    print(f"Bias: {fast_bias.item():.4f}")
    print(f"Test accuracy: {accuracy(test_logits, test_targets):.2%}")
    # --8<-- [end:run]
