"""Run the slices in which blocks stand alone, before they are handed out.

A slice is a program like a page's own: it is run and judged alike, by the lines, the
figures or the error that its block shows. Only what it needs may print, too. A block
whose slice fails gets everything above it, which the page's own run has proven.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pagecode.give.slices import Slicer
from pagecode.prove import store
from pagecode.prove.inputs import code_of
from pagecode.prove.verify import Verifier
from pagecode.read.page import Block, Program
from pagecode.run.process import Result
from pagecode.run.runner import Run


class Prover(Verifier):
    """Runs slices, but not those that have run as they are now."""

    stamps = store.SLICES

    def judge(self, run: Run, block: Block, result: Result) -> None:
        """Raise Failure unless the last block did what its page shows."""
        if result.error or block is run.program.blocks[-1]:
            super().judge(run, block, result)


class Proofs:
    """What is known of slices."""

    def __init__(self, root: Path) -> None:
        self.root, self.known = root, store.Known(store.SLICES, root)

    def hold(self, slice_: Program) -> bool:
        """Whether a slice has run as it is now, on any machine."""
        key = Prover.key(slice_, self.root)
        stamps = self.known.anywhere(key, code_of(slice_))
        return any("failed" not in x and not x["stand_ins"] for x in stamps)


@dataclass
class Proof:
    """A block's slice, and why it failed, if it did."""

    program: Program
    number: int
    slice: Program
    failed: str = ""
    ran: bool = False  # now: it was not known

    @property
    def where(self) -> str:
        """`pytorch, docs/models/x.md:12`."""
        return f"{self.program.framework}, {self.program.blocks[self.number].where}"


def proofs_of(program: Program) -> list[Proof]:
    """Return what is to be proven of a program: its blocks that have slices."""
    slicer = Slicer(program)
    found = [(x, slicer.alone(x)[0]) for x in range(len(program.blocks))]
    return [Proof(program, number, slice_) for number, slice_ in found if slice_]


def prove(
    proofs: list[Proof], root: Path, *, use_cache: bool = True
) -> Iterator[Proof]:
    """Run slices; yield each when it has passed or failed.

    One that has failed as it is now is not run again.
    """
    with Prover(root, use_cache=use_cache) as prover:
        runs = prover.start([x.slice for x in proofs])
        for proof, run in zip(proofs, runs, strict=True):
            proof.failed = next(map(str, run.failures), "")  # waits for it
            proof.ran = run in prover.starts
            if proof.failed and proof.ran:
                prover.keep(run, failed=proof.failed)
            yield proof


def report(proof: Proof) -> str:
    """Say why a block's slice failed; nothing where it passed."""
    if not proof.failed:
        return ""
    said = proof.failed.replace("\n", "\n    ")
    what = "its block gets everything above it, for a shorter program fails"
    return f"{proof.where}: {what}\n    {said}"
