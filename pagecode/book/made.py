"""Files that can be made, where their host cannot be had, of what a package carries."""

import gzip
import string
import struct
from collections.abc import Callable
from functools import partial


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


# What can be made in place of a file, by its path in `data/`, and of what.
MADE: dict[str, tuple[Callable[[], bytes], str]] = {
    "iris.data": (make_iris, "scikit-learn's iris"),
    "tinyshakespeare.txt": (make_text, "Python's help texts"),
}
for name, span in {"train": (0, 1500, 60_000), "t10k": (1500, 1797, 10_000)}.items():
    for kind, axes in {"images": 3, "labels": 1}.items():
        make = partial(make_digits, kind, *span)
        archive = f"MNIST/raw/{name}-{kind}-idx{axes}-ubyte.gz"
        MADE[archive] = make, "scikit-learn's digits"
