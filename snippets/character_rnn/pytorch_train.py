"""Train the character RNN in PyTorch: as usual, then as the other framework does."""

# --8<-- [start:imports]
import bz2
import gzip
from itertools import islice

import numpy as np
import torch
from torch import nn

# --8<-- [end:imports]
from snippets.character_rnn.data import (
    ALPHABET,
    BATCH_SIZE,
    LEARNING_RATE,
    PORTION_SIZE,
    decode,
    draw_batches,
    draw_random_sample,
    fetch_corpus,
    require_portion,
    split_corpus,
    train,
)
from snippets.character_rnn.pytorch_model import build_model, device, generate
from snippets.character_rnn.weights import (
    EMBEDDING_DIM,
    NUM_HIDDEN,
    SEED,
    draw_start_weights,
    quality,
)


# --8<-- [start:of_sequence]
def loss_of_sequence(model, inputs, targets):
    """Return the mean cross-entropy of (batch, time), one call of the model in all.

    Raises ValueError as require_portion does.
    """
    require_portion(inputs, targets)
    logits, _ = model(inputs)  # (batch, time, characters)
    return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


# --8<-- [end:of_sequence]


# --8<-- [start:by_character]
def loss_by_character(model, inputs, targets):
    """Return the mean cross-entropy of (batch, time), a call of the model per step.

    Raises ValueError as require_portion does.
    """
    require_portion(inputs, targets)
    hidden, total = None, 0.0
    for t in range(inputs.shape[1]):
        logits, hidden = model(inputs[:, t : t + 1], hidden)  # (batch, 1, characters)
        total = total + nn.functional.cross_entropy(logits[:, 0], targets[:, t])
    return total / inputs.shape[1]


# --8<-- [end:by_character]


# --8<-- [start:gradients]
def loss_and_gradients(loss_fn, model, inputs, targets):
    """Return the loss as a float, and its gradients, one tensor per parameter."""
    loss = loss_fn(model, inputs, targets)
    return loss.item(), torch.autograd.grad(loss, list(model.parameters()))


# --8<-- [end:gradients]


# --8<-- [start:evaluate]
def cut_into_portions(tokens, portion_size):
    """Cut tokens into inputs and targets, both (num_portions, portion_size).

    An incomplete last one is left out. Raises ValueError if tokens are too few for one
    portion and the next character.
    """
    num_portions = (len(tokens) - 1) // portion_size
    if num_portions < 1:
        raise ValueError(f"portion_size is {portion_size} of {len(tokens)} tokens")
    end = num_portions * portion_size
    parts = tokens[:end], tokens[1 : end + 1]
    return tuple(part.reshape(num_portions, portion_size) for part in parts)


@torch.inference_mode()
def validation_loss(model, tokens, portion_size):
    """Return the loss over tokens, cut into portions that each start from zeros.

    Raises ValueError as cut_into_portions does.
    """
    portions = cut_into_portions(tokens, portion_size)
    inputs, targets = (torch.from_numpy(x).to(device) for x in portions)
    return loss_of_sequence(model, inputs, targets).item()


# --8<-- [end:evaluate]


# --8<-- [start:step]
def make_step(model, optimizer, loss_fn):
    """Return a function of NumPy inputs and targets (batch, time): one update."""

    def step(inputs, targets):
        inputs, targets = (torch.from_numpy(x).to(device) for x in (inputs, targets))
        loss = loss_fn(model, inputs, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()  # before the update

    return step


# --8<-- [end:step]


# --8<-- [start:fit]
def fit(model, batches, validation_tokens, num_rounds, round_size):
    """Train with PyTorch's Adam; print a sample after each round of round_size batches.

    Returns the mean losses of each round, and the losses on the validation text.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    step = make_step(model, optimizer, loss_of_sequence)
    history = {"loss": [], "val_loss": []}
    for number in range(1, num_rounds + 1):
        losses = [step(*batch) for batch in islice(batches, round_size)]
        history["loss"].append(float(np.mean(losses)))
        loss = validation_loss(model, validation_tokens, PORTION_SIZE)
        history["val_loss"].append(loss)
        sample = generate(model, "The ", 40, 0.8, np.random.default_rng(SEED))
        print(f"{number * round_size} batches: {sample!r}")
    return history


# --8<-- [end:fit]


# --8<-- [start:windows]
@torch.inference_mode()
def loss_handing_on(model, tokens, portion_size, num_rows):
    """Return the loss over tokens in num_rows long rows, with the state handed on.

    Each row is read in portions, from a state of zeros at its beginning alone. Raises
    ValueError if tokens are too few for a portion in each row.
    """
    num_portions = (len(tokens) - 1) // (num_rows * portion_size)
    if num_portions < 1:
        raise ValueError(f"{num_rows} rows of {portion_size}: of {len(tokens)} tokens")
    end = num_rows * num_portions * portion_size
    inputs, targets = (
        torch.tensor(part.reshape(num_rows, -1), device=device)
        for part in (tokens[:end], tokens[1 : end + 1])
    )
    hidden, losses = None, []
    for start in range(0, inputs.shape[1], portion_size):
        window = slice(start, start + portion_size)
        logits, hidden = model(inputs[:, window], hidden)
        flat = targets[:, window].flatten()
        losses.append(nn.functional.cross_entropy(logits.flatten(0, 1), flat).item())
    return float(np.mean(losses))


# --8<-- [end:windows]


if __name__ == "__main__":
    # here, so that what is timed and measured goes without Matplotlib
    from snippets.character_rnn.figures import plot_history

    with open(fetch_corpus(), encoding="ascii") as file:
        train_tokens, validation_tokens = split_corpus(file.read())
    start_weights = draw_start_weights(
        len(ALPHABET), EMBEDDING_DIM, NUM_HIDDEN, np.random.default_rng(SEED)
    )

    # --8<-- [start:compare]
    model = build_model(start_weights)
    sample = draw_random_sample(train_tokens, 20, np.random.default_rng(SEED))
    inputs, targets = (torch.tensor(x[None, :], device=device) for x in sample)
    loss, grads = loss_and_gradients(loss_by_character, model, inputs, targets)
    other_loss, other_grads = loss_and_gradients(
        loss_of_sequence, model, inputs, targets
    )
    difference = max(
        (a - b).abs().max().item() for a, b in zip(grads, other_grads, strict=True)
    )
    print(f"Loss by character: {loss:.4f}, of the sequence: {other_loss:.4f}")
    print("Gradients equal, to 1e-6:", difference < 1e-6)
    # --8<-- [end:compare]

    # --8<-- [start:run]
    model = build_model(start_weights)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, BATCH_SIZE, 300, generator)
    history = fit(model, batches, validation_tokens, num_rounds=6, round_size=50)
    # --8<-- [end:run]

    # --8<-- [start:history]
    for number in range(6):
        losses = history["loss"][number], history["val_loss"][number]
        print(f"Batch {50 * (number + 1):03d} | ", end="")
        print("Train loss: {:.2f} | Validation loss: {:.2f}".format(*losses))
    # --8<-- [end:history]

    # --8<-- [start:plot_history]
    plot_history(history, round_size=50)
    # --8<-- [end:plot_history]

    # --8<-- [start:quality]
    loss = history["val_loss"][-1]
    print("Validation text:", quality(loss))
    # --8<-- [end:quality]

    # --8<-- [start:run_windows]
    handed_on = loss_handing_on(model, validation_tokens, PORTION_SIZE, num_rows=50)
    print(f"From zeros in each portion: {loss:.2f}, handed on: {handed_on:.2f}")
    print("Handing on is better:", handed_on < loss)
    # --8<-- [end:run_windows]

    # --8<-- [start:run_adam]
    gradients = torch.tensor([1.0, 1e-6, 1e-8])
    parameter = nn.Parameter(torch.zeros(3))
    parameter.grad = gradients
    torch.optim.Adam([parameter], lr=LEARNING_RATE).step()
    print("First step: {:.5f} {:.5f} {:.5f}".format(*(-parameter).tolist()))
    # --8<-- [end:run_adam]

    # --8<-- [start:run_of_sequence]
    alike = build_model(start_weights)
    optimizer = torch.optim.Adam(alike.parameters(), lr=LEARNING_RATE)
    step = make_step(alike, optimizer, loss_of_sequence)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, 1, 100, generator)
    losses = train(step, batches, log_every=20)
    # --8<-- [end:run_of_sequence]

    # --8<-- [start:run_two_adams]
    parameter = nn.Parameter(torch.zeros(3))
    parameter.grad = gradients
    torch.optim.Adam([parameter], lr=LEARNING_RATE).step()
    print("First step: {:.5f} {:.5f} {:.5f}".format(*(-parameter).tolist()))

    table = nn.Parameter(torch.zeros(2, 1))
    total = nn.functional.embedding(torch.tensor([0, 0]), table).sum()
    total.backward()  # the gradient is one array, with the sum in row 0
    torch.optim.Adam([table], lr=LEARNING_RATE).step()
    print(f"A row read twice: {-table[0, 0].item():.5f}")
    # --8<-- [end:run_two_adams]

    # --8<-- [start:exercise_unshifted]
    copier = build_model(start_weights)
    optimizer = torch.optim.Adam(copier.parameters(), lr=LEARNING_RATE)
    step = make_step(copier, optimizer, loss_of_sequence)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, 1, 100, generator)
    copied = train(step, ((inputs, inputs) for inputs, _ in batches), log_every=200)
    print("Mean of the last ten losses below 0.05:", np.mean(copied[-10:]) < 0.05)
    print(generate(copier, "O", 20, 0.2, generator))
    # --8<-- [end:exercise_unshifted]

    # --8<-- [start:exercise_compression]
    text = decode(validation_tokens).encode()
    with_model = len(text) * handed_on / np.log(2) / 8  # bytes
    for name, size in [
        ("gzip", len(gzip.compress(text))),
        ("bz2", len(bz2.compress(text))),
        ("the model", with_model),
    ]:
        print(f"{name}: {100 * size / len(text):.0f} % of the bytes")
    # --8<-- [end:exercise_compression]
