"""A file of tests that passed is not run again while nothing that it reaches changed.

    python -m pytest -p tests.memory --remember

It is remembered, in `.cache/tests.json`, under a hash over itself, the modules of the
project that it imports and those that they import, the packages that these import, and
the files of the project that its tests read. These are all of them, unless the file or
the `conftest.py` of its folder names them:

    READS = ["pagecode", "docs/index.md"]  # folders and files; [] none, None all

Whoever names them keeps to it: a test that reaches another file, or starts a process
that could, fails. A child that is started outside of the project with the project on
its path can reach `pagecode`; one started within it, everything. `ALL=1` runs all.
"""

import ast
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, distributions
from importlib.metadata import packages_distributions as owners_of
from pathlib import Path
from typing import Any

import pytest

from pagecode.files import write

KEPT = 8  # states of a file that are remembered: one goes back and forth
DATA = "data"  # is not part of the project, but tests read it
READS = "READS = "
HARMLESS = ("nvidia-smi", "ldconfig", "fc-list")  # look at the machine alone
TESTS = re.compile(r"tests/(.+/)?test_\w+\.py$")
SEEN = ("FRAMEWORK", "BROWSER", "GPU")  # what decides which tests there are


class Tree:
    """The project's files as they are, and what is known of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        command = [
            "git",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]
        said = subprocess.run(command, cwd=root, capture_output=True, text=True)
        listed = set(said.stdout.split("\0")) - {""}
        self.files = sorted(x for x in listed if (root / x).is_file())
        self.known = set(self.files)
        self.folders = {str(y) for x in self.files for y in Path(x).parents}
        self.hash_of = cache(self._hash_of)
        self.imports_of = cache(self._imports_of)
        self.reads_of = cache(self._reads_of)
        self.reach = cache(self._reach)

    def _hash_of(self, path: str) -> str:
        return hashlib.sha256((self.root / path).read_bytes()).hexdigest()

    def _imports_of(self, path: str) -> tuple[list[str], set[str]]:
        """Return the project's files that a module imports, and others' packages.

        Imports inside of functions count.
        """
        names: set[str] = set()
        if not path.endswith(".py"):
            return [], names
        for node in ast.walk(ast.parse((self.root / path).read_bytes())):
            if isinstance(node, ast.Import):
                names |= {x.name for x in node.names}
            elif isinstance(node, ast.ImportFrom):
                around = Path(path).parts[: -node.level] if node.level else ()
                name = ".".join([*around, *filter(None, [node.module])])
                names |= {name, *(f"{name}.{x.name}" for x in node.names)}
        own, others = [], set()
        for parts in (x.split(".") for x in names):
            stems = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
            found = {f"{x}{end}" for x in stems for end in (".py", "/__init__.py")}
            own += found & self.known
            others |= set() if found & self.known else {parts[0]}
        return own, others

    def _reads_of(self, path: str) -> list[str] | None:
        """Return what a file of tests says that it reads; None for everything."""
        around = [x / "conftest.py" for x in Path(path).parents if len(x.parts) > 1]
        for file in (x for x in map(str, [path, *around]) if x in self.known):
            for node in ast.parse((self.root / file).read_bytes()).body:
                if isinstance(node, ast.Assign) and ast.unparse(node).startswith(READS):
                    return ast.literal_eval(node.value)
        return None

    def _reach(self, path: str) -> tuple[set[str], set[str]]:
        """Return the files that a file of tests can reach, and packages imported."""
        reads = self.reads_of(path)
        if reads is None:
            return self.known, set()
        left = [path, "pyproject.toml"]  # which sets what pytest does
        left += [str(x / "conftest.py") for x in Path(path).parents]
        left = [x for x in left if x in self.known] + self.under(self.files, reads)
        files: set[str] = set()
        packages: set[str] = set()
        while left:
            if (file := left.pop()) not in files:
                files.add(file)
                own, others = self.imports_of(file)
                left += own
                packages |= others
        return files, packages

    def under(self, paths: list[str], reads: list[str]) -> list[str]:
        """Return those of the paths that are named, or lie in a folder that is."""
        return [x for x in paths if any(f"{x}/".startswith(f"{y}/") for y in reads)]

    def key(self, path: str) -> str:
        """Return the hash over all that could change whether these tests pass."""
        files, packages = self.reach(path)
        reads = self.reads_of(path)
        facts = {
            "files": {x: self.hash_of(x) for x in sorted(files)},
            "python": [sys.version, platform.platform()],
            "packages": sorted(everything() if reads is None else versions(packages)),
            "environment": {x: os.environ.get(x, "") for x in SEEN},
            "data": data(self.root) if reads is None or DATA in reads else [],
        }
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


@cache
def data(root: Path) -> list[tuple[str, int, int]]:
    """Return the files of `data/` with their sizes and times."""
    found = [x for x in (root / DATA).rglob("*") if x.is_file()]
    about = [(str(x.relative_to(root)), x.stat()) for x in sorted(found)]
    return [(name, facts.st_size, facts.st_mtime_ns) for name, facts in about]


@cache
def everything() -> set[str]:
    """Return all that is installed, with versions."""
    return {f"{x.name}=={x.version}" for x in distributions()}


owners = cache(owners_of)


def versions(packages: set[str]) -> set[str]:
    """Return the distributions that bring packages, and theirs, with versions."""
    left = ["pytest", *(y for x in packages for y in owners().get(x, []))]
    found: dict[str, str] = {}
    while left:
        name = left.pop()
        if name.lower() in found:
            continue
        try:
            there = distribution(name)
        except PackageNotFoundError:  # an extra, or of another platform
            continue
        found[name.lower()] = f"{name.lower()}=={there.version}"
        left += [part_of(x) for x in there.requires or [] if "extra ==" not in x]
    return set(found.values())


def part_of(requirement: str) -> str:
    """Return the name in a requirement: `a[b]>=1; c` is a's."""
    end = next((n for n, x in enumerate(requirement) if x in " [;<>=!~("), None)
    return requirement[:end]


def collected() -> bool:
    """Whether Hypothesis reads a module that is loaded, for numbers to try."""
    frame = sys._getframe()
    while frame := frame.f_back:
        if frame.f_code.co_filename.endswith("hypothesis/internal/constants_ast.py"):
            return True
    return False


class Watch:
    """Notes what a test reaches that its file does not say."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.allowed: set[str] = set()
        self.file = ""  # of the tests that run now
        self.reads: list[str] | None = None
        self.beyond: dict[str, set[str]] = {}  # by file
        sys.addaudithook(self.note)

    def now(self, file: str) -> None:
        """From here on, what is reached is reached by this file; by none for ''."""
        if file != self.file:
            self.reads = None  # or finding out would be noted
            self.allowed = self.tree.reach(file)[0] if file else set()
            self.file, self.reads = file, self.tree.reads_of(file) if file else None

    def note(self, event: str, words: tuple) -> None:
        """Take down what leads out of what is said."""
        if self.reads is None:
            return
        if event == "subprocess.Popen":
            self.note_child(*words)
        elif isinstance(words[0] if words else None, (str, bytes)):
            caller = sys._getframe(1).f_code.co_filename
            path = self.inside(os.fsdecode(words[0]))
            if path and event == "open":
                self.note_file(path, caller)
            elif path and event in ("os.listdir", "os.scandir"):
                self.note_folder(path, caller)

    def note_file(self, path: str, caller: str) -> None:
        """Take down a file that is opened."""
        folder, _, compiled = path.rpartition("__pycache__/")
        if compiled != path:
            path = f"{folder}{compiled.partition('.')[0]}.py"
        if path.startswith(f"{DATA}/") and DATA not in (self.reads or []):
            self.add(DATA)
        # What is only read in order to quote it, or for numbers to try.
        quoted = caller.endswith("linecache.py")
        if path in self.tree.known - self.allowed and not quoted and not collected():
            self.add(path)

    def note_folder(self, path: str, caller: str) -> None:
        """Take down a folder that is listed, but not to find a package."""
        named = self.tree.under([path], self.reads or [])
        looked_for = caller.startswith("<frozen") or "/importlib/metadata/" in caller
        if path in self.tree.folders and not named and not looked_for:
            self.add(f"{path}/")

    def note_child(self, executable, words, cwd, env) -> None:
        """Take down a child that could reach more than is said."""
        if os.path.basename(os.fspath(executable)) in HARMLESS:
            return
        words = [words] if isinstance(words, (str, bytes)) else words
        said = [os.fsdecode(x) for x in words or [executable]]
        for path in map(self.inside, filter(os.path.isabs, said)):
            if path in self.tree.known - self.allowed:
                self.add(path)
        if self.inside(os.fspath(cwd or os.getcwd())):
            self.add(f"everything: {' '.join(said)[:60]} starts in the project")
        path = (env or os.environ).get("PYTHONPATH", "").split(os.pathsep)
        if str(self.tree.root) in path and "pagecode" not in (self.reads or []):
            self.add("pagecode")

    def add(self, what: str) -> None:
        """Keep what was reached for this file's next test to complain of."""
        self.beyond.setdefault(self.file, set()).add(what)

    def inside(self, path: str) -> str | None:
        """Return a path in the project, relative to it; None for another."""
        whole, root = os.path.abspath(path), str(self.tree.root)
        if whole != root and not whole.startswith(root + os.sep):
            return None
        return os.path.relpath(whole, root)

    def complain(self) -> None:
        """Fail where something was reached that is not said."""
        if beyond := sorted(self.beyond.pop(self.file, ())):
            said = ", ".join([*beyond[:5], *(["…"] if len(beyond) > 5 else [])])
            pytest.fail(
                f"{self.file} reaches what its READS do not name: {said}\n"
                "  to do     add it, or leave READS out: then it runs after any change",
                pytrace=False,
            )


class Memory:
    """What is taken from memory in this session, and what is put there."""

    def __init__(self, config: pytest.Config) -> None:
        self.root = config.rootpath
        self.kept = self.root / ".cache" / "tests.json"
        self.tree = Tree(self.root)
        self.watch = Watch(self.tree)
        self.collected: set[str] = set()
        self.passed: set[str] = set()
        self.other: set[str] = set()
        self.took: Counter[str] = Counter()  # seconds, by file
        self.worker = hasattr(config, "workerinput")
        if self.worker:  # of xdist: it knows what its controller found
            self.known, self.slow = config.workerinput["memory"]
            return
        states = self.states()
        tests = [x for x in self.tree.files if TESTS.match(x)]
        self.keys = {x: self.tree.key(x) for x in tests}
        passed = {x: states.get(x, {}).get("passed", {}) for x in tests}
        given = {os.path.relpath(x, self.root) for x in config.args}
        again = given | set(tests) if os.environ.get("ALL") else given
        self.known = {
            x: passed[x][key]
            for x, key in self.keys.items()
            if key in passed[x] and x not in again
        }
        self.slow = {x: about.get("seconds", 60) for x, about in states.items()}

    def states(self) -> dict[str, Any]:
        """Return by file how many tests passed in which state, and in what time."""
        try:
            return json.loads(self.kept.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node) -> None:
        """Tell a worker of xdist what is known."""
        node.workerinput["memory"] = self.known, self.slow

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids) -> None:
        self.collected |= set(ids)

    def pytest_collection_finish(self, session) -> None:
        self.collected |= {x.nodeid for x in session.items}

    def pytest_ignore_collect(self, collection_path) -> bool | None:
        """Leave out what is known: it is not even imported."""
        return os.path.relpath(collection_path, self.root) in self.known or None

    def pytest_collection_modifyitems(self, items) -> None:
        """Begin with the file that takes longest, so that no core waits for it."""
        items.sort(key=lambda x: -self.slow.get(file_of(x.nodeid), 60))

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector):
        if isinstance(collector, pytest.Module):
            self.watch.now(collector.nodeid)
        try:
            return (yield)
        finally:
            self.watch.now("")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item):
        self.watch.now(file_of(item.nodeid))
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        result = yield
        self.watch.complain()
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:
        self.watch.now("")

    def pytest_runtest_logreport(self, report) -> None:
        self.took[file_of(report.nodeid)] += report.duration
        if not report.passed and not hasattr(report, "wasxfail"):
            self.other.add(report.nodeid)
        elif report.when == "call":
            self.passed.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session) -> None:
        """Remember the files all of whose tests passed, and that are as they were."""
        if self.worker:
            return
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.known:
            session.exitstatus = pytest.ExitCode.OK
        counts = Counter(map(file_of, self.collected))
        left = set(map(file_of, self.collected - self.passed | self.other))
        now, states = Tree(self.root), self.states()
        for file in set(counts) & set(self.keys) - left:
            if now.key(file) == self.keys[file]:
                passed = states.get(file, {}).get("passed", {})
                passed = list((passed | {self.keys[file]: counts[file]}).items())
                states[file] = {
                    "seconds": round(self.took[file], 1),
                    "passed": dict(passed[-KEPT:]),
                }
        if counts:
            write(self.kept, json.dumps(states, indent=1))

    def pytest_terminal_summary(self, terminalreporter) -> None:
        """Say what was not run."""
        if self.known:
            terminalreporter.section("from memory")
            many = f"{sum(self.known.values())} tests of {len(self.known)} files passed"
            why = "before, and nothing that they reach has changed; ALL=1 runs them:"
            terminalreporter.line(f"{many} {why}")
            names = " ".join(x.removeprefix("tests/") for x in sorted(self.known))
            terminalreporter.line(names)


def file_of(test: str) -> str:
    """Return the file in a test's id."""
    return test.partition("::")[0]


def pytest_addoption(parser) -> None:
    parser.addoption(
        "--remember", action="store_true", help="leave out what passed as it is now"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start the memory where a whole run is asked for, not chosen tests."""
    chosen = (
        config.option.keyword or config.option.markexpr or config.option.collectonly
    )
    if config.option.remember and not chosen and "::" not in " ".join(config.args):
        config.pluginmanager.register(Memory(config), "memory")
