"""Six models of one task in TensorFlow, and the training that they all get."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf
from keras import layers

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.one_data_set.training import (
    ORDER,
    SEED,
    SETTINGS,
    WEIGHT_DECAY,
    draw_batches,
    draw_weights,
)


# --8<-- [start:linear]
def build_linear():
    """Return softmax regression."""
    return keras.Sequential([keras.Input((40,)), layers.Dense(10)])


# --8<-- [end:linear]


# --8<-- [start:mlp]
def build_mlp():
    """Return a perceptron with two hidden layers of 100 units."""
    return keras.Sequential(
        [
            keras.Input((40,)),
            layers.Dense(100, activation="relu"),
            layers.Dense(100, activation="relu"),
            layers.Dense(10),
        ]
    )


# --8<-- [end:mlp]


# --8<-- [start:cnn]
def build_cnn():
    """Return three convolutions of 25 channels, each of which halves the length."""
    return keras.Sequential(
        [
            keras.Input((40,)),
            layers.Reshape((40, 1)),
            layers.ZeroPadding1D(1),
            layers.Conv1D(25, 5, strides=2, activation="relu"),  # 19 places
            layers.ZeroPadding1D(1),
            layers.Conv1D(25, 3, strides=2, activation="relu"),  # 10
            layers.ZeroPadding1D(1),
            layers.Conv1D(25, 3, strides=2, activation="relu"),  # 5
            layers.Permute((2, 1)),  # as PyTorch flattens: (batch, 25, 5)
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


# --8<-- [end:cnn]


# --8<-- [start:gru]
def build_gru():
    """Return a reader in both directions; all states together give the logits."""
    return keras.Sequential(
        [
            keras.Input((40,)),
            layers.Reshape((40, 1)),
            layers.Bidirectional(layers.GRU(6, return_sequences=True)),
            layers.Flatten(),  # (batch, 40 * 12)
            layers.Dense(10),
        ]
    )


# --8<-- [end:gru]


# --8<-- [start:residual]
def add_block(x):
    """Return x plus two normalized convolutions of it, through ReLU."""
    branch = layers.Conv1D(32, 3, padding="same", use_bias=False)(x)
    branch = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(branch)
    branch = layers.ReLU()(branch)
    branch = layers.Conv1D(32, 3, padding="same", use_bias=False)(branch)
    branch = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(branch)
    return layers.ReLU()(layers.Add()([x, branch]))


def build_residual():
    """Return a convolution and three residual blocks; the mean over time is read."""
    inputs = keras.Input((40,))
    x = layers.Reshape((40, 1))(inputs)
    x = layers.ZeroPadding1D(1)(x)
    x = layers.Conv1D(32, 4, strides=2, use_bias=False)(x)  # 20 places
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    x = layers.ReLU()(x)
    for _ in range(3):
        x = add_block(x)  # (batch, 20, 32)
    x = layers.GlobalAveragePooling1D()(x)  # (batch, 32)
    return keras.Model(inputs, layers.Dense(10)(x))


# --8<-- [end:residual]


# --8<-- [start:transformer]
class AddPositions(layers.Layer):
    """Add a vector to each place, which is learned: attention knows no places."""

    def build(self, shape):
        """Make the vectors (length, width)."""
        self.positions = self.add_weight(shape=shape[1:], name="positions")

    def call(self, x):
        """Return features of the same shape (batch, length, width)."""
        return x + self.positions


def add_encoder(x):
    """Return x after a block of attention and a perceptron, each behind a LayerNorm."""
    normed = layers.LayerNormalization(epsilon=1e-5)(x)
    heads = layers.Reshape((40, 6, 16))(layers.Dense(96)(normed))
    queries, keys, values = keras.ops.split(heads, 3, axis=2)  # two heads each
    outputs = keras.ops.dot_product_attention(queries, keys, values)
    x = x + layers.Dense(32)(layers.Reshape((40, 32))(outputs))
    normed = layers.LayerNormalization(epsilon=1e-5)(x)
    return x + layers.Dense(32)(layers.Dense(128, activation="gelu")(normed))


def build_transformer():
    """Let 40 places read from one another, twice; their mean gives the logits."""
    inputs = keras.Input((40,))
    x = layers.Reshape((40, 1))(inputs)
    x = layers.Dense(32, use_bias=False)(x)
    x = AddPositions()(x)  # (batch, 40, 32)
    x = add_encoder(add_encoder(x))
    x = layers.LayerNormalization(epsilon=1e-5)(x)
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling1D()(x)))


# --8<-- [end:transformer]


# --8<-- [start:models]
MODELS = {
    "linear": build_linear,
    "MLP": build_mlp,
    "CNN": build_cnn,
    "GRU": build_gru,
    "residual": build_residual,
    "Transformer": build_transformer,
}
# --8<-- [end:models]


# --8<-- [start:start]
def start(model, seed):
    """Draw all weights with NumPy, in the order of the layers; biases are zero."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        if "positions" in variable.name:
            variable.assign(rng.standard_normal(variable.shape))
        elif "kernel" in variable.name:
            weights = draw_weights(variable.shape, rng)
            if "gru" in variable.path:  # PyTorch's gates: reset, update, candidate
                reset, update, candidate = np.split(weights, 3, axis=1)
                weights = np.concatenate([update, reset, candidate], axis=1)
            variable.assign(weights)


def count_params(model):
    """Return the number of what is trained."""
    return sum(np.prod(variable.shape) for variable in model.trainable_variables)


# --8<-- [end:start]


# --8<-- [start:fit]
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def fit(model, learning_rate, batches, features, targets):
    """Train the model in place; the learning rate falls to zero, step by step."""
    schedule = keras.optimizers.schedules.PolynomialDecay(
        learning_rate, len(batches), end_learning_rate=0.0
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=WEIGHT_DECAY, epsilon=1e-8
    )
    # On a CPU, XLA's convolutions are slow, and by default `fit` compiles with XLA.
    model.compile(optimizer, loss_fn, jit_compile=False)
    train_ds = tf.data.Dataset.from_tensor_slices(batches).map(
        lambda batch: (tf.gather(features, batch), tf.gather(targets, batch))
    )
    model.fit(train_ds, shuffle=False, verbose=0)


def evaluate(model, features, targets):
    """Return the mean loss, and the accuracy."""
    model.compile(loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return model.evaluate(features, targets, batch_size=len(targets), verbose=0)


# --8<-- [end:fit]

if __name__ == "__main__":
    signals, labels = make_mnist1d()

    # --8<-- [start:run_models]
    X, y = tf.constant(signals), tf.constant(labels)
    batches = draw_batches(4000, 1, SEED)[:20]
    for name, build in MODELS.items():
        model = build()
        start(model, SEED)
        before, _ = evaluate(model, X[:4000], y[:4000])
        fit(model, 0.003, batches, X, y)
        after, _ = evaluate(model, X[:4000], y[:4000])
        count = f"{count_params(model):6,} parameters"
        print(f"{name:11} | {count} | Loss: {before:.2f} | 20 steps later: {after:.2f}")
    # --8<-- [end:run_models]

    # --8<-- [start:run_linear]
    learning_rate, num_epochs = SETTINGS["linear"]
    linear = build_linear()
    start(linear, SEED)
    batches = draw_batches(4000, num_epochs, SEED)
    fit(linear, learning_rate, batches, X[:4000], y[:4000])
    print(f"Test ACC: {100 * evaluate(linear, X[4000:], y[4000:])[1]:.1f}%")
    # --8<-- [end:run_linear]

    # --8<-- [start:run_symmetry]
    shuffled = signals[:, ORDER]
    mlp, other = build_mlp(), build_mlp()
    other.set_weights(mlp.get_weights())
    other.trainable_variables[0].assign(mlp.get_weights()[0][ORDER])
    same = np.allclose(other(shuffled), mlp(signals), atol=1e-4)
    print("MLP, its first weights shuffled, too: same logits:", same)

    encoder, other = build_transformer(), build_transformer()
    start(encoder, SEED)
    other.set_weights(encoder.get_weights())
    other.trainable_variables[1].assign(encoder.get_weights()[1][ORDER])
    same = np.allclose(other(shuffled[:100]), encoder(signals[:100]), atol=1e-4)
    print("Transformer, its positions shuffled, too: same logits:", same)
    # --8<-- [end:run_symmetry]
