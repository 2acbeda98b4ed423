"""Write what can be taken away: a script and a notebook per program, a file per block.

Everything is made from the programs that `verify` runs. Under `programs/` lie
`PAGE.FRAMEWORK.py` and `.ipynb`, and `PAGE.FRAMEWORK.N.py` for block N; beside that
folder lies `programs.json`, which lists them.
"""

import os
import re
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pagecode.frameworks import LABELS, PACKAGES
from pagecode.give.needs import Needs, faults
from pagecode.give.notebook import notebook
from pagecode.give.parts import parts
from pagecode.give.proof import Proofs
from pagecode.give.slices import Slicer, guarded
from pagecode.read.page import Block, Page, Program
from pagecode.run.script import HELPER

FOLDER = "programs"
NOT_VERIFIED = "not verified here yet (make test does it)"
PYTHON = ">=3.11,<3.14"
GUARD = re.compile(r"^\s*if\b.*(?<![\w.])__name__\b", re.MULTILINE)
FORKED = """
- It starts processes, and in a notebook they find its functions only where they are
  forked, as on Linux: on macOS and Windows, run the script."""
Stamps = dict[str, dict[str, Any]]  # a program's stamps that hold, by device


@dataclass(frozen=True, kw_only=True)
class Export:
    """One file that is handed out, and what it prints."""

    page: str  # models/x.md
    framework: str  # pytorch, tensorflow or both
    kind: str  # script, notebook or block
    path: str  # programs/x.pytorch.3.py
    # The lines it prints; None where there may be any others.
    output: list[str | None] = field(default_factory=list)
    atol: str | None = None  # wider room for the floats in them
    raises: bool = False  # it fails, with the last line of the output as its error
    text: str

    @property
    def shown(self) -> str:
        """Where a notebook lies for the site to show: notebooks/x.pytorch.ipynb."""
        return self.path.replace(FOLDER, "notebooks", 1)


def versions(stamp: dict[str, Any]) -> str:
    """Say which versions a program was verified with, of what it could import."""
    other = {"pytorch": "tensorflow", "tensorflow": "pytorch"}.get(stamp["framework"])
    hidden = PACKAGES.get(other or "", [])
    own = {name: x for name, x in stamp["versions"].items() if name not in hidden}
    return ", ".join(f"{x} {y}" for x, y in ({"Python": stamp["python"]} | own).items())


def verified(by_device: Stamps) -> str:
    """Say when and with what a program was verified, on one of the devices."""
    if not by_device:
        return NOT_VERIFIED
    stamp = by_device[min(by_device, key=cpu_first)]
    return f"{stamp['date'][:10]}, {versions(stamp)}, {stamp['device']}"


def cpu_first(device: str) -> tuple[bool, str]:
    """Order devices: the one that every reader has comes first."""
    return device != "CPU", device


def metadata(needs: dict[str, str]) -> str:
    """Return what a file needs, as PEP 723 has it.

    It comes first, so that no prose stands in the two lines in which Python looks for
    an encoding; and an empty line ends it, so that no prose can be taken for its end.
    """
    listed = [f'#     "{need}",' for need in needs.values()]
    start = ["# /// script", f'# requires-python = "{PYTHON}"', "# dependencies = ["]
    return "\n".join([*start, *listed, "# ]", "# ///"]) + "\n"


def comment(markdown: str) -> str:
    """Return prose as comments, none of which can be taken for metadata."""
    lines = (f" {x}" if x.startswith("///") else x for x in markdown.split("\n"))
    return "\n".join(f"# {line}".rstrip() for line in lines)


def is_guarded(program: Program) -> bool:
    """Whether a program starts processes under `if __name__ == "__main__":`."""
    blocks = (block for block in program.blocks if not block.instead)
    return any(GUARD.search(block.text) for block in blocks)


class Exporter:
    """Makes the files of one program."""

    def __init__(
        self, program: Program, root: Path, site_url: str, stamps: Stamps
    ) -> None:
        self.program, self.page = program, program.page
        self.url, self.verified = site_url, verified(stamps)
        self.base = f"{FOLDER}/{self.page.stem}.{program.framework}"
        self.pieces = parts(self.page, program.framework, root, site_url)
        self.needs = Needs(program.blocks, root)

    def facts(self, path: str, licence: str, what: str = "") -> dict[str, str]:
        """Return what the head of a file says."""
        label = LABELS[self.program.framework]
        return {
            "Title": f"{' '.join(self.page.title.split())}, {label}{what}",
            "Page": f"{self.url}{self.page.address}",
            "This file": f"{self.url}{quote(path)}",
            "Licence": licence,
            "Verified": self.verified,
        }

    def head(self, facts: dict[str, str], blocks: Sequence[Block], notes: str) -> str:
        """Return the top of a file: what it needs, what it is, where it comes from."""
        title, *others = facts.items()
        said = [title[1], *(f"{name}: {value}" for name, value in others)]
        said += textwrap.wrap(notes, 86, break_long_words=False)
        return f"{metadata(self.needs.of(blocks))}\n{comment(chr(10).join(said))}"

    def made(self, kind: str, path: str, text: str, **promise: Any) -> Export:
        """Return a file."""
        name, framework = self.page.name, self.program.framework
        return Export(
            page=name, framework=framework, kind=kind, path=path, text=text, **promise
        )

    def script(self) -> Export:
        """Return the whole program as one file, with the prose as comments."""
        path, licence = f"{self.base}.py", "MIT (code), CC BY 4.0 (prose)"
        notes = (
            "Run it with python FILE, or uv run FILE; what it fetches goes to data/."
        )
        body = [self.head(self.facts(path, licence), self.program.blocks, notes)]
        for piece in self.pieces:
            if isinstance(piece, str):
                body.append(comment(piece.strip()))
                continue
            if piece.raises and HELPER.strip() not in body:
                body.append(HELPER.strip())
            lines = guarded(piece) if piece.raises else piece.lines
            body.append("\n".join(lines).strip("\n"))
        shown = [block.output for block in self.program.blocks if block.output]
        output = [x for y in shown for x in ([None] if y.varies else map(str, y.lines))]
        atol = max((x.atol for x in shown if x.atol), key=float, default=None)
        text = "\n\n".join(body) + "\n"
        return self.made("script", path, text, output=output, atol=atol)

    def notebook(self) -> Export:
        """Return the whole program as a notebook with its verified outputs."""
        path, licence = f"{self.base}.ipynb", "MIT (code), CC BY 4.0 (prose)"
        facts = self.facts(path, licence)
        told = [f"- {name}: {x}" for name, x in facts.items() if name != "Title"]
        needs = self.needs.of(self.program.blocks)
        head = f"**{facts['Title']}**\n\n" + "\n".join(told)
        head += FORKED * is_guarded(self.program)
        return self.made("notebook", path, notebook(self.pieces, head, needs))

    def block(self, number: int, program: Program) -> Export:
        """Return the file of the program in which one block runs alone."""
        path = f"{self.base}.{number + 1}.py"
        facts = self.facts(path, "MIT", f", block {number + 1}")
        *above, block = program.blocks
        notes = "This block and what it needs of those above it."
        if block.raises:
            notes += " It fails as the page shows, and is meant to."
        code = [x.text.strip("\n") for x in program.blocks]
        text = (
            "\n\n\n".join([self.head(facts, program.blocks, notes), *code]).rstrip()
            + "\n"
        )
        output, atol = block.output, block.output.atol if block.output else None
        lines: list[str | None] = [None] if above else []  # what it needs may print
        if output and output.varies:
            lines = [None]
        elif output:
            lines += map(str, output.lines)
        promise = {"output": lines, "atol": atol, "raises": block.raises}
        return self.made("block", path, text, **promise)


def export_page(
    page: Page, root: Path, site_url: str, stamps: dict[str, Stamps]
) -> Iterator[Export]:
    """Yield every file of a page: of each program a script, a notebook, its blocks.

    `stamps` has each program's, by its name. A block's program is its slice where that
    is known to run. ValueError where an import is of no known package, and, with
    VERIFIED_ONLY in the environment, where a program has not passed.
    """
    if wrong := faults(page, root):
        raise ValueError("\n".join(map(str, wrong)))
    proofs = Proofs(root)
    for program in page.programs:
        known = stamps[program.name]
        if os.environ.get("VERIFIED_ONLY") and not known:
            raise ValueError(f"{program.name}: {NOT_VERIFIED}, so nothing is built")
        exporter, slicer = Exporter(program, root, site_url, known), Slicer(program)
        yield exporter.script()
        yield exporter.notebook()
        for number in range(len(program.blocks)):
            shorter, everything = slicer.alone(number)
            if shorter and proofs.hold(shorter):
                everything = shorter
            yield exporter.block(number, everything)


def check_stems(pages: list[Page]) -> None:
    """Raise ValueError where files of two pages would have the same name."""
    taken: dict[str, str] = {}
    for page in (page for page in pages if page.blocks):
        name = unicodedata.normalize("NFC", page.stem).casefold()  # as disks compare
        other = taken.setdefault(name, page.name)
        if other != page.name:
            raise ValueError(f"docs/{page.name}: docs/{other} has the same file name")
