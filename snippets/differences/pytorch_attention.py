"""What PyTorch's multi-head attention takes and stores, next to Keras'."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn

# --8<-- [end:imports]


# --8<-- [start:draw]
def draw_weights(width):
    """Draw matrices of queries, keys, values and outputs: (inputs, outputs) each."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(width, width)).astype(np.float32) for _ in range(4)]


# --8<-- [end:draw]


# --8<-- [start:load]
def load_weights(attention, matrices):
    """Copy four matrices (inputs, outputs) into an attention layer without biases.

    PyTorch stacks the first three, transposed, in one.
    """
    *stacked, output = (torch.from_numpy(matrix.T) for matrix in matrices)
    with torch.no_grad():
        attention.in_proj_weight.copy_(torch.cat(stacked))
        attention.out_proj.weight.copy_(output)


# --8<-- [end:load]


if __name__ == "__main__":
    # --8<-- [start:attention]
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.ones(1, 3, 8)  # (batch, length, width)
    mask = torch.ones(3, 3, dtype=torch.bool).tril()  # (queries, keys)
    _, weights = attention(x, x, x, attn_mask=mask)
    print("Weights:", tuple(weights.shape))
    print("Place 1 reads from:", *(weights[0, 1] > 0).int().tolist())
    print("Place 2 has NaN:", weights[0, 2].isnan().any().item())
    print("Parameters:", sum(p.numel() for p in attention.parameters()))
    # --8<-- [end:attention]

    # --8<-- [start:attention_agree]
    attention = nn.MultiheadAttention(8, 2, bias=False, batch_first=True)
    load_weights(attention, draw_weights(8))
    rng = np.random.default_rng(1)
    query, key, value = (
        torch.from_numpy(rng.normal(size=(1, 3, 8)).astype(np.float32))
        for _ in range(3)
    )
    outputs, weights = attention(
        query, key, value, attn_mask=~mask, average_attn_weights=False
    )
    print("Weights:", tuple(weights.shape))
    print("Place 1 reads from:", *(weights[0, 0, 1] > 0).int().tolist())
    print("Outputs:", *(f"{number:.3f}" for number in outputs[0, 2, :4].tolist()))
    # --8<-- [end:attention_agree]
