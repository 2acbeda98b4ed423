"""My model in TensorFlow, with a tape's gradients."""

import tensorflow as tf

from snippets.my_model.data import load_points
from snippets.my_model.tensorflow_manual import (
    LEARNING_RATE,
    NUM_EPOCHS,
    mean_squared_error,
    predict,
    print_epoch,
)


# --8<-- [start:train]
def train_with_tape(features, targets, num_epochs, learning_rate):
    """Descend the tape's gradient from zero; return weight, bias and the costs."""
    weight = tf.Variable(0.0)
    bias = tf.Variable(0.0)
    costs = []
    for epoch in range(1, num_epochs + 1):
        with tf.GradientTape() as tape:  # records what stands below it
            loss = mean_squared_error(predict(features, weight, bias), targets)
        grad_weight, grad_bias = tape.gradient(loss, [weight, bias])
        weight.assign_sub(learning_rate * grad_weight)
        bias.assign_sub(learning_rate * grad_bias)
        cost = float(mean_squared_error(predict(features, weight, bias), targets))
        costs.append(cost)
        print_epoch(epoch, num_epochs, cost)
    return weight, bias, costs


# --8<-- [end:train]


if __name__ == "__main__":
    X_train, y_train = load_points()
    features = tf.constant(X_train)
    targets = tf.constant(y_train)

    # --8<-- [start:run]
    weight, bias, costs = train_with_tape(features, targets, NUM_EPOCHS, LEARNING_RATE)
    print(f"Weight: {float(weight):.4f}, bias: {float(bias):.4f}")
    # --8<-- [end:run]
