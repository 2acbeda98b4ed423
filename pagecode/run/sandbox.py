"""An empty folder for one program: a copy of the data, what it prints, what it starts.

Nothing that happens there reaches the project, and nothing of it stays behind.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from pagecode.book.data import STAND_INS, stand_ins
from pagecode.run.machine import environment

OUTPUT_LIMIT = 10_000_000  # bytes that a program may print
TICK = 0.1  # seconds between two looks at how much it has printed
GRACE = 1.0  # seconds that what it leaves running has to print its last words
GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, OSError)


class TooMuch(Exception):
    """A program has printed more than it may."""


def accessed(path: Path) -> bool:
    """Whether a file was read, or a folder listed, since its time was set to 0."""
    return path.stat().st_atime_ns != 0


def copy(source: Path, target: Path) -> None:
    """Copy a folder, and what its links lead to, where nothing is yet."""
    target.mkdir(exist_ok=True)
    for path in source.iterdir():
        to = target / path.name
        if path.is_file() and not to.exists():
            shutil.copy2(path, to)
        elif path.is_dir() and not source.resolve().is_relative_to(path.resolve()):
            copy(path, to)


def alive(process: psutil.Process) -> bool:
    """Whether a process runs still."""
    with suppress(*GONE):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


class Sandbox:
    """An empty folder, and what runs in it; use it in a `with` statement."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = tempfile.TemporaryDirectory(prefix="page-")
        self.inside = Path(self.folder.name).resolve()
        self.work = self.inside / "work"  # where the program runs
        self.own = self.inside / "tmp"  # what libraries leave there goes with it
        self.started: set[psutil.Process] = set()
        try:
            self.work.mkdir()
            self.own.mkdir()
            self.copy_data()
        except BaseException:
            self.folder.cleanup()
            raise

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.folder.cleanup()

    def copy_data(self) -> None:
        """Copy `data/` into the empty folder, with stand-ins for what it lacks.

        What the program writes there goes with it, as a reader's own copy would. No
        copy has been read yet, says its time of last access.
        """
        data, folder = self.root / "data", self.work / "data"
        data.mkdir(exist_ok=True)
        copy(data, folder)  # real data come first
        if stand_ins(self.root):
            copy(self.root / STAND_INS, folder)
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

    def start(self, *command: str, **options: Any) -> subprocess.Popen:
        """Start Python with these arguments; what it prints goes to two files."""
        with self.file("stdout").open("ab") as out, self.file("stderr").open("ab") as e:
            return subprocess.Popen(
                [sys.executable, *command],
                cwd=self.work,
                env=environment(self.root) | {"TMPDIR": str(self.own)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=e,
                start_new_session=True,
                **options,
            )

    def file(self, name: str) -> Path:
        """Return the file that takes what the program prints."""
        return self.inside / name

    def text(self, name: str, start: int = 0, end: int | None = None) -> str:
        """Return what it printed, between two offsets."""
        with suppress(FileNotFoundError), self.file(name).open("rb") as file:
            file.seek(start)
            return file.read(end and end - start).decode(errors="surrogateescape")
        return ""

    def check_output(self) -> None:
        """Raise TooMuch where it has printed more than it may."""
        for path in self.inside.glob("std*"):
            if path.stat().st_size > OUTPUT_LIMIT:
                raise TooMuch(path.name.partition(".")[0])

    def wait(self, popen: subprocess.Popen, deadline: float) -> int:
        """Wait until it has ended; return its status. TimeoutError if it goes on."""
        while time.monotonic() < deadline:
            with suppress(subprocess.TimeoutExpired):
                status = popen.wait(TICK)
                self.check_output()
                return status
            self.check_output()
        raise TimeoutError

    def look(self) -> set[psutil.Process]:
        """Return the processes that run here.

        They have its folder for temporary files in their environment or work in its
        other folder, in whatever session, or are children of those known before.
        """
        for process in psutil.process_iter():
            with suppress(*GONE):
                if Path(process.cwd()).is_relative_to(self.inside) or (
                    process.environ().get("TMPDIR") == str(self.own)
                ):
                    self.started.add(process)
        for process in list(self.started):
            with suppress(*GONE):
                self.started.update(process.children(recursive=True))
        self.started = set(filter(alive, self.started))
        return self.started

    def kill(self) -> None:
        """End everything that runs here, and what that starts meanwhile."""
        while left := self.look():
            for process in left:
                with suppress(*GONE):
                    process.kill()
            time.sleep(0.01)


@dataclass(frozen=True)
class Ended:
    """What a command did: its exit status, its output, what it read of the data."""

    status: int
    stdout: str
    stderr: str
    read: list[str]


def run(root: Path, files: dict[str, str], *command: str, limit: float) -> Ended:
    """Run Python in an empty folder with these files and a copy of the data.

    When it has ended, what it left running is ended too. Raises TimeoutError where it
    runs for more than so many seconds, TooMuch where it prints without end.
    """
    with Sandbox(root) as sandbox:
        for name, text in files.items():
            (sandbox.work / name).write_text(text, encoding="utf-8")
        popen = sandbox.start(*command)
        try:
            status = sandbox.wait(popen, time.monotonic() + limit)
        except TimeoutError:
            raise TimeoutError(f"runs longer than {limit:g} s") from None
        finally:
            sandbox.kill()
            popen.wait()
        out, err = sandbox.text("stdout"), sandbox.text("stderr")
        return Ended(status, out, err, sandbox.read())
