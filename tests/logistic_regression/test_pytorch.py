"""Logistic regression in PyTorch, level by level, against NumPy and one another."""

import re

import numpy as np
import pytest
import torch

from snippets.logistic_regression import (
    pytorch_autograd,
    pytorch_exercises,
    pytorch_manual,
    pytorch_minibatch,
    pytorch_module,
    pytorch_unstable,
    pytorch_use,
)
from snippets.logistic_regression.minibatches import iterate_minibatches

device = pytorch_manual.device
NUM_FEATURES = 3


@pytest.fixture
def arrays():
    """Thirty examples of two overlapping classes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, NUM_FEATURES)).astype(np.float32)
    y = (X[:, 0] + rng.normal(size=30) > 0).astype(np.float32)
    return X, y


@pytest.fixture
def tensors(arrays):
    return tuple(torch.tensor(array, device=device) for array in arrays)


@pytest.fixture
def parameters():
    weights = torch.tensor([0.5, -1.0, 2.0], device=device)
    return weights, torch.tensor(0.25, device=device)


@pytest.fixture
def model():
    return pytorch_module.LogisticRegression(NUM_FEATURES).to(device)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def to_numpy(tensor):
    return tensor.detach().cpu().numpy()


def cost_in_numpy(X, y, weights, bias):
    probas = sigmoid(X.astype(float) @ weights + bias)
    return -np.sum(y * np.log(probas) + (1 - y) * np.log(1 - probas))


def descend_in_numpy(X, y, num_epochs, learning_rate):
    weights, bias = np.zeros(X.shape[1]), 0.0
    for _ in range(num_epochs):
        errors = sigmoid(X.astype(float) @ weights + bias) - y
        weights -= learning_rate * X.T @ errors
        bias -= learning_rate * errors.sum()
    return weights, bias


def test_logits_match_numpy_and_have_shape_batch(arrays, tensors, parameters):
    logits = pytorch_manual.predict_logits(tensors[0], *parameters)
    assert logits.shape == (30,)
    assert logits.dtype == torch.float32
    expected = arrays[0] @ np.array([0.5, -1.0, 2.0]) + 0.25
    np.testing.assert_allclose(to_numpy(logits), expected, rtol=1e-4, atol=1e-5)


def test_cross_entropy_matches_the_textbook_formula(arrays, tensors, parameters):
    logits = pytorch_manual.predict_logits(tensors[0], *parameters)
    loss = pytorch_manual.cross_entropy(logits, tensors[1])
    assert loss.shape == ()
    expected = cost_in_numpy(*arrays, np.array([0.5, -1.0, 2.0]), 0.25)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_stays_finite_where_probabilities_round():
    logits = torch.tensor([100.0, -100.0, 200.0])
    right, wrong = torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0.0, 1.0, 0.0])
    assert pytorch_manual.cross_entropy(logits, right).item() == pytest.approx(0)
    assert pytorch_manual.cross_entropy(logits, wrong).item() == pytest.approx(400)


@pytest.mark.parametrize("function", ["cross_entropy", "accuracy"])
def test_shapes_that_would_broadcast_are_refused(function):
    logits, targets = torch.zeros(75), torch.zeros(75, 1)
    with pytest.raises(ValueError, match=re.escape("(75,) and (75, 1)")):
        getattr(pytorch_manual, function)(logits, targets)


def test_require_same_shape_lets_equal_shapes_pass():
    pytorch_manual.require_same_shape(torch.zeros(4, 1), torch.ones(4, 1))


def test_manual_gradients_match_autograd(tensors, parameters):
    features, targets = tensors
    weights, bias = (parameter.requires_grad_() for parameter in parameters)
    logits = pytorch_manual.predict_logits(features, weights, bias)
    loss = pytorch_manual.cross_entropy(logits, targets)
    expected = torch.autograd.grad(loss, [weights, bias])
    by_hand = pytorch_manual.gradients(features, targets, logits.detach())
    assert [grad.shape for grad in by_hand] == [(NUM_FEATURES,), ()]
    for grad, expected_grad in zip(by_hand, expected, strict=True):
        torch.testing.assert_close(grad, expected_grad)


def test_accuracy_counts_a_logit_of_zero_as_class_zero():
    logits = torch.tensor([-2.0, 0.0, 0.0, 3.0])
    targets = torch.tensor([0.0, 0.0, 1.0, 1.0])
    result = pytorch_manual.accuracy(logits, targets)
    assert isinstance(result, float)
    assert result == 0.75


def test_log_line_has_the_original_posts_format(capsys):
    pytorch_manual.print_epoch(1, 74 / 75, 5.5812)
    expected = "Epoch: 001 | Train ACC: 0.987 | Cost: 5.581\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    "train", [pytorch_manual.train_by_hand, pytorch_autograd.train_with_autograd]
)
def test_training_descends_as_numpy_does(train, arrays, tensors, capsys):
    weights, bias, costs = train(*tensors, num_epochs=5, learning_rate=0.1)
    expected_weights, expected_bias = descend_in_numpy(*arrays, 5, 0.1)
    assert (weights.shape, bias.shape) == ((NUM_FEATURES,), ())
    np.testing.assert_allclose(to_numpy(weights), expected_weights, rtol=1e-4)
    assert bias.item() == pytest.approx(expected_bias, rel=1e-4, abs=1e-5)
    lines = capsys.readouterr().out.splitlines()
    cost = cost_in_numpy(*arrays, expected_weights, expected_bias)
    assert len(lines) == len(costs) == 5
    assert costs[-1] == pytest.approx(cost, rel=1e-4)
    assert float(lines[-1].rpartition("Cost: ")[2]) == pytest.approx(cost, abs=2e-3)


def test_module_returns_zero_logits_of_shape_batch_at_the_start(model, tensors):
    logits = model(tensors[0])
    assert logits.shape == (30,)
    assert not logits.any()


def test_module_keeps_the_batch_axis_of_a_single_example(model, tensors):
    assert model(tensors[0][:1]).shape == (1,)


def test_modules_loss_is_the_cross_entropy_by_hand(tensors, parameters):
    logits = pytorch_manual.predict_logits(tensors[0], *parameters)
    expected = pytorch_manual.cross_entropy(logits, tensors[1])
    torch.testing.assert_close(pytorch_module.loss_fn(logits, tensors[1]), expected)


def test_evaluate_returns_accuracy_and_summed_cost(model, arrays, tensors):
    result = pytorch_module.evaluate(model, *tensors)
    assert all(isinstance(value, float) for value in result)
    assert result == pytest.approx((1 - arrays[1].mean(), 30 * np.log(2)))


def test_module_trains_as_by_hand(model, tensors, capsys):
    weights, bias, _ = pytorch_manual.train_by_hand(*tensors, 5, 0.1)
    by_hand = capsys.readouterr().out
    pytorch_module.train_module(model, *tensors, num_epochs=5, learning_rate=0.1)
    assert capsys.readouterr().out == by_hand
    torch.testing.assert_close(model.linear.weight[0], weights)
    torch.testing.assert_close(model.linear.bias[0], bias)


def test_minibatch_training_updates_after_each_batch(model, arrays):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    weights, bias, expected_costs = np.zeros(NUM_FEATURES), 0.0, []
    for X_batch, y_batch in iterate_minibatches(*arrays, batch_size=8, seed=1):
        expected_costs.append(cost_in_numpy(X_batch, y_batch, weights, bias))
        errors = sigmoid(X_batch @ weights + bias) - y_batch
        weights -= 0.05 * X_batch.T @ errors
        bias -= 0.05 * errors.sum()
    batches = iterate_minibatches(*arrays, batch_size=8, seed=1)
    costs = pytorch_minibatch.train_on_minibatches(model, optimizer, batches)
    assert len(costs) == 3
    assert costs == pytest.approx(expected_costs, rel=1e-4)
    np.testing.assert_allclose(to_numpy(model.linear.weight[0]), weights, rtol=1e-4)
    assert model.linear.bias.item() == pytest.approx(bias, rel=1e-4)


def test_cost_from_probabilities_is_right_until_it_is_nan():
    targets = torch.tensor([1.0, 0.0])
    unstable = pytorch_unstable.cross_entropy_from_probas
    moderate, extreme = torch.tensor([2.0, -1.0]), torch.tensor([40.0, -1.0])
    expected = pytorch_manual.cross_entropy(moderate, targets)
    torch.testing.assert_close(unstable(moderate, targets), expected)
    assert unstable(extreme, targets).isnan()
    assert pytorch_manual.cross_entropy(extreme, targets).isfinite()


def test_meets_nan_tells_the_two_costs_apart():
    features = torch.tensor([[-30.0], [30.0]], device=device)
    targets = torch.tensor([0.0, 1.0], device=device)
    from_probas = pytorch_unstable.cross_entropy_from_probas
    from_logits = pytorch_manual.cross_entropy
    assert pytorch_unstable.meets_nan(from_probas, features, targets, 5, 0.1)
    assert not pytorch_unstable.meets_nan(from_probas, features, targets, 1, 0.1)
    assert not pytorch_unstable.meets_nan(from_logits, features, targets, 50, 0.1)


@pytest.mark.parametrize(
    ("sepals", "species"),
    [([6.0, 2.5], "Iris versicolor"), ([5.0, 3.5], "Iris setosa")],
)
def test_predict_species_standardizes_and_names_the_likelier(sepals, species):
    model = pytorch_module.LogisticRegression(2).to(device)
    with torch.no_grad():
        model.linear.weight.copy_(torch.tensor([[4.0, -3.0]]))
        model.linear.bias.fill_(0.5)
    mean, std = np.array([5.4, 3.1]), np.array([0.6, 0.4])
    versicolor = sigmoid((np.array(sepals) - mean) / std @ [4, -3] + 0.5)
    name, proba = pytorch_use.predict_species(model, sepals, mean, std)
    assert name == species
    assert isinstance(proba, float)
    assert proba == pytest.approx(max(versicolor, 1 - versicolor), rel=1e-5)


def test_predict_species_refuses_a_third_measure():
    model = pytorch_module.LogisticRegression(2).to(device)
    with pytest.raises(ValueError, match="broadcast"):
        pytorch_use.predict_species(model, [6.0, 2.5, 1.4], np.zeros(2), np.ones(2))


@pytest.mark.parametrize("num_epochs", [1, 7])
def test_the_mean_at_n_times_the_rate_descends_as_the_sum(num_epochs, arrays, tensors):
    model = pytorch_exercises.fit_mean(*tensors, num_epochs, learning_rate=30 * 0.02)
    weights, bias = descend_in_numpy(*arrays, num_epochs, learning_rate=0.02)
    np.testing.assert_allclose(to_numpy(model.linear.weight[0]), weights, atol=1e-5)
    np.testing.assert_allclose(to_numpy(model.linear.bias), [bias], atol=1e-5)


def test_fit_mean_refuses_targets_of_another_shape(tensors):
    features, targets = tensors
    with pytest.raises(ValueError, match="size"):
        pytorch_exercises.fit_mean(features, targets[:, None], 1, 0.1)
