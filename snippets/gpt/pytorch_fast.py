"""A GPT in PyTorch that writes with a cache that has its final size from the start."""

import numpy as np
import torch
from torch import nn

from snippets.gpt import pytorch_model
from snippets.gpt.pytorch_model import generate_cached
from snippets.gpt.training import SEED, check_length, choose
from snippets.gpt.ways import build
from snippets.transformer.pytorch_manual import merge_heads, split_heads


# --8<-- [start:read_one]
def read_one(model, token, place, past):
    """Return the logits (vocabulary,) after a token at a place; add it to the cache.

    `past` holds the keys and values (1, heads, length, depth) of each block, and has
    room for the whole text. Places after this one are not seen.
    """
    x = model.tokens.weight[token] + model.positions.weight[place]
    x = x[None, None]  # (1, 1, width)
    for block, (keys, values) in zip(model.blocks, past, strict=True):
        attention = block.attention
        parts = attention.to_all(block.norm1(x)).chunk(3, dim=-1)
        query, key, value = (split_heads(part, attention.num_heads) for part in parts)
        keys[:, :, place], values[:, :, place] = key[:, :, 0], value[:, :, 0]
        outputs = nn.functional.scaled_dot_product_attention(
            query, keys[:, :, : place + 1], values[:, :, : place + 1]
        )
        x = x + attention.to_outputs(merge_heads(outputs))
        x = x + block.shrink(nn.functional.gelu(block.expand(block.norm2(x))))
    return (model.norm(x) @ model.tokens.weight.T)[0, 0]


# --8<-- [end:read_one]


# --8<-- [start:generate]
@torch.inference_mode()
def generate_fast(model, tokens, num_tokens, rng, **choice):
    """Return what generate_cached does, without a copy per step; at most a context."""
    tokens, length = [int(token) for token in tokens], len(tokens) + num_tokens
    check_length(length, model.positions.num_embeddings)
    width, heads = model.tokens.embedding_dim, model.blocks[0].attention.num_heads
    past = torch.zeros(len(model.blocks), 2, 1, heads, length, width // heads)
    for place in range(length - 1):
        logits = read_one(model, tokens[place], place, past)
        if place + 1 == len(tokens):
            tokens.append(choose(logits.numpy(), rng, **choice))
    return tokens


# --8<-- [end:generate]


if __name__ == "__main__":
    model, prompt = build(pytorch_model), [1, 2, 3]

    # --8<-- [start:run]
    texts = [
        write(model, prompt, 58, np.random.default_rng(SEED), top_p=0.8)
        for write in (generate_cached, generate_fast)
    ]
    print("The fast way, the same text:", texts[0] == texts[1])
    # --8<-- [end:run]
