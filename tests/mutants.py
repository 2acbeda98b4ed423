"""Change the code on purpose, a little at a time, and see whether a test notices.

    python -m tests.mutants                 all mutants; hours. What was killed stays so
    python -m tests.mutants --sample 300    some of them: --seed, or the day, chooses
    python -m tests.mutants --only PATTERN  those of the files whose path contains it

A mutant is the committed code with one operator, comparison, number, condition, loop or
handler changed. Cosmic Ray makes them. It is killed if a test that reaches its line
fails or hangs. If all pass that were asked, it is alive: either a test is missing, or
the change changes nothing, which `tests/equivalent.toml` then says, and why.

Which tests reach a line is found by running every test once under coverage; a page
reaches the lines that it shows. Each worker has a clone of its own, so that nothing is
changed here. The score is kept for the page that shows it.
"""

import argparse
import ast
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import cosmic_ray
import cosmic_ray.plugins
import pytest
from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code

from benchmarks.speed import say
from pagecode.book import measured
from pagecode.read.page import read_pages
from tests.conftest import start_of

ROOT = Path(__file__).parent.parent
KEPT = ROOT / ".cache" / "mutants"  # which tests reach what; what was found
KILLED = KEPT / "killed.json"
EQUIVALENT = ROOT / "tests" / "equivalent.toml"
TOOLS = Path(cosmic_ray.__file__).parent.parent  # coverage is there too
SEED = 123
ENOUGH = 0.95  # of the mutants that change something, killed
# Seconds of tests that reach a mutant's line: all get the first, who lives the rest.
ROUNDS = (20, 240)
SAMPLE = 200  # of the snippets that are not gradients or cells
GROUPS = {
    "pagecode": "the machinery, `pagecode/`",
    "by hand": "gradients and cells by hand",
    "snippets": "a sample of the other snippets",
}
BY_HAND = ("_manual.py", "_cells.py", "_fast.py")
# All pages in a browser tell of the theme.
SLOW = {"test_browser.py", "test_reading.py"}
HANDED_OUT = "prints_what_its_page_shows"  # tests that run what is handed out: minutes
PASSED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
GONE = pytest.ExitCode.USAGE_ERROR  # a test that is asked for is not there
STARTS = "test_module_that_is_started_shows_the_same"
# The files of tests of what has none by its own name.
OWN = {
    "hook": "test_site.py",
    "__main__": "test_commands.py",
    "process": "test_verify.py",
    "run": "test_verify.py",
}
# What runs in an environment of its own, unseen by coverage, and who starts it.
STARTED = dict.fromkeys(
    ["pagecode/run/child.py", "pagecode/run/figure.py"], "pagecode/run/process.py"
)
COVERAGE = """[run]
source = pagecode, snippets
parallel = true
data_file = {data}
context = ${{PYTEST_CURRENT_TEST-}}
"""
STARTUP = """import sys
sys.path.append({tools!r})
import coverage
coverage.process_startup()
sys.path.remove({tools!r})
"""
# What a test calls is its own; what is set up may be used by others of its file.
PLUGIN = """import json
from collections import Counter

import coverage
import pytest


def of(phase):
    @pytest.hookimpl(tryfirst=True)
    def hook(item):
        coverage.Coverage.current().switch_context(f"{{item.nodeid}} ({{phase}})")
    return hook


seconds = Counter()
pytest_runtest_setup, pytest_runtest_call, pytest_runtest_teardown = map(
    of, ("setup", "call", "teardown")
)


def pytest_runtest_logreport(report):
    seconds[report.nodeid] += report.duration


def pytest_sessionfinish():
    with open({seconds!r}, "w") as file:
        json.dump(seconds, file)
"""


@dataclass(frozen=True)
class Mutant:
    """One changed place: where it is, and what is done there."""

    path: str  # pagecode/x.py
    line: int
    operator: str  # of Cosmic Ray
    occurrence: int  # of those that the file has for this operator

    @cached_property
    def text(self) -> str:
        """The whole file, changed."""
        operator = operators()[self.operator]
        return mutate_code(source(self.path), operator, self.occurrence)

    @property
    def before(self) -> str:
        """The line at which the change begins, as it is."""
        return source(self.path).splitlines()[self.line - 1].strip()

    @property
    def after(self) -> str:
        """The first line that the change has changed."""
        pairs = zip(
            source(self.path).splitlines(), self.text.splitlines(), strict=False
        )
        return next(new.strip() for old, new in pairs if old != new)

    @property
    def key(self) -> str:
        """A name for what was found of it, until its file changes."""
        return hashlib.sha256(f"{self.path}\n{self.text}".encode()).hexdigest()[:16]

    @property
    def group(self) -> str:
        """Of the table's rows, the one that counts it."""
        if self.path.startswith("pagecode/"):
            return "pagecode"
        return "by hand" if self.path.endswith(BY_HAND) else "snippets"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}\n  - {self.before}\n  + {self.after}"


class Places(Visitor):
    """Finds where the operators apply: by place, and what may be done there."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.found: dict[tuple, list[tuple[str, int]]] = defaultdict(list)

    def visit(self, node):
        for name, operator in operators().items():
            for start, end in operator.mutation_positions(node):
                family = name.split("_")[0]  # replace an operator by one, not by all
                self.found[start, end, family].append((name, self.counts[name]))
                self.counts[name] += 1
        return node


@cache
def operators() -> dict:
    """Return Cosmic Ray's operators, but for those that ask for names."""
    wanted = [x for x in cosmic_ray.plugins.operator_names() if "Variable" not in x]
    return {name: cosmic_ray.plugins.get_operator(name)() for name in wanted}


def annotations(text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return from where to where the annotations stand: they compute nothing."""
    fields = ("annotation", "returns")
    nodes = [
        getattr(node, name, None)
        for node in ast.walk(ast.parse(text))
        for name in fields
    ]
    return [
        ((x.lineno, x.col_offset), (x.end_lineno, x.end_col_offset)) for x in nodes if x
    ]


@cache
def source(path: str) -> str:
    """Return a file's text."""
    return (ROOT / path).read_text(encoding="utf-8")


def places_of(path: str) -> Iterator[tuple[tuple[int, int], list[Mutant]]]:
    """Yield each place of a file, and what may be done there: one kind of change."""
    places = Places()
    places.walk(get_ast(source(path)))
    spared = annotations(source(path))
    lines = source(path).splitlines()
    for (start, end, _), choices in sorted(places.found.items()):
        if any(low <= start and end <= high for low, high in spared):
            continue
        # Cosmic Ray cannot replace an exception with a dot in its name.
        if re.search(r"\bexcept\b.*\w\.\w", lines[start[0] - 1]):
            continue
        yield start, [Mutant(path, start[0], *choice) for choice in choices]


def mutants_of(path: str) -> Iterator[Mutant]:
    """Yield a file's mutants, one for each place and kind of change, seeded."""
    for start, choices in places_of(path):
        yield random.Random(f"{SEED} {path} {start}").choice(choices)


def all_mutants() -> list[Mutant]:
    """Return all of pagecode and of what is by hand, and a sample of the rest."""
    files = [*ROOT.glob("pagecode/*.py"), *ROOT.glob("snippets/*/*.py")]
    paths = sorted(path.relative_to(ROOT).as_posix() for path in files)
    found = [mutant for path in paths for mutant in mutants_of(path)]
    rest = [mutant for mutant in found if mutant.group == "snippets"]
    sample = random.Random(SEED).sample(rest, min(SAMPLE, len(rest)))
    return [mutant for mutant in found if mutant.group != "snippets"] + sample


@dataclass(frozen=True)
class Reach:
    """What a file of tests reaches: by its tests' calls, and as a whole."""

    seconds: dict[str, float]  # by test
    lines: dict[str, dict[int, list[str]]]  # the tests, by file and line; "": any


@dataclass(frozen=True)
class Round:
    """Tests that a mutant is given to, and how many seconds none of them takes."""

    tests: list[str]
    limit: float
    seconds: float  # of all together

    def and_slow(self, *tests: str) -> "Round":
        """Return it with other tests before its own, such as take a page's time."""
        return Round([*tests, *self.tests], self.limit + 300, self.seconds)


class Worker:
    """A clone of what is committed, in which one mutant at a time is tested."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        clone = ["git", "clone", "--quiet", "--shared", ROOT, folder]
        subprocess.run(clone, check=True)
        for name in ("data", ".cache"):  # programs that passed need not run again
            if (ROOT / name).exists():
                ignore = shutil.ignore_patterns("mutants", "lock")
                shutil.copytree(ROOT / name, folder / name, ignore=ignore)
        # Where measured code has changed, nothing is collected: that would be no test.
        fresh = {"sources": [], "code": measured.code_hash([], folder)}
        for path in folder.glob("docs/**/measured/*.json"):
            facts = json.loads(path.read_text(encoding="utf-8")) | fresh
            path.write_text(json.dumps(facts), encoding="utf-8")

    def run(
        self, tests: list[str], limit: float, **added: str
    ) -> subprocess.CompletedProcess[str]:
        """Run pytest with these arguments; TimeoutExpired past a limit in seconds."""
        left_out = {"BROWSER", "CI", "ALL", "FRAMEWORK"}
        kept = {x: y for x, y in os.environ.items() if x not in left_out}
        # Files change within a second, which compiled ones would not notice.
        settings = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(self.root)}
        options = ["-q", "-p", "no:cacheprovider", "--no-header", "--tb=line"]
        options += ["-k", f"not {HANDED_OUT}"]
        with TemporaryFile("w+") as said:  # not a pipe: what hangs may hold its end
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *options, *tests],
                cwd=self.root,
                env=kept | settings | added,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,  # so that all that it started ends with it
            )
            try:
                process.wait(limit)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
                process.wait()
            said.seek(0)
            output = said.read()
        return subprocess.CompletedProcess(tests, process.returncode, output)

    def kill(self, mutant: Mutant, given: Round) -> str:
        """Return what killed it, or nothing; a test past the limit hangs."""
        options = ["-x", "-o", "faulthandler_exit_on_timeout=true"]
        options += ["-o", f"faulthandler_timeout={given.limit:.0f}"]
        # Each module's start can be asked for, not only those of a sample.
        every = {"ALL": "1"} if any(STARTS in x for x in given.tests) else {}
        path = self.root / mutant.path
        original = path.read_text(encoding="utf-8")
        path.write_text(mutant.text, encoding="utf-8")
        try:
            # What hangs may do so before the first test.
            enough = given.limit + 3 * given.seconds
            done = self.run([*options, *given.tests], enough, **every)
            if done.returncode == GONE:
                left = self.left_of(given.tests, **every)
                if not left:
                    return ""
                done = self.run([*options, *left], enough, **every)
        except subprocess.TimeoutExpired:
            return "time"
        finally:
            path.write_text(original, encoding="utf-8")
        if done.returncode in PASSED:
            return ""
        if "Timeout (" in done.stdout:
            return "time"
        failed = [x for x in done.stdout.splitlines() if x.startswith("FAILED ")]
        return failed[0].split(" - ")[0][7:] if failed else "collection"

    def left_of(self, tests: list[str], **added: str) -> list[str]:
        """Return those tests that are still there: one that is gone notices nothing.

        Where their files cannot be collected, return these: they fail as a whole.
        """
        files = sorted({test.partition("::")[0] for test in tests})
        told = self.run(["--collect-only", *files], 600, **added)
        if told.returncode:
            return files
        there = {*files, *told.stdout.splitlines()}
        return [test for test in tests if test in there]


def test_files() -> list[str]:
    """Return all files of tests, but for those that run every page."""
    found = (x for x in ROOT.glob("tests/**/test_*.py") if x.name not in SLOW)
    return sorted(x.relative_to(ROOT).as_posix() for x in found)


def find_reach(workers: list[Worker]) -> dict[str, Reach]:
    """Return what each file of tests reaches; of those that changed, by running them.

    Raises RuntimeError if one fails: it would kill every mutant.
    """
    kept = KEPT / "reach.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    places = (
        "pagecode/*.py",
        "snippets/**/*.py",
        "tests/conftest.py",
        "tests/served.py",
    )
    shared = b"".join(x.read_bytes() for y in places for x in sorted(ROOT.glob(y)))
    states = {
        file: hashlib.sha256(shared + (ROOT / file).read_bytes()).hexdigest()
        for file in test_files()
    }
    to_do = [x for x in states if known.get(x, {}).get("state") != states[x]]
    kept.parent.mkdir(parents=True, exist_ok=True)
    for number, file, reached in side_by_side(to_do, workers, reach_of):
        say(f"reach: {number} of {len(to_do)}, {file}")
        known[file] = {"state": states[file], **reached}
        kept.write_text(json.dumps(known))
    return {
        file: Reach(
            known[file]["seconds"],
            {
                path: {int(line): tests for line, tests in of.items()}
                for path, of in known[file]["lines"].items()
            },
        )
        for file in states
    }


def side_by_side(
    items: list, workers: list[Worker], do: Callable[[Worker, Any], Any]
) -> Iterator[tuple[int, Any, Any]]:
    """Let each worker do one item at a time; yield their number, item and result."""
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def work(item: Any) -> Any:
        worker = free.get()
        try:
            return do(worker, item)
        finally:
            free.put(worker)

    with ThreadPoolExecutor(len(workers)) as pool:
        futures = {pool.submit(work, item): item for item in items}
        try:
            for number, future in enumerate(as_completed(futures), start=1):
                yield number, futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)  # one failed, or the reader has enough


def reach_of(worker: Worker, file: str) -> dict:
    """Run a file of tests under coverage; return seconds by test, and tests by line.

    Raises RuntimeError if it fails.
    """
    with TemporaryDirectory() as name:
        data, settings, told = (Path(name) / x for x in ("data", "rc", "seconds"))
        settings.write_text(COVERAGE.format(data=data))
        startup, plugin = worker.root / "sitecustomize.py", worker.root / "per_test.py"
        startup.write_text(STARTUP.format(tools=str(TOOLS)))
        plugin.write_text(PLUGIN.format(seconds=str(told)))
        try:
            options = ["-p", "per_test", file]
            done = worker.run(options, 3600, COVERAGE_PROCESS_START=str(settings))
        finally:
            startup.unlink()
            plugin.unlink()
        if done.returncode not in PASSED:
            done = worker.run([file], 3600)  # it may be coverage that it cannot bear
        if done.returncode not in PASSED:
            raise RuntimeError(f"{file} fails as it is:\n{done.stdout[-2000:]}")
        seconds = json.loads(told.read_text())
        lines = lines_of(data, settings, worker.root)
    return {"seconds": {x: round(y, 2) for x, y in seconds.items()}, "lines": lines}


def lines_of(data: Path, settings: Path, root: Path) -> dict[str, dict]:
    """Return what coverage noted: by file and line, the tests that called it.

    An empty name among them: it was reached between the calls, for all of the tests.
    """
    import coverage

    both = coverage.Coverage(config_file=str(settings))
    both.combine([str(x) for x in data.parent.glob("data.*")])
    noted = both.get_data()
    found: dict[str, dict] = {}
    for path in noted.measured_files():
        if Path(path).is_relative_to(root) and noted.lines(path):
            found[Path(path).relative_to(root).as_posix()] = {
                line: sorted({x[:-7] if x.endswith(" (call)") else "" for x in called})
                for line, called in noted.contexts_by_lineno(path).items()
            }
    return found


def shown_by() -> dict[tuple[str, int], list[str]]:
    """Return the tests of the pages that show a snippet's line, by file and line."""
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for page in read_pages(ROOT):
        for program in page.programs:
            blocks = [
                f"docs/{page.name}::line:{block.where.rpartition(':')[2]} "
                f"{program.framework}"
                for block in program.blocks
            ]
            for block in program.blocks:
                for line in block.lines:
                    place = line.file.relative_to(ROOT).as_posix(), line.number
                    found[place] += [x for x in blocks if x not in found[place]]
    return found


def plan(reach: dict[str, Reach]) -> Callable[[Mutant], list[Round]]:
    """Return what names the tests of each round: a mutant's own, then the cheapest."""
    pages = shown_by()

    def reached(file: str, path: str, lines: Iterable[int]) -> set[str]:
        """Return those of a file's tests that reach one of these lines.

        The file is among them if it reaches the lines between its tests' calls.
        """
        by_line = reach[file].lines.get(path, {})
        return {test or file for line in lines for test in by_line.get(line, ())}

    def calling(file: str, path: str) -> set[str]:
        """Return those of a file's tests that call something of a file."""
        every = reach[file].lines.get(path, {}).values()
        return {test for tests in every for test in tests if test}

    def slowest(test: str) -> float:
        """Return a test's seconds; of a whole file, those of its slowest."""
        seconds = reach[test.partition("::")[0]].seconds
        return seconds.get(test, max(seconds.values(), default=0))

    def rounds_of(mutant: Mutant) -> list[Round]:
        path, stem = mutant.path, Path(mutant.path).stem
        own = OWN.get(stem, f"test_{stem}.py")
        around = [x for x in statements(path) if mutant.line in x]
        lines: Iterable[int] = min(around, key=len, default=[mutant.line])
        started = path.startswith("snippets/") and mutant.line >= start_of(ROOT / path)
        # What runs elsewhere, or is compiled by `tf.function`, coverage does not see.
        unseen = path in STARTED or "tf.function" in source(path)
        asked: list[tuple[bool, float, str]] = []
        for file, of in reach.items():
            chosen = reached(file, path, lines)
            if unseen:
                chosen |= calling(file, STARTED.get(path, path))
            for test in chosen:
                took = of.seconds.get(test, sum(of.seconds.values()))
                asked.append((Path(file).name != own, took, test))
        asked.sort(reverse=True)
        rounds, spent = [], 0.0
        for enough in ROUNDS:
            tests, before = [], spent
            while asked and (spent + asked[-1][1] < enough or not spent):
                _, seconds, test = asked.pop()
                tests.append(test)
                spent += seconds
            limit = 60 + 2 * max(map(slowest, tests), default=0)
            rounds.append(Round(tests, limit, spent - before))
        first, last = rounds
        if started:  # what no test calls
            first = first.and_slow(f"tests/test_programs.py::{STARTS}[{path}]")
        if shown := pages.get((path, mutant.line)):
            last = last.and_slow(*shown)
        return [first, last]

    return rounds_of


@cache
def statements(path: str) -> list[range]:
    """Return the lines of each statement; of one with a body, those of its head."""
    tree = ast.parse(source(path))
    return [
        range(x.lineno, max(x.body[0].lineno, x.lineno + 1))
        if hasattr(x, "body")
        else range(x.lineno, x.end_lineno + 1)
        for x in ast.walk(tree)
        if isinstance(x, ast.stmt)
    ]


def read_equivalent() -> dict[Mutant, str]:
    """Return those that change nothing, and why, whether they are chosen or not.

    Raises ValueError for one that cannot be made, or no longer.
    """
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    by_line: dict[tuple[str, str], list[Mutant]] = defaultdict(list)
    for path in {x["path"] for x in listed}:
        for _, choices in places_of(path):
            for mutant in choices:
                by_line[path, mutant.before].append(mutant)
    found = {}
    for x in listed:
        made = [y for y in by_line[x["path"], x["before"]] if y.after == x["after"]]
        if not made:
            raise ValueError(f"{EQUIVALENT.name}: no such mutant: {x}")
        found |= dict.fromkeys(made, x["why"])
    return found


def test_all(
    mutants: list[Mutant], workers: list[Worker], rounds_of: Callable
) -> dict[str, str]:
    """Return what killed each mutant by its key, from what is known, or by testing."""
    known = json.loads(KILLED.read_text()) if KILLED.exists() else {}
    for number in range(len(ROUNDS)):
        to_do = [mutant for mutant in mutants if mutant.key not in known]
        test_round(number, to_do, workers, rounds_of, known)
    return known


def test_round(
    number: int,
    mutants: list[Mutant],
    workers: list[Worker],
    rounds_of: Callable,
    known: dict[str, str],
) -> None:
    """Add what killed the mutants, by their keys, and keep it; tell who is alive."""

    def test(worker: Worker, mutant: Mutant) -> str:
        given = rounds_of(mutant)[number]
        return worker.kill(mutant, given) if given.tests else ""

    start, alive = time.monotonic(), 0
    for done, mutant, killer in side_by_side(mutants, workers, test):
        if killer:
            known[mutant.key] = killer
            KILLED.write_text(json.dumps(known, indent=0))
        else:
            alive += 1
            say(f"alive: {mutant}", end=True)
        left = (time.monotonic() - start) / 60 / done * (len(mutants) - done)
        say(
            f"round {number + 1}, {done} of {len(mutants)}: {alive} alive, "
            f"{left:.0f} minutes left"
        )


def main() -> int:
    """Test the mutants, tell which are alive, and keep the score of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, help="how many of them, chosen by a seed")
    # Fresh, so that no test was written for these.
    day = date.today().toordinal()
    parser.add_argument("--seed", type=int, default=day, help="by default the day")
    parser.add_argument("--only", default="", help="a part of their file's path")
    parser.add_argument("--list", action="store_true", help="count them, and stop")
    chosen = parser.parse_args()
    every = all_mutants()
    equivalent = read_equivalent()
    mutants = [x for x in every if chosen.only in x.path]
    if chosen.sample:
        print(f"chosen by --seed {chosen.seed}")
        number = min(chosen.sample, len(mutants))
        mutants = random.Random(chosen.seed).sample(mutants, number)
    print(
        f"{len(mutants)} mutants of {len({x.path for x in mutants})} files", flush=True
    )
    if chosen.list:
        for path, count in Counter(x.path for x in mutants).items():
            print(f"  {count:4d} {path}")
        return 0
    meant = [x for x in mutants if x not in equivalent]
    with TemporaryDirectory(prefix="mutants-") as folder:
        count = max(1, (os.cpu_count() or 2) // 2 * 2)
        workers = [Worker(Path(folder) / str(n)) for n in range(count)]
        known = test_all(meant, workers, plan(find_reach(workers)))
    return tell(every, mutants, meant, known, keep=not chosen.only)


def tell(
    every: list[Mutant],
    mutants: list[Mutant],
    meant: list[Mutant],
    known: dict[str, str],
    *,
    keep: bool,
) -> int:
    """Print who is alive, and the score; keep it for its page. Return 1 if too low."""
    rows, low = [], False
    for group, label in GROUPS.items():
        made, of = (sum(x.group == group for x in y) for y in (mutants, every))
        tested = [x for x in meant if x.group == group]
        killed = sum(x.key in known for x in tested)
        if tested:
            share = killed / len(tested)
            low |= share < ENOUGH
            chosen = f"{made:,}" if made == of else f"{made:,} of {of:,}"
            counts = (made - len(tested), killed, len(tested) - killed)
            rows.append([label, chosen, *(f"{x:,}" for x in counts), f"{share:.1%}"])
    for mutant in meant:
        if mutant.key not in known:
            print(f"alive: {mutant}")
    changed = f"changed by Cosmic Ray {version('cosmic-ray')}"
    head = [changed, "mutants", "equivalent", "killed", "alive", "score"]
    print(measured.table([head, *rows]))
    if keep:
        path = measured.place("about/how-it-is-verified.md", "mutants")
        files = {mutant.path for mutant in every}
        tables, again = {"score": [head, *rows]}, "make mutants"
        measured.keep(path, tables, files, ROOT, again=again, lasting=True)
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
