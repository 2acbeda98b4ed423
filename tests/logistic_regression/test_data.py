"""What both frameworks share: iris, mini-batches, pictures, exercises in NumPy."""

import hashlib

import matplotlib.pyplot as plt
import numpy as np
import pytest

from snippets.logistic_regression import data
from snippets.logistic_regression.figures import plot_boundary, plot_costs

READS = []


@pytest.fixture
def iris_file(tmp_path):
    """A file in UCI's format: 50 setosa, 50 versicolor, 50 virginica, a blank line."""
    rows = [
        f"{4 + i / 100:.2f},{3 + i / 50:.2f},1.4,0.2,Iris-{species}"
        for species in ("setosa", "versicolor", "virginica")
        for i in range(50)
    ]
    path = tmp_path / "iris.data"
    path.write_text("\n".join(rows) + "\n\n")
    return path


def test_fetch_iris_asks_pooch_for_the_checked_file(monkeypatch):
    asked = {}

    def retrieve(url, **kwargs):
        asked.update(url=url, **kwargs)
        return "somewhere/iris.data"

    monkeypatch.setattr(data.pooch, "retrieve", retrieve)
    assert data.fetch_iris("somewhere") == "somewhere/iris.data"
    assert asked["url"].startswith("https://archive.ics.uci.edu/")
    assert asked["known_hash"] == f"sha256:{data.IRIS_SHA256}"
    assert (asked["path"], asked["fname"]) == ("somewhere", "iris.data")


def test_fetch_iris_takes_a_right_file_without_the_network(iris_file, monkeypatch):
    digest = hashlib.sha256(iris_file.read_bytes()).hexdigest()
    monkeypatch.setattr(data, "IRIS_SHA256", digest)
    monkeypatch.setattr(data, "IRIS_URL", "https://nowhere.invalid/iris.data")
    assert data.fetch_iris(iris_file.parent) == str(iris_file)


def test_read_iris_returns_the_sepals_of_two_species(iris_file):
    features, targets = data.read_iris(iris_file)
    assert features.shape == (100, 2)
    assert features.dtype == targets.dtype == np.float64
    np.testing.assert_array_equal(features[[0, 49, 50]], [[4, 3], [4.49, 3.98], [4, 3]])
    np.testing.assert_array_equal(targets, np.repeat([0.0, 1.0], 50))


def test_read_iris_refuses_a_length_that_is_no_number(tmp_path):
    path = tmp_path / "iris.data"
    path.write_text("long,3.0,1.4,0.2,Iris-setosa\n" * 2)
    with pytest.raises(ValueError, match="long"):
        data.read_iris(path)


def test_split_shuffles_as_the_original_post_did():
    features, targets = np.arange(200.0).reshape(100, 2), np.arange(100.0)
    X_train, y_train, X_test, y_test = data.split(features, targets)
    state = np.random.get_state()
    np.random.seed(1)
    indices = np.arange(100)
    np.random.shuffle(indices)
    np.random.set_state(state)
    np.testing.assert_array_equal(y_test, indices[:25])
    np.testing.assert_array_equal(y_train, indices[25:])
    np.testing.assert_array_equal(X_test, features[indices[:25]])
    np.testing.assert_array_equal(X_train, features[indices[25:]])


def test_split_leaves_numpys_global_generator_alone():
    np.random.seed(7)
    expected = np.random.rand()
    np.random.seed(7)
    data.split(np.zeros((10, 2)), np.zeros(10), num_test=3)
    assert np.random.rand() == expected


def test_split_depends_on_its_seed():
    first, second = (
        data.split(np.zeros((20, 2)), np.arange(20), num_test=5, seed=seed)[3]
        for seed in (1, 2)
    )
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("num_test", [-1, 0, 10, 11])
def test_split_refuses_an_empty_set(num_test):
    with pytest.raises(ValueError, match=f"num_test is {num_test} of 10"):
        data.split(np.zeros((10, 2)), np.zeros(10), num_test=num_test)


def test_split_refuses_different_lengths():
    with pytest.raises(ValueError, match="10 features but 9 targets"):
        data.split(np.zeros((10, 2)), np.zeros(9), num_test=3)


def test_standardize_uses_the_training_set_alone():
    rng = np.random.default_rng(0)
    raw_train, raw_test = rng.normal(5, 2, (40, 3)), rng.normal(9, 4, (10, 3))
    X_train, X_test, mean, std = data.standardize(raw_train, raw_test)
    np.testing.assert_allclose(X_train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X_train.std(axis=0), 1)
    np.testing.assert_allclose(mean, raw_train.mean(axis=0))
    np.testing.assert_allclose(X_train * std + mean, raw_train)
    np.testing.assert_allclose(X_test * std + mean, raw_test)
    assert mean.shape == std.shape == (3,)


def test_standardize_refuses_a_constant_feature():
    X_train = np.array([[1.0, 2.0], [1.0, 3.0]])
    with pytest.raises(ValueError, match="constant"):
        data.standardize(X_train, X_train)


def test_load_iris_reads_splits_and_standardizes(iris_file, monkeypatch):
    monkeypatch.setattr(data.pooch, "retrieve", lambda *args, **kwargs: iris_file)
    X_train, y_train, X_test, y_test, mean, std = data.load_iris()
    raw, targets = data.read_iris(iris_file)
    raw_train, raw_y_train, raw_test, raw_y_test = data.split(raw, targets)
    assert X_train.shape == (75, 2)
    assert X_test.shape == (25, 2)
    np.testing.assert_allclose(X_train * std + mean, raw_train)
    np.testing.assert_allclose(X_test * std + mean, raw_test)
    np.testing.assert_array_equal(y_train, raw_y_train)
    np.testing.assert_array_equal(y_test, raw_y_test)


def test_minibatches_are_shuffled_pairs_without_the_incomplete_last():
    X, y = np.arange(46.0).reshape(23, 2), np.arange(23.0)
    batches = list(data.iterate_post_minibatches(X, y, batch_size=5, seed=123))
    expected = np.arange(23)
    np.random.RandomState(123).shuffle(expected)
    assert [batch.shape for batch, _ in batches] == [(5, 2)] * 4
    np.testing.assert_array_equal(
        np.concatenate([t for _, t in batches]), expected[:20]
    )
    for X_batch, y_batch in batches:
        np.testing.assert_array_equal(X_batch, X[y_batch.astype(int)])


def test_minibatches_repeat_with_their_seed():
    X, y = np.zeros((12, 2)), np.arange(12)
    orders = [
        [t.tolist() for _, t in data.iterate_post_minibatches(X, y, 4, seed=seed)]
        for seed in (123, 123, 124)
    ]
    assert orders[0] == orders[1] != orders[2]


def test_one_minibatch_may_hold_everything():
    X, y = np.zeros((6, 2)), np.arange(6)
    ((_, y_batch),) = data.iterate_post_minibatches(X, y, batch_size=6, seed=0)
    assert sorted(y_batch) == list(range(6))


@pytest.mark.parametrize("batch_size", [-1, 0, 7])
def test_minibatches_refuse_a_bad_size_at_the_call(batch_size):
    with pytest.raises(ValueError, match=f"batch_size is {batch_size}"):
        data.iterate_post_minibatches(np.zeros((6, 2)), np.zeros(6), batch_size, 0)


def test_minibatches_refuse_different_lengths_at_the_call():
    with pytest.raises(ValueError, match="6 features but 5 targets"):
        data.iterate_post_minibatches(np.zeros((6, 2)), np.zeros(5), 2, seed=0)


def test_minibatch_log_shows_the_wrong_average_beside_the_right_one(capsys):
    data.print_post_epoch(3, [1.0, 2.0, 6.0], 10, 0.875, 0.5)
    line = "Epoch: 003 | AvgCost: 0.900 | Mean cost: 3.000 | Train/Test ACC: 0.88/0.50"
    assert capsys.readouterr().out == line + "\n"


def test_minibatch_log_has_no_cost_before_training(capsys):
    data.print_post_epoch(0, [], 1, 0.5, 0.25)
    assert capsys.readouterr().out == "Epoch: 000 | Train/Test ACC: 0.50/0.25\n"


def test_minibatches_hold_each_example_once_in_an_order_of_their_own():
    X, y, rng = np.zeros((7, 2)), np.arange(7), np.random.default_rng(0)
    epochs = [list(data.draw_minibatches(X, y, 3, rng)) for _ in range(2)]
    assert [len(targets) for _, targets in epochs[0]] == [3, 3, 1]
    orders = [np.concatenate([targets for _, targets in x]) for x in epochs]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(7))
    assert orders[0].tolist() != orders[1].tolist()


@pytest.mark.parametrize("batch_size", [-1, 0, 8])
def test_shuffled_minibatches_refuse_a_bad_size_at_the_call(batch_size):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=f"batch_size is {batch_size}"):
        data.draw_minibatches(np.zeros((7, 2)), np.zeros(7), batch_size, rng)
    with pytest.raises(ValueError, match="7 features but 6 targets"):
        data.draw_minibatches(np.zeros((7, 2)), np.zeros(6), 2, rng)


def test_minibatch_log_sums_the_costs(capsys):
    data.print_minibatch_epoch(2, [1.0, 2.5], 0.875)
    line = "Epoch: 002 | Train ACC: 0.875 | Sum of costs: 3.500"
    assert capsys.readouterr().out == line + "\n"


@pytest.mark.parametrize("num_tested", [1, 25, 1000])
def test_bound_makes_so_many_right_answers_as_unlikely_as_asked(num_tested):
    rate = data.largest_error_rate(num_tested, confidence=0.9)
    assert (1 - rate) ** num_tested == pytest.approx(0.1)


def test_bound_needs_an_example():
    with pytest.raises(ValueError, match="num_tested is 0"):
        data.largest_error_rate(0)


def test_stable_softplus_is_right_where_the_naive_one_is_not():
    logits = np.float32([-80, -20, -1, 0, 1, 20, 88, 1000])
    exact = [np.logaddexp(0.0, float(z)) for z in logits]
    np.testing.assert_allclose(data.softplus(logits), exact, rtol=1e-6)
    assert data.softplus_naive(np.float32(89)) == np.inf
    assert data.softplus_naive(np.float32(-20)) == 0


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_costs_are_plotted_from_epoch_1_on():
    plot_costs([3.0, 2.0, 1.5])
    (line,) = plt.gca().lines
    np.testing.assert_array_equal(line.get_xydata(), [[1, 3], [2, 2], [3, 1.5]])


def test_each_class_is_plotted_by_itself():
    X = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    plot_boundary(X, np.array([0.0, 1.0, 0.0]), [1.0, 1.0], 0.0)
    setosa, versicolor = plt.gca().collections
    np.testing.assert_array_equal(setosa.get_offsets(), X[[0, 2]])
    np.testing.assert_array_equal(versicolor.get_offsets(), X[[1]])


def test_the_line_is_where_the_logit_is_0():
    X = np.array([[-1.0, 0.0], [3.0, 1.0]])
    weights, bias = np.array([4.0, -3.0]), 0.5
    plot_boundary(X, np.array([0.0, 1.0]), weights, bias)
    (line,) = plt.gca().lines
    np.testing.assert_allclose(line.get_xydata() @ weights + bias, 0, atol=1e-12)


def test_weights_for_centimetres_give_the_logits_of_standardized_features():
    rng = np.random.default_rng(0)
    X, mean, std = rng.normal(size=(9, 3)), rng.normal(size=3), rng.uniform(1, 2, 3)
    weights, bias = rng.normal(size=3).astype(np.float32), 0.5
    cm_weights, cm_bias = data.to_centimetres(weights, bias, mean, std)
    assert cm_weights.shape == (3,)
    expected = (X - mean) / std @ weights + bias
    np.testing.assert_allclose(X @ cm_weights + cm_bias, expected, atol=1e-12)


def test_standard_features_keep_their_weights():
    weights = np.array([2.0, -1.0])
    same, bias = data.to_centimetres(weights, 3.0, np.zeros(2), np.ones(2))
    np.testing.assert_array_equal(same, weights)
    assert bias == 3.0


@pytest.mark.parametrize(
    ("logits", "index"), [([2.0, -0.1, 0.2], 1), ([-9.0, 8.0, -10.0], 1), ([5.0], 0)]
)
def test_least_sure_is_the_logit_nearest_zero(logits, index):
    found = data.least_sure(np.array(logits))
    assert isinstance(found, int)
    assert found == index


def test_least_sure_of_no_logits_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        data.least_sure(np.array([]))
