"""Softmax regression in PyTorch, the fast way: batches by index, no autograd."""

import torch

from snippets.softmax_regression.batches import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    SEED,
    draw_orders,
    print_epoch,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.softmax_regression.pytorch_manual import (
    device,
    evaluate,
    require_examples,
)


# --8<-- [start:epoch]
@torch.inference_mode()  # records nothing
def run_epoch(features, one_hot, order, batch_size, learning_rate, weights, bias):
    """Move weights and bias in place, a step for each batch of one epoch's order.

    Takes features (num_examples, num_features), one_hot (num_examples, num_classes) in
    their dtype, order, the indices of the examples, and parameters with a row for each
    class: weights (num_classes, num_features) and bias (num_classes, 1).
    """
    memory = features.new_empty(batch_size, features.shape[1])  # for every batch
    for batch in order.split(batch_size):
        rows = memory[: len(batch)]  # (batch, num_features)
        torch.index_select(features, 0, batch, out=rows)
        errors = torch.addmm(bias, weights, rows.T).softmax(dim=0)
        errors -= one_hot.index_select(0, batch).T  # (num_classes, batch)
        rate = learning_rate / len(batch)
        weights.addmm_(errors, rows, alpha=-rate)
        bias.sub_(errors.sum(dim=1, keepdim=True), alpha=rate)


# --8<-- [end:epoch]


# --8<-- [start:train]
def train_fast(features, targets, orders, batch_size, learning_rate):
    """Train as train does, and print its lines; return weights and bias.

    Raises ValueError before the first step if a target is missing or out of range.
    """
    require_examples(features, targets, NUM_CLASSES)
    one_hot = torch.nn.functional.one_hot(targets, NUM_CLASSES).to(features.dtype)
    weights = features.new_zeros(NUM_CLASSES, features.shape[1])
    bias = features.new_zeros(NUM_CLASSES, 1)
    for epoch, order in enumerate(orders, start=1):
        indices = torch.from_numpy(order).to(features.device)  # (num_examples,)
        run_epoch(features, one_hot, indices, batch_size, learning_rate, weights, bias)
        results = evaluate(features, targets, weights.T, bias[:, 0])
        print_epoch(epoch, len(orders), *results)
    return weights.T, bias[:, 0]


# --8<-- [end:train]


if __name__ == "__main__":
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    orders = draw_orders(len(X_train), 10, SEED)
    features = torch.from_numpy(X_train).to(device)
    targets = torch.from_numpy(y_train).to(device)
    test_features = torch.from_numpy(X_test).to(device)
    test_targets = torch.from_numpy(y_test).to(device)

    # --8<-- [start:run]
    fast_weights, fast_bias = train_fast(
        features, targets, orders, BATCH_SIZE, LEARNING_RATE
    )
    test_accuracy, test_cost = evaluate(
        test_features, test_targets, fast_weights, fast_bias
    )
    print(f"Test ACC: {test_accuracy:.2%} | Test cost: {test_cost:.4f}")
    # --8<-- [end:run]
