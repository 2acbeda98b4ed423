"""Verify again and again: do the outputs hold, does anything grow or stay behind?

`determinism` runs every program twice with one thread and twice with two, in a fresh
process each time. All must print the same to the letter: more than `verify` asks.
`soak` runs them many times out of one process, and watches that process, the memory of
the programs, the temporary files and the project's own folder.
"""

import os
import sys
import tempfile
import threading
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from pagecode.read.page import programs_to_run, read_pages
from pagecode.run.child import peak as memory
from pagecode.run.judge import picture_difference
from pagecode.run.process import Result
from pagecode.run.runner import Runner

THREADS = ("1", "1", "2", "2")
GROWTH = 1.1  # of memory, after the second time; below it is noise
MAY_CHANGE = {"data", "site", "verified", "canary"}


@dataclass
class Round:
    """What the programs made in one run, by the places of their blocks; what failed."""

    made: dict[str, Result]
    varying: set[str]  # places of blocks whose output may differ
    failed: list[str]

    @property
    def peak(self) -> int:
        """The most memory that any program took, in bytes."""
        return max((result.peak for result in self.made.values()), default=0)


def run_all(names: list[str], root: Path) -> Round:
    """Run the pages' programs, whatever the cache says."""
    pages = [x for x in read_pages(root) if x.name in (names or [x.name])]
    programs = programs_to_run(pages)
    done = Round({}, set(), [str(x) for page in pages for x in page.faults])
    with Runner(root) as runner:
        for run in runner.start(programs):
            done.failed += map(str, run.failures)
            for block in run.results:
                place = f"{run.program.framework} {block.where}"
                if block in run.printed:
                    done.made[place] = run.printed[block]
                if block.output and block.output.varies:
                    done.varying.add(place)
    return done


def differences(first: Round, other: Round) -> list[str]:
    """Return where two rounds made something else, to the letter."""
    found = list(other.failed)
    for place in sorted((first.made.keys() | other.made.keys()) - first.varying):
        one, two = first.made.get(place), other.made.get(place)
        if not one or not two:
            continue  # what failed says so
        for before, after in zip_longest(one.lines, two.lines):
            if before != after:
                found.append(f"{place}\n  first     {before}\n  now       {after}")
                break
        for drawn, redrawn in zip(one.figures, two.figures, strict=False):
            if difference := picture_difference(drawn, redrawn):
                found.append(f"{place}\n  differs   {difference}")
    return found


def conclude(wrong: list[str], right: str) -> int:
    """Print what is wrong, or that all is right; return the exit status."""
    for what in dict.fromkeys(wrong):
        print(what, file=sys.stderr)
    if not wrong:
        print(right)
    return min(len(wrong), 1)


def determinism(names: list[str], root: Path) -> int:
    """Run the pages several times; return 1 where they do not make the same."""
    rounds: list[Round] = []
    wrong: list[str] = []
    for threads in THREADS:
        os.environ["THREADS"] = threads
        rounds.append(run_all(names, root))
        found = differences(rounds[0], rounds[-1])
        wrong += [f"with {threads} threads: {x}" for x in found]
        print(f"  {threads} threads: {len(found)} differences", flush=True)
    blocks, varying = len(rounds[0].made), len(rounds[0].varying)
    same = f"{blocks} blocks made the same in {len(THREADS)} runs, to the letter"
    return conclude(wrong, f"{same}; {varying} of them may vary and were not compared")


def files(root: Path) -> set[Path]:
    """Return the files of the project, apart from what may change."""
    found: set[Path] = set()
    for top in root.iterdir():
        if top.name.startswith(".") or top.name in MAY_CHANGE:
            continue
        inside = top.rglob("*") if top.is_dir() else [top]
        found |= {x for x in inside if "__pycache__" not in x.parts}
    return found


def soak(names: list[str], root: Path, times: int) -> int:
    """Run the pages many times in one go; return 1 where anything drifts or grows."""
    before, wrong, rounds = files(root), [], list[Round]()
    measured: list[dict[str, int]] = []
    left: list[str] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        tempfile.tempdir = os.environ["TMPDIR"] = folder
        for number in range(1, times + 1):
            del rounds[1:]  # only the first is held while the next one runs
            rounds.append(run_all(names, root))
            wrong += differences(rounds[0], rounds[-1])
            now = {"memory": memory(), "memory of a program": rounds[-1].peak}
            now |= {"open files": len(os.listdir("/dev/fd"))}
            now |= {"threads": threading.active_count()}
            left = sorted(os.listdir(folder))
            now |= {"temporary files": len(left)}
            measured.append(now)
            own, program = now["memory"] >> 20, now["memory of a program"] >> 20
            print(
                f"  {number}: {own} MiB, its programs up to {program} MiB", flush=True
            )
        tempfile.tempdir = None
        del os.environ["TMPDIR"]
    for what, start in measured[min(1, times - 1)].items():
        end = measured[-1][what]
        room = GROWTH if what.startswith("memory") else 1
        if end > start * room:
            wrong.append(f"{what}: {start} after the second time, {end} at the end")
    wrong += [f"{x}: this temporary file is left" for x in left]
    wrong += [f"{x}: this file is new" for x in sorted(files(root) - before)]
    return conclude(wrong, f"{len(rounds[0].made)} blocks held {times} times")
