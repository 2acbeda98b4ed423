"""Each gradient and each cell by hand in PyTorch, against autograd and differences.

All of it runs on the CPU: it is a matter of formulas, and some devices lack float64.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from snippets.character_rnn import pytorch_cells as cells
from tests.gradients import (
    assert_same,
    central_differences,
    few,
    make_recurrence,
    recurrences,
)

DTYPES = [torch.float32, torch.float64]
CELLS = [(cells.rnn_cell, 1), (cells.gru_cell, 3), (cells.gru_cell_reset_before, 3)]


def by_autograd(function, arrays):
    """Return the gradients of a function of several tensors, in NumPy."""
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    return [grad.numpy() for grad in torch.autograd.grad(function(*tensors), tensors)]


def by_differences(function, arrays):
    """Return the central differences of the same function."""
    return central_differences(lambda *x: function(*map(torch.tensor, x)), arrays)


@pytest.mark.parametrize(("cell", "num_gates"), CELLS)
@few
@given(data=st.data())
def test_gradient_through_a_cell(cell, num_gates, data):
    case = data.draw(recurrences(num_gates))
    arguments = [case.features[:, 0], case.hidden, *case.weights]
    slopes = torch.tensor(case.slopes[:, 0])

    def cost(*arguments):
        return (cell(*arguments) * slopes).sum()

    assert_same(by_autograd(cost, arguments), by_differences(cost, arguments))


@pytest.mark.parametrize(("cell", "num_gates"), CELLS)
def test_cell_maps_no_rows_to_no_rows(cell, num_gates):
    case = make_recurrence(1, 2, 3, 4, num_gates, scale=1, seed=0)
    features, hidden = torch.tensor(case.features[:0]), torch.tensor(case.hidden[:0])
    weights = [torch.tensor(x, requires_grad=True) for x in case.weights]
    assert cell(features[:, 0], hidden, *weights).shape == (0, 4)
    states = cells.unroll(cell, features, 4, weights)
    assert states.shape == (0, 2, 4)
    for grad in torch.autograd.grad(states.sum(), weights):
        assert torch.equal(grad, torch.zeros_like(grad))


@pytest.mark.parametrize(("cell", "num_gates"), CELLS)
@few
@given(data=st.data())
def test_gradient_back_through_time(cell, num_gates, data):
    case = data.draw(recurrences(num_gates))
    arguments, slopes = [case.features, *case.weights], torch.tensor(case.slopes)

    def cost(features, *weights):
        states = cells.unroll(cell, features, slopes.shape[2], weights)
        return (states * slopes).sum()

    assert_same(by_autograd(cost, arguments), by_differences(cost, arguments))


@pytest.mark.parametrize(
    ("cell", "num_gates", "library"),
    [(cells.rnn_cell, 1, nn.RNN), (cells.gru_cell, 3, nn.GRU)],
)
@few
@given(data=st.data())
def test_states_and_gradient_are_the_librarys(cell, num_gates, library, data):
    case = data.draw(recurrences(num_gates))
    num_features, num_hidden = case.features.shape[2], case.hidden.shape[1]
    layer = library(num_features, num_hidden, batch_first=True, dtype=torch.float64)
    layer = cells.load_recurrent_layer(layer, case.weights)
    features, slopes = torch.tensor(case.features), torch.tensor(case.slopes)
    expected = layer(features)[0]
    (expected * slopes).sum().backward()

    def states(*weights):
        return cells.unroll(cell, features, num_hidden, weights)

    weights = list(map(torch.tensor, case.weights))
    assert_same([states(*weights)], [expected.detach()])
    grads = by_autograd(lambda *x: (states(*x) * slopes).sum(), case.weights)
    assert_same(grads, [parameter.grad for parameter in layer.parameters()])


@few
@given(case=recurrences(num_gates=1))
def test_slope_of_the_plain_cell_is_the_one_in_the_text(case):
    weights = list(map(torch.tensor, case.weights))
    features, hidden = torch.tensor(case.features[0, :1]), torch.tensor(case.hidden[:1])
    found = torch.autograd.functional.jacobian(
        lambda before: cells.rnn_cell(features, before, *weights)[0], hidden
    )[:, 0]  # (num_hidden, num_hidden)
    state = cells.rnn_cell(features, hidden, *weights)[0]  # tanh(a)
    assert_same([found], [(1 - state**2)[:, None] * weights[1]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("cell", "num_gates"), CELLS)
def test_cells_are_exact_where_every_gate_is_open_or_shut(cell, num_gates, dtype):
    rng, units = np.random.default_rng(0), 2 * num_gates
    signs = rng.choice([-1.0, 1.0], (8, units))
    kept = signs[:, 2:4] > 0 if num_gates == 3 else np.full((8, 2), False)
    shapes = [(8, 2), (units, 2), (units,), (units,)]
    features, hidden, weight_hh, bias_ih, bias_hh = (
        torch.tensor(array, dtype=dtype, requires_grad=True)
        for array in [signs, *map(rng.standard_normal, shapes)]
    )
    weight_ih = 1e4 * torch.eye(units, dtype=dtype)
    state = cell(features, hidden, weight_ih, weight_hh, bias_ih, bias_hh)
    by_features, by_hidden = torch.autograd.grad(state.sum(), [features, hidden])
    expected = np.where(kept, hidden.detach(), signs[:, -2:])
    np.testing.assert_array_equal(state.detach(), expected)
    np.testing.assert_array_equal(by_features, np.zeros((8, units)))
    np.testing.assert_array_equal(by_hidden, kept)
