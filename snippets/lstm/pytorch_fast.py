"""An LSTM in PyTorch, the fast way: the whole sequence and its gradient by hand."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable

# --8<-- [end:imports]
from snippets.lstm.pytorch_module import (
    LAYERS,
    Reader,
    build_model,
    fit,
    to_tensors,
)
from snippets.lstm.training import BATCH_SIZE, LENGTH, SEED, draw_sequences, print_log


# --8<-- [start:forward]
def unroll_lstm(from_input, weight_hh):
    """Apply an LSTM to its input's part of the gates, from states of zeros.

    Takes from_input (time, batch, 4 * num_hidden), biases included. Returns hidden and
    cell states before and after each step (time + 1, batch, num_hidden), the gates as
    from_input, and the squashed cell states (time, batch, num_hidden).
    """
    num_steps, batch, _ = from_input.shape
    hidden = from_input.new_zeros(num_steps + 1, batch, weight_hh.shape[1])
    cells, squashed = torch.zeros_like(hidden), torch.zeros_like(hidden[1:])
    gates = torch.zeros_like(from_input)
    recurrent, parts = weight_hh.T, gates.chunk(4, dim=2)
    steps = from_input, gates, *parts, hidden[:-1], hidden[1:], cells[:-1], cells[1:]
    for x, sums, i, f, n, o, h, next_h, c, next_c, s in zip(
        *(tensor.unbind() for tensor in (*steps, squashed)), strict=True
    ):
        torch.addmm(x, h, recurrent, out=sums)
        i.sigmoid_(), f.sigmoid_(), n.tanh_(), o.sigmoid_()
        torch.mul(f, c, out=next_c).addcmul_(i, n)
        torch.tanh(next_c, out=s)
        torch.mul(o, s, out=next_h)
    return hidden, cells, gates, squashed


# --8<-- [end:forward]


# --8<-- [start:backward]
def slopes_of_gates(cells, gates, squashed):
    """Return slopes along the sums in the gates, for all steps at once.

    Those of the cell state along input gate, forget gate and candidate (time, batch, 3,
    num_hidden), that of the hidden state along the output gate, and that of the hidden
    state along the cell state (time, batch, num_hidden).
    """
    i, f, n, o = gates.chunk(4, dim=2)
    of_cells = [n * i * (1 - i), cells[:-1] * f * (1 - f), i * (1 - n**2)]
    of_hidden = squashed * o * (1 - o)
    return torch.stack(of_cells, dim=2), of_hidden, o * (1 - squashed**2)


def walk_back(grad_hidden, forget, slopes, weight_hh):
    """Return the gradient with respect to the sums (time, batch, 4, num_hidden).

    Takes the gradient with respect to each hidden state as the layers above see it.
    """
    of_cells, of_hidden, through = slopes
    num_steps, batch, num_hidden = grad_hidden.shape
    grads = grad_hidden.new_zeros(num_steps, batch, 4, num_hidden)
    carried_hidden = carried_cell = torch.zeros_like(grad_hidden[0])
    for t in reversed(range(num_steps)):
        grad = grad_hidden[t] + carried_hidden
        grad_cell = torch.addcmul(carried_cell, grad, through[t])
        torch.mul(grad_cell[:, None], of_cells[t], out=grads[t, :, :3])
        torch.mul(grad, of_hidden[t], out=grads[t, :, 3])
        carried_hidden = grads[t].view(batch, -1) @ weight_hh
        carried_cell = grad_cell * forget[t]
    return grads


# --8<-- [end:backward]


# --8<-- [start:function]
class LSTMUnroll(torch.autograd.Function):
    """Map from_input (time, batch, 4 * num_hidden) to hidden states, all steps.

    PyTorch sees a single operation, with the gradient that is written here.
    """

    @staticmethod
    def forward(ctx, from_input, weight_hh):
        """Return the hidden states after each step (time, batch, num_hidden)."""
        hidden, *rest = unroll_lstm(from_input, weight_hh)
        ctx.save_for_backward(weight_hh, hidden, *rest)
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_hidden):
        """Return the gradients with respect to from_input and weight_hh."""
        weight_hh, hidden, cells, gates, squashed = ctx.saved_tensors
        slopes = slopes_of_gates(cells, gates, squashed)
        forget = gates.chunk(4, dim=2)[1]
        grads = walk_back(grad_hidden, forget, slopes, weight_hh).flatten(2)
        rows = grads.flatten(0, 1), hidden[:-1].flatten(0, 1)  # (time * batch, …) each
        return grads, rows[0].T @ rows[1]


class FastReader(Reader):
    """What a Reader with an LSTM computes, with the gradient by hand."""

    def forward(self, features):
        """Return predictions (batch,) for features (batch, time, 2)."""
        weight_ih, weight_hh, bias_ih, bias_hh = self.recurrent.parameters()
        inputs = features.transpose(0, 1)  # (time, batch, 2)
        from_input = nn.functional.linear(inputs, weight_ih, bias_ih + bias_hh)
        states = LSTMUnroll.apply(from_input, weight_hh)
        return self.linear(states[-1])[:, 0]


# --8<-- [end:function]


# --8<-- [start:build]
def build_fast_model():
    """Return a FastReader with the weights of build_model."""
    model = FastReader("LSTM")
    model.load_state_dict(build_model("LSTM").state_dict())
    return model


# --8<-- [end:build]


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    histories = {kind: fit(build_model(kind), 100) for kind in LAYERS}

    # --8<-- [start:compare]
    batch = to_tensors(draw_sequences(BATCH_SIZE, LENGTH, np.random.default_rng(SEED)))
    grads = []
    for model in [build_model("LSTM"), build_fast_model()]:
        params = [param for param in model.parameters() if param.requires_grad]
        loss = nn.functional.mse_loss(model(batch[0]), batch[1])
        grads.append(torch.autograd.grad(loss, params))
    apart = max((one - two).abs().max().item() for one, two in zip(*grads, strict=True))
    print(f"Gradients within 1e-12: {apart < 1e-12}")
    # --8<-- [end:compare]

    # --8<-- [start:run]
    fast = fit(build_fast_model(), 100)
    print_log({"LSTM": histories["LSTM"][:100], "fast": fast})
    # --8<-- [end:run]
