"""A trained logistic regression in TensorFlow: predict, save, load."""

from contextlib import redirect_stdout

import tensorflow as tf

from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.tensorflow_keras import (
    build_logistic_regression,
    train_keras,
)
from snippets.logistic_regression.tensorflow_manual import LEARNING_RATE, NUM_EPOCHS


# --8<-- [start:predict]
def predict_species(model, sepals, mean, std):
    """Return the likelier species of one flower, and its probability.

    The sepal's length and width, mean and std are all in cm.
    """
    features = tf.constant((sepals - mean) / std, dtype=tf.float32)
    proba = tf.sigmoid(model(features[None, :])).numpy().item()  # of versicolor
    if proba > 0.5:
        return "Iris versicolor", proba
    return "Iris setosa", 1 - proba


# --8<-- [end:predict]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()
    features = tf.constant(X_train, dtype=tf.float32)
    targets = tf.constant(y_train, dtype=tf.float32)
    model = build_logistic_regression(num_features=2)
    with redirect_stdout(None):
        train_keras(model, features, targets[:, tf.newaxis], NUM_EPOCHS, LEARNING_RATE)

    # --8<-- [start:run]
    sepals = [5.8, 2.7]
    species, proba = predict_species(model, sepals, mean, std)
    print(f"{species}, probability {proba:.3f}")
    # --8<-- [end:run]

    # --8<-- [start:save]
    model.save_weights("iris.weights.h5")
    reloaded = build_logistic_regression(num_features=2)
    reloaded.load_weights("iris.weights.h5")
    same = predict_species(reloaded, sepals, mean, std) == (species, proba)
    print("Reloaded, the same probability:", same)
    # --8<-- [end:save]
