"""Solutions of the chapter's exercises in PyTorch: the mean, the learned line."""

from contextlib import redirect_stdout

import torch
from torch import nn

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.pytorch_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    accuracy,
    device,
    print_epoch,
)
from snippets.logistic_regression.pytorch_module import (
    LogisticRegression,
    train_module,
)

# --8<-- [start:mean]
mean_loss_fn = nn.BCEWithLogitsLoss()


def fit_mean(features, targets, num_epochs, learning_rate):
    """Return a model that has descended the gradient of the mean cross-entropy."""
    model = LogisticRegression(features.shape[1]).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    for _ in range(num_epochs):
        loss = mean_loss_fn(model(features), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


# --8<-- [end:mean]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = torch.tensor(X_train, dtype=torch.float32, device=device)
    targets = torch.tensor(y_train, dtype=torch.float32, device=device)
    model = LogisticRegression(num_features=2).to(device)
    with redirect_stdout(None):
        train_module(model, features, targets, NUM_EPOCHS, LEARNING_RATE)

    # --8<-- [start:run_mean]
    for num_epochs in (9, 10):
        mean_model = fit_mean(features, targets, num_epochs, 75 * LEARNING_RATE)
        logits = mean_model(features).detach()  # (75,)
        mean_cost = mean_loss_fn(logits, targets).item()
        print_epoch(num_epochs, accuracy(logits, targets), 75 * mean_cost)
    # --8<-- [end:run_mean]

    # --8<-- [start:arrays]
    learned_weights = model.linear.weight[0].detach().cpu().numpy()  # (2,)
    learned_bias = model.linear.bias.item()
    # --8<-- [end:arrays]
