"""Recurrent networks in PyTorch with layers: loaded, trained by clipped steps."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn

# --8<-- [end:imports]
from snippets.recurrent_networks.data import (
    LEARNING_RATES,
    MAX_NORM,
    MOMENTUM,
    NUM_CHANNELS,
    NUM_HIDDEN,
    NUM_STEPS,
    SEED,
    accuracy,
    draw_params,
    draw_recurrent_weights,
    draw_sequences,
    swap_first_gates,
    train,
)
from snippets.recurrent_networks.pytorch_manual import gru_cell, rnn_cell, unroll

# --8<-- [start:device]
device = torch.device("cpu")
if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator()
# --8<-- [end:device]


# --8<-- [start:load_layer]
def load_recurrent_layer(layer, weights):
    """Copy the four arrays of weights into nn.RNN, nn.GRU or nn.LSTM; return it."""
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    tensors = [torch.from_numpy(array) for array in weights]
    layer.load_state_dict(dict(zip(names, tensors, strict=True)))
    return layer


# --8<-- [end:load_layer]


# --8<-- [start:model]
class FlipFlops(nn.Module):
    """Map features (batch, time, NUM_CHANNELS) to outputs of the same shape."""

    def __init__(self, kind):
        super().__init__()
        layer = {"RNN": nn.RNN, "GRU": nn.GRU}[kind]
        self.layer = layer(NUM_CHANNELS, NUM_HIDDEN, batch_first=True)
        self.linear = nn.Linear(NUM_HIDDEN, NUM_CHANNELS)

    def forward(self, features):
        """Return an output for each step; the state starts from zeros."""
        states, _ = self.layer(features)  # (batch, time, NUM_HIDDEN)
        return self.linear(states)


def build_model(kind, seed=SEED):
    """Return FlipFlops on the device, with the weights of draw_params."""
    layer, weight, bias = draw_params(kind, seed)
    model = FlipFlops(kind)
    load_recurrent_layer(model.layer, layer)
    with torch.no_grad():
        model.linear.weight.copy_(torch.from_numpy(weight))
        model.linear.bias.copy_(torch.from_numpy(bias))
    return model.to(device)


# --8<-- [end:model]


# --8<-- [start:step]
def make_step(model, learning_rate, max_norm=MAX_NORM):
    """Return a function of features and targets: one update, with clipped gradients."""
    params = list(model.parameters())
    optimizer = torch.optim.SGD(params, lr=learning_rate, momentum=MOMENTUM)

    def step(features, targets):
        features, targets = (
            torch.from_numpy(x).to(device) for x in (features, targets)
        )
        loss = nn.functional.mse_loss(model(features), targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, max_norm)  # between backward and step
        optimizer.step()
        return loss.item()  # before the update

    return step


# --8<-- [end:step]


# --8<-- [start:predict]
@torch.inference_mode()
def predict(model, features):
    """Return the outputs for an array of features, as an array."""
    return model(torch.from_numpy(features).to(device)).cpu().numpy()


# --8<-- [end:predict]


if __name__ == "__main__":
    from snippets.recurrent_networks.figures import plot_flip_flops

    generator = np.random.default_rng(0)
    features = torch.from_numpy(generator.normal(size=(4, 10, 5)).astype("float32"))
    gru_arrays = draw_recurrent_weights(5, 8, 3, generator)

    # --8<-- [start:run_layers]
    plain_arrays = draw_recurrent_weights(5, 8, 1, generator)
    for cell, arrays, kind in [
        (rnn_cell, plain_arrays, nn.RNN),
        (gru_cell, gru_arrays, nn.GRU),
    ]:
        states = unroll(cell, features, 8, [torch.from_numpy(x) for x in arrays])
        layer = load_recurrent_layer(kind(5, 8, batch_first=True), arrays)
        difference = (layer(features)[0] - states).abs().max().item()
        print("As the library's layer, to 1e-6:", difference < 1e-6)
    # --8<-- [end:run_layers]

    # --8<-- [start:run]
    gru = build_model("GRU")
    step = make_step(gru, LEARNING_RATES["GRU"])
    gru_losses = train(step, num_iterations=600, log_every=100)
    # --8<-- [end:run]

    # --8<-- [start:run_plain]
    plain = build_model("RNN")
    step = make_step(plain, LEARNING_RATES["RNN"])
    plain_losses = train(step, num_iterations=600, log_every=100)
    # --8<-- [end:run_plain]

    # --8<-- [start:run_test]
    for num_steps in (NUM_STEPS, 10 * NUM_STEPS):
        test_set = draw_sequences(200, num_steps, np.random.default_rng(99))
        share, plain_share = (
            accuracy(predict(model, test_set[0]), test_set[1]) for model in (gru, plain)
        )
        print(f"GRU, {num_steps} steps: {share:.2f} of the signs are right")
        print("The plain network has more of them:", plain_share > share)
    print(
        "Its loss is larger:", np.mean(plain_losses[-100:]) > np.mean(gru_losses[-100:])
    )
    # --8<-- [end:run_test]

    # --8<-- [start:plot_flip_flops]
    sequence, wanted = draw_sequences(1, 100, np.random.default_rng(3))
    plot_flip_flops(sequence[0], wanted[0], predict(gru, sequence)[0])
    # --8<-- [end:plot_flip_flops]

    # --8<-- [start:run_swapped]
    swapped = [swap_first_gates(array) for array in gru_arrays]  # in Keras' gate order
    layer = load_recurrent_layer(nn.GRU(5, 8, batch_first=True), swapped)
    difference = (layer(features)[0] - states).abs().max().item()
    print(f"Loaded in the other library's order, off by {difference:.3f}")
    # --8<-- [end:run_swapped]

    # --8<-- [start:run_each_by_itself]
    ways = {
        "all together": lambda params: nn.utils.clip_grad_norm_(params, 1.0),
        "each array": lambda params: [nn.utils.clip_grad_norm_(x, 1.0) for x in params],
        "each number": lambda params: nn.utils.clip_grad_value_(params, 1.0),
    }
    for name, clip in ways.items():
        params = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
        params[0].grad, params[1].grad = torch.tensor([3.0, 1.0]), torch.tensor([0.1])
        clip(params)
        torch.optim.SGD(params, lr=1.0).step()
        print(f"Clip {name}:", *(-x.detach().numpy().round(3) for x in params))
    # --8<-- [end:run_each_by_itself]

    # --8<-- [start:exercise_count]
    for layer in (nn.RNN(64, 128), nn.GRU(64, 128)):
        print(sum(parameter.numel() for parameter in layer.parameters()))
    # --8<-- [end:exercise_count]
