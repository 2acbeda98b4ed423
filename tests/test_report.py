"""Where a repository is configured, a reader can report a block and edit a page."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup

from pagecode.give.export import NOT_VERIFIED
from pagecode.site.report import QUESTION
from tests.conftest import TWO_TABS, Site
from tests.served import build
from tests.test_site import site as small_site  # noqa: F401

REPOSITORY = "https://code.example/owner/name"
PAGES = ("index.html", "page/index.html", "notebooks/page.pytorch/index.html")


@pytest.fixture
def pages(small_site: Site, tmp_path: Path, monkeypatch):  # noqa: F811
    """Build a small site; return its pages by name."""
    target = tmp_path / "built"
    (small_site.root / ".cache").unlink(missing_ok=True)
    small_site.add_tabs("print('a & b')", "print('a & b')", f"# Title\n\n{TWO_TABS}")

    def pages(repository: str) -> dict[str, BeautifulSoup]:
        monkeypatch.setenv("REPOSITORY", repository)
        monkeypatch.setenv("NOTEBOOKS", repository and "owner/name/blob/notebooks")
        monkeypatch.setenv("SITE_URL", "https://book.example/")
        done = build(small_site.root, target)
        assert done.returncode == 0, done.stderr
        read = {name: (target / name).read_text(encoding="utf-8") for name in PAGES}
        return {x: BeautifulSoup(html, "html.parser") for x, html in read.items()}

    return pages


def test_report_of_a_block_says_which_and_with_what_it_was_verified(pages) -> None:
    found = pages(REPOSITORY + "/")["page/index.html"].select(".highlight a.report")
    assert [link.text for link in found] == ["Report"] * 2
    for link, (name, line, number) in zip(
        found, [("pytorch", 5, 2), ("tensorflow", 11, 5)], strict=True
    ):
        address = urlsplit(link["href"])
        assert address.geturl().startswith(f"{REPOSITORY}/issues/new?")
        asked = parse_qs(address.query)
        assert asked["title"] == [f"Block at docs/page.md:{line}"]
        assert asked["body"][0].splitlines() == [
            f"Page: https://book.example/page/ (docs/page.md:{line})",
            f"Code: snippets/code.py:{number}",
            f"Verified, programs/page.{name}.1.py: {NOT_VERIFIED}",
            "",
            QUESTION,
        ]


def test_a_written_page_can_be_edited_and_github_is_not_asked(pages) -> None:
    built = pages(REPOSITORY)
    edits = {name: html.select("a[rel=edit]") for name, html in built.items()}
    assert {name: [x["href"] for x in found] for name, found in edits.items()} == {
        "index.html": [f"{REPOSITORY}/edit/main/docs/index.md"],
        "page/index.html": [f"{REPOSITORY}/edit/main/docs/page.md"],
        "notebooks/page.pytorch/index.html": [],
    }
    for html in built.values():  # Material would ask for the stars of this
        assert html.select("[data-md-component=source]") == []


def test_a_notebook_can_be_opened_in_colab_and_kaggle(pages) -> None:
    html = pages(REPOSITORY)["page/index.html"]
    for name, start in {
        "Colab": "https://colab.research.google.com/github/",
        "Kaggle": "https://www.kaggle.com/kernels/welcome?src=https://github.com/",
    }.items():
        links = html.find_all("a", string=f"open in {name}")
        assert [x["href"] for x in links] == [
            f"{start}owner/name/blob/notebooks/page.{framework}.ipynb"
            for framework in ("pytorch", "tensorflow")
        ]


def test_a_page_can_be_reported_and_asked_about(pages) -> None:
    html = pages(REPOSITORY + "/")
    links = {x.text: x["href"] for x in html["page/index.html"].select(".talk a")}
    assert {x: y.partition("?")[0] for x, y in links.items()} == {
        "Report a mistake on this page": f"{REPOSITORY}/issues/new",
        "Ask about it": f"{REPOSITORY}/discussions/new",
    }
    for address in links.values():
        assert parse_qs(urlsplit(address).query)["title"] == ["docs/page.md: Title"]
    assert html["notebooks/page.pytorch/index.html"].select(".talk") == []


def test_without_a_repository_there_is_nothing_to_click(pages) -> None:
    for html in pages("").values():
        assert not re.search("olab|aggle", html.find("article").text)
        assert html.select("a.report, a[rel=edit], .talk") == []
        assert not re.search(r"(issues|discussions)/new|/edit/", unescape(str(html)))
