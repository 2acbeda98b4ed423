"""A multilayer perceptron in PyTorch, from layers, as one trains it in practice."""

# --8<-- [start:imports]
import copy
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.figures import (
    plot_digits,
    plot_losses,
    plot_overfitting,
    plot_weights,
)
from snippets.multilayer_perceptron.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    NUM_HIDDEN,
    SEED,
    draw_batches,
    draw_params,
    print_log,
    print_remedies,
)
from snippets.softmax_regression.data import read_mnist, to_features


# --8<-- [start:model]
def build_model(sizes, dropout=0.0):
    """Return linear layers of these sizes, with ReLU and dropout between them."""
    layers = []
    for num_inputs, num_outputs in pairwise(sizes):
        layers += [nn.Linear(num_inputs, num_outputs), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers[:-2])  # the last layer gives the logits


def load_params(model, params):
    """Copy arrays [W1, b1, ...] into the model; PyTorch keeps weights transposed."""
    with torch.no_grad():
        for param, array in zip(model.parameters(), params, strict=True):
            param.copy_(torch.from_numpy(array.T))


# --8<-- [end:model]


# --8<-- [start:fit]
loss_fn = nn.CrossEntropyLoss()


@torch.inference_mode()
def evaluate(model, features, targets):
    """Return the mean loss and the accuracy, with dropout switched off."""
    model.eval()
    logits = model(features)
    hits = logits.argmax(dim=1) == targets
    return loss_fn(logits, targets).item(), hits.double().mean().item()


def fit(model, optimizer, train_data, valid_data, num_epochs, patience=None, seed=SEED):
    """Train the model in place; with patience, stop early and restore the best epoch.

    Returns for each epoch the losses and accuracies of both sets: (num_epochs, 4).
    """
    dataset = TensorDataset(*train_data)
    history, best, waited = [], None, 0
    for batches in draw_batches(len(dataset), num_epochs, BATCH_SIZE, seed):
        model.train()
        for features, targets in DataLoader(dataset, batch_size=None, sampler=batches):
            loss = loss_fn(model(features), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        train_loss, train_accuracy = evaluate(model, *train_data)
        valid_loss, valid_accuracy = evaluate(model, *valid_data)
        history.append((train_loss, valid_loss, train_accuracy, valid_accuracy))
        if valid_loss == min(row[1] for row in history):
            best, waited = copy.deepcopy(model.state_dict()), 0
        elif patience and (waited := waited + 1) == patience:
            break
    if patience:
        model.load_state_dict(best)
    return np.array(history)


# --8<-- [end:fit]


# --8<-- [start:noise]
class GaussianNoise(nn.Module):
    """Add noise of this standard deviation while training, and nothing otherwise."""

    def __init__(self, stddev):
        super().__init__()
        self.stddev = stddev

    def forward(self, features):
        """Return the features with or without noise, in their shape."""
        if not self.training:
            return features
        return features + self.stddev * torch.randn_like(features)


# --8<-- [end:noise]


if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, X_valid, X_test = np.split(signals, [3200, 4000])
    y_train, y_valid, y_test = np.split(labels, [3200, 4000])

    # --8<-- [start:run]
    train_data = torch.from_numpy(X_train), torch.from_numpy(y_train)
    valid_data = torch.from_numpy(X_valid), torch.from_numpy(y_valid)
    model = build_model([40, NUM_HIDDEN, NUM_CLASSES])
    load_params(model, draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED))
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    print_log(fit(model, optimizer, train_data, valid_data, NUM_EPOCHS), every=20)
    print("Parameters:", sum(p.numel() for p in model.parameters()))
    # --8<-- [end:run]

    # --8<-- [start:line]
    line = build_model([40, NUM_CLASSES])
    load_params(line, draw_params([40, NUM_CLASSES], SEED))
    optimizer = torch.optim.SGD(line.parameters(), lr=LEARNING_RATE)
    history = fit(line, optimizer, train_data, valid_data, NUM_EPOCHS)
    print(f"Without a hidden layer: {history[-1, 3]:.0%} of the validation set")
    # --8<-- [end:line]

    # --8<-- [start:optimizers]
    optimizers = {
        "SGD": lambda params: torch.optim.SGD(params, lr=0.1),
        "momentum": lambda params: torch.optim.SGD(params, lr=0.1, momentum=7 / 8),
        "Adam": lambda params: torch.optim.Adam(params, lr=0.01),
    }
    histories = {}
    for name, make_optimizer in optimizers.items():
        model = build_model([40, NUM_HIDDEN, NUM_CLASSES])
        load_params(model, draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED))
        optimizer = make_optimizer(model.parameters())
        histories[name] = fit(model, optimizer, train_data, valid_data, NUM_EPOCHS)
        print(f"{name}: training loss {histories[name][-1, 0]:.2f}")
    # --8<-- [end:optimizers]

    # --8<-- [start:run_losses]
    plot_losses(histories)
    # --8<-- [end:run_losses]

    # --8<-- [start:overfit]
    torch.set_default_dtype(torch.float64)
    sizes = [40, 100, 100, NUM_CLASSES]
    train_data = torch.from_numpy(X_train).double(), torch.from_numpy(y_train)
    valid_data = torch.from_numpy(X_valid).double(), torch.from_numpy(y_valid)
    model = build_model(sizes)
    load_params(model, draw_params(sizes, SEED))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=7 / 8)
    history = fit(model, optimizer, train_data, valid_data, num_epochs=40)
    print_log(history, every=20)
    torch.set_default_dtype(torch.float32)
    # --8<-- [end:overfit]

    # --8<-- [start:run_overfitting]
    plot_overfitting(history)
    # --8<-- [end:run_overfitting]

    # --8<-- [start:remedies]
    train_data = torch.from_numpy(X_train), torch.from_numpy(y_train)
    valid_data = torch.from_numpy(X_valid), torch.from_numpy(y_valid)
    torch.manual_seed(SEED)
    remedies = {
        "none": (build_model(sizes), 0.0),
        "dropout": (build_model(sizes, dropout=0.2), 0.0),
        "weight decay": (build_model(sizes), 1.0),
        "noise": (nn.Sequential(GaussianNoise(0.5), *build_model(sizes)), 0.0),
    }
    lowest = {}
    for name, (model, weight_decay) in remedies.items():
        load_params(model, draw_params(sizes, SEED))
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=0.003, weight_decay=weight_decay
        )
        valid_losses = fit(model, optimizer, train_data, valid_data, 30)[:, 1]
        lowest[name] = valid_losses.min()
        found = f"lowest {valid_losses.min():.2f}, epoch {valid_losses.argmin() + 1}"
        print(f"{name}: {found}, last {valid_losses[-1]:.2f}")
    # --8<-- [end:remedies]

    # --8<-- [start:run_claim]
    print_remedies(lowest)
    # --8<-- [end:run_claim]

    # --8<-- [start:chosen]
    model = build_model(sizes, dropout=0.2)
    load_params(model, draw_params(sizes, SEED))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.0)
    fit(model, optimizer, train_data, valid_data, 80, patience=10)
    test_data = torch.from_numpy(X_test), torch.from_numpy(y_test)
    print("Parameters:", sum(p.numel() for p in model.parameters()))
    print(f"Test ACC: {100 * evaluate(model, *test_data)[1]:.1f}%")
    # --8<-- [end:chosen]

    # --8<-- [start:forgotten]
    forgetful = remedies["dropout"][0]
    forgetful.train()
    X, y = torch.from_numpy(X_valid), torch.from_numpy(y_valid)
    with torch.inference_mode():
        on = loss_fn(forgetful(X), y).item()
    off, _ = evaluate(forgetful, X, y)
    print("With dropout on, the validation loss is higher:", on > off)
    # --8<-- [end:forgotten]

    # --8<-- [start:mnist]
    torch.set_default_dtype(torch.float64)
    train_images, y_digits, test_images, y_test_digits = read_mnist()
    X_digits = to_features(train_images).astype(np.float64)
    train_data = (
        torch.from_numpy(X_digits[:55_000]),
        torch.from_numpy(y_digits[:55_000]),
    )
    valid_data = (
        torch.from_numpy(X_digits[55_000:]),
        torch.from_numpy(y_digits[55_000:]),
    )
    sizes = [784, NUM_HIDDEN, NUM_CLASSES]
    model = build_model(sizes)
    load_params(model, draw_params(sizes, SEED))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    print_log(fit(model, optimizer, train_data, valid_data, num_epochs=10))
    torch.set_default_dtype(torch.float32)
    # --8<-- [end:mnist]

    # --8<-- [start:mnist_test]
    test_data = (
        torch.from_numpy(to_features(test_images).astype(np.float64)),
        torch.from_numpy(y_test_digits),
    )
    print(f"Test ACC: {100 * evaluate(model, *test_data)[1]:.1f}%")
    weights = model[0].weight.detach().numpy().T  # (784, num_hidden)
    # --8<-- [end:mnist_test]

    # --8<-- [start:mistakes]
    misread = [2654, 9770, 1226, 4536, 4880, 2272, 4497, 5955]
    X, y = (x[misread] for x in test_data)
    with torch.inference_mode():
        readings = model.eval()(X).argmax(dim=1)  # (8,)
    plot_digits(X, y, readings)
    # --8<-- [end:mistakes]

    # --8<-- [start:exercise_parameters]
    print(sum(p.numel() for p in model.parameters()))
    # --8<-- [end:exercise_parameters]

    # --8<-- [start:exercise_bend]
    train_data = torch.from_numpy(X_train), torch.from_numpy(y_train)
    valid_data = torch.from_numpy(X_valid), torch.from_numpy(y_valid)
    bent = build_model([40, NUM_HIDDEN, NUM_CLASSES])
    straight = nn.Sequential(*[x for x in bent if not isinstance(x, nn.ReLU)])
    load_params(straight, draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED))
    optimizer = torch.optim.Adam(straight.parameters(), lr=0.01)
    history = fit(straight, optimizer, train_data, valid_data, NUM_EPOCHS)
    print(f"Without the bend: {history[-1, 3]:.0%} of the validation set")
    # --8<-- [end:exercise_bend]

    # --8<-- [start:exercise_rates]
    for learning_rate in [0.01, 0.1, 1.0, 10.0]:
        model = build_model([40, NUM_HIDDEN, NUM_CLASSES])
        load_params(model, draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED))
        optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
        history = fit(model, optimizer, train_data, valid_data, num_epochs=10)
        print(f"{learning_rate:5.2f}: lowest validation loss {history[:, 1].min():.2f}")
    # --8<-- [end:exercise_rates]

    # --8<-- [start:run_weights]
    plot_weights(weights)
    # --8<-- [end:run_weights]
