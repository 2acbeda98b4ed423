"""Precision, reproducibility, a profile and a log in TensorFlow."""

# --8<-- [start:imports]
import time
from collections import Counter
from pathlib import Path

import keras
import ml_dtypes
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.precision.figures import plot_ranges
from snippets.precision.training import (
    NUM_CLASSES,
    NUM_HIDDEN,
    NUM_STEPS,
    SEED,
    draw_batches,
    draw_params,
    print_equal,
    print_flushed,
)


# --8<-- [start:model]
def build_model(dropout=0.0, seed=SEED, policy="float32"):
    """Return a perceptron with dropout between its layers; its weights are float32."""
    layers = [
        keras.layers.Dense(NUM_HIDDEN, activation="relu", dtype=policy),
        keras.layers.Dropout(dropout, dtype=policy),
        keras.layers.Dense(NUM_CLASSES, dtype=policy),
    ]
    model = keras.Sequential([keras.Input([40]), *layers])
    model.set_weights(draw_params(seed))
    return model


# --8<-- [end:model]


# --8<-- [start:train]
def train(model, features, targets, num_steps=NUM_STEPS, seed=SEED):
    """Train in place by SGD with momentum; return the loss of each step."""
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    losses = []
    for batch in draw_batches(len(targets), num_steps, seed):
        X, y = tf.gather(features, batch), tf.gather(targets, batch)
        with tf.GradientTape() as tape:
            logits = tf.cast(model(X, training=True), tf.float32)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            loss = tf.reduce_mean(loss)
        grads = tape.gradient(loss, model.trainable_weights)
        optimizer.apply(grads, model.trainable_weights)
        losses.append(float(loss))
    return losses


def accuracy(model, features, targets):
    """Return the share of signals that are read right."""
    hits = tf.argmax(model(features), axis=1) == targets
    return float(tf.reduce_mean(tf.cast(hits, tf.float64)))


def weights_of(model):
    """Return copies of the weights as arrays."""
    return model.get_weights()


# --8<-- [end:train]


# --8<-- [start:run_seeds]
def run(weight_seed=1, order_seed=1, dropout_seed=1, extra=False):
    """Return the weights after 20 steps, by the seeds of all that is random."""
    keras.utils.set_random_seed(dropout_seed)
    if extra:
        keras.layers.Dense(2).build([None, 2])  # draws its weights
    model = build_model(dropout=0.5, seed=weight_seed)
    train(model, X, y, 20, order_seed)
    return weights_of(model)


# --8<-- [end:run_seeds]


# --8<-- [start:loader]
def draw(num_calls=2, seed=1, by_example=False):
    """Return eight random numbers, such as those that augment eight images."""
    tf.random.set_seed(seed)

    def noise(index):
        if by_example:
            return tf.random.stateless_uniform((), [seed, index])
        return tf.random.uniform(())  # the pipeline's generator

    data = tf.data.Dataset.range(8).map(noise, num_parallel_calls=num_calls)
    return list(data.as_numpy_iterator())


# --8<-- [end:loader]


# --8<-- [start:profile]
def count_events(folder):
    """Return how often each event happened that a profile in a folder tells of."""
    [path] = Path(folder).rglob("*.xplane.pb")
    counts = Counter()
    for plane in xplane_pb2.XSpace.FromString(path.read_bytes()).planes:
        for line in plane.lines:
            for event in line.events:
                counts[plane.event_metadata[event.metadata_id].name] += 1
    return counts


# --8<-- [end:profile]

if __name__ == "__main__":
    import subprocess
    import sys

    import numpy as np

    signals, labels = make_mnist1d()
    X_train, X_valid = signals[:3200], signals[3200:4000]
    y_train, y_valid = labels[:3200], labels[3200:4000]

    # --8<-- [start:run_formats]
    ranges = {}
    for dtype in [tf.float32, tf.bfloat16, tf.float16]:
        info = ml_dtypes.finfo(dtype.as_numpy_dtype)
        name = dtype.name
        ranges[name] = float(info.smallest_subnormal), float(info.max)
        print(f"{name:8} | {info.bits} bits | step above 1: {info.eps:.1e}", end="")
        print(f" | {ranges[name][0]:.0e} to {ranges[name][1]:.0e}")
    # --8<-- [end:run_formats]

    # --8<-- [start:run_autocast]
    X, y = tf.constant(X_train), tf.constant(y_train)
    valid_data = tf.constant(X_valid), tf.constant(y_valid)
    accuracies, units = {}, {}
    for policy in ["float32", "mixed_bfloat16"]:
        model = build_model(policy=policy)
        hidden = model.layers[0](X)  # (3200, NUM_HIDDEN)
        name = hidden.dtype.name
        units[name] = tf.cast(hidden, tf.float32)
        train(model, X, y)
        accuracies[name] = accuracy(model, *valid_data)
        size, weights = hidden.numpy().nbytes, model.layers[0].kernel.dtype
        print(f"{name:8} | hidden units: {size:,} bytes | weights: {weights}")
    apart = tf.norm(units["bfloat16"] - units["float32"]) / tf.norm(units["float32"])
    print("Hidden units within 1%:", bool(apart < 0.01))
    apart = abs(accuracies["float32"] - accuracies["bfloat16"])
    print("Valid ACC within 3 points:", apart < 0.03)
    # --8<-- [end:run_autocast]

    # --8<-- [start:run_seconds]
    for dtype in [tf.float32, tf.bfloat16]:
        matrix = tf.ones([1000, 1000], dtype)
        matrix @ matrix  # the first product prepares
        start = time.perf_counter()
        for _ in range(5):
            product = matrix @ matrix
        product.numpy()
        print(f"{dtype.name}: {(time.perf_counter() - start) / 5 * 1000:.0f} ms")
    # --8<-- [end:run_seconds]

    # --8<-- [start:run_underflow]
    model = build_model()
    train(model, X, y, 32)
    probas = tf.nn.softmax(model(X), axis=1)  # (3200, classes)
    grads = (probas - tf.one_hot(y, NUM_CLASSES)) / len(y)  # of the mean loss
    for power in [0, 16, 30]:
        scale = 2.0**power
        scaled = tf.cast(scale * grads, tf.float16)
        print_flushed(f"float16, times 2**{power}", [scaled])
    print_flushed("bfloat16", [tf.cast(tf.cast(grads, tf.bfloat16), tf.float32)])
    # --8<-- [end:run_underflow]

    # --8<-- [start:plot_ranges]
    plot_ranges(ranges, grads.numpy(), scale=2.0**16)
    # --8<-- [end:plot_ranges]

    # --8<-- [start:run_scaler]
    for enabled in [False, True]:
        weight = keras.Variable(0.0)
        optimizer = keras.optimizers.SGD(1.0)
        if enabled:
            optimizer = keras.optimizers.LossScaleOptimizer(
                optimizer, initial_scale=2.0**15
            )
        for slopes in [(1e-4, 1e-4), (10.0, 10.0)] if enabled else [(1e-4, 1e-4)]:
            with tf.GradientTape() as tape:
                loss = tf.cast(weight, tf.float16) * slopes[0] * slopes[1]
                loss = optimizer.scale_loss(tf.cast(loss, tf.float32))
            grad = tape.gradient(loss, weight.value)
            optimizer.apply([grad], [weight])  # divides by the scale, or skips the step
            scale = int(optimizer.dynamic_scale) if enabled else 1
            print(f"Weight: {float(weight):.1e}, scale afterwards: {scale}")
    # --8<-- [end:run_scaler]

    # --8<-- [start:run_deterministic]
    tf.config.experimental.enable_op_determinism()
    tf.random.uniform([2])
    # --8<-- [end:run_deterministic]

    # --8<-- [start:run_sources]
    reference = run()
    print_equal("all seeds the same", run(), reference)
    print_equal("other weights", run(weight_seed=2), reference)
    print_equal("other order", run(order_seed=2), reference)
    print_equal("other dropout", run(dropout_seed=2), reference)
    print_equal("one more layer built before", run(extra=True), reference)
    # --8<-- [end:run_sources]

    # --8<-- [start:run_loader]
    reference = draw()
    print_equal("the same seed", draw(), reference)
    print_equal("other seed", draw(seed=2), reference)
    print_equal("other number of calls", draw(num_calls=1), reference)
    one, two = (draw(number, by_example=True) for number in (1, 2))
    print_equal("seeded by example, 1 and 2", one, two)
    # --8<-- [end:run_loader]

    for threads, name in [(1, "first"), (1, "again"), (2, "two")]:
        command = [sys.executable, "-m", "snippets.precision.tensorflow_threads"]
        subprocess.run([*command, str(threads), f"{name}.npy"], check=True)
    # --8<-- [start:run_threads]
    first, again, two = (np.load(f"{x}.npy") for x in ("first", "again", "two"))
    print_equal("one thread, twice", [again], [first])
    apart = np.abs(two - first).max() / np.abs(first).max()
    print("two threads within 1e-5:", apart < 1e-5)
    # --8<-- [end:run_threads]

    try:
        # --8<-- [start:run_too_late]
        tf.config.threading.set_intra_op_parallelism_threads(2)
        # --8<-- [end:run_too_late]
    except RuntimeError as error:
        print("RuntimeError:", error)

    # --8<-- [start:run_profile]
    eager = [model.layers[0], model.layers[2]]
    for name, parts in [("one by one", tf.split(X[:100], 100)), ("batch", [X[:100]])]:
        tf.profiler.experimental.start(name)
        for part in parts:
            for layer in eager:
                part = layer(part)
        tf.profiler.experimental.stop()
        products = count_events(name)["EagerLocalExecute: MatMul"]
        print(f"{name:10} | matrix products: {products}")
    # --8<-- [end:run_profile]

    # --8<-- [start:run_table]
    counts = count_events("one by one")
    for name, count in counts.most_common(5):
        print(f"{name:30} | {count:4} times")
    # --8<-- [end:run_table]

    # --8<-- [start:run_log]
    losses = train(build_model(), X, y, 3)
    writer = tf.summary.create_file_writer("logs")
    with writer.as_default():
        for step, loss in enumerate(losses):
            tf.summary.scalar("loss", loss, step)
    writer.close()

    [path] = Path("logs").iterdir()
    for record in tf.data.TFRecordDataset(str(path)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            loss = float(tf.make_ndarray(value.tensor))
            print(f"Step: {event.step} | Loss: {loss:.3f}")
    # --8<-- [end:run_log]

    # --8<-- [start:exercise_average]
    for dtype in [tf.float32, tf.bfloat16]:
        average = tf.constant(1.0, dtype)
        for _ in range(1000):  # an average that moves towards 0
            average = 0.999 * average
        print(f"{dtype.name:8} | {float(average):.2f}")
    # --8<-- [end:exercise_average]

    # --8<-- [start:exercise_scale]
    for power in range(0, 31, 3):
        scaled = tf.cast(2.0**power * grads, tf.float16)
        print_flushed(f"float16, times 2**{power}", [scaled])
    # --8<-- [end:exercise_scale]

    # --8<-- [start:exercise_batch]
    few = grads[:100] * 32  # the mean over 100 instead of 3,200
    for name, values in [("mean over 3,200", grads), ("mean over 100", few)]:
        print_flushed(name, [tf.cast(values, tf.float16)])
    # --8<-- [end:exercise_batch]
