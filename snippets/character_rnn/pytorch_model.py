"""The character RNN in PyTorch: the model, and how it writes."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn

# --8<-- [end:imports]
from snippets.character_rnn.data import ALPHABET, decode, encode
from snippets.character_rnn.weights import (
    EMBEDDING_DIM,
    NUM_HIDDEN,
    SEED,
    draw_character,
    draw_start_weights,
)
from snippets.recurrent_networks.pytorch_module import load_recurrent_layer

# --8<-- [start:tensorfloat]
torch.backends.cudnn.rnn.fp32_precision = "ieee"
# --8<-- [end:tensorfloat]


# --8<-- [start:hyperparameters]
device = torch.device("cpu")
if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator()
# --8<-- [end:hyperparameters]


# --8<-- [start:model]
class CharacterRNN(nn.Module):
    """Map tokens (batch, time) to logits (batch, time, num_characters)."""

    def __init__(self, num_characters, embedding_dim, num_hidden):
        super().__init__()
        self.embedding = nn.Embedding(num_characters, embedding_dim)
        self.gru = nn.GRU(embedding_dim, num_hidden, batch_first=True)
        self.linear = nn.Linear(num_hidden, num_characters)

    def forward(self, tokens, hidden=None):
        """Return the logits and the last state; no hidden means a state of zeros."""
        embedded = self.embedding(tokens)  # (batch, time, embedding_dim)
        states, hidden = self.gru(embedded, hidden)  # (batch, time, num_hidden)
        return self.linear(states), hidden


# --8<-- [end:model]


# --8<-- [start:load]
@torch.no_grad()
def build_model(start_weights):
    """Return a CharacterRNN on the device, with the weights of draw_start_weights."""
    embedding, gru, weight, bias = start_weights
    num_characters, num_hidden = weight.shape
    model = CharacterRNN(num_characters, embedding.shape[1], num_hidden)
    model.embedding.weight.copy_(torch.from_numpy(embedding))
    load_recurrent_layer(model.gru, gru)
    model.linear.weight.copy_(torch.from_numpy(weight))
    model.linear.bias.copy_(torch.from_numpy(bias))
    return model.to(device)


# --8<-- [end:load]


# --8<-- [start:char_to_tensor]
def char_to_tensor(text):
    """Return the characters' indices, an int64 tensor (len(text),) on the device.

    Raises ValueError if text is empty or has characters outside the alphabet.
    """
    return torch.tensor(encode(text), device=device)


# --8<-- [end:char_to_tensor]


# --8<-- [start:generate]
@torch.no_grad()
def generate(model, prompt, num_characters, temperature, generator):
    """Return prompt and num_characters more that the model draws, one by one.

    Raises ValueError if prompt is empty or has characters outside the alphabet, if
    num_characters is below 1 or if temperature is not positive.
    """
    if num_characters < 1:
        raise ValueError(f"num_characters is {num_characters}, must be at least 1")
    if not prompt:
        raise ValueError("prompt is empty: give at least one character")
    tokens, hidden, drawn = char_to_tensor(prompt), None, []
    for _ in range(num_characters):
        logits, hidden = model(tokens[None, :], hidden)  # (1, time, num_characters)
        last = logits[0, -1].cpu().numpy()  # (num_characters,)
        drawn.append(draw_character(last, temperature, generator))
        tokens = torch.tensor(drawn[-1:], device=device)  # (1,)
    return prompt + decode(drawn)


# --8<-- [end:generate]


if __name__ == "__main__":
    start_weights = draw_start_weights(
        len(ALPHABET), EMBEDDING_DIM, NUM_HIDDEN, np.random.default_rng(SEED)
    )

    # --8<-- [start:run]
    model = build_model(start_weights)
    logits, hidden = model(char_to_tensor("First Citizen:")[None, :])
    print("Logits:", tuple(logits.shape))
    print("First three: {:.4f} {:.4f} {:.4f}".format(*logits[0, 0, :3].tolist()))
    print("Parameters:", sum(parameter.numel() for parameter in model.parameters()))
    # --8<-- [end:run]

    # --8<-- [start:untrained]
    generator = np.random.default_rng(SEED)
    print(repr(generate(model, "Th", 50, temperature=0.8, generator=generator)))
    # --8<-- [end:untrained]
