"""The training loop, which both frameworks share, and what it compares itself with."""

# --8<-- [start:imports]
import numpy as np

# --8<-- [end:imports]
from snippets.character_rnn.data import ALPHABET, fetch_corpus, split_corpus

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
    with open(fetch_corpus(), encoding="ascii") as file:
        train_tokens, validation_tokens = split_corpus(file.read())

    # --8<-- [start:run]
    shares = np.bincount(train_tokens, minlength=len(ALPHABET)) / len(train_tokens)
    present = shares[shares > 0]
    pairs = cross_entropy_of_pairs(train_tokens, validation_tokens, len(ALPHABET))
    print(f"All characters alike:  {np.log(len(ALPHABET)):.3f}")
    print(f"Their frequencies:     {-(present * np.log(present)).sum():.3f}")
    print(f"Given the one before:  {pairs:.3f}")
    # --8<-- [end:run]
