"""Train all three models in PyTorch, in float32 and in float64, and keep each loss."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn

# --8<-- [end:imports]
from snippets.character_rnn.pytorch_model import CharacterRNN, device
from snippets.character_rnn.pytorch_train import loss_of_sequence
from snippets.logistic_regression.pytorch_module import LogisticRegression
from snippets.same_numbers.batches import (
    SEED,
    draw_starts,
    iris_batches,
    mnist_batches,
)
from snippets.softmax_regression.pytorch_module import SoftmaxRegression


# --8<-- [start:load]
@torch.no_grad()
def load_arrays(model, arrays, dtype):
    """Copy arrays into a model's parameters; return it, in this precision."""
    model.to(device, getattr(torch, dtype))
    for parameter, array in zip(model.parameters(), arrays, strict=True):
        parameter.copy_(torch.from_numpy(array))
    return model


def to_arrays(model):
    """Return copies of a model's parameters."""
    return [x.detach().cpu().numpy().copy() for x in model.parameters()]


# --8<-- [end:load]


# --8<-- [start:train]
def train(model, loss_fn, optimizer, batches):
    """Update the model once per batch.

    Returns the loss before each update, (num_batches,).
    """
    losses = []
    for batch in batches:
        inputs, targets = (torch.from_numpy(x).to(device) for x in batch)
        loss = loss_fn(model, inputs, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


# --8<-- [end:train]


# --8<-- [start:logistic]
def logistic_loss(model, features, targets):
    """Return the summed cross-entropy of targets (batch,)."""
    logits = model(features)  # (batch,)
    return nn.functional.binary_cross_entropy_with_logits(
        logits, targets, reduction="sum"
    )


def train_logistic_regression(start, dtype):
    """Return the losses and the last weights."""
    model = load_arrays(LogisticRegression(num_features=2), start, dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = train(model, logistic_loss, optimizer, iris_batches(dtype))
    return losses, to_arrays(model)


# --8<-- [end:logistic]


# --8<-- [start:softmax]
def softmax_loss(model, images, targets):
    """Return the mean cross-entropy of targets (batch,)."""
    return nn.functional.cross_entropy(model(images), targets)


def train_softmax_regression(start, dtype):
    """Return the losses and the last weights."""
    model = load_arrays(SoftmaxRegression(28 * 28, 10), start, dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = train(model, softmax_loss, optimizer, mnist_batches(dtype))
    return losses, to_arrays(model)


# --8<-- [end:softmax]


# --8<-- [start:rnn]
def build_character_rnn(start, dtype):
    """Return a CharacterRNN with these weights."""
    return load_arrays(CharacterRNN(100, 64, 128), start, dtype)


# --8<-- [end:rnn]


# --8<-- [start:train_rnn]
def train_character_rnn(start, dtype, learning_rate, batches):
    """Return the losses and the last weights."""
    model = build_character_rnn(start, dtype)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = train(model, loss_of_sequence, optimizer, batches)
    return losses, to_arrays(model)


# --8<-- [end:train_rnn]


if __name__ == "__main__":
    starts = draw_starts(SEED)

    # --8<-- [start:run_travel]
    model = build_character_rnn(starts["character RNN"], "float32")
    logits, _ = model(torch.tensor([[15, 24, 27]], device=device))  # "for"
    print("Logits:", " ".join(f"{x:.4f}" for x in logits[0, -1, :5].tolist()))
    back = zip(to_arrays(model), starts["character RNN"], strict=True)
    print("Back, bit by bit:", all(np.array_equal(a, b) for a, b in back))
    # --8<-- [end:run_travel]
