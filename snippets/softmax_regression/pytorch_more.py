"""Softmax regression in PyTorch: fast, and where it goes wrong."""

from contextlib import redirect_stdout

import numpy as np
import torch

from snippets.softmax_regression.data import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    SEED,
    draw_orders,
    print_epoch,
    read_mnist,
    to_features,
)
from snippets.softmax_regression.pytorch_manual import (
    device,
    evaluate,
    log_sum_exp,
    predict_logits,
    require_examples,
    softmax,
    step_by_hand,
    train,
)
from snippets.softmax_regression.pytorch_module import loss_fn


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


# --8<-- [start:fast_train]
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


# --8<-- [end:fast_train]


# --8<-- [start:overflow]
def softmax_unshifted(logits):
    """Return the probabilities by the textbook's formula: do not use.

    In float32, e^z is infinite from a logit of 89 on, and inf / inf is NaN.
    """
    powers = torch.exp(logits)  # (batch, num_classes)
    return powers / powers.sum(dim=1, keepdim=True)


# --8<-- [end:overflow]


# --8<-- [start:from_probas]
def step_from_probas(features, targets, weights, bias, learning_rate):
    """Move weights and bias in place by a loss that gets probabilities: do not use."""
    parameters = [weights.requires_grad_(), bias.requires_grad_()]
    loss = loss_fn(softmax(predict_logits(features, *parameters)), targets)
    grad_weights, grad_bias = torch.autograd.grad(loss, parameters)
    with torch.no_grad():
        weights -= learning_rate * grad_weights
        bias -= learning_rate * grad_bias


# --8<-- [end:from_probas]


if __name__ == "__main__":
    train_images, y_train, *_ = read_mnist()
    X_train, best_rate = to_features(train_images), 0.5
    orders = draw_orders(len(X_train), NUM_EPOCHS, SEED)
    features = torch.from_numpy(X_train).to(device)
    targets = torch.from_numpy(y_train).to(device)
    with redirect_stdout(None):
        hand_weights, hand_bias = train(
            step_by_hand, features, targets, orders, BATCH_SIZE, LEARNING_RATE
        )

    # --8<-- [start:run_shift]
    logits = torch.tensor([[3.0, 1.0, 0.0]])  # (1, num_classes)
    log_probas = logits - log_sum_exp(logits)[:, None]  # (1, num_classes)
    print(f"e^z of the logits sums to {logits.exp().sum().item():.3f}")
    print(f"and of the log-probabilities to {log_probas.exp().sum().item():.3f}")
    print("Softmax: {:.3f} {:.3f} {:.3f}".format(*softmax(logits)[0].tolist()))
    print("All + 50: {:.3f} {:.3f} {:.3f}".format(*softmax(logits + 50)[0].tolist()))
    # --8<-- [end:run_shift]

    # --8<-- [start:run_maximum]
    probas = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]])  # (batch, num_classes)
    values, indices = torch.max(probas, dim=1)  # (batch,), (batch,)
    print("Largest probabilities: {:.1f} {:.1f}".format(*values.tolist()))
    print("Their classes: {} {}".format(*indices.tolist()))
    # --8<-- [end:run_maximum]

    # --8<-- [start:run_overflow]
    W = torch.zeros(784, NUM_CLASSES, device=device)
    b = torch.zeros(NUM_CLASSES, device=device)
    pixels, labels = 255 * features[:BATCH_SIZE], targets[:BATCH_SIZE]
    step_by_hand(pixels, labels, W, b, LEARNING_RATE)
    logits = predict_logits(pixels, W, b)  # (256, 10)
    print(f"Largest logit: {logits.max().item() / 1000:.1f} thousand")
    print("NaN without the shift:", softmax_unshifted(logits).isnan().any().item())
    print("NaN with the shift:", softmax(logits).isnan().any().item())
    # --8<-- [end:run_overflow]

    # --8<-- [start:run_from_probas]
    logits = predict_logits(features, hand_weights, hand_bias)  # (60000, 10)
    certain = torch.nn.functional.one_hot(targets, NUM_CLASSES).float()
    print(f"From logits: {loss_fn(logits, targets).item():.4f}")
    print(f"From probabilities: {loss_fn(softmax(logits), targets).item():.4f}")
    print(f"At best: {loss_fn(certain, targets).item():.4f}")
    # --8<-- [end:run_from_probas]

    # --8<-- [start:train_from_probas]
    train(step_from_probas, features, targets, orders[:1], BATCH_SIZE, LEARNING_RATE)
    # --8<-- [end:train_from_probas]

    # --8<-- [start:run_few]
    few, valid = (features[:300], targets[:300]), (features[55_000:], targets[55_000:])
    few_orders = draw_orders(300, 200, SEED)
    with redirect_stdout(None):  # not 200 lines
        fitted = train(step_by_hand, *few, few_orders, BATCH_SIZE, LEARNING_RATE)
    print(f"Train ACC: {evaluate(*few, *fitted)[0]:.2%}")
    print(f"Valid ACC: {evaluate(*valid, *fitted)[0]:.2%}")
    # --8<-- [end:run_few]

    # --8<-- [start:run_mixed]
    places = np.random.default_rng(SEED).permutation(28 * 28)
    mixed = features[:, places]  # (60000, 784)
    train(step_by_hand, mixed, targets, orders[:1], BATCH_SIZE, LEARNING_RATE)
    # --8<-- [end:run_mixed]

    # --8<-- [start:run_tuned]
    part, part_orders = features[:55_000], draw_orders(55_000, NUM_EPOCHS, SEED)
    with redirect_stdout(None):
        tuned = train(
            step_by_hand, part, targets[:55_000], part_orders, BATCH_SIZE, best_rate
        )
    valid_logits = predict_logits(features[55_000:], *tuned)  # (5000, 10)
    valid_probas = softmax(valid_logits).cpu().numpy()
    # --8<-- [end:run_tuned]

    # --8<-- [start:run_fast]
    fast_weights, fast_bias = train_fast(
        features, targets, orders, BATCH_SIZE, LEARNING_RATE
    )
    # --8<-- [end:run_fast]
