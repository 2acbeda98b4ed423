"""A trained logistic regression in PyTorch: predict, save, load."""

from contextlib import redirect_stdout

import torch

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.pytorch_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    device,
)
from snippets.logistic_regression.pytorch_module import (
    LogisticRegression,
    train_module,
)


# --8<-- [start:predict]
@torch.no_grad()
def predict_species(model, sepals, mean, std):
    """Return the likelier species of one flower, and its probability.

    The sepal's length and width, mean and std are all in cm.
    """
    features = torch.tensor((sepals - mean) / std, dtype=torch.float32, device=device)
    proba = torch.sigmoid(model(features[None, :])).item()  # of versicolor
    if proba > 0.5:
        return "Iris versicolor", proba
    return "Iris setosa", 1 - proba


# --8<-- [end:predict]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = torch.tensor(X_train, dtype=torch.float32, device=device)
    targets = torch.tensor(y_train, dtype=torch.float32, device=device)
    model = LogisticRegression(num_features=2).to(device)
    with redirect_stdout(None):
        train_module(model, features, targets, NUM_EPOCHS, LEARNING_RATE)

    # --8<-- [start:run]
    sepals = [5.8, 2.7]
    species, proba = predict_species(model, sepals, mean, std)
    print(f"{species}, probability {proba:.3f}")
    # --8<-- [end:run]

    # --8<-- [start:save]
    torch.save(model.state_dict(), "iris.pt")
    reloaded = LogisticRegression(num_features=2).to(device)
    state = torch.load("iris.pt", map_location=device, weights_only=True)
    reloaded.load_state_dict(state)
    same = predict_species(reloaded, sepals, mean, std) == (species, proba)
    print("Reloaded, the same probability:", same)
    # --8<-- [end:save]
