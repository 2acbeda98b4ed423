"""Time our own machinery, and write what how-it-is-verified.md shows of it.

    python -m benchmarks.verification          a few minutes, on a quiet machine
    python -m benchmarks.verification --quick  to see that it works; nothing is written

One chapter is run in three ways, in turns: as plain Python, verified, and as
notebooks. Then the whole site: verified again when nothing has changed, and built with
and without our hook.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient

from benchmarks.speed import spread
from benchmarks.told import say
from pagecode.book import measured
from pagecode.give.export import export_page
from pagecode.prove.store import held
from pagecode.prove.verify import Verifier
from pagecode.read.page import read_page, read_pages
from pagecode.run import machine

ROOT = Path(__file__).parent.parent
CHAPTER = "models/logistic-regression.md"


def seconds_of(function, *arguments):
    """Return how long a call took."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def run(*words, cwd=ROOT):
    """Run a command; RuntimeError, with its last words, where it fails."""
    done = subprocess.run(
        words,
        cwd=cwd,
        env=machine.environment(ROOT) | {"NO_MKDOCS_2_WARNING": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        end = "\n  ".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise RuntimeError(f"{' '.join(words)}: status {done.returncode}\n  {end}")


def in_folder(function, export):
    """Call a function of a file in a new folder that has the data."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        (Path(name) / "data").symlink_to(ROOT / "data", target_is_directory=True)
        file = Path(name) / Path(export.path).name
        file.write_text(export.text, encoding="utf-8")
        function(file)


def plain(script):
    """Run a script as anyone would."""
    run(sys.executable, script.name, cwd=script.parent)


def execute(file):
    """Run a notebook, cell by cell, in a fresh kernel."""
    notebook = nbformat.read(file, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(file.parent)}}
    )
    client.execute(env=machine.environment(ROOT), stderr=subprocess.DEVNULL)


def verify(program):
    """Verify a program, whatever the cache says; Failure where it does not hold."""
    with Verifier(ROOT, use_cache=False) as verifier:
        for started in verifier.start([program]):
            for future in started.results.values():
                future.result()


def time_programs(rounds):
    """Return the seconds of each round by way, for all programs of the chapter."""
    page = read_page(ROOT / "docs" / CHAPTER, ROOT)
    exports = list(export_page(page, ROOT, "", held(page.programs, ROOT)))
    kinds = {
        kind: [x for x in exports if x.kind == kind] for kind in ("script", "notebook")
    }
    ways = {"python": [], "verify": [], "nbclient": []}
    for count in range(rounds):
        say(f"one chapter: round {count + 1} of {rounds}")
        page = read_page(ROOT / "docs" / CHAPTER, ROOT)  # programs keep their results
        took = {
            "python": sum(seconds_of(in_folder, plain, x) for x in kinds["script"]),
            "verify": sum(seconds_of(verify, x) for x in page.programs),
            "nbclient": sum(
                seconds_of(in_folder, execute, x) for x in kinds["notebook"]
            ),
        }
        for way, values in ways.items():
            values.append(took[way])
    return {way: np.array(values) for way, values in ways.items()}


def bare_site(folder):
    """Lay down the site's pages for MkDocs alone, includes resolved by it, no hook."""
    for name in ("docs", "snippets", "overrides"):
        shutil.copytree(ROOT / name, folder / name)
    notebooks = ROOT / ".cache" / "site" / "notebooks"
    shutil.copytree(notebooks, folder / "docs" / "notebooks")
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    settings = re.sub(r"^hooks:.*\n", "", settings, flags=re.MULTILINE)
    (folder / "mkdocs.yml").write_text(settings, encoding="utf-8")


def time_site(rounds):
    """Return the seconds of each round by what is done for the whole site."""
    ways = {"unchanged": [], "make": [], "mkdocs": []}
    build = sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir"
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        say("the whole site: verified once, so that nothing has changed")
        run(sys.executable, "-m", "pagecode", "verify")
        run(*build, str(folder / "site"))  # makes the notebooks
        bare_site(folder)
        for count in range(rounds):
            say(f"the whole site: round {count + 1} of {rounds}")
            unchanged = seconds_of(run, sys.executable, "-m", "pagecode", "verify")
            ours = seconds_of(run, *build, str(folder / "ours"))
            command = (*build, str(folder / "theirs"))
            theirs = seconds_of(lambda words=command: run(*words, cwd=folder))
            ways["unchanged"].append(unchanged)
            ways["make"].append(unchanged + ours)
            ways["mkdocs"].append(theirs)
    return {way: np.array(values) for way, values in ways.items()}


def main():
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="see that it works")
    quick = parser.parse_args().quick
    print(f"{measured.model_name()}, {os.cpu_count()} cores; load {os.getloadavg()[0]}")
    chapter = time_programs(1 if quick else 3)
    rows = [["logistic regression, both frameworks", "seconds", "times plain Python"]]
    names = {
        "python": "the two scripts, with `python`",
        "verify": "verified, block by block",
        "nbclient": "the two notebooks, with nbclient",
    }
    for way, label in names.items():
        ratio = "1" if way == "python" else spread(chapter[way] / chapter["python"])
        rows.append([label, spread(chapter[way]), ratio])
    tables = {"chapter": rows}
    print(measured.table(rows))
    site = time_site(1 if quick else 3)
    pages = len(read_pages(ROOT))
    rows = [[f"the whole site, {pages} pages", "seconds", "times MkDocs alone"]]
    names = {
        "unchanged": "verified again, nothing changed",
        "make": "`make site`: that, and built with our hook",
        "mkdocs": "the same pages by MkDocs, without our hook",
    }
    for way, label in names.items():
        ratio = "1" if way == "mkdocs" else spread(site[way] / site["mkdocs"])
        rows.append([label, spread(site[way]), ratio])
    tables["site"] = rows
    print(measured.table(rows))
    if quick:
        print("a quick run: nothing is written")
        return
    # What is timed is the whole house. It changes with every commit, its time hardly:
    # when it has changed, the page says so, and is built all the same.
    path = measured.place("about/how-it-is-verified.md", "verification")
    files = [x.relative_to(ROOT).as_posix() for x in ROOT.glob("pagecode/**/*.py")]
    measured.keep(path, tables, files, ROOT, again="make bench", lasting=True)
    print(f"written: {path}")


if __name__ == "__main__":
    main()
