"""Hold what programs do against their pages; run again only what has changed."""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pagecode import cache
from pagecode.compare import first_difference, plot_difference, same_shape
from pagecode.page import Block, Page, Program
from pagecode.process import Failure, Process, Result

NOT_RUN = "not run, because of"
ROOM = "make what is named readable and writable, or free some space"


class Mismatch(Failure):
    """An output or a picture that is not what its block made: `record` rewrites it."""


def judge(block: Block, result: Result, page: Page, root: Path) -> None:
    """Raise Failure unless the block did what the page shows."""

    def place(file: str, line: int) -> str:
        return f"{os.path.relpath(file, root)}:{line}"

    lines, drawn, shown = result.lines, len(result.figures), len(block.pictures)
    if result.error and not block.raises:
        trace = "".join(f"\n  at        {place(*frame)}" for frame in result.trace)
        what = f"this block fails{trace}\n  error     {result.error}"
    elif block.raises and not result.error:
        what = "this block is to fail (`raises`), but runs"
    elif drawn != shown:
        what = (
            f"this block draws {drawn} figures, but {shown} pictures follow it\n"
            "  to do     add ![what to see](figures/PAGE-N.svg) below it for each"
        )
    elif lines and not block.output:
        what = (
            "no output shows what this block prints\n"
            f"  at        {place(*result.origin(0))}\n"
            f"  printed   {lines[0]}\n"
            "  to do     add an empty ```text fence below it, then\n"
            f"            `make record PAGE={page.name}`"
        )
    elif block.output and not lines:
        where = f"docs/{page.name}:{block.output.line}"
        raise Failure(
            f"{where}: nothing prints this output\n"
            f"  block     {block.where}\n"
            "  to do     remove it, or print it"
        )
    else:
        compare_output(block, result, page, place)
        compare_pictures(block, result, page)
        return
    raise Failure(f"{block.where}: {what}")


def compare_output(
    block: Block, result: Result, page: Page, place: Callable[[str, int], str]
) -> None:
    """Raise Mismatch unless the output shows what the block printed."""
    output, lines = block.output, result.lines
    if not output or output.varies:
        return
    if result.stand_ins and same_shape(output.lines, lines):
        return
    difference = first_difference(output.lines, lines, output.atol)
    if difference:
        index, shown, printed = difference
        at = place(*result.origin(min(index, len(lines) - 1)))
        raise Mismatch(
            f"docs/{page.name}:{output.line + index}: not what the block prints\n"
            f"  block     {block.where}\n"
            f"  at        {at}\n"
            f"  shown     {'(nothing)' if shown is None else shown}\n"
            f"  printed   {'(nothing)' if printed is None else printed}\n"
            f"  to do     mend the code, or `make record PAGE={page.name}`"
        )


def compare_pictures(block: Block, result: Result, page: Page) -> None:
    """Raise Mismatch unless the pictures show what the block drew."""
    for picture, (_, plotted) in zip(block.pictures, result.figures, strict=True):
        if not picture.data.exists() or not picture.path.exists():
            what: str | None = "it was never recorded"
        else:
            shown = json.loads(picture.data.read_text())
            what = (
                None if result.stand_ins else plot_difference(shown["plotted"], plotted)
            )
            if shown["sha256"] != cache.sha256(picture.path):
                what = "the file is not the one that was recorded"
        if what:
            raise Mismatch(
                f"{picture.where}: not the figure that the block draws\n"
                f"  block     {block.where}\n"
                f"  differs   {what}\n"
                f"  to do     mend the code, or `make record PAGE={page.name}`"
            )


class Verifier:
    """Runs programs side by side; use it in a `with` statement."""

    def __init__(self, root: Path, *, use_cache: bool = True) -> None:
        self.root = root
        self.stamps = cache.stamps(root) if use_cache else {}
        self.pool = ThreadPoolExecutor(os.cpu_count())
        self.live: set[Process] = set()
        self.closed = False

    def __enter__(self) -> "Verifier":
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True  # for those that are about to start
        self.pool.shutdown(wait=False, cancel_futures=True)
        for process in list(self.live):
            process.kill()
        self.pool.shutdown()

    def start(self, programs: list[Program]) -> None:
        """Begin to fulfil the results of these programs, in this order."""
        for program in programs:
            self.pool.submit(self.verify, program)

    def verify(self, program: Program) -> None:
        """Fulfil the program's results: from its stamp, or by running it."""
        try:
            if program.page.faults:
                raise Failure("\n".join(map(str, program.page.faults)))
            program_key = cache.key(program, self.root)
            if program_key in self.stamps:
                program.stamp = self.stamps[program_key]
                for future in program.results.values():
                    future.set_result(None)
                return
            self.run(program, program_key)
        except OSError as error:
            what = f"its program cannot be run or stamped here ({error})"
            failure = Failure(f"docs/{program.page.name}: {what}\n  to do     {ROOM}")
            self.fail_rest(program, failure)
        except BaseException as error:
            self.fail_rest(program, error)

    def fail_rest(self, program: Program, error: BaseException) -> None:
        """Let the first block without a result fail, and those after it as not run."""
        for future in program.results.values():
            if not future.done():
                future.set_exception(error)
                if not str(error).startswith(NOT_RUN):
                    error = Failure(f"{NOT_RUN}\n{error}")

    @contextmanager
    def alive(self, process: Process) -> Iterator[None]:
        """While it is ours, let a process end with this verifier."""
        self.live.add(process)
        try:
            if self.closed:
                process.kill()
            yield
        finally:  # its number may soon be that of another
            self.live.discard(process)

    def run(self, program: Program, program_key: str) -> None:
        """Run the program, judging block by block; stamp it when all of it passed."""
        started, failed = time.perf_counter(), ""
        *_, last = program.blocks
        with Process(program, self.root) as process, self.alive(process):
            for block, result in process.follow():
                program.printed[block] = result
                try:
                    judge(block, result, program.page, self.root)
                except Failure as failure:
                    failed = str(failure)
                    program.results[block].set_exception(failure)
                else:
                    if block is not last:  # with the last, the process must end well
                        program.results[block].set_result(None)
        if last not in program.printed:
            raise Failure(f"{NOT_RUN}\n{failed}")
        if not failed:
            seconds, result = time.perf_counter() - started, program.printed[last]
            facts = {"seconds": round(seconds, 1), "peak_bytes": result.peak}
            facts |= {"stand_ins": result.stand_ins, "device": process.device}
            program.stamp = cache.stamp(program, program_key, facts, self.root)
        if not program.results[last].done():
            program.results[last].set_result(None)


def report(program: Program) -> str:
    """Say in a line what was verified of the program, and what was not."""
    facts = program.stamp
    if not facts:
        return f"{program.name}: FAILED"
    how = "ran" if program.printed else "unchanged since it ran"
    said = f"{program.name}: {facts['blocks']} blocks, {facts['outputs']} outputs, "
    said += f"{how} in {facts['seconds']} s on {facts['device']}"
    if varying := sum(bool(b.output and b.output.varies) for b in program.blocks):
        said += f"; {varying} outputs not compared, for they vary"
    if facts["stand_ins"]:
        said += f"; NUMBERS NOT COMPARED, stand-ins: {', '.join(facts['stand_ins'])}"
    return said
