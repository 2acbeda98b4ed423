"""A tiny project in an empty folder; the project's own site, and a reader's tab."""

import fcntl
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache as remember
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent

import pytest

from pagecode import __main__
from pagecode.frameworks import FRAMEWORKS, PACKAGES, selected
from pagecode.give.export import Export, export_page
from pagecode.prove.store import held
from pagecode.prove.verify import Verifier
from pagecode.read.page import Page, read_page
from pagecode.run.record import record
from tests.served import ROOT, browse, build_strictly, host

SITE_URL = "https://book.example/"
PROVED = pytest.StashKey[str]()
PAGE = "docs/page.md"
CODE = "snippets/code.py"
TWO_TABS = """\
=== "PyTorch"

    ```python
    --8<-- "code.py:pytorch"
    ```

=== "TensorFlow"

    ```python
    --8<-- "code.py:tensorflow"
    ```
"""


@remember
def start_of(file: Path) -> float:
    """Return the line from which on a module does what it does when it is started."""
    lines = file.read_text(encoding="utf-8").splitlines()
    found = [n for n, x in enumerate(lines, 1) if x.startswith("if __name__ ")]
    return found[0] if found else float("inf")


@dataclass
class Site:
    """A project with one page and as many snippets as a test writes."""

    root: Path
    blocks: int = 0

    def write(self, path: str, text: str) -> Path:
        """Write a file under the root."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def text(self, path: str = PAGE) -> str:
        """Return a file's text."""
        return (self.root / path).read_text(encoding="utf-8")

    def add(
        self, code: str, shown: str | None = None, info: str = "", output: str = ""
    ) -> None:
        """Add a block to the page's PyTorch tab, and below it what the page shows.

        The first block's fence is line 3 of the page, its code begins at line 2 of the
        snippet, and its output at line 8 of the page.
        """
        self.blocks += 1
        if self.blocks == 1:
            self.write(PAGE, '=== "PyTorch"\n')
            self.write(CODE, "")
        name = f"s{self.blocks}"
        section = f"# --8<-- [start:{name}]\n{code}\n# --8<-- [end:{name}]\n"
        self.write(CODE, self.text(CODE) + section)
        text = f'\n```python {info}\n--8<-- "code.py:{name}"\n```\n'
        if shown is not None:
            inside = f"{shown}\n" if shown else ""
            text += f"\n```text {output}\n{inside}```\n"
        self.write(PAGE, self.text() + indent(text, "    "))

    def add_tabs(self, pytorch: str, tensorflow: str, page: str = TWO_TABS) -> None:
        """Write a page with a block in each tab, at its lines 3 and 9."""
        parts = {"pytorch": pytorch, "tensorflow": tensorflow}
        self.write(
            CODE,
            "".join(
                f"# --8<-- [start:{name}]\n{code}\n# --8<-- [end:{name}]\n"
                for name, code in parts.items()
            ),
        )
        self.write(PAGE, page)

    def page(self) -> Page:
        """Read the page."""
        return read_page(self.root / PAGE, self.root)

    def exports(self) -> list[Export]:
        """Return every file that the page hands out."""
        page, url = self.page(), SITE_URL
        return list(export_page(page, self.root, url, held(page.programs, self.root)))

    def faults(self) -> list[str]:
        """Return what is wrong with the page before anything runs."""
        return [str(fault) for fault in self.page().faults]

    def verify(self, *, use_cache: bool = False) -> dict[str, list[str]]:
        """Run the programs; return each one's errors, '' for a block that passed."""
        with Verifier(self.root, use_cache=use_cache) as verifier:
            return {
                run.program.framework: [
                    str(future.exception() or "") for future in run.results.values()
                ]
                for run in verifier.start(self.page().programs)
            }

    def errors(self) -> list[str]:
        """Run the PyTorch program and return its errors, block by block."""
        return self.verify()["pytorch"]

    def record(self) -> int:
        """Rewrite the outputs that differ; return how many did."""
        return record(self.root / PAGE, self.root)


def set_up(site: Site) -> Site:
    """Set up a project as a site that is built as this project's own."""
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    site.write("mkdocs.yml", re.sub(r"(?m)^nav:\n(?:[ \t].*\n|\n)+", "", config))
    site.write("docs/index.md", "# Home\n")
    for name in ("pagecode", "overrides", "requirements", "docs/assets"):
        (site.root / name).symlink_to(ROOT / name)
    site.write("snippets/code.py", "# --8<-- [start:a]\nx = 1\n# --8<-- [end:a]\n")
    return site


def run(monkeypatch, *words: str) -> int:
    """Run a command of pagecode in this process; return its exit status."""
    monkeypatch.setattr(sys, "argv", ["pagecode", *words])
    return __main__.main()


@pytest.fixture
def site(tmp_path: Path, monkeypatch) -> Site:
    """An empty project."""
    monkeypatch.delenv("FRAMEWORK", raising=False)  # a page here names its own
    root = tmp_path / "project"
    for folder in ("docs", "snippets"):
        (root / folder).mkdir(parents=True)
    return Site(root)


@pytest.fixture(scope="session")
def served(tmp_path_factory) -> Iterator[tuple[Path, str]]:
    """The project's own site: its folder, and its address on this machine.

    It is built for another address, by the first of the workers that needs it.
    """
    base = tmp_path_factory.getbasetemp()  # of one worker, in the folder of all
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with folder.with_suffix(".lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if not lock.read():
            build_strictly(ROOT, folder, SITE_URL)
            lock.write("built")
    with host(folder, SITE_URL) as url:
        yield folder, url


@pytest.fixture(scope="session")
def built(served) -> Path:
    """The folder of the project's own site."""
    return served[0]


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """A browser."""
    try:
        with browse() as browser:
            yield browser
    except LookupError as error:
        missing = pytest.fail if os.environ.get("BROWSER") == "1" else pytest.skip
        missing(str(error))


@contextmanager
def reading(browser, url: str, *, touch: bool = False) -> Iterator:
    """Open a reader's tab, in which nothing goes wrong and no other host is asked."""
    allowed = ["clipboard-read", "clipboard-write"]
    context = browser.new_context(base_url=url, permissions=allowed, has_touch=touch)
    asked: list[str] = []
    errors: list[str] = []

    def note(message) -> None:
        meant = "/programs/" in message.location["url"]  # what a test makes fail
        if message.type in ("error", "warning") and not meant:
            errors.append(message.text)

    context.on("request", lambda request: asked.append(request.url))
    context.set_default_timeout(30_000)
    tab = context.new_page()
    tab.on("console", note)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    context.close()
    assert [address for address in asked if not address.startswith(url)] == []
    assert errors == []


@pytest.fixture
def tab(browser, served) -> Iterator:
    """A reader's tab."""
    with reading(browser, served[1]) as tab:
        yield tab


@pytest.fixture
def phone(browser, served) -> Iterator:
    """A reader's tab on a phone: narrow, and touched."""
    with reading(browser, served[1], touch=True) as tab:
        tab.set_viewport_size({"width": 390, "height": 844})
        yield tab


# A snippet is tested where its framework is to be.
collect_ignore_glob = [
    f"*_{name}.py" for name in FRAMEWORKS.values() if name not in selected()
]


class TorchFirst:
    """Imports torch before TensorFlow, whatever asks for TensorFlow, and when.

    Imported the other way round, the two abort the process; so does triton, which torch
    imports late, where TensorFlow is already there.
    """

    def find_spec(self, name: str, *_: object) -> None:
        """Find nothing: let what is first be imported."""
        if name in PACKAGES["tensorflow"]:
            sys.meta_path.remove(self)
            for first in ("torch", "triton"):  # triton comes with CUDA
                if find_spec(first):
                    import_module(first)


sys.meta_path.insert(0, TorchFirst())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the pages first, on all cores; start the programs, and wait for them last.

    What stands between runs on one core, and would leave the others idle.
    """
    groups: dict[str, list[pytest.Item]] = {"running": [], "proofs": [], "": []}
    for item in items:
        fixtures = {*getattr(item, "fixturenames", ()), ""}
        groups[next(x for x in groups if x in fixtures)].append(item)
    pages, programs, others = groups.values()
    items[:] = pages + programs[:1] + others + programs[1:]


def pytest_report_teststatus(report) -> tuple[str, str, tuple] | None:
    """Name a failing test at once, where others are dots: a run may be broken off."""
    if not report.failed or not isinstance(report, pytest.TestReport):
        return None
    where = getattr(report.longrepr, "reprcrash", "")
    kind, word = ("failed", "FAILED") if report.when == "call" else ("error", "ERROR")
    return kind, f"\n{word} {report.nodeid}\n  {where}\n", (word, {"red": True})


def pytest_terminal_summary(terminalreporter) -> None:
    """Say which programs ran as handed out, and what did not run, and why."""
    if proved := terminalreporter.config.stash.get(PROVED, ""):
        how = (
            "with ALL=1, all of them" if not os.environ.get("ALL") else "as ALL=1 asks"
        )
        terminalreporter.line(f"{proved} run as handed out; {how}")
    why = Counter(x.longrepr[2] for x in terminalreporter.stats.get("skipped", []))
    for reason, count in why.items():
        terminalreporter.line(f"NOT RUN: {count} tests. {reason}")
