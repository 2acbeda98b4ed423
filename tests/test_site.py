"""The built site shows exactly the blocks that run, and asks no other host."""

import json
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from textwrap import indent
from urllib.parse import unquote, urljoin

import pytest
from latex2mathml.converter import convert

from pagecode.read.page import Page, read_pages
from pagecode.site.hook import inline_pictures, mathml, show_notebook
from tests.conftest import PAGE, Site
from tests.served import ROOT, build

PAGES = read_pages(ROOT)
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"}
VOID |= {"source", "track", "wbr"}
FETCHING = {  # attributes that let a browser ask for a file as it opens the page
    "script": ("src",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
    "link": ("href",),
}
LINKS = {"href", "xlink:href", "src", "data", "poster", "action", "formaction", "cite"}
NOT_FETCHED = {"canonical", "prev", "next", "alternate", "license", "edit"}


class Html(HTMLParser):
    """Reads a built page: its Python blocks, what it fetches, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, set[str]]] = []
        self.blocks: list[str] = []
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(html)

    def python(self) -> bool:
        """Whether this place is within code that is marked as Python."""
        tags = [tag for tag, _ in self.open]
        if "pre" not in tags or "code" not in tags:
            return False
        around = self.open[max(tags.index("pre") - 2, 0) :]
        marks = {name for _, names in around for name in names}
        return any(re.fullmatch(r"(lang\w*-)?\W?\w*py\w*", name) for name in marks)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids += [values["id"]] if "id" in values else []
        self.links += [
            value
            for name, value in values.items()
            if name in LINKS or name.startswith("data-program-")
        ]
        self.links += re.findall(r"(?:^|,)\s*([^\s,]+)", values.get("srcset", ""))
        if not NOT_FETCHED & set(values.get("rel", "").split()):
            found = (values.get(name, "") for name in FETCHING.get(tag, ()))
            self.fetched += [address for address in found if address]
        self.fetched += re.findall(r"url\(([^)]*)\)", values.get("style", ""))
        if tag in VOID:
            return
        self.open.append((tag, set(values.get("class", "").split())))
        if tag == "code" and self.python():
            self.blocks.append("")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.text += data
        tags = [tag for tag, _ in self.open]
        if "style" in tags:
            self.fetched += re.findall(r"url\(([^)]*)\)|@import ([^;]*)", data)
        if "code" in tags and self.python():
            self.blocks[-1] += data


def pages_of(folder: Path) -> Iterator[tuple[str, Html]]:
    """Yield every built page."""
    for path in sorted(folder.rglob("*.html")):
        yield str(path.relative_to(folder)), Html(path.read_text(encoding="utf-8"))


def text_of(folder: Path, page: Page) -> str:
    """Return the text of a page's HTML."""
    name = page.name.removesuffix(".md").removesuffix("index")
    return (folder / name / "index.html").read_text(encoding="utf-8")


def html_of(folder: Path, page: Page) -> Html:
    """Return the built page of a page."""
    return Html(text_of(folder, page))


def found_by_search(folder: Path) -> list[str]:
    """Return where the search leads, by its index."""
    index = json.loads((folder / "search/search_index.json").read_text("utf-8"))
    return [x["location"] for x in index["docs"]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_shows_exactly_the_blocks_that_run(built: Path, page: Page) -> None:
    ran = {block for program in page.programs for block in program.blocks}
    expected = [block.text.strip("\n") for block in page.blocks if block in ran]
    assert len(expected) == len(page.blocks)
    assert [text.strip("\n") for text in html_of(built, page).blocks] == expected


def test_every_page_is_built(built: Path) -> None:
    notebooks = sum(len(page.programs) for page in PAGES)
    pages = len(PAGES) + notebooks + 1  # 404.html
    assert pages == sum(1 for _ in built.rglob("*.html"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_include_reaches_the_reader(built: Path, page: Page) -> None:
    source = page.path.read_text(encoding="utf-8")
    escaped = [  # shown on purpose
        line.strip().replace(";-", "-")
        for line in re.findall(r"(?m)^.*;-+8<-.*$", source)
    ]
    lines = html_of(built, page).text.splitlines()
    assert [x.strip() for x in lines if re.match(r"\W*8<-", x)] == escaped


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_picture_is_drawn_in_the_page_with_its_words(
    built: Path, page: Page
) -> None:
    source = page.path.read_text(encoding="utf-8")
    told = re.findall(r"!\[([^]]+)]\([^)]*\.svg\)", source)
    html = text_of(built, page)
    drawn = re.findall(r'<svg class="figure" role="img" aria-label="([^"]+)" ', html)
    assert list(map(unescape, drawn)) == told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_button_says_whether_its_program_fails(built: Path, page: Page) -> None:
    html = text_of(built, page)
    found = re.findall(r'title="Copy the program that (\w+) ', html)
    assert found == ["fails" if x.raises else "runs" for x in page.blocks]
    marked = re.findall(r'id="__block_\d+"( data-raises)? data-program-', html)
    assert [bool(x) for x in marked] == [x.raises for x in page.blocks]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_copy_buttons_name_blocks_that_are_there(built: Path, page: Page) -> None:
    html = text_of(built, page)
    named = re.findall(r'data-clipboard-target="#(\w+) code"', html)
    assert named == [x for x in Html(html).ids if x.startswith("__block_")]


def test_picture_that_is_not_there_stays_a_link(tmp_path: Path) -> None:
    html = '<p><img alt="x" src="../figures/none.svg" /></p>'
    assert inline_pictures(html, tmp_path) == html


def test_formulas_are_set_in_pages_and_in_notebooks() -> None:
    line, block = convert("x < 1"), convert("x < 1", display="block")
    marked = (
        r'<span class="arithmatex">\({0}\)</span><div class="arithmatex">\[{0}\]</div>'
    )
    assert mathml(marked.format("x &lt; 1")) == line + block
    shown = show_notebook("<p>$x &lt; 1$</p><pre>$y$</pre>$$x &lt; 1$$", "x.ipynb")
    assert shown.endswith(f"<p>{line}</p><pre>$y$</pre>{block}")


def test_no_page_asks_another_host(built: Path) -> None:
    fetched = [(name, str(x)) for name, html in pages_of(built) for x in html.fetched]
    assert len(fetched) > len(PAGES)
    elsewhere = re.compile(r"(?!data:)(.*\W)?(https?:)?//")
    assert [x for x in fetched if elsewhere.match(x[1])] == []


def test_no_style_asks_another_host(built: Path) -> None:
    styles = list(built.rglob("*.css"))
    assert styles
    for path in styles:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"url\(\s*[\"']?(https?:)?//", text), path.name
        assert not re.search(r"@import\s+(url\()?[\"']?(https?:)?//", text), path.name


def test_every_link_and_fragment_resolves(built: Path, served) -> None:
    """Those of raw HTML, notebooks, search and sitemap too; no other host is asked."""
    pages = dict(pages_of(built))
    links = [
        (name, urljoin(served[1] + name.removesuffix("index.html"), link))
        for name, html in pages.items()
        for link in html.links
    ]
    links += [("search", served[1] + x) for x in found_by_search(built)]
    sitemap = (built / "sitemap.xml").read_text("utf-8")
    links += [("sitemap", x) for x in re.findall(r"<loc>(.*?)</loc>", sitemap)]
    assert {"index.html", "404.html", "search", "sitemap"} < {name for name, _ in links}
    dead = []
    for name, link in links:
        address, _, fragment = link.partition("#")
        if not address.startswith(served[1]):
            sound = re.match(r"https://[\w.-]+\.\w+(/|$)|mailto:|data:", link)
        else:
            path = unquote(address.removeprefix(served[1]).partition("?")[0])
            path += "index.html" if path.endswith("/") or not path else ""
            sound = (built / path).is_file()
            if fragment and path in pages:
                sound = sound and unquote(fragment) in pages[path].ids
        if not sound:
            dead.append((name, link))
    assert dead == []


def test_search_finds_pages_and_no_notebooks(built: Path) -> None:
    tops = {x.partition("/")[0] for x in found_by_search(built)}
    assert {"models", "compare"} < tops
    assert "notebooks" not in tops


def test_no_page_has_an_id_twice(built: Path) -> None:
    for name, html in pages_of(built):
        assert len(html.ids) == len({*html.ids}), name


def set_up(site: Site) -> Site:
    """Set up a project as a site that is built as this project's own."""
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    site.write("mkdocs.yml", re.sub(r"(?m)^nav:\n(?:[ \t].*\n|\n)+", "", config))
    for path in ROOT.iterdir():  # the hook, and what else the configuration names
        if path.is_dir() and path.name not in {"docs", "snippets", "data", "site"}:
            (site.root / path.name).symlink_to(path)
    site.write("docs/index.md", "# Home\n")
    site.write("snippets/code.py", "# --8<-- [start:a]\nx = 1\n# --8<-- [end:a]\n")
    return site


NOTEBOOK = """{"cells": [{"cell_type": "code", "id": "a", "execution_count": 1,
"metadata": {}, "source": ["1 / 0"], "outputs": [{"output_type": "error",
"ename": "ZeroDivisionError", "evalue": "division by zero", "traceback": ["boom"]}]}],
"metadata": {}, "nbformat": 4, "nbformat_minor": 5}"""


@pytest.fixture
def site(site: Site) -> Site:
    """A small site, set up as the project's own."""
    return set_up(site)


SOUND = '# Title\n\n```python\n--8<-- "code.py:a"\n```\n'


def test_small_site_is_built(site: Site, tmp_path: Path) -> None:
    """What the next tests add is what stops the build."""
    site.write(PAGE, SOUND)
    done = build(site.root, tmp_path / "built", "--strict")
    assert done.returncode == 0, done.stderr
    html = Html((tmp_path / "built/page/index.html").read_text())
    assert html.blocks == ["x = 1\n"]


def test_each_button_has_its_own_blocks_program(site: Site, tmp_path: Path) -> None:
    first = '```Python\n--8<-- "code.py:a"\n```\n'  # another name of the language
    site.write(PAGE, f'# Title\n\n=== "PyTorch"\n\n{indent(first + SOUND[9:], "    ")}')
    done = build(site.root, tmp_path / "built")
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "built/page/index.html").read_text()
    found = re.findall(r'data-program-pytorch="\.\./programs/page\.(.*?)\.py"', html)
    assert found == ["pytorch.1", "pytorch.2"]


@pytest.mark.parametrize(
    ("added", "where"),
    [
        pytest.param('--8<-- "code.py:a" ', ":7", id="include that stays literal"),
        pytest.param('--8<-- "code.py:none"', ":7", id="unknown section"),
        pytest.param("```python\ny = 2\n```", ":8", id="typed code"),
        pytest.param('=== "JAX"\n\n    ```py\n    x\n    ```', ":9", id="another tab"),
        pytest.param("```text\n1\n```\n\n```text\n1\n```", ":11", id="orphaned output"),
        pytest.param(
            '<pre><code class="language-python">y = 2</code></pre>', "", id="raw HTML"
        ),
        pytest.param(
            '<pre><code class="language-pycon">y = 2</code></pre>', "", id="raw console"
        ),
    ],
)
def test_faulty_page_stops_the_build(
    site: Site, tmp_path: Path, added: str, where: str
) -> None:
    site.write(PAGE, f"{SOUND}\n{added}\n")
    done = build(site.root, tmp_path / "built")
    assert done.returncode != 0
    assert f"docs/page.md{where}: " in done.stdout + done.stderr
    assert not (tmp_path / "built/page").exists()


def test_block_that_reads_otherwise_in_the_html_stops_the_build(
    site: Site, tmp_path: Path
) -> None:
    raw = '<pre><code class="language-python">y = 2</code></pre>\n\n'
    site.write(PAGE, raw + SOUND)
    done = build(site.root, tmp_path / "built")
    assert done.returncode != 0
    assert "docs/page.md:5: " in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "nav", "text", "told"),
    [
        pytest.param(
            "docs/lost.md",
            "  - index.md\n  - page.md\n",
            "# Lost\n",
            "lost.md",
            id="nav",
        ),
        pytest.param(
            "docs/index.md", "", "[dead](none.md)\n", "'none.md'", id="dead link"
        ),
        pytest.param(
            "docs/index.md", "", "[dead](page.md#none)\n", "#none", id="dead anchor"
        ),
        pytest.param("docs/index.md", "", "![](none.svg)\n", "none.svg", id="picture"),
        pytest.param(
            "docs/hand.ipynb", "", NOTEBOOK, "docs/hand.ipynb: ", id="notebook"
        ),
    ],
)
def test_what_leads_nowhere_stops_the_strict_build(
    site: Site, tmp_path: Path, name: str, nav: str, text: str, told: str
) -> None:
    """A page not in the navigation, a dead link, a notebook that nothing runs."""
    site.write(PAGE, SOUND)
    config = site.text("mkdocs.yml") + (f"nav:\n{nav}" if nav else "")
    site.write("mkdocs.yml", config)
    site.write(name, text)
    done = build(site.root, tmp_path / "built", "--strict")
    assert done.returncode != 0
    assert told in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        pytest.param(
            PAGE,
            f"{SOUND}\n<!-- measured: none here -->\n",
            "docs/page.md:7: docs/compare/measured/none.json was never measured",
            id="table that is not there",
        ),
        pytest.param(
            "docs/prose.md",
            "# Title\n\n<!-- measured: none here -->\n",
            "docs/prose.md:3: docs/compare/measured/none.json was never measured",
            id="table that is not there, in a page without programs",
        ),
        pytest.param(
            "docs/models/page.md",
            SOUND,
            "docs/page.md: docs/models/page.md has the same file name",
            id="two pages whose programs would share a name",
        ),
    ],
)
def test_fault_of_what_is_made_for_a_page_is_told_without_a_traceback(
    site: Site, tmp_path: Path, name: str, text: str, told: str
) -> None:
    site.write(PAGE, SOUND)
    site.write(name, text)
    done = build(site.root, tmp_path / "built")
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
