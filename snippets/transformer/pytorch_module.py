"""A Transformer encoder in PyTorch, from layers, as one trains it in practice."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.transformer.figures import plot_attention
from snippets.transformer.pytorch_manual import attend, merge_heads, split_heads
from snippets.transformer.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    LENGTH,
    NUM_EPOCHS,
    SEED,
    SIZES,
    WIDTH,
    draw_batches,
    draw_params,
    draw_sequences,
    print_log,
)


# --8<-- [start:attention]
class MultiHeadAttention(nn.Module):
    """Let each place of a sequence read from all places, in several heads."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.to_queries = nn.Linear(width, width, bias=False)
        self.to_keys = nn.Linear(width, width, bias=False)
        self.to_values = nn.Linear(width, width, bias=False)
        self.to_outputs = nn.Linear(width, width, bias=False)

    def forward(self, x, mask=None):
        """Return (batch, length, width) and weights (batch, heads, length, length)."""
        queries = split_heads(self.to_queries(x), self.num_heads)
        keys = split_heads(self.to_keys(x), self.num_heads)
        values = split_heads(self.to_values(x), self.num_heads)
        outputs, weights = attend(queries, keys, values, mask)
        return self.to_outputs(merge_heads(outputs)), weights


# --8<-- [end:attention]


# --8<-- [start:block]
class EncoderBlock(nn.Module):
    """Attention, then a perceptron for each place; each adds to what comes in."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = MultiHeadAttention(width, num_heads)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.shrink = nn.Linear(4 * width, width)

    def forward(self, x):
        """Return the sequence in its shape (batch, length, width)."""
        x = x + self.attention(self.norm1(x))[0]
        hidden = self.expand(self.norm2(x))  # (batch, length, 4 * width)
        return x + self.shrink(nn.functional.gelu(hidden))


# --8<-- [end:block]


# --8<-- [start:model]
class Transformer(nn.Module):
    """Embed a sequence, add its positions, and send it through encoder blocks.

    The sizes are (num_inputs, length, num_outputs). Logits are for each place (batch,
    length, num_outputs), or with `pool` for the mean of all (batch, num_outputs). If
    `learned`, the positions are trained, too.
    """

    def __init__(self, sizes, blocks=1, heads=1, learned=False, pool=False):
        super().__init__()
        num_inputs, length, num_outputs = sizes
        self.pool = pool
        positions = torch.zeros(length, WIDTH)
        self.positions = nn.Parameter(positions, requires_grad=learned)
        self.embed = nn.Linear(num_inputs, WIDTH, bias=False)
        self.blocks = nn.Sequential(
            *[EncoderBlock(WIDTH, heads) for _ in range(blocks)]
        )
        self.norm = nn.LayerNorm(WIDTH)
        self.to_logits = nn.Linear(WIDTH, num_outputs)

    def forward(self, inputs):
        """Return the logits of a batch of sequences."""
        x = self.embed(inputs) + self.positions  # (batch, length, width)
        x = self.norm(self.blocks(x))
        return self.to_logits(x.mean(dim=1) if self.pool else x)


# --8<-- [end:model]


# --8<-- [start:load]
def load_params(model, params):
    """Copy arrays into the model in the order of its layers."""
    arrays = iter(params)
    with torch.no_grad():
        for layer in model.modules():
            for param in layer.parameters(recurse=False):
                array = next(arrays)
                array = array.T if isinstance(layer, nn.Linear) else array
                param.copy_(torch.from_numpy(array))


# --8<-- [end:load]


# --8<-- [start:fit]
def cross_entropy(logits, targets):
    """Return the mean over all places; the classes are the last axis."""
    return nn.functional.cross_entropy(logits.flatten(0, -2), targets.flatten())


@torch.inference_mode()
def evaluate(model, inputs, targets):
    """Return the mean loss and the share of places that are right."""
    model.eval()
    logits = model(inputs)
    hits = logits.argmax(dim=-1) == targets
    return cross_entropy(logits, targets).item(), hits.double().mean().item()


def fit(
    model,
    train_data,
    valid_data,
    num_epochs,
    learning_rate=LEARNING_RATE,
    weight_decay=0.0,
):
    """Train the model in place with AdamW; the learning rate falls linearly to 0.

    Returns for each epoch the mean training loss, and the validation loss and accuracy.
    """
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        params, learning_rate, (0.9, 0.98), eps=1e-9, weight_decay=weight_decay
    )
    dataset, history = TensorDataset(*train_data), []
    num_steps = num_epochs * len(dataset) // BATCH_SIZE
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, num_steps)
    for batches in draw_batches(len(dataset), num_epochs, BATCH_SIZE, SEED):
        model.train()
        losses = []
        for inputs, targets in DataLoader(dataset, batch_size=None, sampler=batches):
            loss = cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        history.append((np.mean(losses), *evaluate(model, *valid_data)))
    return np.array(history)


# --8<-- [end:fit]


# --8<-- [start:fused]
class FusedAttention(nn.Module):
    """Compute as MultiHeadAttention does, with one product and PyTorch's own kernel."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.to_all = nn.Linear(width, 3 * width, bias=False)
        self.to_outputs = nn.Linear(width, width, bias=False)

    def forward(self, x):
        """Return (batch, length, width); this kernel does not keep the weights."""
        return self.to_outputs(self.mix(*self.to_all(x).chunk(3, dim=-1))), None

    def mix(self, *parts):
        """Return the outputs of all heads, given queries, keys and values."""
        heads = [split_heads(part, self.num_heads) for part in parts]
        return merge_heads(nn.functional.scaled_dot_product_attention(*heads))


# --8<-- [end:fused]


if __name__ == "__main__":
    # --8<-- [start:run]
    train_data = [torch.from_numpy(x) for x in draw_sequences(6400, seed=1)]
    valid_data = [torch.from_numpy(x) for x in draw_sequences(1000, seed=2)]
    test_data = [torch.from_numpy(x) for x in draw_sequences(1000, seed=3)]
    model = Transformer(SIZES)
    load_params(model, draw_params(SIZES, 1, SEED))
    print_log(fit(model, train_data, valid_data, NUM_EPOCHS))
    print(f"Test ACC: {evaluate(model, *test_data)[1]:.1%}")
    print("Parameters:", sum(p.numel() for p in model.parameters() if p.requires_grad))
    # --8<-- [end:run]

    # --8<-- [start:map]
    sequence = test_data[0][:1]  # (1, LENGTH)
    block = model.blocks[0]
    with torch.inference_mode():
        x = model.embed(sequence) + model.positions
        weights = block.attention(block.norm1(x))[1][0, 0]  # (LENGTH, LENGTH)
    mirrored = torch.arange(LENGTH - 1, -1, -1)
    looks = (weights.argmax(dim=1) == mirrored).sum().item()
    print(f"Places that look most at their mirror image: {looks} of {LENGTH}")
    plot_attention(weights.numpy(), sequence[0].argmax(dim=1).tolist())
    # --8<-- [end:map]

    # --8<-- [start:positions]
    starts = {"none": np.zeros, "learned": np.random.default_rng(SEED).standard_normal}
    for name, draw in starts.items():
        other = Transformer(SIZES, learned=name == "learned")
        _, *params = draw_params(SIZES, 1, SEED)
        load_params(other, [draw((LENGTH, WIDTH)).astype(np.float32), *params])
        accuracy = fit(other, train_data, valid_data, 2)[-1, 2]
        print(f"Positions {name}: {accuracy:.1%} of the validation symbols")
    # --8<-- [end:positions]

    # --8<-- [start:library]
    attention = MultiHeadAttention(WIDTH, num_heads=4)
    library = nn.MultiheadAttention(WIDTH, 4, bias=False, batch_first=True)
    parts = attention.to_queries, attention.to_keys, attention.to_values
    with torch.inference_mode():
        library.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        library.out_proj.weight.copy_(attention.to_outputs.weight)
        outputs, weights = attention(x)
        others, other_weights = library(x, x, x, average_attn_weights=False)
    print("in_proj_weight:", tuple(library.in_proj_weight.shape))
    for name, apart in [
        ("Outputs", outputs - others),
        ("Weights", weights - other_weights),
    ]:
        print(f"{name} within 1e-06: {apart.abs().max().item() < 1e-6}")
    # --8<-- [end:library]

    # --8<-- [start:signals]
    signals, labels = make_mnist1d()
    signals = torch.from_numpy(signals)[:, :, None]  # (5000, 40, 1)
    labels = torch.from_numpy(labels)
    train_data = signals[:3200], labels[:3200]
    valid_data = signals[3200:4000], labels[3200:4000]
    encoder = Transformer([1, 40, 10], blocks=2, heads=4, learned=True, pool=True)
    load_params(encoder, draw_params([1, 40, 10], 2, SEED))
    print_log(fit(encoder, train_data, valid_data, 2, 0.003, weight_decay=0.3))
    print("Parameters:", sum(p.numel() for p in encoder.parameters()))
    # --8<-- [end:signals]

    # --8<-- [start:exercise_rates]
    train_data = [torch.from_numpy(x) for x in draw_sequences(6400, seed=1)]
    valid_data = [torch.from_numpy(x) for x in draw_sequences(1000, seed=2)]
    for learning_rate in [0.001, 0.01, 0.1]:
        other = Transformer(SIZES)
        load_params(other, draw_params(SIZES, 1, SEED))
        valid_loss = fit(other, train_data, valid_data, 1, learning_rate)[-1, 1]
        print(f"{learning_rate:.3f}: validation loss {valid_loss:.1f}")
    # --8<-- [end:exercise_rates]

    # --8<-- [start:exercise_ablate]
    other = Transformer(SIZES)
    load_params(other, draw_params(SIZES, 1, SEED))
    nn.init.zeros_(other.blocks[0].shrink.weight)
    other.blocks[0].shrink.requires_grad_(False)  # what it adds stays 0
    accuracy = fit(other, train_data, valid_data, 2)[-1, 2]
    print(f"Without the perceptron: {accuracy:.1%} of the validation symbols")
    # --8<-- [end:exercise_ablate]

    # --8<-- [start:run_fused]
    fused = FusedAttention(WIDTH, num_heads=4)
    with torch.inference_mode():
        fused.to_all.weight.copy_(library.in_proj_weight)
        fused.to_outputs.weight.copy_(attention.to_outputs.weight)
        apart = (fused(x)[0] - attention(x)[0]).abs().max().item()
    print(f"Within 1e-06: {apart < 1e-6}")
    # --8<-- [end:run_fused]
