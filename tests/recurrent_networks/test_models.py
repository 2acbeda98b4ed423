"""Recurrent networks: what both frameworks share, then each against NumPy."""

from functools import partial
from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snippets.recurrent_networks import data, figures
from snippets.recurrent_networks.data import (
    draw_recurrent_weights,
    draw_sequences,
    gru_to_keras,
    swap_first_gates,
)
from tests.frameworks import load, twins
from tests.gradients import (
    assert_same,
    central_differences,
    few,
    make_recurrence,
    recurrences,
)

READS = ["snippets/recurrent_networks"]

NUM_FEATURES, NUM_HIDDEN = 3, 4
BATCH, TIME = 3, 6
CELLS = [("rnn_cell", 1), ("gru_cell", 3), ("gru_cell_reset_before", 3)]


class Chapter:
    """The chapter's modules of one framework, and what is said otherwise in each."""

    def __init__(self, name, layers):
        self.framework = load(name)
        modules = f"snippets.recurrent_networks.{name}"
        self.manual = import_module(f"{modules}_manual")
        self.layers = import_module(f"{modules}_{layers}")

    def tensor(self, array):
        """Return an array as a tensor of the same type, on the device."""
        return self.framework.tensor(array, str(array.dtype))

    def cell(self, name):
        """Return a cell by hand."""
        return getattr(self.manual, name)


class InPyTorch(Chapter):
    """In PyTorch."""

    def __init__(self):
        super().__init__("pytorch", "module")
        self.torch = self.framework.torch
        self.device = self.layers.device
        # On a GPU the layers are cuDNN's, with its own tanh and sigmoid: 9.2e-6 from
        # the formula in float32 on an H100.
        self.near = 1e-6 if self.device.type == "cpu" else 2e-5
        self.numpy = self.framework.numpy
        self.exact = self.torch.tensor  # on the CPU: some devices lack float64
        self.total = self.torch.sum

    def slopes(self, function, arrays):
        """Return the gradients of a function of several tensors, on the CPU."""
        tensors = [self.torch.tensor(x, requires_grad=True) for x in arrays]
        found = self.torch.autograd.grad(function(*tensors), tensors)
        return [x.numpy() for x in found]

    def jacobian(self, function, at):
        """Return the derivatives of each entry of a function's value."""
        return self.torch.autograd.functional.jacobian(function, at)

    def library(self, num_gates, num_features, num_hidden, dtype="float32"):
        """Return the library's plain RNN or GRU."""
        layer = self.torch.nn.GRU if num_gates == 3 else self.torch.nn.RNN
        kind = getattr(self.torch, dtype)
        return layer(num_features, num_hidden, batch_first=True, dtype=kind)

    def in_the_other_order(self, arrays):
        """Return a GRU with its weights in Keras' order of the gates."""
        swapped = [swap_first_gates(array) for array in arrays]
        layer = self.library(3, arrays[0].shape[1], arrays[1].shape[1])
        return self.layers.load_recurrent_layer(layer, swapped)

    def states(self, layer, features):
        """Return the states of a layer of the library, as a NumPy array."""
        return self.numpy(layer.to(self.device)(self.tensor(features))[0])

    def library_slopes(self, layer, features, slopes):
        """Return a layer's states on the CPU, and the gradients of its weights."""
        states = layer(self.exact(features))[0]
        (states * self.exact(slopes)).sum().backward()
        return self.numpy(states), [self.numpy(x.grad) for x in layer.parameters()]

    def as_in_the_library(self, grads):
        """Return the gradients of the four arrays as the library has them."""
        return grads


class InTensorFlow(Chapter):
    """In TensorFlow."""

    near = 1e-6

    def __init__(self):
        super().__init__("tensorflow", "keras")
        self.tf, self.keras = self.framework.tf, import_module("keras")
        self.exact, self.total = self.tf.constant, self.tf.reduce_sum
        self.slopes = self.framework.slopes

    def numpy(self, tensor):
        """Return a tensor's numbers, also of a gradient that is a list of rows."""
        return self.tf.convert_to_tensor(tensor).numpy()

    def jacobian(self, function, at):
        """Return the derivatives of each entry of a function's value."""
        with self.tf.GradientTape() as tape:
            tape.watch(at)
            value = function(at)
        return tape.jacobian(value, at)

    def library(self, num_gates, num_features, num_hidden, dtype="float32"):
        """Return the library's plain RNN or GRU."""
        layers = self.keras.layers
        layer = layers.GRU if num_gates == 3 else layers.SimpleRNN
        return layer(num_hidden, return_sequences=True, dtype=dtype)

    def in_the_other_order(self, arrays):
        """Return a GRU with its weights in PyTorch's order of the gates."""
        weight_ih, weight_hh, bias_ih, bias_hh = arrays
        layer = self.library(3, weight_ih.shape[1], weight_hh.shape[1])
        layer.build((None, None, weight_ih.shape[1]))
        layer.set_weights([weight_ih.T, weight_hh.T, np.stack([bias_ih, bias_hh])])
        return layer

    def states(self, layer, features):
        """Return the states of a layer of the library, as a NumPy array."""
        return self.numpy(layer(features))

    def library_slopes(self, layer, features, slopes):
        """Return a layer's states, and the gradients of its weights."""
        variables = [variable.value for variable in layer.trainable_variables]
        with self.tf.GradientTape() as tape:
            states = layer(self.exact(features))
            cost = self.total(states * slopes)
        grads = tape.gradient(cost, variables)
        return self.numpy(states), [self.numpy(x) for x in grads]

    def as_in_the_library(self, grads):
        """Return the gradients of the four arrays as the library has them.

        SimpleRNN has one bias: the slope along either of ours is that along their sum.
        """
        if len(grads[0]) == len(grads[1].T):
            return [grads[0].T, grads[1].T, grads[2]]
        return gru_to_keras(*grads)


chapter, pytorch, tensorflow = twins(InPyTorch, InTensorFlow)


@pytest.fixture(autouse=True)
def no_window():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def gru_arrays():
    rng = np.random.default_rng(0)
    return draw_recurrent_weights(NUM_FEATURES, NUM_HIDDEN, 3, rng)


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return rng.normal(size=(BATCH, TIME, 5)).astype(np.float32)


def test_recurrent_weights_have_pytorchs_shapes_and_range(gru_arrays):
    shapes = [array.shape for array in gru_arrays]
    assert shapes == [(12, NUM_FEATURES), (12, NUM_HIDDEN), (12,), (12,)]
    for array in gru_arrays:
        assert array.dtype == np.float32
        assert np.abs(array).max() <= 0.5
    assert np.abs(gru_arrays[1]).max() > 0.4


def test_swapping_twice_changes_nothing():
    array = np.arange(6)
    swapped = data.swap_first_gates(array)
    assert swapped.tolist() == [2, 3, 0, 1, 4, 5]
    np.testing.assert_array_equal(data.swap_first_gates(swapped), array)


def test_swapping_refuses_what_is_not_three_gates():
    with pytest.raises(ValueError, match="array has 8 rows"):
        data.swap_first_gates(np.zeros(8))


def test_keras_layout_is_z_r_n_in_columns(gru_arrays):
    weight_ih, weight_hh, bias_ih, bias_hh = gru_arrays
    kernel, recurrent_kernel, bias = data.gru_to_keras(*gru_arrays)
    assert kernel.shape == (NUM_FEATURES, 12)
    assert recurrent_kernel.shape == (NUM_HIDDEN, 12)
    assert bias.shape == (2, 12)
    np.testing.assert_array_equal(kernel[:, :4], weight_ih[4:8].T)  # update
    np.testing.assert_array_equal(recurrent_kernel[:, 4:8], weight_hh[:4].T)  # reset
    np.testing.assert_array_equal(bias[0, 8:], bias_ih[8:])  # candidate
    np.testing.assert_array_equal(bias[1, :4], bias_hh[4:8])


def test_layouts_undo_each_other(gru_arrays):
    back = data.gru_to_pytorch(*data.gru_to_keras(*gru_arrays))
    for array, expected in zip(back, gru_arrays, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_a_gru_for_keras_needs_three_gates():
    with pytest.raises(ValueError, match="4 rows, which are not three gates"):
        gru_to_keras(np.zeros((4, 2)), *3 * [np.zeros((6, 2))])


def test_targets_are_the_last_pulse_of_their_channel():
    features, targets = draw_sequences(20, 60, np.random.default_rng(0))
    assert features.shape == targets.shape == (20, 60, data.NUM_CHANNELS)
    assert features.dtype == targets.dtype == np.float32
    assert {*targets.ravel().tolist()} == {-1.0, 0.0, 1.0}
    # A target that changes is a pulse; noise alone is never that large and wrong.
    changed = np.diff(targets, axis=1) != 0
    signs = np.sign(features[:, 1:])[changed]
    np.testing.assert_array_equal(signs, targets[:, 1:][changed])
    assert not np.any((targets[:, 1:] == 0) & (targets[:, :-1] != 0))
    noise = (features - targets)[np.abs(features) < 0.5]
    assert 0.05 < changed.mean() < 0.1
    assert noise.size > 1000


def test_pulses_and_noise_are_as_often_and_as_large_as_told(monkeypatch):
    monkeypatch.setattr(data, "NOISE", 0.0)
    features, targets = draw_sequences(100, 50, np.random.default_rng(1))
    assert np.abs(features).mean() == pytest.approx(data.PULSE_SHARE, abs=0.01)
    np.testing.assert_array_equal(features[features != 0], targets[features != 0])
    first = np.where(features[0, :, 0] != 0)[0][0]
    np.testing.assert_array_equal(targets[0, :first, 0], np.zeros(first))


@pytest.mark.parametrize("sizes", [(0, 5), (5, 0)])
def test_sequences_refuse_to_be_none(sizes):
    with pytest.raises(ValueError, match="none to draw"):
        draw_sequences(*sizes, np.random.default_rng(0))


@pytest.mark.parametrize(("kind", "parts"), [("RNN", 1), ("GRU", 3)])
def test_start_weights_have_the_models_shapes(kind, parts):
    layer, weight, bias = data.draw_params(kind, 3)
    rows, again = parts * data.NUM_HIDDEN, data.draw_params(kind, 3)
    shapes = [(rows, data.NUM_CHANNELS), (rows, data.NUM_HIDDEN), (rows,), (rows,)]
    assert [x.shape for x in layer] == shapes
    assert weight.shape == (data.NUM_CHANNELS, data.NUM_HIDDEN)
    assert bias.shape == (data.NUM_CHANNELS,)
    np.testing.assert_array_equal(weight, again[1])


def test_train_draws_new_batches_and_logs(capsys):
    seen = []

    def step(features, targets):
        seen.append(features)
        return 3.0 - len(seen)

    assert data.train(step, 3, log_every=2) == [2.0, 1.0, 0.0]
    assert seen[0].shape == (data.BATCH_SIZE, data.NUM_STEPS, data.NUM_CHANNELS)
    assert not np.array_equal(seen[0], seen[1])
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["Iteration: 001 | Loss: 2.00", "Iteration: 002 | Loss: 1.00"]
    data.train(step, 2, log_every=0)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="log_every is -1"):
        data.train(step, 1, log_every=-1)


def test_accuracy_counts_signs_where_there_was_a_pulse():
    outputs, targets = np.array([0.1, -2.0, 0.5, -0.5]), np.array([1.0, -1.0, -1.0, 0])
    assert data.accuracy(outputs, targets) == pytest.approx(2 / 3)


def test_figure_of_norms_has_a_curve_for_each():
    figures.plot_norms({"a": [1.0, 0.1], "b": [1.0, 10.0]})
    axis = plt.gca()
    assert axis.get_yscale() == "log"
    curves = [line.get_ydata().tolist() for line in axis.get_lines()]
    assert curves == [[1.0, 0.1], [1.0, 10.0]]


def test_figure_of_flip_flops_has_a_panel_for_each_channel():
    features, targets = draw_sequences(1, 30, np.random.default_rng(0))
    figures.plot_flip_flops(features[0], targets[0], targets[0] / 2)
    axes = plt.gcf().axes
    assert len(axes) == data.NUM_CHANNELS
    heights = [bar.get_height() for bar in axes[1].patches]
    np.testing.assert_allclose(heights, features[0, :, 1])
    target, output = axes[2].get_lines()
    np.testing.assert_array_equal(target.get_ydata(), targets[0, :, 2])
    np.testing.assert_array_equal(output.get_ydata(), targets[0, :, 2] / 2)


# --- cells by hand


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_in_numpy(features, weight_ih, weight_hh, bias_ih, bias_hh):
    hidden, states = np.zeros((len(features), weight_hh.shape[1])), []
    for t in range(features.shape[1]):
        from_input = features[:, t] @ weight_ih.T + bias_ih
        hidden = np.tanh(from_input + hidden @ weight_hh.T + bias_hh)
        states.append(hidden)
    return np.stack(states, axis=1)


def gru_in_numpy(features, weight_ih, weight_hh, bias_ih, bias_hh, before=False):
    hidden, states = np.zeros((len(features), weight_hh.shape[1])), []
    in_r, in_z, in_n = np.split(features @ weight_ih.T + bias_ih, 3, axis=2)
    u_r, u_z, u_n = np.split(weight_hh, 3)
    c_r, c_z, c_n = np.split(bias_hh, 3)
    for t in range(features.shape[1]):
        reset = sigmoid(in_r[:, t] + hidden @ u_r.T + c_r)
        update = sigmoid(in_z[:, t] + hidden @ u_z.T + c_z)
        after = reset * (hidden @ u_n.T + c_n)
        seen = (reset * hidden) @ u_n.T + c_n if before else after
        candidate = np.tanh(in_n[:, t] + seen)
        hidden = (1 - update) * candidate + update * hidden
        states.append(hidden)
    return np.stack(states, axis=1)


@pytest.mark.parametrize(
    ("cell", "num_gates", "reference"),
    [
        ("rnn_cell", 1, rnn_in_numpy),
        ("gru_cell", 3, gru_in_numpy),
        ("gru_cell_reset_before", 3, partial(gru_in_numpy, before=True)),
    ],
)
def test_cells_by_hand_match_numpy(chapter, cell, num_gates, reference, features):
    arrays = draw_recurrent_weights(5, 4, num_gates, np.random.default_rng(3))
    tensors = [chapter.tensor(array) for array in arrays]
    states = chapter.numpy(
        chapter.manual.unroll(chapter.cell(cell), chapter.tensor(features), 4, tensors)
    )
    assert states.shape == (BATCH, TIME, 4)
    assert states.dtype == np.float32
    np.testing.assert_allclose(states, reference(features, *arrays), atol=1e-6)


@pytest.mark.parametrize(("cell", "num_gates"), CELLS[:2])
@pytest.mark.parametrize("seed", range(5))
def test_cells_by_hand_match_the_library(chapter, cell, num_gates, seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(2, 20, 7)).astype(np.float32)
    arrays = draw_recurrent_weights(7, 9, num_gates, rng)
    tensors = [chapter.tensor(array) for array in arrays]
    by_hand = chapter.manual.unroll(
        chapter.cell(cell), chapter.tensor(features), 9, tensors
    )
    layer = chapter.library(num_gates, 7, 9)
    states = chapter.states(
        chapter.layers.load_recurrent_layer(layer, arrays), features
    )
    np.testing.assert_allclose(chapter.numpy(by_hand), states, atol=chapter.near)


def test_the_other_order_of_gates_loads_but_computes_something_else(chapter, features):
    arrays = draw_recurrent_weights(5, 4, 3, np.random.default_rng(6))
    states = chapter.states(chapter.in_the_other_order(arrays), features)
    assert np.abs(states - gru_in_numpy(features, *arrays)).max() > 0.05


@pytest.mark.parametrize(("cell", "num_gates"), CELLS)
@few
@given(drawn=st.data())
def test_gradient_through_a_cell(chapter, cell, num_gates, drawn):
    case, cell = drawn.draw(recurrences(num_gates)), chapter.cell(cell)
    arguments = [case.features[:, 0], case.hidden, *case.weights]
    slopes = chapter.exact(case.slopes[:, 0])

    def cost(*arguments):
        return chapter.total(cell(*arguments) * slopes)

    found = chapter.slopes(cost, arguments)
    assert_same(found, by_differences(chapter, cost, arguments))


def by_differences(chapter, function, arrays):
    """Return the central differences of a function of several tensors."""
    return central_differences(lambda *x: function(*map(chapter.exact, x)), arrays)


@pytest.mark.parametrize(("cell", "num_gates"), CELLS)
def test_cell_maps_no_rows_to_no_rows(chapter, cell, num_gates):
    case, cell = make_recurrence(1, 2, 3, 4, num_gates, 1, seed=0), chapter.cell(cell)
    features, hidden = map(chapter.exact, (case.features[:0], case.hidden[:0]))
    weights = map(chapter.exact, case.weights)
    assert cell(features[:, 0], hidden, *weights).shape == (0, 4)

    def total(*weights):
        states = chapter.manual.unroll(cell, features, 4, weights)
        assert states.shape == (0, 2, 4)
        return chapter.total(states)

    for grad in chapter.slopes(total, case.weights):
        np.testing.assert_array_equal(grad, np.zeros_like(grad))


@pytest.mark.parametrize(("cell", "num_gates"), CELLS)
@few
@given(drawn=st.data())
def test_gradient_back_through_time(chapter, cell, num_gates, drawn):
    case, cell = drawn.draw(recurrences(num_gates)), chapter.cell(cell)
    arguments, slopes = [case.features, *case.weights], chapter.exact(case.slopes)

    def cost(features, *weights):
        states = chapter.manual.unroll(cell, features, slopes.shape[2], weights)
        return chapter.total(states * slopes)

    found = chapter.slopes(cost, arguments)
    assert_same(found, by_differences(chapter, cost, arguments))


@pytest.mark.parametrize(("cell", "num_gates"), CELLS[:2])
@few
@given(drawn=st.data())
def test_states_and_gradient_are_the_librarys(chapter, cell, num_gates, drawn):
    case, cell = drawn.draw(recurrences(num_gates)), chapter.cell(cell)
    num_features, num_hidden = case.features.shape[2], case.hidden.shape[1]
    layer = chapter.library(num_gates, num_features, num_hidden, "float64")
    layer = chapter.layers.load_recurrent_layer(layer, case.weights)
    expected, slopes = chapter.library_slopes(layer, case.features, case.slopes)
    features = chapter.exact(case.features)

    def states(*weights):
        return chapter.manual.unroll(cell, features, num_hidden, weights)

    def cost(*weights):
        return chapter.total(states(*weights) * chapter.exact(case.slopes))

    assert_same([states(*map(chapter.exact, case.weights))], [expected])
    grads = chapter.slopes(cost, case.weights)
    assert_same(chapter.as_in_the_library(grads), slopes)


@few
@given(case=recurrences(num_gates=1))
def test_slope_of_the_plain_cell_is_the_one_in_the_text(chapter, case):
    weights = list(map(chapter.exact, case.weights))
    features, hidden = map(chapter.exact, (case.features[0, :1], case.hidden[:1]))

    def state(before):
        return chapter.manual.rnn_cell(features, before, *weights)[0]  # tanh(a)

    found = chapter.jacobian(state, hidden)[:, 0]  # (num_hidden, num_hidden)
    assert_same([found], [(1 - state(hidden) ** 2)[:, None] * weights[1]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("cell", "num_gates"), CELLS)
def test_cells_are_exact_where_every_gate_is_open_or_shut(
    chapter, cell, num_gates, dtype
):
    rng, units, cell = np.random.default_rng(0), 2 * num_gates, chapter.cell(cell)
    signs = rng.choice([-1.0, 1.0], (8, units))
    kept = signs[:, 2:4] > 0 if num_gates == 3 else np.full((8, 2), False)
    shapes = [(8, 2), (units, 2), (units,), (units,)]
    drawn = [signs, *map(rng.standard_normal, shapes)]
    features, hidden, *rest = [array.astype(dtype) for array in drawn]
    weights = map(chapter.exact, [1e4 * np.eye(units, dtype=dtype), *rest])
    computed = partial(call_with, cell, list(weights))
    state = chapter.numpy(computed(*map(chapter.exact, (features, hidden))))
    by_features, by_hidden = chapter.slopes(
        lambda *x: chapter.total(computed(*x)), [features, hidden]
    )
    assert state.dtype == by_features.dtype == by_hidden.dtype == dtype
    np.testing.assert_array_equal(state, np.where(kept, hidden, signs[:, -2:]))
    np.testing.assert_array_equal(by_features, np.zeros((8, units)))
    np.testing.assert_array_equal(by_hidden, kept)


def call_with(cell, weights, features, hidden):
    """Return a cell's next state."""
    return cell(features, hidden, *weights)


def test_weights_that_a_layer_has_no_place_for_are_refused(pytorch):
    arrays = draw_recurrent_weights(7, 9, 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="longer"):
        pytorch.layers.load_recurrent_layer(
            pytorch.torch.nn.GRU(7, 9), [*arrays, arrays[0]]
        )


def test_reset_before_the_product_is_keras_reset_after_false(tensorflow, features):
    arrays = draw_recurrent_weights(5, 4, 3, np.random.default_rng(7))
    kernel, recurrent_kernel, bias = gru_to_keras(*arrays)
    layer = tensorflow.keras.layers.GRU(4, return_sequences=True, reset_after=False)
    layer.build(features.shape)
    layer.set_weights([kernel, recurrent_kernel, bias.sum(axis=0)])
    tensors = [tensorflow.tensor(array) for array in arrays]
    cell = tensorflow.manual.gru_cell_reset_before
    states = tensorflow.manual.unroll(cell, tensorflow.tensor(features), 4, tensors)
    np.testing.assert_allclose(layer(features), states, atol=1e-6)


@pytest.mark.parametrize("num_gates", [1, 3])
@few
@given(drawn=st.data())
def test_way_back_by_hand_is_the_one_that_is_found(chapter, num_gates, drawn):
    case = drawn.draw(recurrences(num_gates))
    features, slopes = map(chapter.exact, (case.features, case.slopes))
    weights = list(map(chapter.exact, case.weights))
    name = "rnn_cell" if num_gates == 1 else "gru_cell"
    num_hidden = case.hidden.shape[1]

    def states_of(*weights):
        return chapter.manual.unroll(
            chapter.cell(name), features, num_hidden, list(weights)
        )

    states = states_of(*weights)
    if num_gates == 1:
        grads, *found = chapter.manual.rnn_backward(
            features, states, slopes, weights[1]
        )
        found = [*found, found[-1]]
    else:
        grads, *found = chapter.manual.gru_backward(features, states, slopes, weights)
    assert grads.shape == states.shape
    assert_same([grads[:, -1]], [case.slopes[:, -1]])

    def cost(*weights):
        return chapter.total(states_of(*weights) * slopes)

    assert_same(found, chapter.slopes(cost, case.weights))


def test_gradient_of_an_earlier_state_is_a_difference(chapter):
    case = make_recurrence(2, 4, 3, 4, 1, 1, seed=5)
    weights = list(map(chapter.exact, case.weights))
    features, slopes = map(chapter.exact, (case.features, case.slopes))
    states = chapter.manual.unroll(chapter.manual.rnn_cell, features, 4, weights)
    grads = chapter.manual.rnn_backward(features, states, slopes, weights[1])[0]
    state = chapter.numpy(states)[:, 1]  # after step 1; steps 2 and 3 follow

    def cost(hidden):
        total = (hidden * case.slopes[:, 1]).sum()
        for t in (2, 3):
            weight_ih, weight_hh, bias_ih, bias_hh = case.weights
            inside = case.features[:, t] @ weight_ih.T + bias_ih
            hidden = np.tanh(inside + hidden @ weight_hh.T + bias_hh)
            total = total + (hidden * case.slopes[:, t]).sum()
        return total

    expected = np.zeros_like(state)
    for place in np.ndindex(state.shape):
        shift = np.zeros_like(state)
        shift[place] = 1e-6
        expected[place] = (cost(state + shift) - cost(state - shift)) / 2e-6
    np.testing.assert_allclose(chapter.numpy(grads)[:, 1], expected, atol=1e-7)


@pytest.mark.parametrize("max_norm", [0.5, 5.0, 100.0])
def test_clipping_keeps_the_direction_and_never_lengthens(chapter, max_norm):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=x).astype(np.float32) for x in [(3, 4), (5,)]]
    tensors = [chapter.tensor(x) for x in arrays]
    clipped, norm = chapter.manual.clip_gradients(tensors, max_norm)
    whole = np.concatenate([x.ravel() for x in arrays])
    assert float(chapter.numpy(norm)) == pytest.approx(np.linalg.norm(whole), rel=1e-6)
    found = np.concatenate([chapter.numpy(x).ravel() for x in clipped])
    scale = min(1, max_norm / np.linalg.norm(whole))
    np.testing.assert_allclose(found, scale * whole, rtol=1e-5)


@pytest.mark.parametrize("max_norm", [0, -1.0, float("nan")])
def test_clipping_refuses_a_limit_that_is_none(chapter, max_norm):
    with pytest.raises(ValueError, match="max_norm is"):
        chapter.manual.clip_gradients([chapter.tensor(np.ones(2))], max_norm)


# --- layers, and their training


@pytest.mark.parametrize("kind", ["RNN", "GRU"])
def test_model_matches_numpy(chapter, kind):
    features, _ = draw_sequences(2, 7, np.random.default_rng(0))
    outputs = chapter.layers.predict(chapter.layers.build_model(kind, seed=4), features)
    layer, weight, bias = data.draw_params(kind, 4)
    reference = rnn_in_numpy if kind == "RNN" else gru_in_numpy
    expected = reference(features, *layer) @ weight.T + bias
    assert outputs.shape == features.shape
    np.testing.assert_allclose(outputs, expected, atol=chapter.near)


def test_a_step_follows_the_clipped_gradient(chapter):
    batch = draw_sequences(4, 6, np.random.default_rng(0))
    moved = {}
    for max_norm in (1e-3, 1e3):
        model = chapter.layers.build_model("GRU")
        before = chapter.layers.predict(model, batch[0])
        step = chapter.layers.make_step(model, learning_rate=1.0, max_norm=max_norm)
        loss = step(*batch)
        assert isinstance(loss, float)
        assert loss == pytest.approx(((before - batch[1]) ** 2).mean(), rel=1e-5)
        after = chapter.layers.predict(model, batch[0])
        moved[max_norm] = np.abs(after - before).max()
    assert 0 < moved[1e-3] < 0.02 < moved[1e3]


def test_training_lowers_the_loss(chapter):
    batch = draw_sequences(4, 20, np.random.default_rng(0))
    step = chapter.layers.make_step(chapter.layers.build_model("GRU"), 0.3)
    losses = [step(*batch) for _ in range(30)]
    assert losses[-1] < losses[0] / 2
