"""Softmax regression in TensorFlow, as a Keras model fed by tf.data.

Then: a rate chosen by a validation set, a test, and what was learned, as arrays.
"""

# --8<-- [start:imports]
import time
from contextlib import redirect_stdout

import keras

# --8<-- [end:imports]
import tensorflow as tf

from snippets.softmax_regression.data import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    SEED,
    draw_orders,
    read_mnist,
    to_features,
)
from snippets.softmax_regression.tensorflow_manual import (
    evaluate,
    predict_logits,
    softmax,
    step_by_hand,
    train,
)


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


# --8<-- [start:fit]
def fit(model, train_loader, valid_loader, num_epochs, learning_rate):
    """Train the model in place; return for each epoch what Keras' fit reports.

    That is the mean training loss during the epoch, and the accuracy and the mean loss
    on the validation set after it: (num_epochs, 3).
    """
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=learning_rate),
        loss=loss_fn,
        metrics=["accuracy"],
    )
    told = model.fit(
        train_loader,
        validation_data=valid_loader,
        epochs=num_epochs,
        shuffle=False,  # the loader shuffles
        verbose=0,
    )
    columns = [told.history[x] for x in ("loss", "val_accuracy", "val_loss")]
    return list(zip(*columns, strict=True))


# --8<-- [end:fit]


# --8<-- [start:batches]
def load_batches(dataset, sampler, batch_size):
    """Return the batches of a sampler's order, each gathered by one call."""
    images, targets = dataset

    def read(batch):
        return tf.gather(images, batch), tf.gather(targets, batch)

    batches = sampler.batch(batch_size)
    return batches.map(read, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


# --8<-- [end:batches]


# --8<-- [start:time]
def time_pass(batches):
    """Return the seconds that one pass over the batches takes, without training."""
    start = time.perf_counter()
    for _ in batches:
        pass
    return time.perf_counter() - start


# --8<-- [end:time]


if __name__ == "__main__":
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    orders = draw_orders(len(X_train), NUM_EPOCHS, SEED)
    features, targets = tf.constant(X_train), tf.constant(y_train)
    test_features, test_targets = tf.constant(X_test), tf.constant(y_test)

    # --8<-- [start:split]
    images = tf.constant(X_train.reshape(-1, 28, 28))
    labels = tf.constant(y_train)
    train_set = images[:55_000], labels[:55_000]
    valid_set = images[55_000:], labels[55_000:]
    # --8<-- [end:split]

    # --8<-- [start:loaders]
    train_ds = tf.data.Dataset.from_tensor_slices(train_set)
    train_ds = train_ds.shuffle(len(train_ds), seed=SEED)
    train_loader = train_ds.batch(BATCH_SIZE).prefetch(tf.data.AUTOTUNE)
    valid_loader = tf.data.Dataset.from_tensor_slices(valid_set).batch(1000)
    # --8<-- [end:loaders]

    # --8<-- [start:run]
    model = build_softmax_regression(28, 28, NUM_CLASSES)
    history = fit(model, train_loader, valid_loader, 5, LEARNING_RATE)
    for epoch, (train_loss, valid_accuracy, valid_loss) in enumerate(history, start=1):
        print(f"Epoch: {epoch:03d} | Train loss: {train_loss:.3f}", end=" | ")
        print(f"Valid ACC: {valid_accuracy:.1%} | Valid loss: {valid_loss:.3f}")
    # --8<-- [end:run]

    # --8<-- [start:compare]
    indices = tf.data.Dataset.range(len(train_set[1]))
    sampler = indices.shuffle(len(indices), seed=SEED)
    fast_loader = load_batches(train_set, sampler, BATCH_SIZE)
    by_image, by_batch = time_pass(train_loader), time_pass(fast_loader)
    print(f"One pass: {by_image:.2f} s by image, {by_batch:.2f} s by batch")
    # --8<-- [end:compare]

    # --8<-- [start:rates]
    losses = {}
    for rate in (0.02, 0.1, 0.5, 2.5):
        model = build_softmax_regression(28, 28, NUM_CLASSES)
        losses[rate] = fit(model, fast_loader, valid_loader, 5, rate)[-1][2]
        print(f"Learning rate {rate:4.2f}: validation loss {losses[rate]:.2f}")
    best_rate = min(losses, key=losses.get)
    print("Chosen:", best_rate)
    # --8<-- [end:rates]

    # --8<-- [start:test]
    with redirect_stdout(None):  # not the log again
        weights, bias = train(
            step_by_hand, features, targets, orders, BATCH_SIZE, best_rate
        )
    test_accuracy, test_cost = evaluate(test_features, test_targets, weights, bias)
    print(f"Test ACC: {test_accuracy:.2%} | Test cost: {test_cost:.4f}")
    # --8<-- [end:test]

    # --8<-- [start:arrays]
    weight_images = weights.numpy().T.reshape(-1, 28, 28)
    test_logits = predict_logits(test_features, weights, bias)  # (10000, 10)
    test_probas = softmax(test_logits).numpy()
    # --8<-- [end:arrays]
