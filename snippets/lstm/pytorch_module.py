"""Recurrent networks in PyTorch, from layers, as one trains them in practice."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn

# --8<-- [end:imports]
from snippets.lstm.figures import plot_losses, plot_reach, plot_reading
from snippets.lstm.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    LENGTH,
    MAX_NORM,
    NUM_HIDDEN,
    NUM_STEPS,
    SEED,
    TEST_SEED,
    draw_params,
    draw_sequences,
    print_log,
)
from snippets.recurrent_networks.pytorch_module import load_recurrent_layer

# --8<-- [start:model]
LAYERS = {"plain": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}


class Reader(nn.Module):
    """Read a sequence with a recurrent layer; predict a number from its last state."""

    def __init__(self, kind):
        super().__init__()
        self.recurrent = LAYERS[kind](2, NUM_HIDDEN, batch_first=True)
        self.linear = nn.Linear(NUM_HIDDEN, 1)
        if kind != "GRU":
            self.recurrent.bias_hh_l0.requires_grad_(False)  # of no use beside bias_ih

    def forward(self, features):
        """Return predictions (batch,) for features (batch, time, 2)."""
        states, _ = self.recurrent(features)  # (batch, time, NUM_HIDDEN)
        return self.linear(states[:, -1])[:, 0]


def build_model(kind, seed=SEED, forget_bias=1.0):
    """Return a Reader with the weights of draw_params."""
    recurrent, weight, bias = draw_params(kind, seed, forget_bias)
    model = Reader(kind)
    load_recurrent_layer(model.recurrent, recurrent)
    with torch.no_grad():
        model.linear.weight.copy_(torch.from_numpy(weight))
        model.linear.bias.copy_(torch.from_numpy(bias))
    return model


# --8<-- [end:model]


# --8<-- [start:clip]
def clip_gradients(grads, max_norm):
    """Scale gradients in place until they have no larger norm; return their norm."""
    norm = torch.sqrt(sum((grad**2).sum() for grad in grads))  # of all together
    for grad in grads:
        grad *= torch.clamp(max_norm / norm, max=1)
    return norm


# --8<-- [end:clip]


# --8<-- [start:fit]
def to_tensors(arrays):
    """Return arrays as tensors of the default type."""
    return [torch.tensor(x, dtype=torch.get_default_dtype()) for x in arrays]


def make_step(model, learning_rate=LEARNING_RATE, max_norm=MAX_NORM):
    """Return a function of features and targets that trains the model for one step.

    It returns the loss, and the norm of the gradient before it was clipped.
    """
    params = [param for param in model.parameters() if param.requires_grad]
    optimizer = torch.optim.Adam(params, learning_rate)

    def step(features, targets):
        loss = nn.functional.mse_loss(model(features), targets)
        optimizer.zero_grad()
        loss.backward()
        norm = clip_gradients([param.grad for param in params], max_norm)
        optimizer.step()
        return loss.detach(), norm

    return step


def fit(model, num_steps=NUM_STEPS, length=LENGTH, seed=SEED, **options):
    """Train on new sequences in each step; return losses and norms (num_steps, 2)."""
    step, rng = make_step(model, **options), np.random.default_rng(seed)
    history = []
    for _ in range(num_steps):
        batch = to_tensors(draw_sequences(BATCH_SIZE, length, rng))
        history.append([float(x) for x in step(*batch)])
    return np.array(history)


@torch.inference_mode()
def evaluate(model, features, targets):
    """Return the mean squared error."""
    return nn.functional.mse_loss(model(features), targets).item()


# --8<-- [end:fit]


# --8<-- [start:reach]
def gradient_norms(model, features):
    """Return the norm of the predictions' gradient by the features of each step.

    Takes features (batch, time, 2); returns an array (time,).
    """
    features = features.clone().requires_grad_()
    (grads,) = torch.autograd.grad(model(features).sum(), features)
    return grads.norm(dim=(0, 2)).numpy()


# --8<-- [end:reach]


if __name__ == "__main__":
    # --8<-- [start:run]
    torch.set_default_dtype(torch.float64)
    models = {kind: build_model(kind) for kind in LAYERS}
    histories = {kind: fit(model) for kind, model in models.items()}
    print_log(histories)
    # --8<-- [end:run]

    # --8<-- [start:plot_losses]
    plot_losses(histories)
    # --8<-- [end:plot_losses]

    # --8<-- [start:test]
    test_data = to_tensors(
        draw_sequences(2000, LENGTH, np.random.default_rng(TEST_SEED))
    )
    for kind, model in models.items():
        count = sum(p.numel() for p in model.parameters() if p.requires_grad)
        error = evaluate(model, *test_data)
        print(f"{kind:5} | Parameters: {count:5,} | Test error: {error:.4f}")
    # --8<-- [end:test]

    # --8<-- [start:run_reach]
    features = test_data[0][:100]
    starts = {kind: build_model(kind) for kind in LAYERS}
    starts["LSTM, bias 0"] = build_model("LSTM", forget_bias=0.0)
    before = {name: gradient_norms(model, features) for name, model in starts.items()}
    after = {kind: gradient_norms(model, features) for kind, model in models.items()}
    for title, found in [("Before", before), ("After", after)]:
        for name, norms in found.items():
            print(f"{title:6} | {name:12} | first / last: {norms[0] / norms[-1]:.0e}")
    # --8<-- [end:run_reach]

    # --8<-- [start:plot_reach]
    plot_reach(before, after)
    # --8<-- [end:plot_reach]

    # --8<-- [start:reading]
    inputs, marked = test_data[0][:1], test_data[0][0].prod(dim=1)  # (1, LENGTH, 2)
    readings = {}
    for kind in LAYERS:
        with torch.inference_mode():
            states, _ = models[kind].recurrent(inputs)
            readings[kind] = models[kind].linear(states)[0, :, 0].numpy()
    plot_reading(inputs[0].numpy(), marked.cumsum(dim=0).numpy(), readings)
    # --8<-- [end:reading]

    # --8<-- [start:run_clip]
    for kind, history in histories.items():
        norms = history[:, 1]
        print(
            f"{kind:5} | norm: median {np.median(norms):.2f}, largest {norms.max():.2f}"
        )
    not_clipped = fit(build_model("LSTM"), max_norm=np.inf)
    print_log({"LSTM": histories["LSTM"], "not clipped": not_clipped})
    # --8<-- [end:run_clip]

    # --8<-- [start:biases]
    layer = nn.LSTM(2, NUM_HIDDEN, batch_first=True)
    forget = slice(NUM_HIDDEN, 2 * NUM_HIDDEN)  # the places of the forget gate
    with torch.no_grad():
        layer.bias_ih_l0[forget] = 1
        layer.bias_hh_l0[forget] = 1
    before = (layer.bias_ih_l0 + layer.bias_hh_l0).detach()  # (4 * NUM_HIDDEN,)
    print(f"Kept in a step: {torch.sigmoid(before[forget]).mean():.2f}")
    layer(test_data[0])[0].sum().backward()
    torch.optim.Adam(layer.parameters(), LEARNING_RATE).step()
    moved = (layer.bias_ih_l0 + layer.bias_hh_l0 - before).abs().max()
    print(f"Moved by Adam's first step: {moved:.3f}")
    # --8<-- [end:biases]

    # --8<-- [start:state]
    model = models["LSTM"]
    features, targets = test_data
    with torch.inference_mode():
        _, left = model.recurrent(features)
        states, _ = model.recurrent(features, left)
        error = nn.functional.mse_loss(model.linear(states[:, -1])[:, 0], targets)
    print(f"Fresh state: {evaluate(model, *test_data):.3f}")
    print(f"State of the batch before: {float(error):.3f}")
    # --8<-- [end:state]

    # --8<-- [start:exercise_rates]
    for learning_rate in [0.003, 0.03]:
        history = fit(build_model("LSTM"), 200, learning_rate=learning_rate)
        print(f"{learning_rate}: {history[150:, 0].mean():.3f}")
    print(f"{LEARNING_RATE}: {histories['LSTM'][150:200, 0].mean():.3f}")
    # --8<-- [end:exercise_rates]

    # --8<-- [start:exercise_forget]
    print_log({"LSTM of 1997": fit(build_model("LSTM", forget_bias=100.0))})
    # --8<-- [end:exercise_forget]

    # --8<-- [start:exercise_longer]
    longer = to_tensors(
        draw_sequences(2000, 2 * LENGTH, np.random.default_rng(TEST_SEED))
    )
    for kind, model in models.items():
        print(f"{kind:5} | {2 * LENGTH} steps: {evaluate(model, *longer):.2f}")
    # --8<-- [end:exercise_longer]
