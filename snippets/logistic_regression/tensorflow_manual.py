"""Logistic regression in TensorFlow, by hand, then with a tape's gradients."""

# --8<-- [start:imports]
import tensorflow as tf

# --8<-- [end:imports]
from snippets.logistic_regression.data import load_iris
from snippets.logistic_regression.figures import plot_boundary, plot_costs

# --8<-- [start:tensorfloat]
tf.config.experimental.enable_tensor_float_32_execution(False)
# --8<-- [end:tensorfloat]

# --8<-- [start:hyperparameters]
LEARNING_RATE = 0.1
NUM_EPOCHS = 10
# --8<-- [end:hyperparameters]


# --8<-- [start:model]
def predict_logits(features, weights, bias):
    """Return the logits (batch,) of features (batch, num_features).

    The weights have shape (num_features,), the bias is a scalar.
    """
    return tf.linalg.matvec(features, weights) + bias  # (batch,)


# --8<-- [end:model]


# --8<-- [start:loss]
def require_same_shape(logits, targets):
    """Raise ValueError if the shapes differ: (batch,) and (batch, 1) broadcast.

    Nor may the batch be empty: it has no accuracy, and nothing to learn from.
    """
    if logits.shape != targets.shape:
        shapes = f"{tuple(logits.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"logits and targets differ in shape: {shapes}")
    if 0 in targets.shape:
        raise ValueError("the batch is empty")


def cross_entropy(logits, targets):
    """Return the cross-entropy of 0/1 targets, summed over the batch.

    With p = sigmoid(z), -y log(p) - (1 - y) log(1 - p) is softplus(z) - y z: no
    logarithm of a rounded 0. Raises ValueError if the shapes differ or are empty.
    """
    require_same_shape(logits, targets)
    losses = tf.math.softplus(logits) - targets * logits  # (batch,)
    return tf.reduce_sum(losses)


# --8<-- [end:loss]


# --8<-- [start:gradient]
def gradients(features, targets, logits):
    """Return the cross-entropy's gradients: weights' (num_features,), bias' ().

    Raises ValueError if the shapes differ or are empty.
    """
    require_same_shape(logits, targets)
    errors = tf.sigmoid(logits) - targets  # (batch,)
    return tf.linalg.matvec(features, errors, transpose_a=True), tf.reduce_sum(errors)


# --8<-- [end:gradient]


# --8<-- [start:accuracy]
def accuracy(logits, targets):
    """Return the fraction of examples on their target's side of logit 0.

    Raises ValueError if the shapes differ or are empty.
    """
    require_same_shape(logits, targets)
    hits = (logits > 0) == (targets > 0.5)  # (batch,)
    return float(tf.reduce_mean(tf.cast(hits, tf.float32)))


# --8<-- [end:accuracy]


# --8<-- [start:log]
def print_epoch(epoch, train_accuracy, cost):
    """Print one line of the training log."""
    print(f"Epoch: {epoch:03d} | Train ACC: {train_accuracy:.3f} | Cost: {cost:.3f}")


# --8<-- [end:log]


# --8<-- [start:train]
def train_by_hand(features, targets, num_epochs, learning_rate):
    """Descend the gradient from zero; return weights, bias and the costs."""
    weights = tf.Variable(tf.zeros(features.shape[1]))  # (num_features,)
    bias = tf.Variable(tf.zeros(()))
    costs = []
    for epoch in range(1, num_epochs + 1):
        logits = predict_logits(features, weights, bias)
        grad_weights, grad_bias = gradients(features, targets, logits)
        weights.assign_sub(learning_rate * grad_weights)
        bias.assign_sub(learning_rate * grad_bias)
        logits = predict_logits(features, weights, bias)
        cost = float(cross_entropy(logits, targets))
        costs.append(cost)
        print_epoch(epoch, accuracy(logits, targets), cost)
    return weights, bias, costs


# --8<-- [end:train]


# --8<-- [start:autograd_train]
def train_with_tape(features, targets, num_epochs, learning_rate):
    """Descend the tape's gradient from zero; return weights, bias and the costs."""
    weights = tf.Variable(tf.zeros(features.shape[1]))
    bias = tf.Variable(tf.zeros(()))
    costs = []
    for epoch in range(1, num_epochs + 1):
        with tf.GradientTape() as tape:  # only the loss is recorded
            loss = cross_entropy(predict_logits(features, weights, bias), targets)
        grad_weights, grad_bias = tape.gradient(loss, [weights, bias])
        weights.assign_sub(learning_rate * grad_weights)
        bias.assign_sub(learning_rate * grad_bias)
        logits = predict_logits(features, weights, bias)
        cost = float(cross_entropy(logits, targets))
        costs.append(cost)
        print_epoch(epoch, accuracy(logits, targets), cost)
    return weights, bias, costs


# --8<-- [end:autograd_train]


if __name__ == "__main__":
    X_train, y_train, X_test, y_test, mean, std = load_iris()

    # --8<-- [start:tensors]
    features = tf.constant(X_train, dtype=tf.float32)  # (75, 2)
    targets = tf.constant(y_train, dtype=tf.float32)  # (75,)
    test_features = tf.constant(X_test, dtype=tf.float32)  # (25, 2)
    test_targets = tf.constant(y_test, dtype=tf.float32)  # (25,)
    # --8<-- [end:tensors]

    # --8<-- [start:run]
    weights, bias, costs = train_by_hand(features, targets, NUM_EPOCHS, LEARNING_RATE)
    test_logits = predict_logits(test_features, weights, bias)  # (25,)
    print("Weights: {:.4f} {:.4f}".format(*weights.numpy().tolist()))
    print(f"Bias: {float(bias):.4f}")
    correct = round(len(test_targets) * accuracy(test_logits, test_targets))
    print(f"Test: {correct} of {len(test_targets)} flowers are right")
    # --8<-- [end:run]

    # --8<-- [start:plot]
    plot_costs(costs)
    plot_boundary(X_train, y_train, weights.numpy(), bias.numpy())
    # --8<-- [end:plot]

    # --8<-- [start:run_autograd]
    weights, bias, costs = train_with_tape(features, targets, NUM_EPOCHS, LEARNING_RATE)
    test_logits = predict_logits(test_features, weights, bias)  # (25,)
    print("Weights: {:.4f} {:.4f}".format(*weights.numpy().tolist()))
    print(f"Bias: {float(bias):.4f}")
    correct = round(len(test_targets) * accuracy(test_logits, test_targets))
    print(f"Test: {correct} of {len(test_targets)} flowers are right")
    # --8<-- [end:run_autograd]
