"""A Transformer encoder in TensorFlow, from layers, as one trains it in practice."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.transformer.figures import plot_attention
from snippets.transformer.tensorflow_manual import attend, merge_heads, split_heads
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
class MultiHeadAttention(keras.layers.Layer):
    """Let each place of a sequence read from all places, in several heads."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.to_queries = keras.layers.Dense(width, use_bias=False)
        self.to_keys = keras.layers.Dense(width, use_bias=False)
        self.to_values = keras.layers.Dense(width, use_bias=False)
        self.to_outputs = keras.layers.Dense(width, use_bias=False)

    def call(self, x, mask=None):
        """Return (batch, length, width) and weights (batch, heads, length, length)."""
        queries = split_heads(self.to_queries(x), self.num_heads)
        keys = split_heads(self.to_keys(x), self.num_heads)
        values = split_heads(self.to_values(x), self.num_heads)
        outputs, weights = attend(queries, keys, values, mask)
        return self.to_outputs(merge_heads(outputs)), weights


# --8<-- [end:attention]


# --8<-- [start:block]
class EncoderBlock(keras.layers.Layer):
    """Attention, then a perceptron for each place; each adds to what comes in."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.norm1 = keras.layers.LayerNormalization(epsilon=1e-5)
        self.attention = MultiHeadAttention(width, num_heads)
        self.norm2 = keras.layers.LayerNormalization(epsilon=1e-5)
        self.expand = keras.layers.Dense(4 * width)
        self.shrink = keras.layers.Dense(width)

    def call(self, x):
        """Return the sequence in its shape (batch, length, width)."""
        x = x + self.attention(self.norm1(x))[0]
        hidden = self.expand(self.norm2(x))  # (batch, length, 4 * width)
        return x + self.shrink(tf.nn.gelu(hidden))


# --8<-- [end:block]


# --8<-- [start:model]
class Transformer(keras.Model):
    """Embed a sequence, add its positions, and send it through encoder blocks.

    The sizes are (num_inputs, length, num_outputs). Logits are for each place (batch,
    length, num_outputs), or with `pool` for the mean of all (batch, num_outputs). If
    `learned`, the positions are trained, too.
    """

    def __init__(self, sizes, blocks=1, heads=1, learned=False, pool=False):
        super().__init__()
        num_inputs, length, num_outputs = sizes
        self.pool = pool
        shape = length, WIDTH
        self.positions = self.add_weight(shape=shape, trainable=learned)
        self.embed = keras.layers.Dense(WIDTH, use_bias=False)
        self.blocks = [EncoderBlock(WIDTH, heads) for _ in range(blocks)]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5)
        self.to_logits = keras.layers.Dense(num_outputs)
        self(tf.zeros((1, length, num_inputs)))  # creates the weights

    def call(self, inputs):
        """Return the logits of a batch of sequences."""
        x = self.embed(inputs) + self.positions  # (batch, length, width)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.to_logits(tf.reduce_mean(x, axis=1) if self.pool else x)


# --8<-- [end:model]


# --8<-- [start:load]
def load_params(model, params):
    """Copy arrays into the model in the order of its layers."""
    model.set_weights(params)


# --8<-- [end:load]


# --8<-- [start:fit]
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
    num_steps = num_epochs * len(train_data[0]) // BATCH_SIZE
    schedule = keras.optimizers.schedules.PolynomialDecay(learning_rate, num_steps, 0.0)
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay, beta_2=0.98, epsilon=1e-9
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss_fn, metrics=["accuracy"], jit_compile=False)
    inputs, targets = (tf.constant(x) for x in train_data)
    batches = list(draw_batches(len(inputs), num_epochs, BATCH_SIZE, SEED))
    train_ds = tf.data.Dataset.from_tensor_slices(np.concatenate(batches)).map(
        lambda batch: (tf.gather(inputs, batch), tf.gather(targets, batch))
    )
    history = model.fit(
        train_ds,
        epochs=num_epochs,
        steps_per_epoch=len(batches[0]),
        validation_data=valid_data,
        validation_batch_size=len(valid_data[0]),
        shuffle=False,
        verbose=0,
    ).history
    return np.stack([history[x] for x in ("loss", "val_loss", "val_accuracy")], axis=1)


# --8<-- [end:fit]


# --8<-- [start:fused]
class FusedAttention(keras.layers.Layer):
    """Compute as MultiHeadAttention does, with one product and Keras' own kernel."""

    def __init__(self, width, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.to_all = keras.layers.Dense(3 * width, use_bias=False)
        self.to_outputs = keras.layers.Dense(width, use_bias=False)

    def call(self, x):
        """Return (batch, length, width); this kernel does not keep the weights."""
        return self.to_outputs(self.mix(*tf.split(self.to_all(x), 3, axis=-1))), None

    def mix(self, *parts):
        """Return the outputs of all heads, given queries, keys and values."""
        _, length, width = parts[0].shape
        shape = -1, length, self.num_heads, width // self.num_heads
        heads = [tf.reshape(part, shape) for part in parts]  # length before heads
        outputs = keras.ops.dot_product_attention(*heads)
        return tf.reshape(outputs, (-1, length, width))


# --8<-- [end:fused]


if __name__ == "__main__":
    # --8<-- [start:run]
    train_data = draw_sequences(6400, seed=1)
    valid_data = draw_sequences(1000, seed=2)
    test_data = draw_sequences(1000, seed=3)
    model = Transformer(SIZES)
    start = draw_params(SIZES, 1, SEED)
    load_params(model, start)
    print_log(fit(model, train_data, valid_data, NUM_EPOCHS))
    print(f"Test ACC: {model.evaluate(*test_data, 1000, verbose=0)[1]:.1%}")
    print("Parameters:", sum(x.numpy().size for x in model.trainable_weights))
    # --8<-- [end:run]

    # --8<-- [start:map]
    sequence = test_data[0][:1]  # (1, LENGTH)
    block = model.blocks[0]
    x = model.embed(sequence) + model.positions
    weights = block.attention(block.norm1(x))[1][0, 0]  # (LENGTH, LENGTH)
    mirrored = np.arange(LENGTH - 1, -1, -1)
    looks = np.sum(tf.argmax(weights, axis=1) == mirrored)
    print(f"Places that look most at their mirror image: {looks} of {LENGTH}")
    plot_attention(weights.numpy(), sequence[0].argmax(axis=1))
    # --8<-- [end:map]

    # --8<-- [start:positions]
    starts = {"none": np.zeros, "learned": np.random.default_rng(SEED).standard_normal}
    for name, draw in starts.items():
        other = Transformer(SIZES, learned=name == "learned")
        load_params(other, [draw((LENGTH, WIDTH)), *start[1:]])
        accuracy = fit(other, train_data, valid_data, 2)[-1, 2]
        print(f"Positions {name}: {accuracy:.1%} of the validation symbols")
    # --8<-- [end:positions]

    # --8<-- [start:library]
    attention = MultiHeadAttention(WIDTH, num_heads=4)
    outputs, weights = attention(x)
    library = keras.layers.MultiHeadAttention(4, key_dim=WIDTH // 4, use_bias=False)
    library.build(x.shape, x.shape)
    for ours, theirs in zip(attention.weights, library.weights, strict=True):
        theirs.assign(tf.reshape(ours, theirs.shape))
    others, other_weights = library(x, x, return_attention_scores=True)
    print("query kernel:", library.weights[0].shape)
    print("output kernel:", library.weights[3].shape)
    for name, apart in [
        ("Outputs", outputs - others),
        ("Weights", weights - other_weights),
    ]:
        print(f"{name} within 1e-06: {np.abs(apart).max() < 1e-6}")
    # --8<-- [end:library]

    # --8<-- [start:signals]
    signals, labels = make_mnist1d()
    signals = signals[:, :, None]  # (5000, 40, 1)
    train_data = signals[:3200], labels[:3200]
    valid_data = signals[3200:4000], labels[3200:4000]
    encoder = Transformer([1, 40, 10], blocks=2, heads=4, learned=True, pool=True)
    load_params(encoder, draw_params([1, 40, 10], 2, SEED))
    print_log(fit(encoder, train_data, valid_data, 2, 0.003, weight_decay=0.3))
    print("Parameters:", encoder.count_params())
    # --8<-- [end:signals]

    # --8<-- [start:exercise_rates]
    train_data = draw_sequences(6400, seed=1)
    valid_data = draw_sequences(1000, seed=2)
    for learning_rate in [0.001, 0.01, 0.1]:
        other = Transformer(SIZES)
        load_params(other, draw_params(SIZES, 1, SEED))
        valid_loss = fit(other, train_data, valid_data, 1, learning_rate)[-1, 1]
        print(f"{learning_rate:.3f}: validation loss {valid_loss:.1f}")
    # --8<-- [end:exercise_rates]

    # --8<-- [start:exercise_ablate]
    other = Transformer(SIZES)
    load_params(other, draw_params(SIZES, 1, SEED))
    other.blocks[0].shrink.kernel.assign(tf.zeros((4 * WIDTH, WIDTH)))
    other.blocks[0].shrink.trainable = False  # what it adds stays 0
    accuracy = fit(other, train_data, valid_data, 2)[-1, 2]
    print(f"Without the perceptron: {accuracy:.1%} of the validation symbols")
    # --8<-- [end:exercise_ablate]

    # --8<-- [start:run_fused]
    fused = FusedAttention(WIDTH, num_heads=4)
    fused(x)  # creates the weights
    *parts, to_outputs = attention.get_weights()
    fused.set_weights([np.concatenate(parts, axis=1), to_outputs])
    apart = np.abs(fused(x)[0] - attention(x)[0]).max()
    print(f"Within 1e-06: {apart < 1e-6}")
    # --8<-- [end:run_fused]
