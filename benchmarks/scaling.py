"""Time data-parallel steps in 1, 2 and 4 processes, and count the bytes that they send.

    python -m benchmarks.scaling          some minutes, on a quiet machine
    python -m benchmarks.scaling --quick  to see that it works; nothing is written

It also times a gradient whose activations are kept, and one that recomputes them.

Every process trains with its share of one batch, on one thread. It asks the kernel how
much has been sent through its connections, so that all that the framework adds counts.
"""

import argparse
import atexit
import itertools
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import numpy as np

from benchmarks import ROOT
from benchmarks.speed import put
from benchmarks.told import number, say
from pagecode.book import measured
from pagecode.frameworks import FRAMEWORKS
from pagecode.run import machine
from snippets.beyond_one_process.common import apart, read_weights, ring_bytes

PAGE = "practice/beyond-one-process.md"
SNIPPETS = "snippets.beyond_one_process"
WIDTHS, WORLDS, BATCH_SIZE = (100, 500, 2000), (1, 2, 4), 2048
BYTES_SENT = 200  # where Linux keeps this in a connection's `struct tcp_info`
START = {
    "pytorch": "torch.distributed.run --standalone --nproc-per-node {}",
    "tensorflow": f"{SNIPPETS}.tensorflow_launch {{}} 0",
}


def sources():
    """Return the files of what is measured."""
    names = [f"{x}_{y}" for x in FRAMEWORKS.values() for y in ("one", "train")]
    modules = [f"{SNIPPETS}.{x}" for x in [*names, "tensorflow_launch"]]
    own = [f"benchmarks/{x}.py" for x in ("__init__", "scaling", "told")]
    return [*own, *measured.imported(modules, ROOT)]


def shapes(width):
    """Return the shapes of a multilayer perceptron with two hidden layers."""
    sizes = [40, width, width, 10]
    return list(itertools.pairwise(sizes))


def parameters(width):
    """Return how many parameters it has."""
    return sum((rows + 1) * columns for rows, columns in shapes(width))


def draw(width):
    """Return the start weights, a batch of signals, and their labels."""
    rng = np.random.default_rng(1)
    drawn = [rng.normal(scale=rows**-0.5, size=(rows, n)) for rows, n in shapes(width)]
    signals = rng.normal(size=(BATCH_SIZE, 40)).astype(np.float32)
    labels = rng.integers(10, size=BATCH_SIZE)
    return [x.astype(np.float32) for x in drawn], signals, labels


def sent():
    """Return how many bytes this process has sent through its open connections."""
    total = 0
    for path in Path("/proc/self/fd").iterdir():
        if not path.is_socket():
            continue
        with socket.socket(fileno=os.dup(int(path.name))) as connection:
            if connection.family in (socket.AF_INET, socket.AF_INET6):
                info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
                total += struct.unpack_from("<Q", info, BYTES_SENT)[0]
    return total


def pytorch():
    """Return this process' rank, and what prepares a step for a width.

    A step returns the loss of this process' examples, over all processes' number.
    """
    import torch
    import torch.distributed as dist
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel

    dist.init_process_group("gloo")
    atexit.register(dist.destroy_process_group)
    rank, world = dist.get_rank(), dist.get_world_size()

    def prepare(width):
        weights, signals, labels = draw(width)
        x, y = (torch.from_numpy(a[rank::world]) for a in (signals, labels))
        one, two, three = layers = [nn.Linear(*shape) for shape in shapes(width)]
        with torch.no_grad():
            for layer, weight in zip(layers, weights, strict=True):
                layer.weight.copy_(torch.from_numpy(weight.T))
                layer.bias.zero_()
        model = nn.Sequential(one, nn.GELU(), two, nn.GELU(), three)
        ddp = DistributedDataParallel(model)
        optimizer = torch.optim.SGD(ddp.parameters(), lr=0.05, momentum=0.9)

        def step():
            loss = nn.functional.cross_entropy(ddp(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.item() / world

        return step

    return rank, prepare


def tensorflow():
    """Return what `pytorch` does."""
    import keras
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    rank, world = strategy.cluster_resolver.task_id, strategy.num_replicas_in_sync
    loss_fn = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="sum"
    )

    def prepare(width):
        weights, signals, labels = draw(width)
        x, y = (tf.constant(a[rank::world]) for a in (signals, labels))
        with strategy.scope():
            layers = [keras.layers.Dense(width, "gelu") for _ in range(2)]
            layers = [keras.Input((40,)), *layers, keras.layers.Dense(10)]
            model = keras.Sequential(layers)
            for layer, weight in zip(model.layers, weights, strict=True):
                layer.set_weights([weight, np.zeros(layer.units, np.float32)])
            optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
            optimizer.build(model.trainable_variables)

        def replica_step():
            with tf.GradientTape() as tape:
                loss = loss_fn(y, model(x, training=True)) / BATCH_SIZE
            optimizer.apply(tape.gradient(loss, model.trainable_variables))
            return loss

        step = tf.function(lambda: strategy.run(replica_step))
        return lambda: float(step())

    return rank, prepare


def work(framework, steps, folder, *widths):
    """Train; write the seconds and the losses of all steps, and the bytes of one."""
    rank, prepare = {"pytorch": pytorch, "tensorflow": tensorflow}[framework]()
    told = {}
    for width in widths:
        step = prepare(int(width))
        for _ in range(5):  # compiles, and lets PyTorch cut its buckets anew
            step()
        before, seconds, losses = sent(), [], []
        for _ in range(int(steps)):
            start = time.perf_counter()
            losses.append(step())
            seconds.append(time.perf_counter() - start)
        each = (sent() - before) / int(steps)
        told[width] = {"seconds": seconds, "losses": losses, "sent": each}
    Path(folder, f"{rank}.json").write_text(json.dumps(told), encoding="utf-8")


def recompute(framework, times, path):
    """Write the seconds of gradients by turns: with activations kept, and recomputed.

    The network is that of the page: eight layers of 256 units, and 1,024 rows.
    """
    if framework == "pytorch":
        import torch
        from torch import nn

        blocks = [nn.Sequential(nn.Linear(256, 256), nn.GELU()) for _ in range(8)]
        blocks, features = nn.ModuleList(blocks), torch.randn(1024, 256)
    else:
        import keras
        import tensorflow as tf

        blocks = [keras.layers.Dense(256, "gelu") for _ in range(8)]
        features = tf.random.normal((1024, 256))
        for block in blocks:
            block.build(features.shape)
    gradients = import_module(f"{SNIPPETS}.{framework}_one").gradients
    seconds = {"kept": [], "recomputed": []}
    for _ in range(int(times)):
        for name in seconds:
            start = time.perf_counter()
            gradients(blocks, features, name == "recomputed")
            seconds[name].append(time.perf_counter() - start)
    Path(path).write_text(json.dumps(seconds), encoding="utf-8")


def recomputed(framework, times):
    """Return what `recompute` writes, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        words = ["benchmarks.scaling", "--recompute", framework, str(times), "out.json"]
        run(words, folder)
        return json.loads(Path(folder, "out.json").read_text(encoding="utf-8"))


def run(words, folder):
    """Run Python in a folder; RuntimeError, with its last words, where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=machine.environment(ROOT) | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        end = "\n  ".join(done.stderr.strip().splitlines()[-5:])
        raise RuntimeError(f"{' '.join(words)}: status {done.returncode}\n  {end}")


def launch(framework, world, steps, widths):
    """Return what each process told, by rank."""
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        words = [*START[framework].format(world).split(), "-m", "benchmarks.scaling"]
        words += ["--work", framework, str(steps), folder, *map(str, widths)]
        run(words, folder)
        told = [Path(folder, f"{rank}.json") for rank in range(world)]
        return [json.loads(x.read_text(encoding="utf-8")) for x in told]


def against_one(framework, worlds):
    """Return how far the page's script ends from its plain loop, by processes.

    That is the largest difference of any weight after 200 steps.
    """
    module = f"{SNIPPETS}.{framework}"
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        run([f"{module}_one"], folder)
        for world in worlds:
            words = START[framework].format(world).split()
            run([*words, "-m", f"{module}_train"], folder)
        alone = read_weights(Path(folder, "weights-alone.npz"))
        ends = [read_weights(Path(folder, f"weights-{n}.npz")) for n in worlds]
    return {n: apart(alone, found) for n, found in zip(worlds, ends, strict=True)}


def require_same(runs, tolerance=1e-4):
    """Raise ValueError unless every number of processes has the same losses.

    Takes what each process told, by width and number of processes.
    """
    losses = {key: np.sum([x["losses"] for x in told], 0) for key, told in runs.items()}
    for (width, world), found in losses.items():
        gap = np.abs(found - losses[width, 1]).max()
        if not gap < tolerance:
            raise ValueError(f"{width} units, {world} processes: losses {gap:.1e} off")


def measure(rounds, steps, widths, worlds):
    """Return the seconds of all steps, and the bytes sent in one, of all rounds.

    They are in dicts by framework, and by width and number of processes. The bytes are
    those of the process that sends most. Frameworks and numbers of processes take
    turns.
    """
    found = {}
    for count in range(rounds):
        for framework in FRAMEWORKS.values():
            runs = {}
            for world in worlds:
                say(f"round {count + 1} of {rounds}: {framework}, {world} processes")
                told = launch(framework, world, steps, widths)
                for width in widths:
                    runs[width, world] = [x[str(width)] for x in told]
            require_same(runs)
            kept = found.setdefault(framework, {})
            for key, told in runs.items():
                seconds, most = kept.get(key, ([], 0))
                seconds += told[0]["seconds"]  # that of all, for they wait
                kept[key] = seconds, max([most, *(x["sent"] for x in told)])
    return found


def fastest(seconds):
    """Return the fastest of many, in ms, with the median in brackets.

    Whatever else the machine does makes a step slower, and never faster.
    """
    low, middle = (number(1000 * float(x)) for x in np.percentile(seconds, [0, 50]))
    return f"{low} ({middle})"


def rows_of(found, cores):
    """Return the table's rows, the head first, of what `measure` found."""
    head = ["parameters", "gradient, MB", "processes"]
    head += [f"{x}, ms a step" for x in FRAMEWORKS]
    rows = [head + [f"{x}, MB sent" for x in FRAMEWORKS]]
    for width, world in next(iter(found.values())):
        note = f" (on {cores} cores)" if world > cores else ""
        row = [f"{parameters(width):,}", number(4e-6 * parameters(width))]
        runs = [found[x][width, world] for x in FRAMEWORKS.values()]
        row += [f"{world}{note}", *[fastest(seconds) for seconds, _ in runs]]
        rows.append(row + [number(size / 1e6) if size else "0" for _, size in runs])
    return rows


def rows_against(found):
    """Return the table's rows, the head first, of each framework's `against_one`."""
    head = ["processes", *[f"{x}, weights apart" for x in FRAMEWORKS]]
    runs = [found[x] for x in FRAMEWORKS.values()]
    return [head, *[[str(n), *[f"{x[n]:.1e}" for x in runs]] for n in runs[0]]]


def rows_recomputed(found):
    """Return the table's rows, the head first, of each framework's `recomputed`."""
    head = ["activations", *[f"{x}, ms" for x in FRAMEWORKS]]
    runs = [found[x] for x in FRAMEWORKS.values()]
    return [head, *[[name, *[fastest(x[name]) for x in runs]] for name in runs[0]]]


def picture(found):
    """Draw the bytes that a process sends, and how much faster two processes are.

    What is computed is a dashed line; what was measured is marked.
    """
    import matplotlib.pyplot as plt

    drawn, (left, right) = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
    workers = 2 ** np.arange(11)
    ring = [ring_bytes(1, n) for n in workers]
    left.plot(workers, ring, "--", color="gray", label="ring, computed")
    right.axhline(2, ls="--", color="gray", label="no communication, computed")
    for (name, framework), marker in zip(FRAMEWORKS.items(), "o^", strict=True):
        runs = found[framework]
        widths = sorted({width for width, _ in runs})
        worlds = sorted({world for _, world in runs})
        sizes = [4 * parameters(width) for width in widths]
        shares = [runs[widths[-1], n][1] / sizes[-1] for n in worlds]
        left.plot(worlds, shares, marker, label=f"{name}, measured", alpha=0.7)
        best = {key: min(seconds) for key, (seconds, _) in runs.items()}
        faster = [best[width, 1] / best[width, 2] for width in widths]
        counts = [parameters(width) for width in widths]
        right.plot(counts, faster, f"{marker}-", label=f"{name}, measured")
    left.set(xlabel="processes", ylabel="bytes sent / bytes of the gradient")
    left.set_xscale("log", base=2)
    left.set_xticks(workers[::2], [f"{x:,}" for x in workers[::2]])
    right.set(xlabel="parameters", ylabel="two processes: times faster than one")
    right.set(xscale="log", ylim=(0, 2.5))
    for axis in (left, right):
        axis.legend(fontsize=8)
    return drawn


def main():
    """Measure, and write the table and the picture."""
    import matplotlib

    matplotlib.use("agg")
    children = {"--work": work, "--recompute": recompute}
    if sys.argv[1:] and sys.argv[1] in children:
        children[sys.argv[1]](*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="see that it works")
    quick = parser.parse_args().quick
    cores = os.cpu_count() or 1
    print(f"{measured.model_name()}, {cores} cores; load {os.getloadavg()[0]}")
    found = measure(1, 3, (100,), (1, 2)) if quick else measure(3, 20, WIDTHS, WORLDS)
    worlds = (1, 2) if quick else WORLDS
    gaps = {x: against_one(x, worlds) for x in FRAMEWORKS.values()}
    times = {x: recomputed(x, 3 if quick else 100) for x in FRAMEWORKS.values()}
    tables = {"table": rows_of(found, cores), "against": rows_against(gaps)}
    tables["recomputed"] = rows_recomputed(times)
    for rows in tables.values():
        print(measured.table(rows))
    if quick:
        print("a quick run: nothing is written")
        return
    path = measured.place(PAGE, "scaling")
    measured.keep(path, tables, sources(), ROOT, again="make scaling")
    print(f"written: {path}")
    put(picture(found), path.with_suffix(".svg"))


if __name__ == "__main__":
    main()
