"""A model's weights on the way from PyTorch to Keras and back, as NumPy arrays."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]
from snippets.recurrent_networks.data import gru_to_keras, gru_to_pytorch


# --8<-- [start:linear]
def linear_to_keras(weight, bias):
    """Turn nn.Linear's weight (outputs, inputs) into the kernel (inputs, outputs)."""
    return [weight.T, bias]


def linear_to_pytorch(kernel, bias):
    """Undo linear_to_keras."""
    return [kernel.T, bias]


# --8<-- [end:linear]


# --8<-- [start:character_rnn]
def character_rnn_to_keras(embedding, *arrays):
    """Turn a character RNN's arrays, in the order of state_dict, into Keras'.

    Takes the embedding, four arrays of the GRU, the linear layer's weight and bias.
    """
    *gru, weight, bias = arrays
    return [embedding, *gru_to_keras(*gru), *linear_to_keras(weight, bias)]


def character_rnn_to_pytorch(embedding, *arrays):
    """Undo character_rnn_to_keras: take what get_weights returns."""
    *gru, kernel, bias = arrays
    return [embedding, *gru_to_pytorch(*gru), *linear_to_pytorch(kernel, bias)]


# --8<-- [end:character_rnn]


# --8<-- [start:start]
def draw_linear_weights(num_inputs, num_outputs, generator):
    """Draw nn.Linear's weight (num_outputs, num_inputs) and bias, in float32."""
    bound = num_inputs**-0.5
    shapes = [(num_outputs, num_inputs), (num_outputs,)]
    return [
        generator.uniform(-bound, bound, shape).astype(np.float32) for shape in shapes
    ]


# --8<-- [end:start]
