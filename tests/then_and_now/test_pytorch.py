"""The PyTorch part of then and now: values, shapes and bad input."""

import pytest
import torch
from torch.utils.data import DataLoader

from snippets.then_and_now import pytorch_then as then

READS = []


def test_custom_where_chooses_by_a_float_and_fails_on_a_boolean():
    condition = torch.tensor([0.2, 0.8]) >= 0.5
    assert then.custom_where(condition.float(), 1, 0).tolist() == [0, 1]
    with pytest.raises(NotImplementedError, match="bool tensor"):
        then.custom_where(condition, 1, 0)


def test_accuracy_is_the_fraction_of_hits():
    labels, targets = (
        torch.tensor([0.0, 1.0, 1.0, 0.0]),
        torch.tensor([0.0, 1.0, 0.0, 0.0]),
    )
    assert then.accuracy(labels, targets) == 0.75


def test_accuracy_refuses_shapes_that_would_broadcast():
    with pytest.raises(ValueError, match=r"differ in shape: \(3,\) and \(3, 1\)"):
        then.accuracy(torch.zeros(3), torch.zeros(3, 1))


def test_logistic_regression_starts_from_zero():
    logits = then.LogisticRegression(num_features=2)(torch.ones(5, 2))
    assert logits.tolist() == [0.0] * 5


def test_second_epoch_is_a_permutation_and_repeats():
    loader = DataLoader(range(10), batch_size=4, shuffle=True)
    order = then.second_epoch(loader, [])
    assert sorted(order) == list(range(10))
    assert then.second_epoch(loader, []) == order


def test_characters_become_their_indices():
    assert then.char_to_tensor("09a").tolist() == [0, 9, 10]


@pytest.mark.parametrize("text", ["", "é"])
def test_text_outside_the_alphabet_is_refused(text):
    with pytest.raises(ValueError, match=f"text '{text}' is empty or leaves"):
        then.char_to_tensor(text)


def test_samples_are_portions_of_the_text_and_reach_its_end():
    generator, text = torch.Generator().manual_seed(0), "abcdef"
    tokens = then.char_to_tensor(text)
    starts = set()
    for _ in range(100):
        inputs, targets = then.draw_random_sample(text, 4, generator)
        start = (inputs[0] - tokens[0]).item()
        assert torch.equal(inputs, tokens[start : start + 4])
        assert torch.equal(targets, tokens[start + 1 : start + 5])
        starts.add(start)
    assert starts == {0, 1}


@pytest.mark.parametrize("size", [0, 6])
def test_a_portion_that_does_not_fit_is_refused(size):
    with pytest.raises(ValueError, match=f"size is {size}, must be 1 to 5"):
        then.draw_random_sample("abcdef", size, torch.Generator())


def test_the_network_keeps_its_three_sizes_apart():
    model = then.CharacterGRU(10, embedding_dim=3, num_hidden=5, num_layers=2)
    logits, hidden = model(torch.zeros(4, 6, dtype=torch.int64))
    assert logits.shape == (4, 6, 10)
    assert hidden.shape == (2, 4, 5)


def test_a_portion_in_one_call_equals_its_characters_one_by_one():
    model, tokens = then.CharacterGRU(10, 3, 5), torch.tensor([[1, 2, 3]])
    together, _ = model(tokens)
    hidden, steps = None, []
    for step in range(3):
        logits, hidden = model(tokens[:, step : step + 1], hidden)
        steps.append(logits)
    torch.testing.assert_close(torch.cat(steps, dim=1), together)


def test_a_low_temperature_draws_the_largest_logit():
    logits = torch.tensor([10.0, 20.0])
    assert all(then.draw_index(logits, 0.01) == 1 for _ in range(10))


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match=r"temperature is .*, must be above 0"):
        then.draw_index(torch.zeros(2), temperature)
