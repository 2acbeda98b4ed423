"""What both frameworks share: MNIST, orders, training in NumPy, errors, pictures."""

import gzip
import hashlib

import matplotlib.pyplot as plt
import numpy as np
import pytest

from snippets.softmax_regression import data, figures
from snippets.softmax_regression.data import draw_orders, split_batches, train_in_numpy

READS = []


def idx(array, magic=None):
    """Return the bytes of an IDX file."""
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    magic = bytes([0, 0, 8, array.ndim]) if magic is None else magic
    return magic + lengths + array.astype(np.uint8).tobytes()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content))
    return path


@pytest.fixture
def arrays():
    """Thirty images and ten, of 28 x 28 random bytes, with labels 0 to 9."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 28, 28), dtype=np.uint8)
    labels = np.arange(40, dtype=np.uint8) % 10
    return images[:30], labels[:30], images[30:], labels[30:]


@pytest.fixture
def archives(tmp_path, arrays, monkeypatch):
    """A folder with the arrays in MNIST's four files, which fetch_mnist accepts."""
    raw, known = tmp_path / "MNIST" / "raw", {}
    for name, array in zip(data.MNIST_SHA256, arrays, strict=True):
        path = write(raw / name, idx(array))
        known[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(data, "MNIST_SHA256", known)
    monkeypatch.setattr(data, "MNIST_URL", "https://nowhere.invalid/")
    return tmp_path


def test_fetch_mnist_asks_pooch_for_four_checked_files(monkeypatch):
    asked = []
    monkeypatch.setattr(
        data.pooch, "retrieve", lambda url, **kwargs: asked.append((url, kwargs))
    )
    assert len(data.fetch_mnist("somewhere")) == 4
    for (url, kwargs), name in zip(asked, data.MNIST_SHA256, strict=True):
        assert url == f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}"
        assert kwargs["known_hash"] == f"sha256:{data.MNIST_SHA256[name]}"
        assert (kwargs["path"], kwargs["fname"]) == ("somewhere/MNIST/raw", name)


def test_fetch_mnist_takes_right_files_without_the_network(archives):
    paths = data.fetch_mnist(archives)
    assert paths == [str(archives / "MNIST" / "raw" / x) for x in data.MNIST_SHA256]


@pytest.mark.parametrize("shape", [(5,), (3, 4, 6)])
def test_read_idx_returns_the_bytes_in_shape(tmp_path, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    read = data.read_idx(write(tmp_path / "x.gz", idx(array)), len(shape))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx(np.zeros((2, 3, 3))), "magic number 00000803, not 00000801"),
        (idx(np.zeros(4), b"\0\0\x0d\1"), "magic number 00000d01, not 00000801"),
        (b"", "magic number , not"),
        (idx(np.zeros(4))[:-1], r"3 bytes for shape \[4\]"),
        (idx(np.zeros(4)) + b"\0", r"5 bytes for shape \[4\]"),
        (idx(np.zeros(4))[:6], "smaller"),
    ],
)
def test_read_idx_refuses_a_wrong_header_or_length(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        data.read_idx(write(tmp_path / "labels.gz", content), 1)


def test_read_idx_refuses_a_truncated_or_damaged_archive(tmp_path):
    whole = gzip.compress(idx(np.arange(200)))
    broken = bytearray(whole)
    broken[12] ^= 0xFF
    for content in (whole[:-20], bytes(broken), b"no archive", whole[:-8] + b"\0" * 8):
        (tmp_path / "x.gz").write_bytes(content)
        with pytest.raises(ValueError, match=r"x\.gz is no complete gzip archive"):
            data.read_idx(tmp_path / "x.gz", 1)


def test_read_mnist_returns_bytes_and_integer_labels(archives, arrays):
    read = data.read_mnist(archives)
    for found, expected in zip(read, arrays, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert [array.dtype for array in read] == [np.uint8, np.int64] * 2


@pytest.mark.parametrize(
    ("index", "labels", "message"),
    [
        (1, np.zeros(29), "30 images but 29 labels"),
        (3, np.full(10, 10), "label 10 is no digit"),
    ],
)
def test_read_mnist_refuses_bad_labels(
    archives, arrays, monkeypatch, index, labels, message
):
    arrays = [*arrays[:index], labels.astype(np.uint8), *arrays[index + 1 :]]
    monkeypatch.setattr(data, "fetch_mnist", lambda folder: list(range(4)))
    monkeypatch.setattr(data, "read_idx", lambda path, num_axes: arrays[path])
    with pytest.raises(ValueError, match=message):
        data.read_mnist(archives)


def test_to_features_flattens_and_scales_in_float32():
    images = np.array([[[0, 51], [255, 1]]], dtype=np.uint8)
    features = data.to_features(images)
    assert features.shape == (1, 4)
    assert features.dtype == np.float32
    expected = np.array([[0, 51, 255, 1]]) / 255
    np.testing.assert_array_equal(features, expected.astype(np.float32))


def test_orders_are_a_new_shuffle_for_each_epoch():
    orders = draw_orders(50, 3, seed=1)
    assert orders.shape == (3, 50)
    assert orders.dtype == np.int64
    for order in orders:
        assert sorted(order) == list(range(50))
    assert orders[0].tolist() != orders[1].tolist()


def test_orders_repeat_with_their_seed_and_leave_numpys_generator_alone():
    state = np.random.get_state()[1].copy()
    first, again, other = (draw_orders(50, 2, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.tolist() != other.tolist()
    np.testing.assert_array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize(("num_examples", "num_epochs"), [(0, 1), (5, 0), (-1, 2)])
def test_orders_refuse_nothing_to_order(num_examples, num_epochs):
    with pytest.raises(ValueError, match="need 1 each"):
        draw_orders(num_examples, num_epochs, seed=0)


def test_batches_keep_the_smaller_last():
    order = np.random.default_rng(0).permutation(23)
    parts = split_batches(order, 5)
    assert [len(part) for part in parts] == [5, 5, 5, 5, 3]
    np.testing.assert_array_equal(np.concatenate(parts), order)
    assert len(split_batches(np.arange(60_000), 256)) == 235
    assert [len(part) for part in split_batches(np.arange(10), 5)] == [5, 5]
    assert [len(part) for part in split_batches(np.arange(3), 5)] == [3]


@pytest.mark.parametrize("batch_size", [-1, 0])
def test_batches_refuse_a_size_below_one(batch_size):
    with pytest.raises(ValueError, match=f"batch_size is {batch_size}"):
        split_batches(np.arange(4), batch_size)


def test_log_line(capsys):
    data.print_epoch(1, 10, 0.880549, 0.46889)
    expected = "Epoch: 001/010 | Train ACC: 88.05% | Cost: 0.4689\n"
    assert capsys.readouterr().out == expected


@pytest.fixture
def digits():
    """Fifty examples of ten classes."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(50) % 10)
    return (rng.normal(size=(50, 12)) + y[:, None] / 5).astype(np.float32), y


@pytest.mark.parametrize("batch_size", [16, 64])
def test_numpy_descends_the_formulas_gradient(digits, batch_size, capsys):
    X, y = digits
    orders = draw_orders(50, 3, 1)
    weights, bias = np.zeros((12, 10)), np.zeros(10)
    for order in orders:
        for batch in split_batches(order, batch_size):
            powers = np.exp(X[batch].astype(float) @ weights + bias)
            errors = powers / powers.sum(axis=1, keepdims=True) - np.eye(10)[y[batch]]
            weights -= 0.1 / len(batch) * X[batch].T @ errors
            bias -= 0.1 / len(batch) * errors.sum(axis=0)
    made = train_in_numpy(X, y, orders, batch_size, 0.1)
    np.testing.assert_allclose(made[0], weights, atol=1e-6)
    np.testing.assert_allclose(made[1], bias, atol=1e-6)
    logits = X @ weights + bias
    cost = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(50), y]
    accuracy, found = data.evaluate_in_numpy(X, y, *made)
    assert found == pytest.approx(cost.mean(), abs=1e-6)
    assert accuracy == np.mean(logits.argmax(axis=1) == y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["001/003", "002/003", "003/003"]


def test_large_logits_do_not_overflow_in_numpy(digits, capsys):
    X, y = digits
    made = train_in_numpy(1e4 * X, y, draw_orders(50, 2, 1), 10, 1.0)
    assert all(np.isfinite(x).all() for x in made)
    assert "nan" not in capsys.readouterr().out


@pytest.mark.parametrize("label", [-1, 10])
def test_numpy_refuses_a_label_out_of_range(digits, label):
    X, y = digits
    y[3] = label
    with pytest.raises(ValueError, match="must be 0 to 9"):
        train_in_numpy(X, y, draw_orders(50, 1, 1), 10, 0.1)


def test_numpy_refuses_a_missing_target(digits):
    X, y = digits
    with pytest.raises(ValueError, match="50 features, 49 targets"):
        train_in_numpy(X, y[:-1], draw_orders(50, 1, 1), 10, 0.1)


def test_numpy_refuses_no_examples(digits):
    X, y = digits
    with pytest.raises(ValueError, match="0 features, 0 targets"):
        train_in_numpy(X[:0], y[:0], draw_orders(1, 1, 1), 10, 0.1)


def test_confusion_matrix_counts_targets_in_rows():
    targets, predictions = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 2, 0])
    confusion = figures.confusion_matrix(targets, predictions, 3)
    np.testing.assert_array_equal(confusion, [[1, 1, 0], [0, 1, 0], [2, 0, 1]])
    shares = figures.to_shares(confusion)
    np.testing.assert_allclose(shares, [[0.5, 0.5, 0], [0, 1, 0], [2 / 3, 0, 1 / 3]])


@pytest.mark.parametrize(
    ("targets", "predictions", "message"),
    [
        ([0, 1], [0], "targets"),
        ([0, 3], [0, 1], "0 to 2"),
        ([0, 1], [0, 3], "0 to 2"),
        ([0, -1], [0, 1], "0 to 2"),
    ],
)
def test_confusion_matrix_refuses_bad_classes(targets, predictions, message):
    with pytest.raises(ValueError, match=message):
        figures.confusion_matrix(np.array(targets), np.array(predictions), 3)


def test_shares_refuse_a_class_without_example():
    with pytest.raises(ValueError, match="no example"):
        figures.to_shares(np.array([[1, 1], [0, 0]]))


def test_most_confident_errors_come_first():
    probas = np.array([[0.6, 0.4], [0.1, 0.9], [0.3, 0.7], [0.8, 0.2]])
    targets = np.array([1, 0, 1, 0])
    assert figures.most_confident_errors(probas, targets, 5).tolist() == [1, 0]
    assert figures.most_confident_errors(probas, targets, 1).tolist() == [1]


@pytest.mark.parametrize("shape", [(4,), (3, 2)])
def test_most_confident_errors_refuse_other_shapes(shape):
    with pytest.raises(ValueError, match="probas"):
        figures.most_confident_errors(np.zeros(shape), np.zeros(4, int), 1)


def test_softmax_is_the_formula_and_survives_large_logits():
    logits = np.random.default_rng(0).normal(size=(20, 5))
    powers = np.exp(logits)
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(figures.softmax(logits), expected)
    np.testing.assert_array_equal(figures.softmax(np.array([[1e4, 0]])), [[1, 0]])


def test_numpys_model_learns_on_the_first_images(archives, arrays, capsys):
    images, targets, *_ = arrays
    for count in (None, 17):
        features, some = data.to_features(images)[:count], targets[:count]
        orders = draw_orders(len(features), 2, data.SEED)
        wanted = train_in_numpy(features, some, orders, data.BATCH_SIZE, 0.2)
        capsys.readouterr()
        found = figures.learn(archives, num_images=count, num_epochs=2, rate=0.2)
        assert not capsys.readouterr().out
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_calibration_compares_confidence_and_accuracy_from_the_lowest_bin_on():
    probas = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    targets = np.array([0, 0, 1, 0])
    found = figures.calibration(probas, targets, num_bins=2)
    np.testing.assert_allclose(found, [[0.65, 0.5], [0.85, 1.0]])
    with pytest.raises(ValueError, match="4 examples for 3 equal bins"):
        figures.calibration(probas, targets, num_bins=3)


def test_answers_above_a_threshold():
    probas = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.4, 0.6]])
    targets = np.array([0, 0, 0, 1])
    assert figures.answer_above(0.8, probas, targets) == (0.5, 0.5)
    assert figures.answer_above(0.0, probas, targets) == (1.0, 0.75)
    with pytest.raises(ValueError, match=r"reaches 0\.95"):
        figures.answer_above(0.95, probas, targets)


def test_figures_show_what_they_are_given():
    rng = np.random.default_rng(0)
    weight_images = rng.normal(size=(10, 4, 4))
    figures.plot_weights(weight_images)
    axes = plt.gcf().axes
    assert [axis.get_title() for axis in axes[:10]] == [str(i) for i in range(10)]
    shown = axes[3].images[0]
    np.testing.assert_array_equal(shown.get_array(), weight_images[3])
    assert shown.get_clim() == (-abs(weight_images).max(), abs(weight_images).max())

    shares = np.array([[0.75, 0.25], [0.1, 0.9]])
    figures.plot_confusion(shares)
    axis = plt.gcf().axes[0]
    np.testing.assert_allclose(axis.images[0].get_array(), [[0, 25], [10, 0]])
    assert [x.get_text() for x in axis.texts] == ["75.0", "25.0", "10.0", "90.0"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("read as", "digit")
    np.testing.assert_array_equal(shares, [[0.75, 0.25], [0.1, 0.9]])

    images = rng.integers(0, 256, (1, 5, 5))
    figures.plot_digits(images, ["a title"])
    (axis,) = plt.gcf().axes
    assert axis.get_title() == "a title"
    np.testing.assert_array_equal(axis.images[0].get_array(), images[0])

    figures.plot_reading(images[0], np.array([0.25, 0.75]))
    left, right = plt.gcf().axes
    np.testing.assert_array_equal(left.images[0].get_array(), images[0])
    assert [bar.get_height() for bar in right.patches] == [0.25, 0.75]
    plt.close("all")
