"""The process of one program: start it, follow its blocks, leave nothing behind."""

import json
import os
import re
import select
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pagecode.book.data import stand_ins
from pagecode.frameworks import hidden_from
from pagecode.read.page import Block, Program
from pagecode.run.compare import seen
from pagecode.run.sandbox import GONE, GRACE, OUTPUT_LIMIT, TICK, Sandbox, TooMuch
from pagecode.run.script import script

ENDING_LIMIT = 60.0  # seconds for starting Python, and for ending after the last block
WATCHED = 0.5  # seconds in which a program that computes must have computed something
UNGUARDED = "process has finished its bootstrapping phase"  # Python says so
STACK = r"(?:Thread|Current thread) .*:\n((?:  .*\n)+)"  # as faulthandler writes it
FRAME = r'  File "(.*)", line (\d+) in (.*)'


class Unguarded(Exception):
    """A process that the program starts has started the program anew."""


class Failure(AssertionError):
    """What is wrong, where on the page and in the snippet, and what to do."""


@dataclass
class Result:
    """What one block did."""

    text: str  # what it printed
    error: str | None  # the line that names its error
    trace: list[tuple[str, int]]  # the error's files and lines, innermost last
    figures: list[str]  # each as SVG
    peak: int  # bytes of memory, at most so far
    stand_ins: list[str]  # what the program has read so far in place of real data
    statements: list[tuple[int, str, int]] = field(default_factory=list)
    # bytes printed before a statement, its file and line
    said: str = ""  # what it wrote to standard error

    @property
    def lines(self) -> list[str]:
        """What the output must show: what was printed, and the error if one was."""
        return seen(self.text) + ([self.error] if self.error else [])

    def origin(self, index: int) -> tuple[str, int]:
        """Return the file and line of the statement that printed line `index`."""
        start = len(self.text) - len(self.text.lstrip("\r\n\t "))
        index += self.text[:start].count("\n")  # blank lines above all others
        above = "".join(x + "\n" for x in self.text.split("\n")[:index])
        offset = len(above.encode(errors="surrogateescape"))
        started = [place for place in self.statements if place[0] <= offset]
        return (
            started[-1][1:] if started else self.trace[-1]
        )  # a SyntaxError starts none


class Process(Sandbox):
    """Runs `child.py` on a program; use it in a `with` statement."""

    def __init__(self, program: Program, root: Path) -> None:
        super().__init__(root)
        self.program, self.script = program, script(program)
        # How it ended: `device`, `modules` and `read`.
        self.told: dict[str, Any] = {}
        # The block and the line that it is at, and what it had said before that block.
        self.number, self.line, self.said = 0, self.script.starts[0], 0
        self.running = False  # whether it is in that block
        self.printed: dict[int, int] = {}  # bytes, by the number of a block that ended
        self.path = self.work / self.script.name
        self.path.write_text(self.script.text, encoding="utf-8")
        child, facts = Path(__file__).with_name("child.py"), self.file("program.json")
        facts.write_text(self.as_json(), encoding="utf-8")
        self.events, child_events = socket.socketpair()
        self.unread = b""
        with child_events:
            descriptor = child_events.fileno()
            command = [str(child), str(facts), str(descriptor)]
            self.popen = self.start(*command, pass_fds=[descriptor])

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.events.close()
        super().__exit__()
        self.popen.wait()

    def as_json(self) -> str:
        """Return the program as `child.py` reads it."""
        pairs = zip(self.script.starts, self.program.blocks, strict=True)
        facts = {
            "path": str(self.path),
            "output": str(self.file("stdout")),
            "blocks": [
                {"first": first, "text": block.text, "raises": block.raises}
                for first, block in pairs
            ],
            "hidden": hidden_from(self.program.framework),
            "stand_ins": stand_ins(self.root),
        }
        return json.dumps(facts)

    @property
    def block(self) -> Block:
        """The block that it is at."""
        return self.program.blocks[self.number]

    def failure(self, what: str, block: Block | None = None, **said: str) -> Failure:
        """Return what is wrong with a block, and what else there is to say."""
        lines = [f"{(block or self.block).where}: {what}"]
        lines += [f"  {x.replace('_', ' '):<10}{text}" for x, text in said.items()]
        return Failure("\n".join(lines))

    def place(self, line: int) -> str:
        """Return where a line of the program is from, as `snippets/x.py:41`."""
        file, number = self.script.origins[line]
        return f"{os.path.relpath(file, self.root)}:{number}"

    def last_words(self, status: int) -> str:
        """Return how it ended, and the last lines that it wrote to standard error."""
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        err = self.text("stderr").strip().splitlines()
        return "\n            ".join([how, *err[-5:]])

    def check_output(self) -> None:
        """Raise TooMuch or Unguarded where what it writes shows that all is lost."""
        super().check_output()
        if not self.running or self.block.raises:
            return
        if UNGUARDED in self.text("stderr", self.said):
            raise Unguarded

    def check_late(self) -> None:
        """Raise Failure where a block that has ended has gone on printing."""
        for number, printed in self.printed.items():
            if late := self.text(f"stdout.{number}", printed).strip():
                block = self.program.blocks[number]
                last = block is self.program.blocks[-1]
                what = "after this last block the program still prints"
                raise self.failure(
                    what if last else "what this block started prints after its end",
                    block,
                    printed=late.splitlines()[0],
                    to_do="let the block wait for all that prints (`join`, `wait`)",
                )

    def next_event(self, deadline: float) -> dict[str, Any] | None:
        """Return what it tells next, None at its end; TimeoutError if it hangs."""
        while b"\n" not in self.unread:
            if (left := deadline - time.monotonic()) < 0:
                raise TimeoutError
            if not select.select([self.events], [], [], min(left, TICK))[0]:
                self.check_output()
                continue
            chunk = self.events.recv(65536)
            if not chunk:
                return None
            self.unread += chunk
        line, _, self.unread = self.unread.partition(b"\n")
        return json.loads(line)

    def follow(self) -> Iterator[tuple[Block, Result]]:
        """Yield each block when it has ended, with what it did.

        Raises Failure where a block hangs, prints without end or ends the process, and
        where the process does not end well after its last block.
        """
        statements: list[tuple[int, str, int]] = []
        deadline = time.monotonic() + ENDING_LIMIT
        try:
            while event := self.next_event(deadline):
                if event["event"] == "block":
                    self.number, self.running, statements = event["block"], True, []
                    self.line = self.script.starts[self.number]
                    self.said = self.file("stderr").stat().st_size
                    deadline = time.monotonic() + self.block.limit
                elif event["event"] == "statement":
                    self.line = event["line"]
                    origin = self.script.origins[self.line]
                    statements.append((event["printed"], *origin))
                elif event["event"] == "end":
                    self.check_output()
                    self.check_late()
                    self.running, facts = False, event["facts"]
                    self.printed[self.number] = printed = event["printed"]
                    text = self.text(f"stdout.{self.number}", 0, printed)
                    facts["trace"] = [self.script.origins[x] for x in facts["trace"]]
                    if facts["error"]:
                        facts["said"] = self.text("stderr", self.said)
                    yield self.block, Result(text, statements=statements, **facts)
                    deadline = time.monotonic() + ENDING_LIMIT
                else:
                    self.look()  # while it is there to say which are its own
                    self.number = min(
                        (int(x.rpartition(".")[2]) for x in event["threads"]),
                        default=self.number,
                    )
                    self.events.shutdown(socket.SHUT_RDWR)
                    self.end()
                    self.told = event["facts"] | {"read": self.read()}
                    return
            # It tells no more; it may have closed what it tells it with, and go on.
            status = self.wait(self.popen, max(deadline, time.monotonic() + 1))
        except TooMuch as error:
            what = (
                f"prints without end: more than {OUTPUT_LIMIT // 10**6} MB of {error}"
            )
            raise self.failure(
                f"this block {what}",
                at=self.place(self.line),
                to_do="print less, or end the loop that prints",
            ) from None
        except Unguarded:
            raise self.failure(
                "a process that this block starts runs the whole program anew",
                at=self.place(self.line),
                to_do='put what starts it under `if __name__ == "__main__":`\n'
                "            (here, as on macOS and Windows, it imports the program)",
            ) from None
        except TimeoutError:
            raise self.hangs() from None
        raise self.failure(
            "this block ends the whole program",
            at=self.place(self.line),
            ended=self.last_words(status),
        )

    def end(self) -> None:
        """Wait until the process has ended; raise Failure unless it ended well."""
        if status := self.wait(self.popen, time.monotonic() + ENDING_LIMIT):
            what = "after this last block the program ends badly"
            raise self.failure(what, ended=self.last_words(status))
        deadline = time.monotonic() + GRACE
        while self.look() and time.monotonic() < deadline:
            time.sleep(TICK)
        self.kill()
        self.check_output()
        self.check_late()

    def hangs(self) -> Failure:
        """Say what the program does that has not ended within its limit."""
        computes, threads = self.computes(), self.stacks()
        if not self.running:
            at = self.places([frame for frames in threads for frame in frames])
            inner = [f"{x[0][2]} ({x[0][0]}:{x[0][1]})" for x in threads]
            return self.failure(
                "the program does not end: this block leaves a thread or a process",
                at=", ".join(at or inner) or "(unknown)",
                to_do="let the block that starts it end it (`join`, `close`)",
            )
        main = [x for x in threads if any(y[0].endswith("child.py") for y in x)]
        frames = main[0] if main else []
        file, line, name = frames[0] if frames else ("", 0, "")
        doing = "it computes" if computes else "it waits, and computes nothing"
        if name and file != str(self.path):
            doing += f" ({name}, {os.path.basename(file)}:{line})"
        to_do = "let it do fewer steps" if computes else "end what it waits for"
        return self.failure(
            f"this block runs longer than {self.block.limit:g} s",
            at=(self.places(frames) or [self.place(self.line)])[0],
            doing=doing,
            to_do=f"{to_do}, or give it `limit=SECONDS`",
        )

    def computes(self) -> bool:
        """Whether it, or what it started, uses a processor."""

        def used() -> float:
            seconds = 0.0
            for process in self.look():
                with suppress(*GONE):
                    seconds += sum(process.cpu_times()[:2])
            return seconds

        before = used()
        time.sleep(WATCHED)
        return used() - before > 0.1 * WATCHED

    def stacks(self) -> list[list[tuple[str, int, str]]]:
        """Return its threads' frames (file, line, function), the innermost first."""
        start = self.file("stderr").stat().st_size
        with suppress(ProcessLookupError):
            self.popen.send_signal(signal.SIGUSR1)
        time.sleep(WATCHED)
        dumped = re.findall(STACK, self.text("stderr", start))
        return [
            [(file, int(line), name) for file, line, name in re.findall(FRAME, x)]
            for x in dumped
        ]

    def places(self, frames: list[tuple[str, int, str]]) -> list[str]:
        """Return the places of those that are the program's."""
        lines = [line for file, line, _ in frames if file == str(self.path)]
        return [self.place(x) for x in lines if x in self.script.origins]
