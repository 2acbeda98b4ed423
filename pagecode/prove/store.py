"""What has passed: stamps of the pages' programs, and of what is handed out of them.

`.cache/verified.json` has the stamps of programs by their keys, `.cache/slices.json`
those of slices, also of those that failed. The newest are at the end; when there are
too many, the oldest go.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pagecode.files import write
from pagecode.prove import keys
from pagecode.prove.inputs import Code, Here, code_of
from pagecode.read.page import Program

STAMPS, SLICES = "verified.json", "slices.json"
KEPT = {SLICES: 5000}  # of another file 1000
Facts = dict[str, Any]


def stamps(root: Path, name: str = STAMPS) -> dict[str, Facts]:
    """Return what a file has by its keys; nothing where it is torn."""
    found: Any = None
    with suppress(FileNotFoundError, ValueError):
        found = json.loads((root / ".cache" / name).read_text("utf-8"))
    found = found if isinstance(found, dict) else {}
    # What was kept by an earlier version of this does not say what was used.
    kept = {x: facts for x, facts in found.items() if isinstance(facts, dict)}
    return {
        x: facts for x, facts in kept.items() if isinstance(facts.get("used"), dict)
    }


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time write here."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def keep(name: str, new: dict[str, Facts], root: Path) -> None:
    """Add stamps under their keys: all or none, also when two runs end at once."""
    with locked(root / ".cache"):
        old = {x: facts for x, facts in stamps(root, name).items() if x not in new}
        kept = [*old.items(), *new.items()][-KEPT.get(name, 1000) :]
        lines = (f"{json.dumps(x)}: {json.dumps(facts)}" for x, facts in kept)
        write(root / ".cache" / name, "{\n" + ",\n".join(lines) + "\n}\n")


class Known:
    """What has passed until now, and whether it still holds."""

    def __init__(self, name: str, root: Path) -> None:
        self.here = Here(root)
        self.stamps: dict[str, list[tuple[str, Facts]]] = {}
        for key, facts in stamps(root, name).items():
            content, _, machine = key.partition("-")
            self.stamps.setdefault(content, []).append((machine, facts))

    def find(self, key: str, code: Code) -> Facts | None:
        """Return the stamp under this key if the code would find all as it was."""
        content, _, machine = key.partition("-")
        for place, facts in reversed(self.stamps.get(content, [])):
            if place.startswith(machine) and self.here.has(facts["used"], code):
                return facts
        return None

    def anywhere(self, key: str, code: Code) -> list[Facts]:
        """Return what holds of this key on any machine, the newest last."""
        found = [facts for _, facts in self.stamps.get(key.partition("-")[0], [])]
        return [x for x in found if self.here.asks_for(x["used"], code)]

    def holding(self) -> dict[str, Facts]:
        """Return by content all that passed and holds here, the newest of each."""
        found = (x for stamps in self.stamps.values() for _, x in stamps)
        passed = (x for x in found if "failed" not in x)
        return {x["content"]: x for x in passed if self.here.has(x["used"], ())}


def dated(root: Path) -> list[Facts]:
    """Return the programs' stamps, the newest last.

    A run on stand-ins for data compared no numbers: its stamp says nothing.
    """
    return [x for x in stamps(root).values() if not x["stand_ins"]]


def held(programs: list[Program], root: Path) -> dict[str, dict[str, Facts]]:
    """Return by program's name its stamps that hold, by device, the newest of each."""
    known, found = Known(STAMPS, root), dict[str, dict[str, Facts]]()
    for program in programs:
        stamps = known.anywhere(keys.key(program, root), code_of(program))
        found[program.name] = {x["device"]: x for x in stamps if not x["stand_ins"]}
    return found
