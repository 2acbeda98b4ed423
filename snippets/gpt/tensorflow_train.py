"""Train a GPT in TensorFlow, let it write, and adapt it by low-rank matrices."""

# --8<-- [start:imports]
import math

# --8<-- [end:imports]
import numpy as np
import tensorflow as tf

from snippets.gpt.tensorflow_model import GPT, generate, generate_cached, load_params
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
    logits, _ = model(inputs)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    return tf.reduce_mean(losses)


class AdamW:
    """AdamW as PyTorch computes it; it shrinks matrices, not gains and biases."""

    def __init__(self, variables):
        self.variables = variables
        self.means = [tf.Variable(tf.zeros_like(x)) for x in variables]
        self.squares = [tf.Variable(tf.zeros_like(x)) for x in variables]
        self.steps = tf.Variable(0.0, dtype=tf.float64)  # 0.99**steps needs its digits

    def apply(self, grads, rate):
        """Update the variables by their gradients, clipped to a norm of 1."""
        scale = tf.minimum(1.0, 1 / (tf.linalg.global_norm(grads) + 1e-6))
        steps = self.steps.assign_add(1.0)
        mean_share, square_share = (
            tf.cast(1 - beta**steps, tf.float32) for beta in (0.9, 0.99)
        )
        places = zip(self.variables, grads, self.means, self.squares, strict=True)
        for variable, grad, mean, square in places:
            decay = 0.1 if len(variable.shape) == 2 else 0.0
            mean.assign(0.9 * mean + 0.1 * scale * grad)
            square.assign(0.99 * square + 0.01 * (scale * grad) ** 2)
            root = tf.sqrt(square) / tf.sqrt(square_share)
            change = mean / mean_share / (root + 1e-8)
            variable.assign(variable * (1 - rate * decay) - rate * change)


# --8<-- [end:step]


# --8<-- [start:train]
def train(model, tokens, num_steps=NUM_STEPS, peak=PEAK_RATE, log_every=100):
    """Train the model in place; return the loss of each step (num_steps,)."""
    optimizer, losses = AdamW(model.trainable_variables), []

    @tf.function
    def update(inputs, targets, rate):
        with tf.GradientTape() as tape:
            loss = cross_entropy(model, inputs, targets)
        grads = tape.gradient(loss, optimizer.variables)
        optimizer.apply(grads, rate)
        return loss

    for step, batch in enumerate(draw_batches(tokens, num_steps, SEED)):
        rate = np.float32(learning_rate(step, num_steps, peak))
        losses.append(float(update(*map(tf.constant, (*batch, rate)))))
        if (step + 1) % log_every == 0:
            print(f"Step: {step + 1:03d} | Loss: {losses[-1]:.4f}")
    return np.array(losses)


def evaluate(model, tokens, num_batches=20):
    """Return the mean loss on random portions of a text, the same at each call."""
    loss = tf.function(lambda *batch: cross_entropy(model, *batch))
    batches = draw_batches(tokens, num_batches, seed=0)
    return np.mean([float(loss(*map(tf.constant, batch))) for batch in batches])


# --8<-- [end:train]


# --8<-- [start:lora]
def add_low_rank(model, rank=4):
    """Freeze the model; put low-rank matrices beside its attention's projections."""
    for variable in model.variables:
        variable.trainable = False
    rng = np.random.default_rng(SEED)
    for block in model.blocks:
        for dense in (block.attention.to_all, block.attention.to_outputs):
            dense.enable_lora(rank)  # its second matrix starts at 0
            down = 0.02 * rng.standard_normal((rank, dense.kernel.shape[0]))
            dense.lora_kernel_a.assign(down.T)


def merge_low_rank(model):
    """Add the products to the matrices that they correct; leave nothing beside them."""
    for block in model.blocks:
        for dense in (block.attention.to_all, block.attention.to_outputs):
            merged = dense.kernel.numpy()  # with what is beside it
            dense.lora_kernel_b.assign(tf.zeros_like(dense.lora_kernel_b))
            dense._kernel.assign(merged)


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
    print("Parameters:", model.count_params())
    start_loss = evaluate(model, valid_tokens)
    print(f"Loss at the start: {start_loss:.2f}, ln 65: {math.log(65):.2f}")
    # --8<-- [end:build]

    # --8<-- [start:causal]
    tokens = valid_tokens[None, :20]  # (1, 20)
    changed = tokens.copy()
    changed[0, 10] = (tokens[0, 10] + 1) % 65
    apart = tf.abs(model(tokens)[0] - model(changed)[0])
    places = tf.where(tf.reduce_max(apart, axis=(0, 2)))[:, 0]
    print("Places that notice a change at place 10:", *places.numpy())
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
    share = sum(x.numpy().size for x in model.trainable_variables)
    share /= sum(x.numpy().size for x in model.variables)
    train(model, other_tokens, num_steps=60, log_every=30)
    after = evaluate(model, other_valid)
    print(f"Trained: {share:.1%} | loss before: {before:.2f}, after: {after:.2f}")
    # --8<-- [end:adapt]

    # --8<-- [start:merge]
    tokens = other_valid[None, :CONTEXT]
    logits, _ = model(tokens)
    merge_low_rank(model)
    apart = tf.norm(model(tokens)[0] - logits) / tf.norm(logits)
    print("Merged, within 1e-06:", float(apart) < 1e-6)
    # --8<-- [end:merge]

    # --8<-- [start:shift]
    inputs, targets = next(draw_batches(valid_tokens, 1, SEED))
    right = float(cross_entropy(model, inputs, targets))
    wrong = float(cross_entropy(model, inputs, inputs))
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
    weights = [block.attention.to_outputs._kernel for block in model.blocks]
    for name, parts in [("positions", [model.positions]), ("attention", weights)]:
        kept = [part.numpy() for part in parts]
        for part in parts:
            part.assign(tf.zeros_like(part))
        loss = evaluate(model, other_valid)
        for part, values in zip(parts, kept, strict=True):
            part.assign(values)
        print(f"Without {name}: {loss:.1f}")
    # --8<-- [end:exercise_ablate]
