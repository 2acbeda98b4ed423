"""Each page is there as one Markdown file, and `llms.txt` lists them."""

import re
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

import pytest
from bs4 import BeautifulSoup

from pagecode.give.export import NOT_VERIFIED
from pagecode.give.parts import fence
from pagecode.give.plain import plain, summary
from pagecode.read.page import Page, read_pages
from pagecode.site.book import Book
from tests.conftest import PAGE, TWO_TABS, Site
from tests.served import build
from tests.test_site import site as small_site  # noqa: F401

READS = None  # everything: it reads all pages

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
URL = "https://book.example/sub/"
PAGES = read_pages(ROOT)


def copy(page: Page, root: Path, fill=lambda text: text) -> str:
    return plain(page, root, URL, [], fill, "<b>stamp</b>")


@pytest.fixture(scope="module")
def copies() -> dict[str, str]:
    """The copies of the project's own pages, filled in as the site's are."""
    shown = Book(ROOT)
    fills = {x.name: partial(shown.fill, page=x) for x in PAGES}
    return {x.name: copy(x, ROOT, fills[x.name]) for x in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_copy_has_every_block_and_output_in_the_pages_order(
    copies: dict[str, str], page: Page
) -> None:
    text, place = copies[page.name], 0
    outputs = set()
    for block in page.blocks:
        shown = block.shown.strip("\n")
        named = f' title="{block.file}"' if block.file else ""
        place = text.index(fence(block.language + named, shown), place)
        if block.output and id(block.output) not in outputs:
            outputs.add(id(block.output))
            assert text.index(fence("text", "\n".join(block.output.lines)), place)
    assert text.count("\n```text\n") >= len(outputs)
    fences = re.findall(r"(?m)^```(?:python|console)\b", text)
    assert len(fences) >= len(page.blocks)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_copy_leaks_no_markup_and_its_links_are_absolute(
    copies: dict[str, str], page: Page
) -> None:
    text = copies[page.name]
    bare = re.sub(r"^ *(```+).*?^ *\1", "", text, flags=re.M | re.S)
    bare = re.sub(r"(`+).+?\1", "", bare)
    assert not re.findall(r"^[ >]*(?:===|!!!|\?\?\?) .*|-8<-|<!--|@@", bare, re.M)
    links = re.findall(r"\]\(([^)\s]+)", bare)
    assert [x for x in links if not x.startswith(("https:", "http:"))] == []
    for address in re.findall(r"!\[[^]]+\]\((\S+)\)", bare):
        assert address.startswith(URL)
        assert (DOCS / address.removeprefix(URL)).exists()
    pictures = {x.path for block in page.blocks for x in block.pictures}
    assert all(text.count(f"/figures/{x.name})") in (1, 2) for x in pictures)


def test_shared_output_stands_once_below_both_blocks(site: Site) -> None:
    site.add_tabs("x = 1", "y = 2", f"{TWO_TABS}\n```text\n3\n```\n\nWords.\n")
    assert copy(site.page(), site.root).startswith(
        "**PyTorch**\n\n```python\nx = 1\n```\n\n"
        "**TensorFlow**\n\n```python\ny = 2\n```\n\n"
        "```text\n3\n```\n\nWords.\n\n---\n"
    )


def test_copy_shows_what_the_site_puts_in_places_of_comments(site: Site) -> None:
    page = "# Title\n\nIs <!-- a --> b, <!-- c -->.\n\n`<!-- a -->`\n\n"
    site.write(PAGE, f"{page}```html\n<!-- a -->\n```\n")
    shown = '<span class="x">A</span>'
    text = copy(site.page(), site.root, lambda text: text.replace("<!-- a -->", shown))
    assert text.startswith(
        "# Title\n\nIs A b, .\n\n`<!-- a -->`\n\n```html\n<!-- a -->\n```\n"
    )


def test_fence_is_longer_than_any_inside() -> None:
    assert fence("text", "````\nx") == "`````text\n````\nx\n`````"
    assert fence("text", "```") == "````text\n```\n````"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# T\n\nA b\nc. D e.\n\nF.\n", "A b c."),
        ("# T\n\n![x](y.svg)\n\nIs it? Yes.", "Is it?"),
        ("# T\n\n<p>x</p>\n\nA list:\n\n- x", "A list"),
    ],
)
def test_summary_is_the_first_sentence(text: str, said: str) -> None:
    assert summary(text) == said


def test_site_has_the_copies_and_a_list_of_them(
    small_site: Site,  # noqa: F811
    tmp_path: Path,
    monkeypatch,
) -> None:
    monkeypatch.setenv("SITE_URL", URL)
    target = tmp_path / "built"
    words = "# Some title\n\nWhat it is. More.\n\n<!-- stamp: page.md -->\n\n"
    small_site.add_tabs("x = 1", "y = 2", words + TWO_TABS)
    small_site.write("docs/models/more.md", "# More\n\nOther words: one.\n")
    (small_site.root / ".cache").unlink(missing_ok=True)
    done = build(small_site.root, target)
    assert done.returncode == 0, done.stderr

    listed = (target / "llms.txt").read_text(encoding="utf-8")
    assert listed.startswith("# Deep Learning, Verified\n\n> Deep learning models in ")
    assert f"- [Some title]({URL}page.md): What it is.\n" in listed
    assert f"\n## Models\n\n- [More]({URL}models/more.md): Other words: one." in listed
    for address in re.findall(r"\]\((\S+)\)", listed):
        assert (target / address.removeprefix(URL)).is_file()

    for name in ("index", "page/index", "models/more/index"):
        html = (target / f"{name}.html").read_text(encoding="utf-8")
        [link] = BeautifulSoup(html, "html.parser").select("link[type*=markdown]")
        assert (link["rel"], link.parent.name) == (["alternate"], "head")
        found = urljoin(f"/{name}", link["href"])
        assert found == f"/{name.removesuffix('/index')}.md"
        assert (target / found[1:]).read_text(encoding="utf-8").startswith("# ")
    text = (target / "page.md").read_text(encoding="utf-8")
    assert f"\n\n{NOT_VERIFIED}\n\n**PyTorch**" in text
    assert f"- [TensorFlow, notebook]({URL}programs/page.tensorflow.ipynb)" in text
    assert text.endswith(f"This page: {URL}page/, {NOT_VERIFIED}\n")
    script = (target / "programs/page.pytorch.py").read_text(encoding="utf-8")
    assert f" {URL}page/\n" in script
    notebook = target / "notebooks/page.pytorch/index.html"
    assert 'alternate"' not in notebook.read_text(encoding="utf-8")
