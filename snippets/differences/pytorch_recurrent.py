"""How PyTorch's recurrent layers order axes and gates, next to Keras'."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn

# --8<-- [end:imports]


# --8<-- [start:draw]
def draw_weights(num_gates, num_features, num_hidden):
    """Draw a recurrent layer's four arrays with NumPy, gates in rows, as PyTorch.

    Returns weight_ih (gates * hidden, features), weight_hh (gates * hidden, hidden),
    bias_ih and bias_hh (gates * hidden,).
    """
    rng, rows = np.random.default_rng(0), num_gates * num_hidden
    shapes = [(rows, num_features), (rows, num_hidden), rows, rows]
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


# --8<-- [end:draw]


# --8<-- [start:load]
def load_weights(layer, arrays):
    """Copy the four arrays of draw_weights into a layer of PyTorch."""
    with torch.no_grad():
        for parameter, array in zip(layer.parameters(), arrays, strict=True):
            parameter.copy_(torch.tensor(array))


# --8<-- [end:load]


# --8<-- [start:before]
def gru_step_reset_before(features, state, weight_ih, weight_hh, bias_ih):
    """Return a GRU's next state, the reset gate applied before the product.

    features (batch, features), state (batch, hidden); the weights are PyTorch's.
    """
    u_r, u_z, u_n = weight_hh.chunk(3)
    x_r, x_z, x_n = (features @ weight_ih.T + bias_ih).chunk(3, dim=1)
    reset = torch.sigmoid(x_r + state @ u_r.T)  # (batch, hidden)
    update = torch.sigmoid(x_z + state @ u_z.T)
    candidate = torch.tanh(x_n + (reset * state) @ u_n.T)
    return (1 - update) * candidate + update * state


# --8<-- [end:before]


# --8<-- [start:forget_start]
def start_forget_gate_at_one(lstm):
    """Set all biases of a one-layer LSTM to 0, those of its forget gate to 1."""
    nn.init.zeros_(lstm.bias_ih_l0)
    nn.init.zeros_(lstm.bias_hh_l0)  # the two are added: only one may be 1
    _, forget, _, _ = lstm.bias_ih_l0.chunk(4)
    nn.init.ones_(forget)


# --8<-- [end:forget_start]


if __name__ == "__main__":
    # --8<-- [start:axes]
    torch.manual_seed(0)
    features = torch.ones(2, 5, 4)  # meant as (batch, time, features)
    changed = features.clone()
    changed[0] = 2.0  # example 0 alone
    gru = nn.GRU(4, 3)
    outputs, state = gru(features)
    others, _ = gru(changed)
    print("Outputs:", tuple(outputs.shape), "state:", tuple(state.shape))
    print("Example 1 notices:", not torch.allclose(outputs[1], others[1]))
    # --8<-- [end:axes]

    # --8<-- [start:axes_agree]
    gru = nn.GRU(4, 3, batch_first=True)
    outputs, state = gru(features)  # (batch, time, hidden), (layers, batch, hidden)
    others, _ = gru(changed)
    print("Outputs:", tuple(outputs.shape), "state:", tuple(state[0].shape))
    print("Example 1 notices:", not torch.allclose(outputs[1], others[1]))
    print("The last output is the state:", torch.allclose(outputs[:, -1], state[0]))
    # --8<-- [end:axes_agree]

    # --8<-- [start:gru]
    gru = nn.GRU(1, 1)
    with torch.no_grad():
        for parameter in gru.parameters():
            parameter.zero_()
        gru.bias_ih_l0[0] = 100.0  # opens the first gate
    outputs, state = gru(torch.zeros(1, 1, 1), torch.ones(1, 1, 1))
    print(f"A state of 1 becomes {state.item():.2f}")
    # --8<-- [end:gru]

    # --8<-- [start:gru_agree]
    arrays = draw_weights(num_gates=3, num_features=4, num_hidden=3)
    gru = nn.GRU(4, 3, batch_first=True)
    load_weights(gru, arrays)
    outputs, state = gru(torch.ones(1, 5, 4))  # (batch, time, features)
    print("State:", *(f"{value:.4f}" for value in state[0, 0]))
    # --8<-- [end:gru_agree]

    # --8<-- [start:reset]
    weight_ih, weight_hh, bias_ih, bias_hh = draw_weights(3, 4, 3)
    features, start = torch.ones(1, 4), torch.ones(1, 3)
    gru = nn.GRU(4, 3, batch_first=True)
    load_weights(gru, [weight_ih, weight_hh, bias_ih, 0 * bias_hh])
    _, state = gru(features[:, None], start[None])
    print("Reset after: ", *(f"{value:.4f}" for value in state[0, 0]))
    # --8<-- [end:reset]

    # --8<-- [start:reset_agree]
    weights = [torch.tensor(array) for array in (weight_ih, weight_hh, bias_ih)]
    state = gru_step_reset_before(features, start, *weights)
    print("Reset before:", *(f"{value:.4f}" for value in state[0]))
    # --8<-- [end:reset_agree]

    # --8<-- [start:lstm]
    lstm = nn.LSTM(4, 3, batch_first=True)
    for name, parameter in lstm.named_parameters():
        print(name, tuple(parameter.shape))
    # --8<-- [end:lstm]

    # --8<-- [start:lstm_agree]
    arrays = draw_weights(num_gates=4, num_features=4, num_hidden=3)
    load_weights(lstm, arrays)
    _, (state, _) = lstm(torch.ones(1, 5, 4))  # (batch, time, features)
    print("State:", *(f"{value:.4f}" for value in state[0, 0]))
    # --8<-- [end:lstm_agree]

    # --8<-- [start:forget]
    torch.manual_seed(0)
    lstm = nn.LSTM(4, 100)
    biases = lstm.bias_ih_l0 + lstm.bias_hh_l0
    gates = ["input", "forget", "candidate", "output"]
    for name, bias in zip(gates, biases.chunk(4), strict=True):
        print(f"{name}: {bias.min():.1f} to {bias.max():.1f}")
    # --8<-- [end:forget]

    # --8<-- [start:forget_agree]
    lstm = nn.LSTM(4, 100)
    start_forget_gate_at_one(lstm)
    biases = lstm.bias_ih_l0 + lstm.bias_hh_l0
    print([f"{bias.mean():.1f}" for bias in biases.chunk(4)])
    # --8<-- [end:forget_agree]
