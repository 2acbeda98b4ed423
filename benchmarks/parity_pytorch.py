"""Train in PyTorch and leave every loss in `pytorch.npz`, for `make parity`."""

from torch.optim import Adam

from snippets.character_rnn.pytorch_cells import gru_cell, unroll
from snippets.character_rnn.pytorch_model import CharacterRNN
from snippets.character_rnn.pytorch_train import loss_of_sequence
from snippets.same_numbers import pytorch_training as training
from snippets.same_numbers.batches import SEED, draw_starts, shakespeare_batches
from snippets.same_numbers.compare import save_runs


class ByHand(CharacterRNN):
    """The same mathematics as CharacterRNN; the GRU's steps are the chapter's own."""

    def forward(self, tokens, hidden=None):
        """Return the logits and the last state."""
        embedded = self.embedding(tokens)  # (batch, time, embedding_dim)
        states = unroll(gru_cell, embedded, 128, list(self.gru.parameters()))
        return self.linear(states), states[:, -1]


if __name__ == "__main__":
    starts = draw_starts(SEED)
    runs = training.train_all(starts)
    for model, name in [(CharacterRNN, "library"), (ByHand, "by hand")]:
        rnn = training.load_arrays(
            model(100, 64, 128), starts["character RNN"], "float32"
        )
        optimizer = Adam(rnn.parameters(), lr=0.01)
        losses = training.train(
            rnn, loss_of_sequence, optimizer, shakespeare_batches(300)
        )
        runs[name] = losses, training.to_arrays(rnn)
    save_runs("pytorch.npz", runs)
