"""The character RNN in PyTorch: written with, looked into, and the fast way."""

import numpy as np

# --8<-- [start:imports]
import torch
from torch import nn
from torch.autograd.function import once_differentiable

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
from snippets.character_rnn.pytorch_model import (
    build_model,
    char_to_tensor,
    device,
    generate,
)
from snippets.character_rnn.pytorch_train import (
    fit,
    loss_and_gradients,
    loss_of_sequence,
    make_step,
)
from snippets.character_rnn.weights import (
    EMBEDDING_DIM,
    NUM_HIDDEN,
    SEED,
    balanced_accuracy,
    character_probas,
    draw_start_weights,
    draw_unit,
    find_unit,
    find_words,
    share_of_words,
    speaker_lines,
)


# --8<-- [start:states]
@torch.no_grad()
def hidden_states(model, text):
    """Return the state after each character of text, an array (len(text), num_hidden).

    Raises ValueError if text is empty or has characters outside the alphabet.
    """
    tokens = char_to_tensor(text)[None, :]  # (1, len(text))
    states = model.gru(model.embedding(tokens))[0]  # (1, len(text), num_hidden)
    return states[0].cpu().numpy()


# --8<-- [end:states]


# --8<-- [start:forward]
def unroll_gates(from_input, weight_hh, bias_hh):
    """Apply a GRU to its input's part of the gates, from a state of zeros.

    Takes from_input (time, batch, 3 * num_hidden): reset, update, candidate. Returns
    the states before and after each step (time + 1, batch, num_hidden), and what the
    way back needs: gates r and z in one, candidates, the state's part of these.
    """
    num_steps, batch, _ = from_input.shape
    num_hidden = weight_hh.shape[1]
    states = from_input.new_zeros(num_steps + 1, batch, num_hidden)
    gates = from_input.new_empty(num_steps, batch, 2 * num_hidden)
    candidates = from_input.new_empty(num_steps, batch, num_hidden)
    from_state = from_input.new_empty(num_steps, batch, 3 * num_hidden)
    state_rz, state_n = from_state.split([2 * num_hidden, num_hidden], dim=2)
    input_rz, input_n = from_input.split([2 * num_hidden, num_hidden], dim=2)
    reset, update = gates.chunk(2, dim=2)
    recurrent = weight_hh.T
    steps = (
        states[:-1], states[1:], from_state, input_rz, input_n, state_rz, state_n,
        gates, reset, update, candidates,
    )  # fmt: skip
    for h, after, s, in_rz, in_n, s_rz, s_n, rz, r, z, n in zip(
        *(x.unbind() for x in steps), strict=True
    ):
        torch.addmm(bias_hh, h, recurrent, out=s)
        torch.add(in_rz, s_rz, out=rz).sigmoid_()
        torch.addcmul(in_n, r, s_n, out=n).tanh_()
        torch.lerp(n, h, z, out=after)  # (1 - z) n + z h
    return states, gates, candidates, state_n


# --8<-- [end:forward]


# --8<-- [start:backward]
def slopes_of_step(states, gates, candidates, state_n):
    """Return how a step's new state depends on what stands inside its gates.

    For all steps at once, (time, batch, 4, num_hidden): the slopes along the state's
    parts of reset, update and candidate, and along the candidate's part of the input.
    """
    reset, update = gates.chunk(2, dim=2)
    candidate = (1 - update) * (1 - candidates**2)
    from_update = (states[:-1] - candidates) * update * (1 - update)
    from_reset = candidate * state_n * reset * (1 - reset)
    return torch.stack([from_reset, from_update, candidate * reset, candidate], dim=2)


def gradients_through_time(grad_states, update, slopes, weight_hh):
    """Walk back from the last step; return the loss's gradient by each new state.

    Takes the gradient by each state as the layers above see it, and returns it with
    what comes from the steps after it, both (time, batch, num_hidden).
    """
    grads = grad_states.clone()
    num_steps, batch, num_hidden = grads.shape
    inside = grads.new_empty(batch, 3, num_hidden)  # of the loss by the state's parts
    flat = inside.view(batch, 3 * num_hidden)
    steps = grads.unbind(), update.unbind(), slopes[:, :, :3].unbind()
    for t in range(num_steps - 1, 0, -1):
        grad, z, slope = (x[t] for x in steps)
        torch.mul(grad[:, None], slope, out=inside)
        steps[0][t - 1].addcmul_(grad, z).addmm_(flat, weight_hh)
    return grads


# --8<-- [end:backward]


# --8<-- [start:function]
class GatedUnroll(torch.autograd.Function):
    """Map from_input (time, batch, 3 * num_hidden) to states (time, batch, num_hidden).

    PyTorch sees a single operation, with the gradient that is written here.
    """

    @staticmethod
    def forward(ctx, from_input, weight_hh, bias_hh):
        """Return the states after each step, from a state of zeros."""
        states, *rest = unroll_gates(from_input, weight_hh, bias_hh)
        ctx.save_for_backward(weight_hh, states, *rest)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_states):
        """Return the gradients by from_input, weight_hh and bias_hh."""
        weight_hh, states, gates, candidates, state_n = ctx.saved_tensors
        slopes = slopes_of_step(states, gates, candidates, state_n)
        update = gates.chunk(2, dim=2)[1]
        grads = gradients_through_time(grad_states, update, slopes, weight_hh)
        by_part = grads[:, :, None] * slopes  # (time, batch, 4, num_hidden)
        # steps is time * batch here, and hidden is num_hidden
        by_state = by_part[:, :, :3].flatten(0, 1).flatten(1)  # (steps, 3 * hidden)
        by_input = by_part[:, :, [0, 1, 3]].flatten(2)  # as from_input
        before = states[:-1].flatten(0, 1)  # (time * batch, num_hidden)
        return by_input, by_state.T @ before, by_state.sum(dim=0)


# --8<-- [end:function]


# --8<-- [start:loss]
def loss_by_hand(model, inputs, targets):
    """Return what loss_of_sequence returns: the mean cross-entropy of (batch, time).

    Raises ValueError as require_portion does.
    """
    require_portion(inputs, targets)
    weight_ih, weight_hh, bias_ih, bias_hh = model.gru.parameters()
    table = nn.functional.linear(model.embedding.weight, weight_ih, bias_ih)
    from_input = nn.functional.embedding(inputs.T, table)  # (time, batch, 3 * hidden)
    states = GatedUnroll.apply(from_input, weight_hh, bias_hh)
    logits = model.linear(states.flatten(0, 1))  # (time * batch, characters)
    return nn.functional.cross_entropy(logits, targets.T.flatten())


# --8<-- [end:loss]


# --8<-- [start:next]
@torch.no_grad()
def next_probas(model, text, temperature=1.0):
    """Return the probabilities of the character after text, (num_characters,).

    Raises ValueError as encode does, or if temperature is not positive.
    """
    logits, _ = model(char_to_tensor(text)[None, :])  # (1, len(text), num_characters)
    return character_probas(logits[0, -1].cpu().numpy(), temperature)


# --8<-- [end:next]


if __name__ == "__main__":
    with open(fetch_corpus(), encoding="ascii") as file:
        corpus = file.read()
    train_tokens, validation_tokens = split_corpus(corpus)
    start_weights = draw_start_weights(
        len(ALPHABET), EMBEDDING_DIM, NUM_HIDDEN, np.random.default_rng(SEED)
    )
    model = build_model(start_weights)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, BATCH_SIZE, 300, generator)
    history = fit(model, batches, validation_tokens, num_rounds=6, round_size=50)

    # --8<-- [start:run_write]
    samples = {}
    for temperature in [0.2, 0.8, 1.5]:
        generator = np.random.default_rng(SEED)
        samples[temperature] = generate(model, "The ", 300, temperature, generator)
        print(f"Temperature {temperature}: {samples[temperature]}\n")
    # --8<-- [end:run_write]

    # --8<-- [start:check]
    vocabulary = set(find_words(corpus))
    cool, mild, hot = (share_of_words(text, vocabulary) for text in samples.values())
    print(
        "Each 304 characters long:", {len(text) for text in samples.values()} == {304}
    )
    written = set("".join(samples.values()))
    print("Only characters of the alphabet:", written <= set(ALPHABET))
    print("At 0.2, more than 8 words of 10 known:", cool > 0.8)
    print("At 0.8, more than 6 words of 10 known:", mild > 0.6)
    print("At 1.5, fewer than at 0.8 and 0.2:", hot < min(mild, cool))
    # --8<-- [end:check]

    # --8<-- [start:run_states]
    seen, unseen = decode(train_tokens[:10_000]), decode(validation_tokens[:10_000])
    unit, sign = find_unit(hidden_states(model, seen), speaker_lines(seen))
    states = sign * hidden_states(model, unseen)[:, unit]
    print(draw_unit(unseen[2_000:2_400], states[2_000:2_400]))
    # --8<-- [end:run_states]

    # --8<-- [start:check_states]
    share = balanced_accuracy(states, speaker_lines(unseen))
    print("On text that chose nothing, right in more than 7 of 10:", share > 0.7)
    # --8<-- [end:check_states]

    # --8<-- [start:forget]
    whole, last = next_probas(model, "ROMEO"), next_probas(model, "O")
    print("Most probable after ROMEO:", repr(ALPHABET[whole.argmax()]))
    colon = ALPHABET.index(":")
    print("A colon is less probable after O alone:", last[colon] < whole[colon] - 0.1)
    # --8<-- [end:forget]

    sample = draw_random_sample(train_tokens, 20, np.random.default_rng(SEED))
    inputs, targets = (torch.tensor(x[None, :], device=device) for x in sample)

    # --8<-- [start:compare]
    fast_model = build_model(start_weights)
    loss, grads = loss_and_gradients(loss_of_sequence, fast_model, inputs, targets)
    fast_loss, fast_grads = loss_and_gradients(
        loss_by_hand, fast_model, inputs, targets
    )
    difference = max(
        (a - b).abs().max().item() for a, b in zip(grads, fast_grads, strict=True)
    )
    print("Losses equal, to 1e-6:", abs(loss - fast_loss) < 1e-6)
    print("Gradients equal, to 1e-6:", difference < 1e-6)
    # --8<-- [end:compare]

    # --8<-- [start:run_fast]
    fast_model = build_model(start_weights)
    optimizer = torch.optim.Adam(fast_model.parameters(), lr=LEARNING_RATE)
    fast_step = make_step(fast_model, optimizer, loss_by_hand)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, 1, 100, generator)
    fast_losses = train(fast_step, batches, log_every=20)
    # --8<-- [end:run_fast]
