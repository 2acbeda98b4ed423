"""Train a GPT in PyTorch, let it write, and adapt it by low-rank matrices."""

# --8<-- [start:imports]
import math

# --8<-- [end:imports]
import numpy as np
import torch
from torch import nn

from snippets.gpt.pytorch_model import GPT, generate, generate_cached, load_params
from snippets.gpt.training import (
    CONTEXT,
    GRU_BOUND,
    NUM_STEPS,
    PEAK_RATE,
    SEED,
    decode,
    draw_batches,
    draw_params,
    encode,
    learning_rate,
    read_other,
    read_plays,
)


# --8<-- [start:step]
def cross_entropy(model, inputs, targets):
    """Return the mean loss over all places; targets are one token further on."""
    logits, _ = model(torch.from_numpy(inputs))
    targets = torch.from_numpy(targets).long()
    return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def build_optimizer(model):
    """Return AdamW, which shrinks matrices and leaves gains and biases alone."""
    params = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in params if p.ndim == 2], "weight_decay": 0.1},
        {"params": [p for p in params if p.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, PEAK_RATE, betas=(0.9, 0.99), eps=1e-8)


# --8<-- [end:step]


# --8<-- [start:train]
def train(model, tokens, num_steps=NUM_STEPS, peak=PEAK_RATE, log_every=100):
    """Train the model in place; return the loss of each step (num_steps,)."""
    optimizer, losses = build_optimizer(model), []
    for step, batch in enumerate(draw_batches(tokens, num_steps, SEED)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, num_steps, peak)
        loss = cross_entropy(model, *batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if (step + 1) % log_every == 0:
            print(f"Step: {step + 1:03d} | Loss: {losses[-1]:.4f}")
    return np.array(losses)


@torch.inference_mode()
def evaluate(model, tokens, num_batches=20):
    """Return the mean loss on random portions of a text, the same at each call."""
    batches = draw_batches(tokens, num_batches, seed=0)
    return np.mean([cross_entropy(model, *batch).item() for batch in batches])


# --8<-- [end:train]


# --8<-- [start:lora]
class LowRank(nn.Module):
    """A frozen linear layer, and a product of two thin matrices beside it."""

    def __init__(self, linear, rank, rng):
        super().__init__()
        self.linear = linear.requires_grad_(False)
        down = 0.02 * rng.standard_normal((rank, linear.in_features))
        self.down = nn.Parameter(torch.from_numpy(down.astype(np.float32)))
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x):
        """Return what the linear layer does, and the correction."""
        return self.linear(x) + x @ self.down.T @ self.up.T


def add_low_rank(model, rank=4):
    """Freeze the model; put low-rank matrices beside its attention's projections."""
    model.requires_grad_(False)
    rng = np.random.default_rng(SEED)
    for block in model.blocks:
        attention = block.attention
        attention.to_all = LowRank(attention.to_all, rank, rng)
        attention.to_outputs = LowRank(attention.to_outputs, rank, rng)


@torch.no_grad()
def merge_low_rank(model):
    """Add the products to the matrices that they correct, and be rid of them."""
    for block in model.blocks:
        for name in ("to_all", "to_outputs"):
            layer = getattr(block.attention, name)
            layer.linear.weight += layer.up @ layer.down
            setattr(block.attention, name, layer.linear)


# --8<-- [end:lora]


if __name__ == "__main__":
    train_text, valid_text = read_plays()
    characters = sorted({*train_text, *valid_text})
    train_tokens, valid_tokens = (
        encode(x, characters) for x in (train_text, valid_text)
    )

    # --8<-- [start:build]
    model = GPT(len(characters))
    load_params(model, draw_params(len(characters), SEED))
    print("Parameters:", sum(p.numel() for p in model.parameters()))
    start_loss = evaluate(model, valid_tokens)
    print(f"Loss at the start: {start_loss:.2f}, ln 65: {math.log(65):.2f}")
    # --8<-- [end:build]

    # --8<-- [start:causal]
    tokens = torch.from_numpy(valid_tokens[None, :20])  # (1, 20)
    changed = tokens.clone()
    changed[0, 10] = (tokens[0, 10] + 1) % 65
    with torch.inference_mode():
        apart = (model(tokens)[0] - model(changed)[0]).abs().amax(dim=(0, 2))
    print("Places that notice a change at place 10:", *apart.nonzero()[:, 0].tolist())
    # --8<-- [end:causal]

    # --8<-- [start:run]
    train(model, train_tokens)
    valid_loss = evaluate(model, valid_tokens)
    bits = valid_loss / math.log(2)
    print(f"Validation loss: {valid_loss:.3f}, in bits per character: {bits:.2f}")
    print(f"The GRU's, in bits per character: below {GRU_BOUND / math.log(2):.2f}")
    # --8<-- [end:run]

    # --8<-- [start:write]
    prompt = encode("ROMEO:", characters)
    for choice in [{"temperature": 0.5}, {"top_k": 5}, {"top_p": 0.8}]:
        tokens = generate(model, prompt, 58, np.random.default_rng(SEED), **choice)
        print(choice, repr(decode(tokens, characters)))
    # --8<-- [end:write]

    # --8<-- [start:write_cached]
    cached = generate_cached(model, prompt, 58, np.random.default_rng(SEED), **choice)
    print("With the cache, the same text:", cached == tokens)
    # --8<-- [end:write_cached]

    # --8<-- [start:adapt]
    other_tokens, other_valid = (encode(x, characters) for x in read_other(characters))
    before = evaluate(model, other_valid)
    add_low_rank(model)
    share = sum(p.numel() for p in model.parameters() if p.requires_grad)
    share /= sum(p.numel() for p in model.parameters())
    train(model, other_tokens, num_steps=60, log_every=30)
    after = evaluate(model, other_valid)
    print(f"Trained: {share:.1%} | loss before: {before:.2f}, after: {after:.2f}")
    # --8<-- [end:adapt]

    # --8<-- [start:merge]
    tokens = torch.from_numpy(other_valid[None, :CONTEXT])
    with torch.inference_mode():
        logits, _ = model(tokens)
        merge_low_rank(model)
        apart = (model(tokens)[0] - logits).norm() / logits.norm()
    print("Merged, within 1e-06:", apart.item() < 1e-6)
    # --8<-- [end:merge]

    # --8<-- [start:shift]
    inputs, targets = next(draw_batches(valid_tokens, 1, SEED))
    with torch.inference_mode():
        right = cross_entropy(model, inputs, targets).item()
        wrong = cross_entropy(model, inputs, inputs).item()
    print(f"Targets shifted: {right:.1f}, not shifted: {wrong:.1f}")
    # --8<-- [end:shift]

    # --8<-- [start:exercise_rates]
    for peak in [0.0001, 0.001, 0.01, 0.1]:
        small = GPT(65, width=32, num_layers=1)
        load_params(small, draw_params(65, SEED, num_layers=1, width=32))
        train(small, train_tokens, num_steps=80, peak=peak)
        print(f"{peak:.4f}: validation loss {evaluate(small, valid_tokens):.1f}")
    # --8<-- [end:exercise_rates]

    # --8<-- [start:exercise_ablate]
    weights = [block.attention.to_outputs.weight for block in model.blocks]
    for name, parts in [
        ("positions", [model.positions.weight]),
        ("attention", weights),
    ]:
        with torch.no_grad():
            kept = [part.clone() for part in parts]
            for part in parts:
                part.zero_()
            loss = evaluate(model, other_valid)
            for part, values in zip(parts, kept, strict=True):
                part.copy_(values)
        print(f"Without {name}: {loss:.1f}")
    # --8<-- [end:exercise_ablate]
