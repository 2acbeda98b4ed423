"""The first page tells how long a chapter is to read: by its words and its code."""

import re
from pathlib import Path

import pytest

from pagecode.read.page import Page, read_pages

ROOT = Path(__file__).parent.parent
HOME = (ROOT / "docs/index.md").read_text("utf-8")
CARD = re.compile(
    r"\*\*\[[^]]+\]\((models/[\w-]+\.md)\)\*\*(?:(?!\*\*\[).)*?Reading: (\d+) minutes",
    re.DOTALL,
)
TOLD = dict(CARD.findall(HOME))
FENCE = re.compile(r"^ *(`{3,}).*?^ *\1`*$", re.DOTALL | re.MULTILINE)
WORDS, LINES = 200, 30  # read in a minute: of prose; of code, one framework's


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    """All pages by their names."""
    return {x.name: x for x in read_pages(ROOT)}


@pytest.mark.parametrize("name", TOLD)
def test_home_tells_how_long_a_chapter_is_to_read(pages, name: str) -> None:
    page = pages[name]
    prose = FENCE.sub("", page.path.read_text("utf-8"))
    program = page.programs[0]
    lines = sum(len(block.text.splitlines()) for block in program.blocks)
    minutes = len(prose.split()) / WORDS + lines / LINES
    assert abs(minutes - int(TOLD[name])) <= 5, f"about {minutes:.0f} minutes"


def test_home_tells_it_of_every_chapter(pages) -> None:
    assert {*TOLD} == {x for x in pages if x.startswith("models/")}
