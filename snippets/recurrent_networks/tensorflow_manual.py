"""Recurrent cells in TensorFlow by hand: forward, back through time, and clipped."""

# --8<-- [start:imports]
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.recurrent_networks.data import draw_recurrent_weights

# --8<-- [start:tensorfloat]
tf.config.experimental.enable_tensor_float_32_execution(False)
# --8<-- [end:tensorfloat]


# --8<-- [start:rnn]
def rnn_cell(features, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """Return the next state (batch, num_hidden) of a plain RNN.

    Takes features (batch, num_features) and hidden (batch, num_hidden).
    """
    from_input = features @ tf.transpose(weight_ih) + bias_ih  # (batch, num_hidden)
    from_state = hidden @ tf.transpose(weight_hh) + bias_hh  # (batch, num_hidden)
    return tf.tanh(from_input + from_state)


# --8<-- [end:rnn]


# --8<-- [start:unroll]
def unroll(cell, features, num_hidden, weights):
    """Apply a cell to features (batch, time, num_features), from a state of zeros.

    Returns the states after each step, (batch, time, num_hidden).
    """
    hidden = tf.zeros((features.shape[0], num_hidden), features.dtype)
    states = []
    for t in range(features.shape[1]):
        hidden = cell(features[:, t], hidden, *weights)
        states.append(hidden)
    return tf.stack(states, axis=1)


# --8<-- [end:unroll]


# --8<-- [start:rnn_backward]
def rnn_backward(features, states, grad_states, weight_hh):
    """Walk back through a plain RNN; return the gradients of the loss.

    grad_states is the gradient with respect to states (batch, time, num_hidden) as the
    layers above see it. Returns the gradients with respect to each state, with what
    comes from later steps, and those of weight_ih, weight_hh and each of the biases.
    """
    grads, later = [], tf.zeros_like(states[:, 0])  # (batch, num_hidden)
    inside = []  # with respect to what stands inside tanh
    for t in reversed(range(states.shape[1])):
        grads.insert(0, grad_states[:, t] + later)
        inside.insert(0, grads[0] * (1 - states[:, t] ** 2))
        later = inside[0] @ weight_hh
    inside = tf.stack(inside, axis=1)  # (batch, time, num_hidden)
    before = tf.concat([tf.zeros_like(states[:, :1]), states[:, :-1]], axis=1)
    grad_ih = tf.einsum("bth,btf->hf", inside, features)
    grad_hh = tf.einsum("bth,btk->hk", inside, before)
    return tf.stack(grads, axis=1), grad_ih, grad_hh, tf.reduce_sum(inside, axis=(0, 1))


# --8<-- [end:rnn_backward]


# --8<-- [start:clip]
def clip_gradients(grads, max_norm):
    """Scale gradients so that the norm of all of them together is at most max_norm.

    Returns the scaled gradients and their norm before. Raises ValueError if max_norm is
    not positive. From Pascanu, Mikolov and Bengio (2013).
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm is {max_norm}, must be above 0")
    norm = tf.sqrt(sum(tf.reduce_sum(grad**2) for grad in grads))
    scale = tf.minimum(max_norm / norm, 1.0)
    return [scale * grad for grad in grads], norm


# --8<-- [end:clip]


# --8<-- [start:gru]
def gru_cell(features, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """Return the next state (batch, num_hidden) of a gated recurrent unit.

    Each parameter stacks three parts along axis 0: reset, update, candidate.
    """
    from_input = features @ tf.transpose(weight_ih) + bias_ih  # (batch, 3 * num_hidden)
    from_state = hidden @ tf.transpose(weight_hh) + bias_hh  # (batch, 3 * num_hidden)
    input_r, input_z, input_n = tf.split(
        from_input, 3, axis=1
    )  # each (batch, num_hidden)
    state_r, state_z, state_n = tf.split(
        from_state, 3, axis=1
    )  # each (batch, num_hidden)
    reset = tf.sigmoid(input_r + state_r)
    update = tf.sigmoid(input_z + state_z)
    candidate = tf.tanh(input_n + reset * state_n)
    return (1 - update) * candidate + update * hidden


# --8<-- [end:gru]


# --8<-- [start:gru_backward]
def gru_cell_backward(grad, features, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """Return the gradients of a GRU's step, given that of its new state.

    grad is (batch, num_hidden). Returns the gradient with respect to hidden, and those
    of weight_ih, weight_hh, bias_ih and bias_hh.
    """
    from_input = features @ tf.transpose(weight_ih) + bias_ih  # (batch, 3 * num_hidden)
    from_state = hidden @ tf.transpose(weight_hh) + bias_hh  # (batch, 3 * num_hidden)
    input_r, input_z, input_n = tf.split(from_input, 3, axis=1)
    state_r, state_z, state_n = tf.split(from_state, 3, axis=1)
    reset = tf.sigmoid(input_r + state_r)
    update = tf.sigmoid(input_z + state_z)
    candidate = tf.tanh(input_n + reset * state_n)
    slope_n = (1 - update) * (1 - candidate**2)
    slope_r = slope_n * state_n * reset * (1 - reset)
    slope_z = (hidden - candidate) * update * (1 - update)
    by_input = tf.concat([grad * slope_r, grad * slope_z, grad * slope_n], axis=1)
    by_state = tf.concat(
        [grad * slope_r, grad * slope_z, grad * slope_n * reset], axis=1
    )
    grad_hidden = grad * update + by_state @ weight_hh
    weights = tf.transpose(by_input) @ features, tf.transpose(by_state) @ hidden
    return grad_hidden, *weights, tf.reduce_sum(by_input, 0), tf.reduce_sum(by_state, 0)


def gru_backward(features, states, grad_states, weights):
    """Walk back through a GRU; return what rnn_backward returns, with both biases."""
    before = tf.concat([tf.zeros_like(states[:, :1]), states[:, :-1]], axis=1)
    grads, later = [], tf.zeros_like(states[:, 0])  # (batch, num_hidden)
    totals = [tf.zeros_like(weight) for weight in weights]
    for t in reversed(range(states.shape[1])):
        grads.insert(0, grad_states[:, t] + later)
        later, *of_step = gru_cell_backward(
            grads[0], features[:, t], before[:, t], *weights
        )
        totals = [total + grad for total, grad in zip(totals, of_step, strict=True)]
    return tf.stack(grads, axis=1), *totals


# --8<-- [end:gru_backward]


# --8<-- [start:reset_before]
def gru_cell_reset_before(features, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """Return the next state of a GRU that resets the state before the product."""
    from_input = features @ tf.transpose(weight_ih) + bias_ih  # (batch, 3 * num_hidden)
    from_state = hidden @ tf.transpose(weight_hh) + bias_hh  # (batch, 3 * num_hidden)
    input_r, input_z, input_n = tf.split(from_input, 3, axis=1)
    state_r, state_z, _ = tf.split(from_state, 3, axis=1)
    reset = tf.sigmoid(input_r + state_r)
    update = tf.sigmoid(input_z + state_z)
    weight_n, bias_n = tf.split(weight_hh, 3)[2], tf.split(bias_hh, 3)[2]
    candidate = tf.tanh(input_n + (reset * hidden) @ tf.transpose(weight_n) + bias_n)
    return (1 - update) * candidate + update * hidden


# --8<-- [end:reset_before]


if __name__ == "__main__":
    from snippets.recurrent_networks.figures import plot_norms

    # --8<-- [start:run_rnn]
    generator = np.random.default_rng(0)
    features = tf.constant(generator.normal(size=(4, 10, 5)).astype("float32"))
    weights = [tf.constant(x) for x in draw_recurrent_weights(5, 8, 1, generator)]
    states = unroll(rnn_cell, features, 8, weights)
    print("Features:", tuple(features.shape))  # (batch, time, num_features)
    print("States:", tuple(states.shape))
    print("Last state:", " ".join(f"{x:.3f}" for x in states[0, -1].numpy()))
    # --8<-- [end:run_rnn]

    # --8<-- [start:run_rnn_backward]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        loss = tf.reduce_sum(unroll(rnn_cell, features, 8, weights) ** 2) / 2
    expected = tape.gradient(loss, weights)
    _, *found = rnn_backward(features, states, states, weights[1])
    pairs = zip([*found, found[-1]], expected, strict=True)
    error = max(float(tf.reduce_max(tf.abs(a - b))) for a, b in pairs)
    print("As automatic differentiation, to 1e-5:", error < 1e-5)
    # --8<-- [end:run_rnn_backward]

    # --8<-- [start:run_truncated]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        hidden, total = tf.zeros((4, 8)), 0.0
        for window in tf.split(features, 2, axis=1):
            hidden = tf.stop_gradient(hidden)  # no gradient goes further back
            for t in range(5):
                hidden = rnn_cell(window[:, t], hidden, *weights)
                total = total + tf.reduce_sum(hidden**2) / 2
    truncated = tape.gradient(total, weights)[1]  # of weight_hh
    off = float(tf.norm(truncated - expected[1]) / tf.norm(expected[1]))
    print("The same loss:", abs(float(total) - float(loss)) < 1e-4)
    print(f"Gradient of the state's weights off by {100 * off:.0f} %")
    # --8<-- [end:run_truncated]

    # --8<-- [start:run_norms]
    generator, norms = np.random.default_rng(0), {}
    inputs = tf.constant(0.1 * generator.normal(size=(1, 40, 5)))  # float64
    plain = [
        tf.constant(x.astype("float64"))
        for x in draw_recurrent_weights(5, 64, 1, generator)
    ]
    for scale in (1, 2, 3):
        scaled = [plain[0], scale * plain[1], *plain[2:]]
        states = unroll(rnn_cell, inputs, 64, scaled)
        ones = tf.ones_like(states[:, -1:])  # the loss sees the last state alone
        at_the_end = tf.concat([tf.zeros_like(states[:, :-1]), ones], axis=1)
        grads = rnn_backward(inputs, states, at_the_end, scaled[1])[0]
        norms[f"U times {scale}"] = tf.norm(grads[0], axis=1)[::-1].numpy()
        print(
            f"U times {scale}:", *(f"{x:.1e}" for x in norms[f"U times {scale}"][::13])
        )
    # --8<-- [end:run_norms]

    # --8<-- [start:plot_norms]
    plot_norms(norms)
    # --8<-- [end:plot_norms]

    # --8<-- [start:run_clip]
    grads = [tf.constant([3.0, 0.0]), tf.constant([[0.0], [4.0]])]
    clipped, norm = clip_gradients(grads, max_norm=1.0)
    print(f"Norm: {float(norm):.1f}, clipped:", *(x.numpy().ravel() for x in clipped))
    by_library, _ = tf.clip_by_global_norm(grads, clip_norm=1.0)
    pairs = zip(by_library, clipped, strict=True)
    print("As the library:", all(np.allclose(a, b) for a, b in pairs))
    # --8<-- [end:run_clip]

    # --8<-- [start:run_gru]
    generator = np.random.default_rng(0)
    features = tf.constant(generator.normal(size=(4, 10, 5)).astype("float32"))
    gru_arrays = draw_recurrent_weights(5, 8, 3, generator)
    gru_weights = [tf.constant(array) for array in gru_arrays]
    states = unroll(gru_cell, features, 8, gru_weights)
    print("First state:", " ".join(f"{x:.3f}" for x in states[0, 0].numpy()))
    # --8<-- [end:run_gru]

    # --8<-- [start:run_gru_backward]
    with tf.GradientTape() as tape:
        tape.watch(gru_weights)
        loss = tf.reduce_sum(unroll(gru_cell, features, 8, gru_weights) ** 2) / 2
    expected = tape.gradient(loss, gru_weights)
    _, *found = gru_backward(features, states, states, gru_weights)
    pairs = zip(found, expected, strict=True)
    error = max(float(tf.reduce_max(tf.abs(a - b))) for a, b in pairs)
    print("As automatic differentiation, to 1e-5:", error < 1e-5)
    # --8<-- [end:run_gru_backward]

    # --8<-- [start:exercise_reset]
    states_before = unroll(gru_cell_reset_before, features, 8, gru_weights)
    print(f"Off by {float(tf.reduce_max(tf.abs(states_before - states))):.3f}")
    # --8<-- [end:exercise_reset]

    # --8<-- [start:exercise_gate]
    inputs = tf.constant(0.1 * np.random.default_rng(0).normal(size=(1, 40, 5)))
    arrays = draw_recurrent_weights(5, 64, 3, np.random.default_rng(1))
    for bias in (0, 3):
        weights = [x.astype("float64") for x in arrays]
        weights[2][64:128] += bias  # of the update gate
        weights = [tf.constant(x) for x in weights]
        states = unroll(gru_cell, inputs, 64, weights)
        ones = tf.ones_like(states[:, -1:])
        at_the_end = tf.concat([tf.zeros_like(states[:, :-1]), ones], axis=1)
        grads = gru_backward(inputs, states, at_the_end, weights)[0]
        reached = float(tf.norm(grads[0, 0]) / tf.norm(grads[0, -1]))
        print(f"Bias of the update gate +{bias}: {reached:.1e} is left after 39 steps")
    # --8<-- [end:exercise_gate]
