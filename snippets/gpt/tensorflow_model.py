"""A GPT in TensorFlow: blocks with a causal mask, tied weights, and a cache."""

# --8<-- [start:imports]
from functools import cache

import keras
import tensorflow as tf

# --8<-- [end:imports]
from snippets.gpt.training import (
    CONTEXT,
    NUM_HEADS,
    NUM_LAYERS,
    WIDTH,
    check_length,
    choose,
)
from snippets.transformer.tensorflow_manual import attend, merge_heads, split_heads


# --8<-- [start:attention]
class CausalAttention(keras.layers.Layer):
    """Let each place read from itself and from the places before it."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.to_all = keras.layers.Dense(3 * width, use_bias=False)
        self.to_outputs = keras.layers.Dense(width, use_bias=False)

    def call(self, x, past=None):
        """Return outputs (batch, length, width) and all keys and values so far.

        `past` holds the keys and values of the places before x, if there are any.
        """
        parts = tf.split(self.to_all(x), 3, axis=-1)
        queries, keys, values = (split_heads(part, self.num_heads) for part in parts)
        if past is not None:
            keys, values = (
                tf.concat(pair, axis=2)
                for pair in zip(past, (keys, values), strict=True)
            )
        new, seen = tf.shape(queries)[2], tf.shape(keys)[2]
        mask = tf.linalg.band_part(tf.ones((new, seen), tf.bool), -1, seen - new)
        outputs, _ = attend(queries, keys, values, mask)
        return self.to_outputs(merge_heads(outputs)), (keys, values)


# --8<-- [end:attention]


# --8<-- [start:block]
class Block(keras.layers.Layer):
    """The encoder's block with a causal mask."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.norm1 = keras.layers.LayerNormalization(epsilon=1e-5)
        self.attention = CausalAttention(width, num_heads)
        self.norm2 = keras.layers.LayerNormalization(epsilon=1e-5)
        self.expand = keras.layers.Dense(4 * width)
        self.shrink = keras.layers.Dense(width)

    def call(self, x, past=None):
        """Return the sequence in its shape, and all keys and values so far."""
        read, past = self.attention(self.norm1(x), past)
        x = x + read
        hidden = tf.nn.gelu(self.expand(self.norm2(x)))
        return x + self.shrink(hidden), past


# --8<-- [end:block]


# --8<-- [start:model]
class GPT(keras.Model):
    """Predict the next token at every place; the embedding is also the last layer."""

    def __init__(
        self,
        vocabulary,
        context=CONTEXT,
        width=WIDTH,
        num_layers=NUM_LAYERS,
        num_heads=NUM_HEADS,
    ):
        super().__init__()
        self.tokens = self.add_weight(shape=(vocabulary, width))
        self.positions = self.add_weight(shape=(context, width))
        self.blocks = [Block(width, num_heads) for _ in range(num_layers)]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5)
        self(tf.zeros((1, context), tf.int32))  # creates the weights

    def call(self, tokens, past=None):
        """Return logits (batch, length, vocabulary), and keys and values by block."""
        start = 0 if past is None else tf.shape(past[0][0])[2]
        one_hot = tf.one_hot(tokens, self.tokens.shape[0], dtype=self.tokens.dtype)
        x = one_hot @ self.tokens + self.positions[start : start + tf.shape(tokens)[1]]
        kept = []
        for number, block in enumerate(self.blocks):
            x, pair = block(x, None if past is None else past[number])
            kept.append(pair)
        return self.norm(x) @ tf.transpose(self.tokens), kept


def load_params(model, params):
    """Copy arrays into the model in the order of its layers."""
    model.set_weights(params)


# --8<-- [end:model]


# --8<-- [start:generate]
@cache
def compile_reader(model):
    """Return the model as a graph for any number of tokens, and a past of no places."""
    width, heads = model.tokens.shape[1], model.blocks[0].attention.num_heads
    part = tf.TensorSpec((1, heads, None, width // heads))
    signature = tf.TensorSpec((1, None), tf.int32), [(part, part)] * len(model.blocks)
    nothing = tf.zeros((1, heads, 0, width // heads))
    return tf.function(model, signature), [(nothing, nothing)] * len(model.blocks)


def generate(model, tokens, num_tokens, rng, **choice):
    """Return the tokens and so many more; each step reads the whole context again."""
    tokens, context = [int(token) for token in tokens], model.positions.shape[0]
    read, nothing = compile_reader(model)
    for _ in range(num_tokens):
        logits, _ = read(tf.constant([tokens[-context:]]), nothing)
        tokens.append(choose(logits[0, -1].numpy(), rng, **choice))
    return tokens


# --8<-- [end:generate]


# --8<-- [start:cached]
def generate_cached(model, tokens, num_tokens, rng, **choice):
    """Return what generate does, but read each token once; at most a context."""
    check_length(len(tokens) + num_tokens, model.positions.shape[0])
    read, past = compile_reader(model)
    new = tokens = [int(token) for token in tokens]
    for _ in range(num_tokens):
        logits, past = read(tf.constant([new]), past)
        tokens.append(choose(logits[0, -1].numpy(), rng, **choice))
        new = tokens[-1:]
    return tokens


# --8<-- [end:cached]
