"""What a run used beside its own text: files of `data/`, and installed packages.

A stamp names them, each with its hash or its version, and holds as long as all of them
are as they were.
"""

import ast
import hashlib
import os
import re
import time
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from pagecode.book.data import STAND_INS
from pagecode.files import sha256
from pagecode.frameworks import hidden_from
from pagecode.prove import packages
from pagecode.read.page import Program

Used = dict[str, dict[str, str | None]]  # "data" and "packages"; None: was not there
FOLDER = "a folder"  # where its names do not count
Code = tuple[str, ...]  # the texts of blocks, or of a file


def code_of(program: Program) -> Code:
    """Return the texts of a program's blocks."""
    return tuple(block.text for block in program.blocks)


SETTLED = 2e9  # nanoseconds: what changes twice meanwhile may keep its times


@lru_cache(10_000)
def hash_at(path: Path, *_: int) -> str:
    """Return the hash of a file, that has these facts of its state."""
    return sha256(path)


def hash_of(path: Path) -> str:
    """Return the hash of a file; it is not read again while it stays as it was."""
    now = path.stat()
    if abs(time.time_ns() - now.st_ctime_ns) < SETTLED:
        return sha256(path)
    return hash_at(path, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


@lru_cache(None)
def names_in(code: str) -> tuple[set[str], set[str]]:
    """Return the modules that the code imports if it gets there, and its texts."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # it is to fail
        return set(), set()
    names = {name.partition(".")[0] for name, *_ in packages.imports(tree)}
    texts = {str(x.value) for x in ast.walk(tree) if isinstance(x, ast.Constant)}
    return names - {""}, texts


def words_in(code: Code, pattern: str) -> set[str]:
    """Return the words of the texts in code."""
    texts = (text for part in code for text in names_in(part)[1])
    return {word for text in texts for word in re.findall(pattern, text)}


class Here:
    """What there is now, in this project and on this machine; each looked up once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders = root / "data", root / STAND_INS  # real data come first
        self.data = lru_cache(None)(self.look_for_data)
        self.package = lru_cache(None)(packages.version)
        self.pins = packages.pins(root)

    def look_for_data(self, name: str) -> str | None:
        """Return a file's hash, None if nothing is there; links are followed.

        Of a folder, that it is one; with a slash at its end, the hash of its names.
        """
        found = [x / name for x in self.folders]
        folders = [x for x in found if x.is_dir()]
        if folders and name.endswith("/"):
            names = {y.name + "/" * y.is_dir() for x in folders for y in x.iterdir()}
            return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
        files = (hash_of(x) for x in found if x.is_file())
        return FOLDER if folders else next(files, None)

    def named(self, code: Code) -> set[str]:
        """Return what of `data/` the code names: it may look for that in vain."""
        names = words_in(code, r"[^/\\]+")
        return {x for x in self.walk if Path(x).name in names}

    def same_data(self, used: Used, code: Code) -> bool:
        """Whether code that used these data would find the same."""
        data = used["data"]
        same = all(self.data(name) == was for name, was in data.items())
        return same and self.named(code) <= data.keys()

    def has(self, used: Used, code: Code) -> bool:
        """Whether the code would use the same here."""
        packages = used["packages"].items()
        same = all(self.package(name) == was for name, was in packages)
        return same and self.same_data(used, code)

    def asks_for(self, used: Used, code: Code) -> bool:
        """Whether the project has the same data, and pins no other versions.

        The packages need not be installed here: they were used on another machine.
        """
        return not self.unlike(used) and self.same_data(used, code)

    def unlike(self, used: Used) -> str:
        """Return a package that the project pins at another version; "" if none."""
        for name, version in used["packages"].items():
            public = (version or "").partition("+")[0]
            if public and public not in self.pins.get(name, {public}):
                return f"{name} {version}"
        return ""

    @cached_property
    def walk(self) -> dict[str, Any]:
        """All paths below `data/`, with what changes when one is written."""
        found: dict[str, Any] = {}
        for top in self.folders:
            seen: set[str] = set()  # a link may lead to a folder above it
            for folder, folders, files in os.walk(top, followlinks=True):
                if (real := os.path.realpath(folder)) in seen:
                    folders.clear()
                    continue
                seen.add(real)
                for path in (Path(folder, name) for name in (*folders, *files)):
                    with suppress(FileNotFoundError):  # a dangling link
                        now = path.stat()
                        facts = now.st_size, now.st_mtime_ns, now.st_ctime_ns
                        found.setdefault(path.relative_to(top).as_posix(), facts)
        return found


def used(
    program: Program, measured: dict[str, Any], before: dict[str, Any], root: Path
) -> Used:
    """Return what a run used of the data, and of the packages.

    `before` is what `walk` found before it ran. What has changed meanwhile is perhaps
    not what was read: it never holds.
    """
    code, now = code_of(program), Here(root)
    # Of a run that did not end well, only what its code names is known.
    names = sorted({*measured.get("read", ()), *now.named(code)})
    paths = {name: name.rstrip("/") for name in names}
    same = {name for name, x in paths.items() if before.get(x) == now.walk.get(x)}
    data = {name: now.data(name) if name in same else "changed" for name in names}
    hidden = {*hidden_from(program.framework)}
    # Python's start loads modules of this kind, as `_distutils_hack`, into any program.
    loaded = {x for x in measured.get("modules", ()) if x[0] != "_"}
    named = {x for part in code for x in names_in(part)[0]}
    spelt = words_in(code, r"\w+")  # a process that it starts may import it
    found = packages.versions((loaded | spelt) - hidden, named - hidden, root)
    return {"data": data, "packages": found}
