"""The LSTM in both frameworks, against NumPy and one another."""

from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import pytest

from pagecode.frameworks import FRAMEWORKS, selected
from snippets.lstm import figures
from snippets.lstm.training import (
    NUM_HIDDEN,
    draw_params,
    draw_sequences,
    print_log,
)
from snippets.recurrent_networks.data import draw_recurrent_weights
from tests.gradients import central_differences

LAYERS = {"pytorch": "pytorch_module", "tensorflow": "tensorflow_keras"}
KINDS = {"plain": 1, "GRU": 3, "LSTM": 4}


class Adapter:
    """One framework's modules, with arrays in and arrays out, in float64."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.framework = import_module({"pytorch": "torch"}.get(name, name))
        chapter = "snippets.lstm"
        self.manual = import_module(f"{chapter}.{name}_manual")
        self.layers = import_module(f"{chapter}.{LAYERS[name]}")
        self.fast = import_module(f"{chapter}.{name}_fast")

    def use(self, dtype: str) -> None:
        """Let new models and tensors have this type."""
        if self.name == "pytorch":
            self.framework.set_default_dtype(getattr(self.framework, dtype))
        else:
            keras = import_module("keras")
            keras.config.set_floatx(dtype)
            keras.config.set_dtype_policy(dtype)

    def tensor(self, array):
        if self.name == "pytorch":
            return self.framework.from_numpy(np.array(array))
        return self.framework.constant(array)

    def numpy(self, x):
        return x.detach().numpy() if self.name == "pytorch" else np.asarray(x)

    def states(self, features, weights):
        """Return hidden and cell states of the cell by hand, side by side."""
        size = 2 * weights[1].shape[1]
        weights = [self.tensor(x) for x in weights]
        found = self.manual.unroll(
            self.manual.lstm_cell, self.tensor(features), size, weights
        )
        return self.numpy(found)

    def layer(self, num_features, num_hidden):
        if self.name == "pytorch":
            options = {"batch_first": True}
            return self.framework.nn.LSTM(num_features, num_hidden, **options)
        layers = import_module("keras").layers
        return layers.LSTM(num_hidden, return_sequences=True)

    def layer_states(self, features, weights):
        """Return the hidden states of the library's layer."""
        layer = self.layer(weights[0].shape[1], weights[1].shape[1])
        found = self.manual.load_recurrent_layer(layer, weights)(self.tensor(features))
        return self.numpy(found[0] if self.name == "pytorch" else found)

    def trainable(self, model):
        if self.name == "pytorch":
            return [p for p in model.parameters() if p.requires_grad]
        return [v.value for v in model.trainable_variables]

    def loss_gradients(self, model, features, targets):
        """Return the gradients of the mean squared error."""
        params = self.trainable(model)
        features, targets = self.tensor(features), self.tensor(targets)
        if self.name == "pytorch":
            loss = ((model(features) - targets) ** 2).mean()
            grads = self.framework.autograd.grad(loss, params)
        else:
            with self.framework.GradientTape() as tape:
                loss = self.framework.reduce_mean((model(features) - targets) ** 2)
            grads = tape.gradient(loss, params)
        return [self.numpy(x) for x in grads]


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def adapter(request):
    found = Adapter(request.param)
    found.use("float64")
    yield found
    found.use("float32")


def sigmoid(x):
    return (1 + np.tanh(x / 2)) / 2


def lstm_in_numpy(features, weights):
    """Return hidden and cell states (batch, time, 2 * num_hidden), unit by unit."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    size = weight_hh.shape[1]
    states = np.zeros((*features.shape[:2], 2 * size))
    for row, sequence in enumerate(features):
        hidden, cells = np.zeros(size), np.zeros(size)
        for t, x in enumerate(sequence):
            old = hidden.copy()
            for unit in range(size):
                sums = [
                    weight_ih[place] @ x
                    + weight_hh[place] @ old
                    + bias_ih[place]
                    + bias_hh[place]
                    for place in range(unit, 4 * size, size)
                ]
                written = sigmoid(sums[0]) * np.tanh(sums[2])
                cells[unit] = sigmoid(sums[1]) * cells[unit] + written
                hidden[unit] = sigmoid(sums[3]) * np.tanh(cells[unit])
            states[row, t] = [*hidden, *cells]
    return states


@pytest.fixture
def case():
    """Features (2, 4, 2), the four weights of three units, and slopes of the states."""
    rng = np.random.default_rng(0)
    weights = [2 * x.astype(float) for x in draw_recurrent_weights(2, 3, 4, rng)]
    return rng.normal(size=(2, 4, 2)), weights, rng.normal(size=(2, 4, 6))


def test_cell_is_numpys(adapter, case) -> None:
    features, weights, _ = case
    expected = lstm_in_numpy(features, weights)
    np.testing.assert_allclose(adapter.states(features, weights), expected, rtol=1e-12)


def test_layer_is_numpys(adapter, case) -> None:
    features, weights, _ = case
    expected = lstm_in_numpy(features, weights)[:, :, :3]
    found = adapter.layer_states(features, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_gradients_are_the_differences_of_numpys(adapter, case) -> None:
    features, weights, slopes = case
    states = adapter.tensor(adapter.states(features, weights))
    tensors = [adapter.tensor(x) for x in weights]
    found = adapter.manual.backward(
        adapter.tensor(slopes), adapter.tensor(features), states, tensors
    )
    expected = central_differences(
        lambda *x: (lstm_in_numpy(features, x) * slopes).sum(), weights
    )
    assert len(found) == 4
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(adapter.numpy(one), other, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("way", ["backward_autograd", "finite_differences"])
def test_what_checks_the_gradients_finds_them_too(adapter, case, way) -> None:
    features, weights, slopes = case
    tensors = [adapter.tensor(x) for x in weights]
    given = adapter.tensor(features), adapter.tensor(slopes), tensors
    found = getattr(adapter.manual, way)(*given)
    expected = central_differences(
        lambda *x: (lstm_in_numpy(features, x) * slopes).sum(), weights
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(adapter.numpy(one), other, rtol=1e-5, atol=1e-8)


def test_gradient_of_the_state_before_a_step(adapter, case) -> None:
    features, weights, slopes = case
    inputs, before, grads = features[:, 0], slopes[:, 1], slopes[:, 0]

    def step(state):
        tensors = [adapter.tensor(x) for x in (inputs, state, *weights)]
        return (adapter.numpy(adapter.manual.lstm_cell(*tensors)) * grads).sum()

    tensors = [adapter.tensor(x) for x in (grads, inputs, before, *weights)]
    found, sums = adapter.manual.lstm_cell_backward(*tensors)
    (expected,) = central_differences(step, [before])
    np.testing.assert_allclose(adapter.numpy(found), expected, rtol=1e-6, atol=1e-9)
    assert tuple(sums.shape) == (2, 12)


def test_model_reads_with_the_last_state(adapter) -> None:
    recurrent, weight, bias = draw_params("LSTM", 3)
    features, _ = draw_sequences(3, 6, np.random.default_rng(0))
    states = lstm_in_numpy(features, [x.astype(float) for x in recurrent])
    expected = states[:, -1, :NUM_HIDDEN] @ weight[0].astype(float) + bias
    model = adapter.layers.build_model("LSTM", 3)
    found = adapter.numpy(model(adapter.tensor(features)))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def other_in_numpy(kind, features, weights):
    """Return the last state (batch, num_hidden) of a plain RNN or a GRU."""
    weight_ih, weight_hh, bias_ih, bias_hh = (x.astype(float) for x in weights)
    hidden = np.zeros((len(features), weight_hh.shape[1]))
    for t in range(features.shape[1]):
        from_input = features[:, t] @ weight_ih.T + bias_ih
        from_state = hidden @ weight_hh.T + bias_hh
        if kind == "plain":
            hidden = np.tanh(from_input + from_state)
            continue
        parts = zip(
            *(np.split(x, 3, axis=1) for x in (from_input, from_state)), strict=True
        )
        (ir, hr), (iz, hz), (i_n, hn) = parts
        update = sigmoid(iz + hz)
        candidate = np.tanh(i_n + sigmoid(ir + hr) * hn)
        hidden = (1 - update) * candidate + update * hidden
    return hidden


@pytest.mark.parametrize("kind", ["plain", "GRU"])
def test_other_models_are_numpys(adapter, kind) -> None:
    recurrent, weight, bias = draw_params(kind, 3)
    features, _ = draw_sequences(3, 6, np.random.default_rng(0))
    last = other_in_numpy(kind, features, recurrent)
    model = adapter.layers.build_model(kind, 3)
    found = adapter.numpy(model(adapter.tensor(features)))
    expected = last @ weight[0].astype(float) + bias
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_one_bias_is_trained_where_two_would_be_added(adapter, kind) -> None:
    model = adapter.layers.build_model(kind)
    biases = 2 if kind == "GRU" else 1
    rows = KINDS[kind] * NUM_HIDDEN
    expected = rows * (2 + NUM_HIDDEN + biases) + NUM_HIDDEN + 1
    found = sum(np.prod(x.shape) for x in adapter.trainable(model))
    assert found == expected


@pytest.mark.parametrize(("bound", "scale"), [(1.0, 0.2), (5.0, 1.0), (np.inf, 1.0)])
def test_clipping_scales_all_gradients_together(adapter, bound, scale) -> None:
    arrays = [np.array([3.0, 0.0]), np.array([[-4.0]])]
    grads = [adapter.tensor(x) for x in arrays]
    found = adapter.layers.clip_gradients(grads, bound)
    if adapter.name == "tensorflow":
        grads, found = found
    assert float(found) == pytest.approx(5)
    for one, array in zip(grads, arrays, strict=True):
        np.testing.assert_allclose(adapter.numpy(one), scale * array)


@pytest.mark.parametrize("kind", KINDS)
def test_training_lowers_the_loss(adapter, kind) -> None:
    model = adapter.layers.build_model(kind)
    test_data = draw_sequences(500, 2, np.random.default_rng(5))
    tensors = adapter.layers.to_tensors(test_data)
    before = adapter.layers.evaluate(model, *tensors)
    predictions = adapter.numpy(model(tensors[0]))
    assert before == pytest.approx(((predictions - test_data[1]) ** 2).mean())
    history = adapter.layers.fit(model, 100, length=2)
    assert history.shape == (100, 2)
    assert adapter.layers.evaluate(model, *tensors) < 0.1 < history[0, 0]
    again = adapter.layers.fit(adapter.layers.build_model(kind), 2, length=2)
    np.testing.assert_array_equal(again, history[:2])


def test_history_has_the_loss_and_the_norm_before_clipping(adapter) -> None:
    batch = draw_sequences(64, 4, np.random.default_rng(7))
    model = adapter.layers.build_model("LSTM")
    grads = adapter.loss_gradients(model, *batch)
    predictions = adapter.numpy(model(adapter.tensor(batch[0])))
    options = {"length": 4, "seed": 7, "max_norm": 1e-3}
    loss, norm = adapter.layers.fit(model, 1, **options)[0]
    assert loss == pytest.approx(((predictions - batch[1]) ** 2).mean())
    assert norm == pytest.approx(np.sqrt(sum((x**2).sum() for x in grads)))


def test_gradient_norms_are_those_of_differences(adapter) -> None:
    features, _ = draw_sequences(2, 5, np.random.default_rng(0))
    model = adapter.layers.build_model("LSTM")

    def total(x):
        return adapter.numpy(model(adapter.tensor(x))).sum()

    (grads,) = central_differences(total, [features])
    found = adapter.layers.gradient_norms(model, adapter.tensor(features))
    expected = np.sqrt((grads**2).sum(axis=(0, 2)))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_fast_way_has_the_layers_loss_and_gradients(adapter) -> None:
    batch = draw_sequences(3, 7, np.random.default_rng(0))
    models = adapter.layers.build_model("LSTM"), adapter.fast.build_fast_model()
    found, expected = (adapter.numpy(m(adapter.tensor(batch[0]))) for m in models)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    grads = [adapter.loss_gradients(model, *batch) for model in models]
    for one, other in zip(*grads, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-14)


# --- what both share


def test_one_number_of_each_half_is_marked() -> None:
    features, targets = draw_sequences(500, 7, np.random.default_rng(0))
    assert features.shape == (500, 7, 2)
    numbers, marks = features[:, :, 0], features[:, :, 1]
    assert set(marks.ravel()) == {0, 1}
    np.testing.assert_array_equal(marks[:, :3].sum(axis=1), 1)
    np.testing.assert_array_equal(marks[:, 3:].sum(axis=1), 1)
    assert marks.any(axis=0).all()
    np.testing.assert_allclose(targets, (numbers * marks).sum(axis=1))
    assert numbers.min() >= 0
    assert numbers.max() < 1
    other, _ = draw_sequences(500, 7, np.random.default_rng(1))
    assert not np.array_equal(other, features)


def test_a_sequence_of_one_step_is_refused() -> None:
    with pytest.raises(ValueError, match="length is 1, must be at least 2"):
        draw_sequences(1, 1, np.random.default_rng(0))
    assert draw_sequences(1, 2, np.random.default_rng(0))[0][:, :, 1].all()


@pytest.mark.parametrize(("kind", "parts"), KINDS.items())
def test_start_has_the_shapes_of_the_layers(kind, parts) -> None:
    (weight_ih, weight_hh, bias_ih, bias_hh), weight, bias = draw_params(kind, 0)
    rows = parts * NUM_HIDDEN
    assert weight_ih.shape == (rows, 2)
    assert weight_hh.shape == (rows, NUM_HIDDEN)
    assert bias_ih.shape == bias_hh.shape == (rows,)
    assert bias_hh.any() == (kind == "GRU")
    assert weight.shape == (1, NUM_HIDDEN)
    assert 0.9 * NUM_HIDDEN**-0.5 < abs(weight).max() <= NUM_HIDDEN**-0.5
    assert (weight.min() < 0, bias.tolist()) == (True, [1.0])
    assert {x.dtype for x in (weight_ih, weight, bias)} == {np.dtype(np.float32)}


def test_forget_bias_moves_the_forget_gate_alone() -> None:
    zero, three = (draw_params("LSTM", 0, bias)[0][2] for bias in (0.0, 3.0))
    expected = np.repeat([0.0, 3.0, 0.0, 0.0], NUM_HIDDEN)
    np.testing.assert_allclose(three - zero, expected, atol=1e-6)


def test_log_has_means_of_equal_parts(capsys) -> None:
    losses = np.array([[1.0, 9], [3, 9], [5, 9], [7, 9], [0, 9]])
    print_log({"one": losses, "two": losses / 2}, every=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Step: 0002 | one: 2.0000 | two: 1.0000"
    assert lines[1] == "Step: 0004 | one: 6.0000 | two: 3.0000"
    assert len(lines) == 2


def test_pictures_have_what_they_are_given() -> None:
    figures.plot_losses({"a": np.array([[1.0, 9], [3, 9], [5, 9], [9, 9]])}, window=2)
    line, guess = plt.gca().lines
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([2, 4], [2, 7])
    assert guess.get_ydata()[0] == pytest.approx(1 / 6)
    figures.plot_reach({"a": np.array([1.0, 2.0])}, {"b": np.array([3.0, 4.0])})
    left, right = plt.gcf().axes
    assert left.lines[0].get_xdata().tolist() == [1, 0]
    assert left.lines[0].get_ydata().tolist() == [1, 2]
    assert right.lines[0].get_ydata().tolist() == [3, 4]
    features = np.array([[0.5, 0], [0.25, 1]])
    figures.plot_reading(features, np.array([0, 0.25]), {"a": np.array([1.0, 2.0])})
    sums, reading, marks = plt.gca().lines
    assert sums.get_ydata().tolist() == [0, 0.25]
    assert reading.get_ydata().tolist() == [1, 2]
    assert (marks.get_xdata().tolist(), marks.get_ydata().tolist()) == ([2], [0.25])
    plt.close("all")
