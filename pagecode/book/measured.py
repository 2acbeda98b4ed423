"""What a measurement found, kept beside the pages, and the tables made of it.

A benchmark measures and writes `docs/compare/measured/NAME.json`; a page asks for its
tables. Nobody types them, and they say with what code and on what machine they came
about. A measurement whose code has changed since is stale, and refused.
"""

import ast
import hashlib
import json
import os
import platform
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pagecode import git
from pagecode.files import write
from pagecode.read.page import place_of
from pagecode.run import machine

FOLDER = Path("docs/compare/measured")
PLACE = re.compile(r"^<!--\s*measured:\s*(\S+)\s+(\S+)\s*-->$", re.MULTILINE)
TARGETS = {"speed": "bench", "verification": "bench"}  # of make; else the name itself
PACKAGES = ("torch", "tensorflow", "keras", "numpy")


def imported(modules: Iterable[str], root: Path) -> list[str]:
    """Return the project's files that make up modules, those that they import too.

    Names are read off the import statements, also those inside of functions.
    """
    found: set[str] = set()
    left = list(modules)
    while left:
        name = left.pop()
        path = f"{name.replace('.', '/')}.py"
        if path in found or not (root / path).is_file():
            continue
        found.add(path)
        for node in ast.walk(ast.parse((root / path).read_text("utf-8"))):
            if isinstance(node, ast.Import):
                left += [x.name for x in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                left += [node.module, *(f"{node.module}.{x.name}" for x in node.names)]
    return sorted(found)


def code_hash(sources: Iterable[str], root: Path) -> str:
    """Return a hash over these files' lines of code: not of docstrings, or comments."""
    code = []
    for path in sources:
        text = (root / path).read_text("utf-8")
        said = {number for found in docstrings(text) for number in found}
        for number, line in enumerate(text.splitlines(), start=1):
            if number not in said and line.strip() and line.strip()[0] != "#":
                code.append(line)
    return hashlib.sha256("\n".join(code).encode()).hexdigest()


def docstrings(text: str) -> Iterator[range]:
    """Yield the lines of each docstring."""
    for node in ast.walk(ast.parse(text)):
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, documented) and ast.get_docstring(node, clean=False):
            yield range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)


def model_name() -> str:
    """Return what the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor()
    names = [x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")]
    return names[0] if names else platform.machine()


def keep(
    name: str, tables: dict[str, list[list[str]]], sources: Iterable[str], root: Path
) -> None:
    """Write a measurement: its tables, each with its head, and how it came about."""
    listed = sorted(sources)
    made = {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": git.state(root).commit[:7],
        "processor": f"{model_name()}, {os.cpu_count()} cores",
        "device": machine.device(),
        "threads": machine.settings()["OMP_NUM_THREADS"],
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
    }
    facts = {"made": made, "sources": listed, "code": code_hash(listed, root)}
    text = json.dumps(facts | {"tables": tables}, indent=1, ensure_ascii=False) + "\n"
    write(root / FOLDER / f"{name}.json", text)


def read(name: str, root: Path) -> dict[str, Any]:
    """Return a measurement; ValueError where it is missing, or its code has changed."""
    path, to_do = FOLDER / f"{name}.json", f"`make {TARGETS.get(name, name)}`"
    try:
        facts = json.loads((root / path).read_text("utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path} was never measured: {to_do}") from None
    try:
        same = facts["code"] == code_hash(facts["sources"], root)
    except FileNotFoundError:
        same = False
    if not same:
        raise ValueError(f"{path}: the measured code has changed since: {to_do}")
    return facts


def table(rows: list[list[str]]) -> str:
    """Return rows, the first of which is the head, as a Markdown table."""
    head, *body = rows
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *body])


def caption(made: dict[str, Any]) -> str:
    """Return how a measurement came about, in a sentence."""
    versions = made["versions"]
    threads = "one thread" if made["threads"] == "1" else f"{made['threads']} threads"
    return (
        f"Measured on {made['date']} with PyTorch {versions['torch']}, TensorFlow "
        f"{versions['tensorflow']}, Keras {versions['keras']} and NumPy "
        f"{versions['numpy']}, Python {made['python']}, {threads}, "
        f"on {made['processor']}, device {made['device']}.\n{{ .measured }}"
    )


def fill(markdown: str, page: str, root: Path) -> str:
    """Put each table where the page asks for it: `<!-- measured: parity bounds -->`.

    ValueError says which page and line asks for what is not there, or is stale.
    """

    def fill_in(found: re.Match) -> str:
        try:
            facts = read(found[1], root)
            if found[2] not in facts["tables"]:
                raise ValueError(f"'{found[1]}' has no table '{found[2]}'")
        except ValueError as error:
            where = place_of(found[0], page, root)
            raise ValueError(f"{where}: {error}") from None
        return f"{table(facts['tables'][found[2]])}\n\n{caption(facts['made'])}"

    return PLACE.sub(fill_in, markdown)
