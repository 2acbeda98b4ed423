"""What is read of a page is what MkDocs shows of it, whatever the page is made of.

Random pages are rendered by MkDocs itself, with the extensions of mkdocs.yml, and read
by us: the same blocks and outputs in the same order under the same tabs, or a fault.
"""

import os
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from mkdocs.config.base import load_config
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page as Shown

from pagecode.frameworks import FRAMEWORKS
from pagecode.read.page import Page, read_page
from tests.served import ROOT

SNIPPETS = {
    "a": "x = 1\nprint('a', x)",
    "b": "def f():\n\n    return 2\n\n\nprint(f())",
    "c": "text = 'one\ttwo'  # --> <!-- ``` ~~~ ![x](y)",
    "d": "for _ in range(2):\n\tprint('''\n   \n```\n''')",
}
INFOS = ["python", "py", "{ .python }", 'python title="x y"', "python raises"]
LABELS = [[*FRAMEWORKS]] * 9 + [[x] for x in FRAMEWORKS] * 2 + [["PyTorch"] * 2]
LABELS += [["**PyTorch**", "TensorFlow"], ["`PyTorch`"], ["JAX", "PyTorch"]]
TITLES = ["# One *two* `three`", "One & two\n=========", "# A { #b .c }", "# [a](#a) ^"]


def indented(unit: str):
    return lambda lines: [unit + x if x else x for x in lines]


spaces = st.sampled_from(["    "] * 6 + ["\t"] * 3 + ["  ", "   "])
fences = st.sampled_from(["```", "~~~", "````"])


@st.composite
def code(draw) -> list[str]:
    """Return a block, now and then with an output."""
    fence, info = draw(fences), draw(st.sampled_from(INFOS * 5 + ["pycon"]))
    names = draw(st.lists(st.sampled_from([*SNIPPETS]), min_size=1, max_size=2))
    includes = [f'--8<-- "code.py:{name}"' for name in names]
    typed = draw(st.sampled_from([[""]] * 30 + [["typed = 1"]]))
    between = draw(st.sampled_from([[""]] * 9 + [[], ["<!-- x -->"], ["And prints"]]))
    below = draw(st.sampled_from([[], [*between, *draw(output())]]))
    return [fence + info, *includes, *typed, fence, *below]


@st.composite
def output(draw) -> list[str]:
    """Return an output."""
    fence, info = draw(fences), draw(st.sampled_from(["text", "text", "text atol=1"]))
    inside = st.sampled_from(
        ["1", "  two", "", "<b>", "a\tb", ";--8<--", "# x", "=== y"]
    )
    return [fence + info, *draw(st.lists(inside, max_size=3)), fence]


PROSE = [
    "Prose.",
    "Prose\nof two lines.",
    "## Heading",
    "---",
    "$$x$$",
    "<!-- hidden -->",
]
PROSE += ["<br>", "1. one\n2. two", "| a | b |\n|---|---|\n| 1 | 2 |", "Term\n:   Text"]
PROSE += ["Note[^1]", "[^1]: A note.", "```bash\nls\n```", "![x](y.svg)", "    # x"]
PROSE += [
    "`![x](figures/x.svg)`",
    "<pre>\n# x\n</pre>",
    "*[HTML]: y",
    "\\",
    "`` ``` ``",
]
ODD = [
    "```python",
    "~~~",
    "<p>raw",
    "<!--",
    "-->",
    "</div>",
    "<script>",
    "```text\n1\n```",
]
prose = st.sampled_from(PROSE * 3 + ODD).map(str.splitlines)


def around(inside):
    """Return what holds other pieces, each a blank line apart, or none."""

    @st.composite
    def held(draw) -> list[str]:
        lines: list[str] = []
        for piece in draw(st.lists(inside, min_size=1, max_size=3)):
            lines += [*piece, *draw(st.sampled_from([[""], [""], [""], []]))]
        kind = draw(st.sampled_from(["tab", "tab", "tab", "note", "comment", "raw"]))
        kind = draw(st.sampled_from([kind] * 5 + ["item", "footnote", "quote", "div"]))
        indent = indented(draw(spaces))
        if kind == "tab":
            found = []
            for label in draw(st.sampled_from(LABELS)):
                sign = draw(st.sampled_from(["==="] * 6 + ["===!", "===+"]))
                found += [f'{sign} "{label}"', "", *indent(lines), ""]
            return found
        heads = {"note": '!!! note "A"', "item": "- item", "footnote": "[^1]:"}
        if kind in heads:
            return [heads[kind], "", *indent(lines)]
        if kind == "comment":
            return ["<!--", *lines, "-->"]
        if kind == "quote":
            return [f"> {x}" for x in lines]
        opening = "<div>" if kind == "raw" else "<div markdown>"
        return [opening, "", *lines, "", "</div>"]

    return held()


pieces = st.recursive(code() | prose, around, max_leaves=6)


@st.composite
def pages(draw) -> bytes:
    heads = ["", "", "---\ntitle: Named\n---", "---\nhide: [toc]\n---", "Author: A"]
    lines = [*draw(st.sampled_from(heads)).splitlines(), ""]
    lines += [*draw(st.sampled_from(["", "", *TITLES])).splitlines(), ""]
    for piece in draw(st.lists(pieces, min_size=1, max_size=5)):
        lines += [*piece, *draw(st.sampled_from([[""], [""], [""], []]))]
    mark = draw(st.sampled_from(["", "", "\ufeff"]))
    return (mark + draw(st.sampled_from(["\n", "\r\n"])).join(lines)).encode()


class Site:
    """A page in a folder, as MkDocs shows it and as we read it."""

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, root / "docs" / "page.md"
        (root / "snippets").mkdir()
        (root / "docs").mkdir()
        (root / "snippets" / "code.py").write_text(
            "".join(
                f"# --8<-- [start:{name}]\n{text}\n# --8<-- [end:{name}]\n"
                for name, text in SNIPPETS.items()
            )
        )
        text = (ROOT / "mkdocs.yml").read_text()
        text = re.sub(r"(?ms)^(plugins|hooks|nav|theme):.*?(?=^\w)", "", text)
        text = re.sub(r"(?m)^  - pagecode\..*", "", text)  # MkDocs as it comes
        (root / "mkdocs.yml").write_text(text + "\nplugins: []\n")
        self.config = load_config(str(root / "mkdocs.yml"))
        options = self.config.mdx_configs["pymdownx.snippets"]
        options["base_path"] = [str(root / "snippets")]  # else where MkDocs is called

    def show(self) -> tuple[str, BeautifulSoup]:
        """Return the page's title, and its HTML."""
        docs, place = str(self.root / "docs"), str(self.root / "site")
        page = Shown(None, File("page.md", docs, place, True), self.config)
        page.read_source(self.config)
        page.render(self.config, Files([]))
        return page.title, BeautifulSoup(page.content, "html.parser")

    def read(self) -> Page:
        """Return the page as we read it."""
        return read_page(self.path, self.root)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Site:
    return Site(tmp_path_factory.mktemp("shown"))


def tabs_of(tag) -> list[str]:
    """Return the labels of the tabs that an element is in, the outermost first."""
    labels = []
    for tab in tag.find_parents(class_="tabbed-block"):
        beside = tab.parent.find_all(class_="tabbed-block", recursive=False)
        number = [x is tab for x in beside].index(True)
        heads = tab.parent.find_previous_sibling(class_="tabbed-labels")
        labels.insert(0, heads.find_all("label")[number].get_text())
    return labels


def shown(html: BeautifulSoup, *languages: str) -> list[tuple[str, list[str]]]:
    """Return the blocks of a language that are shown: their text, and their tabs."""
    found = html.select(", ".join(f"div.language-{x}.highlight" for x in languages))
    return [(x.find("code").get_text().strip("\n"), tabs_of(x)) for x in found]


@settings(
    max_examples=int(os.environ.get("EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(text=pages())
def test_what_is_read_is_what_is_shown(site: Site, text: bytes) -> None:
    site.path.write_bytes(text)
    page = site.read()
    for fault in page.faults:
        assert fault.place[0] in ("docs/page.md", "snippets/code.py")
        assert 1 <= fault.place[1] <= text.count(b"\n") + 1
        event(re.sub(r"'.*?'|:.*", "", fault.what))
    event("with faults" if page.faults else f"{min(len(page.blocks), 4)} blocks")
    if page.faults:
        return
    title, html = site.show()
    expected = [
        (code, next((FRAMEWORKS[x] for x in labels if x in FRAMEWORKS), None))
        for code, labels in shown(html, "python", "py")
    ]
    assert [(x.text.strip("\n"), x.framework) for x in page.blocks] == expected
    outputs = {id(x.output): x.output for x in page.blocks if x.output}.values()
    texts = iter([text for text, _ in shown(html, "text")])  # also of no language
    assert all("\n".join(x.lines).strip("\n") in texts for x in outputs)
    assert len(outputs) == sum(x.language == "text" for x in page.fences if x.part)
    if title != "Page":  # which MkDocs makes of the file's name
        assert page.title == BeautifulSoup(title, "html.parser").get_text()
