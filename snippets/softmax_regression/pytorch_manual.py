"""Softmax regression in PyTorch, by hand, then with autograd's gradients."""

# --8<-- [start:imports]
import numpy as np
import torch

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

# --8<-- [start:hyperparameters]
device = torch.device("cpu")
if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator()
# --8<-- [end:hyperparameters]


# --8<-- [start:model]
def predict_logits(features, weights, bias):
    """Return the logits (batch, num_classes) of features (batch, num_features).

    The weights have shape (num_features, num_classes), the bias (num_classes,).
    """
    return features @ weights + bias  # (batch, num_classes)


def softmax(logits):
    """Return the probabilities (batch, num_classes); each row sums to 1.

    We subtract the row's largest logit first, so that no power can overflow.
    """
    largest = logits.amax(dim=1, keepdim=True)  # (batch, 1)
    powers = torch.exp(logits - largest)  # (batch, num_classes), at most 1
    return powers / powers.sum(dim=1, keepdim=True)


# --8<-- [end:model]


# --8<-- [start:check]
def require_batch(logits, targets):
    """Raise ValueError unless logits are (batch, num_classes) and targets (batch,).

    An empty batch is refused as well, because it has no mean.
    """
    if logits.ndim != 2 or logits.shape[:1] != targets.shape:
        shapes = f"{tuple(logits.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"logits and targets do not match in shape: {shapes}")
    if 0 in targets.shape:
        raise ValueError("the batch is empty")


def require_examples(features, targets, num_classes):
    """Raise ValueError unless each example has a target from 0 to num_classes - 1."""
    if len(features) != len(targets):
        raise ValueError(f"{len(features)} features but {len(targets)} targets")
    lowest, highest = targets.min().item(), targets.max().item()
    if lowest < 0 or highest >= num_classes:
        raise ValueError(
            f"targets are {lowest} to {highest}, must be 0 to {num_classes - 1}"
        )


# --8<-- [end:check]


# --8<-- [start:loss]
def log_sum_exp(logits):
    """Return log(e^z_1 + ... + e^z_K) of each row of logits: (batch,)."""
    largest = logits.amax(dim=1, keepdim=True)  # (batch, 1)
    powers = torch.exp(logits - largest)  # (batch, num_classes)
    return largest.squeeze(1) + torch.log(powers.sum(dim=1))


def cross_entropy(logits, targets):
    """Return the mean over the batch of -log(probability of the target's class).

    Raises ValueError if the shapes do not match or the batch is empty.
    """
    require_batch(logits, targets)
    target_logits = logits.gather(1, targets[:, None]).squeeze(1)  # (batch,)
    return (log_sum_exp(logits) - target_logits).mean()


# --8<-- [end:loss]


# --8<-- [start:gradient]
def gradients(features, targets, logits):
    """Return the mean cross-entropy's gradients, shaped as the weights and the bias.

    Raises ValueError if the shapes do not match or the batch is empty.
    """
    require_batch(logits, targets)
    one_hot = torch.nn.functional.one_hot(targets, logits.shape[1])
    errors = (softmax(logits) - one_hot) / len(targets)  # (batch, num_classes)
    return features.T @ errors, errors.sum(dim=0)


def step_by_hand(features, targets, weights, bias, learning_rate):
    """Move weights and bias in place, one step down the gradient of one batch."""
    logits = predict_logits(features, weights, bias)
    grad_weights, grad_bias = gradients(features, targets, logits)
    weights -= learning_rate * grad_weights
    bias -= learning_rate * grad_bias


# --8<-- [end:gradient]


# --8<-- [start:differences]
def finite_differences(features, targets, weights, bias, epsilon=1e-6):
    """Return the same gradients, from the loss a step below and a step above.

    Takes float64: in float32, rounding is larger than the differences.
    """
    grads = []
    for param in (weights, bias):
        values, grad = param.clone(), torch.zeros_like(param)
        for index in np.ndindex(*param.shape):
            for sign in (1, -1):
                param[index] = values[index] + sign * epsilon
                loss = cross_entropy(predict_logits(features, weights, bias), targets)
                grad[index] += sign * loss / (2 * epsilon)
            param[index] = values[index]
        grads.append(grad)
    return grads


# --8<-- [end:differences]


# --8<-- [start:evaluate]
def accuracy(logits, targets):
    """Return the fraction of rows whose largest logit is the target's."""
    hits = logits.argmax(dim=1) == targets  # (batch,)
    return hits.float().mean().item()


@torch.inference_mode()  # records nothing
def evaluate(features, targets, weights, bias):
    """Return the accuracy and the mean cross-entropy, as floats."""
    logits = predict_logits(features, weights, bias)  # (num_examples, num_classes)
    return accuracy(logits, targets), cross_entropy(logits, targets).item()


# --8<-- [end:evaluate]


# --8<-- [start:train]
def train(step, features, targets, orders, batch_size, learning_rate):
    """Call step on each batch of each epoch's order; return weights and bias.

    Raises ValueError before the first step if a target is missing or out of range.
    """
    require_examples(features, targets, NUM_CLASSES)
    weights = torch.zeros(features.shape[1], NUM_CLASSES, device=features.device)
    bias = torch.zeros(NUM_CLASSES, device=features.device)
    print(f"First cost: {evaluate(features, targets, weights, bias)[1]:.4f}")
    for epoch, order in enumerate(orders, start=1):
        for batch in split_batches(order, batch_size):
            step(features[batch], targets[batch], weights, bias, learning_rate)
        results = evaluate(features, targets, weights, bias)
        print_epoch(epoch, len(orders), *results)
    return weights, bias


# --8<-- [end:train]


# --8<-- [start:autograd_step]
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


# --8<-- [end:autograd_step]


if __name__ == "__main__":
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    orders = draw_orders(len(X_train), NUM_EPOCHS, SEED)

    # --8<-- [start:tensors]
    features = torch.from_numpy(X_train).to(device)  # (60000, 784)
    targets = torch.from_numpy(y_train).to(device)  # (60000,)
    test_features = torch.from_numpy(X_test).to(device)  # (10000, 784)
    test_targets = torch.from_numpy(y_test).to(device)  # (10000,)
    # --8<-- [end:tensors]

    # --8<-- [start:check_gradient]
    rng = np.random.default_rng(SEED)
    few_features = torch.from_numpy(X_train[:20, 400:408].astype("float64"))
    few_targets = torch.from_numpy(y_train[:20])
    weights = torch.from_numpy(rng.normal(size=(8, NUM_CLASSES)))
    bias = torch.from_numpy(rng.normal(size=NUM_CLASSES))

    logits = predict_logits(few_features, weights, bias)
    by_hand = gradients(few_features, few_targets, logits)
    tracked = [weights.clone().requires_grad_(), bias.clone().requires_grad_()]
    loss = cross_entropy(predict_logits(few_features, *tracked), few_targets)
    automatic = torch.autograd.grad(loss, tracked)
    numeric = finite_differences(few_features, few_targets, weights, bias)
    for name, others, bound in [
        ("automatic differentiation", automatic, 1e-14),
        ("finite differences", numeric, 1e-8),
    ]:
        pairs = zip(by_hand, others, strict=True)
        gap = max((one - other).abs().max().item() for one, other in pairs)
        print(f"{name}: within {bound}: {gap < bound}")
    # --8<-- [end:check_gradient]

    # --8<-- [start:run]
    hand_weights, hand_bias = train(
        step_by_hand, features, targets, orders, BATCH_SIZE, LEARNING_RATE
    )
    # --8<-- [end:run]

    # --8<-- [start:run_autograd]
    auto_weights, auto_bias = train(
        step_with_autograd, features, targets, orders, BATCH_SIZE, LEARNING_RATE
    )
    # --8<-- [end:run_autograd]
