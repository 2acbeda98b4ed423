"""Recurrent networks in TensorFlow, from layers, as one trains them in practice."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.lstm.figures import plot_losses, plot_reach, plot_reading
from snippets.lstm.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    LENGTH,
    MAX_NORM,
    NUM_HIDDEN,
    NUM_STEPS,
    SEED,
    TEST_SEED,
    draw_params,
    draw_sequences,
    print_log,
)
from snippets.recurrent_networks.tensorflow_keras import load_recurrent_layer

# --8<-- [start:model]
LAYERS = {
    "plain": keras.layers.SimpleRNN,
    "GRU": keras.layers.GRU,
    "LSTM": keras.layers.LSTM,
}


class Reader(keras.Model):
    """Read a sequence with a recurrent layer; predict a number from its last state."""

    def __init__(self, kind):
        super().__init__()
        self.recurrent = LAYERS[kind](NUM_HIDDEN, return_sequences=True)
        self.linear = keras.layers.Dense(1)

    def call(self, features):
        """Return predictions (batch,) for features (batch, time, 2)."""
        states = self.recurrent(features)  # (batch, time, NUM_HIDDEN)
        return self.linear(states[:, -1])[:, 0]


def build_model(kind, seed=SEED, forget_bias=1.0):
    """Return a Reader with the weights of draw_params."""
    recurrent, weight, bias = draw_params(kind, seed, forget_bias)
    model = Reader(kind)
    load_recurrent_layer(model.recurrent, recurrent)
    model.linear.build((None, NUM_HIDDEN))
    model.linear.set_weights([weight.T, bias])
    return model


# --8<-- [end:model]


# --8<-- [start:adam]
class Adam:
    """Adam with the arithmetic of its paper and of PyTorch, for a list of variables."""

    def __init__(self, variables, learning_rate):
        self.variables, self.learning_rate = variables, learning_rate
        self.means = [tf.Variable(tf.zeros_like(x)) for x in variables]
        self.squares = [tf.Variable(tf.zeros_like(x)) for x in variables]
        self.steps = tf.Variable(0.0, dtype=tf.float64)  # 0.999**steps needs its digits

    def apply(self, grads):
        """Update the variables by these gradients, made dense where they are sparse."""
        steps = self.steps.assign_add(1.0)
        mean_share, square_share = 1 - 0.9**steps, 1 - 0.999**steps
        places = zip(self.variables, grads, self.means, self.squares, strict=True)
        for variable, sparse_or_dense, mean, square in places:
            grad = tf.convert_to_tensor(sparse_or_dense)
            mean.assign(0.9 * mean + 0.1 * grad)
            square.assign(0.999 * square + 0.001 * grad**2)
            root = tf.sqrt(square / tf.cast(square_share, square.dtype))
            ratio = mean / tf.cast(mean_share, mean.dtype) / (root + 1e-8)
            variable.assign_sub(self.learning_rate * ratio)


# --8<-- [end:adam]


# --8<-- [start:clip]
def clip_gradients(grads, max_norm):
    """Return gradients, scaled where they had a larger norm, and the norm before."""
    norm = tf.sqrt(sum(tf.reduce_sum(grad**2) for grad in grads))  # of all together
    scale = tf.minimum(max_norm / norm, 1)
    return [scale * grad for grad in grads], norm


# --8<-- [end:clip]


# --8<-- [start:fit]
def to_tensors(arrays):
    """Return arrays as tensors of the default type."""
    return [tf.constant(x, dtype=keras.config.floatx()) for x in arrays]


def make_step(model, learning_rate=LEARNING_RATE, max_norm=MAX_NORM):
    """Return a function of features and targets that trains the model for one step.

    It returns the loss, and the norm of the gradient before it was clipped.
    """
    params = [variable.value for variable in model.trainable_variables]
    optimizer = Adam(params, learning_rate)

    @tf.function(jit_compile=True)
    def step(features, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(features) - targets) ** 2)
        grads = tape.gradient(loss, params)
        grads, norm = clip_gradients(grads, max_norm)
        optimizer.apply(grads)
        return loss, norm

    return step


def fit(model, num_steps=NUM_STEPS, length=LENGTH, seed=SEED, **options):
    """Train on new sequences in each step; return losses and norms (num_steps, 2)."""
    step, rng = make_step(model, **options), np.random.default_rng(seed)
    history = []
    for _ in range(num_steps):
        batch = to_tensors(draw_sequences(BATCH_SIZE, length, rng))
        history.append([float(x) for x in step(*batch)])
    return np.array(history)


def evaluate(model, features, targets):
    """Return the mean squared error."""
    return float(tf.reduce_mean((model(features) - targets) ** 2))


# --8<-- [end:fit]


# --8<-- [start:reach]
def gradient_norms(model, features):
    """Return the norm of the predictions' gradient by the features of each step.

    Takes features (batch, time, 2); returns an array (time,).
    """
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = tf.reduce_sum(model(features))
    grads = tape.gradient(total, features)
    return tf.norm(grads, axis=(0, 2)).numpy()


# --8<-- [end:reach]


if __name__ == "__main__":
    # --8<-- [start:run]
    keras.config.set_floatx("float64")  # tensors and learning rates
    keras.config.set_dtype_policy("float64")  # layers
    models = {kind: build_model(kind) for kind in LAYERS}
    histories = {kind: fit(model) for kind, model in models.items()}
    print_log(histories)
    # --8<-- [end:run]

    # --8<-- [start:plot_losses]
    plot_losses(histories)
    # --8<-- [end:plot_losses]

    # --8<-- [start:test]
    test_data = to_tensors(
        draw_sequences(2000, LENGTH, np.random.default_rng(TEST_SEED))
    )
    for kind, model in models.items():
        count = sum(np.prod(x.shape) for x in model.trainable_variables)
        error = evaluate(model, *test_data)
        print(f"{kind:5} | Parameters: {count:5,} | Test error: {error:.4f}")
    # --8<-- [end:test]

    # --8<-- [start:run_reach]
    features = test_data[0][:100]
    starts = {kind: build_model(kind) for kind in LAYERS}
    starts["LSTM, bias 0"] = build_model("LSTM", forget_bias=0.0)
    before = {name: gradient_norms(model, features) for name, model in starts.items()}
    after = {kind: gradient_norms(model, features) for kind, model in models.items()}
    for title, found in [("Before", before), ("After", after)]:
        for name, norms in found.items():
            print(f"{title:6} | {name:12} | first / last: {norms[0] / norms[-1]:.0e}")
    # --8<-- [end:run_reach]

    # --8<-- [start:plot_reach]
    plot_reach(before, after)
    # --8<-- [end:plot_reach]

    # --8<-- [start:reading]
    inputs, marked = test_data[0][:1], tf.reduce_prod(test_data[0][0], axis=1)
    readings = {}
    for kind in LAYERS:
        states = models[kind].recurrent(inputs)
        readings[kind] = models[kind].linear(states)[0, :, 0].numpy()
    plot_reading(inputs[0].numpy(), tf.cumsum(marked).numpy(), readings)
    # --8<-- [end:reading]

    # --8<-- [start:run_clip]
    for kind, history in histories.items():
        norms = history[:, 1]
        print(
            f"{kind:5} | norm: median {np.median(norms):.2f}, largest {norms.max():.2f}"
        )
    not_clipped = fit(build_model("LSTM"), max_norm=np.inf)
    print_log({"LSTM": histories["LSTM"], "not clipped": not_clipped})
    # --8<-- [end:run_clip]

    # --8<-- [start:biases]
    layer = keras.layers.LSTM(NUM_HIDDEN)
    forget = slice(NUM_HIDDEN, 2 * NUM_HIDDEN)  # the places of the forget gate
    layer.build(test_data[0].shape)
    before = layer.cell.bias.numpy()  # (4 * NUM_HIDDEN,)
    print(f"Kept in a step: {tf.sigmoid(before[forget]).numpy().mean():.2f}")
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(test_data[0]))
    grads = tape.gradient(total, layer.trainable_variables)
    keras.optimizers.Adam(LEARNING_RATE).apply(grads, layer.trainable_variables)
    moved = abs(layer.cell.bias.numpy() - before).max()
    print(f"Moved by Adam's first step: {moved:.3f}")
    # --8<-- [end:biases]

    # --8<-- [start:state]
    model = models["LSTM"]
    features, targets = test_data
    layer = keras.layers.LSTM(NUM_HIDDEN, stateful=True)
    layer.build(features.shape)
    layer.set_weights(model.recurrent.get_weights())
    layer(features)
    error = tf.reduce_mean((model.linear(layer(features))[:, 0] - targets) ** 2)
    print(f"Fresh state: {evaluate(model, *test_data):.3f}")
    print(f"State of the batch before: {float(error):.3f}")
    # --8<-- [end:state]

    # --8<-- [start:exercise_rates]
    for learning_rate in [0.003, 0.03]:
        history = fit(build_model("LSTM"), 200, learning_rate=learning_rate)
        print(f"{learning_rate}: {history[150:, 0].mean():.3f}")
    print(f"{LEARNING_RATE}: {histories['LSTM'][150:200, 0].mean():.3f}")
    # --8<-- [end:exercise_rates]

    # --8<-- [start:exercise_forget]
    print_log({"LSTM of 1997": fit(build_model("LSTM", forget_bias=100.0))})
    # --8<-- [end:exercise_forget]

    # --8<-- [start:exercise_longer]
    longer = to_tensors(
        draw_sequences(2000, 2 * LENGTH, np.random.default_rng(TEST_SEED))
    )
    for kind, model in models.items():
        print(f"{kind:5} | {2 * LENGTH} steps: {evaluate(model, *longer):.2f}")
    # --8<-- [end:exercise_longer]
