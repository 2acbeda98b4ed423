"""While somebody writes, the pages that changed are built; they come out as anew."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import TWO_TABS, Site, set_up
from tests.served import ROOT, build

URL = "http://127.0.0.1:8000/"
SERVE = """
import logging, os, sys
from pathlib import Path
from mkdocs.commands.build import build
from mkdocs.config import load_config

logging.basicConfig(format="%(message)s", level=logging.INFO)
for number, edit in enumerate(["", *sys.argv[2:]]):
    if edit:
        exec(edit)
    config = load_config(site_dir=sys.argv[1], site_url=os.environ["SITE_URL"])
    if not number:
        config.plugins.on_startup(command="serve", dirty=True)
    build(config, serve_url=config.site_url, dirty=True)
"""


def change(name: str, old: str, new: str) -> str:
    """Return the program that changes a file of the project."""
    path = f"Path({name!r})"
    return f"{path}.write_text({path}.read_text().replace({old!r}, {new!r}))"


@pytest.fixture
def site(site: Site) -> Site:
    """A site of three pages, one of them with programs, a figure and a formula."""
    set_up(site)
    words = "# Some title\n\nOne $x^2$ word.\n\n## Part $y$\n\n![A line](a.svg)\n\n"
    site.add_tabs("x = 1", "y = 2", words + TWO_TABS)
    site.write("docs/a.svg", '<svg xmlns="http://www.w3.org/2000/svg" id="a"/>')
    site.write("docs/other.md", "# Other\n\nSee [it](page.md#some-title).\n")
    return site


def serve(site: Site, target: Path, *edits: str) -> list[str]:
    """Build as `mkdocs serve` does, once, and after each edit; return what it tells."""
    done = subprocess.run(
        [sys.executable, "-c", SERVE, target, *edits],
        cwd=site.root,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "SITE_URL": URL},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "inaccurate navigation" not in done.stderr
    lines = done.stderr.splitlines()
    return [x.partition(" in ")[0] for x in lines if x.startswith("pagecode: built ")]


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, but for the one that holds a time."""
    files = (x for x in folder.rglob("*") if x.is_file() and x.suffix != ".gz")
    return {str(x.relative_to(folder)): x.read_bytes() for x in files}


NOTEBOOKS = "notebooks/page.pytorch.ipynb, notebooks/page.tensorflow.ipynb"


def test_only_what_changed_is_built_and_all_is_as_if_built_from_nothing(
    site: Site, tmp_path: Path
) -> None:
    told = serve(
        site,
        tmp_path / "served",
        "pass",
        change("docs/page.md", "One", "Another"),
        change("docs/other.md", "See", "Read"),
        change("snippets/code.py", "x = 1", "x = 3"),
        change("docs/a.svg", 'id="a"', 'id="b"'),
        change("docs/other.md", "# Other", "# New"),
    )
    assert told == [
        "pagecode: built 5 pages",
        "pagecode: built nothing",
        f"pagecode: built page.md, {NOTEBOOKS}",
        "pagecode: built other.md",
        "pagecode: built page.md, notebooks/page.pytorch.ipynb",
        "pagecode: built page.md",
        "pagecode: built 5 pages",  # their navigation has the title
    ]
    done = build(site.root, tmp_path / "again", url=URL)  # from what is remembered
    assert done.returncode == 0, done.stderr
    for path in (site.root / ".cache/site").rglob("*.json"):
        path.unlink()
    done = build(site.root, tmp_path / "anew", url=URL)
    assert done.returncode == 0, done.stderr
    anew = tree(tmp_path / "anew")
    assert {"page/index.html", "search/search_index.json", "llms.txt"} < anew.keys()
    assert tree(tmp_path / "again") == anew
    assert tree(tmp_path / "served") == anew


def test_a_page_that_is_gone_is_found_no_more(site: Site, tmp_path: Path) -> None:
    serve(site, tmp_path / "served", "Path('docs/other.md').unlink()")
    index = (tmp_path / "served/search/search_index.json").read_text(encoding="utf-8")
    assert '"page/' in index
    assert "other" not in index


def test_builds_at_once_share_no_notebook(site: Site, tmp_path: Path) -> None:
    urls = [URL, URL.replace("8000", "9000")]
    with ThreadPoolExecutor(2) as pool:
        folders = [tmp_path / "one", tmp_path / "two"]
        builds = [
            pool.submit(build, site.root, folder, "--strict", url=url)
            for folder, url in zip(folders, urls, strict=True)
        ]
    for folder, done, other in zip(folders, builds, reversed(urls), strict=True):
        assert done.result().returncode == 0, done.result().stderr
        found = list(folder.glob("notebooks/*/index.html"))
        assert len(found) == 2
        assert not any(other in x.read_text("utf-8") for x in found)
    assert not list(site.root.glob(".cache/**/*.ipynb"))
