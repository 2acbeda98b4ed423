"""The multilayer perceptron in both frameworks, against NumPy and one another."""

from importlib import import_module

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from pagecode.frameworks import FRAMEWORKS, selected
from snippets.multilayer_perceptron.training import (
    activation_scales,
    draw_batches,
    draw_params,
    print_log,
    print_remedies,
)

CHAPTER = "snippets.multilayer_perceptron"
LAYERS = {"pytorch": "pytorch_module", "tensorflow": "tensorflow_keras"}
SIZES = [6, 8, 10]


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
        """Return arrays as tensors of the framework that can be trained."""
        make = getattr(self.manual, "to_variables", self.manual.to_tensors)
        return make(arrays)

    def constants(self, arrays):
        return self.manual.to_tensors(arrays)

    def optimizer(self, model, learning_rate):
        if self.name == "pytorch":
            return self.framework.optim.SGD(model.parameters(), lr=learning_rate)
        return import_module("keras").optimizers.SGD(learning_rate)

    def logits(self, model, features, *, training=False):
        if self.name == "tensorflow":
            return model(features, training=training).numpy()
        model.train(training)
        return model(self.framework.from_numpy(features)).detach().numpy()


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def adapter(request):
    return Adapter(request.param)


@pytest.fixture
def arrays():
    """Forty examples of ten classes: features (40, 6), targets (40,)."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 6)), np.arange(40) % 10


def params64(seed=0):
    return [p.astype(np.float64) for p in draw_params(SIZES, seed)]


def logits_in_numpy(features, params):
    W1, b1, W2, b2 = params
    return np.maximum(features @ W1 + b1, 0) @ W2 + b2


def loss_in_numpy(features, targets, params):
    logits = logits_in_numpy(features, params)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probas = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_probas[np.arange(len(targets)), targets].mean()


def test_forward_pass_is_numpys(adapter, arrays) -> None:
    features, _ = arrays
    params = params64()
    logits, hidden = adapter.manual.forward(
        *adapter.constants([features]), adapter.constants(params)
    )
    np.testing.assert_allclose(logits.numpy(), logits_in_numpy(features, params))
    assert tuple(hidden.shape) == (40, 8)
    assert hidden.numpy().min() == 0


def test_loss_is_numpys(adapter, arrays) -> None:
    logits = logits_in_numpy(arrays[0], params64())
    loss = adapter.manual.cross_entropy(*adapter.constants([logits, arrays[1]]))
    assert float(loss) == pytest.approx(loss_in_numpy(*arrays, params64()))


@pytest.mark.parametrize("way", ["backward", "backward_autograd", "finite_differences"])
def test_gradients_are_those_of_numpys_loss(adapter, arrays, way: str) -> None:
    params, step = params64(), 1e-6
    grads = getattr(adapter.manual, way)(
        *adapter.constants(arrays), adapter.tensors(params64())
    )
    for number, (param, grad) in enumerate(zip(params, grads, strict=True)):
        assert tuple(grad.shape) == param.shape
        for index in [(0,) * param.ndim, (-1,) * param.ndim]:
            around = []
            for sign in (1, -1):
                moved = params64()
                moved[number][index] += sign * step
                around.append(loss_in_numpy(*arrays, moved))
            slope = (around[0] - around[1]) / (2 * step)
            found = np.asarray(grad)[index]
            assert found == pytest.approx(slope, rel=1e-4, abs=1e-8)


def test_a_unit_that_is_silent_gets_no_gradient(adapter, arrays) -> None:
    params = params64()
    params[1][3] = -100.0
    grads = adapter.manual.backward(
        *adapter.constants(arrays), adapter.constants(params)
    )
    assert not np.asarray(grads[0])[:, 3].any()
    assert np.asarray(grads[0])[:, 2].any()


def test_finite_differences_leave_the_parameters_as_they_were(adapter, arrays) -> None:
    params = adapter.tensors(params64())
    adapter.manual.finite_differences(*adapter.constants(arrays), params)
    for param, start in zip(params, params64(), strict=True):
        np.testing.assert_array_equal(np.asarray(param), start)


def test_training_lowers_the_loss(adapter, monkeypatch, arrays) -> None:
    monkeypatch.setattr(adapter.manual, "BATCH_SIZE", 10)
    data = adapter.constants(arrays)
    params = adapter.tensors(params64())
    history = adapter.manual.train(params, adapter.manual.backward, data, data)
    losses = np.array(history)[:, 0]
    assert losses[-1] < losses[0] < loss_in_numpy(*arrays, params64())


def test_a_step_is_scikit_learns(adapter, arrays) -> None:
    oracle = MLPClassifier(
        hidden_layer_sizes=[8], solver="sgd", learning_rate_init=0.1, momentum=0,
        nesterovs_momentum=False, alpha=0, batch_size=40, shuffle=False,
    )  # fmt: skip
    oracle.partial_fit(*arrays, classes=range(10))  # makes arrays that we overwrite
    for array, param in zip(
        [*oracle.coefs_, *oracle.intercepts_],
        sorted_like_theirs(params64()),
        strict=True,
    ):
        array[...] = param
    oracle.partial_fit(*arrays)
    grads = adapter.manual.backward(
        *adapter.constants(arrays), adapter.constants(params64())
    )
    moved = [p - 0.1 * np.asarray(g) for p, g in zip(params64(), grads, strict=True)]
    for array, param in zip(
        [*oracle.coefs_, *oracle.intercepts_], sorted_like_theirs(moved), strict=True
    ):
        np.testing.assert_allclose(param, array, rtol=0, atol=1e-15)


def sorted_like_theirs(params):
    """Return weights first, then biases, as scikit-learn has them."""
    return params[0::2] + params[1::2]


def test_the_fast_way_moves_as_by_hand(adapter, monkeypatch, arrays) -> None:
    for module in (adapter.manual, adapter.fast):
        monkeypatch.setattr(module, "BATCH_SIZE", 10)
    data = adapter.constants(arrays)
    slow, quick = adapter.tensors(params64()), adapter.tensors(params64())
    by_hand = adapter.manual.train(slow, adapter.manual.backward, data, data)
    history = adapter.fast.train_fast(quick, data, data)
    np.testing.assert_allclose(history, by_hand, atol=1e-12)
    for one, two in zip(slow, quick, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(two), atol=1e-12)


def test_layers_have_the_parameters_that_are_loaded(adapter, arrays) -> None:
    features = arrays[0].astype(np.float32)
    model = adapter.layers.build_model(SIZES)
    adapter.layers.load_params(model, draw_params(SIZES, 0))
    expected = logits_in_numpy(features, draw_params(SIZES, 0))
    found = adapter.logits(model, features)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_dropout_acts_in_training_alone(adapter) -> None:
    features = np.ones((2, 6), np.float32)
    model = adapter.layers.build_model([6, 200, 10], dropout=0.5)
    adapter.layers.load_params(model, draw_params([6, 200, 10], 0))
    first, second = adapter.logits(model, features), adapter.logits(model, features)
    np.testing.assert_array_equal(first, second)
    dropped = adapter.logits(model, features, training=True)
    assert not np.allclose(dropped[0], dropped[1])


def fit(adapter, monkeypatch, arrays, **options):
    """Train layers on float32 arrays; return the model and its history."""
    monkeypatch.setattr(adapter.layers, "BATCH_SIZE", 10)
    X, y = arrays[0].astype(np.float32), arrays[1]
    data = adapter.constants([X, y]) if adapter.name == "pytorch" else (X, y)
    model = adapter.layers.build_model(SIZES)
    adapter.layers.load_params(model, draw_params(SIZES, 0))
    rate = options.pop("learning_rate", 0.1)
    optimizer = adapter.optimizer(model, rate)
    return model, adapter.layers.fit(model, optimizer, data, data, **options)


def test_layers_train_as_by_hand(adapter, monkeypatch, arrays) -> None:
    _, history = fit(adapter, monkeypatch, arrays, num_epochs=20)
    monkeypatch.setattr(adapter.manual, "BATCH_SIZE", 10)
    data = adapter.constants([arrays[0].astype(np.float32), arrays[1]])
    params = adapter.tensors(draw_params(SIZES, 0))
    by_hand = adapter.manual.train(params, adapter.manual.backward, data, data)
    np.testing.assert_allclose(history, by_hand, atol=1e-5)


def test_early_stopping_returns_the_best_epoch(adapter, monkeypatch, arrays) -> None:
    # A rate that is far too large: the loss rises from the first epoch on.
    options = {"num_epochs": 8, "patience": 2, "learning_rate": 30.0}
    model, history = fit(adapter, monkeypatch, arrays, **options)
    best = history[:, 1].argmin()
    assert len(history) == best + 3 < 8
    logits = adapter.logits(model, arrays[0].astype(np.float32))
    accuracy = (logits.argmax(axis=1) == arrays[1]).mean()
    assert accuracy == pytest.approx(history[best, 3])


# --- what both share


def test_start_has_hes_variance() -> None:
    weights, bias, *_ = draw_params([400, 300, 10], seed=1)
    assert weights.var() == pytest.approx(2 / 400, rel=0.02)
    assert (weights.dtype, bias.any()) == (np.float32, False)


def test_each_epoch_has_every_example_once() -> None:
    epochs = list(draw_batches(12, 3, 4, seed=0))
    assert [x.shape for x in epochs] == [(3, 4)] * 3
    assert all(sorted(x.ravel()) == list(range(12)) for x in epochs)
    assert not np.array_equal(epochs[0], epochs[1])
    with pytest.raises(ValueError, match="13 examples in batches of 4"):
        next(draw_batches(13, 1, 4, seed=0))


def test_signal_keeps_its_size_with_hes_variance_alone() -> None:
    small, right, large = (activation_scales(gain)[-1] for gain in (1, 2, 4))
    assert small < 0.1 < 0.3 < right < 3 < 10 < large


def test_log_shows_the_first_and_every_fifth_epoch(capsys) -> None:
    print_log([(0.5, 0.6, 0.25, 0.125)] * 11)
    lines = capsys.readouterr().out.splitlines()
    assert [x[:10] for x in lines] == ["Epoch: 001", "Epoch: 005", "Epoch: 010"]
    assert lines[0].endswith(
        "| Train ACC: 25.0% | Valid ACC: 12.5% | Train loss: 0.500"
    )


def test_remedies_are_held_against_none(capsys) -> None:
    print_remedies({"none": 1.0, "a": 0.9, "b": 1.0})
    assert capsys.readouterr().out == "a helps: True\nb helps: False\n"
