"""Time every way to train each model, and write what speed.md and the chapters show.

    python -m benchmarks.speed          some minutes; the machine should do nothing else
    python -m benchmarks.speed --quick  to see that it works; nothing is written

Each framework has a process of its own. Variants take turns, round by round, so that
what slows the machine down slows all of them; ratios are taken within a round. Before
variants are timed, they must have found the same numbers; otherwise none is.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pagecode.book import measured
from pagecode.files import write
from pagecode.run import figure, machine
from pagecode.run.compare import first_difference

ROOT = Path(__file__).parent.parent
LABELS = {"pytorch": "PyTorch", "tensorflow": "TensorFlow", "numpy": "NumPy"}
SLOW = 5  # seconds, from which on a second warm-up is not worth its time
NOTHING_TO_COMPARE = {("numpy", "the products alone")}  # the floor trains nothing


@dataclass(frozen=True)
class Setup:
    """A machine to run on: its name in the tables, its threads, with or without GPU."""

    label: str
    threads: int
    gpu: bool = False


@dataclass(frozen=True)
class Race:
    """What is timed together, and in which unit it is told."""

    title: str
    unit: str
    scale: float  # of a run's seconds, to that unit
    baseline: str  # "framework|variant"; a variant alone is each framework's own
    rounds: dict[int, int]  # by the number of threads; others are left out
    chapter: tuple[str, ...]  # the variants that the chapter's own table has


RACES = {
    "logistic": Race(
        "Logistic regression",
        "µs per epoch",
        1e6 / 10,
        "by hand",
        {1: 25},
        ("by hand", "fast", "fast, without the lines"),
    ),
    "softmax": Race(
        "Softmax regression",
        "ms per epoch",
        1e3,
        "pytorch|image by image",
        {1: 5, 2: 3},
        ("image by image", "by hand", "fast"),
    ),
    "rnn": Race(
        "Character RNN",
        "µs per character",
        1e6 / 200,
        "pytorch|a call per character",
        {1: 7, 2: 3},
        ("a call per portion", "fast", "a call per batch of 64", "fast, batch of 64"),
    ),
}
GROWTH = {"rows": "images in an epoch", "length": "characters in a portion"}


class Worker:
    """The process of one framework; use it in a `with` statement."""

    def __init__(self, framework, setup, rows):
        self.name = f"benchmarks.speed_{framework}"
        threads = {"OMP_NUM_THREADS": setup.threads}
        threads["TF_NUM_INTRAOP_THREADS"] = setup.threads
        hidden = {} if setup.gpu else {"CUDA_VISIBLE_DEVICES": ""}
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed in close
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.name, str(rows)],
            cwd=ROOT,
            env=machine.environment(ROOT)
            | {name: str(value) for name, value in threads.items()}
            | hidden,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self.listed = self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End it, and leave nothing open."""
        self.process.kill()
        self.process.communicate()
        self.errors.close()

    def answer(self):
        """Return what it says next; RuntimeError, with its last words, if it ended."""
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        status = self.process.wait()
        self.errors.seek(0)
        end = "\n  ".join(self.errors.read().strip().splitlines()[-5:])
        self.close()
        raise RuntimeError(f"{self.name} ended with status {status}\n  {end}")

    def ask(self, race, variant, loops=1):
        """Let it run a variant; return its seconds, result and peak memory."""
        asked = {"race": race, "variant": variant, "loops": loops}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return self.answer()


def say(text, end=False):
    """Tell a terminal how far we are, on one line; tell anything else only the ends."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="\n" if end else "", flush=True)
    elif end:
        print(text, flush=True)


def require_agreement(results):
    """Raise ValueError unless variants that computed the same found the same.

    Takes results by (framework, variant): lists of lines by the name of what they say.
    Floats may differ by one in the last digit. One that nothing is comparable with is
    refused as well.
    """
    seen = {}
    for key, result in results.items():
        for name, lines in result.items():
            seen.setdefault(name, []).append((key, lines))
    for name, found in seen.items():
        (first, expected), *others = found
        for key, lines in others:
            if difference := first_difference(expected, lines):
                raise ValueError(
                    f"{' '.join(key)}: not the {name} of {' '.join(first)}\n"
                    f"  there     {difference[1]}\n  here      {difference[2]}"
                )
    shared = {key for x in seen.values() if len(x) > 1 for key, _ in x}
    if alone := set(results) - shared - NOTHING_TO_COMPARE:
        raise ValueError(f"nothing to compare {' '.join(min(alone))} with")


def run_race(workers, race, rounds, shortest):
    """Return the seconds of each round by (framework, variant), after a warm-up.

    A run shorter than `shortest` seconds is repeated, and its mean taken.
    """
    order = [
        (framework, variant)
        for framework, worker in workers.items()
        for variant in worker.listed["races"].get(race, [])
    ]
    results, loops = {}, {}
    for framework, variant in order:
        say(f"{race}: warm-up of {LABELS[framework]}, {variant}")
        told = workers[framework].ask(race, variant)
        results[framework, variant] = told["result"]
        if told["seconds"] < SLOW:  # it may have compiled something
            told = workers[framework].ask(race, variant)
        seconds = told["seconds"]
        loops[framework, variant] = max(1, math.ceil(shortest / seconds))
    require_agreement(results)
    seconds = {key: [] for key in order}
    for number in range(rounds):
        for key in order if number % 2 else reversed(order):
            say(f"{race}: round {number + 1} of {rounds}, {LABELS[key[0]]}, {key[1]}")
            told = workers[key[0]].ask(race, key[1], loops[key])
            if key not in NOTHING_TO_COMPARE:
                again = (key[0], f"{key[1]}, again")
                require_agreement({key: results[key], again: told["result"]})
            seconds[key].append(told["seconds"])
    return {key: np.array(x) for key, x in seconds.items()}


def baseline_of(race, framework):
    """Return the (framework, variant) that a framework's variants are held against."""
    found = tuple(RACES[race].baseline.split("|"))
    return found if len(found) == 2 else (framework, *found)


def number(value):
    """Return a number with three digits, two below 1, as a reader would write it."""
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    decimals = (2 if value >= 1 else 1) - math.floor(math.log10(value))
    return f"{value:.{max(decimals, 0)}f}"


def spread(values):
    """Return the median, with the quartiles in brackets."""
    low, middle, high = (number(x) for x in np.percentile(values, [25, 50, 75]))
    return f"{middle} ({low}–{high})"


def table_of(race, runs, peaks):
    """Return a table's rows, the head first, of a race's runs by the setups' labels."""
    head, first = ["way"], next(iter(runs.values()))
    for label in runs:
        head += [f"{RACES[race].unit}, {label}", "times faster"]
    rows = [head + (["peak memory, MB"] if peaks else [])]
    for key in first:
        row = [f"{LABELS[key[0]]}, {key[1]}"]
        for seconds in runs.values():
            if key not in seconds:
                row += ["–", "–"]
                continue
            base, each = baseline_of(race, key[0]), per_unit(key, seconds[key])
            ratio = "1" if key == base else spread(seconds[base] / each)
            row += [spread(RACES[race].scale * each), ratio]
        rows.append(row + ([f"{peaks[key] / 1e6:,.0f}"] if peaks else []))
    return rows


def chapters_rows(race, table):
    """Return what the chapter itself shows of a race's table, on one thread."""
    chosen = {baseline_of(race, "pytorch")}
    chosen |= {(x, y) for x in LABELS for y in RACES[race].chapter}
    labels = {f"{LABELS[framework]}, {variant}" for framework, variant in chosen}
    head, *rows = (row[:3] for row in table)
    return [head, *(row for row in rows if row[0] in labels)]


def per_unit(key, seconds):
    """Return the seconds for as much work as the other variants do in a run."""
    return seconds / 64 if key[1].endswith("batch of 64") else seconds


def measure_memory(race, rows, setup):
    """Return the peak memory of each variant, each in a fresh process."""
    peaks = {}
    for framework in LABELS:
        with Worker(framework, setup, rows) as worker:
            variants = worker.listed["races"].get(race, [])
        for variant in variants:
            say(f"{race}: memory of {LABELS[framework]}, {variant}")
            with Worker(framework, setup, rows) as worker:
                peaks[framework, variant] = worker.ask(race, variant)["peak"]
    return peaks if all(peaks.values()) else {}


def growth_of(seconds):
    """Return (sizes, medians, slope) by label: time against size, on log-log axes."""
    curves = {}
    for (framework, variant), x in seconds.items():
        name, size = variant.split("|")
        curve = curves.setdefault(f"{LABELS[framework]}, {name}", [])
        curve.append((int(size), float(np.median(x))))
    found = {}
    for label, curve in curves.items():
        sizes, medians = np.array(curve).T
        slope = np.polyfit(np.log(sizes), np.log(medians), 1)[0]
        found[label] = sizes, medians, float(slope)
    return found


def draw_ratios(runs):
    """Draw how many times faster each variant is, with quartiles, for each race."""
    import matplotlib.pyplot as plt

    heights = [len(x) for x in runs.values()]
    picture, axes = plt.subplots(
        len(runs), 1, figsize=(7, 0.26 * sum(heights) + 2), sharex=True,
        height_ratios=heights, layout="constrained",
    )  # fmt: skip
    for axis, (race, seconds) in zip(axes, runs.items(), strict=True):
        labels = [f"{LABELS[framework]}, {variant}" for framework, variant in seconds]
        ratios = [
            seconds[baseline_of(race, key[0])] / per_unit(key, x)
            for key, x in seconds.items()
        ]
        low, middle, high = np.percentile(ratios, [25, 50, 75], axis=1)
        axis.barh(labels, middle, xerr=[middle - low, high - middle], color="tab:blue")
        axis.axvline(1, color="gray")
        axis.set(xscale="log", title=RACES[race].title)
        axis.invert_yaxis()
    axes[-1].set_xlabel("times faster than the chapter's first way")
    return picture


def draw_growth(growth):
    """Draw time against size, both on logarithmic axes, a picture for each quantity."""
    import matplotlib.pyplot as plt

    picture, axes = plt.subplots(1, len(growth), figsize=(8, 4), layout="constrained")
    for axis, (race, curves) in zip(axes, growth.items(), strict=True):
        for label, (sizes, medians, slope) in curves.items():
            axis.plot(sizes, medians, marker="o", label=f"{label}: slope {slope:.2f}")
        axis.set(xscale="log", yscale="log", xlabel=GROWTH[race], ylabel="seconds")
        axis.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
        axis.minorticks_off()
        axis.legend(fontsize=8)
    return picture


def write_down(tables, pictures, files):
    """Keep the tables and pictures beside the pages."""
    import matplotlib.pyplot as plt

    for name, picture in pictures.items():
        write(ROOT / measured.FOLDER / f"{name}.svg", figure.draw(picture))
        plt.close(picture)
    measured.keep("speed", tables, files, ROOT)
    print(f"written: {measured.FOLDER / 'speed.json'}, {', '.join(pictures)}")


def setups(quick):
    """Return what to run on: one thread, two, and a GPU where there is one."""
    found = [Setup("one thread", 1)]
    if not quick and (os.cpu_count() or 1) > 1:
        found.append(Setup("two threads", 2))
    if not quick and machine.device() != "CPU":
        found.append(Setup(f"on {machine.device()}", 1, gpu=True))
    return found


def main():
    """Measure, and write the tables and the pictures."""
    import matplotlib

    matplotlib.use("agg")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="see that it works")
    quick = parser.parse_args().quick
    rows, shortest = (4_096, 0.001) if quick else (60_000, 0.05)
    print(f"{measured.model_name()}, {os.cpu_count()} cores; load {os.getloadavg()[0]}")
    runs, growth, files = {}, {}, {Path(__file__).relative_to(ROOT).as_posix()}
    for setup in setups(quick):
        with ExitStack() as stack:
            workers = {
                framework: stack.enter_context(Worker(framework, setup, rows))
                for framework in LABELS
                if not (setup.gpu and framework == "numpy")
            }
            for worker in workers.values():
                files |= set(worker.listed["files"])
            for name, race in RACES.items():
                if setup.threads not in race.rounds:
                    continue
                rounds = 2 if quick else race.rounds[setup.threads]
                seconds = run_race(workers, name, rounds, shortest)
                runs.setdefault(name, {})[setup.label] = seconds
                say(f"{name}, {setup.label}: {rounds} rounds", end=True)
            if not growth:  # with one thread, on a CPU
                for name in GROWTH:
                    rounds = 2 if quick else 5
                    seconds = run_race(workers, name, rounds, shortest)
                    growth[name] = growth_of(seconds)
                    say(f"{name}: {rounds} rounds", end=True)
    one = Setup("one thread", 1)
    tables = {}
    for name in RACES:
        small = name == "logistic"  # its memory is that of the framework
        peaks = {} if small else measure_memory(name, rows, one)
        tables[name] = table_of(name, runs[name], peaks)
        tables[f"{name}-short"] = chapters_rows(name, tables[name])
        print(measured.table(tables[name]))
    tables["growth"] = [["way", "grows with", "slope", "expected"]]
    for name, curves in growth.items():
        for label, (_, _, slope) in curves.items():
            tables["growth"].append([label, GROWTH[name], f"{slope:.2f}", "1"])
    print(measured.table(tables["growth"]))
    if quick:
        print("a quick run: nothing is written")
        return
    pictures = {
        "speed": draw_ratios({x: next(iter(y.values())) for x, y in runs.items()}),
        "growth": draw_growth(growth),
    }
    write_down(tables, pictures, files)


if __name__ == "__main__":
    main()
