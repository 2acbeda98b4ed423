"""Includes: every line knows where it came from, and none fails unnoticed."""

from pathlib import Path

import pytest

from pagecode.read import config
from pagecode.read.includes import Fault, Includes, Line
from tests.conftest import CODE, PAGE, Site

SNIPPET = """\
import math

# --8<-- [start:model]
def area(radius):
    # --8<-- [start:body]
    return math.pi * radius**2
    # --8<-- [end:body]
# --8<-- [end:model]


if __name__ == "__main__":
    # --8<-- [start:run]
    for radius in 1, 2:
        print(area(radius))
    # --8<-- [end:run]
"""


def expand(path: Path, root: Path) -> tuple[list[Line], list[Fault]]:
    """Return a page's lines as the site sees them, and what is wrong."""
    markdown, _ = config.markdown(config.load(root))
    texts = path.read_text(encoding="utf-8").split("\n")
    page = [Line(text, path, number) for number, text in enumerate(texts, 1)]
    return Includes.replace_in(markdown, root).expand(page)


def origins(site: Site, page: str) -> list[tuple[str, str, int]]:
    """Return each line's text, file and number; the page must have no fault."""
    path = site.write(PAGE, page)
    lines, faults = expand(path, site.root)
    assert faults == []
    return [(str(x), str(x.file.relative_to(site.root)), x.number) for x in lines]


def test_line_of_the_page_knows_the_page(site: Site) -> None:
    assert origins(site, "# A\n\nb") == [
        ("# A", PAGE, 1),
        ("", PAGE, 2),
        ("b", PAGE, 3),
    ]


def test_included_line_knows_its_snippet(site: Site) -> None:
    site.write(CODE, SNIPPET)
    assert origins(site, 'a\n--8<-- "code.py:model"\nb') == [
        ("a", PAGE, 1),
        ("def area(radius):", CODE, 4),
        ("    return math.pi * radius**2", CODE, 6),
        ("b", PAGE, 3),
    ]


def test_dedented_section_knows_its_lines(site: Site) -> None:
    site.write(CODE, SNIPPET)
    assert origins(site, '--8<-- "code.py:run"') == [
        ("for radius in 1, 2:", CODE, 13),
        ("    print(area(radius))", CODE, 14),
    ]


def test_nested_section_knows_its_line(site: Site) -> None:
    site.write(CODE, SNIPPET)
    expected = [("return math.pi * radius**2", CODE, 6)]
    assert origins(site, '--8<-- "code.py:body"') == expected


def test_include_in_a_tab_is_indented_and_knows_its_lines(site: Site) -> None:
    site.write(CODE, SNIPPET)
    assert origins(site, '=== "PyTorch"\n\n    --8<-- "code.py:run"')[2:] == [
        ("    for radius in 1, 2:", CODE, 13),
        ("        print(area(radius))", CODE, 14),
    ]


def test_include_within_a_snippet_knows_its_own_file(site: Site) -> None:
    site.write(CODE, SNIPPET)
    site.write("snippets/all.md", 'above\n--8<-- "code.py:body"')
    assert origins(site, '--8<-- "all.md"') == [
        ("above", "snippets/all.md", 1),
        ("return math.pi * radius**2", CODE, 6),
    ]


def test_whole_file_can_be_included(site: Site) -> None:
    site.write("snippets/two.py", "a = 1\nb = 2")
    assert [number for *_, number in origins(site, '--8<-- "two.py"')] == [1, 2]


def test_escaped_include_stays_text_without_its_semicolon(site: Site) -> None:
    expected = [('--8<-- "code.py:run"', PAGE, 1)]
    assert origins(site, ';--8<-- "code.py:run"') == expected


FAULTY = """\
# --8<-- [start:good]
x = 1
# --8<-- [end:good]
# --8<-- [start:twice]
y = 1
# --8<-- [end:twice]
# --8<-- [start:twice]
y = 2
# --8<-- [end:twice]
# --8<-- [start:empty]
# --8<-- [end:empty]
# --8<-- [start:blank]

# --8<-- [end:blank]
"""
SOUND = FAULTY.replace("twice", "once", 2).replace("twice", "again")
LEFT_OPEN = "# --8<-- [start:open]\nx = 1\n"


@pytest.mark.parametrize(
    ("include", "named"),
    [
        pytest.param(
            '--8<-- "none.py:x"', "'none.py' could not be found", id="missing file"
        ),
        pytest.param('--8<-- "sound.py:none"', "none", id="missing section"),
        pytest.param('--8<--"sound.py:good"', "not expand", id="no blank after marker"),
        pytest.param('--8<-- "sound.py:good" ', "not expand", id="blank after quote"),
        pytest.param("--8<-- sound.py:good", "not expand", id="no quotes"),
        pytest.param("--8<--", "not expand", id="block form"),
        pytest.param("-8<-", "not expand", id="short block form"),
        pytest.param('> --8<-- "sound.py:good"', "not expand", id="in a quote"),
        pytest.param('- --8<-- "sound.py:good"', "not expand", id="in a list item"),
        pytest.param('--8<-- "sound.py:1:2"', "names lines", id="lines"),
        pytest.param('--8<-- "sound.py:2"', "names lines", id="lines from"),
        pytest.param('--8<-- "faulty.py:twice"', "2 start", id="section twice"),
        pytest.param('--8<-- "open.py:open"', "0 end", id="section never closed"),
        pytest.param('--8<-- "sound.py:empty"', "empty", id="empty section"),
        pytest.param('--8<-- "sound.py:blank"', "empty", id="section of blank lines"),
        pytest.param('--8<-- "../secret.py"', "secret.py", id="outside snippets"),
        pytest.param('--8<-- "/etc/hostname"', "hostname", id="absolute path"),
        pytest.param('--8<-- "folder"', "Is a directory", id="folder"),
        pytest.param('--8<-- "bytes.py"', "'utf-8' codec", id="no text"),
    ],
)
@pytest.mark.parametrize("space", ["", "    "], ids=["on the page", "in a tab"])
def test_faulty_include_is_named(site: Site, include: str, named: str, space: str):
    site.write("snippets/faulty.py", FAULTY)
    site.write("snippets/sound.py", SOUND)
    site.write("snippets/open.py", LEFT_OPEN)
    site.write("secret.py", "x = 1\n")
    site.write("snippets/bytes.py", "").write_bytes(b"\xff")
    (site.root / "snippets/folder").mkdir()
    path = site.write(PAGE, f'# Title\n\n=== "PyTorch"\n\n{space}{include}\n')
    _, faults = expand(path, site.root)
    assert [fault.where for fault in faults] == ["docs/page.md:5"]
    assert named in faults[0].what


def test_nothing_is_included_from_a_server(site: Site, monkeypatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("urllib.request.urlopen", asked.append)
    path = site.write(PAGE, '--8<-- "http://127.0.0.1/code.py"\n')
    _, [fault] = expand(path, site.root)
    assert (fault.where, asked) == ("docs/page.md:1", [])


def test_every_faulty_include_of_a_page_is_named(site: Site) -> None:
    path = site.write(PAGE, '--8<-- "a.py"\n\n--8<-- "b.py"\n')
    _, faults = expand(path, site.root)
    assert [fault.where for fault in faults] == ["docs/page.md:1", "docs/page.md:3"]
