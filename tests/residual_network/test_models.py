"""The residual network in both frameworks, against NumPy and one another."""

from importlib import import_module

import numpy as np
import pytest

from pagecode.frameworks import FRAMEWORKS, selected
from snippets.residual_network.training import DEEP, draw_params, print_log

CHAPTER = "snippets.residual_network"
LAYERS = {"pytorch": "pytorch_module", "tensorflow": "tensorflow_keras"}


class Adapter:
    """One framework's modules, with arrays in and arrays out."""

    def __init__(self, name: str) -> None:
        self.name = name
        if name == "pytorch":
            self.framework = import_module("torch")
        self.manual = import_module(f"{CHAPTER}.{name}_manual")
        self.layers = import_module(f"{CHAPTER}.{LAYERS[name]}")
        self.fast = import_module(f"{CHAPTER}.{name}_fast")
        if name == "tensorflow":
            self.framework = import_module("tensorflow")

    def tensors(self, arrays):
        if self.name == "pytorch":
            return [self.framework.tensor(x) for x in arrays]
        return [self.framework.constant(x) for x in arrays]

    def variables(self, arrays):
        if self.name == "pytorch":
            return self.tensors(arrays)
        return [self.framework.Variable(x) for x in arrays]

    def total(self, tensor):
        if self.name == "pytorch":
            return tensor.sum()
        return self.framework.reduce_sum(tensor)

    def model(self, params, **options):
        """Return a network with these parameters, in evaluation mode."""
        model = self.layers.build_model(**options)
        self.layers.load_params(model, params)
        return model

    def logits(self, model, signals, *, training):
        if self.name == "tensorflow":
            return model(signals, training=training).numpy()
        model.train(training)
        with self.framework.no_grad():
            return model(self.framework.from_numpy(signals)).numpy()

    def parameters(self, model):
        if self.name == "pytorch":
            return [x.detach().numpy().T for x in model.parameters()]
        return [x.numpy() for x in model.trainable_variables]

    def sgd(self, model, rate):
        if self.name == "pytorch":
            return self.framework.optim.SGD(model.parameters(), lr=rate)
        return import_module("keras").optimizers.SGD(rate)

    def data(self, signals, labels):
        if self.name == "pytorch":
            return tuple(self.framework.from_numpy(x) for x in (signals, labels))
        return signals, labels


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def adapter(request):
    return Adapter(request.param)


@pytest.fixture
def arrays():
    """Features (9, 4) far from standard, the gradient of outputs, gamma and beta."""
    rng = np.random.default_rng(0)
    features, grads = rng.normal(3, 2, (9, 4)), rng.normal(size=(9, 4))
    return features, grads, rng.normal(size=4), rng.normal(size=4)


def normalized_in_numpy(features, axis):
    mean, variance = (
        features.mean(axis, keepdims=True),
        features.var(axis, keepdims=True),
    )
    return (features - mean) / np.sqrt(variance + 1e-5)


# --- by hand


@pytest.mark.parametrize("axis", [0, 1])
def test_normalize_returns_what_scaled(adapter, arrays, axis: int) -> None:
    normalized, scale = adapter.manual.normalize(*adapter.tensors(arrays[:1]), axis)
    expected = normalized_in_numpy(arrays[0], axis)
    np.testing.assert_allclose(np.asarray(normalized), expected)
    deviation = np.sqrt(arrays[0].var(axis, keepdims=True) + 1e-5)
    np.testing.assert_allclose(np.asarray(scale), 1 / deviation)


def test_batch_norm_in_training_is_numpys(adapter, arrays) -> None:
    features, _, gamma, beta = arrays
    running = adapter.variables([np.full(4, 2.0), np.full(4, 3.0)])
    inputs = adapter.tensors([features, gamma, beta])
    outputs = adapter.manual.batch_norm(*inputs, running, True)
    expected = gamma * normalized_in_numpy(features, 0) + beta
    np.testing.assert_allclose(np.asarray(outputs), expected)
    mean, variance = map(np.asarray, running)
    np.testing.assert_allclose(mean, 0.9 * 2 + 0.1 * features.mean(0))
    np.testing.assert_allclose(variance, 0.9 * 3 + 0.1 * features.var(0, ddof=1))


def test_batch_norm_in_evaluation_uses_what_it_kept(adapter, arrays) -> None:
    features, _, gamma, beta = arrays
    running = adapter.variables([np.full(4, 2.0), np.full(4, 3.0)])
    inputs = adapter.tensors([features, gamma, beta])
    outputs = adapter.manual.batch_norm(*inputs, running, False)
    expected = gamma * (features - 2) / np.sqrt(3 + 1e-5) + beta
    np.testing.assert_allclose(np.asarray(outputs), expected)
    assert [float(x[0]) for x in running] == [2, 3]


def test_layer_norm_looks_at_one_row(adapter, arrays) -> None:
    features, _, gamma, beta = arrays
    outputs = adapter.manual.layer_norm(*adapter.tensors([features, gamma, beta]))
    expected = gamma * normalized_in_numpy(features, 1) + beta
    np.testing.assert_allclose(np.asarray(outputs), expected)
    alone = adapter.manual.layer_norm(*adapter.tensors([features[:1], gamma, beta]))
    np.testing.assert_allclose(np.asarray(alone), expected[:1])


@pytest.mark.parametrize("axis", [0, 1])
def test_gradients_are_those_of_numpys_loss(adapter, arrays, axis: int) -> None:
    features, grads, gamma, beta = arrays

    def loss(*moved):
        features, gamma, beta = moved
        return (grads * (gamma * normalized_in_numpy(features, axis) + beta)).sum()

    inputs, slopes, factor = adapter.tensors([features, grads, gamma])
    kept = adapter.manual.normalize(inputs, axis)
    found = adapter.manual.norm_backward(slopes, *kept, factor, axis)
    inputs, step = [features, gamma, beta], 1e-6
    for number, grad in enumerate(map(np.asarray, found)):
        assert grad.shape == inputs[number].shape
        for index in np.ndindex(*grad.shape):
            around = []
            for sign in (1, -1):
                moved = [x.copy() for x in inputs]
                moved[number][index] += sign * step
                around.append(loss(*moved))
            slope = (around[0] - around[1]) / (2 * step)
            assert grad[index] == pytest.approx(slope, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("way", ["backward_autograd", "finite_differences"])
def test_other_gradients_leave_the_arrays_alone(adapter, arrays, way: str) -> None:
    first, second = adapter.variables([np.array([1.0, 2.0]), np.array([3.0, 5.0])])
    if way == "finite_differences":
        first, second = adapter.tensors([np.array([1.0, 2.0]), np.array([3.0, 5.0])])
    gradients = getattr(adapter.manual, way)
    found = gradients(lambda x, y: adapter.total(x * x * y), [first, second])
    np.testing.assert_allclose(np.asarray(found[0]), [6, 20], rtol=1e-6)
    np.testing.assert_allclose(np.asarray(found[1]), [1, 4], rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(first), [1, 2])
    np.testing.assert_array_equal(np.asarray(second), [3, 5])


# --- layers


def convolved_in_numpy(features, kernel, stride=1):
    """Correlate (batch, length, inputs) with (size, inputs, outputs), padded by 1."""
    size, _, num_outputs = kernel.shape
    padded = np.pad(features, [(0, 0), (1, 1), (0, 0)])
    places = range(0, padded.shape[1] - size + 1, stride)
    windows = np.stack([padded[:, x : x + size] for x in places], axis=1)
    return windows.reshape(*windows.shape[:2], -1) @ kernel.reshape(-1, num_outputs)


def logits_in_numpy(signals, params, skip, norm):
    """Return the logits of a whole batch, in training mode."""
    params = list(params)

    def convolve(features, stride=1):
        sums = convolved_in_numpy(features, params.pop(0), stride)
        if not norm:
            return sums + params.pop(0)
        normalized = normalized_in_numpy(sums, (0, 1))
        return params.pop(0) * normalized + params.pop(0)

    features = np.maximum(convolve(signals[:, :, None], 2), 0)
    while len(params) > 2:
        outputs = convolve(np.maximum(convolve(features), 0))
        features = np.maximum(features + outputs if skip else outputs, 0)
    weights, bias = params
    return features.mean(1) @ weights + bias


def random_params(num_blocks, norm, seed=3):
    """Return parameters of which none is 0 or 1."""
    rng = np.random.default_rng(seed)
    params = draw_params(num_blocks, norm, num_channels=4, seed=seed)
    return [x + rng.normal(0, 0.1, x.shape).astype(np.float32) for x in params]


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("norm", [True, False])
def test_network_is_numpys(adapter, skip: bool, norm: bool) -> None:
    signals = np.random.default_rng(0).normal(size=(6, 40)).astype(np.float32)
    params = random_params(2, norm)
    options = {"num_blocks": 2, "skip": skip, "norm": norm, "num_channels": 4}
    model = adapter.model(params, **options)
    found = adapter.logits(model, signals, training=True)
    expected = logits_in_numpy(signals, params, skip, norm)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for one, two in zip(adapter.parameters(model), params, strict=True):
        np.testing.assert_array_equal(one, two)


def test_evaluation_does_not_depend_on_the_batch(adapter) -> None:
    signals = np.random.default_rng(0).normal(size=(6, 40)).astype(np.float32)
    model = adapter.model(random_params(1, True), num_blocks=1, num_channels=4)
    adapter.logits(model, signals, training=True)
    whole = adapter.logits(model, signals, training=False)
    alone = adapter.logits(model, signals[:1], training=False)
    np.testing.assert_allclose(alone, whole[:1], atol=1e-5)
    trained = adapter.logits(model, signals[:2], training=True)
    assert not np.allclose(trained, whole[:2], atol=1e-2)


def test_running_statistics_move_by_a_tenth(adapter) -> None:
    signals = np.random.default_rng(0).normal(3, 2, (50, 40)).astype(np.float32)
    params = random_params(1, True)
    model = adapter.model(params, num_blocks=1, num_channels=4)
    adapter.logits(model, signals, training=True)
    sums = convolved_in_numpy(signals[:, :, None], params[0], 2)
    if adapter.name == "pytorch":
        mean = model[2].running_mean.numpy()
    else:
        mean = model.layers[2].moving_mean.numpy()
    np.testing.assert_allclose(mean, 0.1 * sums.mean((0, 1)), rtol=1e-4)


def test_network_has_the_parameters_that_are_drawn(adapter) -> None:
    drawn = sum(x.size for x in draw_params())
    assert (
        sum(x.size for x in adapter.parameters(adapter.layers.build_model())) == drawn
    )
    assert drawn == 4 * 32 + 6 * 3 * 32 * 32 + 7 * 2 * 32 + 33 * 10


@pytest.fixture
def trained(adapter, monkeypatch):
    """Train on forty signals of ten classes: (model, history, signals, labels)."""
    monkeypatch.setattr(adapter.layers, "BATCH_SIZE", 20)
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 10
    signals = rng.normal(size=(10, 40))[labels] + rng.normal(0, 0.1, (40, 40))
    signals = signals.astype(np.float32)

    def train(num_epochs, **options):
        model = adapter.model(random_params(1, True), num_blocks=1, num_channels=4)
        data = adapter.data(signals, labels)
        optimizer = adapter.sgd(model, 0.1)
        history = adapter.layers.fit(
            model, optimizer, data, data, num_epochs, **options
        )
        return model, history, signals, labels

    return train


def cross_entropy(logits, labels):
    log_probas = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return -log_probas[np.arange(len(labels)), labels].mean()


def test_history_has_losses_and_accuracy(adapter, trained) -> None:
    model, history, signals, labels = trained(6)
    assert history.shape == (6, 3)
    assert history[-1, 0] < history[0, 0]
    logits = adapter.logits(model, signals, training=False)
    assert history[-1, 1] == pytest.approx(cross_entropy(logits, labels), rel=1e-4)
    assert history[-1, 2] == pytest.approx((logits.argmax(1) == labels).mean())


def test_training_loss_is_that_of_the_batches(adapter, trained, monkeypatch) -> None:
    monkeypatch.setattr(
        adapter, "sgd", lambda model, _: Adapter.sgd(adapter, model, 0.0)
    )
    from snippets.multilayer_perceptron.training import draw_batches

    _, history, signals, labels = trained(1, seed=5)
    batches = next(draw_batches(40, 1, 20, 5))
    params = random_params(1, True)
    losses = [
        cross_entropy(logits_in_numpy(signals[x], params, True, True), labels[x])
        for x in batches
    ]
    assert history[0, 0] == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.fixture
def doubles(adapter):
    """Compute in float64 while a test runs."""
    if adapter.name == "pytorch":
        adapter.framework.set_default_dtype(adapter.framework.float64)
        yield
        adapter.framework.set_default_dtype(adapter.framework.float32)
    else:
        config = import_module("keras").config
        config.set_floatx("float64")
        config.set_dtype_policy("float64")
        yield
        config.set_floatx("float32")
        config.set_dtype_policy("float32")


def test_training_in_float64_rounds_nothing_to_float32(adapter, doubles) -> None:
    rng = np.random.default_rng(0)
    signals, labels = rng.normal(size=(100, 40)), np.arange(100) % 10
    params = random_params(1, True)
    model = adapter.model(params, num_blocks=1, num_channels=4)
    data, optimizer = adapter.data(signals, labels), adapter.sgd(model, 0.0)
    history = adapter.layers.fit(model, optimizer, data, data, num_epochs=1)
    expected = cross_entropy(logits_in_numpy(signals, params, True, True), labels)
    assert history[0, 0] == pytest.approx(expected, rel=1e-13)


def test_learning_rate_falls_to_zero(adapter) -> None:
    model = adapter.model(random_params(1, True), num_blocks=1, num_channels=4)
    if adapter.name == "pytorch":
        optimizer, schedule = adapter.layers.new_optimizer(model, 10)
        rates = []
        for _ in range(11):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        decay = optimizer.param_groups[0]["weight_decay"]
    else:
        optimizer = adapter.layers.new_optimizer(10)
        rates = [float(optimizer._learning_rate(step)) for step in range(11)]
        decay = optimizer.weight_decay
    cosine = 0.005 * (1 + np.cos(np.pi * np.arange(11) / 10))
    np.testing.assert_allclose(rates, cosine, atol=1e-8)
    assert decay == 0.01


def test_schedule_moves_in_every_step(adapter, trained) -> None:
    if adapter.name == "tensorflow":  # the optimizer counts its steps itself
        assert int(trained(3)[0].optimizer.iterations) == 6
        return
    calls = []

    class Schedule:
        def step(self):
            calls.append(1)

    trained(3, schedule=Schedule())
    assert len(calls) == 6


# --- the fast way


def test_fast_gradients_are_those_of_numpys_loss(adapter) -> None:
    rng = np.random.default_rng(0)
    signals, labels = rng.normal(size=(6, 40)), np.array([0, 3, 9, 3, 1, 5])
    params = [x.astype(float) for x in random_params(2, True)]
    inputs = adapter.tensors([signals, labels])
    loss, grads = adapter.fast.loss_and_gradients(*inputs, adapter.tensors(params))

    def loss_of(params):
        return cross_entropy(logits_in_numpy(signals, params, True, True), labels)

    assert float(loss) == pytest.approx(loss_of(params))
    for number, grad in enumerate(map(np.asarray, grads)):
        assert grad.shape == params[number].shape
        for index in [(0,) * grad.ndim, (-1,) * grad.ndim]:
            around = []
            for sign in (1, -1):
                moved = [x.copy() for x in params]
                moved[number][index] += sign * 1e-6
                around.append(loss_of(moved))
            slope = (around[0] - around[1]) / 2e-6
            assert grad[index] == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_an_epoch_takes_a_step_for_each_batch(adapter) -> None:
    rng = np.random.default_rng(0)
    signals, labels = rng.normal(size=(6, 40)), np.arange(6)
    start = [x.astype(float) for x in random_params(1, True)]
    params, losses = adapter.tensors(start), []
    data = adapter.tensors([signals, labels, np.array([[5, 0, 1], [4, 2, 3]])])
    for batch in ([5, 0, 1], [4, 2, 3]):
        inputs = adapter.tensors([signals[batch], labels[batch]])
        loss, grads = adapter.fast.loss_and_gradients(*inputs, params)
        params = [one - 0.5 * two for one, two in zip(params, grads, strict=True)]
        losses.append(float(loss))
    moved = adapter.tensors(start)
    found = adapter.fast.run_epoch(*data, moved, 0.5)
    if adapter.name == "tensorflow":
        moved, found = found
    assert float(found) == pytest.approx(np.mean(losses))
    for one, two in zip(moved, params, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(two), atol=1e-10)


# --- what both share


def test_start_has_hes_variance() -> None:
    params = draw_params(2, num_channels=400)
    assert [x.shape for x in params[:4]] == [(4, 1, 400), (400,), (400,), (3, 400, 400)]
    assert params[3].var() == pytest.approx(2 / 1200, rel=0.02)
    assert (params[1] == 1).all()
    assert not params[2].any()
    assert params[-2].shape == (400, 10)
    assert params[-2].var() == pytest.approx(2 / 400, rel=0.1)
    assert {x.dtype for x in params} == {np.dtype(np.float32)}


def test_convolutions_start_alike_with_and_without_norm() -> None:
    with_norm, without = draw_params(2), draw_params(2, norm=False)
    assert (len(with_norm), len(without)) == (5 * 3 + 2, 5 * 2 + 2)
    for one, two in zip(with_norm[::3], without[::2], strict=True):
        np.testing.assert_array_equal(one, two)
    assert not any(x.any() for x in without[1::2])
    assert not np.array_equal(draw_params(2, seed=2)[0], with_norm[0])


def test_log_shows_the_first_epoch_and_every_so_many(capsys) -> None:
    print_log([(0.5, 0.6, 0.125)] * 7, every=3)
    lines = capsys.readouterr().out.splitlines()
    assert [x[:10] for x in lines] == ["Epoch: 001", "Epoch: 003", "Epoch: 006"]
    assert lines[0].endswith("| Train loss: 0.500 | Valid ACC: 12.5%")
    print_log([(0.5, 0.6, 0.125)] * 2)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_deep_networks_differ_in_one_thing_at_a_time() -> None:
    plain, skips, both = DEEP.values()
    assert plain == (False, False, skips[2])
    assert skips[:2] == (True, False)
    assert both[:2] == (True, True)
