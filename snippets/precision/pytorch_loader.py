# --8<-- [start:script]
"""Which random numbers the worker processes of a DataLoader draw."""

import torch
from torch.utils.data import DataLoader, Dataset


class Noise(Dataset):
    """Eight random numbers, such as those that augment eight images."""

    def __init__(self, by_example):
        self.by_example = by_example

    def __len__(self):
        return 8

    def __getitem__(self, index):
        if self.by_example:  # a generator of the example's own
            return torch.rand((), generator=torch.Generator().manual_seed(index))
        return torch.rand(())  # the generator of the worker process


def seed_alike(worker):
    """Give every worker the same seed: a mistake."""
    torch.manual_seed(1)


def draw(num_workers=2, seed=1, by_example=False, worker_init_fn=None):
    """Return the numbers (8,); without a seed, the loader takes the process' own."""
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    loader = DataLoader(
        Noise(by_example),
        num_workers=num_workers,
        generator=generator,
        worker_init_fn=worker_init_fn,
    )
    return torch.cat(list(loader))


def tell(name, one, two):
    """Print whether two runs drew the same bits."""
    print(f"{name:28} | {'bit-equal' if torch.equal(one, two) else 'different'}")


if __name__ == "__main__":
    reference = draw()
    tell("the same generator", draw(), reference)
    tell("other seed", draw(seed=2), reference)
    tell("other number of workers", draw(num_workers=1), reference)
    tell("no generator, twice", draw(seed=None), draw(seed=None))
    one, two = (draw(num_workers=number, by_example=True) for number in (1, 2))
    tell("seeded by example, 1 and 2", one, two)
    alike = draw(worker_init_fn=seed_alike)
    print(f"workers seeded alike: {len(alike.unique())} different numbers of 8")
# --8<-- [end:script]
