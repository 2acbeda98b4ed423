"""Train in both frameworks, compare them, and write how far they are apart.

    python -m benchmarks.parity                               all chapters
    python -m benchmarks.parity models/softmax-regression.md  one

Each framework runs in a process of its own and hands its runs over in a file.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import ROOT, chapters, declared
from pagecode.book import measured
from pagecode.files import write
from pagecode.frameworks import FRAMEWORKS
from pagecode.run import figure, machine
from snippets.same_numbers.compare import differences, load_runs

HARNESS = [f"benchmarks/{x}.py" for x in ("__init__", "parity", "worker")]


def train(chapter, framework):
    """Train a chapter's models in a framework; return the runs, and the files of code.

    Stops with the end of what it said if it fails.
    """
    words = [sys.executable, "-m", "benchmarks.worker", "parity", chapter, framework]
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        Path(folder, "data").symlink_to(ROOT / "data", target_is_directory=True)
        done = subprocess.run(
            words,
            cwd=folder,
            env=machine.environment(ROOT) | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            end = "\n  ".join(done.stderr.strip().splitlines()[-5:])
            what = f"{chapter} in {framework}"
            raise SystemExit(f"{what} ended with status {done.returncode}\n  {end}")
        files = json.loads(done.stdout.splitlines()[-1])
        return load_runs(Path(folder, "runs.npz")), files


def train_both(chapter):
    """Train in both frameworks, side by side; return their runs, and the code's files.

    What stands in other chapters' folders counts where this chapter's code imports it.
    """
    with ThreadPoolExecutor(2) as pool:
        both = pool.map(lambda x: train(chapter, x), FRAMEWORKS.values())
        (runs, files), (others, other_files) = both
    found = {*files, *other_files, *HARNESS}
    return runs, others, sorted(found - strange(found, chapter))


def strange(files, chapter):
    """Return the files of other chapters that this one's do not need themselves."""
    folders = {f"snippets/{name}/" for name in chapters().values() if name != chapter}
    foreign = {x for x in files if x.startswith((*folders, "pagecode/"))}
    own = [x for x in files if x.startswith(f"snippets/{chapter}/")]
    own = [x for x in own if not x.endswith("/ways.py")]
    modules = [x.removesuffix(".py").replace("/", ".") for x in own]
    return foreign - set(measured.imported(modules, ROOT))


def apart(chapter):
    """Return (steps, loss apart, weights apart) by name of what has a bound; raise not.

    The runs come with it, by framework, and the files of the code that made them.
    """
    runs, others, files = train_both(chapter)
    found = {}
    for name in declared(chapter).BOUNDS:
        gaps, weights = differences(runs[name], others[name])
        found[name] = [len(gaps), float(gaps.max()), float(weights)]
    return found, (runs, others), files


def measure(page, chapter):
    """Measure one chapter, and write its table, and its picture if it draws one."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    ways = declared(chapter)
    found, runs, files = apart(chapter)
    rows = [["model", "steps", "losses apart", "bound", "weights apart"]]
    for name, (steps, gap, weights) in found.items():
        bound = ways.BOUNDS[name]
        if gap > bound:
            raise SystemExit(f"{name}: losses differ by {gap:.1e} > {bound:.0e}")
        rows.append(
            [name, f"{steps:,}", f"{gap:.1e}", f"{bound:.0e}", f"{weights:.1e}"]
        )
        print(" | ".join(rows[-1]))
    path = measured.place(page, "parity")
    if hasattr(ways, "draw"):
        ways.draw(*runs)
        svg = figure.draw(plt.gcf())
        write(ROOT / path.with_suffix(".svg"), svg)
        plt.close("all")
    again = f"make parity PAGE={page}"
    measured.keep(path, {"bounds": rows}, files, ROOT, again=again)
    print(f"written: {path}")


def main():
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", nargs="?", default="", help="as in models/x.md")
    for page, chapter in chapters(parser.parse_args().page).items():
        print(f"{page}: training in both frameworks, a minute or two", flush=True)
        measure(page, chapter)


if __name__ == "__main__":
    main()
