"""The process of one program: start it, follow its blocks, leave nothing behind."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pagecode.book.data import STAND_INS, stand_ins
from pagecode.frameworks import hidden_from
from pagecode.read.page import Block, Program
from pagecode.run.machine import environment

ENDING_LIMIT = 60.0  # seconds for starting Python, and for ending after the last block


class Failure(AssertionError):
    """What is wrong, where on the page and in the snippet, and what to do."""


@dataclass
class Result:
    """What one block did."""

    text: str  # what it printed
    error: str | None  # the last line that Python prints of it
    trace: list[tuple[str, int]]  # the error's files and lines, innermost last
    figures: list[tuple[str, list[dict]]]  # SVG, and what it plots
    peak: int  # bytes of memory, at most so far
    stand_ins: list[str]  # what the program has read so far in place of real data
    statements: list[tuple[int, str, int]] = field(default_factory=list)
    # bytes printed before a statement, its file and line

    @property
    def lines(self) -> list[str]:
        """What the output must show: what was printed, and the error if one was."""
        printed = [line.rstrip() for line in self.text.rstrip().splitlines()]
        return printed + ([self.error] if self.error else [])

    def origin(self, index: int) -> tuple[str, int]:
        """Return the file and line of the statement that printed line `index`."""
        offset = len("".join(self.text.splitlines(keepends=True)[:index]).encode())
        started = [place for place in self.statements if place[0] <= offset]
        return (
            started[-1][1:] if started else self.trace[-1]
        )  # a SyntaxError starts none


def accessed(path: Path) -> bool:
    """Whether a file was read, or a folder listed, since its time was set to 0."""
    return path.stat().st_atime_ns != 0


class Process:
    """Runs `child.py` on a program; use it in a `with` statement."""

    def __init__(self, program: Program, root: Path) -> None:
        self.program, self.root = program, root
        # How it ended: `device`, `modules`, `spawned` and `read`.
        self.told: dict[str, Any] = {}
        self.folder = tempfile.TemporaryDirectory(prefix="page-")
        self.inside = Path(self.folder.name)
        work = self.inside / "work"  # the empty folder in which the program runs
        work.mkdir()
        own = self.inside / "tmp"  # what libraries leave there goes with the program
        own.mkdir()
        self.stand_ins = stand_ins(root)
        self.copy_data(work / "data")
        (self.inside / "program.json").write_text(self.as_json(), encoding="utf-8")
        self.events, child_events = os.pipe()
        self.unread = b""
        script, file = (
            Path(__file__).with_name("child.py"),
            self.inside / "program.json",
        )
        with self.file("stdout") as out, self.file("stderr") as err:
            self.popen = subprocess.Popen(
                [sys.executable, "-P", str(script), str(file), str(child_events)],
                cwd=work,
                env=environment(root) | {"TMPDIR": str(own)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=[child_events],
                start_new_session=True,
            )
        os.close(child_events)

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        os.close(self.events)
        self.folder.cleanup()

    def kill(self) -> None:
        """End it and everything it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def copy_data(self, folder: Path) -> None:
        """Copy `data/` into the empty folder, with stand-ins for what it lacks.

        What the program writes there goes with it, as a reader's own copy would. No
        copy has been read yet, says its time of last access.
        """
        data = self.root / "data"
        data.mkdir(exist_ok=True)

        def copy(source: str, target: str) -> None:
            if not os.path.exists(target):  # real data come first
                shutil.copy2(source, target)

        for source in (data, self.root / STAND_INS)[: 2 if self.stand_ins else 1]:
            shutil.copytree(
                source,
                folder,
                copy_function=copy,
                ignore_dangling_symlinks=True,
                dirs_exist_ok=True,
            )
        self.probe = self.inside / "probe"
        self.probe.write_text("read me")
        self.data = [self.probe, folder, *folder.rglob("*")]
        for path in self.data:
            os.utime(path, ns=(0, path.stat().st_mtime_ns))

    def read(self) -> list[str]:
        """Return what was read under `data/`, by the program or by what it started.

        A folder, with a slash at its end, was read if its names were listed. Where the
        file system keeps no times of access, everything counts as read.
        """
        self.probe.read_text()
        unknown = not accessed(self.probe)
        _, folder, *inside = self.data
        paths = [x for x in (folder, *inside) if x.exists()]
        return sorted(
            f"{path.relative_to(folder).as_posix()}{'/' * path.is_dir()}"
            for path in paths
            if unknown or accessed(path)
        )

    def as_json(self) -> str:
        """Return the program as `child.py` reads it."""
        blocks = [
            {
                "raises": block.raises,
                "lines": [[x, str(x.file), x.number, x.indent] for x in block.lines],
            }
            for block in self.program.blocks
        ]
        facts = {
            "blocks": blocks,
            "hidden": hidden_from(self.program.framework),
            "stand_ins": self.stand_ins,
        }
        return json.dumps(facts)

    def file(self, name: str) -> Any:
        """Open a file that takes what the program writes."""
        return (self.inside / name).open("ab")

    def printed(self, start: int, end: int | None = None) -> str:
        """Return what it wrote to standard output between two offsets."""
        text = (self.inside / "stdout").read_bytes()[start:end]
        return text.decode(errors="replace")

    def last_words(self, limit: float = 0) -> str:
        """Return how it ended, and the last lines that it wrote to standard error.

        TimeoutExpired if it goes on for so many seconds.
        """
        status = self.popen.wait(limit)
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        err = (self.inside / "stderr").read_text(errors="replace")
        return "\n            ".join([how, *err.strip().splitlines()[-5:]])

    def next_event(self, deadline: float) -> dict[str, Any] | None:
        """Return what it tells next, None at its end; TimeoutError if it hangs."""
        while b"\n" not in self.unread:
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self.events], [], [], left)[0]:
                raise TimeoutError
            chunk = os.read(self.events, 65536)
            if not chunk:
                return None
            self.unread += chunk
        line, _, self.unread = self.unread.partition(b"\n")
        return json.loads(line)

    def follow(self) -> Iterator[tuple[Block, Result]]:
        """Yield each block when it has ended, with what it did.

        Raises Failure where a block hangs or ends the process, and where the process
        does not end well after its last block.
        """
        block, place, running, start = self.program.blocks[0], "", False, 0
        statements: list[tuple[int, str, int]] = []
        deadline = time.monotonic() + ENDING_LIMIT
        try:
            while event := self.next_event(deadline):
                printed = event["printed"]
                if event["event"] == "block":
                    block, statements = self.program.blocks[event["block"]], []
                    running, place = True, block.where
                    deadline = time.monotonic() + block.limit
                elif event["event"] == "statement":
                    file, line = event["file"], event["line"]
                    statements.append((printed - start, file, line))
                    place = f"{os.path.relpath(file, self.root)}:{line}"
                elif event["event"] == "end":
                    text = self.printed(start, printed)
                    yield block, Result(text, statements=statements, **event["facts"])
                    running, start = False, printed
                    deadline = time.monotonic() + ENDING_LIMIT
                else:
                    self.end(block, start)
                    self.told = event["facts"] | {"read": self.read()}
                    return
            # It tells no more; it may have closed what it tells it with, and go on.
            ended = self.last_words(max(deadline - time.monotonic(), 1))
        except (TimeoutError, subprocess.TimeoutExpired):
            what = "the program does not end: it leaves a thread or a process running"
            if running:
                what = (
                    f"this block runs longer than {block.limit:g} s\n"
                    f"  at        {place}\n"
                    "  to do     make it faster, or give it `limit=SECONDS`"
                )
            raise Failure(f"{block.where}: {what}") from None
        raise Failure(
            f"{block.where}: this block ends the whole program\n"
            f"  at        {place}\n  ended     {ended}"
        )

    def end(self, block: Block, start: int) -> None:
        """Wait until the process has ended; raise Failure unless it ended well."""
        where = f"{block.where}: after this last block the program"
        if self.popen.wait(ENDING_LIMIT):
            raise Failure(f"{where} ends badly: {self.last_words()}")
        if late := self.printed(start).strip():
            raise Failure(f"{where} still prints\n  printed   {late.splitlines()[0]}")
