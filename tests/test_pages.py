"""The project's own pages: no page has a fault, every block does what its page shows.

ALL=1 runs every program, also those that nothing has changed since they passed;
FRAMEWORK leaves out the other framework's.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pagecode.frameworks import selected
from pagecode.prove.verify import Verifier
from pagecode.read.page import Block, Page, Program, read_pages
from pagecode.run.process import Failure
from pagecode.run.runner import Run
from tests.conftest import LEFT_OUT, VERIFIED

ROOT = Path(__file__).parent.parent
PAGES = read_pages(ROOT)
PROGRAMS = [program for page in PAGES for program in page.programs]
BLOCKS = [
    pytest.param(program, block, id=f"{program.name}:{block.where.rpartition(':')[2]}")
    for program in PROGRAMS
    if program.framework in selected()
    for block in program.blocks
]


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Iterator[dict[Program, Run]]:
    """Run the chosen tests' programs side by side; the tests wait for their blocks."""
    params = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = {x.params["program"] for x in params if x and "program" in x.params}
    chosen = [program for program in PROGRAMS if program in wanted]
    request.config.stash[LEFT_OUT] = [
        x.name for x in PROGRAMS if x.framework not in selected()
    ]
    with Verifier(ROOT, use_cache=not os.environ.get("ALL")) as verifier:
        runs = verifier.start(chosen)
        request.config.stash[VERIFIED] = runs  # the summary reports on them
        yield {run.program: run for run in runs}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_has_no_fault(page: Page) -> None:
    faults = "\n".join(str(fault) for fault in page.faults)
    assert not faults, f"\n{faults}"


def test_every_block_belongs_to_a_program() -> None:
    run = {block for program in PROGRAMS for block in program.blocks}
    assert run == {block for page in PAGES for block in page.blocks}
    assert run


@pytest.mark.parametrize(("program", "block"), BLOCKS)
def test_block_does_what_the_page_shows(
    running: dict[Program, Run], program: Program, block: Block
) -> None:
    failure = None
    try:
        running[program].results[block].result()
    except Failure as raised:
        failure = str(raised)
    if failure:
        pytest.fail(failure, pytrace=False)
