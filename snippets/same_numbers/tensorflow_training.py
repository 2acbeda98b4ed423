"""Train all three models in TensorFlow, in float32 and in float64; keep each loss."""

# --8<-- [start:imports]
import keras
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.character_rnn.tensorflow_model import CharacterRNN
from snippets.character_rnn.tensorflow_train import Adam, loss_of_sequence
from snippets.logistic_regression.tensorflow_keras import build_logistic_regression
from snippets.same_numbers.batches import (
    SEED,
    draw_starts,
    iris_batches,
    mnist_batches,
)
from snippets.same_numbers.weights import (
    character_rnn_to_keras,
    character_rnn_to_pytorch,
    linear_to_keras,
    linear_to_pytorch,
)
from snippets.softmax_regression.tensorflow_keras import build_softmax_regression


# --8<-- [start:precision]
def set_precision(dtype):
    """Set the dtype of inputs and of layers made from now on: two separate settings."""
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


# --8<-- [end:precision]


# --8<-- [start:train]
def train(model, loss_fn, optimizer, batches):
    """Update the model once per batch.

    Returns the loss before each update, (num_batches,).
    """

    @tf.function
    def update(inputs, targets):
        with tf.GradientTape() as tape:
            loss = loss_fn(model, inputs, targets)
        optimizer.apply(
            tape.gradient(loss, [x.value for x in model.trainable_variables])
        )
        return loss

    losses = []
    for batch in batches:
        inputs, targets = (tf.constant(x) for x in batch)
        losses.append(float(update(inputs, targets)))
    return np.array(losses)


# --8<-- [end:train]


# --8<-- [start:logistic]
def logistic_loss(model, features, targets):
    """Return the summed cross-entropy of targets (batch,)."""
    logits = model(features)[:, 0]  # (batch,)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
    return tf.reduce_sum(losses)


def train_logistic_regression(start, dtype):
    """Return the losses and the last weights, in PyTorch's layout."""
    set_precision(dtype)
    model = build_logistic_regression(num_features=2)
    model.set_weights(linear_to_keras(*start))
    optimizer = keras.optimizers.SGD(learning_rate=0.1)
    optimizer.build(model.trainable_variables)
    losses = train(model, logistic_loss, optimizer, iris_batches(dtype))
    return losses, linear_to_pytorch(*model.get_weights())


# --8<-- [end:logistic]


# --8<-- [start:softmax]
def softmax_loss(model, images, targets):
    """Return the mean cross-entropy of targets (batch,)."""
    logits = model(images)  # (batch, num_classes)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    return tf.reduce_mean(losses)


def train_softmax_regression(start, dtype):
    """Return the losses and the last weights, in PyTorch's layout."""
    set_precision(dtype)
    model = build_softmax_regression(28, 28, 10)
    model.set_weights(linear_to_keras(*start))
    optimizer = keras.optimizers.SGD(learning_rate=0.1)
    optimizer.build(model.trainable_variables)
    losses = train(model, softmax_loss, optimizer, mnist_batches(dtype))
    return losses, linear_to_pytorch(*model.get_weights())


# --8<-- [end:softmax]


# --8<-- [start:rnn]
def build_character_rnn(start, dtype):
    """Return a CharacterRNN with these weights, given in PyTorch's layout."""
    set_precision(dtype)
    model = CharacterRNN(100, 64, 128)
    model(tf.zeros((1, 1), tf.int64))  # the first call makes the layers' variables
    model.set_weights(character_rnn_to_keras(*start))
    return model


# --8<-- [end:rnn]


# --8<-- [start:train_rnn]
def train_character_rnn(start, dtype, learning_rate, batches):
    """Return the losses and the last weights, in PyTorch's layout."""
    model = build_character_rnn(start, dtype)
    optimizer = Adam([x.value for x in model.trainable_variables], learning_rate)
    losses = train(model, loss_of_sequence, optimizer, batches)
    return losses, character_rnn_to_pytorch(*model.get_weights())


# --8<-- [end:train_rnn]


if __name__ == "__main__":
    starts = draw_starts(SEED)

    # --8<-- [start:run_travel]
    model = build_character_rnn(starts["character RNN"], "float32")
    logits, _ = model(tf.constant([[15, 24, 27]]))  # "for"
    print("Logits:", " ".join(f"{x:.4f}" for x in logits[0, -1, :5].numpy()))
    arrays = character_rnn_to_pytorch(*model.get_weights())
    back = zip(arrays, starts["character RNN"], strict=True)
    print("Back, bit by bit:", all(np.array_equal(a, b) for a, b in back))
    # --8<-- [end:run_travel]
