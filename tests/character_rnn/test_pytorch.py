"""The character RNN in PyTorch: cells, model, sampler, training, against NumPy."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from snippets.character_rnn import pytorch_cells as cells
from snippets.character_rnn import pytorch_model
from snippets.character_rnn import pytorch_train as training
from snippets.character_rnn import pytorch_use as use
from snippets.character_rnn.data import ALPHABET, decode, encode
from snippets.character_rnn.sampling import character_probas, draw_character
from snippets.character_rnn.weights import (
    draw_recurrent_weights,
    draw_start_weights,
    swap_first_gates,
)
from tests.rounding import RECURRENT

BATCH, TIME, NUM_FEATURES, NUM_HIDDEN = 3, 6, 5, 4


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return rng.normal(size=(BATCH, TIME, NUM_FEATURES)).astype(np.float32)


@pytest.fixture
def start_weights():
    return draw_start_weights(len(ALPHABET), 8, 16, np.random.default_rng(1))


@pytest.fixture
def model(start_weights):
    return pytorch_model.build_model(start_weights)


@pytest.fixture
def portions():
    rng = np.random.default_rng(2)
    return rng.integers(len(ALPHABET), size=(2, BATCH, TIME))


device = pytorch_model.device


def to_tensor(array):
    return torch.tensor(array, device=device)


def to_numpy(tensor):
    return tensor.detach().cpu().numpy()


def parameters(model):
    return list(model.parameters())


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


def logits_in_numpy(start_weights, tokens):
    embedding, gru, weight, bias = start_weights
    return gru_in_numpy(embedding[tokens], *gru) @ weight.T + bias


def loss_in_numpy(start_weights, inputs, targets):
    logits = logits_in_numpy(start_weights, inputs)
    probas = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    chosen = np.take_along_axis(probas, targets[..., np.newaxis], axis=2)
    return -np.log(chosen).mean()


@pytest.mark.parametrize(
    ("cell", "num_gates", "reference"),
    [
        (cells.rnn_cell, 1, rnn_in_numpy),
        (cells.gru_cell, 3, gru_in_numpy),
        (cells.gru_cell_reset_before, 3, partial(gru_in_numpy, before=True)),
    ],
)
def test_cells_by_hand_match_numpy(cell, num_gates, reference, features):
    rng = np.random.default_rng(3)
    arrays = draw_recurrent_weights(NUM_FEATURES, NUM_HIDDEN, num_gates, rng)
    tensors = [to_tensor(array) for array in arrays]
    states = cells.unroll(cell, to_tensor(features), NUM_HIDDEN, tensors)
    assert states.shape == (BATCH, TIME, NUM_HIDDEN)
    assert states.dtype == torch.float32
    expected = reference(features, *arrays)
    np.testing.assert_allclose(to_numpy(states), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("cell", "num_gates", "library"),
    [(cells.rnn_cell, 1, nn.RNN), (cells.gru_cell, 3, nn.GRU)],
)
@pytest.mark.parametrize("seed", range(5))
def test_cells_by_hand_match_the_library(cell, num_gates, library, seed):
    rng = np.random.default_rng(seed)
    features = to_tensor(rng.normal(size=(2, 20, 7)).astype(np.float32))
    arrays = draw_recurrent_weights(7, 9, num_gates, rng)
    by_hand = cells.unroll(cell, features, 9, [to_tensor(array) for array in arrays])
    layer = cells.load_recurrent_layer(library(7, 9, batch_first=True), arrays)
    states = layer.to(device)(features)[0]
    np.testing.assert_allclose(to_numpy(by_hand), to_numpy(states), atol=RECURRENT)


def test_swapped_gates_load_but_compute_something_else(features):
    arrays = draw_recurrent_weights(5, 4, 3, np.random.default_rng(6))
    swapped = [swap_first_gates(array) for array in arrays]
    layer = cells.load_recurrent_layer(nn.GRU(5, 4, batch_first=True), swapped)
    states = to_numpy(layer.to(device)(to_tensor(features))[0])
    assert np.abs(states - gru_in_numpy(features, *arrays)).max() > 0.05


def test_character_rnn_maps_tokens_to_logits_and_goes_on_from_a_state():
    model = pytorch_model.CharacterRNN(11, embedding_dim=3, num_hidden=5)
    tokens = torch.tensor([[1, 2, 3, 4], [10, 0, 10, 0]])
    with torch.no_grad():
        logits, last = model(tokens)
        _, hidden = model(tokens[:, :2])
        rest, hidden = model(tokens[:, 2:], hidden)
    assert logits.shape == (2, 4, 11)
    assert logits.dtype == torch.float32
    assert last.shape == (1, 2, 5)
    torch.testing.assert_close(rest, logits[:, 2:])
    torch.testing.assert_close(hidden, last)
    sizes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert sizes["embedding.weight"] == (11, 3)
    assert sizes["gru.weight_hh_l0"] == (15, 5)
    assert sizes["linear.weight"] == (11, 5)


def test_character_rnn_refuses_a_token_outside_its_characters():
    model = pytorch_model.CharacterRNN(11, embedding_dim=3, num_hidden=5)
    with pytest.raises(IndexError, match="out of range"):
        model(torch.tensor([[11]]))


def test_model_is_on_the_device(model):
    assert {parameter.device.type for parameter in model.parameters()} == {device.type}


def test_model_matches_numpy(model, start_weights, portions):
    logits, hidden = model(to_tensor(portions[0]))
    assert logits.shape == (BATCH, TIME, len(ALPHABET))
    assert hidden.shape == (1, BATCH, 16)
    assert logits.dtype == torch.float32
    expected = logits_in_numpy(start_weights, portions[0])
    np.testing.assert_allclose(to_numpy(logits), expected, atol=RECURRENT)


def test_model_goes_on_from_the_state_it_returned(model, portions):
    tokens = to_tensor(portions[0])
    whole, last = model(tokens)
    first, hidden = model(tokens[:, :4])
    second, hidden = model(tokens[:, 4:], hidden)
    parts = np.concatenate([to_numpy(first), to_numpy(second)], axis=1)
    np.testing.assert_allclose(to_numpy(whole), parts, atol=1e-6)
    np.testing.assert_allclose(to_numpy(last), to_numpy(hidden), atol=1e-6)


def test_embedding_has_its_own_size(model):
    assert tuple(model.embedding.weight.shape) == (len(ALPHABET), 8)


def test_char_to_tensor_has_an_index_per_character():
    tensor = pytorch_model.char_to_tensor("To be")
    assert tensor.shape == (5,)
    assert tensor.dtype == torch.int64
    np.testing.assert_array_equal(to_numpy(tensor), encode("To be"))


@pytest.mark.parametrize(("text", "message"), [("", "text is empty"), ("né", "'é'")])
def test_char_to_tensor_refuses_what_has_no_index(text, message):
    with pytest.raises(ValueError, match=message):
        pytorch_model.char_to_tensor(text)


def test_evaluate_draws_what_numpy_draws(model, start_weights):
    written = pytorch_model.evaluate(model, "Th", 12, 0.7, np.random.default_rng(5))
    rng, text = np.random.default_rng(5), "Th"
    for _ in range(12):
        logits = logits_in_numpy(start_weights, encode(text)[np.newaxis, :])
        text += decode([draw_character(logits[0, -1], 0.7, rng)])
    assert written == text


def test_evaluate_follows_its_generator(model):
    first, again, other = (
        pytorch_model.evaluate(model, "A", 20, 1.0, np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert len(first) == 21
    assert set(first) <= set(ALPHABET)


def test_evaluate_draws_one_character_if_asked(model):
    generator = np.random.default_rng(0)
    text = pytorch_model.evaluate(model, "AB", 1, 0.8, generator)
    assert (text[:2], len(text)) == ("AB", 3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"temperature": 0}, "temperature is 0"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": "Ärger"}, "'Ä'"),
        ({"num_characters": 0}, "num_characters is 0"),
    ],
)
def test_evaluate_refuses_bad_input(model, changed, message):
    arguments = {"prompt": "A", "num_characters": 5, "temperature": 0.8} | changed
    with pytest.raises(ValueError, match=message):
        pytorch_model.evaluate(model, **arguments, generator=np.random.default_rng(0))


@pytest.mark.parametrize(
    "loss_fn", [training.loss_by_character, training.loss_of_sequence]
)
def test_losses_match_numpy(loss_fn, model, start_weights, portions):
    loss = loss_fn(model, *(to_tensor(part) for part in portions))
    assert loss.shape == ()
    expected = loss_in_numpy(start_weights, *portions)
    assert to_numpy(loss) == pytest.approx(expected, rel=1e-5)


def test_both_losses_have_the_same_gradients(model, portions):
    inputs, targets = (to_tensor(part) for part in portions)
    (loss, grads), (other_loss, other_grads) = (
        training.loss_and_gradients(loss_fn, model, inputs, targets)
        for loss_fn in (training.loss_by_character, training.loss_of_sequence)
    )
    assert isinstance(loss, float)
    assert loss == pytest.approx(other_loss)
    assert len(grads) == len(other_grads) == 7
    for grad, other_grad in zip(grads, other_grads, strict=True):
        np.testing.assert_allclose(
            to_numpy(grad), to_numpy(other_grad), atol=RECURRENT / 10
        )
    assert max(np.abs(to_numpy(grad)).max() for grad in grads) > 1e-3


def test_gradient_of_the_last_bias_matches_a_finite_difference(start_weights, portions):
    model = pytorch_model.build_model(start_weights)
    inputs, targets = (to_tensor(part) for part in portions)
    _, grads = training.loss_and_gradients(
        training.loss_of_sequence, model, inputs, targets
    )
    embedding, gru, weight, bias = start_weights
    for index in (0, 42):
        shift = np.zeros(len(bias))
        shift[index] = 1e-4
        up, down = (
            loss_in_numpy((embedding, gru, weight, bias + sign * shift), *portions)
            for sign in (1, -1)
        )
        found = to_numpy(grads[-1])[index]
        assert found == pytest.approx((up - down) / 2e-4, abs=1e-6)


def test_a_step_is_adam_on_the_loss(model, start_weights, portions):
    inputs, targets = (to_tensor(part) for part in portions)
    before = [np.array(to_numpy(parameter)) for parameter in parameters(model)]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    step = training.make_step(model, optimizer, training.loss_of_sequence)
    means, squares = [0.0] * len(before), [0.0] * len(before)
    for t in (1, 2, 3):
        loss, grads = training.loss_and_gradients(
            training.loss_of_sequence, model, inputs, targets
        )
        for i, grad in enumerate(to_numpy(grad) for grad in grads):
            means[i] = 0.9 * means[i] + 0.1 * grad
            squares[i] = 0.999 * squares[i] + 0.001 * grad**2
            root = np.sqrt(squares[i] / (1 - 0.999**t))
            before[i] -= 0.01 * means[i] / (1 - 0.9**t) / (root + 1e-8)
        assert step(*portions) == pytest.approx(loss, rel=1e-5)
        for parameter, expected in zip(parameters(model), before, strict=True):
            np.testing.assert_allclose(to_numpy(parameter), expected, atol=2e-5)


def test_training_lowers_the_loss(model, portions):
    step = training.make_step(
        model, torch.optim.Adam(model.parameters(), lr=0.01), training.loss_of_sequence
    )
    losses = [step(*portions) for _ in range(40)]
    assert all(isinstance(loss, float) for loss in losses)
    assert losses[0] == pytest.approx(np.log(100), abs=0.3)
    assert losses[-1] < losses[0] / 2


def test_validation_loss_is_the_mean_over_whole_portions(model, start_weights):
    tokens = np.random.default_rng(4).integers(100, size=23)
    loss = training.validation_loss(model, tokens, 5)
    inputs, targets = tokens[:20].reshape(4, 5), tokens[1:21].reshape(4, 5)
    assert isinstance(loss, float)
    expected = loss_in_numpy(start_weights, inputs, targets)
    assert loss == pytest.approx(expected, rel=1e-5)


def test_validation_loss_refuses_a_portion_longer_than_the_text(model):
    with pytest.raises(ValueError, match="portion_size is 5 of 5 tokens"):
        training.validation_loss(model, np.zeros(5, dtype=int), 5)


def test_hidden_states_are_those_of_the_gru(model, start_weights):
    states = use.hidden_states(model, "To be, or")
    embedding, gru, _, _ = start_weights
    expected = gru_in_numpy(embedding[encode("To be, or")][np.newaxis], *gru)[0]
    assert isinstance(states, np.ndarray)
    assert states.shape == (9, 16)
    np.testing.assert_allclose(states, expected, atol=RECURRENT)


def test_next_probas_follow_the_whole_text(model, start_weights):
    probas = use.next_probas(model, "ROMEO", temperature=0.5)
    logits = logits_in_numpy(start_weights, encode("ROMEO")[np.newaxis, :])
    assert probas.shape == (len(ALPHABET),)
    assert probas.sum() == pytest.approx(1)
    expected = character_probas(logits[0, -1], 0.5)
    np.testing.assert_allclose(probas, expected, rtol=1e-4)
    assert np.abs(probas - use.next_probas(model, "O", 0.5)).max() > 1e-4


@pytest.mark.parametrize(("text", "temperature"), [("", 1.0), ("é", 1.0), ("A", 0.0)])
def test_next_probas_refuse_bad_input(model, text, temperature):
    with pytest.raises(ValueError, match=r"text|temperature"):
        use.next_probas(model, text, temperature)


@pytest.mark.parametrize("text", ["", "é"])
def test_hidden_states_refuse_bad_input(model, text):
    with pytest.raises(ValueError, match="text"):
        use.hidden_states(model, text)


def test_weights_that_a_layer_has_no_place_for_are_refused():
    arrays = draw_recurrent_weights(7, 9, 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="longer"):
        cells.load_recurrent_layer(nn.GRU(7, 9), [*arrays, arrays[0]])
