"""The built site shows exactly the blocks that run, and asks no other host."""

import json
import re
from html import unescape
from pathlib import Path
from textwrap import indent
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from pagecode.read.page import Page, read_pages
from tests.conftest import PAGE, SITE_URL, Site, set_up
from tests.served import ROOT, build

PAGES = read_pages(ROOT)


def text_of(folder: Path, page: Page) -> str:
    """Return the text of a page's HTML."""
    return (folder / unquote(page.address) / "index.html").read_text(encoding="utf-8")


def blocks_of(html: str) -> list[str]:
    """Return the blocks that run of a page's HTML, read in another way than ours."""
    shown = (
        r'<div class="language-(?:py|Py|console)[^>]*>.*?<code[^>]*>(.*?)</code></pre>'
    )
    found = re.findall(shown, html, re.DOTALL)
    return [unescape(re.sub("<[^>]*>", "", x)).strip("\n") for x in found]


def found_by_search(folder: Path) -> list[str]:
    """Return where the search leads, by its index."""
    index = json.loads((folder / "search/search_index.json").read_text("utf-8"))
    return [x["location"] for x in index["docs"]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_shows_exactly_the_blocks_that_run(built: Path, page: Page) -> None:
    ran = {block for program in page.programs for block in program.blocks}
    shown = {block: block.shown.strip("\n") for block in page.blocks}
    expected = [shown[block] for block in page.blocks if block in ran]
    assert len(expected) == len(page.blocks)
    assert blocks_of(text_of(built, page)) == expected


def test_every_page_is_built(built: Path) -> None:
    notebooks = sum(len(page.programs) for page in PAGES)
    pages = len(PAGES) + notebooks + 1  # 404.html
    assert pages == sum(1 for _ in built.rglob("*.html"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_picture_is_drawn_in_the_page_with_its_words(
    built: Path, page: Page
) -> None:
    source = page.path.read_text(encoding="utf-8")
    told = re.findall(r"!\[([^]]+)]\([^)]*\.svg\)", source)
    html = text_of(built, page)
    drawn = [
        x.get("aria-label") or x.get("alt")
        for x in BeautifulSoup(html, "html.parser").select(
            "svg.figure[role=img], img.figure[src$='#only-light']"
        )
    ]
    assert drawn == told
    for name in re.findall(r'src="([^"#]+)#only-\w+"', html):  # a heavy one's two files
        assert (built / page.address / unquote(name)).is_file()


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
    shown = re.findall(r'<div class="language-(\S+) [^>]*id="(__block_\d+)"', html)
    assert [x for _, x in shown] == re.findall(r'id="(__block_\d+)"', html)
    commands = [x for language, x in shown if language == "console"]
    assert named == [x for _, x in shown if x not in commands]
    assert html.count("data-clipboard-text=") == len(commands)  # without their prompts


def test_search_and_sitemap_lead_to_what_is_there(built: Path) -> None:
    locations = found_by_search(built)
    sitemap = (built / "sitemap.xml").read_text("utf-8")
    listed = re.findall(r"<loc>(.*?)</loc>", sitemap)
    locations += [x.removeprefix(SITE_URL) for x in listed]
    assert len(listed) >= len(PAGES)
    for location in locations:
        path, _, anchor = location.partition("#")
        html = (built / unquote(path) / "index.html").read_text(encoding="utf-8")
        assert f'id="{anchor}"' in html or not anchor


def test_notebooks_are_read_from_their_page_and_found_nowhere_else(built: Path) -> None:
    assert {"models", "compare"} < {x.partition("/")[0] for x in found_by_search(built)}
    assert not any("notebooks/" in x for x in found_by_search(built))
    page = next(page for page in PAGES if page.name.startswith("models/"))
    menu, _, text = text_of(built, page).partition("<article")
    assert "notebooks/" not in menu
    for program in page.programs:
        assert f'notebooks/{page.stem}.{program.framework}/">' in text


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
    html = (tmp_path / "built/page/index.html").read_text()
    assert blocks_of(html) == ["x = 1"]


def test_headings_of_a_notebook_are_linked(site: Site, tmp_path: Path) -> None:
    """With code in them, too, and where two are alike."""
    twice = "## The `fit` *method*\n\nText.\n\n"
    site.write(PAGE, f"# On `x` & `y`\n\n{twice}{twice}{SOUND[9:]}")
    done = build(site.root, tmp_path / "built", "--strict")
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "built/notebooks/page.pytorch/index.html").read_text()
    for place in ("on-x-y", "the-fit-method", "the-fit-method_1"):
        assert html.count(f'id="{place}"') == 1
        assert f'href="#{place}"' in html


def test_request_that_is_shown_as_code_needs_no_answer(
    site: Site, tmp_path: Path
) -> None:
    asked = "<!-- measured: none here -->"
    site.write("docs/other.md", f"# Other\n\n`{asked}`\n\n```html\n{asked}\n```\n")
    done = build(site.root, tmp_path / "built", "--strict")
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "built/other/index.html").read_text()
    assert html.count("measured: none here") == 2


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
            '<pre><code class="language-python">y = 2</code></pre>', ":7", id="raw HTML"
        ),
        pytest.param(
            '<pre><code class="language-pycon">y = 2</code></pre>',
            ":7",
            id="raw console",
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
    assert "docs/page.md:1: " in done.stdout + done.stderr


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
            "docs/page.md:7: docs/page/measured/none.json was never measured",
            id="table that is not there",
        ),
        pytest.param(
            "docs/prose.md",
            "# Title\n\n<!-- measured: none here -->\n",
            "docs/prose.md:3: docs/prose/measured/none.json was never measured",
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
