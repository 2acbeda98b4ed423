"""Recurrent cells in PyTorch by hand: the plain one and the GRU."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn

# --8<-- [end:imports]
from snippets.character_rnn.weights import draw_recurrent_weights, swap_first_gates

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


# --8<-- [start:load]
def load_recurrent_layer(layer, weights):
    """Copy the four arrays of a recurrent layer into nn.RNN or nn.GRU; return it."""
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    tensors = [torch.from_numpy(array) for array in weights]
    layer.load_state_dict(dict(zip(names, tensors, strict=True)))
    return layer


# --8<-- [end:load]


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
