"""A GPT in TensorFlow that writes a whole text in one call, compiled by XLA."""

from functools import cache

import numpy as np
import tensorflow as tf

from snippets.gpt import tensorflow_model
from snippets.gpt.tensorflow_model import generate_cached
from snippets.gpt.training import SEED, check_length
from snippets.gpt.ways import build
from snippets.transformer.tensorflow_manual import attend, merge_heads, split_heads


# --8<-- [start:read_one]
def read_one(model, token, place, past):
    """Return the logits (vocabulary,) after a token at a place, and the cache with it.

    `past` holds the keys and values (1, heads, length, depth) of each block, and has
    room for the whole text. Places after this one are not seen.
    """
    x = tf.gather(model.tokens, [[token]]) + tf.gather(model.positions, place)
    places, kept = tf.range(past[0][0].shape[2]), []
    here, seen = (places == place)[:, None], places <= place
    for block, pair in zip(model.blocks, past, strict=True):
        attention = block.attention
        parts = tf.split(attention.to_all(block.norm1(x)), 3, axis=-1)
        query, *new = (split_heads(part, attention.num_heads) for part in parts)
        keys, values = (tf.where(here, *both) for both in zip(new, pair, strict=True))
        outputs, _ = attend(query, keys, values, seen)
        x = x + attention.to_outputs(merge_heads(outputs))
        x = x + block.shrink(tf.nn.gelu(block.expand(block.norm2(x))))
        kept.append((keys, values))
    return (model.norm(x) @ tf.transpose(model.tokens))[0, 0], kept


# --8<-- [end:read_one]


# --8<-- [start:choose]
def choose_by(uniform, logits, temperature=1.0, top_k=None, top_p=None):
    """Return what `choose` returns when its generator draws this number from [0, 1)."""
    logits = tf.cast(logits, tf.float64) / temperature
    order = tf.argsort(-logits, stable=True)
    probas = tf.nn.softmax(tf.gather(logits, order))
    if top_k is not None:
        probas = tf.where(tf.range(len(probas)) < top_k, probas, 0)
    if top_p is not None:
        before = tf.cumsum(probas) - probas  # of the likelier tokens
        probas = tf.where(before < top_p, probas, 0)
    sums = tf.cumsum(probas)
    return order[tf.math.count_nonzero(sums <= uniform * sums[-1])]


# --8<-- [end:choose]


# --8<-- [start:generate]
@cache
def build_writer(model, length, **choice):
    """Return a compiled function that completes a text to this length."""
    width, heads = model.tokens.shape[1], model.blocks[0].attention.num_heads

    @tf.function(jit_compile=True)
    def write(text, size, uniforms):
        nothing = tf.zeros((1, heads, length, width // heads))
        past, places = [(nothing, nothing)] * len(model.blocks), tf.range(length)
        for place in tf.range(length - 1):
            logits, past = read_one(model, text[place], place, past)
            token = choose_by(uniforms[place + 1], logits, **choice)
            is_new = (places == place + 1) & (places >= size)
            text = tf.where(is_new, token, text)
        return text

    return write


def generate_fast(model, tokens, num_tokens, rng, **choice):
    """Return what generate_cached does, from one call; at most a context."""
    size, length = len(tokens), len(tokens) + num_tokens
    check_length(length, model.positions.shape[0])
    text, uniforms = np.zeros(length, np.int32), np.zeros(length)
    text[:size], uniforms[size:] = tokens, rng.random(num_tokens)
    write = build_writer(model, length, **choice)
    return write(*map(tf.constant, (text, size, uniforms))).numpy().tolist()


# --8<-- [end:generate]


if __name__ == "__main__":
    model, prompt = build(tensorflow_model), [1, 2, 3]

    # --8<-- [start:run]
    texts = [
        write(model, prompt, 58, np.random.default_rng(SEED), top_p=0.8)
        for write in (generate_cached, generate_fast)
    ]
    print("The fast way, the same text:", texts[0] == texts[1])
    # --8<-- [end:run]
