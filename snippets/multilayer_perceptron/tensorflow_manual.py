"""A multilayer perceptron in TensorFlow, by hand and with automatic differentiation."""

# --8<-- [start:imports]
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.multilayer_perceptron.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_EPOCHS,
    NUM_HIDDEN,
    SEED,
    draw_batches,
    draw_params,
    print_log,
)


# --8<-- [start:tensors]
def to_tensors(arrays):
    """Return NumPy arrays as tensors."""
    return [tf.constant(array) for array in arrays]


def to_variables(arrays):
    """Return NumPy arrays as variables, which can be changed in place."""
    return [tf.Variable(array) for array in arrays]


# --8<-- [end:tensors]


# --8<-- [start:forward]
def forward(features, params):
    """Return the logits (batch, num_classes) and the hidden units (batch, num_hidden).

    The parameters are W1 (num_features, num_hidden), b1, W2 (num_hidden, num_classes)
    and b2.
    """
    W1, b1, W2, b2 = params
    hidden = tf.nn.relu(features @ W1 + b1)  # (batch, num_hidden)
    return hidden @ W2 + b2, hidden


# --8<-- [end:forward]


# --8<-- [start:loss]
def cross_entropy(logits, targets):
    """Return the mean over the batch of -log(probability of the target's class)."""
    log_probas = tf.nn.log_softmax(logits, axis=1)  # (batch, num_classes)
    return -tf.reduce_mean(tf.gather(log_probas, targets, batch_dims=1))


# --8<-- [end:loss]


# --8<-- [start:backward]
def backward(features, targets, params):
    """Return the gradients of the mean cross-entropy, shaped as the parameters."""
    _, _, W2, _ = params
    logits, hidden = forward(features, params)
    one_hot = tf.one_hot(targets, logits.shape[1], dtype=logits.dtype)
    grad_logits = (tf.nn.softmax(logits, axis=1) - one_hot) / len(targets)
    grad_hidden = grad_logits @ tf.transpose(W2)  # (batch, num_hidden)
    grad_sums = tf.where(
        hidden > 0, grad_hidden, 0
    )  # ReLU passes on what it let through
    return [
        tf.transpose(features) @ grad_sums,  # W1
        tf.reduce_sum(grad_sums, axis=0),  # b1
        tf.transpose(hidden) @ grad_logits,  # W2
        tf.reduce_sum(grad_logits, axis=0),  # b2
    ]


# --8<-- [end:backward]


# --8<-- [start:autograd]
def backward_autograd(features, targets, params):
    """Return the same gradients, derived by TensorFlow."""
    with tf.GradientTape() as tape:
        loss = cross_entropy(forward(features, params)[0], targets)
    return tape.gradient(loss, params)


# --8<-- [end:autograd]


# --8<-- [start:differences]
def finite_differences(features, targets, params, epsilon=1e-6):
    """Return the same gradients, from the loss a step below and a step above."""
    grads = [np.zeros(p.shape) for p in params]
    for param, grad in zip(params, grads, strict=True):
        start = param.numpy()
        for index in np.ndindex(*param.shape):
            for sign in [1, -1]:
                moved = start.copy()
                moved[index] += sign * epsilon
                param.assign(moved)
                loss = cross_entropy(forward(features, params)[0], targets)
                grad[index] += sign * float(loss) / (2 * epsilon)
        param.assign(start)
    return grads


# --8<-- [end:differences]


# --8<-- [start:train]
def accuracy(logits, targets):
    """Return the share of rows whose largest logit is the target's."""
    hits = tf.argmax(logits, axis=1) == targets  # (batch,)
    return float(tf.reduce_mean(tf.cast(hits, tf.float64)))


def evaluate(features, targets, params):
    """Return the mean loss and the accuracy, as floats."""
    logits, _ = forward(features, params)
    return float(cross_entropy(logits, targets)), accuracy(logits, targets)


def train(params, gradients, train_data, valid_data):
    """Move the parameters in place against their gradients, batch by batch.

    Returns for each epoch the losses and accuracies of both sets: (num_epochs, 4).
    """
    features, targets = train_data
    history = []
    for batches in draw_batches(len(targets), NUM_EPOCHS, BATCH_SIZE, SEED):
        for batch in batches:
            X, y = tf.gather(features, batch), tf.gather(targets, batch)
            for param, grad in zip(params, gradients(X, y, params), strict=True):
                param.assign_sub(LEARNING_RATE * grad)
        train_loss, train_accuracy = evaluate(features, targets, params)
        valid_loss, valid_accuracy = evaluate(*valid_data, params)
        history.append((train_loss, valid_loss, train_accuracy, valid_accuracy))
    return history


# --8<-- [end:train]


if __name__ == "__main__":
    signals, labels = make_mnist1d()
    X_train, X_valid = signals[:3200], signals[3200:4000]
    y_train, y_valid = labels[:3200], labels[3200:4000]

    # --8<-- [start:data]
    train_data = to_tensors([X_train, y_train])
    valid_data = to_tensors([X_valid, y_valid])
    # --8<-- [end:data]

    # --8<-- [start:check]
    start = draw_params([40, 8, 10], SEED)
    small = to_variables([p.astype(np.float64) for p in start])
    batch = to_tensors([X_train[:50].astype(np.float64), y_train[:50]])
    by_hand = backward(*batch, small)
    for name, other, bound in [
        ("autograd", backward_autograd(*batch, small), 1e-14),
        ("finite differences", finite_differences(*batch, small), 1e-8),
    ]:
        pairs = zip(by_hand, other, strict=True)
        apart = max(float(tf.reduce_max(abs(one - two))) for one, two in pairs)
        print(f"{name}: within {bound:.0e}: {apart < bound}")
    # --8<-- [end:check]

    # --8<-- [start:zero]
    start = draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED)
    zeros = to_variables([np.zeros_like(p) for p in start])
    print_log(train(zeros, backward, train_data, valid_data), every=20)
    print("Weights that are not zero:", int(tf.math.count_nonzero(zeros[0])))
    # --8<-- [end:zero]

    # --8<-- [start:run]
    params = to_variables(draw_params([40, NUM_HIDDEN, NUM_CLASSES], SEED))
    print_log(train(params, backward, train_data, valid_data))
    # --8<-- [end:run]
