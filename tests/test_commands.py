"""What the command line takes, and what it says of what it cannot read."""

import errno
import os
import pty
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from pagecode import __main__
from tests.conftest import Site, run
from tests.served import ROOT

COMMANDS = ["verify", "record", "determinism", "soak", "data", "gpu", "stamps", "admit"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(monkeypatch, capsys, command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, command, "--help")
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: python -m pagecode {command} ")
    assert "\n\n" in said  # what it does


def test_a_command_is_needed_and_all_are_told(monkeypatch, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "command" in said
    assert [x for x in COMMANDS if x not in said] == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left", "docs/page.md"),
            "docs/page.md: cannot be read or written (No space left)",
        ),
        (OSError("no such device"), "no such device"),
    ],
)
def test_what_cannot_be_read_is_named(monkeypatch, capsys, error, said: str) -> None:
    def fail() -> int:
        raise error

    monkeypatch.setattr(__main__, "command", fail)
    assert run(monkeypatch) == 1
    first, to_do = capsys.readouterr().err.splitlines()
    assert (first, to_do.split()[:2]) == (said, ["to", "do"])


WAITS = "import os, time\nwhile not os.path.exists({!r}):\n    time.sleep(0.05)"


@pytest.mark.parametrize(
    ("terminal", "told"), [(True, b"block 2 of 2"), (False, b"pytorch/a.md: 1 blocks")]
)
def test_what_is_done_is_told_while_the_rest_runs(
    site: Site, tmp_path: Path, terminal: bool, told: bytes
) -> None:
    gate = tmp_path / "gate"
    site.add("x = 1")
    site.write("docs/a.md", site.text())
    site.add(WAITS.format(str(gate)))
    reader, writer = pty.openpty() if terminal else os.pipe()
    left_out = {"CI", "FRAMEWORK", "PYTHONUNBUFFERED"}
    kept = {k: v for k, v in os.environ.items() if k not in left_out}
    with subprocess.Popen(
        [sys.executable, "-m", "pagecode", "verify"],
        cwd=site.root,
        env=kept | {"PYTHONPATH": str(ROOT)},
        stdout=writer,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(writer)
        said, more = b"", b" "
        with suppress(OSError):  # a terminal's way to say that its program has ended
            while more and told not in said and select.select([reader], [], [], 20)[0]:
                more = os.read(reader, 4096)
                said += more
        running = process.poll() is None
        gate.touch()
    os.close(reader)
    assert (told in said, running) == (True, True)
