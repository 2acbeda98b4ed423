"""Attention in PyTorch, by hand: forward, gradient, masks, heads and places."""

# --8<-- [start:imports]
import numpy as np
import torch

# --8<-- [end:imports]
from snippets.transformer.training import (
    SEED,
    attend_by_loops,
    finite_differences,
    report,
    sinusoids,
)


# --8<-- [start:attend]
def attend(queries, keys, values, mask=None):
    """Return the outputs (..., length, depth) and the weights (..., length, length).

    Where the mask (..., length, length) is False, a query (row) cannot see a key
    (column). The formula is that of Vaswani et al. (2017).
    """
    scores = queries @ keys.mT / queries.shape[-1] ** 0.5  # (..., length, length)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    weights = torch.softmax(scores, dim=-1)  # each row sums to 1
    return weights @ values, weights


# --8<-- [end:attend]


# --8<-- [start:backward]
def backward(queries, keys, values, grad_outputs):
    """Return the gradients of queries, keys and values, from that of the outputs."""
    _, weights = attend(queries, keys, values)
    grad_values = weights.mT @ grad_outputs
    grad_weights = grad_outputs @ values.mT  # (..., length, length)
    mean = (weights * grad_weights).sum(dim=-1, keepdim=True)
    grad_scores = weights * (grad_weights - mean) / queries.shape[-1] ** 0.5
    return grad_scores @ keys, grad_scores.mT @ queries, grad_values


# --8<-- [end:backward]


# --8<-- [start:autograd]
def backward_autograd(queries, keys, values, grad_outputs):
    """Return the same gradients, derived by PyTorch."""
    inputs = [x.detach().requires_grad_() for x in (queries, keys, values)]
    return torch.autograd.grad(attend(*inputs)[0], inputs, grad_outputs)


# --8<-- [end:autograd]


# --8<-- [start:heads]
def split_heads(x, num_heads):
    """Return (batch, length, width) as (batch, num_heads, length, depth)."""
    return x.unflatten(-1, (num_heads, -1)).transpose(1, 2)


def merge_heads(x):
    """Return (batch, num_heads, length, depth) as (batch, length, width)."""
    return x.transpose(1, 2).flatten(2)


# --8<-- [end:heads]


if __name__ == "__main__":
    # --8<-- [start:check]
    rng = np.random.default_rng(SEED)
    arrays = [rng.standard_normal((6, 4)) for _ in range(4)]  # (length, depth) each
    queries, keys, values, slopes = (torch.from_numpy(x) for x in arrays)
    by_hand = backward(queries, keys, values, slopes)
    derived = backward_autograd(queries, keys, values, slopes)
    measured = finite_differences(arrays[:3], arrays[3])
    outputs, weights = attend(queries, keys, values)
    report("outputs, loops", [outputs], [attend_by_loops(*arrays[:3])], 1e-14)
    report("gradients, autograd", by_hand, derived, 1e-14)
    report("gradients, differences", by_hand, measured, 1e-8)
    # --8<-- [end:check]

    # --8<-- [start:causal]
    causal = torch.ones(4, 4, dtype=torch.bool).tril()  # (queries, keys)
    _, weights = attend(queries[:4], keys[:4], values[:4], causal)
    for row in weights.tolist():
        print(*(f"{weight:.2f}" for weight in row))
    # --8<-- [end:causal]

    # --8<-- [start:run_heads]
    x = torch.arange(2 * 3 * 8).reshape(2, 3, 8)  # (batch, length, width)
    heads = split_heads(x, num_heads=4)
    print("Heads:", tuple(heads.shape), "merged:", tuple(merge_heads(heads).shape))
    print("Place 0:", *x[0, 0].tolist())
    print("Its part in head 1:", *heads[0, 1, 0].tolist())
    # --8<-- [end:run_heads]

    # --8<-- [start:shuffle]
    x, order = queries.float(), torch.tensor([3, 1, 4, 0, 5, 2])
    places = torch.from_numpy(sinusoids(6, 4))
    for name, added in [("without positions", 0 * places), ("with positions", places)]:
        outputs, _ = attend(*[x + added] * 3)
        shuffled, _ = attend(*[x[order] + added] * 3)
        same = torch.allclose(shuffled, outputs[order], atol=1e-6)
        print(f"Shuffled inputs only shuffle the outputs, {name}: {same}")
    # --8<-- [end:shuffle]

    # --8<-- [start:forgotten]
    padded = torch.cat([queries, torch.zeros(2, 4)])  # 6 places, then 2 of padding
    outputs, _ = attend(queries, queries, queries)
    for name, mask in [("with a mask", torch.arange(8) < 6), ("without", None)]:
        others, _ = attend(padded, padded, padded, mask)
        same = torch.allclose(others[:6], outputs)
        print(f"Padding changes nothing, {name}: {same}")
    # --8<-- [end:forgotten]

    # --8<-- [start:axis]
    past = torch.ones(6, 6, dtype=torch.bool).tril()
    changed = queries.clone()
    changed[-1] = 0.0
    for name, dim in [("keys", -1), ("queries", -2)]:
        firsts = []
        for given in (queries, changed):
            scores = (given @ keys.mT / 2).masked_fill(~past, -torch.inf)
            firsts.append((torch.softmax(scores, dim) @ values)[0])
        sees = not torch.equal(*firsts)
        print(f"Softmax over the {name}: the first output sees the last query: {sees}")
    # --8<-- [end:axis]

    # --8<-- [start:exercise_bias]
    outputs, _ = attend(queries, keys, values)
    others, _ = attend(queries, keys + slopes[:1], values)  # the same for all places
    print("The outputs stay:", torch.allclose(others, outputs))
    # --8<-- [end:exercise_bias]
