"""Tiny Shakespeare as numbers, random portions of it, and the loop that reads them."""

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

# --8<-- [start:hyperparameters]
PORTION_SIZE = 200
BATCH_SIZE = 64
LEARNING_RATE = 0.01
# --8<-- [end:hyperparameters]


# --8<-- [start:train]
def train(step, batches, log_every, decimals=4):
    """Call step(inputs, targets) on each batch; return the losses that it returns.

    Raises ValueError if log_every is not positive.
    """
    if log_every < 1:
        raise ValueError(f"log_every is {log_every}, must be at least 1")
    losses = []
    for iteration, (inputs, targets) in enumerate(batches, 1):
        losses.append(step(inputs, targets))
        if iteration == 1 or iteration % log_every == 0:
            print(f"Iteration: {iteration:03d} | Loss: {losses[-1]:.{decimals}f}")
    return losses


# --8<-- [end:train]


# --8<-- [start:bigrams]
def cross_entropy_of_pairs(train_tokens, tokens, num_characters):
    """Return the loss on tokens of a table of character pairs counted in train_tokens.

    The probability of a character depends on the one before it alone. Each pair counts
    once more than it occurs, so that none is impossible. Raises ValueError if tokens
    have no pair.
    """
    if len(tokens) < 2:
        raise ValueError(f"tokens have no pair: there are {len(tokens)}")
    counts = np.ones((num_characters, num_characters))
    np.add.at(counts, (train_tokens[:-1], train_tokens[1:]), 1)
    probas = counts / counts.sum(axis=1, keepdims=True)  # (before, character)
    return -np.log(probas[tokens[:-1], tokens[1:]]).mean()


# --8<-- [end:bigrams]


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

    # --8<-- [start:run_bigrams]
    shares = np.bincount(train_tokens, minlength=len(ALPHABET)) / len(train_tokens)
    present = shares[shares > 0]
    pairs = cross_entropy_of_pairs(train_tokens, validation_tokens, len(ALPHABET))
    print(f"All characters alike:  {np.log(len(ALPHABET)):.3f}")
    print(f"Their frequencies:     {-(present * np.log(present)).sum():.3f}")
    print(f"Given the one before:  {pairs:.3f}")
    # --8<-- [end:run_bigrams]

    try:
        # --8<-- [start:unknown]
        encode("a naïve café")
        # --8<-- [end:unknown]
    except ValueError as error:
        print(f"ValueError: {error}")
