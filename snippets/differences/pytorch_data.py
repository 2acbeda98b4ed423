"""How PyTorch cuts data into batches and shuffles them, next to TensorFlow."""

# --8<-- [start:imports]
import numpy as np
import torch
from torch.utils.data import DataLoader

# --8<-- [end:imports]


# --8<-- [start:mean]
def mean_over_examples(losses, batch_size):
    """Average losses (examples,), batch by batch, each by its number of examples.

    Raises ValueError if there is no loss: the mean of nothing is no number.
    """
    if len(losses) == 0:
        raise ValueError("losses are empty: give at least one")
    total = 0.0
    for batch in DataLoader(losses, batch_size=batch_size):
        total += batch.mean().item() * len(batch)
    return total / len(losses)


# --8<-- [end:mean]


if __name__ == "__main__":
    # --8<-- [start:last]
    for drop in [False, True]:
        loader = DataLoader(range(10), batch_size=4, drop_last=drop)
        print(f"Last batch {'dropped' if drop else 'kept'}:", [len(x) for x in loader])
    # --8<-- [end:last]

    # --8<-- [start:average]
    losses = torch.tensor([0.0] * 8 + [9.0, 9.0])  # of ten examples
    means = [batch.mean() for batch in DataLoader(losses, batch_size=4)]
    print(f"Mean of the batches' means: {sum(means) / len(means):.1f}")
    # --8<-- [end:average]

    # --8<-- [start:average_agree]
    print(f"Mean of the examples: {mean_over_examples(losses, batch_size=4):.1f}")
    # --8<-- [end:average_agree]

    # --8<-- [start:shuffle]
    batches = [batch.tolist() for batch in DataLoader(range(100))]
    print("Batch size:", len(batches[0]))
    seen = [example for batch in batches for example in batch]
    print("In order:", seen == list(range(100)))
    # --8<-- [end:shuffle]

    # --8<-- [start:shuffle_agree]
    order = np.random.default_rng(0).permutation(10)
    loader = DataLoader(range(10), batch_size=4, sampler=order.tolist())
    print([batch.tolist() for batch in loader])
    # --8<-- [end:shuffle_agree]

    # --8<-- [start:moved]
    draws = []
    for passes in [0, 1]:
        torch.manual_seed(0)
        for _ in range(passes):
            list(DataLoader(range(10)))
        draws.append(torch.rand(1).item())
    print("A pass over the data changes the next draw:", draws[0] != draws[1])
    # --8<-- [end:moved]

    # --8<-- [start:moved_agree]
    draws = []
    for passes in [0, 1]:
        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(1)  # the loader's own
        for _ in range(passes):
            list(DataLoader(range(10), generator=generator))
        draws.append(torch.rand(1).item())
    print("A pass over the data changes the next draw:", draws[0] != draws[1])
    # --8<-- [end:moved_agree]
