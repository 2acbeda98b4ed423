"""Fill `data/` with every file that the pages read, each checked against its hash.

A file comes from the first of these that has it: `data/` itself, the folder named by
the environment variable DATA_CACHE, its official host, or a stand-in made of what an
installed package carries. A damaged file is refused by name, and never deleted.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests

TIMEOUT = 20  # seconds without an answer after which a host counts as unreachable


class DataError(Exception):
    """A file that cannot be used; says what to do."""


@dataclass(frozen=True)
class Source:
    """A file under `data/`, its hash, its host, and what can be made in its place."""

    path: str
    sha256: str
    url: str
    make: Callable[[], bytes]
    made_of: str


def make_iris() -> bytes:
    """Return UCI's iris.data, byte for byte, out of scikit-learn's copy.

    Two rows of UCI's file differ from Fisher's paper and from scikit-learn's; the
    logistic regression chapter's figures need the second of them (row 38).
    """
    from sklearn.datasets import load_iris

    iris = load_iris()
    rows = iris.data.tolist()
    rows[34] = rows[37] = [4.9, 3.1, 1.5, 0.1]
    names = [f"Iris-{iris.target_names[kind]}" for kind in iris.target]
    table = [[*row, name] for row, name in zip(rows, names, strict=True)]
    return ("\n".join(",".join(map(str, row)) for row in table) + "\n\n").encode()


SOURCES = [
    Source(
        path="iris.data",
        sha256="6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0",
        url="https://archive.ics.uci.edu/ml/machine-learning-databases/iris/iris.data",
        make=make_iris,
        made_of="scikit-learn",
    ),
]


def check(path: Path, content: bytes, source: Source, remedy: str) -> None:
    """Raise DataError, with the remedy, unless the content has the source's hash."""
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise DataError(
            f"{path}: this file is damaged ({len(content)} bytes)\n"
            f"  expected  sha256 {source.sha256}\n"
            f"  found     sha256 {found}\n"
            f"  to do     {remedy}"
        )


def place(target: Path, content: bytes) -> None:
    """Write the file beside its place, then rename it: whole or not at all."""
    descriptor, beside = tempfile.mkstemp(dir=target.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.chmod(beside, 0o644)
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise


def download(target: Path, source: Source) -> str | None:
    """Fetch the file from its host; return why not, where the host cannot be had."""
    host = source.url.split("/")[2]
    print(f"  {source.path}: asking {host} …", flush=True)
    try:
        pooch.retrieve(
            source.url,
            known_hash=f"sha256:{source.sha256}",
            path=target.parent,
            fname=target.name,
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
        )
    except requests.RequestException as error:
        return f"{host} cannot be had ({type(error).__name__})"
    except ValueError as error:  # pooch: the hash is not the known one
        raise DataError(
            f"{source.url}: what came is not the file\n"
            f"  expected  sha256 {source.sha256}\n"
            f"  found     {error}\n"
            "  to do     `make data` again; if this stays, the host has another file"
        ) from error
    return None


def fill_one(source: Source, root: Path, cache: str | None) -> str:
    """Put one file in its place and return where it came from."""
    target = root / "data" / source.path
    if target.exists():
        check(target, target.read_bytes(), source, "move it away, then run `make data`")
        return "there"
    target.parent.mkdir(parents=True, exist_ok=True)
    if cache and (cached := root / cache / source.path).exists():
        content = cached.read_bytes()
        check(
            cached,
            content,
            source,
            "mend it, or unset DATA_CACHE, then run `make data`",
        )
        place(target, content)
        return f"copied from {cache}"
    missing = download(target, source)
    if missing is None:
        return "fetched"
    content = source.make()
    remedy = f"pin the version of {source.made_of} in requirements.txt"
    check(Path(f"(made from {source.made_of})"), content, source, remedy)
    place(target, content)
    return f"{missing}: made from {source.made_of}, byte for byte the same"


def fill(root: Path) -> int:
    """Fill `root/data`, a line per file; return 1, and say why, where that fails."""
    cache = os.environ.get("DATA_CACHE")
    for source in SOURCES:
        try:
            print(f"  {source.path}: {fill_one(source, root, cache)}")
        except DataError as error:
            print(error, file=sys.stderr)
            return 1
        except OSError as error:
            print(
                f"{root / 'data' / source.path}: cannot be written ({error})\n"
                "  to do     make the folder writable, or free some space",
                file=sys.stderr,
            )
            return 1
    return 0
