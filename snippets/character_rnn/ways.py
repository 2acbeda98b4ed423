"""The chapter's ways to train: timed by `make bench`, compared by `make parity`."""

from functools import partial

import numpy as np

from snippets.character_rnn.data import draw_batches, fetch_corpus, split_corpus
from snippets.character_rnn.weights import draw_start_weights

SPEED = {
    "title": "Character RNN",
    "unit": "µs per character",
    "scale": 1e6 / 200,  # of a run's seconds, to that unit
    "baseline": "pytorch|a call per character",
    "rounds": {1: 7, 2: 3},  # by the number of threads
    "chapter": (  # in its own table
        "a call per portion",
        "fast",
        "a call per batch of 64",
        "fast, batch of 64",
    ),
    "work": {"a call per batch of 64": 64, "fast, batch of 64": 64},  # portions at once
    "growth": "characters in a portion",
}
BOUNDS = {  # on the losses, at any step
    "character RNN, float32": 5e-6,
    "character RNN, float64": 1e-12,
}
LENGTHS = [25, 50, 100, 200, 400, 800]
SEED = 123


def races(framework, _):
    """Return by its name the preparation of each way of one update on a batch."""
    if framework == "pytorch":
        import torch

        from snippets.character_rnn import pytorch_model as model_of
        from snippets.character_rnn import pytorch_more as fast
        from snippets.character_rnn import pytorch_train as training

        def step_of(model, loss_fn):
            optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
            return training.make_step(model, optimizer, loss_fn)

        eagerly = of_sequence = by_hand = step_of
    elif framework == "tensorflow":
        from snippets.character_rnn import tensorflow_model as model_of
        from snippets.character_rnn import tensorflow_more as fast
        from snippets.character_rnn import tensorflow_train as training

        def step_of(model, loss_fn, make_step=training.make_step):
            return make_step(model, training.build_optimizer(model), loss_fn)

        eager_step = partial(training.make_step, compiled=False)
        eagerly = partial(step_of, make_step=eager_step)
        of_sequence, by_hand = (
            step_of,
            partial(step_of, make_step=fast.make_compiled_step),
        )
    else:
        return {}

    def update(loss_fn, make, batch_size, length=200):
        def prepare():
            with open(fetch_corpus(), encoding="ascii") as file:
                tokens, _ = split_corpus(file.read())
            start = draw_start_weights(100, 64, 128, np.random.default_rng(SEED))
            step = make(model_of.build_model(start), loss_fn)
            generator = np.random.default_rng(SEED)
            batches = list(draw_batches(tokens, length, batch_size, 3, generator))
            losses = [f"{step(*batch):.4f}" for batch in batches]
            told = {f"losses, {batch_size} times {length}": losses}
            return partial(step, *batches[0]), lambda *_: told

        return prepare

    portion = partial(update, training.loss_of_sequence, of_sequence)
    quick = partial(update, fast.loss_by_hand, by_hand)
    growing = {"fast": quick}
    if framework == "pytorch":
        growing = {"a call per portion": portion} | growing
    return {
        "speed": {
            "a call per character": update(training.loss_by_character, eagerly, 1),
            "a call per portion": portion(1),
            "fast": quick(1),
            "a call per batch of 64": portion(64),
            "fast, batch of 64": quick(64),
        },
        "growth": {
            f"{name}|{n}": way(1, n) for name, way in growing.items() for n in LENGTHS
        },
    }


def train(framework):
    """Return by name the losses and the last weights of what has a bound.

    And those of 300 steps, twice: by the library's GRU, and by the GRU by hand.
    """
    from snippets.same_numbers import batches
    from snippets.same_numbers.trainers import trainers

    start = batches.draw_starts(batches.SEED)["character RNN"]
    fit, runs = trainers(framework)[2], {}
    for name in BOUNDS:
        portions = batches.shakespeare_batches(num_steps=100, portion_size=200)
        runs[name] = fit(start, name.split(", ")[1], 0.005, portions)
    long = partial(batches.shakespeare_batches, 300, 200)
    by_hand = {"pytorch": pytorch_by_hand, "tensorflow": tensorflow_by_hand}
    runs["library"] = fit(start, "float32", 0.01, long())
    runs["by hand"] = by_hand[framework](start, long())
    return runs


def pytorch_by_hand(start, batches):
    """Train in PyTorch, with the GRU's steps written out."""
    import torch

    from snippets.character_rnn.pytorch_model import CharacterRNN
    from snippets.character_rnn.pytorch_train import loss_of_sequence
    from snippets.recurrent_networks.pytorch_manual import gru_cell, unroll
    from snippets.same_numbers.pytorch_training import load_arrays, to_arrays, train

    class ByHand(CharacterRNN):
        """What CharacterRNN computes."""

        def forward(self, tokens, hidden=None):
            embedded = self.embedding(tokens)  # (batch, time, embedding_dim)
            states = unroll(gru_cell, embedded, 128, list(self.gru.parameters()))
            return self.linear(states), states[:, -1]

    model = load_arrays(ByHand(100, 64, 128), start, "float32")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return train(model, loss_of_sequence, optimizer, batches), to_arrays(model)


def tensorflow_by_hand(start, batches):
    """Train in TensorFlow, with the GRU's steps written out."""
    import tensorflow as tf

    from snippets.character_rnn.tensorflow_model import CharacterRNN
    from snippets.character_rnn.tensorflow_train import Adam, loss_of_sequence
    from snippets.recurrent_networks.tensorflow_manual import gru_cell
    from snippets.same_numbers.tensorflow_training import set_precision, train
    from snippets.same_numbers.weights import (
        character_rnn_to_keras,
        character_rnn_to_pytorch,
    )

    def swap_first_gates(tensor):
        """Turn Keras' order of the gates along axis 0 into PyTorch's."""
        first, second, third = tf.split(tensor, 3)
        return tf.concat([second, first, third], axis=0)

    class ByHand(CharacterRNN):
        """What CharacterRNN computes."""

        def call(self, tokens, hidden=None):
            embedded = self.embedding(tokens)  # (batch, time, embedding_dim)
            if not self.gru.built:
                self.gru.build(embedded.shape)
            cell = self.gru.cell
            kernels = [cell.kernel.value, cell.recurrent_kernel.value]
            weights = [swap_first_gates(tf.transpose(x)) for x in kernels]
            weights += [swap_first_gates(x) for x in tf.unstack(cell.bias.value)]
            state, states = tf.zeros((tokens.shape[0], 128)), []
            for t in range(tokens.shape[1]):
                state = gru_cell(embedded[:, t], state, *weights)
                states.append(state)
            return self.linear(tf.stack(states, axis=1)), state

    set_precision("float32")
    model = ByHand(100, 64, 128)
    model(tf.zeros((1, 1), tf.int64))  # the first call makes the variables
    model.set_weights(character_rnn_to_keras(*start))
    optimizer = Adam([x.value for x in model.trainable_variables], 0.01)
    losses = train(model, loss_of_sequence, optimizer, batches)
    return losses, character_rnn_to_pytorch(*model.get_weights())


def draw(pytorch, tensorflow):
    """Draw how far the losses part in float32, between frameworks and within each."""
    from snippets.same_numbers.compare import differences, plot_gaps

    pairs = {
        "PyTorch and TensorFlow": (pytorch["library"], tensorflow["library"]),
        "PyTorch, library and by hand": (pytorch["library"], pytorch["by hand"]),
        "TensorFlow, library and by hand": (
            tensorflow["library"],
            tensorflow["by hand"],
        ),
    }
    plot_gaps({name: differences(*pair)[0] for name, pair in pairs.items()}, floor=1e-7)
