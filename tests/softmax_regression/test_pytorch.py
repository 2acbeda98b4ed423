"""Softmax regression in PyTorch, level by level, against NumPy and one another."""

import gzip
import re

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from snippets.softmax_regression import (
    data,
    pytorch_autograd,
    pytorch_manual,
    pytorch_module,
    pytorch_pitfalls,
    pytorch_use,
)
from snippets.softmax_regression.batches import draw_orders, split_batches

device = pytorch_manual.device
NUM_FEATURES, NUM_CLASSES = 12, 10
STEPS = [pytorch_manual.step_by_hand, pytorch_autograd.step_with_autograd]


@pytest.fixture
def arrays():
    """Fifty examples of ten classes, features (50, 12) and targets (50,)."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(50) % NUM_CLASSES)
    X = rng.normal(size=(50, NUM_FEATURES)) + y[:, None] / 5
    return X.astype(np.float32), y


@pytest.fixture
def tensors(arrays):
    return tuple(torch.tensor(array, device=device) for array in arrays)


@pytest.fixture
def parameters():
    """Weights (12, 10) and bias (10,) in NumPy's float32."""
    rng = np.random.default_rng(1)
    shapes = [(NUM_FEATURES, NUM_CLASSES), (NUM_CLASSES,)]
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.fixture
def model():
    return pytorch_module.SoftmaxRegression(NUM_FEATURES, NUM_CLASSES).to(device)


def to_tensors(*arrays, dtype=None):
    return [torch.tensor(array, dtype=dtype, device=device) for array in arrays]


def to_numpy(tensor):
    return tensor.detach().cpu().numpy()


def probas_in_numpy(X, weights, bias):
    powers = np.exp(X.astype(float) @ weights + bias)
    return powers / powers.sum(axis=1, keepdims=True)


def cost_in_numpy(X, y, weights, bias):
    return -np.log(probas_in_numpy(X, weights, bias)[np.arange(len(y)), y]).mean()


def descend_in_numpy(X, y, orders, batch_size, learning_rate):
    weights, bias = np.zeros((X.shape[1], NUM_CLASSES)), np.zeros(NUM_CLASSES)
    for order in orders:
        for i in range(0, len(order), batch_size):
            X_batch, y_batch = (
                X[order[i : i + batch_size]],
                y[order[i : i + batch_size]],
            )
            probas = probas_in_numpy(X_batch, weights, bias)
            errors = (probas - np.eye(NUM_CLASSES)[y_batch]) / len(y_batch)
            weights -= learning_rate * X_batch.T @ errors
            bias -= learning_rate * errors.sum(axis=0)
    return weights, bias


def central_differences(function, array, step=1e-6):
    """Return the gradient of a function of one array, each entry moved both ways."""
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        shift = np.zeros_like(array)
        shift[index] = step
        gradient[index] = (function(array + shift) - function(array - shift)) / 2 / step
    return gradient


def images_of(tensors):
    """The features as images of 3 x 4 pixels, with their targets."""
    return TensorDataset(tensors[0].reshape(-1, 1, 3, 4), tensors[1])


def test_logits_match_numpy_and_have_shape_batch_classes(arrays, tensors, parameters):
    logits = pytorch_manual.predict_logits(tensors[0], *to_tensors(*parameters))
    assert logits.shape == (50, NUM_CLASSES)
    assert logits.dtype == torch.float32
    assert logits.device.type == device.type
    expected = arrays[0].astype(float) @ parameters[0] + parameters[1]
    np.testing.assert_allclose(to_numpy(logits), expected, rtol=1e-4, atol=1e-4)


def test_softmax_matches_numpy_and_sums_to_one(arrays, tensors, parameters):
    logits = pytorch_manual.predict_logits(tensors[0], *to_tensors(*parameters))
    probas = pytorch_manual.softmax(logits)
    assert probas.shape == logits.shape
    expected = probas_in_numpy(arrays[0], *parameters)
    np.testing.assert_allclose(to_numpy(probas), expected, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(probas.sum(dim=1), torch.ones(50, device=device))


def test_softmax_and_loss_stay_finite_for_large_logits():
    logits = torch.tensor([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]])
    probas = pytorch_manual.softmax(logits)
    np.testing.assert_allclose(probas, [[1, 0, 0], [1 / 3] * 3], rtol=1e-6)
    loss = pytorch_manual.cross_entropy(logits, torch.tensor([2, 0]))
    assert loss.item() == pytest.approx((2e4 + np.log(3)) / 2)


def test_log_sum_exp_matches_torchs():
    logits = 30 * torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    result = pytorch_manual.log_sum_exp(logits)
    assert result.shape == (7,)
    torch.testing.assert_close(result, torch.logsumexp(logits, dim=1))


def test_cross_entropy_matches_numpy_and_torchs(arrays, tensors, parameters):
    logits = pytorch_manual.predict_logits(tensors[0], *to_tensors(*parameters))
    loss = pytorch_manual.cross_entropy(logits, tensors[1])
    assert loss.shape == ()
    assert loss.item() == pytest.approx(cost_in_numpy(*arrays, *parameters), rel=1e-5)
    torch.testing.assert_close(loss, pytorch_module.loss_fn(logits, tensors[1]))


def test_cross_entropy_is_log_of_the_number_of_classes_at_zero():
    loss = pytorch_manual.cross_entropy(torch.zeros(6, 10), torch.arange(6))
    assert loss.item() == pytest.approx(np.log(10))


@pytest.mark.parametrize(
    ("logits", "targets"), [((6, 10), (5,)), ((6, 10), (6, 1)), ((6,), (6,))]
)
def test_cross_entropy_refuses_shapes_that_do_not_match(logits, targets):
    with pytest.raises(ValueError, match=re.escape(f"{logits} and {targets}")):
        pytorch_manual.cross_entropy(torch.zeros(logits), torch.zeros(targets).long())


def test_manual_gradients_match_autograd(tensors, parameters):
    features, targets = tensors
    weights, bias = (x.requires_grad_() for x in to_tensors(*parameters))
    logits = pytorch_manual.predict_logits(features, weights, bias)
    loss = pytorch_manual.cross_entropy(logits, targets)
    expected = torch.autograd.grad(loss, [weights, bias])
    by_hand = pytorch_manual.gradients(features, targets, logits.detach())
    assert [grad.shape for grad in by_hand] == [(NUM_FEATURES, NUM_CLASSES), (10,)]
    for grad, expected_grad in zip(by_hand, expected, strict=True):
        assert grad.dtype == torch.float32
        torch.testing.assert_close(grad, expected_grad)


@pytest.mark.skipif(device.type == "mps", reason="MPS has no float64")
def test_manual_gradients_match_central_differences(arrays, parameters):
    X, y = arrays
    features, weights, bias = to_tensors(X, *parameters, dtype=torch.float64)
    (targets,) = to_tensors(y)

    def cost(weights, bias):
        logits = pytorch_manual.predict_logits(features, *to_tensors(weights, bias))
        return pytorch_manual.cross_entropy(logits, targets).item()

    logits = pytorch_manual.predict_logits(features, weights, bias)
    grads = pytorch_manual.gradients(features, targets, logits)
    weights, bias = (x.astype(np.float64) for x in parameters)
    expected = [
        central_differences(lambda changed: cost(changed, bias), weights),
        central_differences(lambda changed: cost(weights, changed), bias),
    ]
    for grad, expected_grad in zip(grads, expected, strict=True):
        assert grad.dtype == torch.float64
        np.testing.assert_allclose(to_numpy(grad), expected_grad, rtol=0, atol=1e-8)


@pytest.mark.parametrize("step", STEPS)
def test_step_moves_the_parameters_in_place(step, arrays, tensors, parameters):
    weights, bias = to_tensors(*parameters)
    step(*tensors, weights, bias, 0.5)
    X, y = arrays
    errors = (probas_in_numpy(X, *parameters) - np.eye(NUM_CLASSES)[y]) / len(y)
    expected = parameters[0] - 0.5 * X.T @ errors, parameters[1] - 0.5 * errors.sum(0)
    np.testing.assert_allclose(to_numpy(weights), expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(to_numpy(bias), expected[1], rtol=1e-4, atol=1e-5)


def test_step_with_autograd_makes_both_parameters_require_gradients(
    tensors, parameters
):
    weights, bias = to_tensors(*parameters)
    pytorch_autograd.step_with_autograd(*tensors, weights, bias, 0.5)
    assert weights.requires_grad
    assert bias.requires_grad
    assert weights.is_leaf


def test_accuracy_is_the_fraction_of_largest_logits_at_the_target():
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [-3.0, -2.0, -1.0]])
    result = pytorch_manual.accuracy(logits, torch.tensor([0, 1, 0]))
    assert isinstance(result, float)
    assert result == pytest.approx(2 / 3)


def test_evaluate_returns_accuracy_and_mean_cost(arrays, tensors, parameters):
    result = pytorch_manual.evaluate(*tensors, *to_tensors(*parameters))
    hits = probas_in_numpy(arrays[0], *parameters).argmax(axis=1) == arrays[1]
    expected = hits.mean(), cost_in_numpy(*arrays, *parameters)
    assert all(isinstance(value, float) for value in result)
    assert result == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("lowest", "highest"), [(0, 11), (-1, 9)])
def test_require_examples_names_targets_out_of_range(lowest, highest):
    targets = np.array([lowest, 4, highest])
    with pytest.raises(ValueError, match=f"targets are {lowest} to {highest}, must be"):
        pytorch_manual.require_examples(np.zeros((3, 2)), torch.tensor(targets), 10)


def test_require_examples_takes_what_is_in_range_and_refuses_what_is_missing():
    targets = torch.tensor(np.array([0, 4, 9]))
    pytorch_manual.require_examples(np.zeros((3, 2)), targets, 10)
    # No example of the first class, or the last.
    many = torch.tensor(np.arange(300) % 4 + 2)
    pytorch_manual.require_examples(np.zeros((300, 2)), many, 10)
    with pytest.raises(ValueError, match="4 features but 3 targets"):
        pytorch_manual.require_examples(np.zeros((4, 2)), targets, 10)


@pytest.mark.parametrize("bad", [-1, 10])
@pytest.mark.parametrize("step", STEPS)
def test_training_refuses_a_label_out_of_range_before_the_first_step(
    bad, step, tensors, capsys
):
    features, targets = tensors
    targets[7] = bad
    with pytest.raises(ValueError, match="must be 0 to 9"):
        pytorch_manual.train(step, features, targets, draw_orders(50, 1, 0), 8, 0.1)
    assert capsys.readouterr().out == ""


def test_training_refuses_a_missing_target(tensors):
    features, targets = tensors
    with pytest.raises(ValueError, match="50 features but 49 targets"):
        pytorch_manual.train(
            STEPS[0], features, targets[1:], draw_orders(50, 1, 0), 8, 1
        )


def test_training_refuses_a_batch_size_of_zero(tensors):
    with pytest.raises(ValueError, match="batch_size is 0"):
        pytorch_manual.train(STEPS[0], *tensors, draw_orders(50, 1, 0), 0, 0.1)


@pytest.mark.parametrize("step", STEPS)
def test_training_descends_as_numpy_does(step, arrays, tensors, capsys):
    orders = draw_orders(50, 3, seed=5)
    weights, bias = pytorch_manual.train(step, *tensors, orders, 8, 0.1)
    expected_weights, expected_bias = descend_in_numpy(*arrays, orders, 8, 0.1)
    np.testing.assert_allclose(to_numpy(weights), expected_weights, atol=1e-5)
    np.testing.assert_allclose(to_numpy(bias), expected_bias, atol=1e-5)
    lines = capsys.readouterr().out.splitlines()
    cost = cost_in_numpy(*arrays, expected_weights, expected_bias)
    assert len(lines) == 4
    assert lines[0] == "First cost: 2.3026"
    assert lines[3].startswith("Epoch: 003/003 | Train ACC: ")
    assert float(lines[3].rpartition("Cost: ")[2]) == pytest.approx(cost, abs=2e-4)


def test_module_returns_zero_logits_at_the_start(model):
    logits = model(torch.rand(5, 1, 3, 4, device=device))
    assert logits.shape == (5, NUM_CLASSES)
    assert not logits.any()


def test_evaluate_module_weighs_the_smaller_last_batch(model, arrays, tensors):
    with torch.no_grad():
        model.linear.weight.copy_(tensors[0][:NUM_CLASSES])
    loader = pytorch_module.load_batches(images_of(tensors), np.arange(50), 16)
    result = pytorch_module.evaluate_module(model, loader)
    weights, bias = arrays[0][:NUM_CLASSES].T, np.zeros(NUM_CLASSES)
    hits = probas_in_numpy(arrays[0], weights, bias).argmax(axis=1) == arrays[1]
    expected = hits.mean(), cost_in_numpy(*arrays, weights, bias)
    assert result == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "load", [pytorch_module.load_images, pytorch_module.load_batches]
)
def test_both_loaders_keep_the_order_and_the_last_batch(load, tensors):
    order = draw_orders(50, 1, seed=2)[0]
    loaded = list(load(images_of(tensors), order, 16))
    assert [len(targets) for _, targets in loaded] == [16, 16, 16, 2]
    for (images, targets), batch in zip(loaded, split_batches(order, 16), strict=True):
        assert images.shape[1:] == (1, 3, 4)
        torch.testing.assert_close(images.flatten(1), tensors[0][batch], rtol=0, atol=0)
        assert targets.tolist() == tensors[1][batch].tolist()


def test_module_trains_as_by_hand(tensors, capsys):
    orders = draw_orders(50, 3, seed=5)
    weights, bias = pytorch_manual.train(STEPS[0], *tensors, orders, 8, 0.1)
    by_hand = capsys.readouterr().out
    models = []
    for load in (pytorch_module.load_images, pytorch_module.load_batches):
        model = pytorch_module.SoftmaxRegression(NUM_FEATURES, NUM_CLASSES).to(device)
        pytorch_module.train_module(model, load, images_of(tensors), orders, 8, 0.1)
        assert capsys.readouterr().out == by_hand
        torch.testing.assert_close(model.linear.weight.T, weights)
        torch.testing.assert_close(model.linear.bias, bias)
        models.append(model)
    assert torch.equal(models[0].linear.weight, models[1].linear.weight)


@pytest.mark.parametrize("bad", [-1, 11])
@pytest.mark.parametrize(
    "load", [pytorch_module.load_images, pytorch_module.load_batches]
)
def test_module_refuses_a_label_out_of_range_before_the_first_step(
    load, bad, model, tensors, capsys
):
    tensors[1][43] = bad
    with pytest.raises(ValueError, match=r"targets are .*, must be 0 to 9"):
        pytorch_module.train_module(
            model, load, images_of(tensors), draw_orders(50, 1, 0), 8, 0.1
        )
    assert capsys.readouterr().out == ""
    assert not model.linear.weight.any()


def test_targets_of_both_kinds_of_dataset(tensors):
    class Dataset:
        targets = torch.arange(3)

    assert pytorch_module.targets_of(images_of(tensors)) is tensors[1]
    assert pytorch_module.targets_of(Dataset()) is Dataset.targets


def test_torchvision_reads_the_bytes_that_we_read(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (7, 28, 28), dtype=np.uint8)
    labels = np.arange(7, dtype=np.uint8)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, array in zip(data.MNIST_SHA256, [images, labels] * 2, strict=True):
        lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
        content = bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()
        (raw / name.removesuffix(".gz")).write_bytes(content)  # unpacked
        (raw / name).write_bytes(gzip.compress(content))
    for train in (True, False):
        dataset = pytorch_module.open_images(train, folder=tmp_path)
        assert [label for _, label in dataset] == labels.tolist()
        assert pytorch_module.targets_of(dataset).tolist() == labels.tolist()
        found = torch.stack([image for image, _ in dataset])
        assert found.shape == (7, 1, 28, 28)
        np.testing.assert_array_equal(found.flatten(1), data.to_features(images))
    np.testing.assert_array_equal(
        data.read_idx(raw / "train-images-idx3-ubyte.gz", 3), images
    )


def test_time_pass_takes_every_batch():
    taken = []
    seconds = pytorch_module.time_pass(taken.append(x) or x for x in range(5))
    assert taken == [0, 1, 2, 3, 4]
    assert 0 <= seconds < 1


def test_largest_difference():
    one, other = torch.tensor([1.0, 2.0]), torch.tensor([1.5, -1.0])
    assert pytorch_use.largest_difference(one, other) == 3.0


def test_unshifted_softmax_is_right_until_it_is_nan():
    unshifted = pytorch_pitfalls.softmax_unshifted
    moderate, large = torch.tensor([[2.0, 1.0, -3.0]]), torch.tensor([[89.0, 1.0, 0.0]])
    torch.testing.assert_close(unshifted(moderate), pytorch_manual.softmax(moderate))
    assert unshifted(large).isnan().any()
    assert not unshifted(large - 1).isnan().any()


def test_a_step_from_probabilities_is_another_and_smaller_step(tensors):
    steps = []
    for step in (STEPS[1], pytorch_pitfalls.step_from_probas):
        weights = torch.zeros(NUM_FEATURES, NUM_CLASSES, device=device)
        step(*tensors, weights, torch.zeros(NUM_CLASSES, device=device), 0.1)
        steps.append(weights.detach())
    assert 0 < steps[1].norm() < steps[0].norm() / 5
