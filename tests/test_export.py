"""The files that a page hands out, by their names."""

from pagecode.export import dependencies, export_all
from tests.conftest import Site
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
    assert ", block 1" in first.text.splitlines()[0]
    assert ", block 2" in second.text.splitlines()[0]
