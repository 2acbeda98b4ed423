"""Logistic regression in TensorFlow, as a Keras model with its optimizer."""

# --8<-- [start:imports]
import keras

# --8<-- [end:imports]
import tensorflow as tf

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.tensorflow_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    print_epoch,
)


# --8<-- [start:model]
def build_logistic_regression(num_features):
    """Map features (batch, num_features) to logits (batch, 1).

    Both parameters start from zero, as by hand.
    """
    return keras.Sequential(
        [
            keras.Input(shape=(num_features,)),
            keras.layers.Dense(1, kernel_initializer="zeros"),  # (batch, 1)
        ]
    )


# --8<-- [end:model]


# --8<-- [start:loss]
# Keras averages over the last axis before it sums: let that axis be 1, not the batch.
loss_fn = keras.losses.BinaryCrossentropy(from_logits=True, reduction="sum")
# --8<-- [end:loss]


# --8<-- [start:evaluate]
class PrintEpoch(keras.callbacks.Callback):
    """Print accuracy and cost after each update; fit's own log has the ones before.

    Takes features (batch, num_features) and targets (batch, 1).
    """

    def __init__(self, features, targets):
        super().__init__()
        self.features, self.targets = features, targets

    def on_epoch_end(self, epoch, logs=None):
        """Evaluate in one batch, so that the cost is the sum over all examples."""
        cost, train_accuracy = self.model.evaluate(
            self.features, self.targets, batch_size=len(self.targets), verbose=0
        )
        print_epoch(epoch + 1, train_accuracy, cost)


# --8<-- [end:evaluate]


# --8<-- [start:train]
def train_keras(model, features, targets, num_epochs, learning_rate):
    """Fit the model in place by full-batch gradient descent; targets (batch, 1)."""
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=learning_rate),
        loss=loss_fn,
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],  # of logits, not probas
    )
    model.fit(
        features,
        targets,
        batch_size=len(targets),
        epochs=num_epochs,
        shuffle=False,
        verbose=0,
        callbacks=[PrintEpoch(features, targets)],
    )


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = tf.constant(X_train, dtype=tf.float32)
    targets = tf.constant(y_train, dtype=tf.float32)
    test_features = tf.constant(X_test, dtype=tf.float32)
    test_targets = tf.constant(y_test, dtype=tf.float32)

    # --8<-- [start:run]
    model = build_logistic_regression(num_features=2)
    train_keras(model, features, targets[:, tf.newaxis], NUM_EPOCHS, LEARNING_RATE)
    _, test_accuracy = model.evaluate(
        test_features, test_targets[:, tf.newaxis], verbose=0
    )
    kernel, intercept = model.get_weights()  # (2, 1), (1,)
    print("Weights: {:.4f} {:.4f}".format(*kernel[:, 0].tolist()))
    print(f"Bias: {intercept.item():.4f}")
    correct = round(len(test_targets) * test_accuracy)
    print(f"Test: {correct} of {len(test_targets)} flowers are right")
    # --8<-- [end:run]
