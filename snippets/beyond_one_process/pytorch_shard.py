# --8<-- [start:script]
"""Fully sharded training: every process keeps its share of the parameters."""

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard

BATCH_SIZE = 64  # of all processes together


def main():
    """Train for 100 steps; the process of rank 0 prints."""
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    mesh = dist.device_mesh.init_device_mesh("cpu", (world,))
    start = np.load("start.npz")
    signals, labels = map(torch.from_numpy, (start["signals"], start["labels"]))
    model, loss_fn = (
        nn.Sequential(
            *[nn.Linear(40, 100), nn.GELU()],
            *[nn.Linear(100, 100), nn.GELU()],
            nn.Linear(100, 10),
        ),
        nn.CrossEntropyLoss(),
    )
    with torch.no_grad():
        for layer, name in zip(model[::2], ["w0", "w1", "w2"], strict=True):
            layer.weight.copy_(torch.from_numpy(start[name].T))
            layer.bias.zero_()
    for layer in model[::2]:
        fully_shard(layer, mesh=mesh)  # gathered when this layer computes
    fully_shard(model, mesh=mesh)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    rng = np.random.default_rng(1)  # the same in every process
    for step in range(1, 101):
        rows = rng.choice(4000, BATCH_SIZE, replace=False)[rank::world]
        loss = loss_fn(model(signals[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            total = loss.detach()
            dist.all_reduce(total)  # the sum over all processes
            if rank == 0:
                print(f"Step: {step:03d} | Loss: {total.item() / world:.4f}")
    state = [x["momentum_buffer"] for x in optimizer.state.values()]
    for name, tensors in [("Parameters", model.parameters()), ("Momentum", state)]:
        counts = [None] * world
        own = sum(x.to_local().numel() for x in tensors)
        dist.all_gather_object(counts, own)
        if rank == 0:
            print(f"{name} of each process:", *[f"{x:,}" for x in counts])
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
# --8<-- [end:script]
