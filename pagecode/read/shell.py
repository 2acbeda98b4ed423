"""What a page shows beside the Python that it runs: files it writes, commands.

Both run as Python, so that a page is one program wherever it is handed out: as a
script, as a notebook, on any system. What the reader sees is the file, or the command.
"""

import ast
import re
from collections.abc import Sequence

from pagecode.read.includes import Line

PROMPT = "$ "
FILE = re.compile(r"[A-Za-z_]\w*\.py")  # a block's title that says: it is this file


def writes(name: str, lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the code that writes these lines of Python to a file of this name.

    ValueError says what is wrong with the lines.
    """
    text = "\n".join(lines)
    if "'''" in text:
        raise ValueError("what is written to a file cannot hold three single quotes")
    try:
        ast.parse(text)
    except SyntaxError as error:
        at = lines[(error.lineno or 1) - 1]
        place = f"{at.file.name}:{at.number}"
        raise ValueError(f"{name} is no Python: {error.msg} ({place})") from None
    encoding = "" if text.isascii() else ', encoding="utf-8"'
    first, *rest = lines
    return (
        first.replaced("from pathlib import Path"),
        first.replaced(""),
        first.replaced(f"_ = Path(\"{name}\").write_text(r'''{first}"),
        *rest,
        lines[-1].replaced(f"'''{encoding})"),
    )


def commands(lines: Sequence[Line]) -> tuple[Line, ...]:
    r"""Return the code that runs the commands in these lines, one after the other.

    Each begins with `$ `, and goes on in the next line where it ends with a backslash.
    What it prints is printed; it fails unless its exit status is 0. ValueError names a
    line that is no command.
    """
    found: list[Line] = []
    for line in lines:
        if found and found[-1].endswith("\\"):
            found[-1] = found[-1].replaced(f"{found[-1][:-1].rstrip()} {line.strip()}")
        elif line.startswith(PROMPT) and line[len(PROMPT) :].strip():
            found.append(line.replaced(line[len(PROMPT) :].strip()))
        elif line.strip():
            what = f"no command: {line.strip()}"
            said = "begin each with '$ ', and show what it prints in a text block below"
            raise ValueError(f"{what} ({said})")
    start, called = "print(subprocess.check_output(", "shell=True, text=True"
    run = [x.replaced(f'{start}{str(x)!r}, {called}), end="")') for x in found]
    head = [found[0].replaced(x) for x in ("import subprocess", "")] if found else []
    return (*head, *run)


def typed(text: str) -> str:
    """Return what somebody types to run the commands of a block as it is shown."""
    lines = (line.removeprefix(PROMPT) for line in text.split("\n"))
    return "\n".join(lines)
