"""Logistic regression in PyTorch, with autograd's gradients."""

import torch

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.pytorch_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    accuracy,
    cross_entropy,
    device,
    predict_logits,
    print_epoch,
)


# --8<-- [start:train]
def train_with_autograd(features, targets, num_epochs, learning_rate):
    """Descend autograd's gradient from zero; return weights, bias and the costs."""
    weights = torch.zeros(features.shape[1], device=features.device, requires_grad=True)
    bias = torch.zeros((), device=features.device, requires_grad=True)
    costs = []
    for epoch in range(1, num_epochs + 1):
        loss = cross_entropy(predict_logits(features, weights, bias), targets)
        grad_weights, grad_bias = torch.autograd.grad(loss, [weights, bias])
        with torch.no_grad():  # an update is no part of the next loss
            weights -= learning_rate * grad_weights
            bias -= learning_rate * grad_bias
            logits = predict_logits(features, weights, bias)
            cost = cross_entropy(logits, targets).item()
        costs.append(cost)
        print_epoch(epoch, accuracy(logits, targets), cost)
    return weights, bias, costs


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = torch.tensor(X_train, dtype=torch.float32, device=device)
    targets = torch.tensor(y_train, dtype=torch.float32, device=device)
    test_features = torch.tensor(X_test, dtype=torch.float32, device=device)
    test_targets = torch.tensor(y_test, dtype=torch.float32, device=device)

    # --8<-- [start:run]
    weights, bias, costs = train_with_autograd(
        features, targets, NUM_EPOCHS, LEARNING_RATE
    )
    test_logits = predict_logits(test_features, weights, bias)  # (25,)
    print("Weights: {:.4f} {:.4f}".format(*weights.tolist()))
    print(f"Bias: {bias.item():.4f}")
    print(f"Test accuracy: {accuracy(test_logits, test_targets):.2%}")
    # --8<-- [end:run]
