"""Convolutional networks in both frameworks, against SciPy, NumPy and one another."""

from importlib import import_module

import numpy as np
import pytest
from scipy.signal import correlate2d

from pagecode.frameworks import FRAMEWORKS, selected
from snippets.convolutional_network.correlation import (
    correlate,
    print_fields,
    shortest_time,
)
from snippets.convolutional_network.training import (
    LENET_SHAPES,
    SIGNAL_SHAPES,
    add_shifted,
    compare_choices,
    compare_steps,
    draw_params,
    first_kink,
    print_log,
    print_parting,
    to_channels_last,
)

CHAPTER = "snippets.convolutional_network"
LAYERS = {"pytorch": "pytorch_module", "tensorflow": "tensorflow_keras"}


class Adapter:
    """One framework's modules, with arrays in and arrays out, channels first."""

    def __init__(self, name: str) -> None:
        self.first = name == "pytorch"
        if self.first:
            self.framework = import_module("torch")
        self.manual = import_module(f"{CHAPTER}.{name}_manual")
        self.layers = import_module(f"{CHAPTER}.{LAYERS[name]}")
        if not self.first:
            self.framework = import_module("tensorflow")

    def tensor(self, array):
        """Return a tensor of the framework, in the layout of an array."""
        if self.first:
            return self.framework.tensor(array)
        return self.framework.constant(array)

    def images(self, array):
        """Return images or maps (batch, channels, ...) in the framework's layout."""
        return self.tensor(array if self.first else np.moveaxis(array, 1, -1))

    def kernels(self, array):
        """Return kernels (out, in, height, width) in the framework's layout."""
        return self.tensor(
            array if self.first else np.moveaxis(array, [0, 1], [-1, -2])
        )

    def from_images(self, tensor):
        """Return images or maps as an array (batch, channels, ...)."""
        return tensor.numpy() if self.first else np.moveaxis(tensor.numpy(), -1, 1)

    def from_kernels(self, tensor):
        """Return kernels as an array (out, in, height, width)."""
        array = tensor.numpy()
        return array if self.first else np.moveaxis(array, [-1, -2], [0, 1])

    def params(self, arrays, *, variables=False):
        """Return parameters in the framework's layout, that can be trained if asked."""
        if self.first:
            return [self.tensor(x) for x in arrays]
        make = self.framework.Variable if variables else self.framework.constant
        return [make(x) for x in to_channels_last(arrays)]

    def logits(self, model, features):
        """Return a model's logits of features (batch, channels, ...)."""
        found = model(self.images(features))
        return found.detach().numpy() if self.first else found.numpy()

    def counted(self, model) -> int:
        if self.first:
            return sum(p.numel() for p in model.parameters())
        return model.count_params()

    def kinked(self):
        """Return LeNet-5 with ReLU and max pooling."""
        if self.first:
            nn = self.framework.nn
            return self.layers.build_lenet5(nn.ReLU, nn.MaxPool2d)
        pooling = import_module("keras").layers.MaxPooling2D
        return self.layers.build_lenet5("relu", pooling)

    def sgd(self, model, rate):
        if self.first:
            return self.framework.optim.SGD(model.parameters(), rate)
        return import_module("keras").optimizers.SGD(rate)


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def adapter(request):
    return Adapter(request.param)


@pytest.fixture
def drawn():
    """Images (3, 2, 9, 7), kernels (4, 2, 5, 5) and gradients of maps (3, 4, 5, 3)."""
    rng = np.random.default_rng(0)
    shapes = [(3, 2, 9, 7), (4, 2, 5, 5), (3, 4, 5, 3)]
    return [rng.normal(size=shape) for shape in shapes]


def maps_of_scipy(images, kernels):
    """Return the maps (batch, out, rows, columns), as SciPy computes them."""
    return np.array(
        [
            [
                sum(
                    correlate2d(x, k, "valid")
                    for x, k in zip(image, kernel, strict=True)
                )
                for kernel in kernels
            ]
            for image in images
        ]
    )


def slopes(function, array, step=1e-6):
    """Return the gradient of a function of an array, by differences in every entry."""
    grads = np.zeros_like(array)
    for index in np.ndindex(*array.shape):
        around = []
        for sign in (1, -1):
            moved = array.copy()
            moved[index] += sign * step
            around.append(function(moved))
        grads[index] = (around[0] - around[1]) / (2 * step)
    return grads


# --- convolution and pooling by hand


def test_loops_are_scipys() -> None:
    rng = np.random.default_rng(0)
    image, kernel = rng.normal(size=(7, 6)), rng.normal(size=(3, 2))
    expected = correlate2d(image, kernel, "valid")
    np.testing.assert_allclose(correlate(image, kernel), expected, atol=1e-14)


def test_product_is_scipys(adapter, drawn) -> None:
    images, kernels, _ = drawn
    maps = adapter.manual.conv2d(adapter.images(images), adapter.kernels(kernels))
    expected = maps_of_scipy(images, kernels)
    np.testing.assert_allclose(adapter.from_images(maps), expected, atol=1e-13)


def test_gradients_of_a_convolution_are_those_of_scipys(adapter, drawn) -> None:
    images, kernels, grad = drawn
    maps = adapter.images(grad)
    found = adapter.manual.grad_of_kernels(maps, adapter.images(images), 5)
    expected = slopes(lambda x: (grad * maps_of_scipy(images, x)).sum(), kernels)
    np.testing.assert_allclose(adapter.from_kernels(found), expected, atol=1e-7)
    found = adapter.manual.grad_of_images(maps, adapter.kernels(kernels))
    expected = slopes(lambda x: (grad * maps_of_scipy(x, kernels)).sum(), images)
    np.testing.assert_allclose(adapter.from_images(found), expected, atol=1e-7)


@pytest.mark.parametrize(("way", "reduce"), [("avg", np.mean), ("max", np.max)])
def test_pools_and_their_gradients_are_numpys(adapter, way: str, reduce) -> None:
    rng = np.random.default_rng(1)
    images, grad = rng.normal(size=(2, 3, 4, 6)), rng.normal(size=(2, 3, 2, 3))

    def pool(x):
        return reduce(x.reshape(2, 3, 2, 2, 3, 2), axis=(3, 5))

    found = getattr(adapter.manual, f"{way}_pool")(adapter.images(images))
    np.testing.assert_allclose(adapter.from_images(found), pool(images))
    backward = getattr(adapter.manual, f"{way}_pool_backward")
    inputs = [adapter.images(x) for x in ([grad, images] if way == "max" else [grad])]
    expected = slopes(lambda x: (grad * pool(x)).sum(), images)
    np.testing.assert_allclose(
        adapter.from_images(backward(*inputs)), expected, atol=1e-8
    )


# --- LeNet-5


def lenet_in_numpy(images, params):
    """Return LeNet-5's logits, with SciPy's cross-correlation."""
    K1, c1, K3, c3, W5, b5, W6, b6, W7, b7 = params

    def pool(maps):
        batch, channels, height, width = maps.shape
        return maps.reshape(
            batch, channels, height // 2, 2, width // 2, 2
        ).mean(axis=(3, 5))  # fmt: skip

    X = np.pad(images, [(0, 0), (0, 0), (2, 2), (2, 2)])
    S2 = pool(np.tanh(maps_of_scipy(X, K1) + c1[:, None, None]))
    S4 = pool(np.tanh(maps_of_scipy(S2, K3) + c3[:, None, None]))
    C5 = np.tanh(S4.reshape(len(images), -1) @ W5 + b5)
    return np.tanh(C5 @ W6 + b6) @ W7 + b7


@pytest.fixture
def digits():
    """Twelve random images (12, 1, 28, 28) and their classes, and parameters."""
    rng = np.random.default_rng(2)
    params = [p.astype(np.float64) for p in draw_params(LENET_SHAPES, 0)]
    params = [p + 0.1 * rng.normal(size=p.shape) if p.ndim == 1 else p for p in params]
    return rng.random((12, 1, 28, 28)), np.arange(12) % 10, params


def test_lenet_by_hand_and_from_layers_is_numpys(adapter, digits) -> None:
    images, _, params = digits
    expected = lenet_in_numpy(images, params)
    logits, _ = adapter.manual.forward(adapter.images(images), adapter.params(params))
    np.testing.assert_allclose(logits.numpy(), expected, atol=1e-12)
    model = adapter.layers.build_lenet5()
    adapter.layers.load_params(model, [p.astype(np.float32) for p in params])
    found = adapter.logits(model, images.astype(np.float32))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert adapter.counted(model) == 61_706


def test_gradients_by_hand_are_autograds_and_those_of_differences(
    adapter, digits
) -> None:
    images, targets, params = digits
    data = adapter.images(images), adapter.tensor(targets)
    params = adapter.params(params)
    by_hand = adapter.manual.backward(*data, params)
    pairs = zip(by_hand, adapter.manual.backward_autograd(*data, params), strict=True)
    for number, (one, other) in enumerate(pairs):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-14)
        slope = adapter.manual.finite_difference(*data, params, number)
        assert one.numpy().flat[0] == pytest.approx(slope, abs=1e-8)


def test_loss_and_accuracy_by_hand_are_numpys(adapter, digits) -> None:
    images, targets, params = digits
    data = adapter.images(images), adapter.tensor(targets)
    loss, accuracy = adapter.manual.evaluate(*data, adapter.params(params))
    logits = lenet_in_numpy(images, params)
    log_probas = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert loss == pytest.approx(-log_probas[np.arange(12), targets].mean())
    assert accuracy == pytest.approx((logits.argmax(axis=1) == targets).mean())


def test_a_step_by_hand_goes_against_the_gradient(adapter, digits) -> None:
    images, targets, start = digits
    data = adapter.images(images), adapter.tensor(targets)
    params = adapter.params(start, variables=True)
    grads = [g.numpy() for g in adapter.manual.backward(*data, params)]
    before = [p.numpy().copy() for p in params]
    adapter.manual.train(params, data, np.arange(12)[None])
    for param, old, grad in zip(params, before, grads, strict=True):
        np.testing.assert_allclose(param.numpy(), old - 0.2 * grad, atol=1e-15)


def trained_layers(adapter, digits, rounds, rate=0.2):
    """Train LeNet-5 from layers on rounds of batches; return it and its history."""
    images, targets, params = digits
    data = adapter.images(images.astype(np.float32)), adapter.tensor(targets)
    model = adapter.layers.build_lenet5()
    adapter.layers.load_params(model, [p.astype(np.float32) for p in params])
    return adapter.layers.fit(model, adapter.sgd(model, rate), data, data, rounds)


def test_layers_train_as_by_hand(adapter, digits) -> None:
    images, targets, start = digits
    rounds = np.array([[[0, 1, 2, 3], [4, 5, 6, 7]], [[8, 9, 10, 11], [3, 2, 1, 0]]])
    history = trained_layers(adapter, digits, rounds)
    data = adapter.images(images.astype(np.float32)), adapter.tensor(targets)
    singles = [p.astype(np.float32) for p in start]
    params = adapter.params(singles, variables=True)
    by_hand = []
    for batches in rounds:
        adapter.manual.train(params, data, batches)
        by_hand.append(adapter.manual.evaluate(*data, params))
    np.testing.assert_allclose(history, by_hand, atol=1e-5)


# --- ReLU, max pooling and signals


def test_kinked_lenet_has_relu_and_max_pooling(adapter) -> None:
    params = draw_params(LENET_SHAPES, 0, gain=2.0)
    model = adapter.kinked()
    adapter.layers.load_params(model, params)
    images = np.random.default_rng(3).random((2, 1, 28, 28)).astype(np.float32)
    maps = np.pad(images, [(0, 0), (0, 0), (2, 2), (2, 2)])
    for kernels, bias in [params[:2], params[2:4]]:
        sums = maps_of_scipy(maps, kernels) + bias[:, None, None]
        batch, channels, height, width = sums.shape
        windows = sums.reshape(batch, channels, height // 2, 2, width // 2, 2)
        maps = np.maximum(windows, 0).max(axis=(3, 5))
    hidden = maps.reshape(2, -1)
    for weights, bias in [params[4:6], params[6:8]]:
        hidden = np.maximum(hidden @ weights + bias, 0)
    expected = hidden @ params[8] + params[9]
    np.testing.assert_allclose(adapter.logits(model, images), expected, atol=1e-4)


def test_signal_net_is_numpys_with_strides_of_two(adapter) -> None:
    params = draw_params(SIGNAL_SHAPES, 0, gain=2.0)
    model = adapter.layers.build_signal_net()
    adapter.layers.load_params(model, params)
    signals = np.random.default_rng(4).normal(size=(2, 1, 40)).astype(np.float32)
    maps = signals
    for kernels, bias in [params[:2], params[2:4], params[4:6]]:
        padded = np.pad(maps, [(0, 0), (0, 0), (1, 1)])
        size = kernels.shape[2]
        windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=2)
        sums = np.einsum("bipk,oik->bop", windows[:, :, ::2], kernels)
        maps = np.maximum(sums + bias[:, None], 0)
    expected = maps.reshape(2, -1) @ params[6] + params[7]
    np.testing.assert_allclose(adapter.logits(model, signals), expected, atol=1e-5)
    assert adapter.counted(model) == 5_210
    assert maps.shape == (2, 25, 5)


def test_learning_rate_falls_to_zero(adapter) -> None:
    """Adam's first steps have the size of the rate, which is halved in the second."""
    signals = np.random.default_rng(5).normal(size=(4, 1, 40)).astype(np.float32)
    data = adapter.images(signals), adapter.tensor(np.arange(4))
    ends = []
    for steps in (1, 2):
        model = adapter.layers.build_signal_net()
        adapter.layers.load_params(model, draw_params(SIGNAL_SHAPES, 0, gain=2.0))
        rounds = np.tile(np.arange(4), (1, steps, 1))
        adapter.layers.fit_decaying(model, 1e-3, data, data, rounds)
        if adapter.first:
            ends.append(list(model.parameters())[-1].detach().numpy())
        else:
            ends.append(model.weights[-1].numpy())
    # Both steps go the same way, the first by 1e-3 and the second by half of it.
    np.testing.assert_allclose(abs(ends[0][:4]), 1e-3, rtol=1e-3)
    np.testing.assert_allclose(abs(ends[1][:4]), 1.5e-3, rtol=0.02)


def test_twins_part_by_rounding_alone_at_first(adapter, digits) -> None:
    images, targets, _ = digits
    data = adapter.images(images.astype(np.float32)), adapter.tensor(targets)
    start = draw_params(LENET_SHAPES, 0)
    pooling = (
        adapter.framework.nn.AvgPool2d
        if adapter.first
        else import_module("keras").layers.AveragePooling2D
    )
    activation = adapter.framework.nn.Tanh if adapter.first else "tanh"
    batches = np.arange(12).reshape(3, 4)
    rows = adapter.layers.train_twins(activation, pooling, start, data, batches)
    assert rows.shape == (3, 4)
    assert 0 < rows[:, 0].max() < 1e-4


# --- what both share


def test_start_has_the_variance_that_is_asked_for() -> None:
    kernels, bias, weights, _ = draw_params([(40, 30, 5, 5), (400, 200)], 1, gain=2.0)
    assert kernels.var() == pytest.approx(2 / 750, rel=0.02)
    assert weights.var() == pytest.approx(2 / 400, rel=0.02)
    assert (kernels.dtype, bias.shape, bias.any()) == (np.float32, (40,), False)


def test_layout_keeps_what_a_network_computes() -> None:
    rng = np.random.default_rng(6)
    kernels, weights = rng.normal(size=(4, 2, 3, 3)), rng.normal(size=(4 * 6, 5))
    moved = to_channels_last([kernels, np.zeros(4), weights, np.zeros(5), np.eye(5)])
    assert moved[0][1, 2, 0, 3] == kernels[3, 0, 1, 2]
    maps = rng.normal(size=(4, 2, 3))  # channels first
    last = np.moveaxis(maps, 0, -1).ravel()
    np.testing.assert_allclose(last @ moved[2], maps.ravel() @ weights)
    np.testing.assert_array_equal(moved[4], np.eye(5))  # no maps before it


def test_shifted_copies_keep_their_labels() -> None:
    moved, labels = add_shifted(np.array([[1, 2, 3], [4, 5, 6]]), np.array([7, 8]), 1)
    expected = [[2, 3, 1], [5, 6, 4], [1, 2, 3], [4, 5, 6], [3, 1, 2], [6, 4, 5]]
    np.testing.assert_array_equal(moved, expected)
    np.testing.assert_array_equal(labels, [7, 8] * 3)


def test_choices_are_counted_and_their_gap_is_told() -> None:
    one = np.zeros((1, 1, 2, 4))
    one[0, 0] = [[1.0, 0.0, 5.0, 4.5], [0.0, 0.75, 0.0, 0.0]]
    other = one.copy()
    assert compare_choices(one, other) == (0, 0)
    other[0, 0, 1, 1] = 1.5
    assert compare_choices(one, other) == (1, 0.25)


def test_steps_are_compared_by_their_largest_entries() -> None:
    maps, units = np.zeros((1, 1, 2, 2)), np.array([[1.0, 0.0]])
    grads = [[np.array([2.0, -4.0]), np.array([1.0])]]
    grads.append([np.array([2.0, -3.0]), np.array([1.0])])
    found = compare_steps(grads, [[maps, units], [maps, units]])
    assert found == (0.25, 0, 0, 0)
    turned = maps.copy()
    turned[0, 0, 1, 1] = 1e-9
    found = compare_steps(grads, [[maps, units], [turned, units - 0.5]])
    assert found == (0.25, 1, 0, 1)


def test_first_step_with_a_kink_is_told(capsys) -> None:
    rows = np.array(
        [[1e-7, 0, 0, 0], [2e-7, 0, 0, 0], [3e-3, 2, 4e-8, 1], [1e-2, 9, 1, 0]]
    )
    assert first_kink(rows) == 2
    rows[1, 3] = 1  # a ReLU alone
    assert first_kink(rows) == 1
    rows[1, 3] = 0
    print_parting(rows[:2], rows)
    assert capsys.readouterr().out.splitlines() == [
        "tanh, average pooling: at most 2e-07",
        "ReLU, max pooling, before step 3: 2e-07",
        "in step 3: 3e-03, at the end 1e-02",
        "turned in step 3: pools 2, ReLUs 1",
        "two largest entries of such a pool: 4e-08 apart",
    ]


def test_log_counts_steps(capsys) -> None:
    print_log([(0.5, 0.25), (0.25, 0.5)], num_steps=110)
    assert capsys.readouterr().out.splitlines() == [
        "Step: 0110 | Valid ACC: 25.0% | Valid loss: 0.5000",
        "Step: 0220 | Valid ACC: 50.0% | Valid loss: 0.2500",
    ]


def test_receptive_field_counts_pixels(capsys) -> None:
    """A unit sees the pixels that its value depends on: counted with kernels of 1."""
    print_fields({"a": (3, 1), "b": (2, 2), "c": (3, 1)})
    last = capsys.readouterr().out.splitlines()[-1]
    touched = np.zeros((12, 12))
    for row, column in np.ndindex(12, 12):
        image = np.zeros((12, 12))
        image[row, column] = 1
        sums = correlate(correlate(image, np.ones((3, 3))), np.ones((2, 2)))[::2, ::2]
        touched[row, column] = correlate(sums, np.ones((3, 3)))[0, 0]
    seen = np.flatnonzero(touched.any(axis=0)).max() + 1
    assert last == f"c: {seen} x {seen} pixels, 2 apart"


def test_shortest_time_is_of_one_call() -> None:
    calls = []
    assert 0 < shortest_time(lambda: calls.append(1), 3) < 1
    assert len(calls) == 3
