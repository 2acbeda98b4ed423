"""A GPT in PyTorch: blocks with a causal mask, tied weights, and a cache."""

# --8<-- [start:imports]
import torch
from torch import nn

# --8<-- [end:imports]
from snippets.gpt.training import (
    CONTEXT,
    NUM_HEADS,
    NUM_LAYERS,
    WIDTH,
    check_length,
    choose,
)
from snippets.transformer.pytorch_manual import attend, merge_heads, split_heads


# --8<-- [start:attention]
class CausalAttention(nn.Module):
    """Let each place read from itself and from the places before it."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.to_all = nn.Linear(width, 3 * width, bias=False)
        self.to_outputs = nn.Linear(width, width, bias=False)

    def forward(self, x, past=None):
        """Return outputs (batch, length, width) and all keys and values so far.

        `past` holds the keys and values of the places before x, if there are any.
        """
        parts = self.to_all(x).chunk(3, dim=-1)
        queries, keys, values = (split_heads(part, self.num_heads) for part in parts)
        if past is not None:
            keys, values = (
                torch.cat(pair, dim=2)
                for pair in zip(past, (keys, values), strict=True)
            )
        new, seen = queries.shape[2], keys.shape[2]
        mask = torch.ones(new, seen, dtype=torch.bool).tril(seen - new)
        outputs, _ = attend(queries, keys, values, mask)
        return self.to_outputs(merge_heads(outputs)), (keys, values)


# --8<-- [end:attention]


# --8<-- [start:block]
class Block(nn.Module):
    """The encoder's block with a causal mask."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = CausalAttention(width, num_heads)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.shrink = nn.Linear(4 * width, width)

    def forward(self, x, past=None):
        """Return the sequence in its shape, and all keys and values so far."""
        read, past = self.attention(self.norm1(x), past)
        x = x + read
        hidden = nn.functional.gelu(self.expand(self.norm2(x)))
        return x + self.shrink(hidden), past


# --8<-- [end:block]


# --8<-- [start:model]
class GPT(nn.Module):
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
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, num_heads) for _ in range(num_layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens, past=None):
        """Return logits (batch, length, vocabulary), and keys and values by block."""
        start = 0 if past is None else past[0][0].shape[2]
        places = torch.arange(start, start + tokens.shape[1])
        x = self.tokens(tokens) + self.positions(places)
        kept = []
        for number, block in enumerate(self.blocks):
            x, pair = block(x, None if past is None else past[number])
            kept.append(pair)
        return self.norm(x) @ self.tokens.weight.T, kept


def load_params(model, params):
    """Copy arrays into the model in the order of its layers."""
    arrays = iter(params)
    with torch.no_grad():
        for layer in model.modules():
            for param in layer.parameters(recurse=False):
                array = next(arrays)
                array = array.T if isinstance(layer, nn.Linear) else array
                param.copy_(torch.from_numpy(array))


# --8<-- [end:model]


# --8<-- [start:generate]
@torch.inference_mode()
def generate(model, tokens, num_tokens, rng, **choice):
    """Return the tokens and so many more; each step reads the whole context again."""
    tokens, context = [int(token) for token in tokens], model.positions.num_embeddings
    for _ in range(num_tokens):
        logits, _ = model(torch.tensor([tokens[-context:]]))
        tokens.append(choose(logits[0, -1].numpy(), rng, **choice))
    return tokens


# --8<-- [end:generate]


# --8<-- [start:cached]
@torch.inference_mode()
def generate_cached(model, tokens, num_tokens, rng, **choice):
    """Return what generate does, but read each token once; at most a context."""
    check_length(len(tokens) + num_tokens, model.positions.num_embeddings)
    tokens, past = [int(token) for token in tokens], None
    new = tokens
    for _ in range(num_tokens):
        logits, past = model(torch.tensor([new]), past)
        tokens.append(choose(logits[0, -1].numpy(), rng, **choice))
        new = tokens[-1:]
    return tokens


# --8<-- [end:cached]
