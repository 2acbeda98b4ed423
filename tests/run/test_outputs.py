"""Whatever a block prints, its page shows it so, or it is refused and not written."""

import tempfile
from pathlib import Path
from textwrap import indent

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from pagecode.read import config
from pagecode.read.page import Page, read_page
from pagecode.run.judge import Mismatch, is_seen, judge
from pagecode.run.process import Failure, Result
from pagecode.run.record import check, rewritten
from tests.conftest import CODE, PAGE, Site

READS = ["pagecode", "mkdocs.yml", "snippets/rosetta"]  # what the site's Markdown reads

FENCES = '```python\n--8<-- "code.py:a"\n```\n\n{0}text\n{0}\n'
TAB = '=== "PyTorch"\n\n'
AROUND = {  # where an output may be: what is above it, and its indent
    "page": ("", 0),
    "tab": (TAB, 4),
    "tab in a tab": ('=== "Short"\n\n' + indent(TAB, "    "), 8),
    "item of a list": ("1.  Run it:\n\n", 4),
    "item in a tab": (f"{TAB}    - Run it:\n\n", 8),
    "admonition": ("!!! note\n\n", 4),
    "solution": ('??? success "Solution"\n\n', 4),
    "below a title": ("# Title\n\nProse.\n\n", 0),
}
NASTY = [
    *("```", "````", "~~~", "```python", "~~~ text", "    ```", "> ```", "`", "``x``"),
    *('--8<-- "code.py:a"', ';--8<-- "none.py"', "--8<--", ";;--8<--", '-8<- "x"'),
    *("# --8<-- [start:a]", "  --8<-- [end:a]", ";--8<-- [start:a] --8<-- [end:a]"),
    *('=== "PyTorch"', "!!! note", "??? x", "# Title", "===", "---", "- a", "1. a"),
    *("[a](b.md)", "![a](figures/page-1.svg)", "[^1]: note", "*[HTML]: x", "| a | b |"),
    *(
        "<b>bold</b>",
        "<!-- x -->",
        "-->",
        "<script>",
        "</code></pre>",
        "&lt;&amp;",
        "&",
    ),
    *("$x$", "\\(x\\)", "{: .a }", "{{ x }}", "@@7@@", "wzxhzdk:0", "klzzwxh:0001"),
    *("\ta\tb", "a\t", "   a", "a   ", "", " ", "a\r\nb", "x" * 5000, "a\\", "\\"),
    *("größe ✓ 🎉", "\u00a0", "a\u200bb", "\ufeff", "\u202eabc", "e\u0301", "\ufffd"),
    *("\x1b[1mgreen\x1b[0m", "10%\r20%", "\x0c", "\x0b", "\x00", "\x02", "\x7f"),
    *("\x85", "\u2028", "\u2029", "\ud800", "\udcff", "\ufdd0", "\uffff", "\x1c"),
]
TEXT = st.lists(st.sampled_from(NASTY) | st.text(max_size=20), max_size=6)


def lay(root: Path, around: str, fence: str = "```", ends: str = "\n") -> Page:
    """Write a page with one block and its output, still empty; read it."""
    for folder in ("docs", "snippets"):
        (root / folder).mkdir(exist_ok=True)
    (root / CODE).write_text("# --8<-- [start:a]\nx = 1\n# --8<-- [end:a]\n")
    above, depth = AROUND[around]
    text = f"{above}{indent(FENCES.format(fence), ' ' * depth)}\nProse.\n"
    (root / PAGE).write_bytes(text.replace("\n", ends).encode())
    return read_page(root / PAGE, root)


def shown(page: Path, root: Path) -> list[str]:
    """Return the lines that the site shows as the page's last block."""
    markdown, _ = config.markdown(config.load(root))
    markdown.preprocessors["snippet"].base_path = [str(root / "snippets")]
    html = BeautifulSoup(markdown.convert(page.read_text("utf-8-sig")), "html.parser")
    *_, last = html(class_="language-text")
    return last.code.get_text().removesuffix("\n").split("\n")


@settings(deadline=None)
@given(TEXT, st.sampled_from([*AROUND]), st.sampled_from(["```", "~~~", "`````"]))
def test_what_is_recorded_is_verified_and_shown(printed, around, fence) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        page = lay(root, around, fence)
        result = Result("\n".join(printed), None, [], [], 1, [], [(0, "x.py", 1)])
        [block] = page.blocks
        assert block.output
        try:
            judge(block, result, page.programs[0], root)
        except Mismatch:
            pass
        except Failure:
            assert not all(map(is_seen, "".join(result.lines))) or not result.lines
            return
        outputs = [(block.output, result.lines)]
        content = rewritten((root / PAGE).read_bytes(), outputs)
        check(page, content, outputs, root)
        (root / PAGE).write_bytes(content)
        page = read_page(root / PAGE, root)
        judge(page.blocks[0], result, page.programs[0], root)
        assert [x.rstrip() for x in shown(page.path, root)] == [
            x.rstrip() for x in result.lines
        ]


PRINTED = [
    "```python\nx = 1\n```",
    "~~~~\n````\n```",
    '--8<-- "code.py:a"\n;--8<-- "none.py"',
    "# --8<-- [start:x]\n--8<--",
    "\n\n  first\n\n\nlast  \n\n",
    "a\tb\n\tc",
    '=== "PyTorch"\n\n    a\n\n!!! note\n\n    b',
]


@pytest.mark.parametrize("printed", PRINTED)
@pytest.mark.parametrize("raises", ["", "raises"])
def test_what_markdown_would_take_for_its_own_is_recorded(
    site: Site, printed: str, raises: str
) -> None:
    code = f"print({printed.replace('<', '%')!r}.replace('%', '<'))"  # no marker there
    site.add(code + ("\n1 / 0" if raises else ""), "", raises)
    site.add("print('after')", "after")
    assert site.record() == 1
    assert site.errors() == ["", ""]
    before = site.text()
    assert site.record() == 0
    assert site.text() == before


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("print('\\x1b[1mgreen\\x1b[0m text')", r"'\\x1b'.*\n.*code\.py:5"),
        ("print('a')\nprint('10%\\r20%')", r"'\\r'.*\n.*code\.py:6"),
        ("print('\\n\\n')\nprint('a\\x00')", r"'\\x00'.*\n.*code\.py:6"),
        ("import sys\n_ = sys.stdout.buffer.write(b'\\xff')", r"'\\udcff'"),
        ("print('a\\u2028b')", r"'\\u2028'"),
        ("print('--8<-- none')", r"'--8<-- none'|does not expand"),
    ],
)
@pytest.mark.parametrize("output", ["", "varies"])
def test_what_no_page_can_show_is_refused_before_it_is_written(
    site: Site, code: str, named: str, output: str
) -> None:
    site.add("print('new')", "old")
    site.add(code, "", output=output)
    before = site.text()
    with pytest.raises(Failure, match=named):
        site.record()
    assert site.text() == before
