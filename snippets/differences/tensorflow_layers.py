"""What Keras' layers do by default, and how to start them as PyTorch does."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]


# --8<-- [start:linear_start]
def dense_as_pytorch(num_features, units):
    """Return a built Dense layer that starts uniform within 1 / sqrt(num_features)."""
    bound = num_features**-0.5
    layer = keras.layers.Dense(
        units,
        kernel_initializer=keras.initializers.RandomUniform(-bound, bound),
        bias_initializer=keras.initializers.RandomUniform(-bound, bound),
    )
    layer.build((None, num_features))
    return layer


# --8<-- [end:linear_start]


# --8<-- [start:recurrent_start]
def gru_as_pytorch(num_features, units):
    """Return a built GRU layer that starts uniform within 1 / sqrt(units)."""
    bound = units**-0.5
    layer = keras.layers.GRU(
        units,
        kernel_initializer=keras.initializers.RandomUniform(-bound, bound),
        recurrent_initializer=keras.initializers.RandomUniform(-bound, bound),
        bias_initializer=keras.initializers.RandomUniform(-bound, bound),
    )
    layer.build((None, None, num_features))
    return layer


# --8<-- [end:recurrent_start]


# --8<-- [start:recurrent_describe]
def describe_gru(layer):
    """Return how large a GRU's weights are, and whether the state's are orthogonal.

    The weights are the input's; the biases are the input's and the state's.
    """
    kernel, recurrent_kernel, bias = layer.get_weights()
    weights, biases = abs(kernel).max(), abs(bias).max()
    product = recurrent_kernel @ recurrent_kernel.T  # (units, units)
    orthogonal = np.allclose(product, np.eye(len(product)), atol=1e-5)
    return f"{weights:.2f}, biases {biases:.2f}, orthogonal: {orthogonal}"


# --8<-- [end:recurrent_describe]


if __name__ == "__main__":
    # --8<-- [start:linear]
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(50)
    layer.build((None, 100))
    kernel, bias = layer.get_weights()
    print(f"Weights: up to {abs(kernel).max():.2f}")
    print(f"Biases:  up to {abs(bias).max():.2f}")
    # --8<-- [end:linear]

    # --8<-- [start:linear_agree]
    layers = {"PyTorch's": dense_as_pytorch(100, 50), "Keras'": keras.layers.Dense(50)}
    layers["Keras'"].build((None, 100))
    for name, layer in layers.items():
        weights, biases = (abs(array).max() for array in layer.get_weights())
        print(f"{name} start: weights up to {weights:.2f}, biases up to {biases:.2f}")
    # --8<-- [end:linear_agree]

    # --8<-- [start:embedding]
    keras.utils.set_random_seed(0)
    layer = keras.layers.Embedding(1000, 64)
    layer.build()
    print(f"Standard deviation: {layer.get_weights()[0].std():.2f}")
    # --8<-- [end:embedding]

    # --8<-- [start:embedding_agree]
    normal = keras.initializers.RandomNormal(stddev=1.0)
    layers = {
        "PyTorch's": keras.layers.Embedding(1000, 64, embeddings_initializer=normal),
        "Keras'": keras.layers.Embedding(1000, 64),
    }
    for name, layer in layers.items():
        layer.build()
        print(f"{name} start: standard deviation {layer.get_weights()[0].std():.2f}")
    # --8<-- [end:embedding_agree]

    # --8<-- [start:recurrent]
    keras.utils.set_random_seed(0)
    layer = keras.layers.GRU(100)
    layer.build((None, None, 50))
    print("Weights up to", describe_gru(layer))
    # --8<-- [end:recurrent]

    # --8<-- [start:recurrent_agree]
    layers = {"PyTorch's": gru_as_pytorch(50, 100), "Keras'": keras.layers.GRU(100)}
    layers["Keras'"].build((None, None, 50))
    for name, layer in layers.items():
        print(f"{name} start: weights up to", describe_gru(layer))
    # --8<-- [end:recurrent_agree]

    # --8<-- [start:dropout]
    keras.utils.set_random_seed(0)
    outputs = keras.layers.Dropout(rate=0.1)(tf.ones(100_000), training=True)
    print(f"Dropped: {np.mean(outputs == 0):.2f}")
    print(f"The others: {np.max(outputs):.2f}")
    # --8<-- [end:dropout]

    # --8<-- [start:dropout_then]
    keras.utils.set_random_seed(0)
    ones = tf.ones(100_000)
    then = tf.compat.v1.nn.dropout(ones, 0.9)  # keep_prob
    now = tf.nn.dropout(ones, 0.9)  # rate
    print(f"Then: dropped {np.mean(then == 0):.2f}, the others {np.max(then):.2f}")
    print(f"Now:  dropped {np.mean(now == 0):.2f}, the others {np.max(now):.2f}")
    # --8<-- [end:dropout_then]

    # --8<-- [start:mode]
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dropout(0.5)
    outputs = layer(tf.ones(1000))
    print("Drops:", bool(np.any(outputs == 0)))
    # --8<-- [end:mode]

    # --8<-- [start:mode_agree]
    outputs = layer(tf.ones(1000), training=True)
    print("In training drops:", bool(np.any(outputs == 0)))
    outputs = layer(tf.ones(1000), training=False)
    print("In inference drops:", bool(np.any(outputs == 0)))
    # --8<-- [end:mode_agree]

    # --8<-- [start:leaky]
    print(f"The layer: {keras.layers.LeakyReLU()(tf.constant([-1.0]))[0]:.2f}")
    print(f"The function: {tf.nn.leaky_relu(tf.constant(-1.0)):.2f}")
    # --8<-- [end:leaky]

    # --8<-- [start:leaky_agree]
    layer = keras.layers.LeakyReLU(negative_slope=0.1)
    print(f"The layer: {layer(tf.constant([-1.0]))[0]:.2f}")
    output = tf.nn.leaky_relu(tf.constant(-1.0), alpha=0.1)
    print(f"The function: {output:.2f}")
    # --8<-- [end:leaky_agree]
