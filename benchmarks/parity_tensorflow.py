"""Train in TensorFlow and leave every loss in `tensorflow.npz`, for `make parity`."""

import tensorflow as tf

from snippets.character_rnn.tensorflow_cells import gru_cell, unroll
from snippets.character_rnn.tensorflow_model import CharacterRNN
from snippets.character_rnn.tensorflow_train import Adam, loss_of_sequence
from snippets.character_rnn.weights import gru_to_pytorch
from snippets.same_numbers import tensorflow_training as training
from snippets.same_numbers.batches import SEED, draw_starts, shakespeare_batches
from snippets.same_numbers.compare import save_runs
from snippets.same_numbers.weights import (
    character_rnn_to_keras,
    character_rnn_to_pytorch,
)
