"""The project's own pages: no page has a fault, every block does what its page shows.

ALL=1 runs every program, also those that nothing has changed since they passed;
FRAMEWORK leaves out the other framework's.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Example

from pagecode.page import Page, frameworks, read_pages
from pagecode.verify import Failure, Verifier
from tests.conftest import LEFT_OUT, VERIFIED

ROOT = Path(__file__).parent.parent
PAGES = read_pages(ROOT)
PROGRAMS = [program for page in PAGES for program in page.programs()]
EXAMPLES = [
    pytest.param(
        example, id=f"{program.name}:{example.parsed.where.rpartition(':')[2]}"
    )
    for program in PROGRAMS
    if program.framework in frameworks()
    for example in program.examples()
]


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the chosen tests' programs side by side; the tests wait for their blocks."""
    params = [getattr(item, "callspec", None) for item in request.session.items]
    examples = [
        spec.params["example"] for spec in params if spec and "example" in spec.params
    ]
    documents = {example.document for example in examples}
    chosen = [program for program in PROGRAMS if program in documents]
    request.config.stash[LEFT_OUT] = [
        x.name for x in PROGRAMS if x.framework not in frameworks()
    ]
    request.config.stash[VERIFIED] = chosen  # the summary reports on them
    with Verifier(ROOT, use_cache=not os.environ.get("ALL")) as verifier:
        verifier.start(chosen)
        yield


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_has_no_fault(page: Page) -> None:
    faults = "\n".join(str(fault) for fault in page.faults)
    assert not faults, f"\n{faults}"


def test_every_block_belongs_to_a_program() -> None:
    run = {block for program in PROGRAMS for block in program.blocks}
    assert run == {block for page in PAGES for block in page.blocks}
    assert run


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("example", EXAMPLES)
def test_block_does_what_the_page_shows(example: Example) -> None:
    failure = None
    try:
        example.evaluate()
    except Failure as raised:
        failure = str(raised)
    if failure:
        pytest.fail(failure, pytrace=False)
