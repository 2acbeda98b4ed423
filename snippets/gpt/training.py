"""What both frameworks share: batches, start weights, schedule, tokens, sampling."""

# --8<-- [start:imports]
from collections import Counter
from itertools import pairwise
from pydoc_data.topics import topics

import numpy as np

# --8<-- [end:imports]
from snippets.character_rnn.data import fetch_corpus

# --8<-- [start:hyperparameters]
NUM_LAYERS = 4
NUM_HEADS = 4
WIDTH = 128
CONTEXT = 64  # characters that the model sees at once
BATCH_SIZE = 12
NUM_STEPS = 500
PEAK_RATE = 0.001
SEED = 1
GRU_BOUND = 1.80  # nats; the character RNN reaches less in 300 batches
# --8<-- [end:hyperparameters]


# --8<-- [start:characters]
def encode(text, characters):
    """Return the number of each character; KeyError for one that is not there."""
    numbers = {character: number for number, character in enumerate(characters)}
    return np.array([numbers[character] for character in text], np.int32)


def decode(tokens, characters):
    """Return the text of these numbers; the inverse of encode."""
    return "".join(characters[token] for token in tokens)


# --8<-- [end:characters]


# --8<-- [start:batches]
def draw_batches(tokens, num_batches, seed):
    """Yield random portions of the text, and the same, one character further on.

    Inputs and targets have the shape (BATCH_SIZE, CONTEXT) each.
    """
    rng = np.random.default_rng(seed)
    for _ in range(num_batches):
        starts = rng.integers(len(tokens) - CONTEXT, size=BATCH_SIZE)
        portions = tokens[starts[:, None] + np.arange(CONTEXT + 1)]
        yield portions[:, :-1], portions[:, 1:]


# --8<-- [end:batches]


# --8<-- [start:schedule]
def learning_rate(step, num_steps=NUM_STEPS, peak=PEAK_RATE):
    """Return the rate of a step: a linear warm-up, then half a cosine to a tenth."""
    warm_up = num_steps // 20
    if step < warm_up:
        return peak * (step + 1) / warm_up
    progress = (step - warm_up) / (num_steps - warm_up)
    return peak * (0.55 + 0.45 * np.cos(np.pi * progress))


# --8<-- [end:schedule]


# --8<-- [start:start]
def draw_params(vocabulary, seed, num_layers=NUM_LAYERS, width=WIDTH, context=CONTEXT):
    """Return the start weights in the order of the layers, float32.

    Matrices (inputs, outputs) have standard deviation 0.02; those whose results are
    added to the sequence have it divided by the root of how many there are (GPT-2).
    """
    rng = np.random.default_rng(seed)
    small = 0.02 / np.sqrt(2 * num_layers)

    def normal(scale, *shape):
        return scale * rng.standard_normal(shape)

    norm = [np.ones(width), np.zeros(width)]
    params = [normal(0.02, vocabulary, width), normal(0.02, context, width)]
    for _ in range(num_layers):
        params += [*norm, normal(0.02, width, 3 * width), normal(small, width, width)]
        params += [*norm, normal(0.02, width, 4 * width), np.zeros(4 * width)]
        params += [normal(small, 4 * width, width), np.zeros(width)]
    return [array.astype(np.float32) for array in [*params, *norm]]


# --8<-- [end:start]


# --8<-- [start:length]
def check_length(length, context):
    """Raise ValueError where a text is longer than a cache can be."""
    if length > context:
        what = f"{length} tokens, but the model knows {context} places"
        raise ValueError(f"{what}: write without the cache")


# --8<-- [end:length]


# --8<-- [start:choose]
def choose(logits, rng, temperature=1.0, top_k=None, top_p=None):
    """Draw the number of a token from its logits (vocabulary,).

    `top_k` leaves only so many of the likeliest tokens, `top_p` only the fewest whose
    probabilities add up to it.
    """
    logits = np.asarray(logits, np.float64) / temperature
    order = np.argsort(-logits, kind="stable")
    probas = np.exp(logits[order] - logits[order[0]])
    probas /= probas.sum()
    if top_k is not None:
        probas[top_k:] = 0
    if top_p is not None:
        before = np.cumsum(probas) - probas  # of the likelier tokens
        probas[before >= top_p] = 0
    sums = np.cumsum(probas)
    return int(order[np.searchsorted(sums, rng.random() * sums[-1], side="right")])


# --8<-- [end:choose]


# --8<-- [start:learn_pairs]
def merge(tokens, pair, new):
    """Return the tokens with each occurrence of a pair replaced by a new token."""
    merged = []
    for token in tokens:
        if merged and (merged[-1], token) == pair:
            merged[-1] = new
        else:
            merged.append(token)
    return merged


def learn_pairs(text, num_merges):
    """Return the pairs that byte-pair encoding merges, and the tokens of the text.

    Tokens below 256 are bytes; the pair at place i becomes the token 256 + i.
    """
    tokens, pairs = list(text.encode()), []
    for new in range(256, 256 + num_merges):
        pair, _ = Counter(pairwise(tokens)).most_common(1)[0]
        tokens = merge(tokens, pair, new)
        pairs.append(pair)
    return pairs, tokens


# --8<-- [end:learn_pairs]


# --8<-- [start:encode_pairs]
def encode_pairs(text, pairs):
    """Return the tokens of a text: its bytes, merged in the order of learning."""
    tokens = list(text.encode())
    for new, pair in enumerate(pairs, 256):
        tokens = merge(tokens, pair, new)
    return tokens


def decode_pairs(tokens, pairs):
    """Return the text of these tokens; the inverse of encode_pairs."""
    pieces = [bytes([number]) for number in range(256)]
    for left, right in pairs:
        pieces.append(pieces[left] + pieces[right])
    return b"".join(pieces[token] for token in tokens).decode()


# --8<-- [end:encode_pairs]


# --8<-- [start:texts]
def read_plays():
    """Return tiny Shakespeare, its first nine tenths and the rest."""
    with open(fetch_corpus(), encoding="ascii") as file:
        text = file.read()
    return text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]


def read_other(characters):
    """Return Python's own help texts, without characters that the plays lack."""
    text = "\n".join(topics.values())
    text = "".join(character for character in text if character in characters)
    return text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]


# --8<-- [end:texts]

if __name__ == "__main__":
    # --8<-- [start:run_texts]
    train_text, valid_text = read_plays()
    characters = sorted({*train_text, *valid_text})
    train_tokens = encode(train_text, characters)
    valid_tokens = encode(valid_text, characters)
    print("Kinds of characters:", len(characters))
    print(f"To train on: {len(train_tokens):,}, to validate: {len(valid_tokens):,}")
    # --8<-- [end:run_texts]

    # --8<-- [start:run_pairs]
    sample = train_text[:20_000]
    pairs, merged = learn_pairs(sample, 100)
    pieces = [decode_pairs([token], pairs) for token in range(256, 356)]
    print("First merges:", pieces[:8])
    print("Longest:", sorted(pieces, key=len)[-4:])
    print(f"Tokens: {len(sample):,} bytes become {len(merged):,}")
    text = valid_text[:1000] + "naïve café"
    print("Round trip:", decode_pairs(encode_pairs(text, pairs), pairs) == text)
    # --8<-- [end:run_pairs]

    # --8<-- [start:exercise_language]
    german = "Habe nun, ach! Philosophie, Juristerei und Medizin durchaus studiert"
    english = "And live a coward in thine own esteem, letting I dare not wait upon"
    for text in (english, german):
        share = len(encode_pairs(text, pairs)) / len(text.encode())
        print(f"Tokens per byte: {share:.2f}")
    # --8<-- [end:exercise_language]
