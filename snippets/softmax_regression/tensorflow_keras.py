"""Softmax regression in TensorFlow, as a Keras model fed by tf.data.

Then: that all three agree, and what one learned.
"""

import contextlib

# --8<-- [start:imports]
import time

import keras
import numpy as np

# --8<-- [end:imports]
import tensorflow as tf

from snippets.softmax_regression.data import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    SEED,
    draw_orders,
    print_epoch,
    read_mnist,
    to_features,
)
from snippets.softmax_regression.tensorflow_manual import (
    require_examples,
    softmax,
    step_by_hand,
    step_with_tape,
    train,
)


# --8<-- [start:data]
def load_images(dataset, order, batch_size):
    """Return batches in the given order, put together image by image."""
    images, targets = dataset  # bytes (num_images, 28, 28) and labels (num_images,)

    def read(index):
        return tf.cast(images[index], tf.float32) / 255, targets[index]

    return tf.data.Dataset.from_tensor_slices(order).map(read).batch(batch_size)


# --8<-- [end:data]


# --8<-- [start:model]
def build_softmax_regression(height, width, num_classes):
    """Map images (batch, height, width) to logits (batch, num_classes).

    Both parameters start from zero, as by hand.
    """
    return keras.Sequential(
        [
            keras.Input(shape=(height, width)),
            keras.layers.Flatten(),  # (batch, num_features)
            keras.layers.Dense(num_classes, kernel_initializer="zeros"),
        ]
    )


# --8<-- [end:model]


# --8<-- [start:loss]
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
# --8<-- [end:loss]


# --8<-- [start:evaluate]
class PrintEpoch(keras.callbacks.Callback):
    """Print the cost before the first step; accuracy and cost after each epoch.

    fit's own log has the means during the epoch, while the parameters still move.
    """

    def __init__(self, dataset):
        super().__init__()
        self.dataset = dataset

    def on_train_begin(self, logs=None):
        """Evaluate one batch: from zero, each example costs the same."""
        cost, _ = self.model.evaluate(self.dataset.take(1), verbose=0)
        print(f"First cost: {cost:.4f}")

    def on_epoch_end(self, epoch, logs=None):
        """Evaluate the whole training set."""
        cost, train_accuracy = self.model.evaluate(self.dataset, verbose=0)
        print_epoch(epoch + 1, self.params["epochs"], train_accuracy, cost)


# --8<-- [end:evaluate]


# --8<-- [start:train]
def train_keras(model, load, dataset, orders, batch_size, learning_rate):
    """Fit the model in place on the batches that load makes of each epoch's order.

    Raises ValueError before the first step if a target is missing or out of range.
    """
    require_examples(*dataset, NUM_CLASSES)
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=learning_rate),
        loss=loss_fn,
        metrics=["accuracy"],
    )
    epochs = tf.data.Dataset.from_tensor_slices(orders)
    num_examples = orders.shape[1]
    whole = load(dataset, np.arange(num_examples), 10 * batch_size)  # fewer calls
    model.fit(
        epochs.flat_map(lambda order: load(dataset, order, batch_size)),
        epochs=len(orders),
        steps_per_epoch=-(-num_examples // batch_size),  # rounded up
        shuffle=False,  # else Keras warns that it cannot shuffle tf.data
        verbose=0,
        callbacks=[PrintEpoch(whole)],
    )


# --8<-- [end:train]


# --8<-- [start:batches]
def load_batches(dataset, order, batch_size):
    """Return batches in the given order, each gathered at once."""
    images, targets = dataset

    def read(batch):
        batch_images = tf.cast(tf.gather(images, batch), tf.float32) / 255
        return batch_images, tf.gather(targets, batch)

    return tf.data.Dataset.from_tensor_slices(order).batch(batch_size).map(read)


# --8<-- [end:batches]


# --8<-- [start:time]
def time_pass(batches):
    """Return the seconds that one pass over the batches takes, without training."""
    start = time.perf_counter()
    for _ in batches:
        pass
    return time.perf_counter() - start


# --8<-- [end:time]


# --8<-- [start:agree]
def largest_difference(one, other):
    """Return the largest absolute difference of two tensors of the same shape."""
    return float(tf.reduce_max(tf.abs(one - other)))


# --8<-- [end:agree]


if __name__ == "__main__":
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    orders = draw_orders(len(X_train), NUM_EPOCHS, SEED)
    features, targets = tf.constant(X_train), tf.constant(y_train)
    test_features = tf.constant(X_test)

    # --8<-- [start:first_epoch]
    dataset = tf.constant(train_images), tf.constant(y_train)
    first_model = build_softmax_regression(28, 28, NUM_CLASSES)
    train_keras(
        first_model, load_images, dataset, orders[:1], BATCH_SIZE, LEARNING_RATE
    )
    # --8<-- [end:first_epoch]

    # --8<-- [start:compare]
    by_image = time_pass(load_images(dataset, orders[0], BATCH_SIZE))
    by_batch = time_pass(load_batches(dataset, orders[0], BATCH_SIZE))
    print(f"One pass: {by_image:.2f} s by image, {by_batch:.2f} s by batch")
    # --8<-- [end:compare]

    # --8<-- [start:claim]
    print("At least twice as fast:", by_image > 2 * by_batch)
    # --8<-- [end:claim]

    # --8<-- [start:run]
    test_dataset = tf.constant(test_images), tf.constant(y_test)
    model = build_softmax_regression(28, 28, NUM_CLASSES)
    train_keras(model, load_batches, dataset, orders, BATCH_SIZE, LEARNING_RATE)
    test_batches = load_batches(test_dataset, np.arange(len(y_test)), BATCH_SIZE)
    test_cost, test_accuracy = model.evaluate(test_batches, verbose=0)
    print(f"Test ACC: {test_accuracy:.2%} | Test cost: {test_cost:.4f}")
    # --8<-- [end:run]

    with contextlib.redirect_stdout(None):
        hand_weights, hand_bias = train(
            step_by_hand, features, targets, orders, BATCH_SIZE, LEARNING_RATE
        )
        auto_weights, auto_bias = train(
            step_with_tape, features, targets, orders, BATCH_SIZE, LEARNING_RATE
        )

    # --8<-- [start:run_agree]
    keras_weights, _ = model.get_weights()  # (784, 10), (10,)
    print(f"Largest weight: {tf.reduce_max(tf.abs(hand_weights)).numpy():.3f}")
    others = {
        "automatic differentiation": auto_weights,
        "a module and a loader": keras_weights,
    }
    for name, weights in others.items():
        close = largest_difference(hand_weights, weights) < 1e-5
        print(f"With {name}, within 0.00001 of by hand:", close)
    # --8<-- [end:run_agree]

    # --8<-- [start:arrays]
    weight_images = keras_weights.T.reshape(-1, 28, 28)
    logits = model(tf.reshape(test_features, (-1, 28, 28)))  # (10000, 10)
    test_logits = logits.numpy()
    test_probas = softmax(logits).numpy()
    # --8<-- [end:arrays]
