"""Logistic regression in PyTorch, as a module with its optimizer."""

import torch

# --8<-- [start:imports]
from torch import nn

# --8<-- [end:imports]
from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.pytorch_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    accuracy,
    device,
    print_epoch,
)


# --8<-- [start:model]
class LogisticRegression(nn.Module):
    """Map features (batch, num_features) to logits (batch,).

    Both parameters start from zero, as by hand.
    """

    def __init__(self, num_features):
        super().__init__()
        self.linear = nn.Linear(num_features, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features):
        """Return the logits, not probabilities: the loss needs them."""
        return self.linear(features).squeeze(1)  # (batch,)


# --8<-- [end:model]


# --8<-- [start:loss]
loss_fn = nn.BCEWithLogitsLoss(reduction="sum")
# --8<-- [end:loss]


# --8<-- [start:evaluate]
@torch.inference_mode()  # records nothing
def evaluate(model, features, targets):
    """Return the accuracy and the summed cost of a model, as floats."""
    model.eval()  # changes nothing here; layers such as dropout need it
    logits = model(features)  # (batch,)
    return accuracy(logits, targets), loss_fn(logits, targets).item()


# --8<-- [end:evaluate]


# --8<-- [start:train]
def train_module(model, features, targets, num_epochs, learning_rate):
    """Fit the model in place by full-batch gradient descent."""
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    for epoch in range(1, num_epochs + 1):
        model.train()
        loss = loss_fn(model(features), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print_epoch(epoch, *evaluate(model, features, targets))


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = torch.tensor(X_train, dtype=torch.float32, device=device)
    targets = torch.tensor(y_train, dtype=torch.float32, device=device)
    test_features = torch.tensor(X_test, dtype=torch.float32, device=device)
    test_targets = torch.tensor(y_test, dtype=torch.float32, device=device)

    # --8<-- [start:run]
    model = LogisticRegression(num_features=2).to(device)
    train_module(model, features, targets, NUM_EPOCHS, LEARNING_RATE)
    test_accuracy, _ = evaluate(model, test_features, test_targets)
    print("Weights: {:.4f} {:.4f}".format(*model.linear.weight[0].tolist()))
    print(f"Bias: {model.linear.bias.item():.4f}")
    correct = round(len(test_targets) * test_accuracy)
    print(f"Test: {correct} of {len(test_targets)} flowers are right")
    # --8<-- [end:run]
