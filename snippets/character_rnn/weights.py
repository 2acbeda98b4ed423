"""What NumPy does for both frameworks: start weights, draws, baselines, units."""

# --8<-- [start:imports]
import re

import numpy as np

# --8<-- [end:imports]
from snippets.character_rnn.data import ALPHABET, fetch_corpus, split_corpus
from snippets.recurrent_networks.data import draw_recurrent_weights

# --8<-- [start:sizes]
EMBEDDING_DIM = 64
NUM_HIDDEN = 128
SEED = 123
# --8<-- [end:sizes]


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


# --8<-- [start:quality]
def quality(loss):
    """Return a loss in nats per character, in bits, and as a perplexity: a text."""
    return (
        f"{loss:.2f} nats, {loss / np.log(2):.2f} bits, perplexity {np.exp(loss):.1f}"
    )


# --8<-- [end:quality]


# --8<-- [start:contexts]
def cross_entropy_of_contexts(train_tokens, tokens, length, num_characters):
    """Return the loss on tokens of counts of contexts of this length in train_tokens.

    Each character counts once more after each context than it occurs there. Raises
    ValueError if tokens have no such context with a character after it.
    """
    if len(tokens) <= length:
        raise ValueError(f"{len(tokens)} tokens have no context of {length}")

    def contexts(tokens):
        count = len(tokens) - length
        powers = num_characters ** np.arange(length)
        parts = [power * tokens[i : i + count] for i, power in enumerate(powers)]
        return sum(parts, np.zeros(count, dtype=np.int64)), tokens[length:]

    def times(seen, wanted):
        values, counts = np.unique(seen, return_counts=True)
        places = np.searchsorted(values, wanted).clip(max=len(values) - 1)
        return np.where(values[places] == wanted, counts[places], 0)

    (seen, seen_next), (wanted, wanted_next) = contexts(train_tokens), contexts(tokens)
    both = times(
        seen * num_characters + seen_next, wanted * num_characters + wanted_next
    )
    return -np.log((both + 1) / (times(seen, wanted) + num_characters)).mean()


# --8<-- [end:contexts]


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


# --8<-- [start:unit]
def speaker_lines(text):
    """Return for each character whether its line ends with a colon: (len(text),)."""
    lines = text.splitlines(keepends=True)
    ends = [line.rstrip("\n").endswith(":") for line in lines]
    return np.repeat(ends, [len(line) for line in lines])


def balanced_accuracy(values, wanted):
    """Return how often values are positive where wanted, and not elsewhere: the mean.

    Each of the two shares counts one half. Raises ValueError if one has no characters.
    """
    if wanted.all() or not wanted.any():
        raise ValueError("wanted must be true of some characters, and false of others")
    return ((values[wanted] > 0).mean() + (values[~wanted] <= 0).mean()) / 2


def find_unit(states, wanted):
    """Return the unit of states (time, num_hidden) that tells best where wanted, and
    1 or -1: the sign that it has there.
    """
    scores = [balanced_accuracy(column, wanted) for column in states.T]
    unit = int(np.argmax(np.abs(np.array(scores) - 0.5)))
    return unit, 1 if scores[unit] > 0.5 else -1


def draw_unit(text, values):
    """Return text with a row of signs below each line: where values are positive."""
    signs = iter("+" if value > 0 else " " for value in values)
    lines = text.splitlines(keepends=True)
    rows = ["".join(next(signs) for _ in line).rstrip() for line in lines]
    pairs = zip(lines, rows, strict=True)
    return "\n".join(line.rstrip("\n") + "\n" + row for line, row in pairs)


# --8<-- [end:unit]


if __name__ == "__main__":
    with open(fetch_corpus(), encoding="ascii") as file:
        train_tokens, validation_tokens = split_corpus(file.read())

    # --8<-- [start:run_frequencies]
    shares = (np.bincount(train_tokens, minlength=len(ALPHABET)) + 1) / (
        len(train_tokens) + len(ALPHABET)
    )
    loss = -np.log(shares[validation_tokens]).mean()
    print("Frequencies, on the validation text:", quality(loss))
    # --8<-- [end:run_frequencies]

    # --8<-- [start:run]
    start_weights = draw_start_weights(
        len(ALPHABET), EMBEDDING_DIM, NUM_HIDDEN, np.random.default_rng(SEED)
    )
    embedding, gru, weight, bias = start_weights
    for array in [embedding, *gru, weight, bias]:
        print(array.shape)
    # --8<-- [end:run]

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

    # --8<-- [start:exercise_contexts]
    for length in range(6):
        loss = cross_entropy_of_contexts(
            train_tokens, validation_tokens, length, len(ALPHABET)
        )
        print(f"{length} characters before: {quality(loss)}")
    # --8<-- [end:exercise_contexts]
