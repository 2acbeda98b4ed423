"""Judge trained models with several seeds, and write a table of what was found.

    python -m benchmarks.judged models/x.md  one page; without, all pages

A chapter declares `RESULTS` and `results` in a `judged.py`, as `ways.py` does for the
head table. Its rows are many numbers of one training, so that no seconds are told. The
yardstick of a row may be another row, which is then not shown by itself.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module

from benchmarks import ROOT
from benchmarks.results import HARNESS, page_of, spread, train
from benchmarks.told import LABELS
from pagecode.book import measured
from pagecode.book.data import stand_ins
from pagecode.frameworks import FRAMEWORKS


def judging():
    """Return the modules that judge models, by their pages."""
    paths = sorted(ROOT.glob("snippets/*/judged.py"))
    names = [path.parent.name for path in paths]
    return {page_of(x): import_module(f"snippets.{x}.judged") for x in names}


def table_of(rows, runs):
    """Return a table, its head first, given what each framework's runs told by row.

    A yardstick that is another row is told over the runs of all frameworks.
    """
    table = [["judged by", *FRAMEWORKS, "yardstick"]]
    yardsticks = {about["yardstick"] for about in rows.values()}
    for row, about in rows.items():
        if row in yardsticks:
            continue
        line = [row]
        for framework, found in runs.items():
            try:
                line.append(tell(about, found[row]))
            except ValueError as error:
                raise ValueError(f"{LABELS[framework]}, {row}: {error}") from None
        name = about["yardstick"]
        if name in rows:
            together = [x for found in runs.values() for x in found[name]]
            name = tell(rows[name], together)
        table.append([*line, name])
    return table


def tell(about, runs):
    """Return the mean and the standard deviation of what runs told, with the unit."""
    return spread([x["value"] for x in runs], about["digits"], about["unit"])


def measure(page, module):
    """Judge one page's models, and write its table."""
    names = list(FRAMEWORKS.values())
    with ThreadPoolExecutor(len(names)) as pool:  # side by side
        found = list(pool.map(partial(train, module), names))
    runs = {name: told for name, (told, _) in zip(names, found, strict=True)}
    files = {*HARNESS, "benchmarks/judged.py"}.union(*(files for _, files in found))
    table = table_of(module.RESULTS, runs)
    print(measured.table(table))
    path, again = measured.place(page, "judged"), f"make judged PAGE={page}"
    measured.keep(path, {"table": table}, files, ROOT, again=again)
    print(f"written: {path}")


def main():
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", nargs="?", default="", help="as in models/x.md")
    page, found = parser.parse_args().page, judging()
    if page and page not in found:
        listed = "\n  ".join(found)
        raise SystemExit(f"nothing is judged of {page}, but of\n  {listed}")
    if missing := stand_ins(ROOT):
        raise SystemExit(f"numbers of stand-ins count for nothing: {missing[0]}")
    for name in [page] if page else found:
        try:
            measure(name, found[name])
        except (RuntimeError, ValueError) as error:
            raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
