"""The character RNN in TensorFlow: cells by hand, the model, its text."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.character_rnn.data import ALPHABET, decode, encode
from snippets.character_rnn.weights import (
    EMBEDDING_DIM,
    NUM_HIDDEN,
    SEED,
    draw_character,
    draw_recurrent_weights,
    draw_start_weights,
    gru_to_keras,
)

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
    hidden = tf.zeros((len(features), num_hidden), features.dtype)
    states = []
    for t in range(features.shape[1]):
        hidden = cell(features[:, t], hidden, *weights)
        states.append(hidden)
    return tf.stack(states, axis=1)


# --8<-- [end:unroll]


# --8<-- [start:gru]
def gru_cell(features, hidden, weight_ih, weight_hh, bias_ih, bias_hh):
    """Return the next state (batch, num_hidden) of a gated recurrent unit.

    Each parameter stacks three parts along axis 0: reset, update, candidate.
    """
    from_input = features @ tf.transpose(weight_ih) + bias_ih  # (batch, 3 * num_hidden)
    from_state = hidden @ tf.transpose(weight_hh) + bias_hh  # (batch, 3 * num_hidden)
    input_r, input_z, input_n = tf.split(from_input, 3, axis=1)  # (batch, num_hidden)
    state_r, state_z, state_n = tf.split(from_state, 3, axis=1)  # (batch, num_hidden)
    reset = tf.sigmoid(input_r + state_r)
    update = tf.sigmoid(input_z + state_z)
    candidate = tf.tanh(input_n + reset * state_n)
    return (1 - update) * candidate + update * hidden


# --8<-- [end:gru]


# --8<-- [start:load_layer]
def load_recurrent_layer(layer, weights):
    """Copy the four arrays of a recurrent layer into SimpleRNN or GRU; return it.

    SimpleRNN has one bias: the sum of the two.
    """
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    layer.build((None, None, weight_ih.shape[1]))
    if isinstance(layer, keras.layers.GRU):
        layer.set_weights(gru_to_keras(*weights))
    else:
        layer.set_weights([weight_ih.T, weight_hh.T, bias_ih + bias_hh])
    return layer


# --8<-- [end:load_layer]


# --8<-- [start:model]
class CharacterRNN(keras.Model):
    """Map tokens (batch, time) to logits (batch, time, num_characters)."""

    def __init__(self, num_characters, embedding_dim, num_hidden):
        super().__init__()
        self.embedding = keras.layers.Embedding(num_characters, embedding_dim)
        self.gru = keras.layers.GRU(
            num_hidden, return_sequences=True, return_state=True
        )
        self.linear = keras.layers.Dense(num_characters)

    def call(self, tokens, hidden=None):
        """Return the logits and the last state; no hidden means a state of zeros."""
        embedded = self.embedding(tokens)  # (batch, time, embedding_dim)
        states, hidden = self.gru(embedded, hidden)  # (batch, time, num_hidden)
        return self.linear(states), hidden


# --8<-- [end:model]


# --8<-- [start:load]
def build_model(start_weights):
    """Return a CharacterRNN with the weights of draw_start_weights."""
    embedding, gru, weight, bias = start_weights
    num_characters, num_hidden = weight.shape
    model = CharacterRNN(num_characters, embedding.shape[1], num_hidden)
    model(tf.zeros((1, 1), tf.int64))  # the first call makes the layers' variables
    model.embedding.set_weights([embedding])
    load_recurrent_layer(model.gru, gru)
    model.linear.set_weights([weight.T, bias])
    return model


# --8<-- [end:load]


# --8<-- [start:char_to_tensor]
def char_to_tensor(text):
    """Return the characters' indices, an int64 tensor (len(text),).

    Raises ValueError if text is empty or has characters outside the alphabet.
    """
    return tf.constant(encode(text))


# --8<-- [end:char_to_tensor]


# --8<-- [start:evaluate]
def evaluate(model, prompt, num_characters, temperature, generator):
    """Return prompt and num_characters more that the model draws, one by one.

    Raises ValueError if prompt is empty or has characters outside the alphabet, if
    num_characters is below 1 or if temperature is not positive.
    """
    if num_characters < 1:
        raise ValueError(f"num_characters is {num_characters}, must be at least 1")
    if not prompt:
        raise ValueError("prompt is empty: give at least one character")
    tokens, hidden, drawn = char_to_tensor(prompt), None, []
    for _ in range(num_characters):
        logits, hidden = model(tokens[tf.newaxis, :], hidden)
        last = logits[0, -1].numpy()  # (num_characters,)
        drawn.append(draw_character(last, temperature, generator))
        tokens = tf.constant(drawn[-1:])  # (1,)
    return prompt + decode(drawn)


# --8<-- [end:evaluate]


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
    # --8<-- [start:inputs]
    generator = np.random.default_rng(0)
    features = tf.constant(generator.normal(size=(4, 10, 5)).astype("float32"))
    print("Features:", tuple(features.shape))  # (batch, time, num_features)
    # --8<-- [end:inputs]

    # --8<-- [start:run_rnn]
    arrays = draw_recurrent_weights(5, 8, 1, generator)
    states = unroll(rnn_cell, features, 8, [tf.constant(a) for a in arrays])
    layer = load_recurrent_layer(
        keras.layers.SimpleRNN(8, return_sequences=True), arrays
    )
    difference = float(tf.reduce_max(tf.abs(layer(features) - states)))
    print("States:", tuple(states.shape))
    print("As the library's RNN, to 1e-6:", difference < 1e-6)
    # --8<-- [end:run_rnn]

    # --8<-- [start:run_gru]
    gru_arrays = draw_recurrent_weights(5, 8, 3, generator)
    states = unroll(gru_cell, features, 8, [tf.constant(a) for a in gru_arrays])
    layer = load_recurrent_layer(keras.layers.GRU(8, return_sequences=True), gru_arrays)
    difference = float(tf.reduce_max(tf.abs(layer(features) - states)))
    print("First state:", " ".join(f"{x:.3f}" for x in states[0, 0].numpy()))
    print("As the library's GRU, to 1e-6:", difference < 1e-6)
    # --8<-- [end:run_gru]

    start_weights = draw_start_weights(
        len(ALPHABET), EMBEDDING_DIM, NUM_HIDDEN, np.random.default_rng(SEED)
    )

    # --8<-- [start:run]
    model = build_model(start_weights)
    logits, hidden = model(char_to_tensor("First Citizen:")[tf.newaxis, :])
    print("Logits:", tuple(logits.shape))
    print("First three: {:.4f} {:.4f} {:.4f}".format(*logits[0, 0, :3].numpy()))
    print("Parameters:", model.count_params())
    # --8<-- [end:run]

    # --8<-- [start:untrained]
    generator = np.random.default_rng(SEED)
    print(repr(evaluate(model, "Th", 50, temperature=0.8, generator=generator)))
    # --8<-- [end:untrained]

    # --8<-- [start:run_swapped]
    weight_ih, weight_hh, bias_ih, bias_hh = gru_arrays  # left in PyTorch's gate order
    layer.set_weights([weight_ih.T, weight_hh.T, np.stack([bias_ih, bias_hh])])
    difference = float(tf.reduce_max(tf.abs(layer(features) - states)))
    print(f"Loaded in the other library's order, off by {difference:.3f}")
    # --8<-- [end:run_swapped]

    # --8<-- [start:run_reset_before]
    weights = [tf.constant(array) for array in gru_arrays]
    states_before = unroll(gru_cell_reset_before, features, 8, weights)
    print(f"Off by {float(tf.reduce_max(tf.abs(states_before - states))):.3f}")
    # --8<-- [end:run_reset_before]
