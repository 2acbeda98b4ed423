"""Attention in TensorFlow, by hand: forward, gradient, masks, heads and places."""

# --8<-- [start:imports]
import numpy as np
import tensorflow as tf

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
    scores = queries @ tf.linalg.matrix_transpose(keys) / queries.shape[-1] ** 0.5
    if mask is not None:
        scores = tf.where(mask, scores, -np.inf)  # (..., length, length)
    weights = tf.nn.softmax(scores, axis=-1)  # each row sums to 1
    return weights @ values, weights


# --8<-- [end:attend]


# --8<-- [start:backward]
def backward(queries, keys, values, grad_outputs):
    """Return the gradients of queries, keys and values, from that of the outputs."""
    _, weights = attend(queries, keys, values)
    grad_values = tf.linalg.matrix_transpose(weights) @ grad_outputs
    grad_weights = grad_outputs @ tf.linalg.matrix_transpose(values)
    mean = tf.reduce_sum(weights * grad_weights, axis=-1, keepdims=True)
    grad_scores = weights * (grad_weights - mean) / queries.shape[-1] ** 0.5
    grad_keys = tf.linalg.matrix_transpose(grad_scores) @ queries
    return grad_scores @ keys, grad_keys, grad_values


# --8<-- [end:backward]


# --8<-- [start:autograd]
def backward_autograd(queries, keys, values, grad_outputs):
    """Return the same gradients, derived by TensorFlow."""
    inputs = [queries, keys, values]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs, _ = attend(*inputs)
    return tape.gradient(outputs, inputs, grad_outputs)


# --8<-- [end:autograd]


# --8<-- [start:heads]
def split_heads(x, num_heads):
    """Return (batch, length, width) as (batch, num_heads, length, depth)."""
    batch_and_length = tf.shape(x)[:2]  # a compiled function may leave them open
    shape = tf.concat([batch_and_length, (num_heads, x.shape[2] // num_heads)], axis=0)
    return tf.transpose(tf.reshape(x, shape), (0, 2, 1, 3))


def merge_heads(x):
    """Return (batch, num_heads, length, depth) as (batch, length, width)."""
    shape = tf.concat([tf.shape(x)[::2], (x.shape[1] * x.shape[3],)], axis=0)
    return tf.reshape(tf.transpose(x, (0, 2, 1, 3)), shape)


# --8<-- [end:heads]


if __name__ == "__main__":
    # --8<-- [start:check]
    rng = np.random.default_rng(SEED)
    arrays = [rng.standard_normal((6, 4)) for _ in range(4)]  # (length, depth) each
    queries, keys, values, slopes = (tf.constant(x) for x in arrays)
    by_hand = backward(queries, keys, values, slopes)
    derived = backward_autograd(queries, keys, values, slopes)
    measured = finite_differences(arrays[:3], arrays[3])
    outputs, weights = attend(queries, keys, values)
    report("outputs, loops", [outputs], [attend_by_loops(*arrays[:3])], 1e-14)
    report("gradients, autograd", by_hand, derived, 1e-14)
    report("gradients, differences", by_hand, measured, 1e-8)
    # --8<-- [end:check]

    # --8<-- [start:causal]
    causal = tf.linalg.band_part(tf.ones((4, 4), tf.bool), -1, 0)  # (queries, keys)
    _, weights = attend(queries[:4], keys[:4], values[:4], causal)
    for row in weights.numpy():
        print(*(f"{weight:.2f}" for weight in row))
    # --8<-- [end:causal]

    # --8<-- [start:run_heads]
    x = tf.reshape(tf.range(2 * 3 * 8), (2, 3, 8))  # (batch, length, width)
    heads = split_heads(x, num_heads=4)
    print("Heads:", tuple(heads.shape), "merged:", tuple(merge_heads(heads).shape))
    print("Place 0:", *x[0, 0].numpy())
    print("Its part in head 1:", *heads[0, 1, 0].numpy())
    # --8<-- [end:run_heads]

    # --8<-- [start:shuffle]
    x, order = tf.cast(queries, tf.float32), [3, 1, 4, 0, 5, 2]
    places = tf.constant(sinusoids(6, 4))
    for name, added in [("without positions", 0 * places), ("with positions", places)]:
        outputs, _ = attend(*[x + added] * 3)
        shuffled, _ = attend(*[tf.gather(x, order) + added] * 3)
        same = np.allclose(shuffled, tf.gather(outputs, order), atol=1e-6)
        print(f"Shuffled inputs only shuffle the outputs, {name}: {same}")
    # --8<-- [end:shuffle]

    # --8<-- [start:forgotten]
    padded = tf.pad(queries, [[0, 2], [0, 0]])  # 6 places, then 2 of padding
    outputs, _ = attend(queries, queries, queries)
    for name, mask in [("with a mask", tf.range(8) < 6), ("without", None)]:
        others, _ = attend(padded, padded, padded, mask)
        same = np.allclose(others[:6], outputs)
        print(f"Padding changes nothing, {name}: {same}")
    # --8<-- [end:forgotten]

    # --8<-- [start:axis]
    past = tf.linalg.band_part(tf.ones((6, 6), tf.bool), -1, 0)
    changed = tf.concat([queries[:-1], tf.zeros_like(queries[-1:])], axis=0)
    for name, axis in [("keys", -1), ("queries", -2)]:
        firsts = []
        for given in (queries, changed):
            scores = tf.where(past, given @ tf.transpose(keys) / 2, -np.inf)
            firsts.append((tf.nn.softmax(scores, axis) @ values)[0])
        sees = not np.array_equal(*firsts)
        print(f"Softmax over the {name}: the first output sees the last query: {sees}")
    # --8<-- [end:axis]

    # --8<-- [start:exercise_bias]
    outputs, _ = attend(queries, keys, values)
    others, _ = attend(queries, keys + slopes[:1], values)  # the same for all places
    print("The outputs stay:", np.allclose(others, outputs))
    # --8<-- [end:exercise_bias]
