"""The data and start weights of all runs, their comparison, and the cost of a ring."""

# --8<-- [start:imports]
import matplotlib.pyplot as plt
import numpy as np

# --8<-- [end:imports]
from snippets.datasets.mnist1d import make_mnist1d


# --8<-- [start:start]
def draw_weights(seed=1):
    """Return three matrices for 40 features, twice 100 hidden units, 10 classes."""
    rng = np.random.default_rng(seed)
    sizes = [(40, 100), (100, 100), (100, 10)]
    return [
        rng.normal(scale=np.sqrt(2 / rows), size=(rows, columns)).astype(np.float32)
        for rows, columns in sizes
    ]


def write_start(path):
    """Write the signals, their labels and the start weights to a file."""
    signals, labels = make_mnist1d()
    w0, w1, w2 = draw_weights()
    np.savez(path, signals=signals, labels=labels, w0=w0, w1=w1, w2=w2)


# --8<-- [end:start]


# --8<-- [start:compare]
def apart(one, two):
    """Return the largest difference of any entry of two lists of arrays."""
    return max(np.abs(a - b).max() for a, b in zip(one, two, strict=True))


def read_weights(path):
    """Return the arrays of an .npz file in their order."""
    with np.load(path) as file:
        return [file[name] for name in file.files]


# --8<-- [end:compare]


# --8<-- [start:ring]
def ring_bytes(size, workers):
    """Return the bytes that each worker of a ring sends to average `size` bytes."""
    return 2 * (workers - 1) / workers * size


def ring_seconds(size, workers, bandwidth, latency):
    """Return the seconds of this, from bytes per second and seconds per message.

    The ring has 2 * (workers - 1) rounds. In each, every worker sends one part of
    size / workers bytes to its neighbour.
    """
    rounds = 2 * (workers - 1)
    return rounds * latency + ring_bytes(size, workers) / bandwidth


def server_seconds(size, workers, bandwidth, latency):
    """Return the seconds if one server receives everything and answers everyone."""
    return 2 * latency + 2 * workers * size / bandwidth


# --8<-- [end:ring]


# --8<-- [start:plot]
def plot_scaling(workers, seconds, compute):
    """Draw seconds to average, by name, and the share of time left for computing."""
    _, axes = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
    for name, values in seconds.items():
        axes[0].plot(workers, values, "o-", label=name)
        share = [compute / (compute + x) for x in values]
        axes[1].plot(workers, share, "o-", label=name)
    axes[0].set(ylabel="seconds to average, computed", yscale="log")
    axes[1].set(ylabel="share of time that computes", ylim=(0, 1))
    for axis in axes:
        axis.set(xlabel="workers")
        axis.set_xscale("log", base=2)
        axis.set_xticks(workers, [f"{x:,}" for x in workers], fontsize=8)
    axes[0].legend(fontsize=8)


# --8<-- [end:plot]


if __name__ == "__main__":
    # --8<-- [start:run]
    write_start("start.npz")
    print(f"Parameters: {sum(w.size + w.shape[1] for w in draw_weights()):,}")
    # --8<-- [end:run]

    # In place of what the page's other programs write.
    for name in ["alone", "1", "2", "4", "survived"]:
        np.savez(f"weights-{name}.npz", *draw_weights())

    # --8<-- [start:run_compare]
    alone = read_weights("weights-alone.npz")
    for number in [1, 2, 4]:
        difference = apart(alone, read_weights(f"weights-{number}.npz"))
        print(f"{number} against the plain loop: within 1e-6: {difference < 1e-6}")
    # --8<-- [end:run_compare]

    # --8<-- [start:run_survived]
    survived = read_weights("weights-survived.npz")
    difference = apart(read_weights("weights-2.npz"), survived)
    print("Against the run that never stopped: within 1e-6:", difference < 1e-6)
    # --8<-- [end:run_survived]

    # --8<-- [start:run_ring]
    workers = [8, 16, 32, 64, 128, 256, 512, 1024]
    size, bandwidth, latency = 1e9, 12.5e9, 10e-6  # 1 GB, 100 Gbit/s, 10 microseconds
    ring = [ring_seconds(size, n, bandwidth, latency) for n in workers]
    server = [server_seconds(size, n, bandwidth, latency) for n in workers]
    for n, one, two in zip(workers, ring, server, strict=True):
        if n in (8, 64, 1024):
            sent = ring_bytes(size, n) / 1e9
            print(f"{n:5,} workers | sent: {sent:.2f} GB | ring: {one:.2f} s", end="")
            print(f" | server: {two:.1f} s")
    plot_scaling(workers, {"ring": ring, "one server": server}, compute=0.5)
    # --8<-- [end:run_ring]

    # --8<-- [start:exercise_factor]
    losses = np.arange(30.0) ** 2
    parts = np.split(losses, [8, 16, 24])  # 8, 8, 8 and 6 examples
    factors = [4 * len(part) / 30 for part in parts]
    pairs = zip(factors, parts, strict=True)
    average = sum(factor * part.mean() for factor, part in pairs) / 4
    print("Factors:", " ".join(f"{x:.3f}" for x in factors))
    print(f"Mean of all: {losses.mean():.3f}, of the workers: {average:.3f}")
    print(f"Without factors: {np.mean([part.mean() for part in parts]):.3f}")
    # --8<-- [end:exercise_factor]

    # --8<-- [start:exercise_ring]
    n = 2
    while 2 * (n - 1) * latency < ring_bytes(size, n) / bandwidth:
        n += 1
    print(f"By hand: {size / (latency * bandwidth):,.0f}, by search: {n:,}")
    # --8<-- [end:exercise_ring]

    # --8<-- [start:exercise_count]
    rng = np.random.default_rng(1)
    arrays = rng.integers(100, size=(8, 8, 10))  # (worker, part, number)
    total, sent = arrays.sum(axis=0), 0
    for step in range(14):
        sends = [(worker, (worker - step) % 8) for worker in range(8)]
        moving = [arrays[place].copy() for place in sends]
        for (worker, part), values in zip(sends, moving, strict=True):
            place = (worker + 1) % 8, part
            arrays[place] = arrays[place] + values if step < 7 else values
        sent += moving[0].size
    print("All have the sum:", all(np.array_equal(x, total) for x in arrays))
    print(f"Sent by worker 0: {sent} numbers, for an array of {total.size}")
    # --8<-- [end:exercise_count]
