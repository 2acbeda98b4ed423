"""The files that a page hands out, by their names."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import quote

import pytest

from pagecode.give.export import NOT_VERIFIED, check_stems, verified
from pagecode.read.page import read_pages
from pagecode.site.beside import write_beside
from pagecode.site.book import Book
from tests.conftest import PAGE, Site


def test_files_are_numbered_as_their_programs_blocks(site: Site) -> None:
    site.add("x = 1")
    site.add("print(x)")
    found = site.exports()
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
    script, notebook, first, second, third, fourth = site.exports()
    assert [x.kind for x in (script, notebook)] == ["script", "notebook"]
    # A script and a notebook go on where a block fails.
    fails = [x.raises for x in (script, notebook, first, second, third, fourth)]
    assert fails == [False, False, False, True, True, False]
    assert "\nx = 1\n" in script.text
    assert script.text.count("\ntry:  # this fails, and is meant to\n") == 2
    assert script.text.count("def _show_error():") == 1
    compile(script.text, "script", "exec")
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
    assert ", PyTorch, block 1\n" in first.text
    assert ", PyTorch, block 2\n" in second.text


def test_files_are_written_where_a_site_is_and_where_none_is(site: Site) -> None:
    site.add("print('é')", "é")
    book = Book(site.root, site_url="https://book.example/")
    for _ in range(2):
        write_beside(book, site.root / "a" / "site")
    found = site.exports()
    for export in found:
        assert site.text(f"a/site/{export.path}") == export.text
    listed = json.loads(site.text("a/site/programs.json"))
    assert [x["path"] for x in listed] == [x.path for x in found]
    assert [x["output"] for x in listed if x["kind"] == "script"] == [["é"]]
    keys = {"page", "framework", "kind", "path", "output", "atol", "raises"}
    assert all(set(x) == keys for x in listed)
    written = {x.name for x in (site.root / "a/site/programs").iterdir()}
    assert written == {Path(x.path).name for x in found}


def test_two_pages_of_one_file_name_are_refused(site: Site) -> None:
    site.add("x = 1")
    site.write("docs/more/page.md", site.text(PAGE))
    with pytest.raises(ValueError, match=r"more/page\.md has the same"):
        check_stems(read_pages(site.root))


def test_head_says_when_with_what_and_on_what_it_was_verified() -> None:
    stamp = {"date": "2026-11-26T10:20:30+00:00", "python": "3.11.2"}
    stamp |= {"framework": "pytorch", "versions": {"torch": "2.15.0", "keras": "3"}}
    gpu, cpu = stamp | {"device": "A100"}, stamp | {"device": "CPU"}
    said = "2026-11-26, Python 3.11.2, torch 2.15.0"
    assert verified({"A100": gpu, "CPU": cpu}) == f"{said}, CPU"
    assert verified({"A100": gpu}) == f"{said}, A100"
    assert verified({}) == NOT_VERIFIED


def texts(site: Site) -> list[str]:
    """Return the text of every program that the page hands out."""
    return [x.text for x in site.exports() if x.kind != "notebook"]


@pytest.mark.parametrize(
    "prose",
    [
        "# Positional encoding: a first look",
        "# A coding=latin-1",
        "Its vim:fileencoding: x",
        "#!/usr/bin/env python",
        "/// script\n/// script\n///",
        "    # /// script\n    # ///",
        "Two\n===",
        "\u00e9\u2026",
    ],
)
def test_prose_is_only_prose(site: Site, prose: str) -> None:
    """Neither an encoding (mypy#16064), nor metadata, as PEP 723 reads it."""
    site.add("print(1)", "1")
    site.write(PAGE, f"{prose}\n\n" + site.text())
    pattern = r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
    for text in texts(site):
        file = site.write("program.py", text)
        command = [sys.executable, file]
        done = subprocess.run(command, cwd=site.root, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("1\n", "")
        [metadata] = [x for x in re.finditer(pattern, text) if x["type"] == "script"]
        content = "\n".join(x[2:] for x in metadata["content"].splitlines())
        assert tomllib.loads(content).keys() == {"requires-python", "dependencies"}


@pytest.mark.parametrize(
    "name", ["a/b c.md", "gr\u00f6\u00dfe.md", "100%.md", "a#b?.md"]
)
def test_addresses_are_quoted_and_names_are_not(site: Site, name: str) -> None:
    site.add("print(1)", "1")
    site.write(f"docs/{name}", site.text())
    (site.root / PAGE).unlink()
    book = Book(site.root, site_url="https://book.example/")
    write_beside(book, site.root / "site")
    [page] = book.pages.values()
    for export in book.exports(page):
        assert (site.root / "site" / export.path).is_file()
        assert Path(export.path).name.startswith(Path(name).stem)
        assert f"https://book.example/{quote(export.path)}" in export.text


@pytest.mark.parametrize("other", ["Page.md", "more/page.md"])
def test_names_that_one_disk_takes_for_the_same_are_refused(
    site: Site, other: str
) -> None:
    site.add("x = 1")
    site.write(f"docs/{other}", site.text(PAGE))
    with pytest.raises(ValueError, match=r"docs/.*: docs/.* has the same file name"):
        check_stems(read_pages(site.root))
