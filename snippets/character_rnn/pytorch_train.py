"""Train the character RNN in PyTorch: by character, by sequence, by batch."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn

# --8<-- [end:imports]
from snippets.character_rnn.data import (
    ALPHABET,
    BATCH_SIZE,
    LEARNING_RATE,
    PORTION_SIZE,
    draw_batches,
    draw_random_sample,
    fetch_corpus,
    require_portion,
    split_corpus,
    train,
)
from snippets.character_rnn.pytorch_model import build_model, device, evaluate
from snippets.character_rnn.weights import (
    EMBEDDING_DIM,
    NUM_HIDDEN,
    SEED,
    draw_start_weights,
)


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


# --8<-- [start:of_sequence]
def loss_of_sequence(model, inputs, targets):
    """Return the mean cross-entropy of (batch, time), one call of the model in all.

    Raises ValueError as require_portion does.
    """
    require_portion(inputs, targets)
    logits, _ = model(inputs)  # (batch, time, characters)
    return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


# --8<-- [end:of_sequence]


# --8<-- [start:gradients]
def loss_and_gradients(loss_fn, model, inputs, targets):
    """Return the loss as a float, and its gradients, one tensor per parameter."""
    loss = loss_fn(model, inputs, targets)
    return loss.item(), torch.autograd.grad(loss, list(model.parameters()))


# --8<-- [end:gradients]


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


# --8<-- [start:evaluate]
@torch.no_grad()
def validation_loss(model, tokens, portion_size):
    """Return the loss over tokens, cut into portions.

    An incomplete last one is left out. Raises ValueError if tokens are too few for one
    portion and the next character.
    """
    num_portions = (len(tokens) - 1) // portion_size
    if num_portions < 1:
        raise ValueError(f"portion_size is {portion_size} of {len(tokens)} tokens")
    end = num_portions * portion_size
    inputs, targets = (
        torch.tensor(part.reshape(num_portions, portion_size), device=device)
        for part in (tokens[:end], tokens[1 : end + 1])
    )
    return loss_of_sequence(model, inputs, targets).item()


# --8<-- [end:evaluate]


if __name__ == "__main__":
    with open(fetch_corpus(), encoding="ascii") as file:
        train_tokens, validation_tokens = split_corpus(file.read())
    start_weights = draw_start_weights(
        len(ALPHABET), EMBEDDING_DIM, NUM_HIDDEN, np.random.default_rng(SEED)
    )

    # --8<-- [start:run_adam]
    gradients = torch.tensor([1.0, 1e-6, 1e-8])
    parameter = nn.Parameter(torch.zeros(3))
    parameter.grad = gradients
    torch.optim.Adam([parameter], lr=LEARNING_RATE).step()
    print("First step: {:.5f} {:.5f} {:.5f}".format(*(-parameter).tolist()))
    # --8<-- [end:run_adam]

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

    # --8<-- [start:run_by_character]
    model = build_model(start_weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    step = make_step(model, optimizer, loss_by_character)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, 1, 3, generator)
    losses = train(step, batches, log_every=1)
    # --8<-- [end:run_by_character]

    # --8<-- [start:run_of_sequence]
    model = build_model(start_weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    step = make_step(model, optimizer, loss_of_sequence)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, 1, 100, generator)
    losses = train(step, batches, log_every=20)
    # --8<-- [end:run_of_sequence]

    # --8<-- [start:run]
    model = build_model(start_weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    step = make_step(model, optimizer, loss_of_sequence)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, BATCH_SIZE, 300, generator)
    losses = train(step, batches, log_every=50, decimals=2)
    # --8<-- [end:run]

    # --8<-- [start:validate]
    loss = validation_loss(model, validation_tokens, PORTION_SIZE)
    print("Mean of the last 50 losses below 1.65:", np.mean(losses[-50:]) < 1.65)
    print("Loss on unseen text below 1.80:", loss < 1.80)
    # --8<-- [end:validate]

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

    # --8<-- [start:run_unshifted]
    copier = build_model(start_weights)
    optimizer = torch.optim.Adam(copier.parameters(), lr=LEARNING_RATE)
    step = make_step(copier, optimizer, loss_of_sequence)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, 1, 100, generator)
    copied = train(step, ((inputs, inputs) for inputs, _ in batches), log_every=200)
    print("Mean of the last ten losses below 0.05:", np.mean(copied[-10:]) < 0.05)
    print(evaluate(copier, "O", 20, 0.2, generator))
    # --8<-- [end:run_unshifted]
