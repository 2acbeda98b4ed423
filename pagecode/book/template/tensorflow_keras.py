"""My model in TensorFlow, with Keras' layer and optimizer."""

# --8<-- [start:imports]
import keras

# --8<-- [end:imports]
import tensorflow as tf

from snippets.my_model.data import load_points
from snippets.my_model.tensorflow_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    print_epoch,
)

# --8<-- [start:train]
loss_fn = keras.losses.MeanSquaredError()


def build_model():
    """Return a dense layer that starts from zero."""
    inputs = keras.Input((1,))
    outputs = keras.layers.Dense(1, kernel_initializer="zeros")(inputs)
    return keras.Model(inputs, outputs)


def train_keras(model, features, targets, num_epochs, learning_rate):
    """Train on features (batch, 1) and targets (batch, 1)."""
    optimizer = keras.optimizers.SGD(learning_rate)
    for epoch in range(1, num_epochs + 1):
        with tf.GradientTape() as tape:
            loss = loss_fn(targets, model(features))
        weights = model.trainable_variables
        optimizer.apply(tape.gradient(loss, weights), weights)
        print_epoch(epoch, num_epochs, float(loss_fn(targets, model(features))))


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train = load_points()
    features = tf.constant(X_train)
    targets = tf.constant(y_train)

    # --8<-- [start:run]
    columns = features[:, None], targets[:, None]  # (50, 1)
    model = build_model()
    train_keras(model, *columns, NUM_EPOCHS, LEARNING_RATE)
    kernel, bias = model.get_weights()  # (1, 1), (1,)
    print(f"Weight: {kernel[0, 0]:.4f}, bias: {bias[0]:.4f}")
    # --8<-- [end:run]

    # --8<-- [start:numbers]
    learned_weight, learned_bias = float(kernel[0, 0]), float(bias[0])
    # --8<-- [end:numbers]

    # --8<-- [start:pitfall]
    errors = model(columns[0]) - targets  # (50, 1) minus (50,)
    print("Errors:", tuple(errors.shape))
    # --8<-- [end:pitfall]
