"""SVGs are drawn into the page, where its colours reach them; others stay links."""

import re
from html import unescape
from pathlib import Path

import lxml.html
import pytest

from pagecode.site.beside import HEAVY, IN_DARK, write_beside
from pagecode.site.book import Book
from pagecode.site.extension import draw_pictures
from tests.conftest import PAGE, Site, set_up
from tests.served import ROOT, build

SVG = '<?xml version="1.0"?>\n<svg viewBox="0 0 1 1"><a id="x" href="#x"/></svg>'


@pytest.fixture
def book(site: Site) -> Book:
    set_up(site)
    for path in ("docs/other/a b.svg", "docs/figures/c.svg"):
        site.write(path, SVG)
    return Book(site.root)


@pytest.mark.parametrize(
    "image",
    [
        '<img alt="A" src="../other/a%20b.svg">',
        '<img src="/other/a%20b.svg" alt="A" />',
        '<img alt="A" src="http://127.0.0.1:8000/other/a%20b.svg">',
        '<img alt="A" src="./../other/../figures/c.svg">',
    ],
)
def test_address_is_resolved_as_a_browser_would(book: Book, image: str) -> None:
    drawn = draw_pictures(f"<p>{image}</p>{image}", "page/", book)
    assert drawn.count('<svg class="figure" role="img" aria-label="A" viewBox') == 2
    assert 'id="figure-1-x" href="#figure-1-x"' in drawn
    assert 'id="figure-2-x" href="#figure-2-x"' in drawn
    assert "<img" not in drawn
    assert "<?xml" not in drawn


@pytest.mark.parametrize(
    "image",
    [
        '<img alt="A" src="../none.svg">',
        '<img alt="A" src="../../other/a.svg">',
        '<img alt="A" src="https://x.org/figures/c.svg">',
        '<img alt="A" src="../figures/c.png">',
    ],
)
def test_other_pictures_stay_links(book: Book, image: str) -> None:
    assert draw_pictures(image, "page/", book) == image


def test_words_and_dress_are_kept(book: Book) -> None:
    image = '<img alt="a &quot;b&quot; &lt;c" class="x" style="width: 9em" src="{}">'
    drawn = draw_pictures(image.format("../figures/c.svg"), "page/", book)
    assert 'class="figure x" role="img" aria-label="a &quot;b&quot; &lt;c"' in drawn
    assert ' style="width: 9em"' in drawn
    decorative = draw_pictures('<img alt="" src="../figures/c.svg">', "page/", book)
    assert '<svg class="figure" aria-hidden="true"' in decorative


def test_heavy_pictures_stay_files_for_light_and_for_dark(book: Book) -> None:
    svg = f'<svg viewBox="0 0 60.5 20"><text>{HEAVY * "x"}</text></svg>'
    (book.root / "docs/figures/d.svg").write_text(svg)
    image = '<img alt="A &amp; B" class="x" src="../figures/d.svg">'
    html = lxml.html.fragment_fromstring(draw_pictures(image, "page/", book), "p")
    light, dark = html.findall("img")
    both = {"alt": "A & B", "class": "figure x", "width": "60", "height": "20"}
    for found in (light, dark):
        assert both.items() <= dict(found.attrib).items()
    assert light.get("src") == "../figures/d.svg#only-light"
    assert dark.get("src") == "../figures/d.dark.svg#only-dark"
    assert (light.get("loading"), dark.get("loading")) == ("eager", "lazy")
    whole = f"{book.config.site_url}figures/d.svg"  # as a notebook's page has it
    drawn = draw_pictures(f'<img alt="" src="{whole}">', "notebooks/x/", book)
    assert 'src="../../figures/d.svg#only-light"' in drawn
    later = draw_pictures(2 * image, "page/", book)
    assert (later.count('"eager"'), later.count('"lazy"')) == (1, 3)
    write_beside(book, book.root / "site")
    written = {x.name for x in (book.root / "site").rglob("*.svg")}
    assert written == {"d.dark.svg"}
    dark_svg = (book.root / "site/figures/d.dark.svg").read_text()
    colour, ground = re.findall(r"#\w{6}", IN_DARK)
    assert dark_svg.startswith(f'<svg style="color: {colour}; ')
    style = (ROOT / "docs/assets/site.css").read_text()
    dark = re.findall(r'(?s)\[data-md-color-scheme="slate"][^{]*{(.*?)\n}', style)
    assert f"--md-default-fg-color: {colour};" in "".join(dark)
    assert f"--md-default-bg-color: {ground};" in "".join(dark)


NAME = "größe und form"
URL = "https://book.example/"


def test_names_of_any_letters_have_links_that_work(site: Site, tmp_path: Path) -> None:
    """After mkdocs#1670."""
    set_up(site)
    code = '```python\n--8<-- "code.py:a"\n```\n'
    links = f"[a](<{NAME}.md>) [b](index.md#home) <!-- stamp: {NAME}.md -->"
    site.write(f"docs/{NAME}.md", f"# Form\n\nIt: {links}\n\n{code}")
    site.write("docs/index.md", f"# Home\n\n[to](<{NAME}.md#form>)\n")
    site.write(PAGE, f"# Page\n\n{code}")
    nav = f"nav:\n  - index.md\n  - page.md\n  - {NAME}.md\n"
    site.write("mkdocs.yml", site.text("mkdocs.yml") + nav)
    done = build(site.root, tmp_path / "built", "--strict", url=URL)
    assert done.returncode == 0, done.stderr

    quoted = "gr%C3%B6%C3%9Fe%20und%20form"
    html = (tmp_path / f"built/{NAME}/index.html").read_text(encoding="utf-8")
    links = set(re.findall(r'(?:href|data-program-\w+)="([^"]*)"', html))
    assert f"../{quoted}.md" in links  # its copy
    assert f"../programs/{quoted}.pytorch.1.py" in links
    assert f"../notebooks/{quoted}.pytorch/" in links
    assert not any(re.search(r"[\s\x80-\uffff]", unescape(x)) for x in links)
    copy = (tmp_path / f"built/{NAME}.md").read_text(encoding="utf-8")
    assert f"It: [a]({URL}{quoted}/) [b]({URL}#home) not verified" in copy
    assert f"({URL}programs/{quoted}.pytorch.py)" in copy
    assert "<!--" not in copy
    listed = (tmp_path / "built/llms.txt").read_text(encoding="utf-8")
    places = [listed.index(f"({URL}{x}.md)") for x in ("index", "page", quoted)]
    assert places == sorted(places)
    script = (tmp_path / f"built/programs/{NAME}.pytorch.py").read_text("utf-8")
    assert f"# Page: {URL}{quoted}/\n" in script
    assert f"# This file: {URL}programs/{quoted}.pytorch.py\n" in script
