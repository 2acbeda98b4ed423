"""The six models in both frameworks, against NumPy; their training, and the tables."""

from importlib import import_module
from math import erf

import numpy as np
import pytest

from pagecode.frameworks import FRAMEWORKS, selected
from snippets.one_data_set import results
from snippets.one_data_set.training import (
    BATCH_SIZE,
    ORDER,
    SETTINGS,
    WEIGHT_DECAY,
    draw_batches,
    draw_weights,
)

PARAMETERS = {  # the first four are the sizes that MNIST-1D's authors print
    "linear": 410,
    "MLP": 15_210,
    "CNN": 5_210,
    "GRU": 5_134,
    "residual": 19_338,
    "Transformer": 27_114,
}
GRU = [(1, 18), (6, 18)]
ENCODER = [(32, 96), (32, 32), (32, 128), (128, 32)]
SHAPES = {  # of what is drawn, in its order
    "linear": [(40, 10)],
    "MLP": [(40, 100), (100, 100), (100, 10)],
    "CNN": [(5, 1, 25), (3, 25, 25), (3, 25, 25), (125, 10)],
    "GRU": [*GRU, *GRU, (480, 10)],
    "residual": [(4, 1, 32), *6 * [(3, 32, 32)], (32, 10)],
    "Transformer": [(1, 32), "positions", *2 * ENCODER, (32, 10)],
}


class Adapter:
    """One framework's modules, with arrays in and arrays out."""

    def __init__(self, name: str) -> None:
        self.name = name
        framework = import_module({"pytorch": "torch"}.get(name, name))
        self.module = import_module(f"snippets.one_data_set.{name}_models")
        self.tensor = framework.from_numpy if name == "pytorch" else framework.constant

    def build(self, name: str, seed: int = 0):
        model = self.module.MODELS[name]()
        self.module.start(model, seed)
        return model

    def logits(self, model, signals):
        """Return what a model gives, with the running statistics."""
        if self.name == "pytorch":
            return model.eval()(self.tensor(signals)).detach().numpy()
        return model(signals, training=False).numpy()

    def arrays(self, model):
        """Return what is trained, in the framework's own layout."""
        if self.name == "pytorch":
            return [x.detach().numpy().copy() for x in model.parameters()]
        return [x.numpy() for x in model.trainable_variables]

    def fit(self, model, learning_rate, batches, *data):
        self.module.fit(model, learning_rate, batches, *map(self.tensor, data))

    def evaluate(self, model, *data):
        return self.module.evaluate(model, *map(self.tensor, data))


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def adapter(request):
    return Adapter(request.param)


@pytest.fixture
def signals():
    """Five signals (5, 40), float32."""
    return np.random.default_rng(1).standard_normal((5, 40)).astype(np.float32)


def drawn(name, seed=0):
    """Return the start weights of a model as they are drawn, in float64."""
    rng = np.random.default_rng(seed)
    arrays = [
        rng.standard_normal((40, 32)) if shape == "positions"
        else draw_weights(shape, rng)
        for shape in SHAPES[name]
    ]  # fmt: skip
    return [x.astype(np.float64) for x in arrays]


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def convolve(x, kernel, stride, padding=1):
    """Return a convolution of (length, inputs) by (size, inputs, outputs)."""
    x = np.pad(x, [(padding, padding), (0, 0)])
    starts = range(0, len(x) - len(kernel) + 1, stride)
    windows = [x[start : start + len(kernel)] for start in starts]
    return np.array([np.einsum("ki,kio->o", window, kernel) for window in windows])


def mlp(x, W1, W2, W3):
    return relu(relu(x @ W1) @ W2) @ W3


def cnn(x, K1, K2, K3, W):
    x = x[:, None]
    for kernel in (K1, K2, K3):
        x = relu(convolve(x, kernel, stride=2))
    return x.T.ravel() @ W  # channel by channel


def read(x, W, U):
    """Return the states (length, 6) of a GRU, gates in PyTorch's order."""
    state, states = np.zeros(6), []
    for feature in x:
        r, z, n = np.split(feature * W[0], 3)
        state_r, state_z, state_n = np.split(state @ U, 3)
        update = sigmoid(z + state_z)
        candidate = np.tanh(n + sigmoid(r + state_r) * state_n)
        state = (1 - update) * candidate + update * state
        states.append(state)
    return np.array(states)


def gru(x, W1, U1, W2, U2, W):
    both = np.hstack([read(x, W1, U1), read(x[::-1], W2, U2)[::-1]])
    return both.ravel() @ W


def residual(x, first, *others):
    """Compute in inference, with statistics as they start: means 0, variances 1."""
    *kernels, W = others
    scale = 1 / np.sqrt(1 + 1e-5)
    x = relu(scale * convolve(x[:, None], first, stride=2))
    for one, two in zip(kernels[::2], kernels[1::2], strict=True):
        branch = relu(scale * convolve(x, one, stride=1))
        x = relu(x + scale * convolve(branch, two, stride=1))
    return x.mean(axis=0) @ W


def normalize(x):
    x = x - x.mean(axis=1, keepdims=True)
    return x / np.sqrt((x**2).mean(axis=1, keepdims=True) + 1e-5)


def transformer(x, W, positions, *others):
    *blocks, W_logits = others
    x = x[:, None] @ W + positions
    for W_in, W_out, W1, W2 in (blocks[:4], blocks[4:]):
        queries, keys, values = np.split(normalize(x) @ W_in, 3, axis=1)
        heads = []
        for head in (slice(0, 16), slice(16, 32)):
            powers = np.exp(queries[:, head] @ keys[:, head].T / np.sqrt(16))
            weights = powers / powers.sum(axis=1, keepdims=True)
            heads.append(weights @ values[:, head])
        x = x + np.hstack(heads) @ W_out
        hidden = normalize(x) @ W1
        x = x + (hidden * (1 + np.vectorize(erf)(hidden / np.sqrt(2))) / 2) @ W2
    return normalize(x).mean(axis=0) @ W_logits


ORACLES = {
    "linear": np.matmul,
    "MLP": mlp,
    "CNN": cnn,
    "GRU": gru,
    "residual": residual,
    "Transformer": transformer,
}


@pytest.mark.parametrize("name", SETTINGS)
def test_models_compute_what_numpy_does_from_the_same_weights(
    adapter, signals, name
) -> None:
    found = adapter.logits(adapter.build(name), signals)
    expected = [ORACLES[name](x, *drawn(name)) for x in signals.astype(np.float64)]
    assert found.shape == (5, 10)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SETTINGS)
def test_sizes_are_those_of_the_page(adapter, name) -> None:
    model = adapter.module.MODELS[name]()
    assert adapter.module.count_params(model) == PARAMETERS[name]


def test_models_start_anew_from_each_seed(adapter) -> None:
    model = adapter.build("GRU", seed=1)
    first = adapter.arrays(model)
    adapter.module.start(model, 2)
    assert all((x != y).any() for x, y in zip(first, adapter.arrays(model), strict=True)
               if y.any())  # fmt: skip
    adapter.module.start(model, 1)
    for x, y in zip(first, adapter.arrays(model), strict=True):
        np.testing.assert_array_equal(x, y)


def adamw(weights, grads, learning_rate):
    """Return weights after steps of AdamW, whose rate falls to zero (NumPy)."""
    mean = square = 0.0
    for step, grad in enumerate(grads):
        rate = learning_rate * (1 - step / len(grads))
        mean, square = 0.9 * mean + 0.1 * grad, 0.999 * square + 0.001 * grad**2
        unbiased = square / (1 - 0.999 ** (step + 1))
        change = mean / (1 - 0.9 ** (step + 1)) / (np.sqrt(unbiased) + 1e-8)
        weights = weights - rate * WEIGHT_DECAY * weights - rate * change
    return weights


def test_fit_takes_the_steps_of_adamw(adapter, signals) -> None:
    # Features that are all equal push a class in one direction, step after step.
    features, targets = np.ones((4, 40), np.float32), np.array([3, 3, 3, 3])
    model = adapter.build("linear")
    [weights, _] = [x.T if adapter.name == "pytorch" else x for x in
                    adapter.arrays(model)]  # fmt: skip
    adapter.fit(model, 0.01, np.array([[0, 1]]), features, targets)
    logits = features[0].astype(np.float64) @ weights
    probas = np.exp(logits) / np.exp(logits).sum()
    grad = np.outer(np.ones(40), probas - np.eye(10)[3])
    [found, bias] = [x.T if adapter.name == "pytorch" else x for x in
                     adapter.arrays(model)]  # fmt: skip
    np.testing.assert_allclose(found, adamw(weights, [grad], 0.01), atol=1e-6)
    np.testing.assert_allclose(bias, -0.01 * np.sign(grad[0]), atol=1e-6)


def test_the_learning_rate_falls_to_zero_in_equal_steps(adapter) -> None:
    # The bias of a class that is never right: its gradient keeps its sign and nearly
    # its size, so that Adam moves it by about the learning rate in each step.
    features, targets = np.zeros((2, 40), np.float32), np.array([3, 3])
    model = adapter.build("linear")
    adapter.fit(model, 1e-4, np.array([[0, 1]] * 4), features, targets)
    bias = adapter.arrays(model)[1]
    np.testing.assert_allclose(bias[3], 1e-4 * (1 + 0.75 + 0.5 + 0.25), rtol=1e-3)


def test_fit_takes_the_batches_that_it_is_given(adapter) -> None:
    rng = np.random.default_rng(3)
    features = rng.standard_normal((6, 40)).astype(np.float32)
    targets = np.arange(6)
    models = [adapter.build("linear") for _ in range(3)]
    adapter.fit(models[0], 0.01, np.array([[0, 1], [2, 3]]), features, targets)
    adapter.fit(models[1], 0.01, np.array([[2, 3], [0, 1]]), features, targets)
    order = np.array([2, 3, 0, 1, 4, 5])
    adapter.fit(
        models[2], 0.01, np.array([[2, 3], [0, 1]]), features[order], targets[order]
    )
    one, two, three = (adapter.arrays(model)[0] for model in models)
    np.testing.assert_array_equal(one, three)
    assert abs(one - two).max() > 1e-4


def test_evaluate_gives_loss_and_accuracy(adapter, signals) -> None:
    model = adapter.build("residual")
    targets = np.array([0, 1, 2, 3, 4])
    logits = adapter.logits(model, signals).astype(np.float64)
    powers = np.exp(logits)
    losses = -np.log(powers[range(5), targets] / powers.sum(axis=1))
    loss, accuracy = adapter.evaluate(model, signals, targets)
    assert loss == pytest.approx(losses.mean(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(axis=1) == targets).mean())


def test_fit_trains_batch_norm_and_evaluate_does_not(adapter, signals) -> None:
    model = adapter.build("residual")
    targets = np.array([0, 1, 2, 3, 4])
    before = adapter.evaluate(model, signals, targets)
    assert adapter.evaluate(model, signals, targets) == before
    adapter.fit(model, 0.0, np.array([[0, 1, 2, 3, 4]]), signals, targets)
    assert adapter.evaluate(model, signals, targets) != before  # other statistics


def test_shuffled_weights_undo_shuffled_signals(signals) -> None:
    W1, W2, W3 = drawn("MLP")
    expected = mlp(signals[0], W1, W2, W3)
    found = mlp(signals[0, ORDER], W1[ORDER], W2, W3)
    np.testing.assert_allclose(found, expected)
    W, positions, *others = drawn("Transformer")
    expected = transformer(signals[0], W, positions, *others)
    found = transformer(signals[0, ORDER], W, positions[ORDER], *others)
    np.testing.assert_allclose(found, expected)


def test_order_is_the_authors() -> None:
    np.random.seed(42)  # as in their notebook
    np.testing.assert_array_equal(ORDER, np.random.permutation(40))


def test_weights_have_variance_one_by_inputs() -> None:
    rng = np.random.default_rng(0)
    for shape, inputs in [((50, 400), 50), ((3, 40, 200), 120)]:
        weights = draw_weights(shape, rng)
        assert (weights.shape, weights.dtype) == (shape, np.float32)
        assert weights.mean() == pytest.approx(0, abs=3e-3)
        assert weights.var() == pytest.approx(1 / inputs, rel=0.05)


def test_an_epoch_has_every_example_once_in_an_order_of_its_own() -> None:
    batches = draw_batches(500, 3, seed=1)
    assert batches.shape == (15, BATCH_SIZE)
    epochs = batches.reshape(3, 500)
    np.testing.assert_array_equal(np.sort(epochs), [range(500)] * 3)
    assert (epochs[0] != epochs[1]).any()
    np.testing.assert_array_equal(batches, draw_batches(500, 3, seed=1))
    assert (batches != draw_batches(500, 3, seed=2)).any()


def test_each_model_is_declared_in_order_and_shuffled() -> None:
    tables = [about["table"] for about in results.RESULTS.values()]
    assert tables == 6 * ["table"] + 6 * ["shuffled"]
    assert [x["seeds"] for x in results.RESULTS.values()] == 6 * [5] + 6 * [3]
    yardsticks = [x["yardstick"] for x in results.RESULTS.values()]
    assert yardsticks[2] == "[94 ± 2 %](https://arxiv.org/abs/2011.14439)"
    assert yardsticks[8] == "[56 %](https://github.com/greydanus/mnist1d)"
    assert yardsticks[5] == yardsticks[11] == "none"


def told(value):
    return [{"parameters": 10, "seconds": 2.0, "value": value + x} for x in (-1, 1)]


def test_the_picture_has_a_mark_for_each_model_framework_and_order() -> None:
    rows = {row: told(value) for value, row in enumerate(results.RESULTS)}
    picture = results.draw_results({"pytorch": rows, "tensorflow": rows})
    for axis in picture.axes:
        assert len(axis.containers) == 24
        middles = [x.lines[0].get_ydata()[0] for x in axis.containers]
        assert middles == [*range(12), *range(12)]
    left, right = (x.containers[0].lines[0].get_xdata() for x in picture.axes)
    assert (left, right) == (10, 2)
    shuffled = picture.axes[0].containers[6].lines[0]
    assert shuffled.get_markerfacecolor() == "none"


def test_rows_train_on_4000_signals_and_test_on_the_others(
    adapter, monkeypatch
) -> None:
    noted = []

    def fit(model, learning_rate, batches, features, targets):
        noted.append((learning_rate, batches, features.numpy(), targets.numpy()))

    def evaluate(model, features, targets):
        noted.append((features.numpy(), targets.numpy()))
        return 1.0, 0.25

    monkeypatch.setattr(adapter.module, "fit", fit)
    monkeypatch.setattr(adapter.module, "evaluate", evaluate)
    signals, labels = results.make_mnist1d()
    rows = results.results(adapter.name)
    assert [*rows] == [*results.RESULTS]
    for row, order in [
        ("softmax regression", np.arange(40)),
        ("softmax regression, shuffled", ORDER),
    ]:
        noted.clear()
        assert rows[row](3) == (410, 25.0)
        (learning_rate, batches, *train_data), test_data = noted
        assert (learning_rate, len(batches)) == (0.01, 800)
        np.testing.assert_array_equal(batches, draw_batches(4000, 20, 3))
        np.testing.assert_array_equal(train_data[0], signals[:4000, order])
        np.testing.assert_array_equal(train_data[1], labels[:4000])
        np.testing.assert_array_equal(test_data[0], signals[4000:, order])
        np.testing.assert_array_equal(test_data[1], labels[4000:])
