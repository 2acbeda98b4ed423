"""Verify programs: run what has changed since it passed, and remember what passes."""

from pathlib import Path

from pagecode.prove import keys, store
from pagecode.run.runner import Run, Runner


class Verifier(Runner):
    """Runs programs, but not those that have passed as they are now."""

    def __init__(self, root: Path, *, use_cache: bool = True) -> None:
        super().__init__(root)
        self.known = store.stamps(root) if use_cache else {}

    def perform(self, run: Run) -> None:
        """Take the program's results from its stamp, or run it."""
        if stamp := self.known.get(keys.key(run.program, self.root)):
            run.stamp = stamp
            for future in run.results.values():
                future.set_result(None)
        else:
            super().perform(run)

    def passed(self, run: Run) -> None:
        """Stamp the program."""
        program_key = keys.key(run.program, self.root)
        run.stamp = store.stamp(run.program, program_key, run.measured, self.root)


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
