# --8<-- [start:script]
"""How much data-parallel training sends, and two ways to send less."""

from contextlib import nullcontext

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.nn.parallel import DistributedDataParallel

NUM_STEPS = 50


def train(start, rank, world, parts=1, half=False, bucket_cap_mb=25):
    """Train on batches of 64, each in so many parts; return the last loss and counts.

    The counts are all-reduces and bytes of a step, without the packing of the ring.
    """
    signals, labels = map(torch.from_numpy, (start["signals"], start["labels"]))
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(40, 500), nn.GELU(), nn.Linear(500, 10))
    ddp = DistributedDataParallel(model, bucket_cap_mb=bucket_cap_mb)
    sizes, loss_fn = [], nn.CrossEntropyLoss()

    hook = default_hooks.fp16_compress_hook if half else default_hooks.allreduce_hook

    def count_and_average(state, bucket):
        sizes.append(bucket.buffer().nbytes // (2 if half else 1))
        return hook(None, bucket)

    ddp.register_comm_hook(None, count_and_average)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    rng = np.random.default_rng(1)
    for _ in range(NUM_STEPS):
        rows = rng.choice(4000, 64, replace=False)[rank::world]
        optimizer.zero_grad()
        for part in range(parts):
            own = rows[part::parts]
            with nullcontext() if part == parts - 1 else ddp.no_sync():
                loss = loss_fn(ddp(signals[own]), labels[own]) / parts
                loss.backward()
        optimizer.step()
    with torch.no_grad():
        loss = loss_fn(model(signals), labels).item()
    return loss, len(sizes) / NUM_STEPS, sum(sizes) / NUM_STEPS


def main():
    """Train in several ways; the process of rank 0 prints."""
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    start = np.load("start.npz")
    for name, options in {
        "one bucket": {},
        "small buckets": {"bucket_cap_mb": 0.01},
        "four parts": {"parts": 4},
        "float16": {"half": True},
    }.items():
        loss, messages, size = train(start, rank, world, **options)
        if rank == 0:
            print(
                f"{name:13} | all-reduces: {messages:.0f} | bytes: {size:,.0f}", end=""
            )
            print(f" | loss: {loss:.4f}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
# --8<-- [end:script]
