"""The page of notation tells every symbol of the chapters, and its words in order."""

import re
from pathlib import Path

import pytest
from pymdownx.arithmatex import RE_DOLLAR_BLOCK, RE_SMART_DOLLAR_INLINE

from pagecode.give.parts import CODE_SPAN

FORMULAS = re.compile(f"{RE_DOLLAR_BLOCK}|{RE_SMART_DOLLAR_INLINE}")

DOCS = Path(__file__).parent.parent / "docs"
CHAPTERS = sorted(DOCS.glob("models/*.md"))
NOTATION = DOCS / "about/notation.md"
LAYOUT = {  # commands that place or name nothing by themselves
    *("bigl", "bigr", "Bigl", "Bigr", "frac", "qquad", "sqrt", "sum", "ldots"),
    *("approx", "cdot", "partial", "infty"),
}


def symbols(path: Path) -> set[str]:
    r"""Return the letters and commands of a page's formulas: `\mathbf{x}`, `k`."""
    found = set()
    text = CODE_SPAN.sub("", path.read_text(encoding="utf-8"))
    for match in FORMULAS.finditer(text):
        tex = match[0]
        found |= set(re.findall(r"\\mathbf\{[a-zA-Z]\}", tex))
        tex = re.sub(r"\\mathbf\{\w\}", " ", tex)
        found |= set(re.findall(r"\\[a-zA-Z]+", tex)) - {f"\\{x}" for x in LAYOUT}
        found |= set(re.findall("[a-zA-Z]", re.sub(r"\\[a-zA-Z]+", " ", tex)))
    return found


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.name)
def test_every_symbol_of_a_chapter_is_told(chapter: Path) -> None:
    assert len(symbols(chapter)) > 15
    assert symbols(chapter) - symbols(NOTATION) == set()


def test_words_are_in_order_and_each_has_its_anchor() -> None:
    text = NOTATION.read_text(encoding="utf-8").partition("\n## Words\n")[2]
    words = re.findall(r"(?m)^(\S.*) \{ #(\S+) \}\n:   ", text)
    assert len(words) == len(re.findall(r"(?m)^:   ", text)) >= 30
    for word, anchor in words:
        assert anchor == re.sub(r"\W+", "-", word.lower())
    assert words == sorted(words, key=lambda pair: pair[1])


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.name)
def test_a_chapter_links_a_handful_of_words_once(chapter: Path) -> None:
    text = chapter.read_text(encoding="utf-8")
    links = re.findall(r"\(\.\./about/notation\.md(#?[\w-]*)\)", text)
    assert "" in links
    assert 5 <= len(links) <= 12
    assert len(links) == len({*links})
