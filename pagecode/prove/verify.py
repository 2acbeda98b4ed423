"""Verify programs: run what has changed since it passed, and remember what passes."""

import inspect
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pagecode import git
from pagecode.frameworks import PACKAGES
from pagecode.prove import inputs, keys, packages, store
from pagecode.prove.inputs import Here, code_of
from pagecode.read.page import Program
from pagecode.run.process import Failure
from pagecode.run.runner import Run, Runner

NAMED = [*(x for names in PACKAGES.values() for x in names), "numpy"]  # in a stamp


class Start:
    """How things were before a program ran: what changes meanwhile is not proven."""

    def __init__(self, program: Program, key: str, root: Path) -> None:
        self.key, self.data = key, Here(root).walk
        self.git = git.state(root, keys.files(program))


class Verifier(Runner):
    """Runs programs, but not those that have passed as they are now."""

    stamps = store.STAMPS  # the file that they are kept in

    def __init__(self, root: Path, *, use_cache: bool = True) -> None:
        super().__init__(root)
        self.known = store.Known(self.stamps, root) if use_cache else None
        self.starts: dict[Run, Start] = {}

    @classmethod
    def key(cls, program: Program, root: Path) -> str:
        """Return the key of a program as it is now, run and judged by this class."""
        judge = "" if cls.judge is Runner.judge else inspect.getsource(cls.judge)
        modules = cls.stamps == store.STAMPS  # a slice leaves them behind
        return keys.key(program, root, modules=modules, judge=judge)

    def perform(self, run: Run) -> None:
        """Take the program's results from its stamp, or run it."""
        program, key = run.program, self.key(run.program, self.root)
        known = (self.known and self.known.find(key, code_of(program))) or {}
        if "failed" in known:
            raise Failure(known["failed"])
        if known:
            run.stamp = known
            for future in run.results.values():
                future.set_result(None)
        else:
            self.starts[run] = Start(program, key, self.root)
            super().perform(run)

    def passed(self, run: Run) -> None:
        """Stamp the program."""
        run.stamp = self.keep(run)

    def keep(self, run: Run, **said: str) -> dict[str, Any]:
        """Keep what a run was if its program is as it was before; return its stamp."""
        before = self.starts[run]
        after = Start(run.program, self.key(run.program, self.root), self.root)
        made = stamp(run, before, after, self.root) | said
        if before.key == after.key:
            name = f"{after.key}-{keys.digest(made['used'])}"
            store.keep(self.stamps, {name: made}, self.root)
        return made


def stamp(run: Run, before: Start, after: Start, root: Path) -> dict[str, Any]:
    """Return a program's stamp, with what was measured of its run."""
    program, measured = run.program, dict(run.measured)
    used = inputs.used(program, measured, before.data, root)
    for name in ("read", "modules"):
        measured.pop(name, None)
    installed = {name: packages.version(name) for name in NAMED}
    changed = after.git.changed
    if before.git != after.git:
        changed = changed or before.git.changed or "another commit was checked out"
    return {
        "page": program.page.name,
        "framework": program.framework,
        "content": after.key.partition("-")[0],
        "blocks": len(program.blocks),
        "outputs": sum(block.output is not None for block in program.blocks),
        "python": platform.python_version(),
        "versions": {name: x for name, x in installed.items() if x},
        "commit": after.git.commit,
        "dirty": bool(changed),
        "changed": changed,  # what is not as committed, or why nobody knows
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "used": used,
    } | measured


def report(run: Run) -> str:
    """Say in a line what was verified of the program, and what was not."""
    facts, name = run.stamp, run.program.name
    if not facts:
        return f"{name}: FAILED"
    how = "ran" if run.printed else "unchanged since it ran"
    said = f"{name}: {facts['blocks']} blocks, {facts['outputs']} outputs, "
    said += f"{how} in {facts['seconds']} s on {facts['device']}"
    if varying := sum(bool(b.output and b.output.varies) for b in run.program.blocks):
        said += f"; {varying} outputs not compared, for they vary"
    if facts["stand_ins"]:
        said += f"; NUMBERS NOT COMPARED, stand-ins: {', '.join(facts['stand_ins'])}"
    return said
