"""The character RNN in PyTorch: cells by hand, the model, its text."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn

# --8<-- [end:imports]
from snippets.character_rnn.data import ALPHABET, decode, encode
from snippets.character_rnn.weights import (
    EMBEDDING_DIM,
    NUM_HIDDEN,
    SEED,
    draw_character,
    draw_recurrent_weights,
    draw_start_weights,
    swap_first_gates,
)

# --8<-- [start:tensorfloat]
torch.backends.cudnn.rnn.fp32_precision = "ieee"
# --8<-- [end:tensorfloat]


# --8<-- [start:rnn]
def rnn_cell(features, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """Return the next state (batch, num_hidden) of a plain RNN.

    Takes features (batch, num_features) and hidden (batch, num_hidden).
    """
    from_input = features @ weight_ih.T + bias_ih  # (batch, num_hidden)
    from_state = hidden @ weight_hh.T + bias_hh  # (batch, num_hidden)
    return torch.tanh(from_input + from_state)


# --8<-- [end:rnn]


# --8<-- [start:unroll]
def unroll(cell, features, num_hidden, weights):
    """Apply a cell to features (batch, time, num_features), from a state of zeros.

    Returns the states after each step, (batch, time, num_hidden).
    """
    hidden = features.new_zeros(len(features), num_hidden)  # (batch, num_hidden)
    states = []
    for t in range(features.shape[1]):
        hidden = cell(features[:, t], hidden, *weights)
        states.append(hidden)
    return torch.stack(states, dim=1)


# --8<-- [end:unroll]


# --8<-- [start:gru]
def gru_cell(features, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """Return the next state (batch, num_hidden) of a gated recurrent unit.

    Each parameter stacks three parts along axis 0: reset, update, candidate.
    """
    from_input = features @ weight_ih.T + bias_ih  # (batch, 3 * num_hidden)
    from_state = hidden @ weight_hh.T + bias_hh  # (batch, 3 * num_hidden)
    input_r, input_z, input_n = from_input.chunk(3, dim=1)  # each (batch, num_hidden)
    state_r, state_z, state_n = from_state.chunk(3, dim=1)  # each (batch, num_hidden)
    reset = torch.sigmoid(input_r + state_r)
    update = torch.sigmoid(input_z + state_z)
    candidate = torch.tanh(input_n + reset * state_n)
    return (1 - update) * candidate + update * hidden


# --8<-- [end:gru]


# --8<-- [start:load_layer]
def load_recurrent_layer(layer, weights):
    """Copy the four arrays of a recurrent layer into nn.RNN or nn.GRU; return it."""
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    tensors = [torch.from_numpy(array) for array in weights]
    layer.load_state_dict(dict(zip(names, tensors, strict=True)))
    return layer


# --8<-- [end:load_layer]

# --8<-- [start:hyperparameters]
device = torch.device("cpu")
if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator()
# --8<-- [end:hyperparameters]


# --8<-- [start:model]
class CharacterRNN(nn.Module):
    """Map tokens (batch, time) to logits (batch, time, num_characters)."""

    def __init__(self, num_characters, embedding_dim, num_hidden):
        super().__init__()
        self.embedding = nn.Embedding(num_characters, embedding_dim)
        self.gru = nn.GRU(embedding_dim, num_hidden, batch_first=True)
        self.linear = nn.Linear(num_hidden, num_characters)

    def forward(self, tokens, hidden=None):
        """Return the logits and the last state; no hidden means a state of zeros."""
        embedded = self.embedding(tokens)  # (batch, time, embedding_dim)
        states, hidden = self.gru(embedded, hidden)  # (batch, time, num_hidden)
        return self.linear(states), hidden


# --8<-- [end:model]


# --8<-- [start:load]
@torch.no_grad()
def build_model(start_weights):
    """Return a CharacterRNN on the device, with the weights of draw_start_weights."""
    embedding, gru, weight, bias = start_weights
    num_characters, num_hidden = weight.shape
    model = CharacterRNN(num_characters, embedding.shape[1], num_hidden)
    model.embedding.weight.copy_(torch.from_numpy(embedding))
    load_recurrent_layer(model.gru, gru)
    model.linear.weight.copy_(torch.from_numpy(weight))
    model.linear.bias.copy_(torch.from_numpy(bias))
    return model.to(device)


# --8<-- [end:load]


# --8<-- [start:char_to_tensor]
def char_to_tensor(text):
    """Return the characters' indices, an int64 tensor (len(text),) on the device.

    Raises ValueError if text is empty or has characters outside the alphabet.
    """
    return torch.tensor(encode(text), device=device)


# --8<-- [end:char_to_tensor]


# --8<-- [start:evaluate]
@torch.no_grad()
def evaluate(model, prompt, num_characters, temperature, generator):
    """Return prompt and num_characters more that the model draws, one by one.

    Raises ValueError if prompt is empty or has characters outside the alphabet, if
    num_characters is below 1 or if temperature is not positive.
    """
    if num_characters < 1:
        raise ValueError(f"num_characters is {num_characters}, must be at least 1")
    if not prompt:
        raise ValueError("prompt is empty: give at least one character")
    tokens, hidden, drawn = char_to_tensor(prompt), None, []
    for _ in range(num_characters):
        logits, hidden = model(tokens[None, :], hidden)  # (1, time, num_characters)
        last = logits[0, -1].cpu().numpy()  # (num_characters,)
        drawn.append(draw_character(last, temperature, generator))
        tokens = torch.tensor(drawn[-1:], device=device)  # (1,)
    return prompt + decode(drawn)


# --8<-- [end:evaluate]


# --8<-- [start:reset_before]
def gru_cell_reset_before(features, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """Return the next state of a GRU that resets the state before the product."""
    from_input = features @ weight_ih.T + bias_ih  # (batch, 3 * num_hidden)
    from_state = hidden @ weight_hh.T + bias_hh  # (batch, 3 * num_hidden)
    input_r, input_z, input_n = from_input.chunk(3, dim=1)
    state_r, state_z, _ = from_state.chunk(3, dim=1)
    reset = torch.sigmoid(input_r + state_r)
    update = torch.sigmoid(input_z + state_z)
    weight_n, bias_n = weight_hh.chunk(3)[2], bias_hh.chunk(3)[2]
    candidate = torch.tanh(input_n + (reset * hidden) @ weight_n.T + bias_n)
    return (1 - update) * candidate + update * hidden


# --8<-- [end:reset_before]


if __name__ == "__main__":
    # --8<-- [start:inputs]
    generator = np.random.default_rng(0)
    features = torch.from_numpy(generator.normal(size=(4, 10, 5)).astype("float32"))
    print("Features:", tuple(features.shape))  # (batch, time, num_features)
    # --8<-- [end:inputs]

    # --8<-- [start:run_rnn]
    arrays = draw_recurrent_weights(5, 8, 1, generator)
    states = unroll(rnn_cell, features, 8, [torch.from_numpy(a) for a in arrays])
    layer = load_recurrent_layer(nn.RNN(5, 8, batch_first=True), arrays)
    difference = (layer(features)[0] - states).abs().max().item()
    print("States:", tuple(states.shape))
    print("As the library's RNN, to 1e-6:", difference < 1e-6)
    # --8<-- [end:run_rnn]

    # --8<-- [start:run_gru]
    gru_arrays = draw_recurrent_weights(5, 8, 3, generator)
    states = unroll(gru_cell, features, 8, [torch.from_numpy(a) for a in gru_arrays])
    layer = load_recurrent_layer(nn.GRU(5, 8, batch_first=True), gru_arrays)
    difference = (layer(features)[0] - states).abs().max().item()
    print("First state:", " ".join(f"{x:.3f}" for x in states[0, 0].tolist()))
    print("As the library's GRU, to 1e-6:", difference < 1e-6)
    # --8<-- [end:run_gru]

    start_weights = draw_start_weights(
        len(ALPHABET), EMBEDDING_DIM, NUM_HIDDEN, np.random.default_rng(SEED)
    )

    # --8<-- [start:run]
    model = build_model(start_weights)
    logits, hidden = model(char_to_tensor("First Citizen:")[None, :])
    print("Logits:", tuple(logits.shape))
    print("First three: {:.4f} {:.4f} {:.4f}".format(*logits[0, 0, :3].tolist()))
    print("Parameters:", sum(parameter.numel() for parameter in model.parameters()))
    # --8<-- [end:run]

    # --8<-- [start:untrained]
    generator = np.random.default_rng(SEED)
    print(repr(evaluate(model, "Th", 50, temperature=0.8, generator=generator)))
    # --8<-- [end:untrained]

    # --8<-- [start:run_swapped]
    swapped = [swap_first_gates(array) for array in gru_arrays]  # in Keras' gate order
    layer = load_recurrent_layer(nn.GRU(5, 8, batch_first=True), swapped)
    difference = (layer(features)[0] - states).abs().max().item()
    print(f"Loaded in the other library's order, off by {difference:.3f}")
    # --8<-- [end:run_swapped]

    # --8<-- [start:run_reset_before]
    weights = [torch.from_numpy(array) for array in gru_arrays]
    states_before = unroll(gru_cell_reset_before, features, 8, weights)
    print(f"Off by {(states_before - states).abs().max().item():.3f}")
    # --8<-- [end:run_reset_before]
