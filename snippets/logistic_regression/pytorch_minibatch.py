"""Logistic regression in PyTorch, trained on mini-batches."""

import torch

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.minibatches import (
    iterate_minibatches,
    print_minibatch_epoch,
)
from snippets.logistic_regression.pytorch_manual import device
from snippets.logistic_regression.pytorch_module import (
    LogisticRegression,
    evaluate,
    loss_fn,
)


# --8<-- [start:train]
def train_on_minibatches(model, optimizer, batches):
    """Update the model after each NumPy batch; return the batches' costs."""
    costs = []
    for X_batch, y_batch in batches:
        features = torch.tensor(X_batch, dtype=torch.float32, device=device)
        targets = torch.tensor(y_batch, dtype=torch.float32, device=device)  # (batch,)
        loss = loss_fn(model(features), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        costs.append(loss.item())
    return costs


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = torch.tensor(X_train, dtype=torch.float32, device=device)
    targets = torch.tensor(y_train, dtype=torch.float32, device=device)
    test_features = torch.tensor(X_test, dtype=torch.float32, device=device)
    test_targets = torch.tensor(y_test, dtype=torch.float32, device=device)

    # --8<-- [start:run]
    minibatch_model = LogisticRegression(num_features=2).to(device)
    optimizer = torch.optim.SGD(minibatch_model.parameters(), lr=0.05)
    costs, divisor = [], 1
    for epoch in range(15):
        train_accuracy, _ = evaluate(minibatch_model, features, targets)
        test_accuracy, _ = evaluate(minibatch_model, test_features, test_targets)
        print_minibatch_epoch(epoch, costs, divisor, train_accuracy, test_accuracy)
        batches = iterate_minibatches(X_train, y_train, batch_size=10, seed=123)
        costs = train_on_minibatches(minibatch_model, optimizer, batches)
        divisor += len(costs)
    print("Weights: {:.4f} {:.4f}".format(*minibatch_model.linear.weight[0].tolist()))
    print(f"Bias: {minibatch_model.linear.bias.item():.4f}")
    # --8<-- [end:run]
