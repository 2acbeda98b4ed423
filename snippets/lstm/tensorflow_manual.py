"""An LSTM in TensorFlow, by hand: the cell, its gradient, the walk through time."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.lstm.training import SEED
from snippets.recurrent_networks.data import draw_recurrent_weights
from snippets.recurrent_networks.tensorflow_keras import load_recurrent_layer
from snippets.recurrent_networks.tensorflow_manual import unroll


# --8<-- [start:cell]
def compute_gates(features, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """Return input gate, forget gate, candidate, output gate: (batch, num_hidden) each.

    The parameters stack these four parts along axis 0, in this order.
    """
    from_input = features @ tf.transpose(weight_ih) + bias_ih
    sums = from_input + hidden @ tf.transpose(weight_hh) + bias_hh
    i, f, n, o = tf.split(sums, 4, axis=1)  # each (batch, num_hidden)
    return tf.sigmoid(i), tf.sigmoid(f), tf.tanh(n), tf.sigmoid(o)


def lstm_cell(features, state, *weights):
    """Return the next state (batch, 2 * num_hidden): hidden state and cell state."""
    hidden, cell = tf.split(state, 2, axis=1)  # each (batch, num_hidden)
    i, f, n, o = compute_gates(features, hidden, *weights)
    cell = f * cell + i * n
    hidden = o * tf.tanh(cell)
    return tf.concat([hidden, cell], axis=1)


# --8<-- [end:cell]


# --8<-- [start:cell_backward]
def lstm_cell_backward(grad_next, features, state, *weights):
    """Return the gradients with respect to the state and to the sums in the gates.

    Takes the gradient with respect to the next state, shaped as the state (batch, 2 *
    num_hidden). The sums are (batch, 4 * num_hidden).
    """
    hidden, cell = tf.split(state, 2, axis=1)
    i, f, n, o = compute_gates(features, hidden, *weights)
    squashed = tf.tanh(f * cell + i * n)
    grad_hidden, grad_cell = tf.split(grad_next, 2, axis=1)
    grad_cell = grad_cell + grad_hidden * o * (1 - squashed**2)
    parts = [
        grad_cell * n * i * (1 - i),
        grad_cell * cell * f * (1 - f),
        grad_cell * i * (1 - n**2),
        grad_hidden * squashed * o * (1 - o),
    ]
    grad_sums = tf.concat(parts, axis=1)
    grad_state = tf.concat([grad_sums @ weights[1], grad_cell * f], axis=1)
    return grad_state, grad_sums


# --8<-- [end:cell_backward]


# --8<-- [start:backward]
def backward(grad_states, features, states, weights):
    """Walk back through time; return the gradients, shaped as the weights.

    Takes features (batch, time, num_features), the states of lstm_cell after each step
    (batch, time, 2 * num_hidden), and the loss's gradient with respect to each of them
    as the layers above see it.
    """
    grads = [tf.zeros_like(weight) for weight in weights]
    start = tf.zeros_like(states[:, 0])
    grad_state = tf.zeros_like(start)
    for t in reversed(range(features.shape[1])):
        grad_next = grad_states[:, t] + grad_state
        before = states[:, t - 1] if t else start
        inputs = features[:, t]
        grad_state, grad_sums = lstm_cell_backward(grad_next, inputs, before, *weights)
        hidden, _ = tf.split(before, 2, axis=1)
        bias, turned = tf.reduce_sum(grad_sums, axis=0), tf.transpose(grad_sums)
        found = turned @ inputs, turned @ hidden, bias, bias
        grads = [grad + new for grad, new in zip(grads, found, strict=True)]
    return grads


# --8<-- [end:backward]


# --8<-- [start:others]
def loss_of(features, slopes, *weights):
    """Return the sum of all states times slopes (batch, time, 2 * num_hidden)."""
    states = unroll(lstm_cell, features, slopes.shape[2], weights)
    return tf.reduce_sum(states * slopes)


def backward_autograd(features, slopes, weights):
    """Return the gradients of loss_of with respect to the weights, by TensorFlow."""
    with tf.GradientTape() as tape:
        tape.watch(weights)
        loss = loss_of(features, slopes, *weights)
    return tape.gradient(loss, weights)


def finite_differences(features, slopes, weights, step=1e-6):
    """Return the same gradients, from the loss a step below and a step above."""
    grads = [np.zeros(weight.shape) for weight in weights]
    for number, (weight, grad) in enumerate(zip(weights, grads, strict=True)):
        for index in np.ndindex(*weight.shape):
            for sign in [1, -1]:
                moved = weight.numpy()
                moved[index] += sign * step
                others = weights[:number], weights[number + 1 :]
                loss = loss_of(features, slopes, *others[0], moved, *others[1])
                grad[index] += sign * loss / (2 * step)
    return grads


# --8<-- [end:others]


if __name__ == "__main__":
    # --8<-- [start:inputs]
    rng = np.random.default_rng(SEED)
    features = tf.constant(rng.normal(size=(2, 5, 3)))  # (batch, time, features)
    slopes = tf.constant(rng.normal(size=(2, 5, 8)))  # of hidden and cell states
    arrays = [x.astype(np.float64) for x in draw_recurrent_weights(3, 4, 4, rng)]
    weights = [tf.constant(array) for array in arrays]
    # --8<-- [end:inputs]

    # --8<-- [start:check]
    states = unroll(lstm_cell, features, 8, weights)  # (batch, time, 2 * num_hidden)
    by_hand = backward(slopes, features, states, weights)
    for name, found, bound in [
        ("autograd", backward_autograd(features, slopes, weights), 1e-12),
        ("finite differences", finite_differences(features, slopes, weights), 1e-8),
    ]:
        pairs = zip(by_hand, found, strict=True)
        apart = max(float(tf.reduce_max(abs(one - two))) for one, two in pairs)
        print(f"Gradients, {name}: within {bound:.0e}: {apart < bound}")
    # --8<-- [end:check]

    # --8<-- [start:layer]
    options = {"return_sequences": True, "return_state": True, "dtype": "float64"}
    layer = load_recurrent_layer(keras.layers.LSTM(4, **options), arrays)
    hidden_states, last_hidden, last_cell = layer(features)
    for name, found, expected in [
        ("Hidden states", hidden_states, states[:, :, :4]),
        ("Last hidden state", last_hidden, states[:, -1, :4]),
        ("Last cell state", last_cell, states[:, -1, 4:]),
    ]:
        apart = float(tf.reduce_max(abs(found - expected)))
        print(f"{name}: {tuple(found.shape)}, as by hand: {apart < 1e-12}")
    # --8<-- [end:layer]
