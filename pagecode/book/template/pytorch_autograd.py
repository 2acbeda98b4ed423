"""My model in PyTorch, with autograd's gradients."""

import torch

from snippets.my_model.data import load_points
from snippets.my_model.pytorch_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    device,
    mean_squared_error,
    predict,
    print_epoch,
)


# --8<-- [start:train]
def train_with_autograd(features, targets, num_epochs, learning_rate):
    """Descend autograd's gradient from zero; return weight, bias and the costs."""
    weight = torch.zeros((), device=features.device, requires_grad=True)
    bias = torch.zeros((), device=features.device, requires_grad=True)
    costs = []
    for epoch in range(1, num_epochs + 1):
        loss = mean_squared_error(predict(features, weight, bias), targets)
        grad_weight, grad_bias = torch.autograd.grad(loss, [weight, bias])
        with torch.no_grad():  # an update is no part of the next loss
            weight -= learning_rate * grad_weight
            bias -= learning_rate * grad_bias
            cost = mean_squared_error(predict(features, weight, bias), targets).item()
        costs.append(cost)
        print_epoch(epoch, num_epochs, cost)
    return weight, bias, costs


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train = load_points()
    features = torch.tensor(X_train, device=device)
    targets = torch.tensor(y_train, device=device)

    # --8<-- [start:run]
    weight, bias, costs = train_with_autograd(
        features, targets, NUM_EPOCHS, LEARNING_RATE
    )
    print(f"Weight: {weight.item():.4f}, bias: {bias.item():.4f}")
    # --8<-- [end:run]
