"""Train a GPT in TensorFlow, let it write, and adapt it by low-rank matrices."""

# --8<-- [start:imports]
import math

# --8<-- [end:imports]
import keras
import numpy as np
import tensorflow as tf

from snippets.gpt.tensorflow_model import GPT, generate, generate_cached, load_params
from snippets.gpt.training import (
    CONTEXT,
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


def build_optimizer(model):
    """Return AdamW, which shrinks matrices and leaves gains and biases alone."""
    optimizer = keras.optimizers.AdamW(
        PEAK_RATE, 0.1, beta_2=0.99, epsilon=1e-9, global_clipnorm=1.0
    )
    params = model.trainable_variables
    optimizer.exclude_from_weight_decay([p for p in params if len(p.shape) == 1])
    optimizer.build(params)
    return optimizer


# --8<-- [end:step]


# --8<-- [start:train]
def train(model, tokens, num_steps=NUM_STEPS, log_every=50):
    """Train the model in place; return the loss of each step (num_steps,)."""
    optimizer, losses = build_optimizer(model), []

    @tf.function
    def update(inputs, targets):
        with tf.GradientTape() as tape:
            loss = cross_entropy(model, inputs, targets)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads, model.trainable_variables)
        return loss

    for step, batch in enumerate(draw_batches(tokens, num_steps, SEED)):
        optimizer.learning_rate = learning_rate(step, num_steps)
        losses.append(float(update(*map(tf.constant, batch))))
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
    apart = model(tokens)[0]
    merge_low_rank(model)
    apart = np.abs(apart - model(tokens)[0]).max()
    print("Merged, within 1e-05:", apart < 1e-5)
    # --8<-- [end:merge]

    # --8<-- [start:shift]
    inputs, targets = next(draw_batches(valid_tokens, 1, SEED))
    right = float(cross_entropy(model, inputs, targets))
    wrong = float(cross_entropy(model, inputs, inputs))
    print(f"Targets shifted: {right:.1f}, not shifted: {wrong:.1f}")
    # --8<-- [end:shift]

    # --8<-- [start:exercise_start]
    large = [10 * x for x in draw_params(len(characters), SEED)]
    other = GPT(len(characters))
    load_params(other, large)
    print(f"Loss at the start: {evaluate(other, valid_tokens):.0f}")
    # --8<-- [end:exercise_start]

    # --8<-- [start:exercise_untied]
    print(model.tokens.numpy().size)
    # --8<-- [end:exercise_untied]
