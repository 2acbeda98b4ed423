# --8<-- [start:script]
"""Data-parallel training that goes on from its checkpoint when a process has died."""

import os
import signal

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

BATCH_SIZE = 64  # of all processes together
PATH = "checkpoint.pt"


def save(step, model, optimizer):
    """Write a checkpoint beside the old one, then put it in its place."""
    parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({"step": step, **parts}, f"{PATH}.new")
    os.replace(f"{PATH}.new", PATH)  # all of it or nothing, even if killed here


def load(model, optimizer):
    """Load the checkpoint if there is one; return how many steps it has done."""
    if not os.path.exists(PATH):
        return 0
    found = torch.load(PATH, weights_only=True)
    model.load_state_dict(found["model"])
    optimizer.load_state_dict(found["optimizer"])
    return found["step"]


def main():
    """Train for 200 steps; rank 1 dies after step 130 of the first attempt."""
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    restarts = int(os.environ["TORCHELASTIC_RESTART_COUNT"])
    start = np.load("start.npz")
    signals, labels = map(torch.from_numpy, (start["signals"], start["labels"]))
    model = nn.Sequential(
        *[nn.Linear(40, 100), nn.GELU()],
        *[nn.Linear(100, 100), nn.GELU()],
        nn.Linear(100, 10),
    )
    with torch.no_grad():
        for layer, name in zip(model[::2], ["w0", "w1", "w2"], strict=True):
            layer.weight.copy_(torch.from_numpy(start[name].T))
            layer.bias.zero_()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    done = load(model, optimizer)
    if rank == 0:
        print(f"Attempt {restarts + 1} begins after step {done}", flush=True)
    ddp, loss_fn = DistributedDataParallel(model), nn.CrossEntropyLoss()
    rng = np.random.default_rng(1)  # the same in every process
    for step in range(1, 201):
        rows = rng.choice(4000, BATCH_SIZE, replace=False)[rank::world]
        if step <= done:
            continue  # but let the generator draw what it drew before
        loss = loss_fn(ddp(signals[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if rank == 0 and step % 50 == 0:
            save(step, model, optimizer)
        if rank == 1 and step == 130 and restarts == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    if rank == 0:
        weights = [p.detach().numpy().T for p in model.parameters()]
        np.savez("weights-survived.npz", *weights)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
# --8<-- [end:script]
