"""The files that a page hands out, by their names."""

import json

import pytest

from pagecode.give.export import (
    NOT_VERIFIED,
    dependencies,
    export_all,
    verified,
    write_all,
)
from pagecode.read.page import read_pages
from tests.conftest import PAGE, Site
from tests.served import ROOT


def test_code_that_cannot_be_read_needs_nothing() -> None:
    assert dependencies("import numpy", ROOT).keys() == {"numpy"}
    assert dependencies("from numpy import linalg", ROOT).keys() == {"numpy"}
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
    site.add("print(x", "SyntaxError: ...", "raises")
    site.add("print(id(x))", "7", output="varies")
    script, notebook, first, second, third, fourth = export_all(
        [site.page()], site.root, "https://book.example/"
    )
    assert [x.kind for x in (script, notebook)] == ["script", "notebook"]
    # A script and a notebook go on where a block fails.
    fails = [x.raises for x in (script, notebook, first, second, third, fourth)]
    assert fails == [False, False, False, True, True, False]
    assert "\nx = 1\n" in script.text
    assert script.text.count("\ntry:  # this fails, and is meant to\n") == 2
    assert "\n    print(x)\n    x[5]\nexcept Exception as error:\n" in script.text
    assert "\n    exec('print(x')\nexcept Exception as error:\n" in script.text
    meant = ["It fails as the" in x.text for x in (first, second, third, fourth)]
    assert meant == [False, True, True, False]
    # None stands for what varies, or what is needed prints.
    assert script.output == ["1", "TypeError: ...", "SyntaxError: ...", None]
    assert second.output == [None, "1", "TypeError: ..."]
    assert fourth.output == [None]
    assert "\n# Licence: MIT (code), CC BY 4.0 (prose)\n" in script.text
    assert "\n# Licence: MIT\n" in first.text
    for fact in ("Page", "This file", "Licence", "Verified"):
        assert f"- {fact}: " in "".join(json.loads(notebook.text)["cells"][0]["source"])
    assert ", block 1" in first.text.splitlines()[0]
    assert ", block 2" in second.text.splitlines()[0]


def test_files_are_written_where_a_site_is_and_where_none_is(site: Site) -> None:
    site.add("print('é')", "é")
    found = export_all([site.page()], site.root, "https://book.example/")
    for _ in range(2):
        write_all(found, site.root / "a" / "site")
    for export in found:
        assert site.text(f"a/site/{export.path}") == export.text
    listed = json.loads(site.text("a/site/programs.json"))
    assert [x["path"] for x in listed] == [x.path for x in found]
    assert [x["output"] for x in listed if x["kind"] == "script"] == [["é"]]


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
