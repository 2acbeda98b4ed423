"""Softmax regression in PyTorch, as a module fed by a DataLoader.

Then: a rate chosen by a validation set, a test, and what was learned, as arrays.
"""

# --8<-- [start:imports]
import time
from contextlib import redirect_stdout

import torch
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

# --8<-- [end:imports]
from snippets.softmax_regression.data import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    SEED,
    draw_orders,
    read_mnist,
    to_features,
)
from snippets.softmax_regression.pytorch_manual import (
    device,
    evaluate,
    predict_logits,
    softmax,
    step_by_hand,
    train,
)


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
@torch.inference_mode()  # records nothing
def evaluate_module(model, loader):
    """Return the accuracy and the mean cross-entropy over a loader, as floats."""
    model.eval()  # layers such as dropout behave differently in training
    num_examples, num_hits, cost = 0, 0, 0.0
    for images, targets in loader:
        images, targets = images.to(device), targets.to(device)
        logits = model(images)  # (batch, num_classes)
        num_examples += len(targets)
        num_hits += (logits.argmax(dim=1) == targets).sum().item()
        cost += loss_fn(logits, targets).item() * len(targets)
    return num_hits / num_examples, cost / num_examples


# --8<-- [end:evaluate]


# --8<-- [start:fit]
def fit(model, train_loader, valid_loader, num_epochs, learning_rate):
    """Train the model in place; return for each epoch what Keras' fit reports.

    That is the mean training loss during the epoch, and the accuracy and the mean loss
    on the validation set after it: (num_epochs, 3).
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    history = []
    for _ in range(num_epochs):
        model.train()
        num_examples, cost = 0, 0.0
        for images, targets in train_loader:
            images, targets = images.to(device), targets.to(device)
            loss = loss_fn(model(images), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            num_examples += len(targets)
            cost += loss.item() * len(targets)
        history.append((cost / num_examples, *evaluate_module(model, valid_loader)))
    return history


# --8<-- [end:fit]


# --8<-- [start:batches]
def load_batches(dataset, sampler, batch_size, generator=None):
    """Return the batches of a sampler's order, each gathered by one call."""
    batches = BatchSampler(sampler, batch_size, drop_last=False)
    return DataLoader(dataset, batch_size=None, sampler=batches, generator=generator)


# --8<-- [end:batches]


# --8<-- [start:time]
def time_pass(batches):
    """Return the seconds that one pass over the batches takes, without training."""
    start = time.perf_counter()
    for _ in batches:
        pass
    return time.perf_counter() - start


# --8<-- [end:time]


if __name__ == "__main__":
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    orders = draw_orders(len(X_train), NUM_EPOCHS, SEED)
    features = torch.from_numpy(X_train).to(device)
    targets = torch.from_numpy(y_train).to(device)
    test_features = torch.from_numpy(X_test).to(device)
    test_targets = torch.from_numpy(y_test).to(device)

    # --8<-- [start:split]
    images = torch.from_numpy(X_train).reshape(-1, 1, 28, 28)
    labels = torch.from_numpy(y_train)
    train_set = TensorDataset(images[:55_000], labels[:55_000])
    valid_set = TensorDataset(images[55_000:], labels[55_000:])
    # --8<-- [end:split]

    # --8<-- [start:loaders]
    generator = torch.Generator().manual_seed(SEED)
    train_loader = DataLoader(
        train_set, batch_size=BATCH_SIZE, shuffle=True, generator=generator
    )
    valid_loader = DataLoader(valid_set, batch_size=1000)
    # --8<-- [end:loaders]

    # --8<-- [start:run]
    model = SoftmaxRegression(28 * 28, NUM_CLASSES).to(device)
    history = fit(model, train_loader, valid_loader, 5, LEARNING_RATE)
    for epoch, (train_loss, valid_accuracy, valid_loss) in enumerate(history, start=1):
        print(f"Epoch: {epoch:03d} | Train loss: {train_loss:.3f}", end=" | ")
        print(f"Valid ACC: {valid_accuracy:.1%} | Valid loss: {valid_loss:.3f}")
    # --8<-- [end:run]

    # --8<-- [start:compare]
    generator = torch.Generator().manual_seed(SEED)
    sampler = RandomSampler(train_set, generator=generator)
    fast_loader = load_batches(train_set, sampler, BATCH_SIZE, generator)
    by_image, by_batch = time_pass(train_loader), time_pass(fast_loader)
    print(f"One pass: {by_image:.2f} s by image, {by_batch:.2f} s by batch")
    # --8<-- [end:compare]

    # --8<-- [start:claim]
    print("At least twice as fast:", by_image > 2 * by_batch)
    # --8<-- [end:claim]

    # --8<-- [start:torchvision]
    from torchvision import datasets
    from torchvision.transforms import v2

    to_floats = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    digits = datasets.MNIST("data", train=True, download=True, transform=to_floats)
    image, label = digits[0]  # (1, 28, 28), an integer
    same = torch.allclose(image, images[0], rtol=0, atol=1e-7)
    print("The same pixels, but for rounding:", same)
    # --8<-- [end:torchvision]

    # --8<-- [start:rates]
    losses = {}
    for rate in (0.02, 0.1, 0.5, 2.5):
        model = SoftmaxRegression(28 * 28, NUM_CLASSES).to(device)
        losses[rate] = fit(model, fast_loader, valid_loader, 5, rate)[-1][2]
        print(f"Learning rate {rate:4.2f}: validation loss {losses[rate]:.2f}")
    best_rate = min(losses, key=losses.get)
    print("Chosen:", best_rate)
    # --8<-- [end:rates]

    # --8<-- [start:test]
    with redirect_stdout(None):  # not the log again
        weights, bias = train(
            step_by_hand, features, targets, orders, BATCH_SIZE, best_rate
        )
    test_accuracy, test_cost = evaluate(test_features, test_targets, weights, bias)
    print(f"Test ACC: {test_accuracy:.2%} | Test cost: {test_cost:.4f}")
    # --8<-- [end:test]

    # --8<-- [start:arrays]
    weight_images = weights.T.reshape(-1, 28, 28).cpu().numpy()
    test_logits = predict_logits(test_features, weights, bias)  # (10000, 10)
    test_probas = softmax(test_logits).cpu().numpy()
    # --8<-- [end:arrays]
