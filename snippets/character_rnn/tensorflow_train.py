"""Train the character RNN in TensorFlow: as usual, then as the other framework does."""

# --8<-- [start:imports]
import bz2
import gzip

import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.character_rnn.data import (
    ALPHABET,
    BATCH_SIZE,
    LEARNING_RATE,
    PORTION_SIZE,
    decode,
    draw_batches,
    draw_random_sample,
    fetch_corpus,
    require_portion,
    split_corpus,
    train,
)
from snippets.character_rnn.tensorflow_model import build_model, generate
from snippets.character_rnn.weights import (
    EMBEDDING_DIM,
    NUM_HIDDEN,
    SEED,
    draw_start_weights,
    quality,
)


# --8<-- [start:of_sequence]
def cross_entropy(logits, targets):
    """Return the mean cross-entropy of logits (..., characters), targets (...)."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    return tf.reduce_mean(losses)


def loss_of_sequence(model, inputs, targets):
    """Return the mean cross-entropy of (batch, time), one call of the model in all.

    Raises ValueError as require_portion does.
    """
    require_portion(inputs, targets)
    logits, _ = model(inputs)  # (batch, time, characters)
    return cross_entropy(logits, targets)


# --8<-- [end:of_sequence]


# --8<-- [start:by_character]
def loss_by_character(model, inputs, targets):
    """Return the mean cross-entropy of (batch, time), a call of the model per step.

    Raises ValueError as require_portion does.
    """
    require_portion(inputs, targets)
    hidden, total = None, 0.0
    for t in range(inputs.shape[1]):
        logits, hidden = model(inputs[:, t : t + 1], hidden)  # (batch, 1, characters)
        total = total + cross_entropy(logits[:, 0], targets[:, t])
    return total / inputs.shape[1]


# --8<-- [end:by_character]


# --8<-- [start:gradients]
def loss_and_gradients(loss_fn, model, inputs, targets):
    """Return the loss as a float, and its gradients, one tensor per variable."""
    with tf.GradientTape() as tape:
        loss = loss_fn(model, inputs, targets)
    grads = tape.gradient(loss, [x.value for x in model.trainable_variables])
    return float(loss), [tf.convert_to_tensor(grad) for grad in grads]


# --8<-- [end:gradients]


# --8<-- [start:evaluate]
def cut_into_portions(tokens, portion_size):
    """Cut tokens into inputs and targets, both (num_portions, portion_size).

    An incomplete last one is left out. Raises ValueError if tokens are too few for one
    portion and the next character.
    """
    num_portions = (len(tokens) - 1) // portion_size
    if num_portions < 1:
        raise ValueError(f"portion_size is {portion_size} of {len(tokens)} tokens")
    end = num_portions * portion_size
    parts = tokens[:end], tokens[1 : end + 1]
    return tuple(part.reshape(num_portions, portion_size) for part in parts)


def validation_loss(model, tokens, portion_size):
    """Return the loss over tokens, cut into portions that each start from zeros.

    Raises ValueError as cut_into_portions does.
    """
    inputs, targets = map(tf.constant, cut_into_portions(tokens, portion_size))
    return float(loss_of_sequence(model, inputs, targets))


# --8<-- [end:evaluate]


# --8<-- [start:fit]
def fit(model, batches, validation_tokens, num_rounds, round_size):
    """Train with Keras' Adam; print a sample after each round of round_size batches.

    Returns the mean losses of each round, and the losses on the validation text.
    """
    inputs = keras.Input((None,), dtype="int64")
    logits_alone = keras.Model(inputs, model(inputs)[0])  # the same layers and weights
    logits_alone.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def tell(epoch, logs):
        sample = generate(model, "The ", 40, 0.8, np.random.default_rng(SEED))
        print(f"{(epoch + 1) * round_size} batches: {sample!r}")

    done = logits_alone.fit(
        batches,
        shuffle=False,  # the batches are random already
        epochs=num_rounds,
        steps_per_epoch=round_size,
        validation_data=cut_into_portions(validation_tokens, PORTION_SIZE),
        validation_batch_size=BATCH_SIZE,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=tell)],
        verbose=0,
    )
    return done.history


# --8<-- [end:fit]


# --8<-- [start:windows]
def loss_handing_on(model, tokens, portion_size, num_rows):
    """Return the loss over tokens in num_rows long rows, with the state handed on.

    Each row is read in portions, from a state of zeros at its beginning alone. Raises
    ValueError if tokens are too few for a portion in each row.
    """
    num_portions = (len(tokens) - 1) // (num_rows * portion_size)
    if num_portions < 1:
        raise ValueError(f"{num_rows} rows of {portion_size}: of {len(tokens)} tokens")
    end = num_rows * num_portions * portion_size
    inputs, targets = (
        tf.constant(part.reshape(num_rows, -1))
        for part in (tokens[:end], tokens[1 : end + 1])
    )
    hidden, losses = None, []
    for start in range(0, inputs.shape[1], portion_size):
        window = slice(start, start + portion_size)
        logits, hidden = model(inputs[:, window], hidden)
        losses.append(float(cross_entropy(logits, targets[:, window])))
    return float(np.mean(losses))


# --8<-- [end:windows]


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


# --8<-- [start:optimizer]
def build_optimizer(model):
    """Return Adam for the variables of a model."""
    return Adam([x.value for x in model.trainable_variables], LEARNING_RATE)


# --8<-- [end:optimizer]


# --8<-- [start:step]
def make_step(model, optimizer, loss_fn, compiled=True):
    """Return a function of NumPy inputs and targets (batch, time): one update."""

    def update(inputs, targets):
        with tf.GradientTape() as tape:
            loss = loss_fn(model, inputs, targets)
        optimizer.apply(tape.gradient(loss, optimizer.variables))
        return loss  # before the update

    update = tf.function(update) if compiled else update

    def step(inputs, targets):
        return float(update(tf.constant(inputs), tf.constant(targets)))

    return step


# --8<-- [end:step]


if __name__ == "__main__":
    # here, so that what is timed and measured goes without Matplotlib
    from snippets.character_rnn.figures import plot_history

    with open(fetch_corpus(), encoding="ascii") as file:
        train_tokens, validation_tokens = split_corpus(file.read())
    start_weights = draw_start_weights(
        len(ALPHABET), EMBEDDING_DIM, NUM_HIDDEN, np.random.default_rng(SEED)
    )

    # --8<-- [start:compare]
    model = build_model(start_weights)
    sample = draw_random_sample(train_tokens, 20, np.random.default_rng(SEED))
    inputs, targets = (tf.constant(x[np.newaxis, :]) for x in sample)
    loss, grads = loss_and_gradients(loss_by_character, model, inputs, targets)
    other_loss, other_grads = loss_and_gradients(
        loss_of_sequence, model, inputs, targets
    )
    difference = max(
        np.abs(a - b).max() for a, b in zip(grads, other_grads, strict=True)
    )
    print(f"Loss by character: {loss:.4f}, of the sequence: {other_loss:.4f}")
    print("Gradients equal, to 1e-6:", difference < 1e-6)
    # --8<-- [end:compare]

    # --8<-- [start:run]
    model = build_model(start_weights)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, BATCH_SIZE, 300, generator)
    history = fit(model, batches, validation_tokens, num_rounds=6, round_size=50)
    # --8<-- [end:run]

    # --8<-- [start:history]
    for number in range(6):
        losses = history["loss"][number], history["val_loss"][number]
        print(f"Batch {50 * (number + 1):03d} | ", end="")
        print("Train loss: {:.2f} | Validation loss: {:.2f}".format(*losses))
    # --8<-- [end:history]

    # --8<-- [start:plot_history]
    plot_history(history, round_size=50)
    # --8<-- [end:plot_history]

    # --8<-- [start:quality]
    loss = history["val_loss"][-1]
    print("Validation text:", quality(loss))
    # --8<-- [end:quality]

    # --8<-- [start:run_windows]
    handed_on = loss_handing_on(model, validation_tokens, PORTION_SIZE, num_rows=50)
    print(f"From zeros in each portion: {loss:.2f}, handed on: {handed_on:.2f}")
    print("Handing on is better:", handed_on < loss)
    # --8<-- [end:run_windows]

    # --8<-- [start:run_adam]
    gradients = tf.constant([1.0, 1e-6, 1e-8])
    parameter = tf.Variable(tf.zeros(3))
    Adam([parameter], LEARNING_RATE).apply([gradients])
    print("First step: {:.5f} {:.5f} {:.5f}".format(*(-parameter).numpy()))
    # --8<-- [end:run_adam]

    # --8<-- [start:run_of_sequence]
    alike = build_model(start_weights)
    optimizer = build_optimizer(alike)
    step = make_step(alike, optimizer, loss_of_sequence)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, 1, 100, generator)
    losses = train(step, batches, log_every=20)
    # --8<-- [end:run_of_sequence]

    # --8<-- [start:run_two_adams]
    parameter = keras.Variable(tf.zeros(3))
    keras.optimizers.Adam(LEARNING_RATE).apply([gradients], [parameter])
    print("First step: {:.5f} {:.5f} {:.5f}".format(*(-parameter).numpy()))

    table = keras.Variable(tf.zeros((2, 1)))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.gather(table.value, [0, 0]))
    grad = tape.gradient(total, table.value)  # two rows, both with index 0
    keras.optimizers.Adam(LEARNING_RATE).apply([grad], [table])
    print(f"A row read twice: {-table.numpy()[0, 0]:.5f}")
    # --8<-- [end:run_two_adams]

    # --8<-- [start:exercise_unshifted]
    copier = build_model(start_weights)
    optimizer = build_optimizer(copier)
    step = make_step(copier, optimizer, loss_of_sequence)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, 1, 100, generator)
    copied = train(step, ((inputs, inputs) for inputs, _ in batches), log_every=200)
    print("Mean of the last ten losses below 0.05:", np.mean(copied[-10:]) < 0.05)
    print(generate(copier, "O", 20, 0.2, generator))
    # --8<-- [end:exercise_unshifted]

    # --8<-- [start:exercise_compression]
    text = decode(validation_tokens).encode()
    with_model = len(text) * handed_on / np.log(2) / 8  # bytes
    for name, size in [
        ("gzip", len(gzip.compress(text))),
        ("bz2", len(bz2.compress(text))),
        ("the model", with_model),
    ]:
        print(f"{name}: {100 * size / len(text):.0f} % of the bytes")
    # --8<-- [end:exercise_compression]
