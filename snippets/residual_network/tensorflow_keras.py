"""A residual network in TensorFlow, from layers, as one trains it in practice."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.training import draw_batches
from snippets.residual_network.figures import plot_blocks, plot_losses
from snippets.residual_network.training import (
    BATCH_SIZE,
    DEEP,
    LEARNING_RATE,
    NUM_BLOCKS,
    NUM_CHANNELS,
    NUM_CLASSES,
    NUM_EPOCHS,
    SEED,
    WEIGHT_DECAY,
    draw_params,
    print_log,
)


# --8<-- [start:block]
def convolve(num_outputs, norm, kernel_size=3, stride=1):
    """Return a convolution with batch normalization, or else with a bias."""
    layer = keras.layers.Conv1D(
        num_outputs, kernel_size, stride, padding="same", use_bias=not norm
    )
    if not norm:
        return [layer]
    return [layer, keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)]


class Block(keras.layers.Layer):
    """Two convolutions, whose output is added to the block's input by the skip."""

    def __init__(self, num_channels, skip=True, norm=True):
        super().__init__()
        self.skip = skip
        self.branch = keras.Sequential(
            [
                *convolve(num_channels, norm),
                keras.layers.ReLU(),
                *convolve(num_channels, norm),
            ]
        )

    def call(self, features):
        """Return features in the shape of the input: (batch, length, channels)."""
        outputs = self.branch(features)
        return keras.ops.relu(features + outputs if self.skip else outputs)


# --8<-- [end:block]


# --8<-- [start:model]
def build_model(num_blocks=NUM_BLOCKS, skip=True, norm=True, num_channels=NUM_CHANNELS):
    """Return a network of 2 + 2 * num_blocks layers: signals (batch, 40) to logits."""
    return keras.Sequential(
        [
            keras.Input((40,)),
            keras.layers.Reshape((-1, 1)),  # (batch, length, 1)
            *convolve(num_channels, norm, kernel_size=4, stride=2),
            keras.layers.ReLU(),  # (batch, length / 2, num_channels)
            *(Block(num_channels, skip, norm) for _ in range(num_blocks)),
            keras.layers.GlobalAveragePooling1D(),  # (batch, num_channels)
            keras.layers.Dense(NUM_CLASSES),
        ]
    )


def load_params(model, params):
    """Copy arrays, as draw_params returns them, into the model."""
    for variable, array in zip(model.trainable_variables, params, strict=True):
        variable.assign(array)


# --8<-- [end:model]


# --8<-- [start:fit]
def fit(model, optimizer, train_data, valid_data, num_epochs, seed=SEED):
    """Train the model in place; the optimizer knows the schedule of its learning rate.

    Returns for each epoch the mean of its batches' losses, the validation loss and the
    validation accuracy: (num_epochs, 3).
    """
    features, targets = (tf.constant(x) for x in train_data)
    batches = list(draw_batches(len(targets), num_epochs, BATCH_SIZE, seed))
    train_ds = tf.data.Dataset.from_tensor_slices(np.concatenate(batches)).map(
        lambda batch: (tf.gather(features, batch), tf.gather(targets, batch))
    )
    # A loss computes in the precision that was set when it was made.
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss_fn, metrics=["accuracy"], jit_compile=False)
    log = model.fit(
        train_ds,
        epochs=num_epochs,
        steps_per_epoch=len(batches[0]),
        validation_data=valid_data,
        validation_batch_size=len(valid_data[1]),
        shuffle=False,
        verbose=0,
    ).history
    return np.array([log["loss"], log["val_loss"], log["val_accuracy"]]).T


# --8<-- [end:fit]


# --8<-- [start:schedule]
def new_optimizer(num_steps):
    """Return AdamW with a schedule that lowers its learning rate to zero."""
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, num_steps)
    return keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY)


# --8<-- [end:schedule]


if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, X_valid, X_test = np.split(signals, [3200, 4000])
    y_train, y_valid, y_test = np.split(labels, [3200, 4000])

    # --8<-- [start:run_depth]
    keras.config.set_floatx("float64")  # losses and learning rates
    keras.config.set_dtype_policy("float64")  # layers
    train_data = X_train.astype(np.float64), y_train
    valid_data = X_valid.astype(np.float64), y_valid
    histories = {}
    for name, (skip, norm, learning_rate) in DEEP.items():
        deep = build_model(9, skip, norm, num_channels=16)
        load_params(deep, draw_params(9, norm, num_channels=16))
        optimizer = keras.optimizers.SGD(learning_rate)
        history = fit(deep, optimizer, train_data, valid_data, num_epochs=4)
        histories[name] = history
        print(f"{name}: training loss {history[-1, 0]:.3f}")
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    # --8<-- [end:run_depth]

    # --8<-- [start:run_losses]
    plot_losses(histories)
    # --8<-- [end:run_losses]

    # --8<-- [start:run_blocks]
    blocks = [layer for layer in deep.layers if isinstance(layer, Block)]
    accuracies = []
    for block in blocks:
        shorter = keras.Sequential([x for x in deep.layers if x is not block])
        logits = shorter(valid_data[0], training=False)
        accuracies.append(np.mean(np.argmax(logits, axis=1) == y_valid))
    print("Without one block:", *(f"{accuracy:.2f}" for accuracy in accuracies))
    # --8<-- [end:run_blocks]

    # --8<-- [start:run_plot_blocks]
    plot_blocks(accuracies, histories["with skips and batch norm"][-1, 2])
    # --8<-- [end:run_plot_blocks]

    # --8<-- [start:run]
    train_data = X_train, y_train
    valid_data = X_valid, y_valid
    model = build_model()
    load_params(model, draw_params())
    num_steps = NUM_EPOCHS * len(y_train) // BATCH_SIZE
    optimizer = new_optimizer(num_steps)
    print_log(fit(model, optimizer, train_data, valid_data, NUM_EPOCHS), 5)
    # --8<-- [end:run]

    # --8<-- [start:test]
    print("Parameters:", sum(p.numpy().size for p in model.trainable_variables))
    test_accuracy = model.evaluate(X_test, y_test, verbose=0)[1]
    print(f"Test ACC: {100 * test_accuracy:.1f}%")
    # --8<-- [end:test]

    # --8<-- [start:forgotten]
    before = model(X_valid, training=False)
    hits = []
    for label in range(NUM_CLASSES):
        logits = model(X_valid[y_valid == label], training=True)  # forgotten: False
        hits += (np.argmax(logits, axis=1) == label).tolist()
    print("Batches of one class, less than half right:", np.mean(hits) < 0.5)
    same = np.allclose(model(X_valid, training=False), before)
    print("Evaluated later, the same logits as before:", same)
    # --8<-- [end:forgotten]

    # --8<-- [start:exercise_rates]
    for learning_rate in [0.01, 0.1]:
        plain = build_model(9, skip=False, norm=False, num_channels=16)
        load_params(plain, draw_params(9, norm=False, num_channels=16))
        optimizer = keras.optimizers.SGD(learning_rate)
        history = fit(plain, optimizer, train_data, valid_data, num_epochs=2)
        print(f"{learning_rate:.2f}: training loss above 2.1: {history[-1, 0] > 2.1}")

    plain = build_model(9, skip=False, norm=False, num_channels=16)
    load_params(plain, draw_params(9, norm=False, num_channels=16))
    optimizer = keras.optimizers.Adam(0.003)
    history = fit(plain, optimizer, train_data, valid_data, num_epochs=2)
    print(f"Adam: training loss below 1.9: {history[-1, 0] < 1.9}")
    # --8<-- [end:exercise_rates]

    # --8<-- [start:exercise_skips]
    short = build_model(skip=False)
    load_params(short, draw_params())
    optimizer = new_optimizer(num_steps=160)
    history = fit(short, optimizer, train_data, valid_data, num_epochs=5)
    print(f"Above 90% of the validation set: {history[-1, 2] > 0.9}")
    # --8<-- [end:exercise_skips]

    # --8<-- [start:exercise_scale]
    before = short(X_valid, training=True)
    for variable in short.trainable_variables:
        if len(variable.shape) == 3:  # a convolution's kernel
            variable.assign(10 * variable)
    apart = float(tf.reduce_max(abs(short(X_valid, training=True) - before)))
    print(f"Training mode, logits within 0.05: {apart < 0.05}")
    accuracy = short.evaluate(*valid_data, verbose=0)[1]
    print(f"Evaluation, above 90% of the validation set: {accuracy > 0.9}")
    # --8<-- [end:exercise_scale]

    # --8<-- [start:run_agree]
    losses = histories["with skips and batch norm"][:, 0]
    print("Training losses:", *(f"{loss:.6f}" for loss in losses))
    # --8<-- [end:run_agree]
