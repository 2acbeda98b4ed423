"""How Keras pads, pools, orders channels and normalizes, next to PyTorch."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]


# --8<-- [start:norm_class]
class BatchNormAsInPyTorch(keras.layers.BatchNormalization):
    """Batch normalization whose moving variance divides by n - 1, not by n."""

    def call(self, inputs, training=False):
        """Normalize inputs, channels last; in training, update the averages."""
        kept = self.momentum * self.moving_variance
        n = tf.size(inputs) // inputs.shape[-1]  # values of each channel
        learns = training and self.trainable
        if learns:
            tf.debugging.assert_greater(n, 1, "one value has no variance")
        outputs = super().call(inputs, training=training)
        if learns:
            added = self.moving_variance - kept
            self.moving_variance.assign_add(added / tf.cast(n - 1, added.dtype))
        return outputs


# --8<-- [end:norm_class]


if __name__ == "__main__":
    # --8<-- [start:same]
    signal = tf.constant([[[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]]])  # channels last
    kernel = tf.ones((3, 1, 1))  # adds up three neighbours
    outputs = tf.nn.conv1d(signal, kernel, stride=2, padding="SAME")
    print(outputs.numpy().ravel().tolist())
    # --8<-- [end:same]

    # --8<-- [start:same_agree]
    outputs = tf.nn.conv1d(signal, kernel, stride=2, padding="SAME")
    print("As in Keras:  ", outputs.numpy().ravel().tolist())
    both_sides = tf.pad(signal, [[0, 0], [1, 1], [0, 0]])
    outputs = tf.nn.conv1d(both_sides, kernel, stride=2, padding="VALID")
    print("As in PyTorch:", outputs.numpy().ravel().tolist())
    # --8<-- [end:same_agree]

    # --8<-- [start:pool]
    signal = tf.ones((1, 5, 1))  # (batch, time, channel)
    pool = keras.layers.AveragePooling1D(3, strides=2, padding="same")
    print(*(f"{value:.3f}" for value in pool(signal)[0, :, 0]))
    # --8<-- [end:pool]

    # --8<-- [start:pool_agree]
    padded = tf.pad(signal, [[0, 0], [1, 1], [0, 0]])
    outputs = keras.layers.AveragePooling1D(3, strides=2)(padded)
    print("With the zeros:   ", *(f"{value:.3f}" for value in outputs[0, :, 0]))
    print("Without the zeros:", *(f"{value:.3f}" for value in pool(signal)[0, :, 0]))
    # --8<-- [end:pool_agree]

    # --8<-- [start:nearest]
    signal = tf.constant([[[[0.0]], [[1.0]], [[2.0]]]])  # (batch, height, width, 1)
    outputs = tf.image.resize(signal, [5, 1], method="nearest")
    print(outputs.numpy().ravel().tolist())
    # --8<-- [end:nearest]

    # --8<-- [start:nearest_agree]
    outputs = tf.raw_ops.ResizeNearestNeighbor(images=signal, size=[5, 1])
    print("Edges:  ", outputs.numpy().ravel().tolist())
    outputs = tf.image.resize(signal, [5, 1], method="nearest")
    print("Middles:", outputs.numpy().ravel().tolist())
    # --8<-- [end:nearest_agree]

    # --8<-- [start:channels]
    conv = keras.layers.Conv2D(5, kernel_size=3)
    conv.build((None, None, None, 2))  # from 2 channels to 5
    print("Kernel:", tuple(conv.kernel.shape))
    red, green = [[1, 2], [3, 4]], [[10, 20], [30, 40]]
    image = tf.stack([red, green], axis=-1)[tf.newaxis]  # (batch, height, width, 2)
    print("Flattened:", keras.layers.Flatten()(image)[0].numpy().tolist())
    # --8<-- [end:channels]

    # --8<-- [start:channels_agree]
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, 6, 6, 2)).astype(np.float32)  # channels last
    kernel = rng.normal(size=(3, 3, 2, 5)).astype(np.float32)  # as in Keras
    outputs = tf.nn.conv2d(image, kernel, strides=1, padding="VALID")
    flat = keras.layers.Flatten()(outputs)
    print(flat.shape[1], "features:", *(f"{value:.3f}" for value in flat[0, :4]))
    # --8<-- [end:channels_agree]

    # --8<-- [start:norm]
    features = tf.constant([[1.0], [2.0], [4.0], [5.0]])  # (batch, features)
    norm = keras.layers.BatchNormalization()
    norm(features, training=True)
    mean, variance = norm.moving_mean[0], norm.moving_variance[0]
    print(f"Mean {mean:.3f}, variance {variance:.3f}")
    outputs = norm(features / 100, training=True)
    print("Small features:", *(f"{value:.2f}" for value in outputs[:, 0]))
    # --8<-- [end:norm]

    # --8<-- [start:norm_agree]
    norm = BatchNormAsInPyTorch(momentum=0.9, epsilon=1e-5)
    for scale in [1.0, 2.0, 3.0]:
        norm(scale * features, training=True)
        mean, variance = norm.moving_mean[0], norm.moving_variance[0]
        print(f"Mean {mean:.3f}, variance {variance:.3f}")
    outputs = norm(features, training=False)
    print("Inference:", *(f"{value:.3f}" for value in outputs[:, 0]))
    # --8<-- [end:norm_agree]

    # --8<-- [start:frozen]
    norm = keras.layers.BatchNormalization()
    norm.trainable = False
    outputs = norm(features, training=True)
    print(f"Mean {norm.moving_mean[0]:.3f}")
    print("Outputs:", *(f"{value:.3f}" for value in outputs[:, 0]))
    # --8<-- [end:frozen]

    # --8<-- [start:frozen_agree]
    norm = BatchNormAsInPyTorch(momentum=0.9, epsilon=1e-5)
    norm.trainable = False
    outputs = norm(features, training=True)
    print("Outputs:", *(f"{value:.3f}" for value in outputs[:, 0]))
    print(f"Frozen: mean {norm.moving_mean[0]:.3f}")
    norm.trainable = True
    norm.gamma.trainable = norm.beta.trainable = False  # its parameters alone
    norm(features, training=True)
    print(f"No gradients: mean {norm.moving_mean[0]:.3f}")
    # --8<-- [end:frozen_agree]

    # --8<-- [start:layer_norm]
    features = tf.constant([[0.01, 0.02, 0.04, 0.05]])  # (batch, features)
    outputs = keras.layers.LayerNormalization()(features)
    print(*(f"{value:.2f}" for value in outputs[0]))
    # --8<-- [end:layer_norm]

    # --8<-- [start:layer_norm_agree]
    outputs = keras.layers.LayerNormalization(epsilon=1e-6)(features)
    print(*(f"{value:.2f}" for value in outputs[0]))
    # --8<-- [end:layer_norm_agree]
