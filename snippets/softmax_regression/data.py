"""MNIST as NumPy arrays; the order of the images, the log, and training in NumPy."""

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


# --8<-- [start:hyperparameters]
NUM_CLASSES = 10
LEARNING_RATE = 0.1
BATCH_SIZE = 256
NUM_EPOCHS = 10
SEED = 123
# --8<-- [end:hyperparameters]


# --8<-- [start:orders]
def draw_orders(num_examples, num_epochs, seed):
    """Return a new shuffle of the examples for each epoch: (num_epochs, num_examples).

    Raises ValueError if there is no example or no epoch.
    """
    if num_examples < 1 or num_epochs < 1:
        raise ValueError(f"{num_examples} examples, {num_epochs} epochs: need 1 each")
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(num_examples) for _ in range(num_epochs)])


def split_batches(order, batch_size):
    """Cut one epoch's order into batches of indices; the last one may be smaller.

    Raises ValueError if batch_size is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, must be at least 1")
    return np.split(order, range(batch_size, len(order), batch_size))


# --8<-- [end:orders]


# --8<-- [start:log]
def print_epoch(epoch, num_epochs, train_accuracy, cost):
    """Print one line of the training log."""
    fields = [
        f"Epoch: {epoch:03d}/{num_epochs:03d}",
        f"Train ACC: {train_accuracy:.2%}",
        f"Cost: {cost:.4f}",
    ]
    print(" | ".join(fields))


# --8<-- [end:log]


# --8<-- [start:numpy_epoch]
def errors_in_numpy(logits, one_hot):
    """Turn logits into probabilities less targets, in place: (batch, num_classes)."""
    logits -= logits.max(axis=1, keepdims=True)  # no power can overflow
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    logits -= one_hot
    return logits


def run_epoch_in_numpy(
    features, one_hot, order, batch_size, learning_rate, weights, bias
):
    """Move weights and bias in place, a step for each batch of one epoch's order."""
    rows = np.empty((batch_size, features.shape[1]), features.dtype)
    for batch in split_batches(order, batch_size):
        taken = np.take(features, batch, axis=0, out=rows[: len(batch)], mode="clip")
        errors = errors_in_numpy(taken @ weights + bias, one_hot[batch])
        errors *= learning_rate / len(batch)
        weights -= taken.T @ errors
        bias -= errors.sum(axis=0)


# --8<-- [end:numpy_epoch]


# --8<-- [start:numpy_train]
def evaluate_in_numpy(features, targets, weights, bias):
    """Return the accuracy and the mean cross-entropy, as floats."""
    logits = features @ weights + bias  # (num_examples, num_classes)
    hits = logits.argmax(axis=1) == targets
    logits -= logits.max(axis=1, keepdims=True)
    target_logits = np.take_along_axis(logits, targets[:, None], axis=1)[:, 0]
    log_sums = np.log(np.exp(logits).sum(axis=1))  # (num_examples,)
    return float(hits.mean()), float((log_sums - target_logits).mean())


def train_in_numpy(features, targets, orders, batch_size, learning_rate):
    """Train and print a line for each epoch; return weights and bias.

    Raises ValueError before the first step if a target is missing or out of range.
    """
    if len(features) != len(targets) or not len(targets):
        raise ValueError(f"{len(features)} features, {len(targets)} targets")
    if targets.min() < 0 or targets.max() >= NUM_CLASSES:
        raise ValueError(f"targets must be 0 to {NUM_CLASSES - 1}")
    one_hot = np.eye(NUM_CLASSES, dtype=features.dtype)[targets]
    weights = np.zeros((features.shape[1], NUM_CLASSES), features.dtype)
    bias = np.zeros(NUM_CLASSES, features.dtype)
    for epoch, order in enumerate(orders, start=1):
        run_epoch_in_numpy(
            features, one_hot, order, batch_size, learning_rate, weights, bias
        )
        results = evaluate_in_numpy(features, targets, weights, bias)
        print_epoch(epoch, len(orders), *results)
    return weights, bias


# --8<-- [end:numpy_train]


if __name__ == "__main__":
    # --8<-- [start:run]
    train_images, y_train, test_images, y_test = read_mnist()
    X_train, X_test = to_features(train_images), to_features(test_images)
    for name, X, y in [("Train", X_train, y_train), ("Test", X_test, y_test)]:
        print(f"{name}: {X.shape} {X.dtype}, from {X.min():.1f} to {X.max():.1f}")
        print("Images of each digit, 0 to 9:", *np.bincount(y))
    # --8<-- [end:run]

    # --8<-- [start:run_batches]
    orders = draw_orders(60_000, NUM_EPOCHS, SEED)
    batches = split_batches(orders[0], BATCH_SIZE)
    print(f"{len(batches)} batches an epoch, {len(batches[-1])} images in the last")
    # --8<-- [end:run_batches]

    # --8<-- [start:run_numpy]
    numpy_weights, numpy_bias = train_in_numpy(
        X_train, y_train, orders, BATCH_SIZE, LEARNING_RATE
    )
    # --8<-- [end:run_numpy]
