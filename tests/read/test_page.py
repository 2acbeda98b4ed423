"""A page's blocks, the outputs that belong to them, and the programs they make."""

from textwrap import indent

import pytest
from mkdocs.structure.files import File

from pagecode.read.page import read_pages
from tests.conftest import PAGE, Site, run
from tests.served import ROOT

OURS = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
A = '--8<-- "code.py:a"'
B = '--8<-- "code.py:b"'
SNIPPET = """\
# --8<-- [start:a]
x = 1
# --8<-- [end:a]
# --8<-- [start:b]
y = 2
# --8<-- [end:b]
# --8<-- [start:deep]
def f():
    return 3
# --8<-- [end:deep]
"""


@pytest.fixture
def site(site: Site) -> Site:
    site.write("snippets/code.py", SNIPPET)
    return site


def lay(site: Site, page: str) -> Site:
    """Write the page; `A` and `B` alone on a line stand for a whole block."""
    lines = []
    for line in page.split("\n"):
        word = line.strip()
        space = line[: len(line) - len(word)]
        block = {"A": ["```python", A, "```"], "B": ["```python", B, "```"]}
        lines += [space + part for part in block.get(word, [word])]
    site.write(PAGE, "\n".join(lines))
    return site


def programs(site: Site) -> dict[str, list[str]]:
    """Return each program's code, block by block; the page must have no fault."""
    assert site.faults() == []
    return {
        program.framework: [block.text for block in program.blocks]
        for program in site.page().programs
    }


def outputs(site: Site) -> list[list[str] | None]:
    """Return what is shown below each block; the page must have no fault."""
    assert site.faults() == []
    return [block.output and list(block.output.lines) for block in site.page().blocks]


@pytest.mark.parametrize(
    "info",
    [
        "python",
        "py",
        "python3",
        "py3",
        "Python",
        " python",
        ".python",
        "{ .python }",
        "{.python}",
        "{ .py }",
        "{ .python title='x' }",
        'python title="two words"',
        'python hl_lines="1 2"',
        'python linenums="1"',
        'python title="a" hl_lines="1" linenums="1"',
    ],
)
@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_every_form_of_python_fence_is_a_block(site: Site, info: str, fence: str):
    site.write(PAGE, f"{fence}{info}\n{A}\n{fence}\n")
    assert programs(site) == {"pytorch": ["x = 1"], "tensorflow": ["x = 1"]}


@pytest.mark.parametrize(
    "around",
    [
        "!!! note",
        "??? note",
        '???+ note "Title"',
        "- item",
        "1. item",
        '<div markdown="1">\n\n<p>x</p>\n</div>\n\n!!! note',
    ],
)
def test_nested_block_is_a_block(site: Site, around: str) -> None:
    site.write(PAGE, f'{around}\n\n    ```python\n    --8<-- "code.py:deep"\n    ```\n')
    assert programs(site)["pytorch"] == ["def f():\n    return 3"]


def test_block_in_a_tab_in_an_admonition_is_a_block(site: Site) -> None:
    site.write(
        PAGE,
        '!!! note\n\n    === "TensorFlow"\n\n        ```python\n'
        '        --8<-- "code.py:deep"\n        ```\n',
    )
    assert programs(site) == {"tensorflow": ["def f():\n    return 3"]}


def test_include_in_a_block_in_a_quote_is_refused(site: Site) -> None:
    site.write(PAGE, f"> ```python\n> {A}\n> ```\n")
    assert any(fault.startswith("docs/page.md:2: ") for fault in site.faults())


@pytest.mark.parametrize("language", ["pycon", "python2", "py2", "pytb", "py3tb"])
def test_other_kind_of_python_is_refused(site: Site, language: str) -> None:
    site.write(PAGE, f"# Title\n\n```{language}\n{A}\n```\n")
    [fault] = site.faults()
    assert fault.startswith(f"docs/page.md:3: '{language}'")


@pytest.mark.parametrize("language", ["", "bash", "text", "yaml", "nolanguage"])
def test_other_language_is_no_block(site: Site, language: str) -> None:
    site.write(PAGE, f"```python\n{A}\n```\n\n```{language}\nls\n```\n")
    assert len(site.page().blocks) == 1


def test_tabs_split_a_page_by_framework(site: Site) -> None:
    lay(site, '=== "PyTorch"\n\n    A\n\n=== "TensorFlow"\n\n    B\n')
    assert programs(site) == {"pytorch": ["x = 1"], "tensorflow": ["y = 2"]}


def test_block_outside_the_tabs_belongs_to_both_programs(site: Site) -> None:
    lay(site, 'A\n\n=== "PyTorch"\n\n    A\n\n=== "TensorFlow"\n\n    B\n\nB\n')
    assert programs(site) == {
        "pytorch": ["x = 1", "x = 1", "y = 2"],
        "tensorflow": ["x = 1", "y = 2", "y = 2"],
    }


def test_page_with_one_frameworks_tabs_has_one_program(site: Site) -> None:
    lay(site, 'A\n\n=== "TensorFlow"\n\n    B\n')
    assert programs(site) == {"tensorflow": ["x = 1", "y = 2"]}


def test_block_that_needs_both_makes_the_page_one_program(site: Site) -> None:
    tabs = '=== "PyTorch"\n\n    A\n\n=== "TensorFlow"\n\n    B\n\n'
    lay(site, f"{tabs}```python both\n{A}\n```\n")
    assert programs(site) == {"both": ["x = 1", "y = 2", "x = 1"]}


def test_block_that_needs_both_stands_outside_tabs(site: Site) -> None:
    site.write(PAGE, f'=== "PyTorch"\n\n    ```python both\n    {A}\n    ```\n')
    assert site.faults() == [
        "docs/page.md:3: a block that needs both frameworks stands outside tabs"
    ]


def test_faults_are_told_in_the_pages_order(site: Site) -> None:
    picture, wrong = "![A](figures/page-1.svg)", '=== "JAX"\n\n    A\n'
    lay(site, f"Above\n\n{picture}\n\n{wrong}\n{wrong.replace('JAX', 'Flax')}")
    lines = [int(x.split(":")[1]) for x in site.faults()]
    assert lines == [3, 7, 13]


def test_page_without_blocks_has_no_program(site: Site) -> None:
    lay(site, "# Prose\n")
    assert programs(site) == {}


def test_block_less_indented_than_a_tabs_content_is_outside(site: Site) -> None:
    site.write(PAGE, f'=== "PyTorch"\n\n    text\n\n  ```python\n  {A}\n  ```\n')
    assert [block.framework for block in site.page().blocks] == [None]


@pytest.mark.parametrize(
    "heading", ['===+ "PyTorch"', '===!+ "PyTorch"', '===  "PyTorch"']
)
def test_every_form_of_tab_heading_is_a_tab(site: Site, heading: str) -> None:
    lay(site, f"{heading}\n\n    A\n")
    assert programs(site) == {"pytorch": ["x = 1"]}


@pytest.mark.parametrize("label", ["Pytorch", "JAX", "PyTorch 2", ""])
def test_block_under_another_label_is_refused(site: Site, label: str) -> None:
    lay(site, f'=== "{label}"\n\n    A\n')
    [fault] = site.faults()
    assert fault.startswith(f"docs/page.md:3: this block's tab is '{label}'")


def test_innermost_label_is_told(site: Site) -> None:
    lay(site, '=== "JAX"\n\n    === "Flax"\n\n        A\n')
    [fault] = site.faults()
    assert fault.startswith("docs/page.md:5: this block's tab is 'Flax'")


def test_a_short_line_stays_in_its_tab(site: Site) -> None:
    lay(site, '=== "PyTorch"\n\n    1\n\n    So:\n\n    A\n')
    assert programs(site) == {"pytorch": ["x = 1"]}


def test_a_deeper_line_stays_in_its_tab(site: Site) -> None:
    lay(site, '=== "PyTorch"\n\n    1.  First:\n\n        A\n')
    assert programs(site) == {"pytorch": ["x = 1"]}


def test_label_may_not_stand_twice_in_tabs_within_a_tab(site: Site) -> None:
    twice = '    === "PyTorch"\n\n        A\n\n'
    lay(site, f'=== "Linux"\n\n{twice}{twice}')
    [fault] = site.faults()
    assert fault.startswith("docs/page.md:9: this set of tabs has 'PyTorch' already")


@pytest.mark.parametrize("language", ["bash", "yaml"])
def test_fence_of_another_language_may_have_any_option(site: Site, language) -> None:
    lay(site, f"A\n\n```{language} wide\n1\n```\n")
    assert site.faults() == []


@pytest.mark.parametrize("language", ["bash", "yaml"])
def test_fence_of_another_language_is_no_output(site: Site, language: str) -> None:
    lay(site, f"A\n\n```{language}\n1\n```\n")
    assert [block.output for block in site.page().blocks] == [None]


def test_tab_without_blocks_may_have_any_label(site: Site) -> None:
    lay(site, '=== "Linux"\n\n    Prose.\n\n=== "macOS"\n\n    Prose.\n')
    assert programs(site) == {}


def test_two_sets_in_a_row_merge_and_are_refused(site: Site) -> None:
    one = '=== "PyTorch"\n\n    A\n\n=== "TensorFlow"\n\n    B\n\n'
    lay(site, one + one)
    assert [fault.split(":")[1] for fault in site.faults()] == ["13", "19"]
    assert "already" in site.faults()[0]


@pytest.mark.parametrize("between", ["Prose.\n\n", "## Title\n\n", "A\n\n"])
def test_two_sets_with_something_between_are_two(site: Site, between: str) -> None:
    one = '=== "PyTorch"\n\n    A\n\n=== "TensorFlow"\n\n    B\n\n'
    lay(site, one + between + one)
    assert len(programs(site)["pytorch"]) >= 2


def test_exclamation_mark_begins_a_new_set(site: Site) -> None:
    one = '=== "PyTorch"\n\n    A\n\n=== "TensorFlow"\n\n    B\n\n'
    lay(site, one + one.replace("===", "===!", 1))
    assert programs(site) == {"pytorch": ["x = 1"] * 2, "tensorflow": ["y = 2"] * 2}


OUT = "```text\n1\n```"
OUT_IN_TAB = "    ```text\n    1\n    ```"
TABS = '=== "PyTorch"\n\n    A\n\n=== "TensorFlow"\n\n    B\n\n'


def test_output_belongs_to_the_block_above(site: Site) -> None:
    lay(site, f"A\n\nB\n\n{OUT}\n")
    assert outputs(site) == [None, ["1"]]


def test_output_knows_its_line_and_indent(site: Site) -> None:
    lay(site, '=== "PyTorch"\n\n    A\n\n    ```text\n    1\n      2\n    ```\n')
    [block] = site.page().blocks
    assert (block.output.line, block.output.indent) == (8, "    ")
    assert block.output.lines == ("1", "  2")


def test_output_after_the_tabs_belongs_to_the_last_block_of_each(site: Site) -> None:
    lay(
        site, f'=== "PyTorch"\n\n    B\n\n    A\n\n=== "TensorFlow"\n\n    B\n\n{OUT}\n'
    )
    first, one, other = site.page().blocks
    assert outputs(site) == [None, ["1"], ["1"]]
    assert first.output is None
    assert one.output is other.output


def test_output_after_the_tabs_within_a_note_is_shared_too(site: Site) -> None:
    text = '!!! note\n\n    === "PyTorch"\n\n        A\n\n    === "TensorFlow"\n\n'
    lay(site, text + "        B\n\n    ```text\n    1\n    ```\n")
    assert outputs(site) == [["1"], ["1"]]


def test_output_after_the_tabs_within_a_tab_is_shared_too(site: Site) -> None:
    text = '=== "Linux"\n\n    === "PyTorch"\n\n        A\n\n    === "TensorFlow"\n\n'
    lay(site, text + "        B\n\n    ```text\n    1\n    ```\n")
    assert outputs(site) == [["1"], ["1"]]


@pytest.mark.parametrize(
    ("page", "line"),
    [
        pytest.param(OUT, 1, id="nothing above"),
        pytest.param(f"A\n\nProse.\n\n{OUT}", 7, id="prose between"),
        pytest.param(f"A\n\n{OUT}\n\n{OUT}", 9, id="second output"),
        pytest.param(f"A\n\n```bash\nls\n```\n\n{OUT}", 9, id="another fence between"),
        pytest.param(f"{TABS}Prose.\n\n{OUT}", 15, id="prose after the tabs"),
        pytest.param(
            f'=== "PyTorch"\n\n    A\n\n    Prose.\n\n'
            f'=== "TensorFlow"\n\n    B\n\n{OUT}',
            15,
            id="one tab ends in prose",
        ),
        pytest.param(
            f'=== "PyTorch"\n\n    A\n\n{OUT_IN_TAB}\n\n'
            f'=== "TensorFlow"\n\n    B\n\n{OUT}',
            17,
            id="one tab has its own output",
        ),
        pytest.param(
            f'A\n\n=== "PyTorch"\n\n{OUT_IN_TAB}', 7, id="block outside the tab"
        ),
    ],
)
def test_output_without_a_block_is_refused(site: Site, page: str, line: int) -> None:
    lay(site, page)
    faults = [fault for fault in site.faults() if "directly above" in fault]
    assert [fault.split(": ")[0] for fault in faults] == [f"docs/page.md:{line}"]


def test_included_output_is_refused(site: Site) -> None:
    lay(site, f"A\n\n```text\n{B}\n```\n")
    [fault] = site.faults()
    assert fault.startswith("docs/page.md:5: ")
    assert "include" in fault


@pytest.mark.parametrize(
    ("info", "named"),
    [
        ("python raise", "raise"),
        ("python Raises", "Raises"),
        ("{ .python .rasies }", "rasies"),
        ("python varies", "varies"),
        ("python limit=soon", "soon"),
    ],
)
def test_unknown_option_of_a_block_is_refused(site: Site, info: str, named: str):
    site.write(PAGE, f"\n```{info}\n{A}\n```\n")
    [fault] = site.faults()
    assert fault.startswith("docs/page.md:2: ")
    assert f"'{named}'" in fault


@pytest.mark.parametrize("info", ["text vary", "text raises", "text atol=x"])
def test_unknown_option_of_an_output_is_refused(site: Site, info: str) -> None:
    lay(site, f"A\n\n```{info}\n1\n```\n")
    [fault] = site.faults()
    assert fault.startswith("docs/page.md:5: ")


def test_options_are_read(site: Site) -> None:
    site.write(
        PAGE,
        f'```python limit=2.5 title="x"\n{A}\n```\n\n'
        f"```text varies atol=0.01\n1\n```\n\n```python raises\n{B}\n```\n",
    )
    assert site.faults() == []
    one, other = site.page().blocks
    assert (one.raises, one.limit) == (False, 2.5)
    assert (one.output.varies, one.output.atol) == (True, "0.01")
    assert (other.raises, other.limit) == (True, 120)


@pytest.mark.parametrize(
    ("page", "line", "named"),
    [
        pytest.param("\n```python\n```", 2, "empty", id="empty block"),
        pytest.param("\n```python\n\n\n```", 2, "empty", id="block of blank lines"),
        pytest.param(f"\n```python\n{A}\n", 2, "not closed", id="unclosed block"),
        pytest.param("A\n\n```text\n1\n", 5, "not closed", id="unclosed output"),
        pytest.param(
            f"!!! note\n\n    ```python\n    {A}\n  x\n    ```",
            3,
            "less indent",
            id="line with less indent",
        ),
        pytest.param(f"\n```python don't\n{A}\n```", 2, "", id="broken info string"),
        pytest.param(f"\n```python\n{A}\ny = 2\n```", 4, "y = 2", id="typed code"),
        pytest.param("\n~~~py\n# x\n~~~", 3, "# x", id="typed comment"),
    ],
)
def test_faulty_block_is_named(site: Site, page: str, line: int, named: str) -> None:
    lay(site, page)
    assert any(
        fault.startswith(f"docs/page.md:{line}: ") and named in fault
        for fault in site.faults()
    )


def test_blank_line_between_two_includes_of_a_block_is_no_typed_code(site: Site):
    site.write(PAGE, f"```python\n{A}\n\n\n{B}\n```\n")
    assert programs(site)["pytorch"] == ["x = 1\n\n\ny = 2"]


def test_one_fault_is_told_of_each_block(site: Site) -> None:
    site.write(PAGE, "```python\nx = 1\ny = 2\n```\n\n```python b a\n```\n")
    typed, unknown = site.faults()
    assert typed.startswith("docs/page.md:2: code typed into the page: x = 1")
    assert unknown == "docs/page.md:6: unknown option 'a'"


def test_fault_in_an_included_page_names_the_snippet(site: Site) -> None:
    site.write(
        "snippets/part.md", f"```python\n{A}\n```\n\n```python raise\n{A}\n```\n"
    )
    site.write(PAGE, '# Title\n\n--8<-- "part.md"\n')
    assert [block.where for block in site.page().blocks] == ["snippets/part.md:1"]
    assert site.faults() == ["snippets/part.md:5: unknown option 'raise'"]


def test_block_knows_its_line(site: Site) -> None:
    lay(site, "# Title\n\nA\n\nB\n")
    where = [block.where for block in site.page().blocks]
    assert where == ["docs/page.md:3", "docs/page.md:7"]


def test_every_page_is_read(site: Site) -> None:
    for name in ("index.md", "models/a.md", "about/b.md"):
        site.write(f"docs/{name}", "# Title\n")
    names = [page.name for page in read_pages(site.root)]
    assert sorted(names) == ["about/b.md", "index.md", "models/a.md"]


def test_program_has_the_pages_blocks(site: Site) -> None:
    lay(site, "A\n\nB\n")
    program = site.page().programs[0]
    assert program.name == "pytorch/page.md"
    assert [block.text for block in program.blocks] == ["x = 1", "y = 2"]


@pytest.mark.parametrize("number", ["inf", "nan", "0", "-1"])
@pytest.mark.parametrize("option", ["limit", "atol"])
def test_number_of_an_option_is_finite_and_positive(
    site: Site, option: str, number: str
) -> None:
    options = {"info" if option == "limit" else "output": f"{option}={number}"}
    site.add("print(1)", "1", **options)
    fault, *_ = site.faults()
    assert f"{option} is {number}, must be a number above 0" in fault


def test_output_of_a_block_that_must_fail_cannot_vary(site: Site) -> None:
    site.add("int('oops')", "TypeError: never", info="raises", output="varies")
    [fault] = site.faults()
    assert "an error is compared" in fault


def test_code_from_an_included_page_is_refused(site: Site) -> None:
    site.write("snippets/typed.md", "```python\nprint(1)\n```\n")
    site.write(PAGE, '--8<-- "typed.md"\n')
    [fault] = site.faults()
    assert fault.startswith("snippets/typed.md:2: code typed into the page: print(1)")


@pytest.mark.parametrize(
    "path", ["../figures/x.svg", "/figures/x.svg", "a/../../../figures/x.svg"]
)
def test_picture_outside_docs_is_refused(site: Site, path: str) -> None:
    lay(site, f"A\n\n![A line]({path})\n")
    assert site.faults() == [
        "docs/page.md:5: this picture is outside docs/, where nothing is drawn"
    ]


def test_tabs_may_be_indented_by_tab_characters(site: Site) -> None:
    """As pymdown-extensions#1628 tells of."""
    site.write(
        PAGE,
        f'=== "PyTorch"\n\n\t```python\n\t{A}\n\t```\n\n\t```text\n\t1\n\t```\n\n'
        f'=== "TensorFlow"\n\n\t```python\n\t{B}\n\t```\n',
    )
    assert programs(site) == {"pytorch": ["x = 1"], "tensorflow": ["y = 2"]}
    assert outputs(site) == [["1"], None]
    output = site.page().blocks[0].output
    assert (output.line, output.indent) == (8, "\t")


def test_output_needs_no_blank_line_below_it(site: Site) -> None:
    """Markdown puts it into a paragraph with what follows, also with a way back."""
    note = f"[^1]: Note.\n\n    A\n\n{indent(OUT, '    ')}\n"
    lay(site, f"A\n\n{OUT}\nA\n\n{OUT}\n\nText[^1].\n\n{note}")
    assert site.faults() == []
    assert outputs(site) == [["1"]] * 3


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("<!--\nA\n\n```text\n1\n```\n-->\n\nMore.", id="comment"),
        pytest.param("<!-- A\n\n    A\n-->", id="comment with indent"),
        pytest.param('=== "PyTorch"\n\n    <!--\n    A\n    -->\n', id="in a tab"),
        pytest.param("<!--\n```python\nopen\n-->\n", id="unclosed fence in a comment"),
    ],
)
def test_what_is_commented_out_is_not_read(site: Site, page: str) -> None:
    """As pytest-markdown-docs#46 tells of."""
    lay(site, page)
    assert programs(site) == {}


def test_output_is_directly_below_where_only_a_comment_is_between(site: Site) -> None:
    lay(site, f"A\n\n<!-- nobody sees this -->\n\n{OUT}\n")
    assert outputs(site) == [["1"]]


@pytest.mark.parametrize(
    ("page", "line"),
    [
        pytest.param("Text:\n\n    A\n", 3, id="indented without a tab"),
        pytest.param("- item\n\nText.\n\n      A\n", 5, id="indented too far"),
        pytest.param("<script>\nA\n</script>\n", 2, id="in a script"),
        pytest.param("- ```python\n  x\n", 1, id="fence in a list's own line"),
        pytest.param(
            "\n<pre><code class='language-python'>x</code></pre>", 2, id="HTML"
        ),
    ],
)
def test_block_that_is_not_shown_as_one_is_refused(site: Site, page: str, line: int):
    lay(site, page)
    assert [fault.split(" ")[0] for fault in site.faults()] == [f"docs/page.md:{line}:"]


def test_blocks_come_in_the_order_in_which_they_are_shown(site: Site) -> None:
    lay(site, "Text[^1].\n\n[^1]: A note.\n\n    A\n\nB\n")
    assert programs(site)["pytorch"] == ["y = 2", "x = 1"]


def test_block_under_both_frameworks_is_refused(site: Site) -> None:
    lay(site, '=== "PyTorch"\n\n    === "TensorFlow"\n\n        A\n')
    assert site.faults() == [
        "docs/page.md:5: this block is under the tabs of two frameworks"
    ]


def test_markup_in_a_label_is_not_read(site: Site) -> None:
    lay(site, '=== "**PyTorch**"\n\n    A\n')
    assert programs(site) == {"pytorch": ["x = 1"]}


def test_tabs_that_html_breaks_are_refused(site: Site) -> None:
    lay(site, '=== "PyTorch"\n\n    </div>\n\n=== "TensorFlow"\n\n    A\n')
    assert "docs/page.md:1: HTML that is not balanced" in "\n".join(site.faults())


def test_code_is_read_as_it_is_shown(site: Site) -> None:
    """The site turns tabs into blanks, and ends lines that are blank."""
    site.write(
        "snippets/code.py",
        "# --8<-- [start:a]\nif 1:\n\tx = '''a\tb\n   \n'''\n# --8<-- [end:a]\n",
    )
    lay(site, "A\n")
    assert programs(site)["pytorch"] == ["if 1:\n    x = '''a    b\n\n'''"]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_page_is_read_whatever_its_mark_and_line_ends(
    site: Site, mark: str, newline: str
) -> None:
    """As mkdocs#1186 tells of."""
    text = (
        f"---\ntitle: Named\nhide: [toc]\n---\n\n# H\n\n```python\n{A}\n```\n\n{OUT}\n"
    )
    path = site.root / PAGE
    path.write_bytes((mark + text).replace("\n", newline).encode())
    assert outputs(site) == [["1"]]
    page = site.page()
    assert page.title == "Named"
    assert (page.blocks[0].where, page.blocks[0].output.line) == ("docs/page.md:8", 13)
    assert page.lines[0] == "# H"


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("# One\n\n# Two\n", "One"),
        ("One\n===\n\n```bash\n# install it\n```\n", "One"),
        ("```bash\n# install it\n```\n\n# Two\n", "My page"),
        ("---\ntitle: Named\n---\n\n# One\n", "Named"),
        ("---\ntitle: 2\n---\n", "2"),
        ("---\ntitle: 0\n---\n", "0"),
        ("Title: Named\nAuthor: A\n\n# One\n", "Named"),
        ("# One *two* `three` [four](x.md) { #five .six }\n", "One two three four"),
        ("# A & B <br> ![C](d.svg)\n", "A & B C"),
        ("# One[^1] #\n\n[^1]: A note.\n", "One"),
        ("<div markdown>\n\n# One\n\n</div>\n", "One"),
        ("Text.\n\n# One\n", "My page"),
        ("<!-- # No -->\n\n# One\n", "My page"),
        ("", "My page"),
    ],
)
def test_title_is_told_as_by_the_site(site: Site, page: str, title: str) -> None:
    """As mkdocs#1826 tells of."""
    site.write("docs/my-page.md", page)
    assert [page.title for page in read_pages(site.root)] == [title]


@pytest.mark.parametrize(
    "name",
    [
        "index",
        "a/index",
        "a/README",
        "a/b",
        "größe und form",
        "x.y",
        "a#b",
        "50%",
        "日本",
    ],
)
def test_address_is_the_sites(site: Site, name: str) -> None:
    """As mkdocs#1670 tells of."""
    site.write(f"docs/{name}.md", "# One\n")
    [page] = read_pages(site.root)
    url = File(f"{name}.md", "docs", "site", use_directory_urls=True).url
    assert (page.name, page.address) == (f"{name}.md", url.removeprefix("./"))
    assert page.stem == name.rpartition("/")[2]


def test_files_that_the_site_leaves_out_are_no_pages(site: Site) -> None:
    """As mkdocs#639 tells of, and by what the site's configuration leaves out."""
    site.write("mkdocs.yml", f"{OURS}\nexclude_docs: /notes/\ndraft_docs: later.md\n")
    for name in ("notes/a", ".drafts/a", "later", "templates/a", "README", "index"):
        site.write(f"docs/{name}.md", "```python\ntyped = 1\n```\n")
    (site.root / "docs" / ".#page.md").symlink_to("somebody@there.1234")  # an editor's
    (site.root / "docs" / "page.md~").write_text("# Old\n")
    assert [page.name for page in read_pages(site.root)] == ["index.md"]


@pytest.mark.parametrize(
    ("yaml", "named"),
    [
        ("site_name: x\nmarkdown_extensions: [toc]\n", "lacks pymdownx"),
        ("site_name: [\n", "mkdocs.yml"),
        (f"{OURS}\nexclude_docs: 3\n", "exclude_docs"),
    ],
)
def test_faulty_configuration_is_named(
    site: Site, monkeypatch, capsys, yaml: str, named: str
) -> None:
    site.write("mkdocs.yml", yaml)
    monkeypatch.chdir(site.root)
    assert run(monkeypatch, "verify") == 1
    said = capsys.readouterr().err
    assert named in said
    assert "mkdocs.yml: " in said


@pytest.mark.parametrize(
    ("content", "named"), [(b"# T\xff\n", "'utf-8' codec"), (None, "No such file")]
)
def test_page_that_cannot_be_read_is_named(site: Site, content, named: str) -> None:
    path = site.root / PAGE
    path.symlink_to("nowhere.md") if content is None else path.write_bytes(content)
    [page] = read_pages(site.root)
    [fault] = page.faults
    assert fault.where == "docs/page.md:1"
    assert named in fault.what


def test_picture_may_have_blanks_and_attributes(site: Site) -> None:
    lay(site, 'A\n\n![A b](<figures/größe und form-1.svg>){ width="3" }\n')
    assert site.faults() == []
    [picture] = site.page().blocks[0].pictures
    assert (picture.where, picture.alt) == ("docs/page.md:5", "A b")
    assert picture.path == site.root / "docs/figures/größe und form-1.svg"


@pytest.mark.parametrize(
    "address", ["https://a.example/figures/x.svg", "//a.example/figures/x.svg", "x.svg"]
)
def test_picture_from_elsewhere_is_none_of_a_block(site: Site, address: str) -> None:
    lay(site, f"A\n\n![A line]({address})\n")
    assert site.page().blocks[0].pictures == ()
    assert site.faults() == []


def test_picture_that_adorns_a_text_is_none_of_a_block(site: Site) -> None:
    lay(site, "A\n\nSee ![a line](figures/x.svg) here.\n")
    assert site.page().blocks[0].pictures == ()
    assert site.faults() == []


def test_tab_whose_content_is_not_indented_is_refused(site: Site) -> None:
    """As DietPi-Docs#536 tells of: the block would be both frameworks'."""
    lay(site, '=== "PyTorch"\n\nA\n\n=== "TensorFlow"\n\n    A\n')
    [fault] = site.faults()
    assert fault.startswith("docs/page.md:1: this tab is empty")


def test_code_outside_any_block_is_refused(site: Site) -> None:
    """As pymdown-extensions#2754 tells of: it would be shown as prose."""
    lay(site, f"Text.\n\n{A}\n\n```bash\n{A}\n```\n")
    [fault] = site.faults()
    assert fault == "docs/page.md:3: code is included here, outside any block"


def test_block_may_hold_fences_within_a_longer_one(site: Site) -> None:
    """As doccmd#838 tells of."""
    code = "text = '''\n```python\nimport y\n```\n'''"
    site.write("snippets/code.py", f"# --8<-- [start:a]\n{code}\n# --8<-- [end:a]\n")
    site.write(PAGE, f"````python\n{A}\n````\n")
    assert programs(site)["pytorch"] == [code]
    site.write(PAGE, f"```python\n{A}\n```\n")
    assert "is not closed" in "\n".join(site.faults())


def test_figure_may_have_a_caption(site: Site) -> None:
    picture = "![A line](figures/x.svg)\n<figcaption>How it fell</figcaption>"
    lay(site, f"A\n\n<figure markdown>\n{picture}\n</figure>\n")
    assert site.faults() == []
    assert [x.alt for x in site.page().blocks[0].pictures] == ["A line"]


def test_block_in_a_formula_is_refused(site: Site) -> None:
    lay(site, "$$\nA\n$$\n")
    assert [fault.split(": ")[0] for fault in site.faults()] == ["docs/page.md:2"]


@pytest.mark.parametrize("word", ["verify", "data"])
def test_commands_leave_out_what_editors_hide(
    site: Site, monkeypatch, capsys, word: str
) -> None:
    """As mkdocs#639 tells of, wherever the editor is at work."""
    site.write("requirements/common.txt", "numpy==2.4.6\n")
    for path in ("docs/.#page.md", "snippets/.#code.py", "requirements/.#common.txt"):
        (site.root / path).symlink_to("somebody@there.1234")
    (site.root / "snippets/._code.py").write_bytes(b"\xff\x00")  # macOS' own
    lay(site, "Prose.\n")
    monkeypatch.chdir(site.root)
    assert run(monkeypatch, word) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    "head", ["---\ntitle:\n---", "---\nhide: [toc]\ntitle: ''\n---", "title:"]
)
def test_empty_title_is_refused(site: Site, head: str) -> None:
    """MkDocs would call the page None, or nothing."""
    site.write(PAGE, f"{head}\n\n# H\n")
    assert site.faults() == ["docs/page.md:1: the title in its front matter is empty"]
