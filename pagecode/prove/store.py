"""The record of what passed: `.cache/verified.json` has a stamp by each key."""

import fcntl
import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pagecode.files import write
from pagecode.git import git
from pagecode.prove import keys
from pagecode.prove.keys import content, digest, key, surroundings
from pagecode.read.page import Program

KEPT = 5000  # stamps; the oldest go first


def stamps(root: Path) -> dict[str, dict[str, Any]]:
    """Return the stamps by their programs' keys; none where the file is torn."""
    try:
        return json.loads((root / ".cache" / "verified.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}


def dated(root: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the programs' stamps with their keys, the newest last.

    A run on stand-ins for data compared no numbers: its stamp says nothing.
    """
    found = [(x, facts) for x, facts in stamps(root).items() if "date" in facts]
    found = [pair for pair in found if not pair[1].get("stand_ins")]
    return sorted(found, key=lambda pair: pair[1]["date"])


def held(programs: list[Program], root: Path) -> dict[str, dict[str, Any]]:
    """Return by program's name its stamps that hold, by device, the newest of each."""
    known, around = dated(root), surroundings(root)
    found: dict[str, dict[str, Any]] = {}
    for program in programs:
        what = key(program, root, around).partition("-")[0]
        stamps_of = [facts for x, facts in known if x.partition("-")[0] == what]
        found[program.name] = {facts["device"]: facts for facts in stamps_of}
    return found


def stamp(
    program: Program, program_key: str, measured: dict[str, Any], root: Path
) -> dict[str, Any]:
    """Add this program's stamp, with what was measured of its run, and return it."""
    packages = ("torch", "torchvision", "tensorflow", "keras", "numpy")
    installed = {d.name: d.version for d in keys.distributions()}
    facts = {
        "page": program.page.name,
        "framework": program.framework,
        "content": digest(content(program, root)),
        "blocks": len(program.blocks),
        "outputs": sum(block.output is not None for block in program.blocks),
        "python": platform.python_version(),
        "versions": {name: installed[name] for name in packages if name in installed},
        "commit": git(root, "rev-parse", "--verify", "-q", "HEAD"),
        "dirty": bool(git(root, "status", "--porcelain")),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    } | measured
    keep(program_key, facts, root)
    return facts


def keep(a_key: str, facts: dict[str, Any], root: Path) -> None:
    """Add facts under a key: whole or not at all, also when two runs end at once."""
    folder = root / ".cache"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = list((stamps(root) | {a_key: facts}).items())[-KEPT:]
        write(folder / "verified.json", json.dumps(dict(kept), indent=1))
