"""Six models of one task in PyTorch, and the training that they all get."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d
from snippets.one_data_set.training import (
    ORDER,
    SEED,
    SETTINGS,
    WEIGHT_DECAY,
    draw_batches,
    draw_weights,
)


# --8<-- [start:linear]
def build_linear():
    """Return softmax regression."""
    return nn.Linear(40, 10)


# --8<-- [end:linear]


# --8<-- [start:mlp]
def build_mlp():
    """Return a perceptron with two hidden layers of 100 units."""
    return nn.Sequential(
        nn.Linear(40, 100),
        nn.ReLU(),
        nn.Linear(100, 100),
        nn.ReLU(),
        nn.Linear(100, 10),
    )


# --8<-- [end:mlp]


# --8<-- [start:cnn]
def build_cnn():
    """Return three convolutions of 25 channels, each of which halves the length."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 40)),  # (batch, 1, 40)
        nn.Conv1d(1, 25, kernel_size=5, stride=2, padding=1),  # 19 places
        nn.ReLU(),
        nn.Conv1d(25, 25, kernel_size=3, stride=2, padding=1),  # 10
        nn.ReLU(),
        nn.Conv1d(25, 25, kernel_size=3, stride=2, padding=1),  # 5
        nn.ReLU(),
        nn.Flatten(),  # (batch, 25 * 5)
        nn.Linear(125, 10),
    )


# --8<-- [end:cnn]


# --8<-- [start:gru]
class GRU(nn.Module):
    """Read a signal in both directions; all states together give the logits."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 6, batch_first=True, bidirectional=True)
        self.to_logits = nn.Linear(40 * 12, 10)

    def forward(self, features):
        """Return logits (batch, 10) of signals (batch, 40)."""
        states, _ = self.gru(features[:, :, None])  # (batch, 40, 12)
        return self.to_logits(states.flatten(1))


# --8<-- [end:gru]


# --8<-- [start:residual]
class Block(nn.Module):
    """Two normalized convolutions, whose output is added to their input."""

    def __init__(self, channels):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv1d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm1d(channels),
        )

    def forward(self, x):
        """Return features of the same shape (batch, channels, length)."""
        return torch.relu(x + self.branch(x))


def build_residual():
    """Return a convolution and three residual blocks; the mean over time is read."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 40)),  # (batch, 1, 40)
        nn.Conv1d(1, 32, 4, stride=2, padding=1, bias=False),  # 20 places
        nn.BatchNorm1d(32),
        nn.ReLU(),
        Block(32),
        Block(32),
        Block(32),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),  # (batch, 32)
        nn.Linear(32, 10),
    )


# --8<-- [end:residual]


# --8<-- [start:transformer]
class AddPositions(nn.Module):
    """Add a vector to each place, which is learned: attention knows no places."""

    def __init__(self, length, width):
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(length, width))

    def forward(self, x):
        """Return features of the same shape (batch, length, width)."""
        return x + self.positions


def build_encoder():
    """Return a block of attention and a perceptron, each behind a LayerNorm."""
    return nn.TransformerEncoderLayer(
        32, 2, 128, 0.0, "gelu", batch_first=True, norm_first=True
    )


class Transformer(nn.Module):
    """Let 40 places read from one another, twice; their mean gives the logits."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(1, 32, bias=False)
        self.add_positions = AddPositions(40, 32)
        self.blocks = nn.Sequential(build_encoder(), build_encoder())
        self.norm = nn.LayerNorm(32)
        self.to_logits = nn.Linear(32, 10)

    def forward(self, features):
        """Return logits (batch, 10) of signals (batch, 40)."""
        x = self.add_positions(self.embed(features[:, :, None]))  # (batch, 40, 32)
        return self.to_logits(self.norm(self.blocks(x)).mean(dim=1))


# --8<-- [end:transformer]


# --8<-- [start:models]
MODELS = {
    "linear": build_linear,
    "MLP": build_mlp,
    "CNN": build_cnn,
    "GRU": GRU,
    "residual": build_residual,
    "Transformer": Transformer,
}
# --8<-- [end:models]


# --8<-- [start:start]
def start(model, seed):
    """Draw all weights with NumPy, in the order of the layers; biases are zero."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, param in model.named_parameters():
            if "bias" in name:
                param.zero_()
            elif "positions" in name:
                param.copy_(torch.from_numpy(rng.standard_normal(param.shape)))
            elif param.ndim > 1:  # no gain of a norm: it stays 1
                weights = draw_weights(tuple(param.shape)[::-1], rng)
                param.copy_(torch.from_numpy(weights.T))  # PyTorch: outputs first


def count_params(model):
    """Return the number of what is trained."""
    return sum(param.numel() for param in model.parameters())


# --8<-- [end:start]


# --8<-- [start:fit]
loss_fn = nn.CrossEntropyLoss()


def fit(model, learning_rate, batches, features, targets):
    """Train the model in place; the learning rate falls to zero, step by step."""
    optimizer = torch.optim.AdamW(
        model.parameters(), learning_rate, weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, len(batches))
    model.train()
    for batch in torch.from_numpy(batches):
        loss = loss_fn(model(features[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


@torch.inference_mode()
def evaluate(model, features, targets):
    """Return the mean loss, and the accuracy."""
    model.eval()
    logits = model(features)
    hits = logits.argmax(dim=1) == targets
    return loss_fn(logits, targets).item(), hits.double().mean().item()


# --8<-- [end:fit]

if __name__ == "__main__":
    signals, labels = make_mnist1d()

    # --8<-- [start:run_models]
    X, y = torch.from_numpy(signals), torch.from_numpy(labels)
    batches = draw_batches(4000, 1, SEED)[:20]
    for name, build in MODELS.items():
        model = build()
        start(model, SEED)
        before, _ = evaluate(model, X[:4000], y[:4000])
        fit(model, 0.003, batches, X, y)
        after, _ = evaluate(model, X[:4000], y[:4000])
        count = f"{count_params(model):6,} parameters"
        print(f"{name:11} | {count} | Loss: {before:.2f} | 20 steps later: {after:.2f}")
    # --8<-- [end:run_models]

    # --8<-- [start:run_linear]
    learning_rate, num_epochs = SETTINGS["linear"]
    linear = build_linear()
    start(linear, SEED)
    batches = draw_batches(4000, num_epochs, SEED)
    fit(linear, learning_rate, batches, X[:4000], y[:4000])
    print(f"Test ACC: {100 * evaluate(linear, X[4000:], y[4000:])[1]:.1f}%")
    # --8<-- [end:run_linear]

    # --8<-- [start:run_symmetry]
    with torch.inference_mode():
        mlp, other = build_mlp(), build_mlp()
        other.load_state_dict(mlp.state_dict())
        other[0].weight.copy_(mlp[0].weight[:, ORDER])
        same = torch.allclose(other(X[:, ORDER]), mlp(X), atol=1e-4)
        print("MLP, its first weights shuffled, too: same logits:", same)

        encoder, other = Transformer(), Transformer()
        start(encoder, SEED)
        other.load_state_dict(encoder.state_dict())
        places = encoder.add_positions.positions[ORDER]
        other.add_positions.positions.copy_(places)
        same = torch.allclose(other(X[:100, ORDER]), encoder(X[:100]), atol=1e-4)
        print("Transformer, its positions shuffled, too: same logits:", same)
    # --8<-- [end:run_symmetry]
