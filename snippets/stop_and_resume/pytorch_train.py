# --8<-- [start:imports]
"""Train a network on three spirals; started again, go on where it stopped.

python train.py FOLDER
"""

import copy
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

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
        torch.manual_seed(SEED)  # of the start weights, and then of dropout
        self.features, self.targets = map(torch.from_numpy, make_spirals())
        self.model = nn.Sequential(
            nn.Linear(2, width), nn.Tanh(), nn.Dropout(0.2),
            nn.Linear(width, width), nn.Tanh(), nn.Dropout(0.2),
            nn.Linear(width, 3),
        )  # fmt: skip
        self.optimizer = torch.optim.Adam(self.model.parameters(), 0.01)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: 1 - step / STEPS
        )
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

    def run(self, last):
        """Train up to a step."""
        while self.step < last:
            self.train_step()

    def train_step(self):
        """Train with one batch."""
        batch = torch.from_numpy(self.next_batch())
        logits = self.model.train()(self.features[batch])
        loss = nn.functional.cross_entropy(logits, self.targets[batch])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.step += 1

    def state(self):
        """Return all that a checkpoint must hold."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "dropout": torch.get_rng_state(),
            "shuffle": self.rng.bit_generator.state,
            "place": {"order": self.order.tolist(), "place": self.place},
            "step": self.step,
        }

    def load_state(self, state):
        """Go on from what `state` has returned."""
        self.model.load_state_dict(state["model"])
        # A copy: the optimizer goes on in the very tensors that it is given.
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["dropout"])
        self.rng.bit_generator.state = state["shuffle"]
        self.order = np.array(state["place"]["order"])
        self.place = state["place"]["place"]
        self.step = state["step"]

    def write(self, file):
        """Write a checkpoint into an open file."""
        torch.save(self.state(), file)

    def read(self, path):
        """Return a checkpoint's state; ValueError where it is damaged or unfit."""
        checkpoint.check(path)
        state = torch.load(path, weights_only=True)  # runs no code from the file
        checkpoint.check_shapes(
            path, shapes(state["model"]), shapes(self.model.state_dict())
        )
        return state

    def weights(self):
        """Return all weights as one vector."""
        arrays = [x.detach().numpy().ravel() for x in self.model.parameters()]
        return np.concatenate(arrays)


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
