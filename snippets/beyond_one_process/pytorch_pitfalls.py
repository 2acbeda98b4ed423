# --8<-- [start:script]
"""What breaks the equality of N processes and one, and how to mend it."""

import os

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DistributedSampler


def add_up(tensor):
    """Return the sum of a tensor over all processes."""
    total = tensor.clone()
    dist.all_reduce(total)
    return total


def gather(value):
    """Return the values of all processes, by rank."""
    values = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def gradient(features, targets, weight, divisor):
    """Return the gradient of the summed loss, divided by a number of rows."""
    weight = weight.clone().requires_grad_()
    loss = nn.functional.cross_entropy(features @ weight, targets, reduction="sum")
    return torch.autograd.grad(loss / divisor, weight)[0]


def uneven(features, targets, weight, rank, world):
    """Compare the gradient of 9 rows in one process with that of 8 rows and 1 row."""
    whole = gradient(features, targets, weight, 9)
    own = slice(0, 8) if rank == 0 else slice(8, 9)
    rows = features[own], targets[own], weight
    for name, divisor in [("mean of means", len(rows[0])), ("mended", 9 / world)]:
        found = add_up(gradient(*rows, divisor)) / world  # as DDP averages
        off = (found - whole).norm() / whole.norm()
        yield f"Uneven batch, {name}: gradient off by {off:.0%}"


def padding(rank, world):
    """Count the test rows of all processes."""
    sampler = DistributedSampler(range(999), world, rank, shuffle=False)
    for name, rows in [("padded", list(sampler)), ("mended", range(rank, 999, world))]:
        yield f"999 test rows, {name}: {sum(gather(len(rows)))} counted"


def batch_norm(features, rank, world):
    """Compare batch normalization of half a batch with that of the whole."""
    layer, own = nn.BatchNorm1d(40), features[rank::world]
    whole = layer(features)[rank::world]
    mean = add_up(own.mean(0)) / world
    variance = add_up(((own - mean) ** 2).mean(0)) / world
    mended = (own - mean) / torch.sqrt(variance + layer.eps)
    for name, found in [("local", layer(own)), ("mended", mended)]:
        off = max(gather((found - whole).abs().max().item()))
        yield f"Batch normalization, {name}: off by {off:.2f}"


def dropout(rank):
    """Compare the masks of the first two processes."""
    for name, seed in [("one seed", 1), ("mended", 1 + rank)]:
        torch.manual_seed(seed)
        one, two, *_ = gather(nn.Dropout(0.5)(torch.ones(1000)))
        yield f"Dropout, {name}: {(one == two).float().mean():.0%} of the masks equal"


def files(rank):
    """Count the lines of a log after one step of training."""
    for name, writes in [("every rank", True), ("mended", rank == 0)]:
        if writes:
            with open(f"{name}.log", "a") as log:
                log.write("Step 1\n")
        dist.barrier()  # until all have written
        if rank == 0:
            with open(f"{name}.log") as log:
                yield f"Log of one step, {name}: {len(log.readlines())} line(s)"
            os.remove(f"{name}.log")


def main():
    """Show each pitfall and its remedy; the process of rank 0 prints."""
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    start = np.load("start.npz")
    features, targets = map(torch.from_numpy, (start["signals"], start["labels"]))
    weight = torch.from_numpy(start["w0"][:, :10])
    lines = [
        *uneven(features[:9], targets[:9], weight, rank, world),
        *padding(rank, world),
        *batch_norm(features[:16], rank, world),
        *dropout(rank),
        *files(rank),
    ]
    if rank == 0:
        print(*lines, sep="\n")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
# --8<-- [end:script]
