"""A residual network in PyTorch, from layers, as one trains it in practice."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.training import draw_batches
from snippets.residual_network.figures import plot_blocks, plot_losses
from snippets.residual_network.training import (
    BATCH_SIZE,
    DEEP,
    LEARNING_RATE,
    NUM_BLOCKS,
    NUM_CHANNELS,
    NUM_CLASSES,
    NUM_EPOCHS,
    SEED,
    WEIGHT_DECAY,
    draw_params,
    print_log,
)


# --8<-- [start:block]
def convolve(num_inputs, num_outputs, norm, kernel_size=3, stride=1):
    """Return a convolution with batch normalization, or else with a bias."""
    layer = nn.Conv1d(
        num_inputs, num_outputs, kernel_size, stride, padding=1, bias=not norm
    )
    return [layer, nn.BatchNorm1d(num_outputs)] if norm else [layer]


class Block(nn.Module):
    """Two convolutions, whose output is added to the block's input by the skip."""

    def __init__(self, num_channels, skip=True, norm=True):
        super().__init__()
        self.skip = skip
        self.branch = nn.Sequential(
            *convolve(num_channels, num_channels, norm),
            nn.ReLU(),
            *convolve(num_channels, num_channels, norm),
        )

    def forward(self, features):
        """Return features in the shape of the input: (batch, channels, length)."""
        outputs = self.branch(features)
        return torch.relu(features + outputs if self.skip else outputs)


# --8<-- [end:block]


# --8<-- [start:model]
def build_model(num_blocks=NUM_BLOCKS, skip=True, norm=True, num_channels=NUM_CHANNELS):
    """Return a network of 2 + 2 * num_blocks layers: signals (batch, 40) to logits."""
    return nn.Sequential(
        nn.Unflatten(1, (1, -1)),  # (batch, 1, length)
        *convolve(1, num_channels, norm, kernel_size=4, stride=2),
        nn.ReLU(),  # (batch, num_channels, length / 2)
        *(Block(num_channels, skip, norm) for _ in range(num_blocks)),
        nn.AdaptiveAvgPool1d(1),  # the mean over the length
        nn.Flatten(),  # (batch, num_channels)
        nn.Linear(num_channels, NUM_CLASSES),
    )


def load_params(model, params):
    """Copy arrays, as draw_params returns them, into the model."""
    with torch.no_grad():
        for param, array in zip(model.parameters(), params, strict=True):
            param.copy_(torch.from_numpy(array.T))  # axes in reverse order


# --8<-- [end:model]


# --8<-- [start:fit]
loss_fn = nn.CrossEntropyLoss()


@torch.inference_mode()
def evaluate(model, features, targets):
    """Return the mean loss and the accuracy, with the running statistics."""
    model.eval()
    logits = model(features)
    hits = logits.argmax(dim=1) == targets
    return loss_fn(logits, targets).item(), hits.double().mean().item()


def fit(model, optimizer, train_data, valid_data, num_epochs, schedule=None, seed=SEED):
    """Train the model in place; a schedule changes the learning rate after each step.

    Returns for each epoch the mean of its batches' losses, the validation loss and the
    validation accuracy: (num_epochs, 3).
    """
    dataset = TensorDataset(*train_data)
    history = []
    for batches in draw_batches(len(dataset), num_epochs, BATCH_SIZE, seed):
        model.train()
        losses = []
        for features, targets in DataLoader(dataset, batch_size=None, sampler=batches):
            loss = loss_fn(model(features), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if schedule:
                schedule.step()
            losses.append(loss.item())
        history.append((np.mean(losses), *evaluate(model, *valid_data)))
    return np.array(history)


# --8<-- [end:fit]


# --8<-- [start:schedule]
def new_optimizer(model, num_steps):
    """Return AdamW, and the schedule that lowers its learning rate to zero."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
    )
    return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)


# --8<-- [end:schedule]


if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, X_valid, X_test = np.split(signals, [3200, 4000])
    y_train, y_valid, y_test = np.split(labels, [3200, 4000])

    # --8<-- [start:run_depth]
    torch.set_default_dtype(torch.float64)
    train_data = torch.from_numpy(X_train).double(), torch.from_numpy(y_train)
    valid_data = torch.from_numpy(X_valid).double(), torch.from_numpy(y_valid)
    histories = {}
    for name, (skip, norm, learning_rate) in DEEP.items():
        deep = build_model(9, skip, norm, num_channels=16)
        load_params(deep, draw_params(9, norm, num_channels=16))
        optimizer = torch.optim.SGD(deep.parameters(), lr=learning_rate)
        history = fit(deep, optimizer, train_data, valid_data, num_epochs=4)
        histories[name] = history
        print(f"{name}: training loss {history[-1, 0]:.3f}")
    torch.set_default_dtype(torch.float32)
    # --8<-- [end:run_depth]

    # --8<-- [start:run_losses]
    plot_losses(histories)
    # --8<-- [end:run_losses]

    # --8<-- [start:run_blocks]
    blocks = [layer for layer in deep if isinstance(layer, Block)]
    accuracies = []
    for block in blocks:
        shorter = nn.Sequential(*[layer for layer in deep if layer is not block])
        accuracies.append(evaluate(shorter, *valid_data)[1])
    print("Without one block:", *(f"{accuracy:.2f}" for accuracy in accuracies))
    # --8<-- [end:run_blocks]

    # --8<-- [start:run_plot_blocks]
    plot_blocks(accuracies, evaluate(deep, *valid_data)[1])
    # --8<-- [end:run_plot_blocks]

    # --8<-- [start:run]
    train_data = torch.from_numpy(X_train), torch.from_numpy(y_train)
    valid_data = torch.from_numpy(X_valid), torch.from_numpy(y_valid)
    model = build_model()
    load_params(model, draw_params())
    num_steps = NUM_EPOCHS * len(y_train) // BATCH_SIZE
    optimizer, schedule = new_optimizer(model, num_steps)
    print_log(fit(model, optimizer, train_data, valid_data, NUM_EPOCHS, schedule), 5)
    # --8<-- [end:run]

    # --8<-- [start:test]
    print("Parameters:", sum(p.numel() for p in model.parameters()))
    test_data = torch.from_numpy(X_test), torch.from_numpy(y_test)
    test_accuracy = evaluate(model, *test_data)[1]
    print(f"Test ACC: {100 * test_accuracy:.1f}%")
    # --8<-- [end:test]

    # --8<-- [start:forgotten]
    model.eval()
    with torch.inference_mode():
        before = model(valid_data[0])
    model.train()  # forgotten: model.eval()
    hits = []
    for label in range(NUM_CLASSES):
        with torch.inference_mode():
            logits = model(torch.from_numpy(X_valid[y_valid == label]))
        hits += (logits.argmax(dim=1) == label).tolist()
    print("Batches of one class, less than half right:", np.mean(hits) < 0.5)
    model.eval()
    with torch.inference_mode():
        same = torch.allclose(model(valid_data[0]), before)
    print("Evaluated later, the same logits as before:", same)
    # --8<-- [end:forgotten]

    # --8<-- [start:exercise_rates]
    for learning_rate in [0.01, 0.1]:
        plain = build_model(9, skip=False, norm=False, num_channels=16)
        load_params(plain, draw_params(9, norm=False, num_channels=16))
        optimizer = torch.optim.SGD(plain.parameters(), lr=learning_rate)
        history = fit(plain, optimizer, train_data, valid_data, num_epochs=2)
        print(f"{learning_rate:.2f}: training loss above 2.1: {history[-1, 0] > 2.1}")

    plain = build_model(9, skip=False, norm=False, num_channels=16)
    load_params(plain, draw_params(9, norm=False, num_channels=16))
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.003)
    history = fit(plain, optimizer, train_data, valid_data, num_epochs=2)
    print(f"Adam: training loss below 1.9: {history[-1, 0] < 1.9}")
    # --8<-- [end:exercise_rates]

    # --8<-- [start:exercise_skips]
    short = build_model(skip=False)
    load_params(short, draw_params())
    optimizer, schedule = new_optimizer(short, num_steps=160)
    history = fit(short, optimizer, train_data, valid_data, 5, schedule)
    print(f"Above 90% of the validation set: {history[-1, 2] > 0.9}")
    # --8<-- [end:exercise_skips]

    # --8<-- [start:exercise_scale]
    short.train()
    with torch.inference_mode():
        before = short(valid_data[0])
        for param in short.parameters():
            if param.ndim == 3:  # a convolution's kernel
                param *= 10
        apart = (short(valid_data[0]) - before).abs().max().item()
    print(f"Training mode, logits within 0.05: {apart < 0.05}")
    accuracy = evaluate(short, *valid_data)[1]
    print(f"Evaluation, above 90% of the validation set: {accuracy > 0.9}")
    # --8<-- [end:exercise_scale]

    # --8<-- [start:run_agree]
    losses = histories["with skips and batch norm"][:, 0]
    print("Training losses:", *(f"{loss:.6f}" for loss in losses))
    # --8<-- [end:run_agree]
