# --8<-- [start:script]
"""Data-parallel training: every process computes the gradient of its own rows."""

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

BATCH_SIZE = 64  # of all processes together


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


def main():
    """Train for 200 steps; the process of rank 0 prints, and writes the weights."""
    if not dist.is_initialized():  # by what has started the script
        dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    start = np.load("start.npz")
    signals, labels = map(torch.from_numpy, (start["signals"], start["labels"]))
    model, loss_fn = build_model(start), nn.CrossEntropyLoss()
    ddp = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    rng = np.random.default_rng(1)  # the same in every process
    for step in range(1, 201):
        rows = rng.choice(4000, BATCH_SIZE, replace=False)[rank::world]
        loss = loss_fn(ddp(signals[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()  # and average the gradients of all processes
        optimizer.step()
        if step % 50 == 0:
            total = loss.detach()
            dist.all_reduce(total)  # the sum over all processes
            if rank == 0:
                mean = total.item() / world
                print(f"{world} | Step: {step:03d} | Loss: {mean:.4f}", flush=True)
    if rank == 0:
        weights = [p.detach().numpy().T for p in model.parameters()]
        np.savez(f"weights-{world}.npz", *weights)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
# --8<-- [end:script]
