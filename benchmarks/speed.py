"""Time every way to train each model, and write what speed.md and the chapters show.

    python -m benchmarks.speed                          some quiet minutes a chapter
    python -m benchmarks.speed models/character-rnn.md  one chapter
    python -m benchmarks.speed --quick                  try it; nothing is written

Each framework has a process of its own. Variants take turns, round by round, so that
what slows the machine down slows all of them; ratios are taken within a round. Before
variants are timed, they must have found the same numbers; otherwise none is.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from benchmarks import ROOT, chapters, declared
from benchmarks.told import LABELS, number, say
from pagecode.book import measured
from pagecode.files import write
from pagecode.run import figure, machine
from pagecode.run.compare import first_difference

WORKER = [sys.executable, "-m", "benchmarks.worker", "speed"]
HARNESS = [f"benchmarks/{x}.py" for x in ("__init__", "speed", "told", "worker")]
SUMMARY = "compare/speed.md"  # the page that shows all chapters
SLOW = 5  # seconds, from which on a second warm-up is not worth its time


@dataclass(frozen=True)
class Setup:
    """A machine to run on: its name in the tables, its threads, with or without GPU."""

    label: str
    threads: int
    gpu: bool = False


@dataclass(frozen=True)
class Race:
    """What is timed together of a chapter, and how it is told: its `ways.SPEED`."""

    title: str
    unit: str
    scale: float  # of a run's seconds, to that unit
    baseline: str  # "framework|variant"; a variant alone is each framework's own
    rounds: dict[int, int]  # by the number of threads; others are left out
    chapter: tuple[str, ...]  # the variants that the chapter's own table has
    memory: bool = True  # whether each variant's memory is told
    work: dict[str, int] = field(default_factory=dict)  # of a run; 1 by default
    growth: str = ""  # what the variants of the race "growth" grow with
    # The slopes that are expected of these variants; 1 by default.
    slopes: dict[str, str] = field(default_factory=dict)

    def baseline_of(self, framework):
        """Return the (framework, variant) that a framework's are held against."""
        found = tuple(self.baseline.split("|"))
        return found if len(found) == 2 else (framework, *found)

    def per_unit(self, key, seconds):
        """Return the seconds for as much work as the other variants do in a run."""
        return seconds / self.work.get(key[1], 1)


class Worker:
    """The process of one framework and chapter; use it in a `with` statement."""

    def __init__(self, chapter, framework, setup, rows):
        self.name = f"{chapter} in {framework}"
        threads = {"OMP_NUM_THREADS": setup.threads}
        threads["TF_NUM_INTRAOP_THREADS"] = setup.threads
        hidden = {} if setup.gpu else {"CUDA_VISIBLE_DEVICES": ""}
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed in close
        self.process = subprocess.Popen(
            [*WORKER, chapter, framework, str(rows)],
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


def require_agreement(results):
    """Raise ValueError unless variants that computed the same found the same.

    Takes results by (framework, variant): lists of lines by the name of what they say,
    or None, which is never compared: the floor trains nothing. Floats may differ by one
    in the last digit. One that nothing is comparable with is refused as well.
    """
    results = {key: result for key, result in results.items() if result is not None}
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
    if alone := set(results) - shared:
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
    for turn in range(rounds):
        for key in order if turn % 2 else reversed(order):
            say(f"{race}: round {turn + 1} of {rounds}, {LABELS[key[0]]}, {key[1]}")
            told = workers[key[0]].ask(race, key[1], loops[key])
            again = (key[0], f"{key[1]}, again")
            require_agreement({key: results[key], again: told["result"]})
            seconds[key].append(told["seconds"])
    return {key: np.array(x) for key, x in seconds.items()}


def spread(values):
    """Return the median, with the quartiles in brackets."""
    low, middle, high = (number(x) for x in np.percentile(values, [25, 50, 75]))
    return f"{middle} ({low}–{high})"


def table_of(race, runs, peaks):
    """Return a table's rows, the head first, of a race's runs by the setups' labels."""
    head, first = ["way"], next(iter(runs.values()))
    for label in runs:
        head += [f"{race.unit}, {label}", "times faster"]
    rows = [head + (["peak memory, MB"] if peaks else [])]
    for key in first:
        row = [f"{LABELS[key[0]]}, {key[1]}"]
        for seconds in runs.values():
            if key not in seconds:
                row += ["–", "–"]
                continue
            base, each = race.baseline_of(key[0]), race.per_unit(key, seconds[key])
            if key == base:
                ratio = "1"
            elif base in seconds:
                ratio = spread(seconds[base] / each)
            else:  # the floor, where each framework has a baseline of its own
                ratio = "–"
            row += [spread(race.scale * each), ratio]
        rows.append(row + ([f"{peaks[key] / 1e6:,.0f}"] if peaks else []))
    return rows


def chapters_rows(race, table):
    """Return what the chapter itself shows of a race's table, on one thread."""
    chosen = {race.baseline_of("pytorch")}
    chosen |= {(x, y) for x in LABELS for y in race.chapter}
    labels = {f"{LABELS[framework]}, {variant}" for framework, variant in chosen}
    head, *rows = (row[:3] for row in table)
    return [head, *(row for row in rows if row[0] in labels)]


def measure_memory(chapter, rows, setup):
    """Return the peak memory of each variant, each in a fresh process."""
    peaks = {}
    for framework in LABELS:
        with Worker(chapter, framework, setup, rows) as worker:
            variants = worker.listed["races"].get("speed", [])
        for variant in variants:
            say(f"{chapter}: memory of {LABELS[framework]}, {variant}")
            with Worker(chapter, framework, setup, rows) as worker:
                peaks[framework, variant] = worker.ask("speed", variant)["peak"]
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


def draw_ratios(tables):
    """Draw how many times faster each variant is, with quartiles, for each chapter.

    Takes each chapter's table by its title; its own rows say what is drawn. A row
    without a ratio is left out.
    """
    import matplotlib.pyplot as plt

    tables = {title: [x for x in rows if x[2] != "–"] for title, rows in tables.items()}
    heights = [len(rows) - 1 for rows in tables.values()]
    picture, axes = plt.subplots(
        len(tables), 1, figsize=(7, 0.26 * sum(heights) + 2), sharex=True,
        height_ratios=heights, layout="constrained", squeeze=False,
    )  # fmt: skip
    for axis, (title, (_, *rows)) in zip(axes[:, 0], tables.items(), strict=True):
        labels = [row[0] for row in rows]
        middle, low, high = np.array([numbers(row[2]) for row in rows]).T
        axis.barh(labels, middle, xerr=[middle - low, high - middle], color="tab:blue")
        axis.axvline(1, color="gray")
        axis.set(xscale="log", title=title)
        axis.invert_yaxis()
    axes[-1, 0].set_xlabel("times faster than the chapter's first way")
    return picture


def numbers(cell):
    """Return the median and the quartiles that `spread` wrote into a cell."""
    found = [float(x.replace(",", "")) for x in re.findall(r"[\d.,]+", cell)]
    return found if len(found) == 3 else found * 3


def draw_growth(race, curves):
    """Draw time against size, both on logarithmic axes."""
    import matplotlib.pyplot as plt

    picture, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    for label, (sizes, medians, slope) in curves.items():
        axis.plot(sizes, medians, marker="o", label=f"{label}: slope {slope:.2f}")
    axis.set(xscale="log", yscale="log", xlabel=race.growth, ylabel="seconds")
    axis.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
    axis.minorticks_off()
    axis.legend(fontsize=8)
    return picture


def put(picture, path):
    """Write a picture beside a page."""
    import matplotlib.pyplot as plt

    write(ROOT / path, figure.draw(picture))
    plt.close(picture)
    print(f"written: {path}")


def draw_summary():
    """Draw all chapters' tables, as they stand, for the page that compares them."""
    tables = {}
    for page, chapter in chapters().items():
        if (ROOT / (path := measured.place(page, "speed"))).exists():
            facts = measured.read(path, ROOT)
            tables[declared(chapter).SPEED["title"]] = facts["tables"]["all"]
    put(draw_ratios(tables), measured.place(SUMMARY, "speed").with_suffix(".svg"))


def setups(quick):
    """Return what to run on: one thread, two, and a GPU where there is one."""
    found = [Setup("one thread", 1)]
    if not quick and (os.cpu_count() or 1) > 1:
        found.append(Setup("two threads", 2))
    if not quick and machine.device() != "CPU":
        found.append(Setup(f"on {machine.device()}", 1, gpu=True))
    return found


def measure(page, chapter, quick):
    """Measure one chapter, and write its tables, and its picture if anything grows."""
    rows, shortest = (4_096, 0.001) if quick else (60_000, 0.05)
    race, runs, curves = Race(**declared(chapter).SPEED), {}, {}
    files = set(HARNESS)
    for setup in setups(quick):
        if setup.threads not in race.rounds:
            continue
        with ExitStack() as stack:
            workers = {
                framework: stack.enter_context(Worker(chapter, framework, setup, rows))
                for framework in LABELS
                if not (setup.gpu and framework == "numpy")
            }
            for worker in workers.values():
                files |= set(worker.listed["files"])
            rounds = 2 if quick else race.rounds[setup.threads]
            runs[setup.label] = run_race(workers, "speed", rounds, shortest)
            say(f"{page}, {setup.label}: {rounds} rounds", end=True)
            if race.growth and not curves:  # with one thread, on a CPU
                rounds = 2 if quick else 5
                curves = growth_of(run_race(workers, "growth", rounds, shortest))
                say(f"{page}, {race.growth}: {rounds} rounds", end=True)
    one = Setup("one thread", 1)
    peaks = measure_memory(chapter, rows, one) if race.memory else {}
    tables = {"all": table_of(race, runs, peaks)}
    tables["chapter"] = chapters_rows(race, tables["all"])
    if curves:
        tables["growth"] = [["way", "grows with", "slope", "expected"]]
        for label, (_, _, slope) in curves.items():
            expected = race.slopes.get(label.partition(", ")[2], "1")
            tables["growth"].append([label, race.growth, f"{slope:.2f}", expected])
    for name in tables.keys() - {"chapter"}:
        print(measured.table(tables[name]))
    if quick:
        return
    path = measured.place(page, "speed")
    files = {x for x in files if not x.startswith("pagecode/")}
    again = f"make bench PAGE={page}"
    measured.keep(path, tables, files, ROOT, again=again)
    print(f"written: {path}")
    if curves:
        put(draw_growth(race, curves), path.with_name("growth.svg"))


def main():
    """Measure what the command line says."""
    import matplotlib

    matplotlib.use("agg")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", nargs="?", default="", help="as in models/x.md")
    parser.add_argument("--quick", action="store_true", help="see that it works")
    chosen = parser.parse_args()
    print(f"{measured.model_name()}, {os.cpu_count()} cores; load {os.getloadavg()[0]}")
    for page, chapter in chapters(chosen.page).items():
        measure(page, chapter, chosen.quick)
    if chosen.quick:
        print("a quick run: nothing is written")
    else:
        draw_summary()


if __name__ == "__main__":
    main()
