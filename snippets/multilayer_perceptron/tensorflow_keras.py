"""A multilayer perceptron in TensorFlow, from layers, as one trains it in practice."""

# --8<-- [start:imports]
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.figures import (
    plot_digits,
    plot_losses,
    plot_overfitting,
    plot_weights,
)
from snippets.multilayer_perceptron.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    NUM_HIDDEN,
    SEED,
    draw_batches,
    draw_params,
    print_log,
    print_remedies,
)
from snippets.softmax_regression.data import read_mnist, to_features


# --8<-- [start:model]
def build_model(sizes, dropout=0.0, noise=0.0):
    """Return dense layers of these sizes, with ReLU and dropout between them."""
    layers = [keras.Input(shape=sizes[:1]), keras.layers.GaussianNoise(noise)]
    for _, num_outputs in pairwise(sizes):
        layers += [
            keras.layers.Dense(num_outputs),
            keras.layers.ReLU(),
            keras.layers.Dropout(dropout),
        ]
    return keras.Sequential(layers[:-2])  # the last layer gives the logits


def load_params(model, params):
    """Copy arrays [W1, b1, ...] into the model."""
    model.set_weights(params)


# --8<-- [end:model]


# --8<-- [start:fit]
class History(keras.callbacks.Callback):
    """Evaluate the training set after each epoch: fit's own log is a mean during it."""

    def __init__(self, train_data):
        super().__init__()
        self.train_data = train_data
        self.rows = []

    def on_epoch_end(self, epoch, logs=None):
        """Note losses and accuracies; fit has computed those of the validation set."""
        self.model.reset_metrics()
        loss, accuracy = self.model.test_on_batch(*self.train_data)
        row = loss, logs["val_loss"], accuracy, logs["val_accuracy"]
        self.rows.append(row)


def fit(model, optimizer, train_data, valid_data, num_epochs, patience=None, seed=SEED):
    """Train the model in place; with patience, stop early and restore the best epoch.

    Returns for each epoch the losses and accuracies of both sets: (num_epochs, 4).
    """
    features, targets = (tf.constant(x) for x in train_data)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss_fn, metrics=["accuracy"])
    batches = list(draw_batches(len(targets), num_epochs, BATCH_SIZE, seed))
    train_ds = tf.data.Dataset.from_tensor_slices(np.concatenate(batches)).map(
        lambda batch: (tf.gather(features, batch), tf.gather(targets, batch))
    )
    history = History((features, targets))
    callbacks = [history]
    if patience:
        callbacks.append(
            keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
        )
    model.fit(
        train_ds,
        epochs=num_epochs,
        steps_per_epoch=len(batches[0]),
        validation_data=valid_data,
        validation_batch_size=len(valid_data[1]),
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    )
    return np.array(history.rows)


# --8<-- [end:fit]


if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, X_valid, X_test = np.split(signals, [3200, 4000])
    y_train, y_valid, y_test = np.split(labels, [3200, 4000])

    # --8<-- [start:run]
    train_data = X_train, y_train
    valid_data = X_valid, y_valid
    model = build_model([40, NUM_HIDDEN, NUM_CLASSES])
    load_params(model, draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED))
    optimizer = keras.optimizers.SGD(LEARNING_RATE)
    print_log(fit(model, optimizer, train_data, valid_data, NUM_EPOCHS), every=20)
    print("Parameters:", model.count_params())
    # --8<-- [end:run]

    # --8<-- [start:line]
    line = build_model([40, NUM_CLASSES])
    load_params(line, draw_params([40, NUM_CLASSES], SEED))
    optimizer = keras.optimizers.SGD(LEARNING_RATE)
    history = fit(line, optimizer, train_data, valid_data, NUM_EPOCHS)
    print(f"Without a hidden layer: {history[-1, 3]:.0%} of the validation set")
    # --8<-- [end:line]

    # --8<-- [start:optimizers]
    optimizers = {
        "SGD": lambda: keras.optimizers.SGD(0.1),
        "momentum": lambda: keras.optimizers.SGD(0.1, momentum=7 / 8),
        "Adam": lambda: keras.optimizers.Adam(0.01),
    }
    histories = {}
    for name, make_optimizer in optimizers.items():
        model = build_model([40, NUM_HIDDEN, NUM_CLASSES])
        load_params(model, draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED))
        optimizer = make_optimizer()
        histories[name] = fit(model, optimizer, train_data, valid_data, NUM_EPOCHS)
        print(f"{name}: training loss {histories[name][-1, 0]:.2f}")
    # --8<-- [end:optimizers]

    # --8<-- [start:run_losses]
    plot_losses(histories)
    # --8<-- [end:run_losses]

    # --8<-- [start:overfit]
    keras.config.set_floatx("float64")  # losses and learning rates
    keras.config.set_dtype_policy("float64")  # layers
    sizes = [40, 100, 100, NUM_CLASSES]
    train_data = X_train.astype(np.float64), y_train
    valid_data = X_valid.astype(np.float64), y_valid
    model = build_model(sizes)
    load_params(model, draw_params(sizes, SEED))
    optimizer = keras.optimizers.SGD(0.1, momentum=7 / 8)
    history = fit(model, optimizer, train_data, valid_data, num_epochs=40)
    print_log(history, every=20)
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    # --8<-- [end:overfit]

    # --8<-- [start:run_overfitting]
    plot_overfitting(history)
    # --8<-- [end:run_overfitting]

    # --8<-- [start:remedies]
    train_data = X_train, y_train
    valid_data = X_valid, y_valid
    keras.utils.set_random_seed(SEED)
    remedies = {
        "none": (build_model(sizes), 0.0),
        "dropout": (build_model(sizes, dropout=0.2), 0.0),
        "weight decay": (build_model(sizes), 1.0),
        "noise": (build_model(sizes, noise=0.5), 0.0),
    }
    lowest = {}
    for name, (model, weight_decay) in remedies.items():
        load_params(model, draw_params(sizes, SEED))
        optimizer = keras.optimizers.AdamW(0.003, weight_decay=weight_decay)
        valid_losses = fit(model, optimizer, train_data, valid_data, 30)[:, 1]
        lowest[name] = valid_losses.min()
        found = f"lowest {valid_losses.min():.2f}, epoch {valid_losses.argmin() + 1}"
        print(f"{name}: {found}, last {valid_losses[-1]:.2f}")
    # --8<-- [end:remedies]

    # --8<-- [start:run_claim]
    print_remedies(lowest)
    # --8<-- [end:run_claim]

    # --8<-- [start:chosen]
    model = build_model(sizes, dropout=0.2)
    load_params(model, draw_params(sizes, SEED))
    optimizer = keras.optimizers.AdamW(0.003, weight_decay=0.0)
    fit(model, optimizer, train_data, valid_data, 80, patience=10)
    print("Parameters:", model.count_params())
    print(f"Test ACC: {100 * model.evaluate(X_test, y_test, verbose=0)[1]:.1f}%")
    # --8<-- [end:chosen]

    # --8<-- [start:forgotten]
    forgetful = remedies["dropout"][0]
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    on = float(loss_fn(y_valid, forgetful(X_valid, training=True)))
    off, _ = forgetful.evaluate(X_valid, y_valid, verbose=0)
    print("With dropout on, the validation loss is higher:", on > off)
    # --8<-- [end:forgotten]

    # --8<-- [start:mnist]
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    train_images, y_digits, test_images, y_test_digits = read_mnist()
    X_digits = to_features(train_images).astype(np.float64)
    train_data = X_digits[:55_000], y_digits[:55_000]
    valid_data = X_digits[55_000:], y_digits[55_000:]
    sizes = [784, NUM_HIDDEN, NUM_CLASSES]
    model = build_model(sizes)
    load_params(model, draw_params(sizes, SEED))
    optimizer = keras.optimizers.SGD(0.2)
    print_log(fit(model, optimizer, train_data, valid_data, num_epochs=10))
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    # --8<-- [end:mnist]

    # --8<-- [start:mnist_test]
    test_data = to_features(test_images).astype(np.float64), y_test_digits
    print(f"Test ACC: {100 * model.evaluate(*test_data, verbose=0)[1]:.1f}%")
    weights = model.get_weights()[0]  # (784, num_hidden)
    # --8<-- [end:mnist_test]

    # --8<-- [start:mistakes]
    misread = [2654, 9770, 1226, 4536, 4880, 2272, 4497, 5955]
    X, y = (x[misread] for x in test_data)
    readings = model.predict(X, verbose=0).argmax(axis=1)  # (8,)
    plot_digits(X, y, readings)
    # --8<-- [end:mistakes]

    # --8<-- [start:exercise_parameters]
    print(model.count_params())
    # --8<-- [end:exercise_parameters]

    # --8<-- [start:exercise_bend]
    train_data = X_train, y_train
    valid_data = X_valid, y_valid
    bent = build_model([40, NUM_HIDDEN, NUM_CLASSES])
    straight = keras.Sequential(
        [x for x in bent.layers if not isinstance(x, keras.layers.ReLU)]
    )
    load_params(straight, draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED))
    optimizer = keras.optimizers.Adam(0.01)
    history = fit(straight, optimizer, train_data, valid_data, NUM_EPOCHS)
    print(f"Without the bend: {history[-1, 3]:.0%} of the validation set")
    # --8<-- [end:exercise_bend]

    # --8<-- [start:exercise_rates]
    for learning_rate in [0.01, 0.1, 1.0, 10.0]:
        model = build_model([40, NUM_HIDDEN, NUM_CLASSES])
        load_params(model, draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED))
        optimizer = keras.optimizers.SGD(learning_rate)
        history = fit(model, optimizer, train_data, valid_data, num_epochs=10)
        print(f"{learning_rate:5.2f}: lowest validation loss {history[:, 1].min():.2f}")
    # --8<-- [end:exercise_rates]

    # --8<-- [start:run_weights]
    plot_weights(weights)
    # --8<-- [end:run_weights]
