"""Fill `data/` with every file that the pages read, each checked against its hash.

A file comes from the first of these that has it: `data/` itself, the folder named by
the environment variable DATA_CACHE, its official host, or what an installed package
carries. What is made of that is the very file (iris), or else a stand-in, kept apart in
`.cache/stand-ins/`: programs run on it, but their numbers are not compared. A damaged
file is refused by name, and never deleted.
"""

import gzip
import hashlib
import os
import string
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pooch
import requests

from pagecode.files import write

STAND_INS = Path(".cache", "stand-ins")
TIMEOUT = 10  # seconds without an answer after which a host counts as unreachable


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


def make_idx(*axes: int, content: bytes) -> bytes:
    """Return bytes in MNIST's format: a magic number, the lengths, the content."""
    header = struct.pack(f">4B{len(axes)}I", 0, 0, 8, len(axes), *axes)
    return gzip.compress(header + content, compresslevel=1, mtime=0)


def make_digits(kind: str, first: int, last: int, count: int) -> bytes:
    """Return scikit-learn's digits from first to last, repeated, in MNIST's format.

    Their 8 × 8 pixels become 24 × 24 with a margin of 2, their greys 0 to 240.
    """
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    chosen = np.resize(np.arange(first, last), count)
    if kind == "labels":
        return make_idx(count, content=digits.target[chosen].astype("u1").tobytes())
    large = np.kron(digits.images, np.ones((3, 3))) * 15
    images = np.pad(large, [(0, 0), (2, 2), (2, 2)]).astype("u1")[chosen]
    return make_idx(count, 28, 28, content=images.tobytes())


def make_text() -> bytes:
    """Return the lines of prose in the help texts of Python's standard library."""
    from pydoc_data.topics import topics

    prose = set(f"{string.ascii_letters} .,;")
    lines = "\n".join(topics[name] for name in sorted(topics)).splitlines()
    kept = [x.strip() for x in lines if len(x) > 40 and prose.issuperset(x)]
    return "\n".join(kept).encode()


MNIST_HOST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
SOURCES = [
    Source(
        path="iris.data",
        sha256="6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0",
        url="https://archive.ics.uci.edu/ml/machine-learning-databases/iris/iris.data",
        make=make_iris,
        made_of="scikit-learn's iris",
    ),
    *(
        Source(
            path=f"MNIST/raw/{name}.gz",
            sha256=sha256,
            url=f"{MNIST_HOST}{name}.gz",
            make=partial(make_digits, name.split("-")[1], *span),
            made_of="scikit-learn's digits",
        )
        for name, sha256, span in [
            (
                "train-images-idx3-ubyte",
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                (0, 1500, 60_000),
            ),
            (
                "train-labels-idx1-ubyte",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                (0, 1500, 60_000),
            ),
            (
                "t10k-images-idx3-ubyte",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                (1500, 1797, 10_000),
            ),
            (
                "t10k-labels-idx1-ubyte",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                (1500, 1797, 10_000),
            ),
        ]
    ),
    Source(
        path="tinyshakespeare.txt",
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/"
        "tinyshakespeare/input.txt",
        make=make_text,
        made_of="Python's help texts",
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


def download(target: Path, source: Source) -> str | None:
    """Fetch the file from its host; return why not, where the host cannot be had."""
    host = source.url.split("/")[2]
    print(f"asking {host} …", end=" ", flush=True)
    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(
            source.url,
            known_hash=f"sha256:{source.sha256}",
            path=target.parent,
            fname=target.name,
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
        )
    except requests.RequestException as error:
        return f"not to be had ({type(error).__name__})"
    except ValueError as error:  # pooch: the hash is not the known one
        raise DataError(
            f"{source.url}: what came is not the file\n"
            f"  expected  sha256 {source.sha256}\n"
            f"  found     {error}\n"
            "  to do     `make data` again; if this stays, the host has another file"
        ) from error
    return None


def find(source: Source, root: Path, cache: str | None) -> str:
    """Put one file in its place and return where it came from."""
    target = root / "data" / source.path
    if target.exists():
        check(target, target.read_bytes(), source, "move it away, then run `make data`")
        return "there"
    target.parent.mkdir(parents=True, exist_ok=True)
    if cache and (cached := root / cache / source.path).exists():
        content = cached.read_bytes()
        check(cached, content, source, "mend it, or unset DATA_CACHE, and run it again")
        write(target, content)
        return f"copied from {cache}"
    missing = download(target, source)
    if missing is None:
        return "fetched"
    content = source.make()
    if hashlib.sha256(content).hexdigest() == source.sha256:
        write(target, content)
        return f"{missing}; made of {source.made_of}, byte for byte the same"
    stand_in = root / STAND_INS / source.path
    write(stand_in, content)
    return f"{missing}; A STAND-IN made of {source.made_of}: numbers do not count"


def unpack(root: Path) -> None:
    """Unpack archives beside themselves, as torchvision does on meeting them."""
    archives = [x.path for x in SOURCES if x.path.endswith(".gz")]
    for folder in (root / "data", root / STAND_INS):
        for archive in filter(Path.exists, (folder / x for x in archives)):
            content = gzip.decompress(archive.read_bytes())
            target = archive.with_suffix("")
            if not target.exists() or target.read_bytes() != content:
                write(target, content)


def stand_ins(root: Path) -> list[str]:
    """Return the paths of the files that `data/` lacks and a stand-in replaces."""
    made = [x.path for x in SOURCES if (root / STAND_INS / x.path).exists()]
    return [path for path in made if not (root / "data" / path).exists()]


def fill(root: Path, *, real: bool = False) -> int:
    """Fill `root/data`, a line per file; return 1, and say why, where that fails.

    With `real`, a stand-in counts as a failure.
    """
    cache = os.environ.get("DATA_CACHE")
    for source in SOURCES:
        try:
            print(f"  {source.path}:", end=" ", flush=True)
            started, how = time.monotonic(), find(source, root, cache)
            seconds = round(time.monotonic() - started)
            print(f"{how}, in {seconds} s" if seconds else how)
        except DataError as error:
            print(f"refused\n{error}", file=sys.stderr)
            return 1
        except OSError as error:
            print(
                f"refused\n{root / 'data' / source.path}: "
                f"cannot be read or written ({error})\n"
                "  to do     make it readable and writable, or free some space",
                file=sys.stderr,
            )
            return 1
    unpack(root)
    if real and (made := stand_ins(root)):
        print(
            f"refused\ndata: only stand-ins are to be had for {', '.join(made)}\n"
            "  to do     set DATA_CACHE to a folder that has them, or try again later",
            file=sys.stderr,
        )
        return 1
    return 0
