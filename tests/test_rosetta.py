"""The Rosetta table: what its cells show, and what is wrong with rows or places."""

from pathlib import Path

import pytest

from pagecode.book import rosetta

ROOT = Path(__file__).parent.parent
PAGE = "docs/rosetta.md"
PLACES = "# Table\n<!-- rosetta: sums -->\n<!-- rosetta: inputs -->\n"
ROWS = '''\
# --8<-- [start:sums]
def total(x):
    """Sum of *all* & x<0"""
    return x.sum()


def kept(x):
    """Sum while nothing is recorded"""
    # Twice.
    with no_grad():
        return x.sum(
            axis=0 < 1
        )


# --8<-- [end:sums]
'''
INPUTS = """\
# --8<-- [start:inputs]
x = 1
# --8<-- [end:inputs]
"""


@pytest.fixture
def root(tmp_path) -> Path:
    """A table with the same two rows in every column."""
    (tmp_path / rosetta.FOLDER).mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    for name in rosetta.COLUMNS.values():
        write(tmp_path, name, ROWS)
    write(tmp_path, "inputs.py", INPUTS)
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    (root / rosetta.FOLDER / name).write_text(text, encoding="utf-8")


def fill(root: Path, markdown: str = PLACES) -> str:
    (root / PAGE).write_text(markdown, encoding="utf-8")
    return rosetta.fill(markdown, PAGE, root)


def fault(root: Path, markdown: str = PLACES) -> str:
    with pytest.raises(ValueError, match=r".") as found:
        fill(root, markdown)
    return str(found.value)


def test_page_without_a_place_reads_no_rows(tmp_path: Path) -> None:
    assert rosetta.fill("# Page", "docs/page.md", tmp_path) == "# Page"


def test_cell_shows_the_body_less_its_return(root: Path) -> None:
    rows = rosetta.read_rows("numpy_rows.py", root)
    assert [row.name for row in rows] == ["total", "kept"]
    assert [row.group for row in rows] == ["sums", "sums"]
    assert rows[0].where == "snippets/rosetta/numpy_rows.py:2"
    assert rows[0].phrase == "Sum of *all* & x<0"
    assert rows[0].code == "x.sum()"
    assert rows[1].code == "with no_grad():\n    x.sum(\n        axis=0 < 1\n    )"


def test_section_without_functions_is_one_row(root: Path) -> None:
    (row,) = rosetta.read_rows("inputs.py", root)
    assert row == (
        "snippets/rosetta/inputs.py:1",
        "inputs",
        "inputs",
        "Inputs",
        "x = 1",
    )


def test_table_has_a_column_per_label_and_an_address_per_row(root: Path) -> None:
    html = fill(root)
    assert html.startswith('# Table\n<table class="rosetta">\n')
    labels = ["Meaning", "PyTorch", "TensorFlow", "NumPy"]
    assert "".join(f'<th scope="col">{label}</th>' for label in labels) in html
    assert '<tr id="row-total"><th scope="row">Sum of *all* &amp; x&lt;0</th>\n' in html
    cells = [f'<td data-label="{x}"><code>x.<wbr>sum()</code></td>' for x in labels[1:]]
    assert "\n".join(cells) in html
    assert "axis=0 &lt; 1" in html
    assert html.count("<tr id=") == 3
    assert html.endswith("</table>\n")


def test_row_without_a_result(root: Path) -> None:
    write(root, "pytorch_rows.py", ROWS.replace("return x.sum()", "x.sum()"))
    assert fault(root) == (
        "snippets/rosetta/pytorch_rows.py:2: 'total' does not end with its result"
    )


def test_result_missing_within_with(root: Path) -> None:
    write(root, "pytorch_rows.py", ROWS.replace("return x.sum(\n", "x.sum(\n"))
    assert fault(root) == (
        "snippets/rosetta/pytorch_rows.py:7: 'kept' does not end with its result"
    )


def test_line_too_wide_for_a_cell(root: Path) -> None:
    fits = ROWS.replace("x.sum()", "x" * rosetta.WIDTH)
    write(root, "tensorflow_rows.py", fits)
    fill(root)
    write(root, "tensorflow_rows.py", fits.replace("return x", "return xx"))
    assert fault(root) == (
        "snippets/rosetta/tensorflow_rows.py:4: 57 columns, above 56"
    )


def test_rows_of_two_columns_that_differ(root: Path) -> None:
    write(root, "tensorflow_rows.py", ROWS.replace("def kept", "def held"))
    assert fault(root) == (
        "snippets/rosetta/tensorflow_rows.py:7: 'held' of 'sums', where "
        "snippets/rosetta/numpy_rows.py:7 has 'kept' of 'sums'"
    )


def test_row_in_another_group(root: Path) -> None:
    write(root, "pytorch_rows.py", ROWS.replace(":sums]", ":means]"))
    assert fault(root) == (
        "snippets/rosetta/pytorch_rows.py:2: 'total' of 'means', where "
        "snippets/rosetta/numpy_rows.py:2 has 'total' of 'sums'"
    )


def test_column_with_a_row_less(root: Path) -> None:
    one = ROWS[: ROWS.index("def kept")] + "# --8<-- [end:sums]\n"
    write(root, "pytorch_rows.py", one)
    assert fault(root) == (
        "snippets/rosetta: 'the end' of 'no section', where "
        "snippets/rosetta/numpy_rows.py:7 has 'kept' of 'sums'"
    )


def test_place_for_no_group(root: Path) -> None:
    markdown = "What means are:\n" + PLACES + "\n<!-- rosetta: means -->\n"
    assert fault(root, markdown) == "docs/rosetta.md:6: no rows are left for 'means'"


def test_place_for_a_group_already_shown(root: Path) -> None:
    markdown = "<!-- rosetta: sums -->\n" + PLACES
    assert "no rows are left for 'sums'" in fault(root, markdown)


def test_group_without_a_place(root: Path) -> None:
    markdown = "<!-- rosetta: inputs -->\n"
    assert fault(root, markdown) == "docs/rosetta.md:1: has no place for sums"


def test_every_row_is_in_the_table() -> None:
    columns = [rosetta.read_rows(name, ROOT) for name in rosetta.COLUMNS.values()]
    names = [[row.name for row in rows] for rows in columns]
    assert names[0] == names[1] == names[2]
    assert len(set(names[0])) == len(names[0]) >= 60
    assert all(row.phrase for row in columns[2])


def test_result_may_stand_at_the_end_of_a_longer_with(root: Path) -> None:
    longer = "        y = x.sum(\n            axis=0 < 1\n        )\n        return y\n"
    old = "        return x.sum(\n            axis=0 < 1\n        )\n"
    for name in rosetta.COLUMNS.values():
        write(root, name, ROWS.replace(old, longer))
    shown = fill(root).replace("<wbr>", "")
    assert "    y = x.sum(\n        axis=0 &lt; 1\n    )\n    y</code>" in shown
