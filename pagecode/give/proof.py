"""Run what is handed out, as it is handed out: a file in an empty folder."""

import re
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

from pagecode.give.export import Export
from pagecode.prove import keys, store
from pagecode.prove.inputs import everything
from pagecode.run import machine
from pagecode.run.compare import first_difference
from pagecode.run.process import Failure

LIMIT = 600  # seconds


def key(export: Export) -> str:
    """Return a hash over the code, without its head, and all that it stands on."""
    code = re.sub(r"\A(#.*\n)+", "", export.text)
    promised = [code, export.output, export.atol, export.raises]
    compared = keys.code("give/proof.py")
    return f"{keys.digest([promised, compared])}-{keys.digest(keys.around())}"


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
    export_key = key(export)
    if use_cache and store.Known(store.SLICES, root).find(export_key, (export.text,)):
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
    facts: dict[str, Any] = {
        "content": export_key.partition("-")[0],
        "used": everything(root),
    }
    facts |= {"stand_ins": [], "dirty": True, "changed": "nobody asked"}
    store.keep(store.SLICES, {export_key: facts}, root)
    return True
