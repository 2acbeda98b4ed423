"""The Rosetta table, made from modules of small functions that are never imported."""

import ast
import re
from html import escape
from itertools import zip_longest
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

from pagecode.read.page import place_of

FOLDER = Path("snippets/rosetta")
COLUMNS = {"PyTorch": "pytorch_rows.py", "TensorFlow": "tensorflow_rows.py"}
COLUMNS["NumPy"] = "numpy_rows.py"  # the meaning: its docstrings are the rows' phrases
WIDTH = 56  # columns of code that a cell has room for
PLACE = re.compile(r"<!--\s*rosetta:\s*(\S*?)\s*-->")
BREAK = re.compile(r"(?<=\w[._(])(?=[A-Za-z])")  # where a long line may wrap
SECTION = re.compile(r"# --8<-- \[start:(.+)\]\n((?s:.*?))# --8<-- \[end:\1\]")


class Row(NamedTuple):
    """What a cell shows, and where it comes from."""

    where: str  # snippets/rosetta/numpy_rows.py:12
    group: str
    name: str
    phrase: str
    code: str


def read_row(node: ast.FunctionDef, group: str, lines: list[str], file: Path) -> Row:
    """Return a function as a row: its body as it stands, less the last `return`."""
    where, phrase = f"{file}:{node.lineno}", ast.get_docstring(node) or ""
    last = node.body[-1]
    while isinstance(last, ast.With):
        last = last.body[-1]
    if not isinstance(last, ast.Return):
        raise ValueError(f"{where}: '{node.name}' does not end with its result")
    parts = ast.walk(ast.Module(node.body[bool(phrase) :], []))
    first = min(x.lineno for x in parts if isinstance(x, ast.stmt | ast.expr))
    code = lines[first - 1 : last.end_lineno]
    code[last.lineno - first] = code[last.lineno - first].replace("return ", "", 1)
    code = dedent("\n".join(code)).split("\n")
    for number, line in enumerate(code, first):
        if len(line) > WIDTH:
            raise ValueError(f"{file}:{number}: {len(line)} columns, above {WIDTH}")
    return Row(where, group, node.name, phrase, "\n".join(code))


def read_rows(name: str, root: Path) -> list[Row]:
    """Return a module's rows in order: functions, or whole a section that has none."""
    file, rows = FOLDER / name, []
    text = (root / file).read_text(encoding="utf-8")
    for found in SECTION.finditer(text):
        group, code = found.groups()
        above = text[: found.start(2)].count("\n")
        nodes = ast.parse("\n" * above + code).body
        functions = [x for x in nodes if isinstance(x, ast.FunctionDef)]
        rows += [read_row(x, group, text.split("\n"), file) for x in functions]
        if not functions:
            where, phrase = f"{file}:{above}", group.capitalize()
            rows.append(Row(where, group, group, phrase, code.strip()))
    return rows


def table(columns: dict[str, list[Row]]) -> str:
    """Return rows as an HTML table, with the phrases of its last column."""
    head = "".join(f'<th scope="col">{label}</th>' for label in ("Meaning", *columns))
    html = [f'<table class="rosetta">\n<thead><tr>{head}</tr></thead>\n<tbody>']
    for row in zip(*columns.values(), strict=True):
        name, phrase = row[-1].name, escape(row[-1].phrase, quote=False)
        html.append(f'<tr id="row-{name}"><th scope="row">{phrase}</th>')
        for label, cell in zip(columns, row, strict=True):  # a phone stacks the cells
            code = re.sub(BREAK, "<wbr>", escape(cell.code, quote=False))
            html.append(f'<td data-label="{label}"><code>{code}</code></td>')
        html.append("</tr>")
    return "\n".join([*html, "</tbody>\n</table>"])


def fill(markdown: str, page: str, root: Path) -> str:
    """Put each group's table where the page asks for it: `<!-- rosetta: indexing -->`.

    A group is shown once, and all are shown; ValueError names what is wrong, and where.
    """
    if not PLACE.search(markdown):
        return markdown
    columns = {label: read_rows(name, root) for label, name in COLUMNS.items()}
    groups = {"inputs": {"NumPy": read_rows("inputs.py", root)}}
    end = Row(str(FOLDER), "no section", "the end", "", "")
    for label, rows in columns.items():
        for row, twin in zip_longest(rows, columns["NumPy"], fillvalue=end):
            if (row.group, row.name) != (twin.group, twin.name):
                there = f"{twin.where} has '{twin.name}' of '{twin.group}'"
                here = f"{row.where}: '{row.name}' of '{row.group}'"
                raise ValueError(f"{here}, where {there}")
            groups.setdefault(row.group, {}).setdefault(label, []).append(row)

    def fill_in(found: re.Match) -> str:
        if found[1] not in groups:
            where = place_of(found[0], page, root)
            raise ValueError(f"{where}: no rows are left for '{found[1]}'")
        return table(groups.pop(found[1]))

    filled = PLACE.sub(fill_in, markdown)
    if groups:
        raise ValueError(f"{page}:1: has no place for {', '.join(groups)}")
    return filled
