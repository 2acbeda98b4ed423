"""Train the character RNN in TensorFlow: by character, by sequence, by batch."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.character_rnn.data import (
    ALPHABET,
    BATCH_SIZE,
    LEARNING_RATE,
    PORTION_SIZE,
    draw_batches,
    draw_random_sample,
    fetch_corpus,
    require_portion,
    split_corpus,
    train,
)
from snippets.character_rnn.tensorflow_model import build_model, evaluate
from snippets.character_rnn.weights import (
    EMBEDDING_DIM,
    NUM_HIDDEN,
    SEED,
    draw_start_weights,
)


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


# --8<-- [start:gradients]
def loss_and_gradients(loss_fn, model, inputs, targets):
    """Return the loss as a float, and its gradients, one tensor per variable."""
    with tf.GradientTape() as tape:
        loss = loss_fn(model, inputs, targets)
    grads = tape.gradient(loss, [x.value for x in model.trainable_variables])
    return float(loss), [tf.convert_to_tensor(grad) for grad in grads]


# --8<-- [end:gradients]


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


# --8<-- [start:evaluate]
def validation_loss(model, tokens, portion_size):
    """Return the loss over tokens, cut into portions.

    An incomplete last one is left out. Raises ValueError if tokens are too few for one
    portion and the next character.
    """
    num_portions = (len(tokens) - 1) // portion_size
    if num_portions < 1:
        raise ValueError(f"portion_size is {portion_size} of {len(tokens)} tokens")
    end = num_portions * portion_size
    inputs, targets = (
        tf.constant(part.reshape(num_portions, portion_size))
        for part in (tokens[:end], tokens[1 : end + 1])
    )
    return float(loss_of_sequence(model, inputs, targets))


# --8<-- [end:evaluate]


# --8<-- [start:optimizer]
def build_optimizer(model):
    """Return Adam for the variables of a model."""
    return Adam([x.value for x in model.trainable_variables], LEARNING_RATE)


# --8<-- [end:optimizer]


if __name__ == "__main__":
    with open(fetch_corpus(), encoding="ascii") as file:
        train_tokens, validation_tokens = split_corpus(file.read())
    start_weights = draw_start_weights(
        len(ALPHABET), EMBEDDING_DIM, NUM_HIDDEN, np.random.default_rng(SEED)
    )

    # --8<-- [start:run_adam]
    gradients = tf.constant([1.0, 1e-6, 1e-8])
    parameter = tf.Variable(tf.zeros(3))
    Adam([parameter], LEARNING_RATE).apply([gradients])
    print("First step: {:.5f} {:.5f} {:.5f}".format(*(-parameter).numpy()))
    # --8<-- [end:run_adam]

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

    # --8<-- [start:run_by_character]
    model = build_model(start_weights)
    optimizer = build_optimizer(model)
    step = make_step(model, optimizer, loss_by_character, compiled=False)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, 20, 1, 3, generator)
    losses = train(step, batches, log_every=1)
    # --8<-- [end:run_by_character]

    # --8<-- [start:run_of_sequence]
    model = build_model(start_weights)
    optimizer = build_optimizer(model)
    step = make_step(model, optimizer, loss_of_sequence)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, 1, 100, generator)
    losses = train(step, batches, log_every=20)
    # --8<-- [end:run_of_sequence]

    # --8<-- [start:run]
    model = build_model(start_weights)
    optimizer = build_optimizer(model)
    step = make_step(model, optimizer, loss_of_sequence)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, BATCH_SIZE, 300, generator)
    losses = train(step, batches, log_every=50, decimals=2)
    # --8<-- [end:run]

    # --8<-- [start:validate]
    loss = validation_loss(model, validation_tokens, PORTION_SIZE)
    print("Mean of the last 50 losses below 1.65:", np.mean(losses[-50:]) < 1.65)
    print("Loss on unseen text below 1.80:", loss < 1.80)
    # --8<-- [end:validate]

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

    # --8<-- [start:run_unshifted]
    copier = build_model(start_weights)
    optimizer = build_optimizer(copier)
    step = make_step(copier, optimizer, loss_of_sequence)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, 1, 100, generator)
    copied = train(step, ((inputs, inputs) for inputs, _ in batches), log_every=200)
    print("Mean of the last ten losses below 0.05:", np.mean(copied[-10:]) < 0.05)
    print(evaluate(copier, "O", 20, 0.2, generator))
    # --8<-- [end:run_unshifted]
