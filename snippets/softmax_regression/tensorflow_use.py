"""Three softmax regressions in TensorFlow: that they agree, and what one learned."""

from contextlib import redirect_stdout

import tensorflow as tf

from snippets.softmax_regression.batches import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    SEED,
    draw_orders,
)
from snippets.softmax_regression.data import read_mnist, to_features
from snippets.softmax_regression.tensorflow_gradient_tape import step_with_tape
from snippets.softmax_regression.tensorflow_keras import (
    build_softmax_regression,
    load_batches,
    train_keras,
)
from snippets.softmax_regression.tensorflow_manual import softmax, step_by_hand, train


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
    dataset = tf.constant(train_images), targets
    model = build_softmax_regression(28, 28, NUM_CLASSES)
    with redirect_stdout(None):
        hand_weights, hand_bias = train(
            step_by_hand, features, targets, orders, BATCH_SIZE, LEARNING_RATE
        )
        auto_weights, auto_bias = train(
            step_with_tape, features, targets, orders, BATCH_SIZE, LEARNING_RATE
        )
        train_keras(model, load_batches, dataset, orders, BATCH_SIZE, LEARNING_RATE)

    # --8<-- [start:run]
    keras_weights, _ = model.get_weights()  # (784, 10), (10,)
    print(f"Largest weight: {tf.reduce_max(tf.abs(hand_weights)).numpy():.3f}")
    others = {
        "automatic differentiation": auto_weights,
        "a module and a loader": keras_weights,
    }
    for name, weights in others.items():
        close = largest_difference(hand_weights, weights) < 1e-5
        print(f"With {name}, within 0.00001 of by hand:", close)
    # --8<-- [end:run]

    # --8<-- [start:arrays]
    weight_images = keras_weights.T.reshape(-1, 28, 28)
    logits = model(tf.reshape(test_features, (-1, 28, 28)))  # (10000, 10)
    test_logits = logits.numpy()
    test_probas = softmax(logits).numpy()
    # --8<-- [end:arrays]
