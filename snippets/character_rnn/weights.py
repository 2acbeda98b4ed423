"""Start weights for both frameworks, and the two layouts of a GRU's weights."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]
from snippets.character_rnn.data import ALPHABET

# --8<-- [start:hyperparameters]
EMBEDDING_DIM = 64
NUM_HIDDEN = 128
SEED = 123
# --8<-- [end:hyperparameters]


# --8<-- [start:recurrent]
def draw_recurrent_weights(num_features, num_hidden, num_gates, generator):
    """Draw a recurrent layer's weights, uniform within 1 / sqrt(num_hidden).

    Returns weight_ih (num_gates * num_hidden, num_features), weight_hh (num_gates *
    num_hidden, num_hidden), bias_ih and bias_hh (num_gates * num_hidden,), in float32.
    """
    bound, rows = num_hidden**-0.5, num_gates * num_hidden
    shapes = [(rows, num_features), (rows, num_hidden), (rows,), (rows,)]
    return [
        generator.uniform(-bound, bound, shape).astype(np.float32) for shape in shapes
    ]


# --8<-- [end:recurrent]


# --8<-- [start:layout]
def swap_first_gates(array):
    """Swap the first two of the three gates that are stacked along axis 0.

    Raises ValueError if axis 0 does not hold three gates of one size.
    """
    if len(array) % 3:
        raise ValueError(f"array has {len(array)} rows, which are not three gates")
    first, second, third = np.split(array, 3)
    return np.concatenate([second, first, third])


def gru_to_keras(weight_ih, weight_hh, bias_ih, bias_hh):
    """Turn a GRU's weights from PyTorch's layout into that of Keras (reset_after=True).

    Returns kernel (num_features, 3 * num_hidden), recurrent_kernel (num_hidden,
    3 * num_hidden) and bias (2, 3 * num_hidden).
    """
    bias = np.stack([swap_first_gates(bias_ih), swap_first_gates(bias_hh)])
    return swap_first_gates(weight_ih).T, swap_first_gates(weight_hh).T, bias


def gru_to_pytorch(kernel, recurrent_kernel, bias):
    """Undo gru_to_keras: return weight_ih, weight_hh, bias_ih and bias_hh."""
    arrays = [kernel.T, recurrent_kernel.T, bias[0], bias[1]]
    return [swap_first_gates(array) for array in arrays]


# --8<-- [end:layout]


# --8<-- [start:start]
def draw_start_weights(num_characters, embedding_dim, num_hidden, generator):
    """Draw a character RNN's weights as PyTorch would, in float32 and its layout.

    Returns the embedding (num_characters, embedding_dim), the four arrays of the GRU in
    a list, and the linear layer's weight (num_characters, num_hidden) and bias.
    """
    embedding = generator.normal(size=(num_characters, embedding_dim))
    gru = draw_recurrent_weights(embedding_dim, num_hidden, 3, generator)
    bound = num_hidden**-0.5
    weight = generator.uniform(-bound, bound, (num_characters, num_hidden))
    bias = generator.uniform(-bound, bound, num_characters)
    return (
        embedding.astype(np.float32),
        gru,
        weight.astype(np.float32),
        bias.astype(np.float32),
    )


# --8<-- [end:start]


if __name__ == "__main__":
    # --8<-- [start:run]
    start_weights = draw_start_weights(
        len(ALPHABET), EMBEDDING_DIM, NUM_HIDDEN, np.random.default_rng(SEED)
    )
    embedding, gru, weight, bias = start_weights
    for array in [embedding, *gru, weight, bias]:
        print(array.shape)
    # --8<-- [end:run]

    # --8<-- [start:run_layout]
    kernel, recurrent_kernel, both_biases = gru_to_keras(*gru)
    print("Kernels:", kernel.shape, recurrent_kernel.shape)
    print("Bias:", both_biases.shape)
    back = gru_to_pytorch(kernel, recurrent_kernel, both_biases)
    print(
        "And back:", all(np.array_equal(a, b) for a, b in zip(back, gru, strict=True))
    )
    # --8<-- [end:run_layout]
