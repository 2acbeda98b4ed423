"""Train in TensorFlow and leave every run in `runs.npz`, for `make parity`."""

import runpy

import tensorflow as tf

from snippets.character_rnn.tensorflow_cells import gru_cell
from snippets.character_rnn.tensorflow_model import CharacterRNN
from snippets.character_rnn.tensorflow_train import Adam, loss_of_sequence
from snippets.same_numbers.batches import shakespeare_batches
from snippets.same_numbers.compare import save_runs
from snippets.same_numbers.tensorflow_training import set_precision, train
from snippets.same_numbers.weights import (
    character_rnn_to_keras,
    character_rnn_to_pytorch,
)


class ByHand(CharacterRNN):
    """What CharacterRNN computes, with the GRU's steps written out."""

    def call(self, tokens, hidden=None):
        """Return the logits and the last state."""
        embedded = self.embedding(tokens)  # (batch, time, embedding_dim)
        if not self.gru.built:
            self.gru.build(embedded.shape)
        cell = self.gru.cell
        kernels = [cell.kernel.value, cell.recurrent_kernel.value]
        weights = [swap_first_gates(tf.transpose(x)) for x in kernels]
        weights += [swap_first_gates(x) for x in tf.unstack(cell.bias.value)]
        state, states = tf.zeros((tokens.shape[0], 128)), []
        for t in range(tokens.shape[1]):
            state = gru_cell(embedded[:, t], state, *weights)
            states.append(state)
        return self.linear(tf.stack(states, axis=1)), state


def swap_first_gates(tensor):
    """Turn Keras' order of the gates along axis 0 into PyTorch's."""
    first, second, third = tf.split(tensor, 3)
    return tf.concat([second, first, third], axis=0)


if __name__ == "__main__":
    shown = runpy.run_module("snippets.same_numbers.runs", run_name="__main__")
    runs = shown["runs"]
    set_precision("float32")
    for name, kind in [("library", CharacterRNN), ("by hand", ByHand)]:
        model = kind(100, 64, 128)
        model(tf.zeros((1, 1), tf.int64))  # the first call makes the variables
        model.set_weights(character_rnn_to_keras(*shown["starts"]["character RNN"]))
        optimizer = Adam([x.value for x in model.trainable_variables], 0.01)
        losses = train(
            model, loss_of_sequence, optimizer, shakespeare_batches(300, 200)
        )
        runs[name] = losses, character_rnn_to_pytorch(*model.get_weights())
    save_runs("runs.npz", runs)
