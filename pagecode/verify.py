"""Run programs, each in a process of its own, and hold what they print against the page."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pagecode import cache
from pagecode.compare import first_difference
from pagecode.page import FRAMEWORKS, Block, Page, Program

NOT_RUN = "not run, because of"
PACKAGES = {"pytorch": ["torch", "torchvision"], "tensorflow": ["tensorflow", "keras"]}
ENDING_LIMIT = 60.0  # seconds for starting Python, and for ending after the last block


class Failure(AssertionError):
    """What is wrong, where on the page and in the snippet, and what to do."""


class Mismatch(Failure):
    """An output that is not what its block prints: `record` would rewrite it."""


@dataclass
class Result:
    """What one block did."""

    text: str = ""
    error: str | None = None  # the last line that Python prints of it
    trace: list[tuple[str, int]] = field(default_factory=list)  # innermost frame last
    statements: list[tuple[int, str, int]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def lines(self) -> list[str]:
        """What the output must show: what was printed, and the error, if there was one."""
        printed = [line.rstrip() for line in self.text.rstrip().splitlines()]
        return printed + ([self.error] if self.error else [])

    def origin(self, index: int) -> tuple[str, int]:
        """Return the file and line of the statement that printed line `index`."""
        offset = len("".join(self.text.splitlines(keepends=True)[:index]).encode())
        started = [place for place in self.statements if place[0] <= offset]
        return (started or self.statements)[-1][1:]


def judge(block: Block, result: Result, page: Page, root: Path) -> None:
    """Raise Failure unless the block did what the page shows."""
    name, output, lines = page.name, block.output, result.lines

    def place(file: str, line: int) -> str:
        return f"{os.path.relpath(file, root)}:{line}"

    if result.error and not block.raises:
        trace = "".join(f"\n  at        {place(*frame)}" for frame in result.trace)
        trace += f"\n  error     {result.error}"
        raise Failure(f"{block.where}: this block fails{trace}")
    if block.raises and not result.error:
        raise Failure(f"{block.where}: this block is to fail (`raises`), but runs")
    if not output and not lines:
        return
    if not output:
        raise Failure(
            f"{block.where}: no output shows what this block prints\n"
            f"  at        {place(*result.origin(0))}\n"
            f"  printed   {lines[0]}\n"
            f"  to do     add an empty ```text fence, then `make record PAGE={name}`"
        )
    page_file = block.where.rpartition(":")[0]
    if not lines:
        raise Failure(
            f"{page_file}:{output.line}: nothing prints this output\n"
            f"  block     {block.where}\n  to do     remove it, or print it"
        )
    if output.varies:
        return
    difference = first_difference(output.lines, lines, output.atol)
    if difference:
        index, shown, printed = difference
        at = place(*result.origin(min(index, len(lines) - 1)))
        raise Mismatch(
            f"{page_file}:{output.line + index}: the page does not show what is printed\n"
            f"  block     {block.where}\n"
            f"  at        {at}\n"
            f"  shown     {'(nothing)' if shown is None else shown}\n"
            f"  printed   {'(nothing)' if printed is None else printed}\n"
            f"  to do     mend the code; or, if this is right, `make record PAGE={name}`"
        )


class Process:
    """The process of one program, and what it tells."""

    def __init__(self, program: Program, root: Path) -> None:
        self.root = root
        self.folder = tempfile.TemporaryDirectory(prefix="page-")
        inside = Path(self.folder.name)
        work = inside / "work"  # the empty folder in which the program runs
        work.mkdir()
        (root / "data").mkdir(exist_ok=True)
        (work / "data").symlink_to(root / "data", target_is_directory=True)
        others = [name for f, names in PACKAGES.items() if f != program.framework
                  for name in names]  # fmt: skip
        blocks = [
            {
                "raises": block.raises,
                "lines": [
                    [str(x), str(x.file), x.number, x.indent] for x in block.lines
                ],
            }
            for block in program.blocks
        ]
        text = json.dumps({"blocks": blocks, "forbidden": others})
        (inside / "program.json").write_text(text, encoding="utf-8")
        self.events, child_events = os.pipe()
        with (
            (inside / "stdout").open("ab") as out,
            (inside / "stderr").open("ab") as err,
        ):
            self.popen = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__).with_name("run.py")),
                 str(inside / "program.json"), str(child_events)],
                cwd=work, env=cache.environment(root), stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, pass_fds=[child_events], start_new_session=True,
            )  # fmt: skip
        os.close(child_events)
        self.unread = b""

    def next_event(self, seconds: float) -> dict[str, Any] | None:
        """Return what it tells next; None when it has ended, TimeoutError when it hangs."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.unread:
            if not select.select([self.events], [], [], deadline - time.monotonic())[0]:
                raise TimeoutError
            chunk = os.read(self.events, 65536)
            if not chunk:
                return None
            self.unread += chunk
        line, _, self.unread = self.unread.partition(b"\n")
        return json.loads(line)

    def printed(self, start: int, end: int | None = None) -> str:
        """Return what it wrote to standard output between two offsets."""
        with open(Path(self.folder.name) / "stdout", "rb") as out:
            out.seek(start)
            data = out.read() if end is None else out.read(end - start)
        return data.decode(errors="replace")

    def last_words(self) -> str:
        """Return how it ended, and the last lines that it wrote to standard error."""
        status = self.popen.wait()
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        err = (Path(self.folder.name) / "stderr").read_text(errors="replace")
        return "\n            ".join([how, *err.strip().splitlines()[-5:]])

    def kill(self) -> None:
        """End it and everything it started."""
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        os.close(self.events)
        self.folder.cleanup()


def run_blocks(
    process: Process, program: Program, finished: Callable[[Block, Result], None]
) -> int | None:
    """Call `finished` after each block; return peak bytes, None if a block failed."""
    limit, start, block, result = ENDING_LIMIT, 0, program.blocks[0], Result()
    place = ""
    try:
        while event := process.next_event(limit):
            if event["event"] == "block":
                block, result = program.blocks[event["block"]], Result()
                limit, place = block.limit, ""
            elif event["event"] == "statement":
                here = (event["printed"] - start, event["file"], event["line"])
                result.statements.append(here)
                place = f"{os.path.relpath(here[1], process.root)}:{here[2]}"
            elif event["event"] == "end":
                result.text = process.printed(start, event["printed"])
                result.seconds = event["seconds"]
                result.error, result.trace = event.get("error"), event.get("trace", [])
                start, limit = event["printed"], ENDING_LIMIT
                finished(block, result)
                if result.error and not block.raises:
                    return None
            elif event["event"] == "done":
                process.popen.wait(ENDING_LIMIT)
                if process.popen.returncode:
                    raise Failure(
                        f"{block.where}: after this last block the program "
                        f"ends badly: {process.last_words()}"
                    )
                if late := process.printed(start).strip():
                    raise Failure(
                        f"{block.where}: after this last block the program "
                        f"still prints\n  printed   {late.splitlines()[0]}"
                    )
                return event["peak"]
    except (TimeoutError, subprocess.TimeoutExpired):
        if place and limit == block.limit:
            raise Failure(
                f"{block.where}: this block runs longer than {limit:g} s\n"
                f"  at        {place}\n"
                "  to do     make it faster, or give it `limit=SECONDS`"
            ) from None
        raise Failure(
            f"{block.where}: the program does not end: it leaves a thread or "
            "a process running"
        ) from None
    raise Failure(
        f"{block.where}: this block ends the whole program\n"
        f"  at        {place}\n  ended     {process.last_words()}"
    )


class Verifier:
    """Runs programs side by side; use it in a `with` statement."""

    def __init__(self, root: Path, *, use_cache: bool = True) -> None:
        self.root = root
        self.use_cache = use_cache
        self.stamps = cache.stamps(root) if use_cache else {}
        self.pool = ThreadPoolExecutor(os.cpu_count())
        self.live: set[Process] = set()

    def __enter__(self) -> "Verifier":
        return self

    def __exit__(self, *_: object) -> None:
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
        except BaseException as error:
            self.fail_rest(program, error)

    def fail_rest(self, program: Program, error: BaseException) -> None:
        """Let the first block without a result fail, and those after it as not run."""
        for future in program.results.values():
            if not future.done():
                future.set_exception(error)
                if not str(error).startswith(NOT_RUN):
                    error = Failure(f"{NOT_RUN}\n{error}")

    def run(self, program: Program, program_key: str) -> None:
        """Run the program block by block; stamp it when all of it passed."""
        started = time.perf_counter()
        failed: list[Failure] = []
        last = program.blocks[-1]

        def finished(block: Block, result: Result) -> None:
            program.printed[block] = result
            try:
                judge(block, result, program.page, self.root)
                if block is not last:  # the last block's program must also end well
                    program.results[block].set_result(None)
            except Failure as failure:
                failed.append(failure)
                program.results[block].set_exception(failure)

        process = Process(program, self.root)
        self.live.add(process)
        try:
            peak = run_blocks(process, program, finished)
        finally:
            self.live.discard(process)
            process.close()
        if peak is None:
            self.fail_rest(program, Failure(f"{NOT_RUN}\n{failed[-1]}"))
        elif not failed:
            seconds = time.perf_counter() - started
            program.stamp = cache.stamp(program, program_key, seconds, peak, self.root)
        if not program.results[last].done():
            program.results[last].set_result(None)
