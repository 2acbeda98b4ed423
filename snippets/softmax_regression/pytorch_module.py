"""Softmax regression in PyTorch, as a module fed by torchvision and a DataLoader.

Then: that all three agree, and what one learned.
"""

import contextlib

# --8<-- [start:imports]
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision import datasets, transforms

# --8<-- [end:imports]
from snippets.softmax_regression.data import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    SEED,
    draw_orders,
    print_epoch,
    read_mnist,
    split_batches,
    to_features,
)
from snippets.softmax_regression.pytorch_manual import (
    device,
    require_examples,
    softmax,
    step_by_hand,
    step_with_autograd,
    train,
)


# --8<-- [start:data]
def open_images(train, folder="data"):
    """Return torchvision's MNIST: pairs of an image (1, 28, 28) and its label."""
    return datasets.MNIST(
        root=folder, train=train, transform=transforms.ToTensor(), download=True
    )


def load_images(dataset, order, batch_size):
    """Return batches in the given order, put together image by image."""
    return DataLoader(dataset, batch_size=batch_size, sampler=order)


# --8<-- [end:data]


# --8<-- [start:model]
class SoftmaxRegression(nn.Module):
    """Map images (batch, 1, height, width) to logits (batch, num_classes).

    Both parameters start from zero, as by hand.
    """

    def __init__(self, num_features, num_classes):
        super().__init__()
        self.linear = nn.Linear(num_features, num_classes)
        nn.init.zeros_(self.linear.weight)  # (num_classes, num_features)
        nn.init.zeros_(self.linear.bias)  # (num_classes,)

    def forward(self, images):
        """Return the logits, not probabilities: the loss needs them."""
        features = images.flatten(start_dim=1)  # (batch, num_features)
        return self.linear(features)  # (batch, num_classes)


# --8<-- [end:model]


# --8<-- [start:loss]
loss_fn = nn.CrossEntropyLoss()  # takes logits; the mean over the batch
# --8<-- [end:loss]


# --8<-- [start:evaluate]
@torch.no_grad()
def evaluate_module(model, loader):
    """Return the accuracy and the mean cross-entropy over a loader, as floats."""
    num_examples, num_hits, cost = 0, 0, 0.0
    for images, targets in loader:
        images, targets = images.to(device), targets.to(device)
        logits = model(images)  # (batch, num_classes)
        num_examples += len(targets)
        num_hits += (logits.argmax(dim=1) == targets).sum().item()
        cost += loss_fn(logits, targets).item() * len(targets)
    return num_hits / num_examples, cost / num_examples


# --8<-- [end:evaluate]


# --8<-- [start:train]
def targets_of(dataset):
    """Return all targets of a TensorDataset, or of one of torchvision's."""
    return dataset.tensors[1] if isinstance(dataset, TensorDataset) else dataset.targets


def train_module(model, load, dataset, orders, batch_size, learning_rate):
    """Fit the model in place on the batches that load makes of each epoch's order.

    Raises ValueError before the first step if a target is missing or out of range.
    """
    require_examples(dataset, targets_of(dataset), NUM_CLASSES)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    start = load(dataset, orders[0][:batch_size], batch_size)
    print(f"First cost: {evaluate_module(model, start)[1]:.4f}")
    for epoch, order in enumerate(orders, start=1):
        for images, targets in load(dataset, order, batch_size):
            loss = loss_fn(model(images.to(device)), targets.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        results = evaluate_module(model, load(dataset, range(len(order)), batch_size))
        print_epoch(epoch, len(orders), *results)


# --8<-- [end:train]


# --8<-- [start:batches]
def load_batches(dataset, order, batch_size):
    """Return batches in the given order, each gathered at once."""
    batches = split_batches(torch.as_tensor(order), batch_size)
    return DataLoader(dataset, batch_size=None, sampler=batches)


# --8<-- [end:batches]


# --8<-- [start:time]
def time_pass(batches):
    """Return the seconds that one pass over the batches takes, without training."""
    start = time.perf_counter()
    for _ in batches:
        pass
    return time.perf_counter() - start


# --8<-- [end:time]


# --8<-- [start:agree]
def largest_difference(one, other):
    """Return the largest absolute difference of two tensors of the same shape."""
    return (one - other).abs().max().item()


# --8<-- [end:agree]


if __name__ == "__main__":
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    orders = draw_orders(len(X_train), NUM_EPOCHS, SEED)
    features = torch.from_numpy(X_train).to(device)
    targets = torch.from_numpy(y_train).to(device)
    test_features = torch.from_numpy(X_test).to(device)
    test_targets = torch.from_numpy(y_test).to(device)

    # --8<-- [start:first_epoch]
    image_dataset = open_images(train=True)
    first_model = SoftmaxRegression(28 * 28, NUM_CLASSES).to(device)
    train_module(
        first_model, load_images, image_dataset, orders[:1], BATCH_SIZE, LEARNING_RATE
    )
    # --8<-- [end:first_epoch]

    # --8<-- [start:compare]
    dataset = TensorDataset(features.reshape(-1, 1, 28, 28), targets)
    by_image = time_pass(load_images(image_dataset, orders[0], BATCH_SIZE))
    by_batch = time_pass(load_batches(dataset, orders[0], BATCH_SIZE))
    print(f"One pass: {by_image:.2f} s by image, {by_batch:.2f} s by batch")
    # --8<-- [end:compare]

    # --8<-- [start:claim]
    print("At least twice as fast:", by_image > 2 * by_batch)
    # --8<-- [end:claim]

    # --8<-- [start:run]
    test_dataset = TensorDataset(test_features.reshape(-1, 1, 28, 28), test_targets)
    model = SoftmaxRegression(28 * 28, NUM_CLASSES).to(device)
    train_module(model, load_batches, dataset, orders, BATCH_SIZE, LEARNING_RATE)
    test_loader = load_batches(test_dataset, range(len(test_dataset)), BATCH_SIZE)
    test_accuracy, test_cost = evaluate_module(model, test_loader)
    print(f"Test ACC: {test_accuracy:.2%} | Test cost: {test_cost:.4f}")
    # --8<-- [end:run]

    with contextlib.redirect_stdout(None):
        hand_weights, hand_bias = train(
            step_by_hand, features, targets, orders, BATCH_SIZE, LEARNING_RATE
        )
        auto_weights, auto_bias = train(
            step_with_autograd, features, targets, orders, BATCH_SIZE, LEARNING_RATE
        )

    # --8<-- [start:run_agree]
    module_weights = model.linear.weight.detach().T  # (num_features, num_classes)
    print(f"Largest weight: {hand_weights.abs().max().item():.3f}")
    others = {
        "automatic differentiation": auto_weights,
        "a module and a loader": module_weights,
    }
    for name, weights in others.items():
        close = largest_difference(hand_weights, weights) < 1e-5
        print(f"With {name}, within 0.00001 of by hand:", close)
    # --8<-- [end:run_agree]

    # --8<-- [start:arrays]
    weight_images = module_weights.T.reshape(-1, 28, 28).cpu().numpy()
    with torch.no_grad():
        logits = model(test_features.reshape(-1, 1, 28, 28))  # (10000, 10)
    test_logits = logits.cpu().numpy()
    test_probas = softmax(logits).cpu().numpy()
    # --8<-- [end:arrays]
