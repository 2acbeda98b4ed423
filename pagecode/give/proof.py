"""Run what is handed out, as it is handed out: a file in an empty folder."""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from functools import cache as remember
from itertools import groupby
from pathlib import Path

from pagecode.give.export import Export
from pagecode.prove import keys, store
from pagecode.run import machine
from pagecode.run.compare import first_difference
from pagecode.run.process import Failure

LIMIT = 600  # seconds


@remember
def surroundings(root: Path) -> str:
    """Return what a program's numbers stand on beside itself, as text."""
    return json.dumps(keys.surroundings(root), sort_keys=True)


def key(export: Export, root: Path) -> str:
    """Return a hash over the code, without its head, and all that it stands on."""
    code = re.sub(r"\A(#.*\n)+", "", export.text)
    expected = json.dumps([code, export.output, export.atol, export.raises])
    return hashlib.sha256((expected + surroundings(root)).encode()).hexdigest()


def mismatch(export: Export, printed: list[str]) -> str | None:
    """Return how the printed lines differ from those that were promised."""
    chunks = [
        [x for x in group if x is not None]
        for known, group in groupby(export.output, lambda x: x is not None)
        if known
    ]
    start, loose = 0, bool(export.output) and export.output[0] is None
    for chunk in chunks:
        size = len(chunk)
        last = chunk is chunks[-1] and export.output[-1] is not None
        places = range(start, len(printed) - size + 1) if loose else [start]
        if last and loose:
            places = range(max(len(printed) - size, start), len(printed) - size + 1)
        found = [
            place
            for place in places
            if not first_difference(chunk, printed[place : place + size], export.atol)
        ]
        if not found:
            place = max(len(printed) - size, 0) if last else start
            shown = printed[place : place + size]
            difference = first_difference(chunk, shown, export.atol)
            _, expected, was = difference or (0, chunk[0], None)
            return f"  expected  {expected}\n  printed   {was}"
        start, loose = found[0] + size, True
    if not loose and printed[start:]:
        return f"  expected  (nothing)\n  printed   {printed[start]}"
    if chunks and export.output[-1] is not None and start != len(printed):
        return f"  expected  (nothing more)\n  printed   {printed[start]}"
    return None


def prove(export: Export, root: Path, *, use_cache: bool = True) -> bool:
    """Run a script or a block's program; return False where it had run already.

    Raises Failure unless it prints, or fails with, what the page shows.
    """
    export_key = key(export, root)
    if use_cache and export_key in store.stamps(root):
        return False
    with tempfile.TemporaryDirectory(prefix="program-") as name:
        folder = Path(name)
        (folder / "data").symlink_to(root / "data", target_is_directory=True)
        file = folder / Path(export.path).name
        file.write_text(export.text, encoding="utf-8")
        try:
            done = subprocess.run(
                [sys.executable, file.name],
                cwd=folder,
                env=machine.environment(root),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"{export.path}: runs longer than {LIMIT} s") from None
    printed = [line.rstrip() for line in done.stdout.rstrip().splitlines()]
    said = done.stderr.strip().splitlines()
    if export.raises and done.returncode:
        printed += said[-1:]
    elif done.returncode or export.raises:
        last = "\n            ".join(said[-5:]) or "(nothing)"
        status = f"exit status {done.returncode}"
        raise Failure(f"{export.path}: ended with {status}\n  error     {last}")
    if difference := mismatch(export, printed):
        raise Failure(
            f"{export.path}: does not print what docs/{export.page} shows\n{difference}"
        )
    store.keep(export_key, {"program": export.path}, root)
    return True
