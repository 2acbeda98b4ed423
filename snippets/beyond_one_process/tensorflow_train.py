# --8<-- [start:script]
"""Data-parallel training: every process computes the gradient of its own rows."""

import keras
import numpy as np
import tensorflow as tf

BATCH_SIZE = 64  # of all processes together


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


def main():
    """Train for 200 steps; the process of rank 0 prints, and writes the weights."""
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # reads TF_CONFIG
    rank, world = strategy.cluster_resolver.task_id, strategy.num_replicas_in_sync
    start = np.load("start.npz")
    signals, labels = start["signals"], start["labels"]
    loss_fn = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="sum"
    )
    with strategy.scope():
        model = build_model(start)
        optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
        optimizer.build(model.trainable_variables)

    def replica_step(features, targets):
        with tf.GradientTape() as tape:
            loss = loss_fn(targets, model(features, training=True)) / BATCH_SIZE
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads)  # and sum the gradients of all processes
        return loss

    @tf.function
    def train_step(features, targets):
        losses = strategy.run(replica_step, args=(features, targets))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    rng = np.random.default_rng(1)  # the same in every process
    for step in range(1, 201):
        rows = rng.choice(4000, BATCH_SIZE, replace=False)[rank::world]
        loss = train_step(tf.constant(signals[rows]), tf.constant(labels[rows]))
        if rank == 0 and step % 50 == 0:
            print(f"{world} | Step: {step:03d} | Loss: {float(loss):.4f}", flush=True)
    if rank == 0:
        np.savez(f"weights-{world}.npz", *model.get_weights())


if __name__ == "__main__":
    main()
# --8<-- [end:script]
