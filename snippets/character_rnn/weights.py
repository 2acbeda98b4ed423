"""What NumPy does for both frameworks: start weights, and draws from logits."""

# --8<-- [start:imports]
import re

import numpy as np

# --8<-- [end:imports]
from snippets.character_rnn.data import ALPHABET

# --8<-- [start:sizes]
EMBEDDING_DIM = 64
NUM_HIDDEN = 128
SEED = 123
# --8<-- [end:sizes]


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


# --8<-- [start:probas]
def character_probas(logits, temperature):
    """Return softmax(logits / temperature), (num_characters,), in float64.

    Raises ValueError if temperature is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}, must be above 0")
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max())  # at most 1: nothing overflows
    return exponentials / exponentials.sum()


# --8<-- [end:probas]


# --8<-- [start:draw]
def draw_character(logits, temperature, generator):
    """Draw the index of the next character; return an int.

    A uniform number falls into one of the intervals whose lengths are the
    probabilities. Raises ValueError if temperature is not positive.
    """
    ends = character_probas(logits, temperature).cumsum()  # (num_characters,)
    index = np.searchsorted(ends, generator.random(), side="right")
    return int(min(index, len(ends) - 1))  # the last end may be rounded below 1


# --8<-- [end:draw]


# --8<-- [start:words]
def find_words(text):
    """Return the words of text in lower case, without the perhaps cut first and last.

    Whatever is neither a letter nor an apostrophe separates words.
    """
    return re.findall(r"[a-z']+", text.lower())[1:-1]


def share_of_words(text, vocabulary):
    """Return the share of the text's words that are in the vocabulary.

    Raises ValueError if text has no whole word.
    """
    words = find_words(text)
    if not words:
        raise ValueError("text has no whole word")
    return sum(word in vocabulary for word in words) / len(words)


# --8<-- [end:words]


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

    # --8<-- [start:logits]
    logits = np.array([2.0, 1.0, 0.0])
    # --8<-- [end:logits]

    # --8<-- [start:run_draw]
    for temperature in [0.2, 0.8, 1.5]:
        generator = np.random.default_rng(0)
        draws = [draw_character(logits, temperature, generator) for _ in range(15)]
        probas = character_probas(logits, temperature)
        print("{}: {:.3f} {:.3f} {:.3f}".format(temperature, *probas), draws)
    # --8<-- [end:run_draw]

    # --8<-- [start:overflow]
    logits = np.array([20.0, 10.0], dtype=np.float32)  # a model sure of itself
    with np.errstate(over="ignore", invalid="ignore"):
        exponentials = np.exp(logits / 0.2)
        print("Exponentials:", exponentials)
        print("Probabilities:", exponentials / exponentials.sum())
    print("Shifted by the largest:", character_probas(logits, 0.2).round(3))
    # --8<-- [end:overflow]
