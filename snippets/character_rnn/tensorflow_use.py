"""Write with a trained character RNN in TensorFlow, and look into its state."""

# --8<-- [start:imports]
import numpy as np
import tensorflow as tf

# --8<-- [end:imports]
from snippets.character_rnn.data import (
    ALPHABET,
    draw_batches,
    fetch_corpus,
    split_corpus,
)
from snippets.character_rnn.figures import plot_hidden_state, plot_loss
from snippets.character_rnn.sampling import (
    character_probas,
    find_words,
    share_of_words,
)
from snippets.character_rnn.tensorflow_model import (
    build_model,
    char_to_tensor,
    evaluate,
)
from snippets.character_rnn.tensorflow_train import (
    build_optimizer,
    loss_of_sequence,
    make_step,
)
from snippets.character_rnn.training import (
    BATCH_SIZE,
    PORTION_SIZE,
    train,
)
from snippets.character_rnn.weights import (
    EMBEDDING_DIM,
    NUM_HIDDEN,
    SEED,
    draw_start_weights,
)


# --8<-- [start:states]
def hidden_states(model, text):
    """Return the state after each character of text, an array (len(text), num_hidden).

    Raises ValueError if text is empty or has characters outside the alphabet.
    """
    tokens = char_to_tensor(text)[tf.newaxis, :]  # (1, len(text))
    states = model.gru(model.embedding(tokens))[0]  # (1, len(text), num_hidden)
    return states[0].numpy()


# --8<-- [end:states]


# --8<-- [start:next]
def next_probas(model, text, temperature=1.0):
    """Return the probabilities of the character after text, (num_characters,).

    Raises ValueError as encode does, or if temperature is not positive.
    """
    logits, _ = model(
        char_to_tensor(text)[tf.newaxis, :]
    )  # (1, len(text), num_characters)
    return character_probas(logits[0, -1].numpy(), temperature)


# --8<-- [end:next]


if __name__ == "__main__":
    with open(fetch_corpus(), encoding="ascii") as file:
        corpus = file.read()
    train_tokens, validation_tokens = split_corpus(corpus)
    start_weights = draw_start_weights(
        len(ALPHABET), EMBEDDING_DIM, NUM_HIDDEN, np.random.default_rng(SEED)
    )
    model = build_model(start_weights)
    optimizer = build_optimizer(model)
    step = make_step(model, optimizer, loss_of_sequence)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, BATCH_SIZE, 300, generator)
    losses = train(step, batches, log_every=50, decimals=2)

    # --8<-- [start:run]
    samples = {}
    for temperature in [0.2, 0.8, 1.5]:
        generator = np.random.default_rng(SEED)
        samples[temperature] = evaluate(model, "The ", 300, temperature, generator)
        print(f"Temperature {temperature}: {samples[temperature]}\n")
    # --8<-- [end:run]

    # --8<-- [start:check]
    vocabulary = set(find_words(corpus))
    cool, mild, hot = (share_of_words(text, vocabulary) for text in samples.values())
    print(
        "Each 304 characters long:", {len(text) for text in samples.values()} == {304}
    )
    written = set("".join(samples.values()))
    print("Only characters of the alphabet:", written <= set(ALPHABET))
    print("At 0.2, more than 8 words of 10 known:", cool > 0.8)
    print("At 0.8, more than 6 words of 10 known:", mild > 0.6)
    print("At 1.5, fewer than at 0.8 and 0.2:", hot < min(mild, cool))
    # --8<-- [end:check]

    # --8<-- [start:forget]
    whole, last = next_probas(model, "ROMEO"), next_probas(model, "O")
    print("Most probable after ROMEO:", repr(ALPHABET[whole.argmax()]))
    colon = ALPHABET.index(":")
    print("A colon is less probable after O alone:", last[colon] < whole[colon] - 0.1)
    # --8<-- [end:forget]

    # --8<-- [start:plot_loss]
    plot_loss(losses)
    # --8<-- [end:plot_loss]

    # --8<-- [start:plot_states]
    young_model = build_model(start_weights)
    optimizer = build_optimizer(young_model)
    step = make_step(young_model, optimizer, loss_of_sequence)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, 1, 40, generator)
    train(step, batches, log_every=40)
    sentence = "Now is the winter of our discontent"
    young_states = hidden_states(young_model, sentence)[:, :32]  # (len(sentence), 32)
    plot_hidden_state(sentence, young_states)
    blanks = [character == " " for character in sentence]
    positive = (young_states[:, 8] > 0).tolist()
    print("Unit 8 is positive after blanks alone:", positive == blanks)
    # --8<-- [end:plot_states]
