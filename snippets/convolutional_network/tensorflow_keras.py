"""Convolutional networks in TensorFlow, from layers, as one trains them in practice."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf
from keras import layers

# --8<-- [end:imports]
from snippets.convolutional_network.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    LENET_SHAPES,
    NUM_CLASSES,
    SEED,
    SIGNAL_SHAPES,
    add_shifted,
    compare_steps,
    draw_params,
    print_log,
    print_parting,
    to_channels_last,
)
from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.training import draw_batches
from snippets.softmax_regression.data import read_mnist


# --8<-- [start:lenet]
def build_lenet5(activation="tanh", pooling=layers.AveragePooling2D):
    """Return LeNet-5: logits (batch, 10) of images (batch, 28, 28, 1)."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, kernel_size=5, padding="same"),  # C1: (batch, 28, 28, 6)
            layers.Activation(activation),
            pooling(2),  # S2: (batch, 14, 14, 6)
            layers.Conv2D(16, kernel_size=5),  # C3: (batch, 10, 10, 16)
            layers.Activation(activation),
            pooling(2),  # S4: (batch, 5, 5, 16)
            layers.Flatten(),  # (batch, 5 * 5 * 16)
            layers.Dense(120),  # C5
            layers.Activation(activation),
            layers.Dense(84),  # F6
            layers.Activation(activation),
            layers.Dense(NUM_CLASSES),
        ]
    )


def load_params(model, params):
    """Copy arrays [kernels, bias, ..., weights, bias] into a model.

    Keras keeps the channels last: in its kernels, and in what it flattens.
    """
    model.set_weights(to_channels_last(params))


# --8<-- [end:lenet]


# --8<-- [start:fit]
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def fit(model, optimizer, train_data, valid_data, rounds):
    """Train a model in place on batches of indices: (rounds, steps, batch).

    Returns the loss and the accuracy of the validation set after each round.
    """
    features, targets = train_data
    model.compile(
        optimizer,
        loss_fn,
        metrics=["accuracy"],
        steps_per_execution=rounds.shape[1],  # a round is one call
        jit_compile=False,  # on a CPU, XLA's convolutions are slow
    )
    batches = tf.data.Dataset.from_tensor_slices(np.concatenate(rounds))
    train_ds = batches.map(
        lambda batch: (tf.gather(features, batch), tf.gather(targets, batch))
    )
    log = model.fit(
        train_ds,
        epochs=len(rounds),
        steps_per_epoch=rounds.shape[1],
        validation_data=valid_data,
        validation_batch_size=1000,
        shuffle=False,
        verbose=0,
    ).history
    return list(zip(log["val_loss"], log["val_accuracy"], strict=True))


# --8<-- [end:fit]


# --8<-- [start:decay]
def fit_decaying(model, learning_rate, train_data, valid_data, rounds):
    """Train with Adam, while the learning rate falls to zero, step by step."""
    steps = rounds.shape[0] * rounds.shape[1]
    rates = keras.optimizers.schedules.PolynomialDecay(learning_rate, steps, 0.0)
    optimizer = keras.optimizers.Adam(rates)
    return fit(model, optimizer, train_data, valid_data, rounds)


# --8<-- [end:decay]


# --8<-- [start:signal_net]
def build_signal_net(channels=25):
    """Return a network for signals: logits (batch, 10) of (batch, 40, 1)."""
    return keras.Sequential(
        [
            keras.Input((40, 1)),
            layers.ZeroPadding1D(1),
            layers.Conv1D(channels, kernel_size=5, strides=2),  # 19 places
            layers.ReLU(),
            layers.ZeroPadding1D(1),
            layers.Conv1D(channels, kernel_size=3, strides=2),  # 10
            layers.ReLU(),
            layers.ZeroPadding1D(1),
            layers.Conv1D(channels, kernel_size=3, strides=2),  # 5
            layers.ReLU(),
            layers.Flatten(),  # (batch, 5 * channels)
            layers.Dense(NUM_CLASSES),
        ]
    )


# --8<-- [end:signal_net]


# --8<-- [start:twins]
def train_twins(activation, pooling, start, train_data, batches):
    """Train two networks that start from neighbouring floats: one step per batch.

    Returns a row for each step: how far the gradients are apart, relative to the
    largest, and which kinks turned (`compare_steps`). Weights of 0 stay 0.
    """
    nudged = [np.where(p, np.nextafter(p, np.float32(np.inf)), p) for p in start]
    twins = []
    for params in [start, nudged]:
        model = build_lenet5(activation, pooling)
        load_params(model, params)
        inner = [model.layers[n].output for n in (1, 4, 8, 10)]  # hidden units
        watched = keras.Model(model.inputs, [*model.outputs, *inner])
        optimizer = keras.optimizers.SGD(0.05, momentum=7 / 8)
        twins.append((watched, model.trainable_variables, optimizer))
    rows = []
    for batch in batches:
        features, targets = (tf.gather(x, batch) for x in train_data)
        hidden, grads = [], []
        for watched, variables, optimizer in twins:
            with tf.GradientTape() as tape:
                logits, *units = watched(features, training=True)
                loss = loss_fn(targets, logits)
            grad = tape.gradient(loss, variables)
            optimizer.apply(grad, variables)
            hidden.append([np.moveaxis(x.numpy(), -1, 1) for x in units])
            grads.append([x.numpy() for x in grad])
        rows.append(compare_steps(grads, hidden))
    return np.array(rows)


# --8<-- [end:twins]


if __name__ == "__main__":
    train_images, y_digits, test_images, y_test_digits = read_mnist()
    pixels = tf.constant(train_images[..., None] / np.float32(255))
    train_data = pixels[:55_000], tf.constant(y_digits[:55_000])
    valid_data = pixels[55_000:], tf.constant(y_digits[55_000:])
    rounds = next(draw_batches(55_000, 1, BATCH_SIZE, SEED)).reshape(5, 110, BATCH_SIZE)
    signals, labels = make_mnist1d()

    # --8<-- [start:run]
    lenet = build_lenet5()
    load_params(lenet, draw_params(LENET_SHAPES, SEED))
    optimizer = keras.optimizers.SGD(LEARNING_RATE)
    print_log(fit(lenet, optimizer, train_data, valid_data, rounds), num_steps=110)
    print("Parameters:", lenet.count_params())
    # --8<-- [end:run]

    # --8<-- [start:shapes]
    features = valid_data[0][:1]
    for layer in lenet.layers:
        features = layer(features)
        name, count = type(layer).__name__, layer.count_params()
        print(f"{name:16}{count:6}  {tuple(features.shape[1:])}")
    # --8<-- [end:shapes]

    # --8<-- [start:maps]
    outputs = [lenet.layers[n].output for n in (1, 4)]
    watched = keras.Model(lenet.inputs, outputs)
    maps = watched.predict(train_data[0][5:6], verbose=0)
    first, second = (np.moveaxis(x[0], -1, 0) for x in maps)
    probas = keras.ops.softmax(lenet.predict(valid_data[0], verbose=0)).numpy()
    kernels = np.moveaxis(lenet.get_weights()[0][:, :, 0], -1, 0)
    # --8<-- [end:maps]

    # --8<-- [start:classifier]
    classifier = build_lenet5("relu", layers.MaxPooling2D)
    load_params(classifier, draw_params(LENET_SHAPES, SEED, gain=2.0))
    epochs = np.stack(list(draw_batches(55_000, 3, BATCH_SIZE, SEED)))
    history = fit_decaying(classifier, 0.005, train_data, valid_data, epochs)
    print_log(history, num_steps=550)
    # --8<-- [end:classifier]

    # --8<-- [start:test]
    test_pixels = tf.constant(test_images[..., None] / np.float32(255))
    _, accuracy = classifier.evaluate(test_pixels, y_test_digits, verbose=0)
    print(f"Test ACC: {100 * accuracy:.2f}%")
    # --8<-- [end:test]

    # --8<-- [start:signals]
    X, y = signals[..., None], labels
    signal_data = (X[:3200], y[:3200]), (X[3200:4000], y[3200:4000])
    moved, moved_labels = add_shifted(signals[:3200], labels[:3200], reach=4)
    shifted = moved[..., None], moved_labels
    signal_net = build_signal_net()
    load_params(signal_net, draw_params(SIGNAL_SHAPES, SEED, gain=2.0))
    epochs = np.stack(list(draw_batches(len(moved), 6, BATCH_SIZE, SEED)))
    history = fit_decaying(signal_net, 0.01, shifted, signal_data[1], epochs)
    print(f"Valid ACC: {100 * history[-1][1]:.1f}%")
    print("Parameters:", signal_net.count_params())
    # --8<-- [end:signals]

    # --8<-- [start:signals_test]
    _, accuracy = signal_net.evaluate(X[4000:], y[4000:], verbose=0)
    print(f"Test ACC: {100 * accuracy:.1f}%")
    # --8<-- [end:signals_test]

    # --8<-- [start:order]
    weights = lenet.get_weights()
    places = weights[4].reshape(25, 16, 120)  # (places, channels, 120)
    weights[4] = places.swapaxes(0, 1).reshape(400, 120)  # the order of PyTorch
    swapped = build_lenet5()
    swapped.set_weights(weights)
    swapped.compile(loss=loss_fn, metrics=["accuracy"])
    for name, model in [("right", lenet), ("wrong", swapped)]:
        _, accuracy = model.evaluate(*valid_data, verbose=0)
        print(f"Valid ACC, {name} order: {100 * accuracy:.1f}%")
    # --8<-- [end:order]

    try:
        # --8<-- [start:channels]
        lenet.layers[0](tf.zeros((1, 1, 28, 28)))
        # --8<-- [end:channels]
    except ValueError as error:
        print(error)

    # --8<-- [start:exercise_keras_io]
    net = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),  # (batch, 26, 26, 32)
            layers.MaxPooling2D(2),  # (batch, 13, 13, 32)
            layers.Conv2D(64, 3, activation="relu"),  # (batch, 11, 11, 64)
            layers.MaxPooling2D(2),  # (batch, 5, 5, 64)
            layers.Flatten(),  # (batch, 1600)
            layers.Dropout(0.5),
            layers.Dense(NUM_CLASSES),
        ]
    )
    print("Parameters:", net.count_params())
    # --8<-- [end:exercise_keras_io]

    # --8<-- [start:exercise_shuffle]
    order = np.random.default_rng(SEED).permutation(40)
    shuffled = [(X[:, order], y) for X, y in signal_data]
    epochs = np.stack(list(draw_batches(3200, 20, BATCH_SIZE, SEED)))
    for name, data in [("in order", signal_data), ("shuffled", shuffled)]:
        net = build_signal_net()
        load_params(net, draw_params(SIGNAL_SHAPES, SEED, gain=2.0))
        _, accuracy = fit_decaying(net, 0.01, *data, epochs)[-1]
        print(f"Valid ACC, {name}: {100 * accuracy:.1f}%")
    # --8<-- [end:exercise_shuffle]

    # --8<-- [start:exercise_channels]
    for channels in [5, 50]:
        shapes = [(channels, 1, 5), (channels, channels, 3), (channels, channels, 3)]
        shapes.append((5 * channels, NUM_CLASSES))
        net = build_signal_net(channels)
        load_params(net, draw_params(shapes, SEED, gain=2.0))
        _, accuracy = fit_decaying(net, 0.01, *signal_data, epochs)[-1]
        print(f"{channels:2} channels: valid ACC {100 * accuracy:.1f}%")
    # --8<-- [end:exercise_channels]

    # --8<-- [start:run_twins]
    start = draw_params(LENET_SHAPES, SEED)
    few = rounds[0][:50]
    smooth = train_twins("tanh", layers.AveragePooling2D, start, train_data, few)
    start = draw_params(LENET_SHAPES, SEED, gain=2.0)
    kinked = train_twins("relu", layers.MaxPooling2D, start, train_data, few)
    print_parting(smooth, kinked)
    # --8<-- [end:run_twins]
