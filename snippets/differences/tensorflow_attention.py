"""What Keras' multi-head attention takes and stores, next to PyTorch's."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

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

    Keras gives the heads an axis of their own; the layer must have been built.
    """
    for weights, matrix in zip(attention.weights, matrices, strict=True):
        weights.assign(tf.reshape(matrix, weights.shape))


# --8<-- [end:load]


if __name__ == "__main__":
    # --8<-- [start:attention]
    attention = keras.layers.MultiHeadAttention(2, 8)
    x = tf.ones((1, 3, 8))  # (batch, length, width)
    mask = tf.linalg.band_part(tf.ones((1, 3, 3), tf.bool), -1, 0)  # queries, keys
    _, weights = attention(x, x, attention_mask=mask, return_attention_scores=True)
    print("Weights:", tuple(weights.shape))
    print("Place 1 reads from:", *(weights[0, 0, 1].numpy() > 0).astype(int))
    print("Place 2 has NaN:", bool(np.isnan(weights[0, 0, 2]).any()))
    print("Parameters:", attention.count_params())
    # --8<-- [end:attention]

    # --8<-- [start:attention_agree]
    attention = keras.layers.MultiHeadAttention(2, 8 // 2, use_bias=False)
    attention.build(x.shape, x.shape)
    load_weights(attention, draw_weights(8))
    rng = np.random.default_rng(1)
    query, key, value = (
        tf.constant(rng.normal(size=(1, 3, 8)).astype(np.float32)) for _ in range(3)
    )
    outputs, weights = attention(
        query, value, key, attention_mask=mask, return_attention_scores=True
    )
    print("Weights:", tuple(weights.shape))
    print("Place 1 reads from:", *(weights[0, 0, 1].numpy() > 0).astype(int))
    print("Outputs:", *(f"{number:.3f}" for number in outputs[0, 2, :4].numpy()))
    # --8<-- [end:attention_agree]
