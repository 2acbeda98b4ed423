"""My model in PyTorch, by hand."""

# --8<-- [start:imports]
import torch

# --8<-- [end:imports]
from snippets.my_model.data import load_points

# --8<-- [start:settings]
NUM_EPOCHS = 100
LEARNING_RATE = 0.1
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
# --8<-- [end:settings]


# --8<-- [start:model]
def predict(features, weight, bias):
    """Return the predictions, shaped as the features: (batch,)."""
    return weight * features + bias


def mean_squared_error(predictions, targets):
    """Return the mean over the batch of the squared errors.

    Raises ValueError if the shapes differ or the batch is empty.
    """
    if predictions.shape != targets.shape or 0 in targets.shape:
        shapes = f"{tuple(predictions.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"shapes differ, or are empty: {shapes}")
    return ((predictions - targets) ** 2).mean()


def gradients(features, targets, predictions):
    """Return the mean squared error's gradients by the weight and the bias."""
    errors = predictions - targets  # (batch,)
    return 2 * (errors * features).mean(), 2 * errors.mean()


# --8<-- [end:model]


# --8<-- [start:train]
def print_epoch(epoch, num_epochs, cost):
    """Print the first and the last epoch's cost."""
    if epoch in (1, num_epochs):
        print(f"Epoch: {epoch:03d} | Cost: {cost:.4f}")


def train_by_hand(features, targets, num_epochs, learning_rate):
    """Descend the gradient from zero; return weight, bias and the costs."""
    weight, bias = features.new_zeros(2).unbind()
    costs = []
    for epoch in range(1, num_epochs + 1):
        predictions = predict(features, weight, bias)
        grad_weight, grad_bias = gradients(features, targets, predictions)
        weight = weight - learning_rate * grad_weight
        bias = bias - learning_rate * grad_bias
        cost = mean_squared_error(predict(features, weight, bias), targets).item()
        costs.append(cost)
        print_epoch(epoch, num_epochs, cost)
    return weight, bias, costs


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train = load_points()

    # --8<-- [start:run]
    features = torch.tensor(X_train, device=device)  # (50,)
    targets = torch.tensor(y_train, device=device)  # (50,)
    weight, bias, costs = train_by_hand(features, targets, NUM_EPOCHS, LEARNING_RATE)
    print(f"Weight: {weight.item():.4f}, bias: {bias.item():.4f}")
    # --8<-- [end:run]
