"""What a pass stands on, as far as it is known before anything runs.

A key is two hashes: one over what was verified, which is the same on any machine, and
one over the machine. What else a run used, `inputs` finds out when it has run.
"""

import hashlib
import json
import os
import sys
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from pagecode.files import sha256
from pagecode.frameworks import hidden_from
from pagecode.read.page import Program
from pagecode.run import machine

PAGECODE = Path(__file__).parents[1]
PLACES = {"where", "line", "indent"}  # of a block or an output: it may move
NOT_IN_A_RUN = {
    "run/record.py",
    "run/repeat.py",
}  # what in `run/` only makes use of runs


@lru_cache
def code(*more: str) -> dict[str, str]:
    """Return the hashes of the code that runs and compares, and of more files."""
    names = {f"run/{x.name}" for x in (PAGECODE / "run").glob("*.py")} - NOT_IN_A_RUN
    return {name: sha256(PAGECODE / name) for name in names | {*more}}


def facts(value: Any, *but: str) -> dict[str, Any]:
    """Return what a block or an output says, but for its place on the page."""
    names = {x.name for x in fields(value)} - PLACES - {*but}
    return {name: getattr(value, name) for name in names}


def files(program: Program) -> set[Path]:
    """Return the project's files that a program is made of: a commit must have them."""
    pictures = (picture for block in program.blocks for picture in block.pictures)
    found = {line.file for block in program.blocks for line in block.lines}
    return found | {program.page.path, *(x.path for x in pictures)}


def content(
    program: Program, root: Path, *, modules: bool = True, judge: str = ""
) -> dict[str, Any]:
    """Return what a pass stands on that is the same on every machine.

    Without modules, it stands on its own lines and not on what is around them. `judge`
    is the code that judges its blocks, where that is not `run/judge.py` alone.
    """
    blocks = program.blocks
    # A line of the page's own is a command, which is among the blocks, or empty.
    files = {line.file for block in blocks for line in block.lines if line.strip()}
    files = files - {program.page.path} if modules else set()
    return {
        "blocks": [
            facts(x, "lines", "instead", "output", "pictures") | {"text": x.text}
            for x in blocks
        ],
        "outputs": [x.output and facts(x.output) for x in blocks],
        "pictures": [
            [p.path.exists() and sha256(p.path) for p in block.pictures]
            for block in blocks
        ],
        "modules": {
            Path(os.path.relpath(x, root)).as_posix(): sha256(x) for x in files
        },
        "framework": [program.framework, hidden_from(program.framework)],
        "code": [code(), judge],
    }


def around() -> dict[str, Any]:
    """Return what a pass stands on that is the machine's."""
    return {
        "python": sys.version,
        "device": machine.device(),
        "processor": machine.processor(),
        "settings": machine.settings(),
    }


def digest(found: Any) -> str:
    """Return the hash over facts."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def key(program: Program, root: Path, **how: Any) -> str:
    """Return the hash over what is verified, and that over the machine: `a-b`.

    `how` is what `content` takes.
    """
    return f"{digest(content(program, root, **how))}-{digest(around())}"
