"""What the post got wrong in NumPy and plain Python, and what to write instead."""

# --8<-- [start:imports]
import hashlib
from contextlib import contextmanager
from io import BytesIO
from textwrap import shorten

import numpy as np

# --8<-- [end:imports]


# --8<-- [start:error]
@contextmanager
def show_error():
    """Print the error that the body raises, cut to one line of 88 characters.

    Raises AssertionError if the body raises none.
    """
    try:
        yield
    except Exception as error:
        line = f"{type(error).__name__}: {error}".partition("\n")[0]
        print(shorten(line, 88, placeholder="…"))
    else:
        raise AssertionError("the body runs without an error")


# --8<-- [end:error]


# --8<-- [start:defined]
def is_defined(name):
    """Return whether a new interpreter knows this name."""
    try:
        eval(name, {})
    except NameError:
        return False
    return True


# --8<-- [end:defined]


# --8<-- [start:sha256]
def require_sha256(content, expected):
    """Raise ValueError if the content is not the one with the expected checksum."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(f"sha256 is {found[:8]}…, expected {expected[:8]}…")


# --8<-- [end:sha256]


# --8<-- [start:lazy]
def lazy_batches(examples, batch_size, seed):
    """Yield each batch as a generator that has not yet looked at it: do not use."""
    indices = np.random.RandomState(seed).permutation(len(examples))
    for start in range(0, len(indices) - batch_size + 1, batch_size):
        batch = indices[start : start + batch_size]
        yield (array[batch] for array in [examples])


# --8<-- [end:lazy]


# --8<-- [start:batches]
def shuffled_batches(examples, batch_size, generator):
    """Return the examples of one epoch, newly shuffled, in a list of batches.

    The last batch may be smaller. Raises ValueError if batch_size does not fit.
    """
    if not 1 <= batch_size <= len(examples):
        what = f"batch_size is {batch_size}, must be 1 to {len(examples)}"
        raise ValueError(what)
    indices = generator.permutation(len(examples))
    starts = range(0, len(indices), batch_size)
    return [examples[indices[start : start + batch_size]] for start in starts]


# --8<-- [end:batches]


# --8<-- [start:portion]
def cut_portion(text, size, start):
    """Return the inputs and the targets of the portion that begins at start."""
    portion = text[start : start + size + 1]
    return portion[:-1], portion[1:]


# --8<-- [end:portion]


if __name__ == "__main__":
    # --8<-- [start:names]
    used = {
        "Data": "np BytesIO",
        "By hand": "torch",
        "nn.Module": "num_epochs",
        "TensorFlow": "x_train x_test",
        "RNN, modules": "string time",
        "RNN, sizes": "EMBEDDING_DIM HIDDEN_DIM NUM_HIDDEN TEXT_PORTION_SIZE",
        "RNN, settings": "DEVICE RANDOM_SEED LEARNING_RATE NUM_ITER",
        "RNN, data": "textfile char_to_tensor draw_random_sample",
    }
    for part, names in used.items():
        missing = [name for name in names.split() if not is_defined(name)]
        print(f"{part}: {', '.join(missing)}")
    # --8<-- [end:names]

    # --8<-- [start:renamed]
    with show_error():
        targets = np.zeroes(100)
    with show_error():
        source = np.lib.DataSource()
    print("Now:", np.zeros(100).shape, np.loadtxt(["5.1,3.5"], delimiter=","))
    # --8<-- [end:renamed]

    # --8<-- [start:damaged]
    checksum = hashlib.sha256(b"5.1,3.5\n4.9,3.0\n").hexdigest()  # of the true file
    received = b"51.,3.5\noops,3.0\n"
    print("Then:", np.genfromtxt(BytesIO(received), delimiter=",").tolist())
    with show_error():
        np.loadtxt(BytesIO(received), delimiter=",")
    with show_error():
        require_sha256(received, checksum)
    # --8<-- [end:damaged]

    # --8<-- [start:position]
    rows = ["6.4,Iris-versicolor", "5.1,Iris-setosa"]  # as they may stand one day
    targets = np.zeros(len(rows))
    targets[1:] = 1
    print("Then:", targets.tolist())
    print("Now: ", [float(row.endswith("Iris-versicolor")) for row in rows])
    # --8<-- [end:position]

    # --8<-- [start:seed]
    np.random.seed(1)
    first = np.random.permutation(75)
    np.random.seed(1)
    np.random.rand()  # any other line, in any library
    print("Then:", np.array_equal(first, np.random.permutation(75)))
    first = np.random.RandomState(1).permutation(75)
    np.random.rand()
    print("Now: ", np.array_equal(first, np.random.RandomState(1).permutation(75)))
    # --8<-- [end:seed]

    # --8<-- [start:ties]
    targets = np.repeat([0, 1], [40, 35])  # the training set's classes
    probas = np.full(75, 0.5)  # of a model that starts from zero
    print(f">= .5: {np.mean((probas >= 0.5) == targets):.2f}")
    print(f"> 0.5: {np.mean((probas > 0.5) == targets):.2f}")
    print(f"round: {np.mean(np.round(probas) == targets):.2f}")
    # --8<-- [end:ties]

    # --8<-- [start:late]
    examples = np.arange(12)
    batches = list(lazy_batches(examples, 4, seed=123))
    print("Then:", *[next(batch) for batch in batches])
    print("Now: ", *shuffled_batches(examples, 4, np.random.RandomState(123)))
    # --8<-- [end:late]

    # --8<-- [start:unseen]
    examples, seen = np.arange(75), set()
    for _ in range(15):  # epochs
        seen |= {
            x for batch in lazy_batches(examples, 10, seed=123) for x in next(batch)
        }
    print("Then:", 75 - len(seen), "of 75 never seen")
    generator, seen = np.random.RandomState(123), set()
    for _ in range(15):
        seen |= {
            x for batch in shuffled_batches(examples, 10, generator) for x in batch
        }
    print("Now: ", 75 - len(seen), "of 75 never seen")
    # --8<-- [end:unseen]

    # --8<-- [start:toolarge]
    print("Then:", list(lazy_batches(np.arange(75), 100, seed=123)))
    with show_error():
        shuffled_batches(np.arange(75), 100, generator)
    # --8<-- [end:toolarge]

    # --8<-- [start:average]
    count = 1
    for epoch in range(1, 4):
        costs = [5.0] * 7  # seven batches, all of the same cost
        count += len(costs)
        then, now = sum(costs) / count, sum(costs) / len(costs)
        print(f"Epoch {epoch} | Then: {then:.3f} | Now: {now:.3f}")
    # --8<-- [end:average]

    # --8<-- [start:late_log]
    num_trained, num_logged = 0, 0
    for _ in range(15):
        num_logged = num_trained  # a line is printed, then an epoch is trained
        num_trained += 1
    print(f"Then: {num_trained} epochs trained, {num_logged} in the last line")
    # --8<-- [end:late_log]

    # --8<-- [start:progress]
    num_images, batch_size = 60_000, 256
    print("Then:", num_images // batch_size)
    print("Now: ", len(range(0, num_images, batch_size)))
    # --8<-- [end:progress]

    # --8<-- [start:thousand]
    print("Then:", [step + 1 for step in range(3000) if step % 1000 == 0])
    print("Now: ", [step for step in range(1, 3001) if step % 1000 == 0])
    # --8<-- [end:thousand]

    # --8<-- [start:window]
    text, size = "then and now", 4
    starts = range(len(text) - size + 1)  # as random.randint counts: both ends
    print("Then:", [len(cut_portion(text, size, start)[0]) for start in starts])
    starts = range(len(text) - size)
    print("Now: ", [len(cut_portion(text, size, start)[0]) for start in starts])
    num_starts = 776_058 - 200 + 1  # of the notebook's novel
    print(f"Then, in 20,000 draws: {1 - (1 - 1 / num_starts) ** 20_000:.1%}")
    # --8<-- [end:window]

    # --8<-- [start:standard]
    X_train, X_test = np.array([1.0, 2.0, 3.0]), np.array([2.0, 6.0])
    mean, std = X_train.mean(), X_train.std()
    for name, X in {
        "Train": (X_train - mean) / std,
        "Test": (X_test - mean) / std,
    }.items():
        print(f"{name}: mean {X.mean():.3f}, std {X.std():.3f}")
    # --8<-- [end:standard]
