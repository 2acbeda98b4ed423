"""Train each model with several seeds, and write what a chapter's head table shows.

    python -m benchmarks.results models/x.md  one page; without, all pages

A chapter declares `RESULTS` and `results` in its `ways.py`; a folder of which nothing
is timed, in a `results.py`. Each framework runs in a process of its own. What was
trained is kept in .cache until the code changes, so that a long measurement can be
stopped and taken up again. The seconds are those of the processor, over all threads.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np

from benchmarks import ROOT
from benchmarks.told import LABELS, number, say
from benchmarks.worker import own_files, peak_bytes
from pagecode.book import measured
from pagecode.book.data import stand_ins
from pagecode.files import write
from pagecode.frameworks import FRAMEWORKS
from pagecode.run import figure, machine

HARNESS = [f"benchmarks/{x}.py" for x in ("__init__", "results", "told", "worker")]
HEAD = ["model", "parameters", "seeds", *FRAMEWORKS, "yardstick"]
COSTS = ["model", "parameters"]  # what compare/costs.md shows of all pages
COSTS += [f"{x}, {y}" for x in FRAMEWORKS for y in ("CPU seconds", "memory in MB")]


def declaring(page=""):
    """Return the modules that declare results by their pages, or one page's.

    SystemExit, with the pages there are, if that page has none.
    """
    found = {}
    for path in sorted(ROOT.glob("snippets/*/*.py")):
        if path.stem in ("ways", "results"):
            module = import_module(f"snippets.{path.parent.name}.{path.stem}")
            if hasattr(module, "RESULTS"):
                found[page_of(path.parent.name)] = module
    if page and page not in found:
        listed = "\n  ".join(found)
        raise SystemExit(f"no results are declared of {page}, but of\n  {listed}")
    return {page: found[page]} if page else found


def page_of(folder):
    """Return the page of a folder of snippets, as in compare/x.md."""
    name = f"{folder.replace('_', '-')}.md"
    found = [x.relative_to(ROOT / "docs") for x in ROOT.glob(f"docs/*/{name}")]
    return found[0].as_posix() if found else f"models/{name}"


class Worker:
    """The process of one framework; use it in a `with` statement."""

    def __init__(self, module, framework):
        self.name = f"{module} in {framework}"
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed in close
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.results", "--worker", module, framework],
            cwd=ROOT,
            env=machine.environment(ROOT),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
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
        raise RuntimeError(f"{self.name} ended with status {status}\n  {end}")

    def train(self, row, seed):
        """Return what it tells of a training."""
        self.process.stdin.write(json.dumps({"row": row, "seed": seed}) + "\n")
        self.process.stdin.flush()
        return self.answer()


def work(results):
    """Tell what there is to train; then answer each line of standard input.

    A line is `{"row": …, "seed": …}`. `results[row]` takes a seed, trains a model, and
    returns its number of parameters and what it reached.
    """
    print(json.dumps({"rows": list(results), "files": own_files()}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        with redirect_stdout(sys.stderr):
            forget_peak()
            start = time.process_time()  # other work on the machine adds little to it
            parameters, value = results[asked["row"]](asked["seed"])
            seconds = time.process_time() - start
        told = {"parameters": int(parameters), "value": float(value)}
        told |= {"seconds": seconds, "peak": peak_bytes(), "files": own_files()}
        print(json.dumps(told), flush=True)


def forget_peak():
    """Let the largest memory of this process count from now on, where Linux can."""
    with suppress(OSError):  # then it counts from the start of the process
        Path("/proc/self/clear_refs").write_text("5")


class Memory:
    """What a framework trained with this very code, by row and seed: a file."""

    def __init__(self, module, framework):
        code = measured.imported([module], ROOT) + HARNESS
        key = measured.code_hash(code, ROOT)[:16]
        name = f"{module.split('.')[1]}-{framework}-{key}.json"
        self.path = Path(".cache", "results", name)
        known = (ROOT / self.path).exists()
        self.told = json.loads((ROOT / self.path).read_text("utf-8")) if known else {}

    def add(self, name, told):
        """Keep what one training told."""
        self.told[name] = told
        write(ROOT / self.path, json.dumps(self.told, indent=1))


def train(module, framework):
    """Train a module's rows with all seeds; return what each run told, and the files.

    The runs are dicts of parameters, value and seconds, in a list for each row.
    """
    rows = module.RESULTS
    memory = Memory(module.__name__, framework)
    with Worker(module.__name__, framework) as worker:
        listed = worker.answer()
        files = set(listed["files"])
        for row in sorted({*rows} ^ {*listed["rows"]}):
            where = f"results('{framework}')" if row in rows else "RESULTS"
            raise ValueError(f"{module.__name__}: '{row}' is not in its {where}")
        for row, about in rows.items():
            for seed in range(about["seeds"]):
                label = f"{LABELS[framework]}, {row}, {seed + 1} of {about['seeds']}"
                name = f"{row} | {seed}"
                if name not in memory.told:
                    say(f"{label}: training")
                    memory.add(name, worker.train(row, seed))
                told = memory.told[name]
                files |= set(told["files"])
                value = f"{told['value']:.{about['digits']}f} {about['unit']}"
                say(
                    f"{label}: {value.strip()} in {number(told['seconds'])} CPU s",
                    end=True,
                )
    runs = {
        row: [memory.told[f"{row} | {seed}"] for seed in range(about["seeds"])]
        for row, about in rows.items()
    }
    return runs, files


def one_number(row, runs):
    """Return how many parameters a row's models have, with any framework and seed.

    Takes each framework's runs; ValueError where they have different numbers of them.
    """
    found = {name: {x["parameters"] for x in told} for name, told in runs.items()}
    if len(set.union(*found.values())) != 1:
        each = ", ".join(f"{LABELS[x]} {sorted(y)}" for x, y in found.items())
        raise ValueError(f"{row}: not the same number of parameters: {each}")
    return set.union(*found.values()).pop()


def spread(values, digits, unit):
    """Return mean ± standard deviation (of the sample), as in `67.3 ± 0.5 %`.

    ValueError unless there are two numbers or more, and all are finite.
    """
    if len(values) < 2:
        raise ValueError("a deviation needs two seeds or more")
    if not all(map(math.isfinite, values)):
        raise ValueError(f"not all runs ended with a number: {values}")
    mean, deviation = np.mean(values), np.std(values, ddof=1)
    return f"{mean:,.{digits}f} ± {deviation:,.{digits}f} {unit}".strip()


def cells(row, about, runs):
    """Return one row of a table, given the runs of each framework."""
    line = [row, f"{one_number(row, runs):,}", str(about["seeds"])]
    for framework, told in runs.items():
        try:
            values = [x["value"] for x in told]
            reached = spread(values, about["digits"], about["unit"])
        except ValueError as error:
            raise ValueError(f"{LABELS[framework]}, {row}: {error}") from None
        seconds = number(float(np.median([x["seconds"] for x in told])))
        line.append(f"{reached}<br>{seconds} CPU s")
    return [*line, about["yardstick"]]


def costs(row, runs):
    """Return one row of what models cost, given the runs of each framework.

    That is the median of the processor's seconds, and of the largest memory.
    """
    line = [row, f"{one_number(row, runs):,}"]
    for told in runs.values():
        line.append(number(float(np.median([x["seconds"] for x in told]))))
        peaks = [x["peak"] for x in told if x["peak"]]
        line.append(f"{np.median(peaks) / 1e6:,.0f}" if peaks else "–")
    return line


def tables_of(rows, runs):
    """Return the tables by their names, each with its head.

    Takes what is said of each row, and each framework's runs by row. A row says in
    which table it is shown, if not in the one called `table`. All rows of that one are
    in the table `costs`, too.
    """
    tables = {}
    for row, about in rows.items():
        of_row = {framework: found[row] for framework, found in runs.items()}
        name = about.get("table", "table")
        tables.setdefault(name, [HEAD]).append(cells(row, about, of_row))
        if name == "table":
            tables.setdefault("costs", [COSTS]).append(costs(row, of_row))
    return tables


def measure(page, module):
    """Measure one page's models, and write its tables, and its picture if it has one.

    The picture is what `draw_results` of the module draws of the runs.
    """
    names = list(FRAMEWORKS.values())
    with ThreadPoolExecutor(len(names)) as pool:  # side by side
        found = list(pool.map(partial(train, module), names))
    runs = {name: trained for name, (trained, _) in zip(names, found, strict=True)}
    files = {*HARNESS}.union(*(imported for _, imported in found))
    tables = tables_of(module.RESULTS, runs)
    path = measured.place(page, "results")
    if hasattr(module, "draw_results"):
        import matplotlib.pyplot as plt

        write(ROOT / path.with_suffix(".svg"), figure.draw(module.draw_results(runs)))
        plt.close("all")
    for table in tables.values():
        print(measured.table(table))
    again = f"make results PAGE={page}"
    measured.keep(path, tables, files, ROOT, again=again)
    print(f"written: {path}")


def main():
    """Measure what the command line says."""
    import matplotlib

    matplotlib.use("agg")
    if sys.argv[1:2] == ["--worker"]:
        module, framework = sys.argv[2:]
        work(import_module(module).results(framework))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", nargs="?", default="", help="as in models/x.md")
    chosen = declaring(parser.parse_args().page)
    if missing := stand_ins(ROOT):
        raise SystemExit(f"numbers of stand-ins count for nothing: {missing[0]}")
    for page, module in chosen.items():
        print(f"{page}: training {len(module.RESULTS)} models", flush=True)
        try:
            measure(page, module)
        except (RuntimeError, ValueError) as error:
            raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
