# --8<-- [start:script]
"""Data-parallel training that goes on from its checkpoint when a process has died."""

import os
import signal

import keras
import numpy as np
import tensorflow as tf

BATCH_SIZE = 64  # of all processes together
PATH = "checkpoint.npz"


def save(step, variables):
    """Write a checkpoint beside the old one, then put it in its place."""
    np.savez("new.npz", step, *[variable.numpy() for variable in variables])
    os.replace("new.npz", PATH)  # all of it or nothing, even if killed here


def load(variables):
    """Load the checkpoint if there is one; return how many steps it has done."""
    if not os.path.exists(PATH):
        return 0
    with np.load(PATH) as file:
        step, *values = [file[name] for name in file.files]
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return int(step)


def main():
    """Train for 200 steps; rank 1 dies after step 130 of the first attempt."""
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # reads TF_CONFIG
    rank, world = strategy.cluster_resolver.task_id, strategy.num_replicas_in_sync
    restarts = int(os.environ["RESTARTS"])
    start = np.load("start.npz")
    signals, labels = start["signals"], start["labels"]
    loss_fn = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="sum"
    )
    with strategy.scope():
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
        optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
        optimizer.build(model.trainable_variables)
        variables = [*model.variables, *optimizer.variables]
        done = load(variables)
    if rank == 0:
        print(f"Attempt {restarts + 1} begins after step {done}", flush=True)

    def replica_step(features, targets):
        with tf.GradientTape() as tape:
            loss = loss_fn(targets, model(features, training=True)) / BATCH_SIZE
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads)

    @tf.function
    def train_step(features, targets):
        strategy.run(replica_step, args=(features, targets))

    rng = np.random.default_rng(1)  # the same in every process
    for step in range(1, 201):
        rows = rng.choice(4000, BATCH_SIZE, replace=False)[rank::world]
        if step <= done:
            continue  # but let the generator draw what it drew before
        train_step(tf.constant(signals[rows]), tf.constant(labels[rows]))
        if rank == 0 and step % 50 == 0:
            save(step, variables)
        if rank == 1 and step == 130 and restarts == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    if rank == 0:
        np.savez("weights-survived.npz", *model.get_weights())


if __name__ == "__main__":
    main()
# --8<-- [end:script]
