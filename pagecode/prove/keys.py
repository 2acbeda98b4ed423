"""What a verified program stands on, and the record that it was verified.

`.cache/verified.json` maps a program's key to its stamp. The key is a hash over all
that could change what the program prints. Its first half stands for what was verified,
its second for the machine: a run is spared where both are known, and what a stamp says
holds on any machine as long as the first half is the same.
"""

import fcntl
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from pagecode.book.data import STAND_INS
from pagecode.files import sha256, write
from pagecode.read.page import Program

KEPT = 5000  # stamps; the oldest go first
MACHINE = ("versions", "python", "device", "processor", "settings")


def settings() -> dict[str, str]:
    """Return the part of a program's environment that could change its numbers."""
    threads = os.environ.get("THREADS", "1")  # programs run side by side: one each
    passed = ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
    found = {name: os.environ[name] for name in passed if name in os.environ}
    return found | {
        "OMP_NUM_THREADS": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "KERAS_BACKEND": "tensorflow",
        "MPLBACKEND": "agg",
        "PYTHONUTF8": "1",
    }


def environment(root: Path) -> dict[str, str]:
    """Return a program's whole environment: the settings, and where things are."""
    passed = {x: os.environ[x] for x in ("PATH", "HOME", "TMPDIR") if x in os.environ}
    ours = root / ".cache"  # not the user's own choices for these libraries
    homes = {
        "KERAS_HOME": str(ours / "keras"),
        "MPLCONFIGDIR": str(ours / "matplotlib"),
    }
    return settings() | passed | homes


@lru_cache
def device() -> str:
    """Name the GPU of this machine, or `CPU`; a program may see less of it."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    except FileNotFoundError:
        return "CPU"
    # A driver that is broken says so in the same place.
    names = re.findall(r"(?m)^GPU \d+: (.+?) \(UUID", listed.stdout)
    return ", ".join(names) or "CPU"


@lru_cache
def processor() -> str:
    """Name the kind of CPU: its vector instructions decide the last bits."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor()
    found = [x for x in lines if x.startswith(("model name", "flags", "Features"))]
    return " ".join(sorted(set(found)))


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
        "device": device(),
        "processor": processor(),
        "settings": settings(),
    }


def digest(facts: dict[str, Any]) -> str:
    """Return the hash over facts."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def key(program: Program, root: Path, around: dict[str, Any] | None = None) -> str:
    """Return the hash over what is verified, and that over the machine: `a-b`."""
    found = ingredients(program, root, around)
    machine = {name: found.pop(name) for name in MACHINE}
    return f"{digest(found)}-{digest(machine)}"


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


def git(root: Path, *words: str) -> str:
    """Return what git says, or nothing where there is no repository."""
    try:
        said = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return said.stdout.strip()


def stamp(
    program: Program, program_key: str, measured: dict[str, Any], root: Path
) -> dict[str, Any]:
    """Add this program's stamp, with what was measured of its run, and return it."""
    packages = ("torch", "torchvision", "tensorflow", "keras", "numpy")
    installed = {d.name: d.version for d in distributions()}
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
