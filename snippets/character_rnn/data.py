"""Tiny Shakespeare as numbers, and random portions of it."""

# --8<-- [start:imports]
import string

import numpy as np
import pooch

# --8<-- [end:imports]


# --8<-- [start:download]
CORPUS_URL = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/"
    "data/tinyshakespeare/input.txt"
)
CORPUS_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


def fetch_corpus(folder="data"):
    """Return the path of tiny Shakespeare, downloaded and checked where it is missing.

    Raises ValueError if the downloaded file has another checksum.
    """
    return pooch.retrieve(
        CORPUS_URL,
        known_hash=f"sha256:{CORPUS_SHA256}",
        path=folder,
        fname="tinyshakespeare.txt",
    )


# --8<-- [end:download]


# --8<-- [start:alphabet]
ALPHABET = string.printable  # 100 characters: digits, letters, punctuation, blanks
INDICES = {character: index for index, character in enumerate(ALPHABET)}


def encode(text):
    """Return the index of each character of text in the alphabet, (len(text),).

    Raises ValueError if text is empty or has characters outside the alphabet.
    """
    if not text:
        raise ValueError("text is empty: give at least one character")
    if unknown := set(text) - set(ALPHABET):
        raise ValueError(f"text has characters outside the alphabet: {sorted(unknown)}")
    return np.array([INDICES[character] for character in text])


def decode(indices):
    """Return the text of these indices; the inverse of encode."""
    return "".join(ALPHABET[index] for index in indices)


# --8<-- [end:alphabet]


# --8<-- [start:split]
def split_corpus(text, validation_share=0.1):
    """Encode text; return its beginning to train on and its end to validate on.

    Raises ValueError as encode does, or if validation_share leaves a part empty.
    """
    tokens = encode(text)  # (len(text),)
    num_train = round(len(text) * (1 - validation_share))
    if not 0 < num_train < len(text):
        raise ValueError(f"validation_share is {validation_share}, must be in (0, 1)")
    return tokens[:num_train], tokens[num_train:]


# --8<-- [end:split]


# --8<-- [start:sample]
def draw_random_sample(tokens, portion_size, generator):
    """Cut a random portion out of tokens, and the portion one character further on.

    Returns inputs and targets, both (portion_size,). Raises ValueError if portion_size
    is not positive or if tokens are too few for one portion and the next character.
    """
    num_starts = len(tokens) - portion_size
    if portion_size < 1 or num_starts < 1:
        what = f"portion_size is {portion_size}, must be 1 to {len(tokens) - 1}"
        raise ValueError(what)
    start = generator.integers(num_starts)  # 0 to num_starts - 1
    portion = tokens[start : start + portion_size + 1]  # (portion_size + 1,)
    return portion[:-1], portion[1:]


def draw_batch(tokens, portion_size, batch_size, generator):
    """Stack random portions: inputs and targets, both (batch_size, portion_size).

    Raises ValueError if batch_size is not positive.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, must be at least 1")
    samples = [
        draw_random_sample(tokens, portion_size, generator) for _ in range(batch_size)
    ]
    inputs, targets = zip(*samples, strict=True)
    return np.stack(inputs), np.stack(targets)


def draw_batches(tokens, portion_size, batch_size, num_batches, generator):
    """Draw num_batches batches, each one when it is asked for."""
    for _ in range(num_batches):
        yield draw_batch(tokens, portion_size, batch_size, generator)


# --8<-- [end:sample]


# --8<-- [start:require]
def require_portion(inputs, targets):
    """Raise ValueError if inputs and targets differ in shape, or are empty."""
    given, wanted = tuple(inputs.shape), tuple(targets.shape)  # each (batch, time)
    if given != wanted or 0 in given:
        raise ValueError(f"inputs {given}, targets {wanted}: not alike, or empty")


# --8<-- [end:require]


if __name__ == "__main__":
    # --8<-- [start:run]
    with open(fetch_corpus(), encoding="ascii") as file:
        corpus = file.read()
    train_tokens, validation_tokens = split_corpus(corpus)
    print(f"Characters: {len(corpus):,}, of {len(set(corpus))} kinds")
    print(
        f"To train on: {len(train_tokens):,}, to validate: {len(validation_tokens):,}"
    )
    # --8<-- [end:run]

    # --8<-- [start:portion]
    inputs, targets = draw_random_sample(train_tokens, 20, np.random.default_rng(1))
    print("Inputs: ", inputs)
    print("Inputs: ", repr(decode(inputs)))
    print("Targets:", repr(decode(targets)))
    # --8<-- [end:portion]
