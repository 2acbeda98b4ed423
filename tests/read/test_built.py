"""Pages like those that public reports tell of, built as the book is: read as shown."""

import re
from pathlib import Path
from urllib.parse import unquote

import lxml.html
import pytest

from pagecode.read.page import read_pages
from tests.conftest import Site, set_up
from tests.served import build

READS = None  # everything: it builds a site as this project's
BLOCK = '```python\n--8<-- "code.py:a"\n```\n'
TABS = "".join(
    f'=== "{x}"\n\n\t```python\n\t--8<-- "code.py:a"\n\t```\n\n' for x in "ab"
)
HIDDEN = f"<!--\n{BLOCK}-->"
PAGES = {
    "tabs-as-indent": f"# T\n\n{TABS}".replace('"a"', '"PyTorch"').replace(
        '"b"', '"TensorFlow"'
    ),
    "commented-out": f"# T\n\n{HIDDEN}\n\n{BLOCK}\n\n{HIDDEN}\n",
    "mark": f"\ufeff---\ntitle: Named\n---\n\n# T\n\n{BLOCK}",
    "lines": f"---\ntitle: Named\n---\n\n# T\n\n{BLOCK}".replace("\n", "\r\n"),
    "underlined": f"Under *lined*\n===\n\n```bash\n# no\n```\n\n{BLOCK}",
    "größe und form": f"# T\n\n{BLOCK}\n[this](<größe und form.md>)\n",
    "footnote": f"# T[^1]\n\n[^1]:\n    {BLOCK}".replace("\n```", "\n    ```")
    .replace("\n--8", "\n    --8")
    .replace("T[^1]", "T\n\nText[^1]."),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Site, Path]:
    """The project, and the folder of its site."""
    root = tmp_path_factory.mktemp("project")
    (root / "docs").mkdir()
    (root / "snippets").mkdir()
    site, folder = set_up(Site(root)), tmp_path_factory.mktemp("built")
    for name, text in PAGES.items():
        site.write(f"docs/{name}.md", "").write_bytes(text.encode())
    for path in ("docs/.#underlined.md", "docs/.#a.svg", "snippets/.#code.py"):
        (root / path).symlink_to("somebody@there.1234")  # an editor's
    done = build(root, folder, "--strict")
    assert done.returncode == 0, done.stderr
    return site, folder


@pytest.mark.parametrize("name", PAGES)
def test_page_is_read_as_it_is_built(built: tuple[Site, Path], name: str) -> None:
    site, folder = built
    page = {page.name: page for page in read_pages(site.root)}[f"{name}.md"]
    assert page.faults == ()
    place = folder / unquote(page.address) / "index.html"
    html = lxml.html.fromstring(place.read_bytes())
    title = html.find(".//title").text
    assert title.partition(" - ")[0] == page.title
    shown = html.xpath('//div[contains(@class, "language-python")]//pre/code')
    assert [x.text_content().strip() for x in shown] == [x.text for x in page.blocks]
    copy = (folder / page.name).read_text(encoding="utf-8")
    assert copy.count("```python") == len(page.blocks)
    assert copy.startswith("# ") or copy.startswith(f"{page.title}\n===")
    assert not re.search(r"title: |<!--|-->|\ufeff", copy)
