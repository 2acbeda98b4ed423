"""The blocks of pages as Sybil's examples, which pytest collects: `pytest docs/x.md`.

    docs/models/x.md::line:57 pytorch

The programs of the chosen examples run side by side, and each example waits for its
block. FRAMEWORK leaves out the other framework's, SHARD=2/4 all but the second share of
four; ALL=1 runs also what has passed as it is now. A page with faults is one example,
which fails and tells them.
"""

import os
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import pytest
from sybil import Document, Example, Region, Sybil
from sybil.integration.pytest import SybilItem

from pagecode.prove.shard import mine
from pagecode.prove.verify import Verifier, report
from pagecode.read.page import Page, Program, programs_to_run, read_pages
from pagecode.run.process import Failure
from pagecode.run.runner import Run

PAGES = pytest.StashKey["Pages"]()


class Pages(Sybil):
    """A project's pages, their examples, and the runs of the programs chosen."""

    def __init__(self, root: Path) -> None:
        # Only lines are counted here, whatever the bytes: what is wrong is a fault.
        super().__init__([self.regions], fixtures=["running"], encoding="latin-1")
        self.root, self.pytest_collect_file = root, self.pytest()
        self.collected: list[Page] = []
        self.runs: dict[Program, Run] = {}

    @cached_property
    def pages(self) -> dict[Path, Page]:
        """The pages, read once."""
        try:
            return {page.path: page for page in read_pages(self.root)}
        except ValueError as error:  # in mkdocs.yml
            raise pytest.Collector.CollectError(str(error)) from error

    @cached_property
    def chosen(self) -> list[Program]:
        """The programs that are run here: of FRAMEWORK, and of SHARD."""
        return mine(programs_to_run([*self.pages.values()]))

    def should_parse(self, path: Path) -> bool:
        """Whether the site has this page."""
        return path.is_relative_to(self.root / "docs") and path in self.pages

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Look into folders with pages whatever their names are: `build`, `.github`."""
        if not collection_path.is_relative_to(self.root / "docs"):
            return None
        inside = any(x.is_relative_to(collection_path) for x in self.pages)
        return False if inside else None

    def identify(self, example: Example) -> str:
        """Name an example by its line, and its framework."""
        if isinstance(example.parsed, Page):
            return f"line:{example.line} faults"
        program, block = example.parsed
        file, _, line = block.where.rpartition(":")
        here = file == f"docs/{program.page.name}"
        return f"{'line' if here else file}:{line} {program.framework}"

    def regions(self, document: Document) -> Iterator[Region]:
        """Yield a page's faults, or else each program's blocks: a parser for Sybil."""
        page = self.pages[Path(document.path)]
        self.collected.append(page)
        lines = document.text.split("\n")

        def start(where: str) -> int:
            file, _, line = where.rpartition(":")
            here = file == f"docs/{page.name}"  # or in a page that it includes
            return sum(len(x) + 1 for x in lines[: int(line) - 1]) if here else 0

        if page.faults:
            at = start(page.faults[0].where)
            yield Region(at, at, page, self.evaluate)
            return
        for program in reversed(page.programs):  # Sybil turns what begins alike around
            if program in self.chosen:
                for block in program.blocks:
                    at = start(block.where)
                    yield Region(at, at, (program, block), self.evaluate)

    def evaluate(self, example: Example) -> str | None:
        """Wait for an example's block; say what is wrong with it."""
        if isinstance(example.parsed, Page):
            return "\n".join(map(str, example.parsed.faults))
        program, block = example.parsed
        run: Run = example.namespace["running"](program)
        error = run.results[block].exception()
        if error and not isinstance(error, Failure):
            raise error
        return str(error) if error else None


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Iterator[Callable[[Program], Run]]:
    """Run the chosen examples' programs side by side; return what finds a run.

    A worker of pytest-xdist starts a program when one of its examples is the next.
    """
    pages = request.config.stash[PAGES]
    items = [x for x in request.session.items if isinstance(x, SybilItem)]
    parsed = [x.example.parsed for x in items]
    wanted = dict.fromkeys(x[0] for x in parsed if not isinstance(x, Page))
    with Verifier(pages.root, use_cache=not os.environ.get("ALL")) as verifier:

        def start(programs: list[Program]) -> None:
            pages.runs |= {run.program: run for run in verifier.start(programs)}

        def find(program: Program) -> Run:
            if program not in pages.runs:
                start([program])
            return pages.runs[program]

        if not hasattr(request.config, "workerinput"):
            start(list(wanted))
        yield find


def pytest_configure(config: pytest.Config) -> None:
    """Collect pages; keep a page's examples on one worker where there are several."""
    pages = config.stash[PAGES] = Pages(config.rootpath)
    config.pluginmanager.register(pages, "pages")
    if getattr(config.option, "dist", "") == "load":
        config.option.dist = "loadfile"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say of each program what ran, on what, and what was compared."""
    pages = config.stash[PAGES]
    if pages.runs:
        terminalreporter.section("pages")
    for run in pages.runs.values():
        terminalreporter.line(report(run))
    known = [x for page in pages.collected for x in page.programs]
    if left_out := [x.name for x in known if x not in pages.chosen]:
        choices = {x: os.environ.get(x) for x in ("FRAMEWORK", "SHARD")}
        why = " and ".join(f"{x}={y}" for x, y in choices.items() if y)
        terminalreporter.line(
            f"NOT RUN, for {why}: {', '.join(left_out)}, "
            "and what else belongs to another framework or shard"
        )
