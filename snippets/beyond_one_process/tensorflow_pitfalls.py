# --8<-- [start:script]
"""What breaks the equality of N processes and one, and how to mend it."""

import os
import re

import keras
import numpy as np
import tensorflow as tf


def place(strategy):
    """Return this process's rank, and how many processes there are."""
    return strategy.cluster_resolver.task_id, strategy.num_replicas_in_sync


def add_up(strategy, value):
    """Return the sum of an array over all processes."""
    value = tf.constant(value, tf.float32)

    @tf.function
    def total():
        values = strategy.run(tf.identity, args=(value,))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)

    return total().numpy()


def gather(strategy, value):
    """Return the arrays of all processes, by rank: (world, *shape)."""
    rank, world = place(strategy)
    places = np.zeros((world, *np.shape(value)), np.float32)
    places[rank] = value
    return add_up(strategy, places)


def gradient(features, targets, weight, divisor):
    """Return the gradient of the summed loss, divided by a number of rows."""
    weight, loss_fn = tf.constant(weight), keras.losses.sparse_categorical_crossentropy
    with tf.GradientTape() as tape:
        tape.watch(weight)
        losses = loss_fn(targets, features @ weight, from_logits=True)
        loss = tf.reduce_sum(losses) / divisor
    return tape.gradient(loss, weight).numpy()


def uneven(strategy, features, targets, weight):
    """Compare the gradient of 9 rows in one process with that of 8 rows and 1 row."""
    rank, world = place(strategy)
    whole = gradient(features, targets, weight, 9)
    own = slice(0, 8) if rank == 0 else slice(8, 9)
    rows = features[own], targets[own], weight
    for name, divisor in [("mean of means", len(rows[0]) * world), ("mended", 9)]:
        found = add_up(strategy, gradient(*rows, divisor))  # as the strategy does
        off = np.linalg.norm(found - whole) / np.linalg.norm(whole)
        yield f"Uneven batch, {name}: gradient off by {off:.0%}"


def padding(strategy):
    """Count the test rows of all processes."""
    rank, world = place(strategy)
    padded = np.resize(np.arange(999), 1000)  # begins again at its end
    for name, rows in [("padded", padded), ("mended", np.arange(999))]:
        counted = add_up(strategy, len(rows[rank::world]))
        yield f"999 test rows, {name}: {counted:.0f} counted"


def batch_norm(strategy, features):
    """Compare batch normalization of half a batch with that of the whole."""
    rank, world = place(strategy)
    alone = keras.layers.BatchNormalization(epsilon=1e-5)
    whole = alone(features, training=True)[rank::world]
    own = tf.constant(features[rank::world])
    for name, synchronized in [("local", False), ("mended", True)]:
        with strategy.scope():
            layer = keras.layers.BatchNormalization(
                epsilon=1e-5, synchronized=synchronized
            )
            layer.build(own.shape)

        @tf.function
        def normalize(layer=layer):
            return strategy.run(layer, args=(own,), kwargs={"training": True})

        off = gather(strategy, np.abs(normalize() - whole).max()).max()
        yield f"Batch normalization, {name}: off by {off:.2f}"


def dropout(strategy):
    """Compare the masks of the first two processes."""
    rank, _ = place(strategy)
    for name, seed in [("one seed", 1), ("mended", 1 + rank)]:
        mask = keras.layers.Dropout(0.5, seed=seed)(np.ones(1000), training=True)
        one, two, *_ = gather(strategy, mask)
        yield f"Dropout, {name}: {np.mean(one == two):.0%} of the masks equal"


def files(strategy):
    """Count the lines of a log after one step of training."""
    rank, _ = place(strategy)
    for name, writes in [("every rank", True), ("mended", rank == 0)]:
        if writes:
            with open(f"{name}.log", "a") as log:
                log.write("Step 1\n")
        add_up(strategy, 1)  # waits until all have written
        if rank == 0:
            with open(f"{name}.log") as log:
                yield f"Log of one step, {name}: {len(log.readlines())} line(s)"
            os.remove(f"{name}.log")


def fit(strategy, features, targets):
    """Call Keras' `fit` on a model of the strategy; tell the error."""
    with strategy.scope():
        model = keras.Sequential([keras.Input((40,)), keras.layers.Dense(10)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss)
    try:
        model.fit(features, targets, batch_size=16, verbose=0)
    except Exception as error:
        told = re.sub(r"{.*}", "{...}", str(error), flags=re.DOTALL)
        yield f"fit, {type(error).__name__}: {told}"


def main():
    """Show each pitfall and its remedy; the process of rank 0 prints."""
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # reads TF_CONFIG
    start = np.load("start.npz")
    features, targets = start["signals"], start["labels"]
    weight = start["w0"][:, :10]
    lines = [
        *uneven(strategy, features[:9], targets[:9], weight),
        *padding(strategy),
        *batch_norm(strategy, features[:16]),
        *dropout(strategy),
        *files(strategy),
        *fit(strategy, features[:64], targets[:64]),
    ]
    if place(strategy)[0] == 0:
        print(*lines, sep="\n")


if __name__ == "__main__":
    main()
# --8<-- [end:script]
