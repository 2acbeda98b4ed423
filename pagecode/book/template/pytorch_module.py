"""My model in PyTorch, with a layer, a loss and an optimizer."""

# --8<-- [start:imports]
import torch
from torch import nn

# --8<-- [end:imports]
from snippets.my_model.data import load_points
from snippets.my_model.pytorch_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    device,
    print_epoch,
)

# --8<-- [start:train]
loss_fn = nn.MSELoss()


def build_model():
    """Return a linear layer that starts from zero."""
    model = nn.Linear(1, 1).to(device)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    return model


def train_module(model, features, targets, num_epochs, learning_rate):
    """Train on features (batch, 1) and targets (batch, 1)."""
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    for epoch in range(1, num_epochs + 1):
        loss = loss_fn(model(features), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            print_epoch(epoch, num_epochs, loss_fn(model(features), targets).item())


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train = load_points()
    features = torch.tensor(X_train, device=device)
    targets = torch.tensor(y_train, device=device)

    # --8<-- [start:run]
    columns = features[:, None], targets[:, None]  # (50, 1)
    model = build_model()
    train_module(model, *columns, NUM_EPOCHS, LEARNING_RATE)
    print(f"Weight: {model.weight.item():.4f}, bias: {model.bias.item():.4f}")
    # --8<-- [end:run]

    # --8<-- [start:numbers]
    learned_weight, learned_bias = model.weight.item(), model.bias.item()
    # --8<-- [end:numbers]

    # --8<-- [start:pitfall]
    errors = model(columns[0]).detach() - targets  # (50, 1) minus (50,)
    print("Errors:", tuple(errors.shape))
    # --8<-- [end:pitfall]
