"""Softmax regression in PyTorch, with autograd's gradient."""

import torch

from snippets.softmax_regression.batches import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_EPOCHS,
    SEED,
    draw_orders,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.softmax_regression.pytorch_manual import (
    cross_entropy,
    device,
    evaluate,
    predict_logits,
    train,
)


# --8<-- [start:step]
def step_with_autograd(features, targets, weights, bias, learning_rate):
    """Move weights and bias in place, one step down autograd's gradient.

    Both require gradients from then on.
    """
    parameters = [weights.requires_grad_(), bias.requires_grad_()]
    loss = cross_entropy(predict_logits(features, *parameters), targets)
    grad_weights, grad_bias = torch.autograd.grad(loss, parameters)
    with torch.no_grad():  # an update is no part of the next loss
        weights -= learning_rate * grad_weights
        bias -= learning_rate * grad_bias


# --8<-- [end:step]


if __name__ == "__main__":
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    orders = draw_orders(len(X_train), NUM_EPOCHS, SEED)
    features = torch.from_numpy(X_train).to(device)
    targets = torch.from_numpy(y_train).to(device)
    test_features = torch.from_numpy(X_test).to(device)
    test_targets = torch.from_numpy(y_test).to(device)

    # --8<-- [start:run]
    auto_weights, auto_bias = train(
        step_with_autograd, features, targets, orders, BATCH_SIZE, LEARNING_RATE
    )
    test_accuracy, test_cost = evaluate(
        test_features, test_targets, auto_weights, auto_bias
    )
    print(f"Test ACC: {test_accuracy:.2%} | Test cost: {test_cost:.4f}")
    # --8<-- [end:run]
