"""A multilayer perceptron in PyTorch, by hand and with automatic differentiation."""

# --8<-- [start:imports]
import numpy as np
import torch

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
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


# --8<-- [start:tensors]
def to_tensors(arrays):
    """Return NumPy arrays as tensors of their own that share no memory."""
    return [torch.tensor(array) for array in arrays]


# --8<-- [end:tensors]


# --8<-- [start:forward]
def forward(features, params):
    """Return the logits (batch, num_classes) and the hidden units (batch, num_hidden).

    The parameters are W1 (num_features, num_hidden), b1, W2 (num_hidden, num_classes)
    and b2.
    """
    W1, b1, W2, b2 = params
    hidden = torch.relu(features @ W1 + b1)  # (batch, num_hidden)
    return hidden @ W2 + b2, hidden


# --8<-- [end:forward]


# --8<-- [start:loss]
def cross_entropy(logits, targets):
    """Return the mean over the batch of -log(probability of the target's class)."""
    log_probas = torch.log_softmax(logits, dim=1)  # (batch, num_classes)
    return -log_probas.gather(1, targets[:, None]).mean()


# --8<-- [end:loss]


# --8<-- [start:backward]
def backward(features, targets, params):
    """Return the gradients of the mean cross-entropy, shaped as the parameters."""
    _, _, W2, _ = params
    logits, hidden = forward(features, params)
    one_hot = torch.nn.functional.one_hot(targets, logits.shape[1])
    grad_logits = (torch.softmax(logits, dim=1) - one_hot) / len(targets)
    grad_hidden = grad_logits @ W2.T  # (batch, num_hidden)
    grad_sums = grad_hidden * (hidden > 0)  # ReLU passes on what it let through
    return [
        features.T @ grad_sums,  # W1
        grad_sums.sum(dim=0),  # b1
        hidden.T @ grad_logits,  # W2
        grad_logits.sum(dim=0),  # b2
    ]


# --8<-- [end:backward]


# --8<-- [start:autograd]
def backward_autograd(features, targets, params):
    """Return the same gradients, derived by PyTorch."""
    params = [p.detach().requires_grad_() for p in params]
    loss = cross_entropy(forward(features, params)[0], targets)
    return torch.autograd.grad(loss, params)


# --8<-- [end:autograd]


# --8<-- [start:differences]
def finite_differences(features, targets, params, epsilon=1e-6):
    """Return the same gradients, from the loss a step below and a step above."""
    grads = [torch.zeros_like(p) for p in params]
    for param, grad in zip(params, grads, strict=True):
        values, slopes = param.view(-1), grad.view(-1)
        for index in range(len(values)):
            value = values[index].item()
            for sign in [1, -1]:
                values[index] = value + sign * epsilon
                loss = cross_entropy(forward(features, params)[0], targets)
                slopes[index] += sign * loss.item() / (2 * epsilon)
            values[index] = value
    return grads


# --8<-- [end:differences]


# --8<-- [start:train]
def accuracy(logits, targets):
    """Return the share of rows whose largest logit is the target's."""
    return (logits.argmax(dim=1) == targets).double().mean().item()


def evaluate(features, targets, params):
    """Return the mean loss and the accuracy, as floats."""
    logits, _ = forward(features, params)
    return cross_entropy(logits, targets).item(), accuracy(logits, targets)


def train(params, gradients, train_data, valid_data):
    """Move the parameters in place against their gradients, batch by batch.

    Returns for each epoch the losses and accuracies of both sets: (num_epochs, 4).
    """
    features, targets = train_data
    history = []
    for batches in draw_batches(len(targets), NUM_EPOCHS, BATCH_SIZE, SEED):
        for batch in torch.from_numpy(batches):
            grads = gradients(features[batch], targets[batch], params)
            for param, grad in zip(params, grads, strict=True):
                param -= LEARNING_RATE * grad
        train_loss, train_accuracy = evaluate(features, targets, params)
        valid_loss, valid_accuracy = evaluate(*valid_data, params)
        history.append((train_loss, valid_loss, train_accuracy, valid_accuracy))
    return history


# --8<-- [end:train]


if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, X_valid = signals[:3200], signals[3200:4000]
    y_train, y_valid = labels[:3200], labels[3200:4000]

    # --8<-- [start:data]
    train_data = to_tensors([X_train, y_train])
    valid_data = to_tensors([X_valid, y_valid])
    # --8<-- [end:data]

    # --8<-- [start:check]
    small = [p.double() for p in to_tensors(draw_params([40, 8, 10], SEED))]
    batch = to_tensors([X_train[:50].astype(np.float64), y_train[:50]])
    by_hand = backward(*batch, small)
    for name, other, bound in [
        ("autograd", backward_autograd(*batch, small), 1e-14),
        ("finite differences", finite_differences(*batch, small), 1e-8),
    ]:
        pairs = zip(by_hand, other, strict=True)
        apart = max((one - two).abs().max().item() for one, two in pairs)
        print(f"{name}: within {bound:.0e}: {apart < bound}")
    # --8<-- [end:check]

    # --8<-- [start:zero]
    start = draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED)
    zeros = [torch.zeros_like(p) for p in to_tensors(start)]
    print_log(train(zeros, backward, train_data, valid_data), every=20)
    print("Weights that are not zero:", zeros[0].count_nonzero().item())
    # --8<-- [end:zero]

    # --8<-- [start:run]
    params = to_tensors(draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED))
    print_log(train(params, backward, train_data, valid_data))
    # --8<-- [end:run]
