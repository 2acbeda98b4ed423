"""The character RNN in TensorFlow: written with, looked into, and the fast way."""

import numpy as np
import tensorflow as tf

from snippets.character_rnn.data import (
    ALPHABET,
    BATCH_SIZE,
    PORTION_SIZE,
    decode,
    draw_batches,
    draw_random_sample,
    fetch_corpus,
    require_portion,
    split_corpus,
    train,
)
from snippets.character_rnn.tensorflow_model import (
    build_model,
    char_to_tensor,
    generate,
)
from snippets.character_rnn.tensorflow_train import (
    build_optimizer,
    cross_entropy,
    fit,
    loss_and_gradients,
    loss_of_sequence,
)
from snippets.character_rnn.weights import (
    EMBEDDING_DIM,
    NUM_HIDDEN,
    SEED,
    balanced_accuracy,
    character_probas,
    draw_start_weights,
    draw_unit,
    find_unit,
    find_words,
    share_of_words,
    speaker_lines,
)


# --8<-- [start:states]
def hidden_states(model, text):
    """Return the state after each character of text, an array (len(text), num_hidden).

    Raises ValueError if text is empty or has characters outside the alphabet.
    """
    tokens = char_to_tensor(text)[tf.newaxis, :]  # (1, len(text))
    read = tf.function(lambda x: model.gru(model.embedding(x))[0])  # eagerly: slow
    return read(tokens)[0].numpy()  # (len(text), num_hidden)


# --8<-- [end:states]


# --8<-- [start:forward]
def unroll_gates(from_input, weight_hh, bias_hh):
    """Apply a GRU to its input's part of the gates, from a state of zeros.

    Takes from_input (time, batch, 3 * num_hidden): update, reset, candidate. Returns
    the states before each step and after it, and what the way back needs: gates z and
    r, candidates, the state's part of these, each (time, batch, num_hidden).
    """

    def step(before, from_input):
        h = before[0]  # (batch, num_hidden)
        input_z, input_r, input_n = tf.split(from_input, 3, axis=1)
        state_z, state_r, state_n = tf.split(h @ weight_hh + bias_hh, 3, axis=1)
        z, r = tf.sigmoid(input_z + state_z), tf.sigmoid(input_r + state_r)
        n = tf.tanh(input_n + r * state_n)
        return n + z * (h - n), z, r, n, state_n

    zeros = tf.zeros((from_input.shape[1], weight_hh.shape[0]), from_input.dtype)
    states, *rest = tf.scan(step, from_input, (zeros,) * 5)
    before = tf.concat([zeros[tf.newaxis], states[:-1]], axis=0)
    return before, states, *rest


# --8<-- [end:forward]


# --8<-- [start:backward]
def slopes_of_step(before, update, reset, candidates, state_n):
    """Return how a step's new state depends on what stands inside its gates.

    For all steps at once, (time, batch, 4, num_hidden): the slopes along the state's
    parts of update, reset and candidate, and along the candidate's part of the input.
    """
    candidate = (1 - update) * (1 - candidates**2)
    from_update = (before - candidates) * update * (1 - update)
    from_reset = candidate * state_n * reset * (1 - reset)
    return tf.stack([from_update, from_reset, candidate * reset, candidate], axis=2)


def gradients_through_time(grad_states, update, slopes, weight_hh):
    """Walk back from the last step; return the loss's gradient by each new state.

    Takes the gradient by each state as the layers above see it, and returns it with
    what comes from the steps after it, both (time, batch, num_hidden).
    """
    batch, num_hidden = grad_states.shape[1:]

    def step(after, here):
        _, carried = after
        grad_here, z, slope = here
        grad = grad_here + carried
        inside = tf.reshape(grad[:, tf.newaxis] * slope, (batch, 3 * num_hidden))
        return grad, grad * z + tf.matmul(inside, weight_hh, transpose_b=True)

    zeros = tf.zeros((batch, num_hidden), grad_states.dtype)
    steps = grad_states, update, slopes[:, :, :3]
    grads, _ = tf.scan(step, steps, (zeros, zeros), reverse=True)
    return grads


# --8<-- [end:backward]


# --8<-- [start:function]
@tf.custom_gradient
def gated_unroll(from_input, weight_hh, bias_hh):
    """Map from_input (time, batch, 3 * num_hidden) to states (time, batch, num_hidden).

    The tape sees a single operation, with the gradient that is written here.
    """
    before, states, update, *rest = unroll_gates(from_input, weight_hh, bias_hh)

    def backward(grad_states):
        """Return the gradients by from_input, weight_hh and bias_hh."""
        slopes = slopes_of_step(before, update, *rest)
        grads = gradients_through_time(grad_states, update, slopes, weight_hh)
        by_part = grads[:, :, tf.newaxis] * slopes  # (time, batch, 4, num_hidden)
        num_gates = weight_hh.shape[1]  # 3 * num_hidden
        by_state = tf.reshape(by_part[:, :, :3], (-1, num_gates))
        by_input = tf.gather(by_part, [0, 1, 3], axis=2)
        # steps is time * batch here
        flat = tf.reshape(before, (-1, weight_hh.shape[0]))  # (steps, num_hidden)
        return (
            tf.reshape(by_input, from_input.shape),
            tf.matmul(flat, by_state, transpose_a=True),
            tf.reduce_sum(by_state, axis=0),
        )

    return states, backward


# --8<-- [end:function]


# --8<-- [start:loss]
def loss_by_hand(model, inputs, targets):
    """Return what loss_of_sequence returns: the mean cross-entropy of (batch, time).

    Raises ValueError as require_portion does.
    """
    require_portion(inputs, targets)
    kernel, weight_hh, bias = (x.value for x in model.gru.trainable_variables)
    table = model.embedding.embeddings.value @ kernel + bias[0]
    from_input = tf.gather(table, tf.transpose(inputs))  # (time, batch, 3 * hidden)
    # identity: a tensor, as the other two arguments are; weight_hh is a variable
    states = gated_unroll(from_input, tf.identity(weight_hh), bias[1])
    weight, linear_bias = (x.value for x in model.linear.trainable_variables)
    flat = tf.reshape(states, (-1, states.shape[2]))  # (time * batch, num_hidden)
    logits = flat @ weight + linear_bias  # (time * batch, characters)
    return cross_entropy(logits, tf.reshape(tf.transpose(targets), [-1]))


# --8<-- [end:loss]


# --8<-- [start:step]
def make_compiled_step(model, optimizer, loss_fn):
    """Return what make_step returns, as one piece of machine code per shape."""

    @tf.function(jit_compile=True)
    def update(inputs, targets):
        with tf.GradientTape() as tape:
            loss = loss_fn(model, inputs, targets)
        optimizer.apply(tape.gradient(loss, optimizer.variables))
        return loss  # before the update

    def step(inputs, targets):
        return float(update(tf.constant(inputs), tf.constant(targets)))

    return step


# --8<-- [end:step]


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
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, BATCH_SIZE, 300, generator)
    history = fit(model, batches, validation_tokens, num_rounds=6, round_size=50)

    # --8<-- [start:run_write]
    samples = {}
    for temperature in [0.2, 0.8, 1.5]:
        generator = np.random.default_rng(SEED)
        samples[temperature] = generate(model, "The ", 300, temperature, generator)
        print(f"Temperature {temperature}: {samples[temperature]}\n")
    # --8<-- [end:run_write]

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

    # --8<-- [start:run_states]
    seen, unseen = decode(train_tokens[:10_000]), decode(validation_tokens[:10_000])
    unit, sign = find_unit(hidden_states(model, seen), speaker_lines(seen))
    states = sign * hidden_states(model, unseen)[:, unit]
    print(draw_unit(unseen[2_000:2_400], states[2_000:2_400]))
    # --8<-- [end:run_states]

    # --8<-- [start:check_states]
    share = balanced_accuracy(states, speaker_lines(unseen))
    print("On text that chose nothing, right in more than 7 of 10:", share > 0.7)
    # --8<-- [end:check_states]

    # --8<-- [start:forget]
    whole, last = next_probas(model, "ROMEO"), next_probas(model, "O")
    print("Most probable after ROMEO:", repr(ALPHABET[whole.argmax()]))
    colon = ALPHABET.index(":")
    print("A colon is less probable after O alone:", last[colon] < whole[colon] - 0.1)
    # --8<-- [end:forget]

    sample = draw_random_sample(train_tokens, 20, np.random.default_rng(SEED))
    inputs, targets = (tf.constant(x[np.newaxis, :]) for x in sample)

    # --8<-- [start:compare]
    fast_model = build_model(start_weights)
    loss, grads = loss_and_gradients(loss_of_sequence, fast_model, inputs, targets)
    fast_loss, fast_grads = loss_and_gradients(
        loss_by_hand, fast_model, inputs, targets
    )
    difference = max(
        np.abs(a - b).max() for a, b in zip(grads, fast_grads, strict=True)
    )
    print("Losses equal, to 1e-6:", abs(loss - fast_loss) < 1e-6)
    print("Gradients equal, to 1e-6:", difference < 1e-6)
    # --8<-- [end:compare]

    # --8<-- [start:run_fast]
    fast_model = build_model(start_weights)
    optimizer = build_optimizer(fast_model)
    fast_step = make_compiled_step(fast_model, optimizer, loss_by_hand)
    generator = np.random.default_rng(SEED)
    batches = draw_batches(train_tokens, PORTION_SIZE, 1, 100, generator)
    fast_losses = train(fast_step, batches, log_every=20)
    # --8<-- [end:run_fast]
