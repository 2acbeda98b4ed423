"""MNIST: 70,000 handwritten digits, as NumPy arrays."""

# --8<-- [start:imports]
import gzip
import math
import zlib

import numpy as np
import pooch

# --8<-- [end:imports]


# --8<-- [start:download]
MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST_SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}


def fetch_mnist(folder="data"):
    """Return the paths of the four archives, downloaded and checked where missing.

    Raises ValueError if a downloaded archive has another checksum.
    """
    return [
        pooch.retrieve(
            MNIST_URL + name,
            known_hash=f"sha256:{sha256}",
            path=f"{folder}/MNIST/raw",  # where torchvision looks for them
            fname=name,
        )
        for name, sha256 in MNIST_SHA256.items()
    ]


# --8<-- [end:download]


# --8<-- [start:read]
def read_idx(path, num_axes):
    """Return the bytes of a gzipped IDX file: images have 3 axes, labels 1.

    The header is a magic number and the length of each axis, big-endian, 4 bytes each.
    Raises ValueError if the archive, the magic number or the length is wrong.
    """
    try:
        with gzip.open(path) as file:
            content = file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is no complete gzip archive: {error}") from error
    magic, header = bytes([0, 0, 8, num_axes]), 4 + 4 * num_axes  # 8: unsigned bytes
    if content[:4] != magic:
        raise ValueError(f"{path}: magic number {content[:4].hex()}, not {magic.hex()}")
    shape = np.frombuffer(content, dtype=">u4", count=num_axes, offset=4).tolist()
    if len(content) - header != math.prod(shape):
        raise ValueError(f"{path}: {len(content) - header} bytes for shape {shape}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


# --8<-- [end:read]


# --8<-- [start:load]
def read_mnist(folder="data"):
    """Return train_images, y_train, test_images, y_test, fetched where missing.

    Images are bytes (num_images, 28, 28), labels integers (num_images,). Raises
    ValueError if an image lacks its label, or if a label is no digit from 0 to 9.
    """
    arrays = []
    paths = fetch_mnist(folder)
    for images, labels in [paths[:2], paths[2:]]:
        images, labels = read_idx(images, 3), read_idx(labels, 1).astype(np.int64)
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images but {len(labels)} labels")
        if labels.max(initial=0) > 9:
            raise ValueError(f"label {labels.max()} is no digit from 0 to 9")
        arrays += [images, labels]
    return arrays


def to_features(images):
    """Flatten images and scale bytes to 0 to 1: (num_images, num_pixels), float32."""
    return images.reshape(len(images), -1) / np.float32(255)


# --8<-- [end:load]


if __name__ == "__main__":
    # --8<-- [start:run]
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    for name, X, y in [("Train", X_train, y_train), ("Test", X_test, y_test)]:
        print(f"{name}: {X.shape} {X.dtype}, from {X.min():.1f} to {X.max():.1f}")
        print("Images of each digit, 0 to 9:", *np.bincount(y))
    # --8<-- [end:run]
