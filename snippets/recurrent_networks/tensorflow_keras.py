"""Recurrent networks in TensorFlow with layers: loaded, trained by clipped steps."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.recurrent_networks.data import (
    LEARNING_RATES,
    MAX_NORM,
    MOMENTUM,
    NUM_CHANNELS,
    NUM_HIDDEN,
    NUM_STEPS,
    SEED,
    accuracy,
    draw_params,
    draw_recurrent_weights,
    draw_sequences,
    gru_to_keras,
    train,
)
from snippets.recurrent_networks.tensorflow_manual import gru_cell, rnn_cell, unroll


# --8<-- [start:load_layer]
def load_recurrent_layer(layer, weights):
    """Copy the four arrays of weights into SimpleRNN, GRU or LSTM; return it.

    SimpleRNN and LSTM have one bias: the sum of the two.
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
class FlipFlops(keras.Model):
    """Map features (batch, time, NUM_CHANNELS) to outputs of the same shape."""

    def __init__(self, kind):
        super().__init__()
        layer = {"RNN": keras.layers.SimpleRNN, "GRU": keras.layers.GRU}[kind]
        self.layer = layer(NUM_HIDDEN, return_sequences=True)
        self.linear = keras.layers.Dense(NUM_CHANNELS)

    def call(self, features):
        """Return an output for each step; the state starts from zeros."""
        states = self.layer(features)  # (batch, time, NUM_HIDDEN)
        return self.linear(states)


def build_model(kind, seed=SEED):
    """Return FlipFlops with the weights of draw_params."""
    layer, weight, bias = draw_params(kind, seed)
    model = FlipFlops(kind)
    model(tf.zeros((1, 1, NUM_CHANNELS)))  # the first call makes the variables
    load_recurrent_layer(model.layer, layer)
    model.linear.set_weights([weight.T, bias])
    return model


# --8<-- [end:model]


# --8<-- [start:step]
def make_step(model, learning_rate, max_norm=MAX_NORM):
    """Return a function of features and targets: one update, with clipped gradients."""
    optimizer = keras.optimizers.SGD(
        learning_rate,
        momentum=MOMENTUM,
        global_clipnorm=max_norm,  # apply clips
    )

    @tf.function
    def update(features, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(features) - targets) ** 2)
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss  # before the update

    return lambda *batch: float(update(*map(tf.constant, batch)))


# --8<-- [end:step]


# --8<-- [start:predict]
def predict(model, features):
    """Return the outputs for an array of features, as an array."""
    return model(tf.constant(features)).numpy()


# --8<-- [end:predict]


if __name__ == "__main__":
    from snippets.recurrent_networks.figures import plot_flip_flops

    generator = np.random.default_rng(0)
    features = tf.constant(generator.normal(size=(4, 10, 5)).astype("float32"))
    gru_arrays = draw_recurrent_weights(5, 8, 3, generator)

    # --8<-- [start:run_layers]
    plain_arrays = draw_recurrent_weights(5, 8, 1, generator)
    for cell, arrays, kind in [
        (rnn_cell, plain_arrays, keras.layers.SimpleRNN),
        (gru_cell, gru_arrays, keras.layers.GRU),
    ]:
        states = unroll(cell, features, 8, [tf.constant(x) for x in arrays])
        layer = load_recurrent_layer(kind(8, return_sequences=True), arrays)
        difference = float(tf.reduce_max(tf.abs(layer(features) - states)))
        print("As the library's layer, to 1e-6:", difference < 1e-6)
    # --8<-- [end:run_layers]

    # --8<-- [start:run]
    gru = build_model("GRU")
    step = make_step(gru, LEARNING_RATES["GRU"])
    gru_losses = train(step, num_iterations=600, log_every=100)
    # --8<-- [end:run]

    # --8<-- [start:run_plain]
    plain = build_model("RNN")
    step = make_step(plain, LEARNING_RATES["RNN"])
    plain_losses = train(step, num_iterations=600, log_every=100)
    # --8<-- [end:run_plain]

    # --8<-- [start:run_test]
    for num_steps in (NUM_STEPS, 10 * NUM_STEPS):
        test_set = draw_sequences(200, num_steps, np.random.default_rng(99))
        share, plain_share = (
            accuracy(predict(model, test_set[0]), test_set[1]) for model in (gru, plain)
        )
        print(f"GRU, {num_steps} steps: {share:.2f} of the signs are right")
        print("The plain network has more of them:", plain_share > share)
    print(
        "Its loss is larger:", np.mean(plain_losses[-100:]) > np.mean(gru_losses[-100:])
    )
    # --8<-- [end:run_test]

    # --8<-- [start:plot_flip_flops]
    sequence, wanted = draw_sequences(1, 100, np.random.default_rng(3))
    plot_flip_flops(sequence[0], wanted[0], predict(gru, sequence)[0])
    # --8<-- [end:plot_flip_flops]

    # --8<-- [start:run_swapped]
    weight_ih, weight_hh, bias_ih, bias_hh = gru_arrays  # left in PyTorch's gate order
    layer.set_weights([weight_ih.T, weight_hh.T, np.stack([bias_ih, bias_hh])])
    difference = float(tf.reduce_max(tf.abs(layer(features) - states)))
    print(f"Loaded in the other library's order, off by {difference:.3f}")
    # --8<-- [end:run_swapped]

    # --8<-- [start:run_each_by_itself]
    ways = {
        "all together": {"global_clipnorm": 1.0},
        "each array": {"clipnorm": 1.0},
        "each number": {"clipvalue": 1.0},
    }
    for name, option in ways.items():
        params = [keras.Variable(tf.zeros(2)), keras.Variable(tf.zeros(1))]
        grads = [tf.constant([3.0, 1.0]), tf.constant([0.1])]
        keras.optimizers.SGD(learning_rate=1.0, **option).apply(grads, params)
        print(f"Clip {name}:", *(-x.numpy().round(3) for x in params))
    # --8<-- [end:run_each_by_itself]

    # --8<-- [start:exercise_count]
    for layer in (keras.layers.SimpleRNN(128), keras.layers.GRU(128)):
        layer.build((None, None, 64))
        print(layer.count_params())
    # --8<-- [end:exercise_count]
