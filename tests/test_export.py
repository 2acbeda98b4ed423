"""The files that a page hands out, by their names."""

import json

import pytest

from pagecode.export import NOT_VERIFIED, dependencies, export_all, verified
from pagecode.page import read_pages
from tests.conftest import PAGE, Site
from tests.served import ROOT


def test_code_that_cannot_be_read_needs_nothing() -> None:
    assert dependencies("import numpy", ROOT).keys() == {"numpy"}
    assert dependencies("import numpy\n1 +", ROOT) == {}


def test_files_are_numbered_as_their_programs_blocks(site: Site) -> None:
    site.add("x = 1")
    site.add("print(x)")
    found = export_all([site.page()], site.root, "https://book.example/")
    assert [x.path for x in found if x.kind == "block"] == [
        "programs/page.pytorch.1.py",
        "programs/page.pytorch.2.py",
    ]
    assert [x.path for x in found if x.kind != "block"] == [
        "programs/page.pytorch.py",
        "programs/page.pytorch.ipynb",
    ]


def test_what_is_handed_out_says_what_it_is(site: Site) -> None:
    site.write("docs/index.md", "# Home\n")
    site.add("x = 1")
    site.add("print(x)\nx[5]", "1\nTypeError: ...", "raises")
    script, notebook, first, second = export_all(
        [site.page()], site.root, "https://book.example/"
    )
    assert [x.kind for x in (script, notebook)] == ["script", "notebook"]
    # A script and a notebook go on where a block fails.
    fails = [x.raises for x in (script, notebook, first, second)]
    assert fails == [False, False, False, True]
    for fact in ("Page", "This file", "Licence", "Verified"):
        assert f"- {fact}: " in "".join(json.loads(notebook.text)["cells"][0]["source"])
    assert ", block 1" in first.text.splitlines()[0]
    assert ", block 2" in second.text.splitlines()[0]


def test_two_pages_of_one_file_name_are_refused(site: Site) -> None:
    site.add("x = 1")
    site.write("docs/more/page.md", site.text(PAGE))
    pages = read_pages(site.root)
    with pytest.raises(ValueError, match=r"more/page\.md has the same"):
        export_all(pages, site.root, "https://book.example/")


def test_head_says_when_with_what_and_on_what_it_was_verified() -> None:
    stamp = {"date": "2026-11-26T10:20:30+00:00", "python": "3.11.2"}
    stamp |= {"framework": "pytorch", "versions": {"torch": "2.15.0", "keras": "3"}}
    gpu, cpu = stamp | {"device": "A100"}, stamp | {"device": "CPU"}
    said = "2026-11-26, Python 3.11.2, torch 2.15.0"
    assert verified({"A100": gpu, "CPU": cpu}) == f"{said}, CPU"
    assert verified({"A100": gpu}) == f"{said}, A100"
    assert verified({}) == NOT_VERIFIED
