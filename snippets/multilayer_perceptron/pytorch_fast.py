"""The multilayer perceptron in PyTorch, as fast as it gets with the same numbers."""

import torch

from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.pytorch_manual import (
    accuracy,
    cross_entropy,
    forward,
    to_tensors,
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
)


# --8<-- [start:epoch]
@torch.inference_mode()
def run_epoch(features, one_hot, batches, params):
    """Move the parameters in place, a step for each row of batches (steps, batch).

    Takes features (num_examples, num_features), one_hot (num_examples, num_classes).
    """
    W1, b1, W2, b2 = params
    rate = -LEARNING_RATE / batches.shape[1]
    for batch in batches:
        X = features.index_select(0, batch)  # (batch, num_features)
        hidden = torch.addmm(b1, X, W1).relu_()  # (batch, num_hidden)
        errors = torch.addmm(b2, hidden, W2).softmax(dim=1)  # (batch, num_classes)
        errors -= one_hot.index_select(0, batch)
        grad_sums = (errors @ W2.T).mul_(hidden > 0)  # (batch, num_hidden)
        W1.addmm_(X.T, grad_sums, alpha=rate)
        b1.add_(grad_sums.sum(dim=0), alpha=rate)
        W2.addmm_(hidden.T, errors, alpha=rate)
        b2.add_(errors.sum(dim=0), alpha=rate)


# --8<-- [end:epoch]


# --8<-- [start:train]
def train_fast(params, train_data, valid_data):
    """Train as train does: move the parameters in place, return the same history."""
    features, targets = train_data
    one_hot = torch.eye(NUM_CLASSES, dtype=features.dtype)[targets]
    history = []
    for batches in draw_batches(len(targets), NUM_EPOCHS, BATCH_SIZE, SEED):
        run_epoch(features, one_hot, torch.from_numpy(batches), params)
        outputs = [(forward(X, params)[0], y) for X, y in (train_data, valid_data)]
        losses = [cross_entropy(logits, y).item() for logits, y in outputs]
        accuracies = [accuracy(logits, y) for logits, y in outputs]
        history.append((*losses, *accuracies))
    return history


# --8<-- [end:train]


if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, X_valid = signals[:3200], signals[3200:4000]
    y_train, y_valid = labels[:3200], labels[3200:4000]

    # --8<-- [start:run]
    train_data = to_tensors([X_train, y_train])
    valid_data = to_tensors([X_valid, y_valid])
    params = to_tensors(draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED))
    print_log(train_fast(params, train_data, valid_data))
    # --8<-- [end:run]
