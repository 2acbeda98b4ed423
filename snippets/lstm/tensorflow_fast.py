"""An LSTM in TensorFlow, the fast way: the whole sequence and its gradient by hand."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.lstm.tensorflow_keras import (
    LAYERS,
    Reader,
    build_model,
    fit,
    to_tensors,
)
from snippets.lstm.training import (
    BATCH_SIZE,
    LENGTH,
    NUM_HIDDEN,
    SEED,
    draw_sequences,
    print_log,
)


# --8<-- [start:forward]
def unroll_lstm(from_input, weight_hh):
    """Apply an LSTM to its input's part of the gates, from states of zeros.

    Takes from_input (time, batch, 4 * num_hidden), biases included. Returns hidden and
    cell states before each step and after it, the gates as from_input, and the squashed
    cell states, all but the gates (time, batch, num_hidden).
    """

    def step(before, x):
        h, c, *_ = before
        i, f, n, o = tf.split(x + h @ weight_hh, 4, axis=1)
        i, f, n, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(n), tf.sigmoid(o)
        next_c = f * c + i * n
        s = tf.tanh(next_c)
        return o * s, next_c, tf.concat([i, f, n, o], axis=1), s

    zeros = tf.zeros((from_input.shape[1], weight_hh.shape[0]), from_input.dtype)
    start = zeros, zeros, tf.zeros_like(from_input[0]), zeros
    hidden, cells, gates, squashed = tf.scan(step, from_input, start)
    old_hidden, old_cells = (
        tf.concat([zeros[tf.newaxis], x[:-1]], axis=0) for x in (hidden, cells)
    )
    return old_hidden, hidden, old_cells, gates, squashed


# --8<-- [end:forward]


# --8<-- [start:backward]
def slopes_of_gates(old_cells, gates, squashed):
    """Return slopes along the sums in the gates, for all steps at once.

    Those of the cell state along input gate, forget gate and candidate (time, batch, 3,
    num_hidden), that of the hidden state along the output gate, and that of the hidden
    state along the cell state (time, batch, num_hidden).
    """
    i, f, n, o = tf.split(gates, 4, axis=2)
    of_cells = [n * i * (1 - i), old_cells * f * (1 - f), i * (1 - n**2)]
    of_hidden = squashed * o * (1 - o)
    return tf.stack(of_cells, axis=2), of_hidden, o * (1 - squashed**2)


def walk_back(grad_hidden, forget, slopes, weight_hh):
    """Return the gradient with respect to the sums (time, batch, 4, num_hidden).

    Takes the gradient with respect to each hidden state as the layers above see it.
    """
    batch, num_hidden = grad_hidden.shape[1:]

    def step(after, here):
        _, carried_hidden, carried_cell = after
        grad_here, f, of_cells, of_hidden, through = here
        grad = grad_here + carried_hidden
        grad_cell = carried_cell + grad * through
        parts = grad_cell[:, tf.newaxis] * of_cells, (grad * of_hidden)[:, tf.newaxis]
        grads = tf.concat(parts, axis=1)  # (batch, 4, num_hidden)
        flat = tf.reshape(grads, (batch, 4 * num_hidden))
        return grads, tf.matmul(flat, weight_hh, transpose_b=True), grad_cell * f

    zeros = tf.zeros((batch, num_hidden), grad_hidden.dtype)
    start = tf.zeros((batch, 4, num_hidden), grad_hidden.dtype), zeros, zeros
    grads, *_ = tf.scan(step, (grad_hidden, forget, *slopes), start, reverse=True)
    return grads


# --8<-- [end:backward]


# --8<-- [start:function]
@tf.custom_gradient
def lstm_unroll(from_input, weight_hh):
    """Map from_input (time, batch, 4 * num_hidden) to hidden states, all steps.

    The tape sees a single operation, with the gradient that is written here.
    """
    old_hidden, hidden, *rest = unroll_lstm(from_input, weight_hh)

    def backward(grad_hidden):
        """Return the gradients with respect to from_input and weight_hh."""
        forget = tf.split(rest[1], 4, axis=2)[1]
        grads = walk_back(grad_hidden, forget, slopes_of_gates(*rest), weight_hh)
        rows = tf.reshape(grads, (-1, weight_hh.shape[1]))  # (time * batch, …)
        before = tf.reshape(old_hidden, (-1, weight_hh.shape[0]))
        by_weight = tf.matmul(before, rows, transpose_a=True)
        return tf.reshape(grads, from_input.shape), by_weight

    return hidden, backward


class FastReader(Reader):
    """What a Reader with an LSTM computes, with the gradient by hand."""

    def call(self, features):
        """Return predictions (batch,) for features (batch, time, 2)."""
        cell = self.recurrent.cell
        inputs = tf.transpose(features, (1, 0, 2))  # (time, batch, 2)
        from_input = inputs @ cell.kernel.value + cell.bias.value
        # identity: a tensor, as from_input is; the kernel is a variable
        states = lstm_unroll(from_input, tf.identity(cell.recurrent_kernel.value))
        return self.linear(states[-1])[:, 0]


# --8<-- [end:function]


# --8<-- [start:build]
def build_fast_model():
    """Return a FastReader with the weights of build_model."""
    model, other = FastReader("LSTM"), build_model("LSTM")
    model.recurrent.build((None, None, 2))
    model.linear.build((None, NUM_HIDDEN))
    model.set_weights(other.get_weights())
    return model


# --8<-- [end:build]


if __name__ == "__main__":
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    histories = {kind: fit(build_model(kind), 100) for kind in LAYERS}

    # --8<-- [start:compare]
    batch = to_tensors(draw_sequences(BATCH_SIZE, LENGTH, np.random.default_rng(SEED)))
    grads = []
    for model in [build_model("LSTM"), build_fast_model()]:
        params = [variable.value for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(batch[0]) - batch[1]) ** 2)
        grads.append(tape.gradient(loss, params))
    pairs = zip(*grads, strict=True)
    apart = max(float(tf.reduce_max(abs(one - two))) for one, two in pairs)
    print(f"Gradients within 1e-12: {apart < 1e-12}")
    # --8<-- [end:compare]

    # --8<-- [start:run]
    fast = fit(build_fast_model(), 100)
    print_log({"LSTM": histories["LSTM"][:100], "fast": fast})
    # --8<-- [end:run]
