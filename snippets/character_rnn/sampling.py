"""From logits to a character: temperature, and the draw."""

# --8<-- [start:imports]
import re

import numpy as np

# --8<-- [end:imports]


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
    # --8<-- [start:logits]
    logits = np.array([2.0, 1.0, 0.0])
    # --8<-- [end:logits]

    # --8<-- [start:run]
    for temperature in [0.2, 0.8, 1.5]:
        generator = np.random.default_rng(0)
        draws = [draw_character(logits, temperature, generator) for _ in range(15)]
        probas = character_probas(logits, temperature)
        print("{}: {:.3f} {:.3f} {:.3f}".format(temperature, *probas), draws)
    # --8<-- [end:run]

    # --8<-- [start:overflow]
    logits = np.array([20.0, 10.0], dtype=np.float32)  # a model sure of itself
    with np.errstate(over="ignore", invalid="ignore"):
        exponentials = np.exp(logits / 0.2)
        print("Exponentials:", exponentials)
        print("Probabilities:", exponentials / exponentials.sum())
    print("Shifted by the largest:", character_probas(logits, 0.2).round(3))
    # --8<-- [end:overflow]
