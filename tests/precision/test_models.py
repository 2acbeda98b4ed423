"""Precision and reproducibility in both frameworks, against NumPy."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from pagecode.frameworks import FRAMEWORKS, selected
from snippets.precision import figures
from snippets.precision.training import (
    BATCH_SIZE,
    NUM_HIDDEN,
    draw_batches,
    draw_params,
    print_equal,
    print_flushed,
)

ROOT = Path(__file__).parents[2]


class Adapter:
    """One framework's module, with arrays in and arrays out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.module = import_module(f"snippets.precision.{name}_precision")

    def tensor(self, array):
        if self.name == "pytorch":
            return self.module.torch.from_numpy(array)
        return self.module.tf.constant(array)

    def weights(self, model):
        """Return kernels (inputs, outputs) and biases, as Keras has them."""
        found = self.module.weights_of(model)
        return [x.T for x in found] if self.name == "pytorch" else found

    def train(self, model, features, targets, *args, **options):
        return self.module.train(
            model, self.tensor(features), self.tensor(targets), *args, **options
        )

    def low(self):
        """Return a model that computes in bfloat16, and options to train it."""
        if self.name == "pytorch":
            return self.module.build_model(), {"bfloat16": True}
        return self.module.build_model(policy="mixed_bfloat16"), {}


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def adapter(request):
    return Adapter(request.param)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2 * BATCH_SIZE, 40)).astype(np.float32)
    return features, rng.integers(0, 10, 2 * BATCH_SIZE)


def train_in_numpy(features, targets, num_steps, seed):
    """Return losses and weights of SGD with rate 0.1 and momentum 0.9, in float64."""
    params = [x.astype(np.float64) for x in draw_params()]
    velocities, losses = [np.zeros_like(x) for x in params], []
    for batch in draw_batches(len(targets), num_steps, seed):
        W1, b1, W2, b2 = params
        X, y = features[batch].astype(np.float64), targets[batch]
        hidden = np.maximum(X @ W1 + b1, 0)
        powers = np.exp(hidden @ W2 + b2)
        errors = powers / powers.sum(axis=1, keepdims=True)
        losses.append(-np.log(errors[range(len(y)), y]).mean())
        errors[range(len(y)), y] -= 1
        errors /= len(y)
        sums = errors @ W2.T * (hidden > 0)
        grads = [X.T @ sums, sums.sum(axis=0), hidden.T @ errors, errors.sum(axis=0)]
        velocities = [0.9 * v + g for v, g in zip(velocities, grads, strict=True)]
        params = [p - 0.1 * v for p, v in zip(params, velocities, strict=True)]
    return losses, params


def test_train_takes_numpys_steps(adapter, data) -> None:
    model = adapter.module.build_model()
    losses = adapter.train(model, *data, 3, 5)
    expected, params = train_in_numpy(*data, 3, 5)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for x, y in zip(adapter.weights(model), params, strict=True):
        assert x.dtype == np.float32
        np.testing.assert_allclose(x, y, atol=1e-5)


def test_bfloat16_is_near_and_keeps_its_weights_in_float32(adapter, data) -> None:
    model, options = adapter.low()
    losses = adapter.train(model, *data, 3, 5, **options)
    expected, params = train_in_numpy(*data, 3, 5)
    np.testing.assert_allclose(losses, expected, rtol=0.02)
    assert np.abs(np.subtract(losses, expected)).max() > 1e-5  # not float32
    assert all(x.dtype == np.float32 for x in adapter.weights(model))
    for x, y in zip(adapter.weights(model), params, strict=True):
        np.testing.assert_allclose(x, y, atol=0.02)


def test_accuracy_switches_dropout_off(adapter, data) -> None:
    features, targets = data
    model = adapter.module.build_model(dropout=0.5)
    W1, b1, W2, b2 = draw_params()
    logits = np.maximum(features @ W1 + b1, 0) @ W2 + b2
    expected = (logits.argmax(axis=1) == targets).mean()
    found = adapter.module.accuracy(
        model, adapter.tensor(features), adapter.tensor(targets)
    )
    assert found == pytest.approx(expected)


def test_dropout_is_on_in_training(adapter, data) -> None:
    with_dropout = adapter.train(adapter.module.build_model(dropout=0.5), *data, 1)
    without = adapter.train(adapter.module.build_model(), *data, 1)
    assert with_dropout != without


def test_each_seed_changes_the_weights(adapter, data, monkeypatch) -> None:
    features, targets = (adapter.tensor(x) for x in data)
    monkeypatch.setattr(adapter.module, "X", features, raising=False)
    monkeypatch.setattr(adapter.module, "y", targets, raising=False)

    def bits(**options):
        return [x.tobytes() for x in adapter.module.run(**options)]

    reference = bits()
    assert bits() == reference
    for change in ("weight_seed", "order_seed", "dropout_seed"):
        assert bits(**{change: 2}) != reference
    assert bits(extra=True) != reference


def test_params_and_batches() -> None:
    W1, b1, W2, b2 = draw_params()
    assert (W1.shape, W2.shape) == ((40, NUM_HIDDEN), (NUM_HIDDEN, 10))
    assert W1.dtype == W2.dtype == b1.dtype == b2.dtype == np.float32
    assert not b1.any()
    assert not b2.any()
    assert W1.var() == pytest.approx(2 / 40, rel=0.1)
    assert (draw_params(2)[0] != W1).all()
    batches = draw_batches(300, 4)
    assert batches.shape == (4, BATCH_SIZE)
    np.testing.assert_array_equal(np.sort(batches[:3].ravel()), range(300))
    assert (draw_batches(300, 4, seed=2) != batches).any()
    with pytest.raises(ValueError, match="310 examples in batches of 100"):
        draw_batches(310, 1)


def test_what_is_printed(capsys) -> None:
    zero, minus = np.array([0.0]), np.array([-0.0])
    print_equal("same", [zero], [zero.copy()])
    print_equal("sign", [zero], [minus])  # equal numbers, not equal bits
    print_flushed("some", [np.array([0.0, 1.0]), np.array([[np.inf, -2.0]])])
    assert capsys.readouterr().out.splitlines() == [
        f"{'same':28} | bit-equal",
        f"{'sign':28} | different",
        f"{'some':25} | zero:  25% | infinite: 25%",
    ]


def test_events_of_a_profile_are_counted(tmp_path) -> None:
    if "tensorflow" not in [x for x in FRAMEWORKS.values() if x in selected()]:
        pytest.skip("TensorFlow's own format")
    module = import_module("snippets.precision.tensorflow_precision")
    space = module.xplane_pb2.XSpace()
    for name in ("one", "two"):
        plane = space.planes.add()
        plane.event_metadata[7].name = name
        for _ in range(2):
            line = plane.lines.add()
            for _ in range(3):
                line.events.add().metadata_id = 7
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "host.xplane.pb").write_bytes(space.SerializeToString())
    assert module.count_events(tmp_path) == {"one": 6, "two": 6}


def test_picture_shows_gradients_twice_and_each_range() -> None:
    grads = np.array([0.0, 1e-8, -1e-8, 1e-2])
    ranges = {"wide": (1e-40, 1e40), "narrow": (1e-7, 1e4)}
    figures.plot_ranges(ranges, grads, 1e4)
    axis = plt.gca()
    plain, scaled = (x.get_data() for x in axis.patches)
    assert plain.values.sum() == pytest.approx(1)  # of those that are not zero
    assert plain.values[np.searchsorted(plain.edges, -8, "right") - 1] > 0.6
    assert scaled.values[np.searchsorted(scaled.edges, -4, "right") - 1] > 0.6
    assert [[*x.get_xdata()] for x in axis.lines] == [[-20, 6], [-7, 4]]
    plt.close("all")


def test_generators_of_the_loader_s_workers() -> None:
    if "pytorch" not in selected():
        pytest.skip("PyTorch's loader")
    loader = import_module("snippets.precision.pytorch_loader")
    torch = loader.torch
    alone = loader.draw(num_workers=0, by_example=True)
    expected = [
        torch.rand((), generator=torch.Generator().manual_seed(i)) for i in range(8)
    ]
    assert torch.equal(alone, torch.stack(expected))
    first, again, other = loader.draw(), loader.draw(), loader.draw(seed=2)
    assert torch.equal(first, again)
    assert len(first.unique()) == 8
    assert not (first == other).any()
    alike = loader.draw(worker_init_fn=loader.seed_alike)
    assert torch.equal(alike[::2], alike[1::2])  # two workers take turns


def test_pipeline_that_draws_by_example_needs_no_order() -> None:
    if "tensorflow" not in selected():
        pytest.skip("TensorFlow's pipeline")
    module = import_module("snippets.precision.tensorflow_precision")
    draw, uniform = module.draw, module.tf.random.stateless_uniform
    expected = [float(uniform((), [3, i])) for i in range(8)]
    assert draw(num_calls=2, seed=3, by_example=True) == expected
    assert draw(num_calls=1, seed=1) == draw(num_calls=1, seed=1)
    assert draw(num_calls=1, seed=1) != draw(num_calls=1, seed=2)


def test_threads_are_set_and_the_rows_are_added_up(tmp_path) -> None:
    if "tensorflow" not in selected():
        pytest.skip("TensorFlow's threads")
    module = "snippets.precision.tensorflow_threads"
    path = str(tmp_path / "x.npy")
    words = [sys.executable, "-m", module, "3", path]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "threads: 3\n"
    matrix = np.random.default_rng(1).normal(size=(2000, 2000)).astype(np.float32)
    expected = matrix.astype(np.float64) @ matrix.sum(axis=1, dtype=np.float64)
    np.testing.assert_allclose(np.load(path), expected, atol=0.1)
