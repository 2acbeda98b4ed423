"""How Keras' recurrent layers order axes and gates, next to PyTorch's."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]


# --8<-- [start:draw]
def draw_weights(num_gates, num_features, num_hidden):
    """Draw a recurrent layer's four arrays with NumPy, gates in rows, as PyTorch.

    Returns weight_ih (gates * hidden, features), weight_hh (gates * hidden, hidden),
    bias_ih and bias_hh (gates * hidden,).
    """
    rng, rows = np.random.default_rng(0), num_gates * num_hidden
    shapes = [(rows, num_features), (rows, num_hidden), rows, rows]
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


# --8<-- [end:draw]


# --8<-- [start:load]
def swap_first_gates(array):
    """Turn PyTorch's order of a GRU's gates, in rows, into Keras', or back."""
    first, second, third = np.split(array, 3)
    return np.concatenate([second, first, third])


def load_gru(layer, arrays):
    """Copy a GRU's arrays, as of draw_weights, into a built layer of Keras."""
    weight_ih, weight_hh, *biases = (swap_first_gates(array) for array in arrays)
    layer.set_weights([weight_ih.T, weight_hh.T, np.stack(biases)])


def load_lstm(layer, arrays):
    """Copy an LSTM's arrays, as of draw_weights, into a built layer of Keras."""
    weight_ih, weight_hh, bias_ih, bias_hh = arrays
    layer.set_weights([weight_ih.T, weight_hh.T, bias_ih + bias_hh])


# --8<-- [end:load]


if __name__ == "__main__":
    # --8<-- [start:axes]
    keras.utils.set_random_seed(0)
    features = np.ones((2, 5, 4), np.float32)  # (batch, time, features)
    changed = features.copy()
    changed[0] = 2.0  # example 0 alone
    gru = keras.layers.GRU(3)
    outputs = gru(features)
    others = gru(changed)
    print("Outputs:", tuple(outputs.shape))
    print("Example 1 notices:", not np.allclose(outputs[1], others[1]))
    # --8<-- [end:axes]

    # --8<-- [start:axes_agree]
    gru = keras.layers.GRU(3, return_sequences=True, return_state=True)
    outputs, state = gru(features)  # (batch, time, hidden), (batch, hidden)
    others, _ = gru(changed)
    print("Outputs:", tuple(outputs.shape), "state:", tuple(state.shape))
    print("Example 1 notices:", not np.allclose(outputs[1], others[1]))
    print("The last output is the state:", np.allclose(outputs[:, -1], state))
    # --8<-- [end:axes_agree]

    # --8<-- [start:gru]
    gru = keras.layers.GRU(1)
    gru.build((None, None, 1))
    kernel, recurrent_kernel, bias = (0 * array for array in gru.get_weights())
    bias[0, 0] = 100.0  # opens the first gate
    gru.set_weights([kernel, recurrent_kernel, bias])
    state = gru(tf.zeros((1, 1, 1)), initial_state=tf.ones((1, 1)))
    print(f"A state of 1 becomes {state[0, 0]:.2f}")
    # --8<-- [end:gru]

    # --8<-- [start:gru_agree]
    arrays = draw_weights(num_gates=3, num_features=4, num_hidden=3)
    gru = keras.layers.GRU(3)
    gru.build((None, None, 4))
    load_gru(gru, arrays)
    state = gru(tf.ones((1, 5, 4)))  # from (batch, time, features)
    print("State:", *(f"{value:.4f}" for value in state[0]))
    # --8<-- [end:gru_agree]

    # --8<-- [start:reset]
    weight_ih, weight_hh, bias_ih, bias_hh = draw_weights(3, 4, 3)
    features, start = tf.ones((1, 1, 4)), tf.ones((1, 3))
    gru = keras.layers.GRU(3)
    gru.build((None, None, 4))
    load_gru(gru, [weight_ih, weight_hh, bias_ih, 0 * bias_hh])
    state = gru(features, initial_state=start)
    print("Reset after: ", *(f"{value:.4f}" for value in state[0]))
    # --8<-- [end:reset]

    # --8<-- [start:reset_agree]
    gru = keras.layers.GRU(3, reset_after=False)
    gru.build((None, None, 4))
    arrays = [swap_first_gates(array) for array in (weight_ih, weight_hh, bias_ih)]
    gru.set_weights([arrays[0].T, arrays[1].T, arrays[2]])
    state = gru(features, initial_state=start)
    print("Reset before:", *(f"{value:.4f}" for value in state[0]))
    # --8<-- [end:reset_agree]

    # --8<-- [start:lstm]
    lstm = keras.layers.LSTM(3)
    lstm.build((None, None, 4))
    for variable in lstm.weights:
        print(variable.name, tuple(variable.shape))
    # --8<-- [end:lstm]

    # --8<-- [start:lstm_agree]
    arrays = draw_weights(num_gates=4, num_features=4, num_hidden=3)
    load_lstm(lstm, arrays)
    state = lstm(tf.ones((1, 5, 4)))  # from (batch, time, features)
    print("State:", *(f"{value:.4f}" for value in state[0]))
    # --8<-- [end:lstm_agree]

    # --8<-- [start:forget]
    lstm = keras.layers.LSTM(100)
    lstm.build((None, None, 4))
    biases = lstm.get_weights()[2]
    gates = ["input", "forget", "candidate", "output"]
    for name, bias in zip(gates, np.split(biases, 4), strict=True):
        print(f"{name}: {bias.min():.1f} to {bias.max():.1f}")
    # --8<-- [end:forget]

    # --8<-- [start:forget_agree]
    lstm = keras.layers.LSTM(100)
    lstm.build((None, None, 4))
    biases = lstm.get_weights()[2]
    print([f"{bias.mean():.1f}" for bias in np.split(biases, 4)])
    # --8<-- [end:forget_agree]
