# --8<-- [start:imports]
"""Train a network on three spirals; started again, go on where it stopped.

python train.py FOLDER
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

# --8<-- [end:imports]
from snippets.stop_and_resume import checkpoint

# --8<-- [start:train]
STEPS, SAVE_EVERY, BATCH_SIZE, SEED = 600, 100, 16, 1


def make_spirals():
    """Return points on three noisy spirals (300, 2), and their labels (300,)."""
    labels, radius = np.repeat(np.arange(3), 100), np.tile(np.linspace(0.1, 1, 100), 3)
    noise = 0.2 * np.random.default_rng(0).standard_normal(300)
    angle = 2 * np.pi / 3 * labels + 4 * radius + noise
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return points.astype(np.float32), labels


def shapes(arrays):
    """Return {name: shape}."""
    return {name: tuple(array.shape) for name, array in arrays.items()}


class Training:
    """A training, with all that decides how it goes on."""

    def __init__(self, width=64):
        keras.utils.set_random_seed(SEED)  # of the start weights
        self.features, self.targets = map(tf.constant, make_spirals())
        self.model = keras.Sequential([
            keras.Input((2,)),
            layers.Dense(width, "tanh", name="hidden_1"),
            layers.Dropout(0.2, seed=1, name="dropout_1"),
            layers.Dense(width, "tanh", name="hidden_2"),
            layers.Dropout(0.2, seed=2, name="dropout_2"),
            layers.Dense(3, name="logits"),
        ], name="net")  # fmt: skip
        self.loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        schedule = keras.optimizers.schedules.PolynomialDecay(0.01, STEPS, 0.0)
        self.optimizer = keras.optimizers.Adam(schedule, name="adam")
        self.optimizer.build(self.model.trainable_variables)  # its arrays exist now
        self.update = tf.function(self.update_with)
        self.rng = np.random.default_rng(SEED)  # shuffles the data in each epoch
        self.order, self.place = self.rng.permutation(len(self.targets)), 0
        self.step = 0

    def next_batch(self):
        """Return the indices of the next batch; shuffle again after the last one."""
        if self.place >= len(self.order):
            self.order, self.place = self.rng.permutation(len(self.targets)), 0
        batch = self.order[self.place : self.place + BATCH_SIZE]
        self.place += BATCH_SIZE
        return batch

    def update_with(self, features, targets):
        """Apply the gradient of one batch; what is compiled."""
        with tf.GradientTape() as tape:
            loss = self.loss_fn(targets, self.model(features, training=True))
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)

    def run(self, last):
        """Train up to a step."""
        while self.step < last:
            self.train_step()

    def train_step(self):
        """Train with one batch."""
        batch = self.next_batch()
        self.update(tf.gather(self.features, batch), tf.gather(self.targets, batch))
        self.step += 1

    def variables(self):
        """Return all variables by the part of the state that they are, and by path."""
        found = {f"model/{x.path}": x for x in self.model.weights}
        for layer in self.model.layers:
            if isinstance(layer, layers.Dropout):
                found[f"dropout/{layer.name}"] = layer.seed_generator.state
        for x in self.optimizer.variables:
            # The schedule has no state of its own: it reads the steps that Adam counts.
            part = "schedule" if x is self.optimizer.iterations else "optimizer"
            found[f"{part}/{x.path}"] = x
        return found

    def state(self):
        """Return all that a checkpoint must hold: arrays by part and name."""
        arrays = {name: x.numpy() for name, x in self.variables().items()}
        return arrays | {
            "shuffle": np.array(json.dumps(self.rng.bit_generator.state)),
            "place/order": self.order,
            "place/place": np.array(self.place),
            "step": np.array(self.step),
        }

    def load_state(self, state):
        """Go on from what `state` has returned."""
        for name, variable in self.variables().items():
            variable.assign(state[name])
        self.rng.bit_generator.state = json.loads(str(state["shuffle"]))
        self.order = state["place/order"]
        self.place = int(state["place/place"])
        self.step = int(state["step"])

    def write(self, file):
        """Write a checkpoint into an open file."""
        np.savez(file, **self.state())

    def read(self, path):
        """Return a checkpoint's state; ValueError where it is damaged or unfit."""
        checkpoint.check(path)
        with np.load(path) as file:  # allow_pickle=False: runs no code from the file
            state = dict(file)
        checkpoint.check_shapes(path, shapes(state), shapes(self.state()))
        return state

    def weights(self):
        """Return all weights as one vector."""
        return np.concatenate([x.ravel() for x in self.model.get_weights()])


def main(folder):
    """Train until the last step, from the folder's checkpoint if there is one."""
    Path(folder).mkdir(exist_ok=True)
    path, training = Path(folder) / "last.ckpt", Training()
    if path.exists():
        training.load_state(training.read(path))
        print("Resumed at step", training.step, flush=True)
    while training.step < STEPS:
        training.run(training.step + SAVE_EVERY)
        checkpoint.save(path, training.write)
        print("Saved at step", training.step, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
# --8<-- [end:train]
