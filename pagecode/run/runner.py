"""Run programs side by side, each in a process of its own, and judge their blocks."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from pagecode.read.page import Block, Program
from pagecode.run.judge import judge
from pagecode.run.machine import jobs
from pagecode.run.process import Failure, Process, Result

NOT_RUN = "not run, because of"
ROOM = "make what is named readable and writable, or free some space"


class Run:
    """A run of one program: what each block did, and whether that is what is shown.

    `results` has a future for each block. It is fulfilled when the block has passed,
    and holds a Failure when it has not.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.results: dict[Block, Future] = {x: Future() for x in program.blocks}
        self.printed: dict[Block, Result] = {}  # of the blocks that ran in this run
        self.stamp: dict[str, Any] = {}  # what was verified, once all of it passed
        # Seconds, memory, device, stand-ins; what it read under data/, and the modules
        # that it loaded and that are not Python's own.
        self.measured: dict[str, Any] = {}

    @property
    def failures(self) -> list[BaseException]:
        """Wait for all blocks; return what failed, without those that never ran."""
        found = [future.exception() for future in self.results.values()]
        return [x for x in found if x and not str(x).startswith(NOT_RUN)]

    def settle(self, block: Block, failure: Failure | None) -> None:
        """Give a block its result."""
        if failure:
            self.results[block].set_exception(failure)
        else:
            self.results[block].set_result(None)

    def fail_rest(self, error: BaseException) -> None:
        """Let the first block without a result fail, and those after it as not run."""
        for future in self.results.values():
            if not future.done():
                future.set_exception(error)
                if not str(error).startswith(NOT_RUN):
                    error = Failure(f"{NOT_RUN}\n{error}")


class Runner:
    """Runs programs side by side; use it in a `with` statement."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pool = ThreadPoolExecutor(jobs())
        self.live: set[Process] = set()
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True  # for those that are about to start
        self.pool.shutdown(wait=False, cancel_futures=True)
        for process in list(self.live):
            process.kill()
        self.pool.shutdown()

    def start(self, programs: list[Program]) -> list[Run]:
        """Begin to run these programs, in this order; return their runs."""
        runs = [Run(program) for program in programs]
        for run in runs:
            self.pool.submit(self.fulfil, run)
        return runs

    def fulfil(self, run: Run) -> None:
        """Give every block of the run its result."""
        page = run.program.page
        try:
            if page.faults:
                raise Failure("\n".join(map(str, page.faults)))
            self.perform(run)
        except OSError as error:
            what = f"its program cannot be run or stamped here ({error})"
            run.fail_rest(Failure(f"docs/{page.name}: {what}\n  to do     {ROOM}"))
        except BaseException as error:
            run.fail_rest(error)

    @contextmanager
    def alive(self, process: Process) -> Iterator[None]:
        """While it is ours, let a process end with this runner."""
        self.live.add(process)
        try:
            if self.closed:
                process.kill()
            yield
        finally:  # its number may soon be that of another
            self.live.discard(process)

    def perform(self, run: Run) -> None:
        """Run the program, judging block by block; call `passed` where all did."""
        program, failed, found = run.program, "", None
        started = time.perf_counter()
        *_, last = program.blocks
        with Process(program, self.root) as process, self.alive(process):
            for block, result in process.follow():
                run.printed[block], found = result, None
                try:
                    self.judge(run, block, result)
                except Failure as failure:
                    failed, found = str(failure), failure
                if block is not last:  # with the last, the process must end well
                    run.settle(block, found)
        seconds = round(time.perf_counter() - started, 1)
        run.measured = {"seconds": seconds} | process.told
        if last not in run.printed:
            raise Failure(f"{NOT_RUN}\n{failed}")
        result = run.printed[last]
        run.measured |= {"peak_bytes": result.peak, "stand_ins": result.stand_ins}
        if not failed:
            self.passed(run)
        run.settle(last, found)

    def judge(self, run: Run, block: Block, result: Result) -> None:
        """Raise Failure unless a block did what its page shows."""
        judge(block, result, run.program, self.root)

    def passed(self, run: Run) -> None:
        """Take note that a program has passed. Here: forget it."""
