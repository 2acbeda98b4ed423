"""What a measurement found, kept beside the pages, and the tables made of it.

A benchmark measures for a page, `models/x.md`, and writes its tables to
`docs/models/x/measured/NAME.json`; any page may show them. Nobody types them, and they
say with what code and on what machine they came about. A measurement whose code has
changed since is stale, and refused.
"""

import ast
import hashlib
import json
import os
import platform
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pagecode import git
from pagecode.files import write
from pagecode.prove.packages import imports
from pagecode.read.page import place_of
from pagecode.run import machine

PLACE = re.compile(r"^<!--\s*measured:\s*(\S+)\s+(\S+)\s*-->$", re.MULTILINE)
COMMANDS = {"speed": "bench", "verification": "bench"}  # others by its name
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
        for wanted, *_ in imports(ast.parse((root / path).read_text("utf-8"))):
            left += [wanted, wanted.rpartition(".")[0]]
    return sorted(found)


def code_hash(sources: Iterable[str], root: Path) -> str:
    """Return a hash over these files' lines of code: not of docstrings, or comments."""
    texts = [(root / path).read_text("utf-8") for path in sources]
    code = [x for text in texts for x in lines_of_code(text)]
    return hashlib.sha256("\n".join(code).encode()).hexdigest()


@lru_cache(maxsize=1000)
def lines_of_code(text: str) -> list[str]:
    """Return the lines of code of a file, given its text."""
    said = {number for found in docstrings(text) for number in found}
    lines = enumerate(text.splitlines(), start=1)
    return [x for n, x in lines if n not in said and x.strip() and x.strip()[0] != "#"]


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


def place(page: str, name: str) -> Path:
    """Return where a page's measurement is: docs/models/x/measured/speed.json."""
    return Path("docs", page.removesuffix(".md"), "measured", f"{name}.json")


def keep(
    path: Path,
    tables: dict[str, list[list[str]]],
    sources: Iterable[str],
    root: Path,
    *,
    again: str,
    lasting: bool = False,
) -> None:
    """Write a measurement: its tables, each with its head, and how it came about.

    `again` is the command that measures again. One that is `lasting` stays on its page
    when its code has changed, and says so: of the whole house, which always changes.
    """
    listed = sorted(sources)
    if not listed:
        raise ValueError(f"{path}: measured of no file: it could never be stale")
    made = {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": git.state(root).commit[:7],
        "processor": f"{model_name()}, {os.cpu_count()} cores",
        "device": machine.device(),
        "threads": machine.settings()["OMP_NUM_THREADS"],
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
    }
    facts = {"made": made, "again": again, "lasting": lasting, "sources": listed}
    facts |= {"code": code_hash(listed, root), "tables": tables}
    text = json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
    write(root / path, text)


def read(path: Path, root: Path) -> dict[str, Any]:
    """Return a measurement; `stale` in it says whether its code has changed since."""
    facts = json.loads((root / path).read_text("utf-8"))
    try:
        facts["stale"] = facts["code"] != code_hash(facts["sources"], root)
    except FileNotFoundError:
        facts["stale"] = True
    return facts


def find(name: str, page: str, root: Path) -> list[Path]:
    """Return the measurements of a name on a page, in the order of the navigation.

    `speed` is the page's own, `models/x/speed` another page's, `models/*/speed` all
    pages'. ValueError where there is none.
    """
    of_page, _, own = name.rpartition("/")
    path = place(of_page or page.removeprefix("docs/"), own)
    order = (root / "mkdocs.yml").read_text("utf-8") if "*" in name else ""
    found = [x.relative_to(root) for x in root.glob(str(path))]
    if not found:
        command = COMMANDS.get(path.stem, path.stem)
        raise ValueError(f"{path} was never measured: `make {command}`")
    return sorted(found, key=lambda x: (order.find(f"{x.parts[-3]}.md"), x))


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
        f"on {made['processor']}, device {made['device']}."
    )


def shown(name: str, which: str, page: str, root: Path, *, strict: bool) -> str:
    """Return the rows that one place asks for as a table, with how they came about.

    ValueError names what is missing, and if `strict` what is stale; else it is marked.
    """
    rows: list[list[str]] = []
    said: list[str] = []
    for path in find(name, page, root):
        facts = read(path, root)
        if which in facts["tables"]:
            head, *body = facts["tables"][which]
            rows = (rows or [head]) + body
            said.append(caption(facts["made"]))
            changed = f"{path}: the measured code has changed since: `{facts['again']}`"
            if facts["stale"] and facts["lasting"]:
                said.append("The code has changed since.")
            elif facts["stale"] and strict:
                raise ValueError(changed)
            elif facts["stale"]:
                said.append(f"**Stale.** {changed}")
    if not rows:
        raise ValueError(f"'{name}' has no table '{which}'")
    return f"{table(rows)}\n\n{' '.join(dict.fromkeys(said))}\n{{ .measured }}"


def fill(markdown: str, page: str, root: Path, *, strict: bool = True) -> str:
    """Put each table where the page asks for it: `<!-- measured: parity bounds -->`.

    ValueError says which page and line asks for what is not there, or is stale. If not
    `strict`, such a place is marked instead.
    """

    def fill_in(found: re.Match) -> str:
        try:
            return shown(found[1], found[2], page, root, strict=strict)
        except ValueError as error:
            if not strict:
                return f"**{error}**\n{{ .measured }}"
            where = place_of(found[0], page, root)
            raise ValueError(f"{where}: {error}") from None

    return PLACE.sub(fill_in, markdown)
