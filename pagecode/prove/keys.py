"""What a pass of a program stands on, as a key.

The key is a hash over all that could change what the program prints. Its first half
stands for what was verified, its second for the machine: a run is spared where both are
known, and what a stamp says holds on any machine as long as the first half is the same.
"""

import hashlib
import json
import os
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from pagecode.book.data import STAND_INS
from pagecode.files import sha256
from pagecode.read.page import Program
from pagecode.run import machine

MACHINE = ("versions", "python", "device", "processor", "settings")


def ingredients(
    program: Program, root: Path, around: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return everything that a pass of this program stands on.

    `around` is what `surroundings` returns, where several programs share it.
    """
    return (around or surroundings(root)) | content(program, root)


def content(program: Program, root: Path) -> dict[str, Any]:
    """Return what a pass stands on that is the same on every machine: text."""
    files = {line.file for block in program.blocks for line in block.lines}
    files |= set(Path(__file__).parents[1].rglob("*.py"))
    files |= set((root / "requirements").glob("*.txt"))
    return {
        "blocks": [[b.text, b.raises, b.limit] for b in program.blocks],
        "outputs": [
            b.output and [b.output.lines, b.output.varies, b.output.atol]
            for b in program.blocks
        ],
        "framework": program.framework,
        "pictures": [
            [
                os.path.relpath(p.path, root),
                *(x.exists() and sha256(x) for x in (p.path, p.data)),
            ]
            for b in program.blocks
            for p in b.pictures
        ],
        "files": {os.path.relpath(path, root): sha256(path) for path in sorted(files)},
    }


def surroundings(root: Path) -> dict[str, Any]:
    """Return what any program's numbers stand on, apart from the program."""
    folders = (root / "data", root / STAND_INS)
    data = (path for x in folders for path in x.rglob("*") if path.is_file())
    return {
        "data": {os.path.relpath(path, root): sha256(path) for path in sorted(data)},
        "versions": sorted(f"{d.name}=={d.version}" for d in distributions()),
        "python": sys.version,
        "device": machine.device(),
        "processor": machine.processor(),
        "settings": machine.settings(),
    }


def digest(facts: dict[str, Any]) -> str:
    """Return the hash over facts."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def key(program: Program, root: Path, around: dict[str, Any] | None = None) -> str:
    """Return the hash over what is verified, and that over the machine: `a-b`."""
    found = ingredients(program, root, around)
    machine = {name: found.pop(name) for name in MACHINE}
    return f"{digest(found)}-{digest(machine)}"
