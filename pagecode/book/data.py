"""Fill `data/` with every file that the snippets fetch, each checked against its hash.

What there is to fetch is read where a snippet fetches it: nothing is declared twice. A
file comes from the first of these that has it: `data/` itself, the folder named by the
environment variable DATA_CACHE, its official host, or what an installed package
carries. What is made of that is the very file (iris), or else a stand-in, kept apart in
`.cache/stand-ins/`: programs run on it, but their numbers are not compared. A damaged
file is refused by name, and never deleted.
"""

import ast
import builtins
import gzip
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pooch
import requests

from pagecode.book.made import MADE
from pagecode.files import sha256, visible, write

STAND_INS = Path(".cache", "stand-ins")
TIMEOUT = 10  # seconds without an answer after which a host counts as unreachable


class DataError(Exception):
    """A file that cannot be used; says what to do."""


def statements(body: list[ast.stmt], names: dict) -> Iterator[tuple[ast.stmt, dict]]:
    """Yield the statements of a module and of its functions, with the names they know.

    A function comes after what stands beside it, and its defaults before its body.
    """
    for node in sorted(body, key=lambda x: isinstance(x, ast.FunctionDef)):
        if isinstance(node, ast.FunctionDef):
            taken = node.args.args[len(node.args.args) - len(node.args.defaults) :]
            taken += node.args.kwonlyargs
            values = zip(taken, node.args.defaults + node.args.kw_defaults, strict=True)
            defaults: list[ast.stmt] = [
                ast.copy_location(ast.Assign([ast.Name(x.arg, ast.Store())], value), x)
                for x, value in values
                if value
            ]
            yield from statements([*defaults, *node.body], dict(names))
        elif isinstance(node, ast.If | ast.ClassDef):
            yield from statements(node.body + getattr(node, "orelse", []), names)
        elif isinstance(node, ast.Return) and node.value:
            yield ast.copy_location(ast.Expr(node.value), node), names
        else:
            yield node, names


def fetched(file: Path) -> list[tuple[str, str, str]]:
    """Return what a module fetches: the path in `data/`, the sha256 and the address.

    The module is not imported. Only the statements that fetch are executed, with a
    pooch that takes notes, and assignments, of which those succeed that need no import.
    """
    found: list[tuple[str, str, str]] = []

    def retrieve(
        url: str, known_hash: str, fname: str, path: str, *_: Any, **__: Any
    ) -> str:
        place = PurePosixPath(path, fname)
        kind, digest = ("sha256:" + known_hash).split(":")[-2:]
        if place.parts[0] != "data" or ".." in place.parts:
            raise ValueError(f"{place} is not in data/")
        if kind != "sha256" or len(digest) != 64:
            raise ValueError(f"known_hash is no sha256: {known_hash}")
        found.append((str(place.relative_to("data")), digest, url))
        return str(place)

    def take_notes(name: str, *_: Any) -> SimpleNamespace:
        if name != "pooch":
            raise ImportError(name)
        return noting

    text, noting = file.read_text(encoding="utf-8"), SimpleNamespace(retrieve=retrieve)
    if "pooch" not in text:
        return found
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise DataError(f"{file}:{error.lineno}: {error.msg}") from error
    names = {"__builtins__": vars(builtins) | {"__import__": take_notes}}
    harmless = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign
    for node, known in statements(tree.body, names):
        used = {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}
        fetches = any(known.get(x) in (noting, retrieve) for x in used)
        if not fetches and not isinstance(node, harmless):
            continue
        try:
            module = ast.fix_missing_locations(ast.Module([node], []))
            exec(compile(module, str(file), "exec"), known)
        except Exception as error:
            if fetches:
                raise DataError(
                    f"{file}:{node.lineno}: what it fetches is not plain to see\n"
                    f"  found     {type(error).__name__}: {error}\n"
                    "  to do     pooch.retrieve(url, known_hash='sha256:…', fname='…', "
                    "path='data'), out of the module's own constants"
                ) from error
    return found


def declared(root: Path) -> pooch.Pooch:
    """Return what all snippets fetch: hashes and addresses by the path in `data/`."""
    files: dict[str, list[str]] = {}
    for module in visible(root / "snippets", "*.py"):
        for path, *source in fetched(module):
            if files.setdefault(path, source) != source:
                raise DataError(
                    f"{module.relative_to(root)}: another snippet fetches {path} too\n"
                    f"  there     {' '.join(files[path])}\n"
                    f"  here      {' '.join(source)}\n"
                    "  to do     give one of them another name"
                )
    return pooch.create(
        path=root / "data",
        base_url="",
        registry={path: f"sha256:{sha256}" for path, (sha256, _) in files.items()},
        urls={path: url for path, (_, url) in files.items()},
    )


def check(path: Path, expected: str, remedy: str) -> None:
    """Raise DataError, with the remedy, unless the file has the expected sha256."""
    if (found := sha256(path)) != expected:
        raise DataError(
            f"{path}: this file is damaged ({path.stat().st_size} bytes)\n"
            f"  expected  sha256 {expected}\n"
            f"  found     sha256 {found}\n"
            f"  to do     {remedy}"
        )


def find(path: str, files: pooch.Pooch, cache: Path | None) -> str:
    """Put one file in its place and return where it came from."""
    target, url = files.abspath / path, files.get_url(path)
    expected = files.registry[path].removeprefix("sha256:")
    if target.exists():
        check(target, expected, "move it away, then run `make data`")
        return "there"
    target.parent.mkdir(parents=True, exist_ok=True)
    if cache and (cache / path).exists():
        check(cache / path, expected, "mend it, or unset DATA_CACHE, and run it again")
        write(target, (cache / path).read_bytes())
        return f"copied from {os.environ['DATA_CACHE']}"
    print(f"asking {url.split('/')[2]} …", end=" ", flush=True)
    try:
        files.fetch(path, downloader=pooch.HTTPDownloader(timeout=TIMEOUT))
        return "fetched"
    except requests.RequestException as error:
        missing = f"not to be had ({type(error).__name__})"
    except ValueError as error:  # pooch: the hash is not the known one
        raise DataError(
            f"{url}: what came is not the file\n"
            f"  expected  sha256 {expected}\n"
            f"  found     {error}\n"
            "  to do     `make data` again; if this stays, the host has another file"
        ) from error
    if path not in MADE:
        raise DataError(
            f"{url}: {missing}, and nothing is known that could be made in its place\n"
            "  to do     try again later, or set DATA_CACHE to a folder that has it"
        )
    make, of = MADE[path]
    content = make()
    if hashlib.sha256(content).hexdigest() == expected:
        write(target, content)
        return f"{missing}; made of {of}, byte for byte the same"
    write(files.abspath.parent / STAND_INS / path, content)
    return f"{missing}; A STAND-IN made of {of}: numbers do not count"


def unpack(files: pooch.Pooch) -> None:
    """Unpack archives beside themselves, as torchvision does on meeting them."""
    for folder in (files.abspath, files.abspath.parent / STAND_INS):
        archives = [folder / x for x in files.registry if x.endswith(".gz")]
        for archive in filter(Path.exists, archives):
            content = gzip.decompress(archive.read_bytes())
            target = archive.with_suffix("")
            if not target.exists() or target.read_bytes() != content:
                write(target, content)


def stand_ins(root: Path) -> list[str]:
    """Return the paths of the files that `data/` lacks and a stand-in replaces.

    What an archive was unpacked to does not count.
    """
    folder = root / STAND_INS
    made = {x.relative_to(folder).as_posix() for x in folder.rglob("*") if x.is_file()}
    files = sorted(path for path in made if f"{path}.gz" not in made)
    return [path for path in files if not (root / "data" / path).exists()]


def fill(root: Path, *, real: bool = False) -> int:
    """Fill `root/data`, a line per file; return 1, and say why, where that fails.

    With `real`, a stand-in counts as a failure.
    """
    cache = os.environ.get("DATA_CACHE")
    pooch.get_logger().setLevel("WARNING")
    try:
        files = declared(root)
        for path in files.registry:
            print(f"  {path}:", end=" ", flush=True)
            started = time.monotonic()
            try:
                how = find(path, files, root / cache if cache else None)
            except OSError as error:
                raise DataError(
                    f"{files.abspath / path}: cannot be read or written ({error})\n"
                    "  to do     make it readable and writable, or free some space"
                ) from error
            seconds = round(time.monotonic() - started)
            print(f"{how}, in {seconds} s" if seconds else how)
        unpack(files)
        if real and (made := stand_ins(root)):
            raise DataError(
                f"data: only stand-ins are to be had for {', '.join(made)}\n"
                "  to do     set DATA_CACHE to a folder that has them, or try later"
            )
    except DataError as error:
        print(f"refused\n{error}", file=sys.stderr)
        return 1
    return 0
