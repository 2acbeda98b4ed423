"""Write what can be taken away: a script and a notebook per program, a file per block.

Everything is made from the programs that `verify` runs. Under `programs/` lie
`PAGE.FRAMEWORK.py` and `.ipynb`, and `PAGE.FRAMEWORK.N.py` for block N; beside that
folder lies `programs.json`, which lists them.
"""

import ast
import json
import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache as remember
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pagecode.frameworks import BOTH, FRAMEWORKS, PACKAGES
from pagecode.give.notebook import notebook
from pagecode.give.parts import parts
from pagecode.give.slices import Slicer
from pagecode.prove.store import held
from pagecode.read.page import Block, Page, Program

FOLDER = "programs"
NOT_VERIFIED = "not verified here yet (make test does it)"
PYTHON = ">=3.11,<3.14"
LABELS = {name: label for label, name in FRAMEWORKS.items()} | {
    BOTH: " and ".join(FRAMEWORKS)
}
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # where the import has another name
PAIRS = {"torchvision": "torch", "keras": "tensorflow", "tensorflow": "keras"}
LAST_LINE = (
    'print("".join(traceback.format_exception_only(error)).strip().split("\\n")[-1])'
)


@dataclass(frozen=True)
class Export:
    """One file that is handed out, and what it prints."""

    page: str  # models/x.md
    framework: str  # pytorch, tensorflow or both
    kind: str  # script, notebook or block
    path: str  # programs/x.pytorch.3.py
    output: list[str | None]  # the lines it prints; None where there may be any others
    atol: str | None  # wider room for the floats in them
    raises: bool  # it fails, with the last line of the output as its error
    text: str


@remember
def pins(root: Path) -> dict[str, str]:
    """Return the exact version of every distribution that the project names."""
    found: dict[str, str] = {}
    for file in sorted((root / "requirements").glob("*.txt")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if match := re.match(r"([\w.-]+)==([\w.]+)", line):
                found[match[1].lower()] = match[2]
    return found


def dependencies(code: str, root: Path) -> dict[str, str]:
    """Return what the code imports and the project pins: `{"numpy": "numpy==2.4.6"}`.

    Each framework is listed with its companion: one of the pair pulls in the other.
    """
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except SyntaxError:  # it is to fail
        return {}
    names = {x.name for n in nodes if isinstance(n, ast.Import) for x in n.names}
    names |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    names = {name.partition(".")[0] for name in names}
    names |= {PAIRS[name] for name in names & set(PAIRS)}
    known = pins(root)
    found = {name: DISTRIBUTIONS.get(name, name) for name in sorted(names)}
    return {x: f"{name}=={known[name]}" for x, name in found.items() if name in known}


def stem(page: Page) -> str:
    """Return a page's name among the programs: `logistic-regression`."""
    return Path(page.name).stem


def title(page: Page) -> str:
    """Return a page's first heading."""
    found = re.search(r"(?m)^# (.+)$", page.path.read_text(encoding="utf-8"))
    return found[1] if found else page.name


def versions(stamp: dict[str, Any]) -> str:
    """Say which versions a program was verified with, of what it could import."""
    other = {"pytorch": "tensorflow", "tensorflow": "pytorch"}.get(stamp["framework"])
    hidden = PACKAGES.get(other or "", [])
    own = {name: x for name, x in stamp["versions"].items() if name not in hidden}
    return ", ".join(f"{x} {y}" for x, y in ({"Python": stamp["python"]} | own).items())


def verified(by_device: dict[str, dict[str, Any]]) -> str:
    """Say when and with what a program was verified, on one of the devices."""
    if not by_device:
        return NOT_VERIFIED
    stamp = by_device[min(by_device, key=cpu_first)]
    return f"{stamp['date'][:10]}, {versions(stamp)}, {stamp['device']}"


def cpu_first(device: str) -> tuple[bool, str]:
    """Order devices: the one that every reader has comes first."""
    return device != "CPU", device


def head(facts: dict[str, str], needs: dict[str, str], notes: str = "") -> str:
    """Return the top of a file: what it is, where it comes from, what it needs."""
    lines = [f"# {name}: {value}" for name, value in facts.items()]
    lines[0] = f"# {facts['Title']}"
    lines += textwrap.wrap(
        notes, 86, initial_indent="# ", subsequent_indent="# ", break_long_words=False
    )
    listed = [f'#     "{need}",' for need in needs.values()]
    block = ["# /// script", f'# requires-python = "{PYTHON}"', "# dependencies = ["]
    return "\n".join([*lines, "#", *block, *listed, "# ]", "# ///"])


def comment(markdown: str) -> str:
    """Return prose as comments."""
    return "\n".join(f"# {line}".rstrip() for line in markdown.strip().split("\n"))


def failing(code: str) -> str:
    """Return a block that must fail so that a script goes on, and prints the error."""
    try:
        ast.parse(code)
        inside = textwrap.indent(code, "    ")
    except SyntaxError:
        inside = f"    exec({code!r})"
    handler = f"except Exception as error:\n    {LAST_LINE}"
    return (
        f"import traceback\n\ntry:  # this fails, and is meant to\n{inside}\n{handler}"
    )


class Exporter:
    """Makes the files of one page's programs."""

    def __init__(
        self, page: Page, root: Path, site_url: str, verified_as: dict[Program, str]
    ) -> None:
        self.page, self.root, self.site_url = page, root, site_url
        self.verified_as, self.title = verified_as, title(page)

    def facts(self, program: Program, what: str, path: str) -> dict[str, str]:
        """Return what the head of a file says."""
        label = LABELS[program.framework]
        return {
            "Title": f"{self.title}, {label}{what}",
            "Page": f"{self.site_url}{self.page.address}",
            "This file": f"{self.site_url}{quote(path)}",
            "Licence": "MIT (code), CC BY 4.0 (prose)" if not what else "MIT",
            "Verified": self.verified_as[program],
        }

    def exports(self) -> list[Export]:
        """Return every file of the page."""
        return [x for program in self.verified_as for x in self.exports_of(program)]

    def exports_of(self, program: Program) -> Iterator[Export]:
        """Yield a program's script, its notebook, and each block's program."""
        base = f"{FOLDER}/{stem(self.page)}.{program.framework}"
        pieces = parts(self.page, program.framework, self.root, self.site_url)
        code = "\n".join(block.text for block in program.blocks if not block.raises)
        needs = dependencies(code, self.root)
        yield self.script(program, f"{base}.py", pieces, needs)
        yield self.notebook(program, f"{base}.ipynb", pieces, needs)
        slicer = Slicer(program.blocks)
        for index, block in enumerate(program.blocks):
            path = f"{base}.{index + 1}.py"
            yield self.block(program, index, block, slicer.code(index), path)

    def origin(self, program: Program) -> tuple[str, str]:
        """Return the page and the framework that a file is made of."""
        return self.page.name, program.framework

    def script(
        self,
        program: Program,
        path: str,
        pieces: list[str | Block],
        needs: dict[str, str],
    ) -> Export:
        """Return the whole program as one file, with the prose as comments."""
        notes = (
            "Run it with python FILE, or uv run FILE; what it fetches goes to data/."
        )
        body = [head(self.facts(program, "", path), needs, notes)]
        for piece in pieces:
            if isinstance(piece, str):
                body.append(comment(piece))
            else:
                text = piece.text.strip("\n")
                body.append(failing(text) if piece.raises else text)
        outputs = [block.output for block in program.blocks if block.output]
        output: list[str | None] = []
        for shown in outputs:
            output += [None] if shown.varies else map(str, shown.lines)
        atols = [shown.atol for shown in outputs if shown.atol]
        text = "\n\n".join(body) + "\n"
        atol = max(atols, key=float, default=None)
        return Export(*self.origin(program), "script", path, output, atol, False, text)

    def notebook(
        self,
        program: Program,
        path: str,
        pieces: list[str | Block],
        needs: dict[str, str],
    ) -> Export:
        """Return the whole program as a notebook with its verified outputs."""
        facts = self.facts(program, "", path)
        told = "\n".join(
            f"- {name}: {x}" for name, x in facts.items() if name != "Title"
        )
        text = notebook(pieces, f"**{facts['Title']}**\n\n{told}", needs)
        return Export(*self.origin(program), "notebook", path, [], None, False, text)

    def block(
        self, program: Program, index: int, block: Block, code: str, path: str
    ) -> Export:
        """Return the program in which one block runs alone."""
        needs = dependencies(code, self.root)
        facts = self.facts(program, f", block {index + 1}", path)
        notes = "This block and what it needs of those above it."
        if block.raises:
            notes += " It fails as the page shows, and is meant to."
        output: list[str | None] = [None]  # what it needs may print, too
        if block.output and not block.output.varies:
            output += map(str, block.output.lines)
        atol = block.output.atol if block.output else None
        text = f"{head(facts, needs, notes)}\n\n{code}\n"
        origin = self.origin(program)
        return Export(*origin, "block", path, output, atol, block.raises, text)


def export_all(
    pages: list[Page],
    root: Path,
    site_url: str,
    known: dict[str, dict[str, Any]] | None = None,
) -> list[Export]:
    """Return every file of these pages; ValueError where two would share a name.

    `known` is what `cache.held` returns, where it is known already. With VERIFIED_ONLY
    in the environment, also where a program has not passed.
    """
    check_stems(pages)
    if known is None:
        known = held([x for page in pages for x in page.programs], root)
    return [x for page in pages for x in export_page(page, root, site_url, known)]


def check_stems(pages: list[Page]) -> None:
    """Refuse two pages with programs that would share their names: ValueError."""
    taken: dict[str, str] = {}
    for page in (page for page in pages if page.blocks):
        other = taken.setdefault(page.stem, page.name)
        if other != page.name:
            raise ValueError(f"docs/{page.name}: docs/{other} has the same file name")


def export_page(
    page: Page, root: Path, site_url: str, known: dict[str, dict[str, Any]]
) -> list[Export]:
    """Return every file of one page; `known` has the stamps that hold, by program."""
    verified_as = {x: verified(known[x.name]) for x in page.programs}
    for program, said in verified_as.items():
        if os.environ.get("VERIFIED_ONLY") and said == NOT_VERIFIED:
            raise ValueError(f"{program.name}: {said}, so nothing is built")
    return Exporter(page, root, site_url, verified_as).exports()


def write_all(exports: list[Export], site: Path) -> None:
    """Write the files, and `programs.json`, which lists them."""
    (site / FOLDER).mkdir(parents=True, exist_ok=True)
    listed = []
    for export in exports:
        (site / export.path).write_text(export.text, encoding="utf-8")
        facts = asdict(export)
        del facts["text"]
        listed.append(facts)
    text = json.dumps(listed, indent=1, ensure_ascii=False) + "\n"
    (site / "programs.json").write_text(text, encoding="utf-8")
