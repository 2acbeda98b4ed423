"""One process in TensorFlow: the loop that the distributed scripts must repeat."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.beyond_one_process.common import write_start


# --8<-- [start:model]
def build_model(start):
    """Return a multilayer perceptron with the start weights of a file."""
    model = keras.Sequential(
        [
            keras.Input((40,)),
            keras.layers.Dense(100, "gelu"),
            keras.layers.Dense(100, "gelu"),
            keras.layers.Dense(10),
        ]
    )
    for layer, name in zip(model.layers, ["w0", "w1", "w2"], strict=True):
        layer.set_weights([start[name], np.zeros(layer.units, np.float32)])
    return model


# --8<-- [end:model]


# --8<-- [start:train]
def train(start, batch_size=64, learning_rate=0.05, num_steps=200):
    """Train in this process alone; return the model and the loss of each step."""
    signals, labels = start["signals"], start["labels"]
    model = build_model(start)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(learning_rate, momentum=0.9)
    optimizer.build(model.trainable_variables)

    @tf.function
    def train_step(features, targets):
        with tf.GradientTape() as tape:
            loss = loss_fn(targets, model(features, training=True))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads)
        return loss

    rng, losses = np.random.default_rng(1), []
    for _ in range(num_steps):
        rows = rng.choice(4000, batch_size, replace=False)
        loss = train_step(tf.constant(signals[rows]), tf.constant(labels[rows]))
        losses.append(float(loss))
    return model, losses


# --8<-- [end:train]


# --8<-- [start:recompute]
def gradients(blocks, features, recompute):
    """Return the gradients of a mean square, and how often a block ran."""
    params = [x for block in blocks for x in block.trainable_variables]
    runs = []

    def counted(block):
        def call(x):
            runs.append(block)
            return block(x)

        return tf.recompute_grad(call) if recompute else call

    with tf.GradientTape() as tape:
        hidden = features
        for block in blocks:
            hidden = counted(block)(hidden)
        loss = tf.reduce_mean(hidden**2)
    grads = tape.gradient(loss, params)
    return [x.numpy() for x in grads], len(runs)


# --8<-- [end:recompute]


if __name__ == "__main__":
    write_start("start.npz")

    # --8<-- [start:run]
    start = np.load("start.npz")
    model, losses = train(start)
    np.savez("weights-alone.npz", *model.get_weights())
    for step in [50, 100, 150, 200]:
        print(f"Step: {step:03d} | Loss: {losses[step - 1]:.4f}")
    # --8<-- [end:run]

    # --8<-- [start:rate]
    for batch_size, learning_rate in [(64, 0.05), (256, 0.05), (256, 0.2)]:
        _, losses = train(start, batch_size, learning_rate, 12800 // batch_size)
        mean = np.mean(losses[-1280 // batch_size :])
        print(f"Batch: {batch_size:3d} | Rate: {learning_rate:.2f} | Loss: {mean:.3f}")
    # --8<-- [end:rate]

    # --8<-- [start:run_recompute]
    keras.utils.set_random_seed(1)
    blocks = [keras.layers.Dense(256, "gelu") for _ in range(8)]
    features = tf.random.normal((1024, 256))
    for block in blocks:
        block.build(features.shape)
    kept_grads, runs = gradients(blocks, features, recompute=False)
    print(f"Kept:       blocks run: {runs:2d}")
    grads, runs = gradients(blocks, features, recompute=True)
    print(f"Recomputed: blocks run: {runs:2d}")
    print("Same gradients:", all(map(np.array_equal, grads, kept_grads)))
    # --8<-- [end:run_recompute]
