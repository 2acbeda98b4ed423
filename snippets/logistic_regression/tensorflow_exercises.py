"""Solutions of the chapter's exercises in TensorFlow: the mean, the learned line."""

from contextlib import redirect_stdout

import keras
import tensorflow as tf

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.tensorflow_keras import (
    build_logistic_regression,
    train_keras,
)
from snippets.logistic_regression.tensorflow_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    accuracy,
    print_epoch,
)

# --8<-- [start:mean]
mean_loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)


def fit_mean(features, targets, num_epochs, learning_rate):
    """Return a model that has descended the gradient of the mean cross-entropy."""
    model = build_logistic_regression(features.shape[1])
    model.compile(keras.optimizers.SGD(learning_rate), loss=mean_loss_fn)
    model.fit(
        features,
        targets,
        batch_size=len(targets),
        epochs=num_epochs,
        shuffle=False,
        verbose=0,
    )
    return model


# --8<-- [end:mean]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = tf.constant(X_train, dtype=tf.float32)
    targets = tf.constant(y_train, dtype=tf.float32)
    model = build_logistic_regression(num_features=2)
    with redirect_stdout(None):
        train_keras(model, features, targets[:, tf.newaxis], NUM_EPOCHS, LEARNING_RATE)

    # --8<-- [start:run_mean]
    for num_epochs in (9, 10):
        mean_model = fit_mean(features, targets, num_epochs, 75 * LEARNING_RATE)
        logits = mean_model(features)[:, 0]  # (75,)
        mean_cost = float(mean_loss_fn(targets, logits))
        print_epoch(num_epochs, accuracy(logits, targets), 75 * mean_cost)
    # --8<-- [end:run_mean]

    # --8<-- [start:arrays]
    kernel, intercept = model.get_weights()  # (2, 1), (1,)
    learned_weights, learned_bias = kernel[:, 0], intercept.item()  # (2,)
    # --8<-- [end:arrays]
