"""Train in both frameworks, compare them, and write what same-numbers.md shows of it.

    python -m benchmarks.parity

Each framework runs in a process of its own and hands its runs over in a file.
"""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pagecode.book import measured
from pagecode.files import write
from pagecode.run import figure, machine
from snippets.same_numbers.compare import differences, load_runs, plot_gaps

ROOT = Path(__file__).parent.parent
CHAPTERS = ("logistic regression", "softmax regression", "character RNN")
MODULES = ("parity", "parity_pytorch", "parity_tensorflow")
BOUNDS = {  # on the losses, at any step
    "logistic regression, float32": 1e-5,
    "logistic regression, float64": 1e-11,
    "softmax regression, float32": 1e-6,
    "softmax regression, float64": 1e-13,
    "character RNN, float32": 5e-6,
    "character RNN, float64": 1e-12,
}


def run(module, framework):
    """Run a module that leaves runs.npz; return its runs.

    Stops with the end of what it said if it fails.
    """
    name = module.format(framework=framework)
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        Path(folder, "data").symlink_to(ROOT / "data", target_is_directory=True)
        done = subprocess.run(
            [sys.executable, "-m", name, framework],
            cwd=folder,
            env=machine.environment(ROOT) | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            end = "\n  ".join(done.stderr.strip().splitlines()[-5:])
            raise SystemExit(f"{name} ended with status {done.returncode}\n  {end}")
        return load_runs(Path(folder, "runs.npz"))


def run_both(module):
    """Run a module per framework, side by side; return the two frameworks' runs."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda x: run(module, x), ("pytorch", "tensorflow")))


def sources():
    """Return the files whose code is measured, relative to the project."""
    found = measured.imported([f"benchmarks.{x}" for x in MODULES], ROOT)
    return [x for x in found if not x.startswith("pagecode/")]


def main():
    """Measure, and write the table and the picture."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    print("training in both frameworks: some minutes", flush=True)
    pytorch, tensorflow = run_both("benchmarks.parity_{framework}")
    rows = [["model", "steps", "losses apart", "bound", "weights apart"]]
    for name, bound in BOUNDS.items():
        gaps, weights = differences(pytorch[name], tensorflow[name])
        if gaps.max() > bound:
            raise SystemExit(f"{name}: losses differ by {gaps.max():.1e} > {bound:.0e}")
        apart = [f"{gaps.max():.1e}", f"{bound:.0e}", f"{weights:.1e}"]
        rows.append([name, f"{len(gaps):,}", *apart])
        print(" | ".join(rows[-1]))
    library, by_hand = "library", "by hand"
    pairs = {
        "PyTorch and TensorFlow": (pytorch[library], tensorflow[library]),
        "PyTorch, library and by hand": (pytorch[library], pytorch[by_hand]),
        "TensorFlow, library and by hand": (tensorflow[library], tensorflow[by_hand]),
    }
    plot_gaps({name: differences(*pair)[0] for name, pair in pairs.items()}, floor=1e-7)
    svg, _ = figure.draw(plt.gcf())
    write(ROOT / measured.FOLDER / "parity.svg", svg)
    tables = {"bounds": rows}
    for chapter in CHAPTERS:
        own = [row for row in rows[1:] if row[0].startswith(f"{chapter},")]
        tables[chapter.lower().replace(" ", "-")] = [rows[0], *own]
    measured.keep("parity", tables, sources(), ROOT)
    print(f"written: {measured.FOLDER / 'parity.json'} and parity.svg")


if __name__ == "__main__":
    main()
