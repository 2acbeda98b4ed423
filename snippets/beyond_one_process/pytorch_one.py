"""One process in PyTorch: the loop that the distributed scripts must repeat."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

# --8<-- [end:imports]
from snippets.beyond_one_process.common import write_start


# --8<-- [start:model]
def build_model(start):
    """Return a multilayer perceptron with the start weights of a file."""
    model = nn.Sequential(
        *[nn.Linear(40, 100), nn.GELU()],
        *[nn.Linear(100, 100), nn.GELU()],
        nn.Linear(100, 10),
    )
    with torch.no_grad():
        for layer, name in zip(model[::2], ["w0", "w1", "w2"], strict=True):
            layer.weight.copy_(torch.from_numpy(start[name].T))
            layer.bias.zero_()
    return model


# --8<-- [end:model]


# --8<-- [start:train]
def train(start, batch_size=64, learning_rate=0.05, num_steps=200):
    """Train in this process alone; return the model and the loss of each step."""
    signals, labels = map(torch.from_numpy, (start["signals"], start["labels"]))
    model, loss_fn = build_model(start), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=0.9)
    rng, losses = np.random.default_rng(1), []
    for _ in range(num_steps):
        rows = rng.choice(4000, batch_size, replace=False)
        loss = loss_fn(model(signals[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


# --8<-- [end:train]


# --8<-- [start:recompute]
def gradients(blocks, features, recompute):
    """Return the gradients of a mean square, how often a block ran, the bytes kept."""
    params, runs, kept = list(blocks.parameters()), [], {}
    weights = {x.data_ptr() for x in params}

    def pack(x):  # is called with every tensor that the backward pass will need
        if x.data_ptr() not in weights:
            kept[x.data_ptr()] = x.nbytes
        return x

    def call(block, x):
        runs.append(block)
        return block(x)

    hidden = features.clone().requires_grad_()
    with saved_tensors_hooks(pack, lambda x: x):
        for block in blocks:
            if recompute:
                hidden = checkpoint(call, block, hidden, use_reentrant=False)
            else:
                hidden = call(block, hidden)
        loss = (hidden**2).mean()
    grads = torch.autograd.grad(loss, params)
    return [x.numpy() for x in grads], len(runs), sum(kept.values())


# --8<-- [end:recompute]


if __name__ == "__main__":
    write_start("start.npz")

    # --8<-- [start:run]
    start = np.load("start.npz")
    model, losses = train(start)
    weights = [p.detach().numpy().T for p in model.parameters()]  # as Keras has them
    np.savez("weights-alone.npz", *weights)
    for step in [50, 100, 150, 200]:
        print(f"Step: {step:03d} | Loss: {losses[step - 1]:.4f}")
    # --8<-- [end:run]

    # --8<-- [start:rate]
    for batch_size, learning_rate in [(64, 0.05), (256, 0.05), (256, 0.2)]:
        _, losses = train(start, batch_size, learning_rate, 12800 // batch_size)
        mean = np.mean(losses[-1280 // batch_size :])
        print(f"Batch: {batch_size:3d} | Rate: {learning_rate:.2f} | Loss: {mean:.3f}")
    # --8<-- [end:rate]

    # --8<-- [start:run_recompute]
    torch.manual_seed(1)
    blocks = [nn.Sequential(nn.Linear(256, 256), nn.GELU()) for _ in range(8)]
    blocks, features = nn.ModuleList(blocks), torch.randn(1024, 256)
    kept_grads, runs, kept = gradients(blocks, features, recompute=False)
    print(f"Kept:       blocks run: {runs:2d} | MB kept: {kept / 2**20:.0f}")
    grads, runs, kept = gradients(blocks, features, recompute=True)
    print(f"Recomputed: blocks run: {runs:2d} | MB kept: {kept / 2**20:.0f}")
    print("Same gradients:", all(map(np.array_equal, grads, kept_grads)))
    # --8<-- [end:run_recompute]
