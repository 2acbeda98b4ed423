"""Convolutional networks in PyTorch, from layers, as one trains them in practice."""

# --8<-- [start:imports]
import copy

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# --8<-- [end:imports]
from snippets.convolutional_network.figures import plot_errors, plot_maps
from snippets.convolutional_network.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    LENET_SHAPES,
    NUM_CLASSES,
    SEED,
    SIGNAL_SHAPES,
    add_shifted,
    compare_steps,
    draw_params,
    first_kink,
    print_log,
    print_parting,
)
from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.training import draw_batches
from snippets.softmax_regression.data import read_mnist


# --8<-- [start:lenet]
def build_lenet5(activation=nn.Tanh, pooling=nn.AvgPool2d):
    """Return LeNet-5: logits (batch, 10) of images (batch, 1, 28, 28)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2),  # C1: (batch, 6, 28, 28)
        activation(),
        pooling(2),  # S2: (batch, 6, 14, 14)
        nn.Conv2d(6, 16, kernel_size=5),  # C3: (batch, 16, 10, 10)
        activation(),
        pooling(2),  # S4: (batch, 16, 5, 5)
        nn.Flatten(),  # (batch, 16 * 5 * 5)
        nn.Linear(400, 120),  # C5
        activation(),
        nn.Linear(120, 84),  # F6
        activation(),
        nn.Linear(84, NUM_CLASSES),
    )


def load_params(model, params):
    """Copy arrays [kernels, bias, ..., weights, bias] into a model.

    PyTorch's kernels have the same shape; its matrices are transposed.
    """
    with torch.no_grad():
        for param, array in zip(model.parameters(), params, strict=True):
            param.copy_(torch.from_numpy(array.T if array.ndim == 2 else array))


# --8<-- [end:lenet]


# --8<-- [start:fit]
loss_fn = nn.CrossEntropyLoss()


@torch.inference_mode()
def evaluate(model, features, targets):
    """Return the mean loss and the accuracy, as floats."""
    model.eval()
    logits = model(features)
    hits = logits.argmax(dim=1) == targets
    return loss_fn(logits, targets).item(), hits.double().mean().item()


def fit(model, optimizer, train_data, valid_data, rounds, scheduler=None):
    """Train a model in place on batches of indices: (rounds, steps, batch).

    Returns the loss and the accuracy of the validation set after each round.
    """
    dataset = TensorDataset(*train_data)
    history = []
    for batches in rounds:
        model.train()
        for features, targets in DataLoader(dataset, batch_size=None, sampler=batches):
            loss = loss_fn(model(features), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if scheduler:
                scheduler.step()
        history.append(evaluate(model, *valid_data))
    return history


# --8<-- [end:fit]


# --8<-- [start:decay]
def fit_decaying(model, learning_rate, train_data, valid_data, rounds):
    """Train with Adam, while the learning rate falls to zero, step by step."""
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    steps = rounds.shape[0] * rounds.shape[1]
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    return fit(model, optimizer, train_data, valid_data, rounds, scheduler)


# --8<-- [end:decay]


# --8<-- [start:signal_net]
def build_signal_net(channels=25):
    """Return a network for signals: logits (batch, 10) of (batch, 1, 40)."""
    return nn.Sequential(
        nn.Conv1d(1, channels, kernel_size=5, stride=2, padding=1),  # 19 places
        nn.ReLU(),
        nn.Conv1d(channels, channels, kernel_size=3, stride=2, padding=1),  # 10
        nn.ReLU(),
        nn.Conv1d(channels, channels, kernel_size=3, stride=2, padding=1),  # 5
        nn.ReLU(),
        nn.Flatten(),  # (batch, 5 * channels)
        nn.Linear(5 * channels, NUM_CLASSES),
    )


# --8<-- [end:signal_net]


# --8<-- [start:twins]
def train_twins(activation, pooling, start, train_data, batches):
    """Train two networks that start from neighbouring floats: one step per batch.

    Returns a row for each step: how far the gradients are apart, relative to the
    largest, and which kinks turned (`compare_steps`). Weights of 0 stay 0.
    """
    nudged = [np.where(p, np.nextafter(p, np.float32(np.inf)), p) for p in start]
    models = [build_lenet5(activation, pooling) for _ in range(2)]
    rows = []
    for model, params in zip(models, [start, nudged], strict=True):
        load_params(model, params)
    optimizers = [torch.optim.SGD(m.parameters(), 0.05, momentum=7 / 8) for m in models]
    for batch in torch.from_numpy(batches):
        features, targets = train_data[0][batch], train_data[1][batch]
        hidden, grads = [], []
        for model, optimizer in zip(models, optimizers, strict=True):
            C1 = model[:2](features)  # (batch, 6, 28, 28)
            C3 = model[2:5](C1)  # (batch, 16, 10, 10)
            C5 = model[5:9](C3)  # (batch, 120)
            F6 = model[9:11](C5)  # (batch, 84)
            hidden.append([x.detach().numpy() for x in (C1, C3, C5, F6)])
            optimizer.zero_grad()
            loss_fn(model[11](F6), targets).backward()
            optimizer.step()
            grads.append([p.grad.numpy().copy() for p in model.parameters()])
        rows.append(compare_steps(grads, hidden))
    return np.array(rows)


# --8<-- [end:twins]


if __name__ == "__main__":
    train_images, y_digits, test_images, y_test_digits = read_mnist()
    pixels = torch.from_numpy(train_images[:, None] / np.float32(255))
    train_data = pixels[:55_000], torch.from_numpy(y_digits[:55_000])
    valid_data = pixels[55_000:], torch.from_numpy(y_digits[55_000:])
    rounds = next(draw_batches(55_000, 1, BATCH_SIZE, SEED)).reshape(5, 110, BATCH_SIZE)
    signals, labels = make_mnist1d()

    # --8<-- [start:run]
    lenet = build_lenet5()
    load_params(lenet, draw_params(LENET_SHAPES, SEED))
    optimizer = torch.optim.SGD(lenet.parameters(), LEARNING_RATE)
    print_log(fit(lenet, optimizer, train_data, valid_data, rounds), num_steps=110)
    print("Parameters:", sum(p.numel() for p in lenet.parameters()))
    # --8<-- [end:run]

    # --8<-- [start:shapes]
    features = valid_data[0][:1]
    for layer in lenet:
        features = layer(features)
        count = sum(p.numel() for p in layer.parameters())
        print(f"{type(layer).__name__:10}{count:6}  {tuple(features.shape[1:])}")
    # --8<-- [end:shapes]

    # --8<-- [start:maps]
    with torch.inference_mode():
        images = train_data[0][5:6]
        first, second = (lenet[:n](images)[0].numpy() for n in (2, 5))
        probas = torch.softmax(lenet(valid_data[0]), dim=1).numpy()
    kernels = lenet[0].weight.detach().numpy()[:, 0]
    # --8<-- [end:maps]

    # --8<-- [start:run_maps]
    plot_maps(kernels, first, second)
    # --8<-- [end:run_maps]

    # --8<-- [start:run_errors]
    plot_errors(train_images[55_000:], y_digits[55_000:], probas)
    # --8<-- [end:run_errors]

    # --8<-- [start:classifier]
    classifier = build_lenet5(nn.ReLU, nn.MaxPool2d)
    load_params(classifier, draw_params(LENET_SHAPES, SEED, gain=2.0))
    epochs = np.stack(list(draw_batches(55_000, 3, BATCH_SIZE, SEED)))
    history = fit_decaying(classifier, 0.005, train_data, valid_data, epochs)
    print_log(history, num_steps=550)
    # --8<-- [end:classifier]

    # --8<-- [start:test]
    test_pixels = torch.from_numpy(test_images[:, None] / np.float32(255))
    _, accuracy = evaluate(classifier, test_pixels, torch.from_numpy(y_test_digits))
    print(f"Test ACC: {100 * accuracy:.2f}%")
    # --8<-- [end:test]

    # --8<-- [start:signals]
    X, y = torch.from_numpy(signals[:, None]), torch.from_numpy(labels)
    signal_data = (X[:3200], y[:3200]), (X[3200:4000], y[3200:4000])
    moved, moved_labels = add_shifted(signals[:3200], labels[:3200], reach=4)
    shifted = torch.from_numpy(moved[:, None]), torch.from_numpy(moved_labels)
    signal_net = build_signal_net()
    load_params(signal_net, draw_params(SIGNAL_SHAPES, SEED, gain=2.0))
    epochs = np.stack(list(draw_batches(len(moved), 6, BATCH_SIZE, SEED)))
    history = fit_decaying(signal_net, 0.01, shifted, signal_data[1], epochs)
    print(f"Valid ACC: {100 * history[-1][1]:.1f}%")
    print("Parameters:", sum(p.numel() for p in signal_net.parameters()))
    # --8<-- [end:signals]

    # --8<-- [start:signals_test]
    print(f"Test ACC: {100 * evaluate(signal_net, X[4000:], y[4000:])[1]:.1f}%")
    # --8<-- [end:signals_test]

    # --8<-- [start:order]
    swapped = copy.deepcopy(lenet)
    weights = lenet[7].weight.unflatten(1, (16, 25))  # (120, channels, places)
    with torch.no_grad():
        swapped[7].weight.copy_(weights.mT.flatten(1))  # the order of Keras
    for name, model in [("right", lenet), ("wrong", swapped)]:
        _, accuracy = evaluate(model, *valid_data)
        print(f"Valid ACC, {name} order: {100 * accuracy:.1f}%")
    # --8<-- [end:order]

    try:
        # --8<-- [start:channels]
        lenet[0](torch.zeros(1, 28, 28, 1))
        # --8<-- [end:channels]
    except RuntimeError as error:
        print(error)

    # --8<-- [start:exercise_keras_io]
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3),  # (batch, 32, 26, 26)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (batch, 32, 13, 13)
        nn.Conv2d(32, 64, 3),  # (batch, 64, 11, 11)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (batch, 64, 5, 5)
        nn.Flatten(),  # (batch, 1600)
        nn.Dropout(0.5),
        nn.Linear(1600, NUM_CLASSES),
    )
    print("Parameters:", sum(p.numel() for p in net.parameters()))
    # --8<-- [end:exercise_keras_io]

    # --8<-- [start:exercise_shuffle]
    order = torch.from_numpy(np.random.default_rng(SEED).permutation(40))
    shuffled = [(X[..., order], y) for X, y in signal_data]
    epochs = np.stack(list(draw_batches(3200, 20, BATCH_SIZE, SEED)))
    for name, data in [("in order", signal_data), ("shuffled", shuffled)]:
        net = build_signal_net()
        load_params(net, draw_params(SIGNAL_SHAPES, SEED, gain=2.0))
        _, accuracy = fit_decaying(net, 0.01, *data, epochs)[-1]
        print(f"Valid ACC, {name}: {100 * accuracy:.1f}%")
    # --8<-- [end:exercise_shuffle]

    # --8<-- [start:exercise_channels]
    for channels in [5, 50]:
        shapes = [(channels, 1, 5), (channels, channels, 3), (channels, channels, 3)]
        shapes.append((5 * channels, NUM_CLASSES))
        net = build_signal_net(channels)
        load_params(net, draw_params(shapes, SEED, gain=2.0))
        _, accuracy = fit_decaying(net, 0.01, *signal_data, epochs)[-1]
        print(f"{channels:2} channels: valid ACC {100 * accuracy:.1f}%")
    # --8<-- [end:exercise_channels]

    # --8<-- [start:run_twins]
    start = draw_params(LENET_SHAPES, SEED)
    few = rounds[0][:50]
    smooth = train_twins(nn.Tanh, nn.AvgPool2d, start, train_data, few)
    start = draw_params(LENET_SHAPES, SEED, gain=2.0)
    kinked = train_twins(nn.ReLU, nn.MaxPool2d, start, train_data, few)
    print_parting(smooth, kinked)
    # --8<-- [end:run_twins]

    # --8<-- [start:run_parting]
    step = first_kink(kinked)
    print("The smooth network stays within 1e-4:", smooth[:, 0].max() < 1e-4)
    print("The other one, too, until a kink turns:", kinked[:step, 0].max() < 1e-4)
    print("It is beyond 1e-2 at the end:", kinked[-1, 0] > 1e-2)
    # --8<-- [end:run_parting]
