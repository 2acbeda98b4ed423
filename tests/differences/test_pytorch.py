"""The functions that make PyTorch start and compute as Keras does."""

import numpy as np
import pytest
import torch
from torch import nn

from snippets.differences.pytorch_convolutions import pad_same
from snippets.differences.pytorch_data import mean_over_examples
from snippets.differences.pytorch_layers import (
    describe_gru,
    start_linear_as_keras,
    start_recurrent_as_keras,
)
from snippets.differences.pytorch_numbers import show
from snippets.differences.pytorch_optimizers import descend
from snippets.differences.pytorch_recurrent import (
    draw_weights,
    gru_step_reset_before,
    load_weights,
    start_forget_gate_at_one,
)

READS = []


def test_linear_starts_within_glorots_limit():
    torch.manual_seed(0)
    layer = nn.Linear(100, 50)
    start_linear_as_keras(layer)
    limit = (6 / 150) ** 0.5
    assert 0.99 * limit < layer.weight.abs().max() <= limit
    assert not layer.bias.any()


def test_gru_starts_orthogonal_within_glorots_limit_of_all_gates():
    torch.manual_seed(0)
    layer = nn.GRU(20, 10)
    start_recurrent_as_keras(layer)
    limit = (6 / (20 + 30)) ** 0.5
    assert 0.98 * limit < layer.weight_ih_l0.abs().max() <= limit
    product = layer.weight_hh_l0.T @ layer.weight_hh_l0
    torch.testing.assert_close(product, torch.eye(10))
    assert not layer.bias_ih_l0.any()
    assert not layer.bias_hh_l0.any()


def test_description_of_a_gru():
    layer = nn.GRU(2, 1)
    zeros = [np.zeros(tuple(weights.shape)) for weights in layer.parameters()]
    load_weights(layer, zeros)
    assert describe_gru(layer) == "0.00, biases 0.00, orthogonal: False"
    with torch.no_grad():
        layer.weight_ih_l0[2, 1] = -0.25
        layer.weight_hh_l0[1, 0] = 1
        layer.bias_hh_l0[0] = -0.5
    assert describe_gru(layer) == "0.25, biases 0.50, orthogonal: True"
    with torch.no_grad():
        layer.bias_ih_l0[1] = 0.75
    assert describe_gru(layer) == "0.25, biases 0.75, orthogonal: True"


def test_descent_takes_a_step_for_each_gradient():
    weight = nn.Parameter(torch.tensor(1.0))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    assert descend(optimizer, weight, [1.0, -3.0]) == 2.0
    assert descend(optimizer, weight, []) == 2.0


@pytest.mark.parametrize(
    ("size", "kernel_size", "stride", "zeros"),
    [
        (6, 3, 2, (0, 1)),
        (5, 3, 2, (1, 1)),
        (6, 3, 1, (1, 1)),
        (6, 2, 1, (0, 1)),
        (6, 1, 3, (0, 0)),
        (4, 5, 4, (0, 1)),
    ],
)
def test_padding_puts_the_odd_zero_at_the_end(size, kernel_size, stride, zeros):
    before, after = zeros
    padded = pad_same(torch.ones(2, 1, size), kernel_size, stride)
    expected = [0.0] * before + [1.0] * size + [0.0] * after
    assert padded.tolist() == [[expected], [expected]]


def test_drawn_weights_have_the_shapes_of_the_layers():
    arrays = draw_weights(4, 3, 2)
    assert [array.shape for array in arrays] == [(8, 3), (8, 2), (8,), (8,)]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    again = draw_weights(4, 3, 2)
    assert all(map(np.array_equal, arrays, again))


def test_loaded_weights_are_the_layers():
    layer, arrays = nn.LSTM(3, 2), draw_weights(4, 3, 2)
    load_weights(layer, arrays)
    for parameter, array in zip(layer.parameters(), arrays, strict=True):
        np.testing.assert_array_equal(parameter.detach(), array)
        assert parameter.requires_grad
    with pytest.raises(ValueError, match="shorter"):
        load_weights(layer, arrays[:3])
    with pytest.raises(RuntimeError, match="must match"):
        load_weights(layer, draw_weights(3, 3, 2))


def test_step_with_reset_before_the_product():
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=x) for x in [(2, 3), (2, 1), (3, 3), (3, 1), 3]]
    features, state, weight_ih, weight_hh, bias = arrays
    x_r, x_z, x_n = (features @ weight_ih.T + bias).T
    u_r, u_z, u_n = weight_hh[:, 0]
    old = state[:, 0]
    reset = 1 / (1 + np.exp(-x_r - u_r * old))
    update = 1 / (1 + np.exp(-x_z - u_z * old))
    candidate = np.tanh(x_n + u_n * (reset * old))
    found = gru_step_reset_before(*map(torch.tensor, arrays))
    assert found.shape == (2, 1)
    np.testing.assert_allclose(
        found[:, 0], update * old + (1 - update) * candidate, rtol=1e-12
    )


def test_only_the_forget_gates_bias_is_one():
    lstm = nn.LSTM(3, 2)
    start_forget_gate_at_one(lstm)
    total = lstm.bias_ih_l0 + lstm.bias_hh_l0
    assert total.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_shown_values_and_type():
    assert show(torch.tensor([1, 2])) == "[1, 2] int64"
    assert show(torch.tensor(0.5, dtype=torch.float64)) == "0.5 float64"


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5])
def test_mean_does_not_hang_on_the_batches(batch_size):
    losses = torch.tensor([1.0, 2.0, 3.0, 10.0])
    assert mean_over_examples(losses, batch_size) == pytest.approx(4)


def test_mean_of_no_example_is_refused() -> None:
    with pytest.raises(ValueError, match="losses are empty"):
        mean_over_examples(np.zeros(0, "float32"), 4)
