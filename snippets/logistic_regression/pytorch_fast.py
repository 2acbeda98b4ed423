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
    require_same_shape,
)


# --8<-- [start:signed]
def signed_rows(features, targets):
    """Return a row (features, 1) per example, negated where its target is 1.

    Takes features (batch, num_features) and targets (batch,), returns (batch,
    num_features + 1). Raises ValueError if a target is not 0 or 1, or is missing.
    """
    require_same_shape(features[:, 0], targets)
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
def measure(parameters, features, targets):
    """Return accuracy and cost (num_epochs,) of each of parameters' rows."""
    logits = torch.addmm(parameters[:, -1:], parameters[:, :-1], features.T)
    hits = (logits > 0) == (targets > 0.5)  # (num_epochs, batch)
    losses = torch.nn.functional.softplus(logits) - targets * logits
    return hits.mean(dim=1, dtype=logits.dtype), losses.sum(dim=1)


# --8<-- [end:measure]


# --8<-- [start:train]
def train_fast(features, targets, num_epochs, learning_rate):
    """Train first, measure and print all epochs then; return weights, bias, costs.

    Raises ValueError as signed_rows does.
    """
    rows = signed_rows(features, targets)  # (batch, num_features + 1)
    parameters = descend(rows, num_epochs, learning_rate)
    accuracies, costs = measure(parameters[1:], features, targets)
    results = list(zip(accuracies.tolist(), costs.tolist(), strict=True))
    for epoch, (train_accuracy, cost) in enumerate(results, start=1):
        print_epoch(epoch, train_accuracy, cost)
    return parameters[-1, :-1], parameters[-1, -1], [cost for _, cost in results]


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = torch.tensor(X_train, dtype=torch.float32, device=device)
    targets = torch.tensor(y_train, dtype=torch.float32, device=device)
    test_features = torch.tensor(X_test, dtype=torch.float32, device=device)
    test_targets = torch.tensor(y_test, dtype=torch.float32, device=device)

    # --8<-- [start:run]
    fast_weights, fast_bias, fast_costs = train_fast(
        features, targets, NUM_EPOCHS, LEARNING_RATE
    )
    test_logits = predict_logits(test_features, fast_weights, fast_bias)  # (25,)
    print("Weights: {:.4f} {:.4f}".format(*fast_weights.tolist()))
    print(f"Bias: {fast_bias.item():.4f}")
    print(f"Test accuracy: {accuracy(test_logits, test_targets):.2%}")
    # --8<-- [end:run]
