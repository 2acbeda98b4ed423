"""Train in PyTorch and leave every run in `runs.npz`, for `make parity`."""

import runpy

import torch

from snippets.character_rnn.pytorch_cells import gru_cell, unroll
from snippets.character_rnn.pytorch_model import CharacterRNN
from snippets.character_rnn.pytorch_train import loss_of_sequence
from snippets.same_numbers.batches import shakespeare_batches
from snippets.same_numbers.compare import save_runs
from snippets.same_numbers.pytorch_training import load_arrays, to_arrays, train


class ByHand(CharacterRNN):
    """What CharacterRNN computes, with the GRU's steps written out."""

    def forward(self, tokens, hidden=None):
        """Return the logits and the last state."""
        embedded = self.embedding(tokens)  # (batch, time, embedding_dim)
        states = unroll(gru_cell, embedded, 128, list(self.gru.parameters()))
        return self.linear(states), states[:, -1]


if __name__ == "__main__":
    shown = runpy.run_module("snippets.same_numbers.runs", run_name="__main__")
    runs = shown["runs"]
    for name, kind in [("library", CharacterRNN), ("by hand", ByHand)]:
        start = shown["starts"]["character RNN"]
        model = load_arrays(kind(100, 64, 128), start, "float32")
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        losses = train(
            model, loss_of_sequence, optimizer, shakespeare_batches(300, 200)
        )
        runs[name] = losses, to_arrays(model)
    save_runs("runs.npz", runs)
