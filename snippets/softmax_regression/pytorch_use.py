"""Three softmax regressions in PyTorch: that they agree, and what one learned."""

from contextlib import redirect_stdout

import torch
from torch.utils.data import TensorDataset

from snippets.softmax_regression.batches import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    SEED,
    draw_orders,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.softmax_regression.pytorch_autograd import step_with_autograd
from snippets.softmax_regression.pytorch_manual import (
    device,
    softmax,
    step_by_hand,
    train,
)
from snippets.softmax_regression.pytorch_module import (
    SoftmaxRegression,
    load_batches,
    train_module,
)


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
    dataset = TensorDataset(features.reshape(-1, 1, 28, 28), targets)
    model = SoftmaxRegression(28 * 28, NUM_CLASSES).to(device)
    with redirect_stdout(None):
        hand_weights, hand_bias = train(
            step_by_hand, features, targets, orders, BATCH_SIZE, LEARNING_RATE
        )
        auto_weights, auto_bias = train(
            step_with_autograd, features, targets, orders, BATCH_SIZE, LEARNING_RATE
        )
        train_module(model, load_batches, dataset, orders, BATCH_SIZE, LEARNING_RATE)

    # --8<-- [start:run]
    module_weights = model.linear.weight.detach().T  # (num_features, num_classes)
    print(f"Largest weight: {hand_weights.abs().max().item():.3f}")
    others = {
        "automatic differentiation": auto_weights,
        "a module and a loader": module_weights,
    }
    for name, weights in others.items():
        close = largest_difference(hand_weights, weights) < 1e-5
        print(f"With {name}, within 0.00001 of by hand:", close)
    # --8<-- [end:run]

    # --8<-- [start:arrays]
    weight_images = module_weights.T.reshape(-1, 28, 28).cpu().numpy()
    with torch.no_grad():
        logits = model(test_features.reshape(-1, 1, 28, 28))  # (10000, 10)
    test_logits = logits.cpu().numpy()
    test_probas = softmax(logits).cpu().numpy()
    # --8<-- [end:arrays]
