"""Softmax regression: both frameworks, level by level, against NumPy and each other.

What only one of them has stands at the end.
"""

import re
from importlib import import_module

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from snippets.softmax_regression import data
from snippets.softmax_regression.data import draw_orders, split_batches
from tests.frameworks import load, twins
from tests.gradients import (
    assert_same,
    assert_within_reach,
    central_differences,
    exact_gradients,
    examples,
    make_examples,
    many,
)

READS = ["snippets/softmax_regression"]

NUM_FEATURES, NUM_CLASSES = 12, 10
WAYS = ["by hand", "automatically"]


def module(name):
    """Return a module of the chapter."""
    return import_module(f"snippets.softmax_regression.{name}")


class Chapter:
    """The chapter's modules of one framework, and what is said otherwise in each."""

    def __init__(self, name):
        self.framework = load(name)
        self.manual, self.more = module(f"{name}_manual"), module(f"{name}_more")
        self.numpy = self.framework.numpy

    def tensor(self, array):
        """Return an array as a tensor: labels are integers, all else is float32."""
        whole = np.issubdtype(np.asarray(array).dtype, np.integer)
        return self.framework.tensor(array, "int64" if whole else "float32")

    def tensors(self, *arrays):
        """Return arrays as tensors."""
        return [self.tensor(x) for x in arrays]

    def numbers(self, *tensors):
        """Return tensors as NumPy arrays."""
        return [self.numpy(x) for x in tensors]

    def on_cpu(self):
        """Return the chapter as it is without an accelerator."""
        return self


class InPyTorch(Chapter):
    """In PyTorch."""

    image_shape = 1, 3, 4

    def __init__(self):
        super().__init__("pytorch")
        self.layers, self.torch = module("pytorch_module"), self.framework.torch
        step = self.manual.step_with_autograd
        self.steps = {"by hand": self.manual.step_by_hand, "automatically": step}
        self.loss = self.layers.loss_fn
        self.variables, self.log_sum_exp = self.tensors, self.torch.logsumexp

    def on_cpu(self):
        """Return the chapter as it is without an accelerator."""
        other = InPyTorch()
        other.framework.device = self.torch.device("cpu")
        return other

    def build(self):
        """Return the model made of layers."""
        model = self.layers.SoftmaxRegression(NUM_FEATURES, NUM_CLASSES)
        return model.to(self.framework.device)

    def parameters(self, model):
        """Return a model's weights (num_features, num_classes) and bias."""
        return self.numbers(model.linear.weight.T, model.linear.bias)

    def dataset(self, images, targets):
        """Return images of bytes and their targets as the loaders take them."""
        pixels = data.to_features(images).reshape(-1, 1, *images.shape[1:])
        tensors = self.torch.from_numpy(pixels), self.torch.from_numpy(targets)
        return self.torch.utils.data.TensorDataset(*tensors)

    def sampler(self, order):
        """Return an order of indices as the loaders take it."""
        return order.tolist()


class InTensorFlow(Chapter):
    """In TensorFlow."""

    image_shape = 3, 4

    def __init__(self):
        super().__init__("tensorflow")
        self.layers, self.tf = module("tensorflow_keras"), self.framework.tf
        step = self.manual.step_with_tape
        self.steps = {"by hand": self.manual.step_by_hand, "automatically": step}
        self.log_sum_exp = self.tf.reduce_logsumexp

    def loss(self, logits, targets):
        """Return Keras' loss."""
        return self.layers.loss_fn(targets, logits)

    def variables(self, *arrays):
        """Return arrays as what a step moves."""
        return [self.tf.Variable(x) for x in self.tensors(*arrays)]

    def build(self):
        """Return the model made of layers."""
        return self.layers.build_softmax_regression(3, 4, NUM_CLASSES)

    def parameters(self, model):
        """Return a model's weights (num_features, num_classes) and bias."""
        return model.get_weights()

    def dataset(self, images, targets):
        """Return images of bytes and their targets as the loaders take them."""
        pixels = data.to_features(images).reshape(images.shape)
        return self.tf.constant(pixels), self.tensor(targets)

    def sampler(self, order):
        """Return an order of indices as the loaders take it."""
        return self.tf.data.Dataset.from_tensor_slices(order)


chapter, pytorch, tensorflow = twins(InPyTorch, InTensorFlow)


@pytest.fixture(scope="module")
def on_cpu(chapter):
    """The chapter on the CPU, for what is a matter of formulas: some lack float64."""
    return chapter.on_cpu()


@pytest.fixture
def arrays():
    """Fifty examples of ten classes, features (50, 12) and targets (50,)."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(50) % NUM_CLASSES)
    X = rng.normal(size=(50, NUM_FEATURES)) + y[:, None] / 5
    return X.astype(np.float32), y


@pytest.fixture
def parameters():
    """Weights (12, 10) and bias (10,) in NumPy's float32."""
    rng = np.random.default_rng(1)
    shapes = [(NUM_FEATURES, NUM_CLASSES), (NUM_CLASSES,)]
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.fixture
def images():
    """Fifty images of 3 x 4 bytes, with their targets."""
    pixels = np.random.default_rng(3).integers(0, 256, (50, 3, 4), dtype=np.uint8)
    return pixels, np.arange(50) % NUM_CLASSES


@pytest.fixture
def tensors(chapter, arrays):
    return chapter.tensors(*arrays)


@pytest.fixture
def logits(chapter, tensors, parameters):
    """The logits of the fifty examples."""
    return chapter.manual.predict_logits(tensors[0], *chapter.tensors(*parameters))


@pytest.fixture
def model(chapter):
    return chapter.build()


def probas_in_numpy(X, weights, bias):
    powers = np.exp(X.astype(float) @ weights + bias)
    return powers / powers.sum(axis=1, keepdims=True)


def cost_in_numpy(X, y, weights, bias):
    return -np.log(probas_in_numpy(X, weights, bias)[np.arange(len(y)), y]).mean()


def results_in_numpy(X, y, weights, bias):
    """Return accuracy and mean cost."""
    hits = probas_in_numpy(X, weights, bias).argmax(axis=1) == y
    return hits.mean(), cost_in_numpy(X, y, weights, bias)


def descend_in_numpy(X, y, orders, batch_size, learning_rate):
    weights, bias = np.zeros((X.shape[1], NUM_CLASSES)), np.zeros(NUM_CLASSES)
    for order in orders:
        for i in range(0, len(order), batch_size):
            batch = order[i : i + batch_size]
            errors = probas_in_numpy(X[batch], weights, bias)
            errors = (errors - np.eye(NUM_CLASSES)[y[batch]]) / len(batch)
            weights -= learning_rate * X[batch].T @ errors
            bias -= learning_rate * errors.sum(axis=0)
    return weights, bias


# --- by hand


def test_logits_match_numpy_and_have_shape_batch_classes(
    chapter, arrays, tensors, parameters, logits
):
    assert logits.shape == (50, NUM_CLASSES)
    assert logits.dtype == tensors[0].dtype
    assert logits.device == tensors[0].device
    expected = arrays[0].astype(float) @ parameters[0] + parameters[1]
    np.testing.assert_allclose(chapter.numpy(logits), expected, rtol=1e-4, atol=1e-4)


def test_softmax_matches_numpy_and_sums_to_one(chapter, arrays, parameters, logits):
    probas = chapter.manual.softmax(logits)
    assert probas.shape == logits.shape
    found = chapter.numpy(probas)
    expected = probas_in_numpy(arrays[0], *parameters)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), np.ones(50), rtol=1e-5)


def test_softmax_and_loss_stay_finite_for_large_logits(chapter):
    logits = chapter.tensor([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]])
    probas = chapter.numpy(chapter.manual.softmax(logits))
    np.testing.assert_allclose(probas, [[1, 0, 0], [1 / 3] * 3], rtol=1e-6)
    loss = chapter.manual.cross_entropy(logits, chapter.tensor([2, 0]))
    assert float(loss) == pytest.approx((2e4 + np.log(3)) / 2)


def test_log_sum_exp_matches_the_frameworks(chapter):
    logits = chapter.tensor(30 * np.random.default_rng(0).normal(size=(7, 4)))
    result = chapter.manual.log_sum_exp(logits)
    assert result.shape == (7,)
    found, expected = chapter.numbers(result, chapter.log_sum_exp(logits, 1))
    np.testing.assert_allclose(found, expected, rtol=1.3e-6, atol=1e-5)


def test_cross_entropy_matches_numpy_and_the_frameworks(
    chapter, arrays, tensors, parameters, logits
):
    loss = chapter.manual.cross_entropy(logits, tensors[1])
    assert loss.shape == ()
    assert float(loss) == pytest.approx(cost_in_numpy(*arrays, *parameters), rel=1e-5)
    expected = float(chapter.loss(logits, tensors[1]))
    assert float(loss) == pytest.approx(expected, rel=1.3e-6, abs=1e-5)


def test_cross_entropy_is_log_of_the_number_of_classes_at_zero(chapter):
    zeros, targets = chapter.tensors(np.zeros((6, 10)), np.arange(6))
    loss = chapter.manual.cross_entropy(zeros, targets)
    assert float(loss) == pytest.approx(np.log(10))


@pytest.mark.parametrize(
    ("logits", "targets"), [((6, 10), (5,)), ((6, 10), (6, 1)), ((6,), (6,))]
)
def test_cross_entropy_refuses_shapes_that_do_not_match(chapter, logits, targets):
    tensors = chapter.tensors(np.zeros(logits), np.zeros(targets, int))
    with pytest.raises(ValueError, match=re.escape(f"{logits} and {targets}")):
        chapter.manual.cross_entropy(*tensors)


def test_empty_batch_is_refused(chapter):
    shapes = (0, 3), (0, 2)
    features, logits = chapter.tensors(*(np.zeros(shape) for shape in shapes))
    targets = chapter.tensor(np.zeros(0, int))
    with pytest.raises(ValueError, match="the batch is empty"):
        chapter.manual.cross_entropy(logits, targets)
    with pytest.raises(ValueError, match="the batch is empty"):
        chapter.manual.gradients(features, targets, logits)


def test_targets_in_a_column_have_no_gradient(chapter):
    features, column = chapter.tensors(np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="do not match in shape"):
        chapter.manual.gradients(features, column, column)


def test_gradients_by_hand_match_the_frameworks(chapter, tensors, parameters, logits):
    features, targets = tensors

    def cost(weights, bias):
        logits = chapter.manual.predict_logits(features, weights, bias)
        return chapter.manual.cross_entropy(logits, targets)

    by_hand = chapter.manual.gradients(features, targets, logits)
    assert [tuple(x.shape) for x in by_hand] == [(NUM_FEATURES, NUM_CLASSES), (10,)]
    expected = chapter.framework.slopes(cost, parameters)
    for grad, right in zip(chapter.numbers(*by_hand), expected, strict=True):
        assert grad.dtype == np.float32
        np.testing.assert_allclose(grad, right, rtol=1e-5, atol=1e-6)


def in_float64(chapter, case):
    """Return a case's gradients by hand, and its cost as a function of the rest."""
    tensor, manual = chapter.framework.tensor, chapter.manual
    features, targets = tensor(case.features, "float64"), tensor(case.targets, "int64")
    weights, bias = (tensor(x, "float64") for x in case[2:])
    logits = manual.predict_logits(features, weights, bias)
    found = chapter.numbers(*manual.gradients(features, targets, logits))

    def cost(weights, bias):
        logits = manual.predict_logits(features, weights, bias)
        return manual.cross_entropy(logits, targets)

    return found, cost


@many
@given(case=examples(num_classes=st.integers(1, 5), largest=0.9))
@example(case=make_examples(3, 2, num_classes=1, scale=1, size=1, seed=0))
@example(case=make_examples(1, 1, num_classes=4, scale=1, size=1, seed=0))
@example(case=make_examples(50, 12, num_classes=10, scale=1, size=5, seed=0))
def test_gradient_is_what_differences_find(on_cpu, case):
    found, cost = in_float64(on_cpu, case)
    assert_same(found, exact_gradients(*case))
    assert_same(found, on_cpu.framework.slopes(cost, case[2:]))

    def moved(*arrays):
        return cost(*(on_cpu.framework.tensor(x, "float64") for x in arrays))

    assert_same(found, central_differences(moved, case[2:]))


@many
@given(case=examples(num_classes=st.integers(1, 5), largest=4))
def test_gradient_at_any_logit(on_cpu, case):
    found, cost = in_float64(on_cpu, case)
    assert_within_reach(found, exact_gradients(*case), case.features)
    slopes = on_cpu.framework.slopes(cost, case[2:])
    assert_within_reach(found, slopes, case.features)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_is_right_at_logits_of_ten_thousand(on_cpu, dtype):
    logits = 1e4 * np.array([[1, -1], [-1, 1], [1, 1], [-1, -1]], dtype)
    features = on_cpu.framework.tensor([[1], [2], [3], [5]], dtype)
    targets = on_cpu.tensor([0, 0, 1, 1])
    errors = np.array([[0, 0], [-1, 1], [0.5, -0.5], [0.5, -0.5]]) / 4

    def cost(logits):
        return on_cpu.manual.cross_entropy(logits, targets)

    tensor = on_cpu.framework.tensor(logits, dtype)
    assert float(cost(tensor)) == pytest.approx((2e4 + 2 * np.log(2)) / 4)
    (found,) = on_cpu.framework.slopes(cost, [logits])
    np.testing.assert_allclose(found, errors, rtol=0, atol=1e-7)
    by_hand = on_cpu.manual.gradients(features, targets, tensor)
    assert by_hand[0].dtype == by_hand[1].dtype == features.dtype
    by_weights, by_bias = on_cpu.numbers(*by_hand)
    assert by_weights.tolist() == [[0.5, -0.5]]
    assert by_bias.tolist() == [0, 0]


@pytest.mark.parametrize("way", WAYS)
def test_step_moves_the_parameters_in_place(chapter, way, arrays, tensors, parameters):
    moved = chapter.variables(*parameters)
    chapter.steps[way](*tensors, *moved, 0.5)
    X, y = arrays
    errors = (probas_in_numpy(X, *parameters) - np.eye(NUM_CLASSES)[y]) / len(y)
    expected = parameters[0] - 0.5 * X.T @ errors, parameters[1] - 0.5 * errors.sum(0)
    for found, right in zip(chapter.numbers(*moved), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-5)


def test_accuracy_is_the_fraction_of_largest_logits_at_the_target(chapter):
    logits = chapter.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [-3.0, -2.0, -1.0]])
    result = chapter.manual.accuracy(logits, chapter.tensor([0, 1, 0]))
    assert isinstance(result, float)
    assert result == pytest.approx(2 / 3)


def test_evaluate_returns_accuracy_and_mean_cost(chapter, arrays, tensors, parameters):
    result = chapter.manual.evaluate(*tensors, *chapter.tensors(*parameters))
    assert all(isinstance(value, float) for value in result)
    assert result == pytest.approx(results_in_numpy(*arrays, *parameters), rel=1e-5)


@pytest.mark.parametrize(("lowest", "highest"), [(0, 11), (-1, 9)])
def test_require_examples_names_targets_out_of_range(chapter, lowest, highest):
    targets = chapter.tensor([lowest, 4, highest])
    with pytest.raises(ValueError, match=f"targets are {lowest} to {highest}, must be"):
        chapter.manual.require_examples(np.zeros((3, 2)), targets, 10)


def test_require_examples_takes_what_is_in_range_and_refuses_what_is_missing(chapter):
    targets = chapter.tensor([0, 4, 9])
    chapter.manual.require_examples(np.zeros((3, 2)), targets, 10)
    # No example of the first class, or the last.
    middle = chapter.tensor(np.arange(300) % 4 + 2)
    chapter.manual.require_examples(np.zeros((300, 2)), middle, 10)
    with pytest.raises(ValueError, match="4 features but 3 targets"):
        chapter.manual.require_examples(np.zeros((4, 2)), targets, 10)


@pytest.mark.parametrize("bad", [-1, 10])
@pytest.mark.parametrize("way", WAYS)
def test_training_refuses_a_label_out_of_range_before_the_first_step(
    chapter, way, bad, arrays, capsys
):
    arrays[1][7] = bad
    features, targets = chapter.tensors(*arrays)
    orders, step = draw_orders(50, 1, 0), chapter.steps[way]
    with pytest.raises(ValueError, match="must be 0 to 9"):
        chapter.manual.train(step, features, targets, orders, 8, 0.1)
    assert capsys.readouterr().out == ""


def test_training_refuses_a_missing_target(chapter, tensors):
    features, targets = tensors
    orders, step = draw_orders(50, 1, 0), chapter.steps["by hand"]
    with pytest.raises(ValueError, match="50 features but 49 targets"):
        chapter.manual.train(step, features, targets[1:], orders, 8, 0.1)


def test_training_refuses_a_batch_size_of_zero(chapter, tensors):
    orders, step = draw_orders(50, 1, 0), chapter.steps["by hand"]
    with pytest.raises(ValueError, match="batch_size is 0"):
        chapter.manual.train(step, *tensors, orders, 0, 0.1)


@pytest.mark.parametrize("way", WAYS)
def test_training_descends_as_numpy_does(chapter, way, arrays, tensors, capsys):
    orders = draw_orders(50, 3, seed=5)
    trained = chapter.manual.train(chapter.steps[way], *tensors, orders, 8, 0.1)
    expected = descend_in_numpy(*arrays, orders, 8, 0.1)
    for found, right in zip(chapter.numbers(*trained), expected, strict=True):
        np.testing.assert_allclose(found, right, atol=1e-5)
    lines = capsys.readouterr().out.splitlines()
    cost = cost_in_numpy(*arrays, *expected)
    assert len(lines) == 4
    assert lines[0] == "First cost: 2.3026"
    assert lines[3].startswith("Epoch: 003/003 | Train ACC: ")
    assert float(lines[3].rpartition("Cost: ")[2]) == pytest.approx(cost, abs=2e-4)


def test_finite_differences_move_every_parameter_back(on_cpu, arrays):
    tensor = on_cpu.framework.tensor
    features, targets = tensor(arrays[0][:9, :4], "float64"), on_cpu.tensor([1] * 9)
    rng = np.random.default_rng(2)
    start = rng.normal(size=(4, 3)), rng.normal(size=3)
    moved = [tensor(x.copy(), "float64") for x in start]
    if hasattr(on_cpu, "tf"):
        moved = [on_cpu.tf.Variable(x) for x in moved]
    found = on_cpu.manual.finite_differences(features, targets, *moved)
    logits = on_cpu.manual.predict_logits(features, *moved)
    expected = on_cpu.manual.gradients(features, targets, logits)
    for one, other in zip(found, on_cpu.numbers(*expected), strict=True):
        np.testing.assert_allclose(np.asarray(one), other, rtol=0, atol=1e-8)
    for one, other in zip(on_cpu.numbers(*moved), start, strict=True):
        np.testing.assert_array_equal(one, other)


# --- with layers and a loader


def test_batches_keep_the_order_and_the_last_batch(chapter, images):
    order = draw_orders(50, 1, seed=2)[0]
    loaded = chapter.layers.load_batches(
        chapter.dataset(*images), chapter.sampler(order), 16
    )
    assert [len(targets) for _, targets in loaded] == [16, 16, 16, 2]
    for tensors, batch in zip(loaded, split_batches(order, 16), strict=True):
        pixels, targets = chapter.numbers(*tensors)
        assert pixels.shape[1:] == chapter.image_shape
        assert pixels.dtype == np.float32
        expected = data.to_features(images[0][batch])
        np.testing.assert_array_equal(pixels.reshape(-1, 12), expected)
        np.testing.assert_array_equal(targets, images[1][batch])


def test_layers_train_as_by_hand_and_report_each_epoch(chapter, images, model):
    order = draw_orders(50, 1, seed=5)[0]
    part = images[0][:21], images[1][:21]
    dataset, load = chapter.dataset(*images), chapter.layers.load_batches
    ordered, whole = chapter.sampler(order), chapter.sampler(np.arange(21))
    loader, valid_loader = load(dataset, ordered, 8), load(dataset, whole, 8)
    history = chapter.layers.fit(model, loader, valid_loader, 3, 0.1)
    X, y = data.to_features(images[0]).astype(float), images[1]
    orders = np.stack([order] * 3)
    trained = descend_in_numpy(X, y, orders, 8, 0.1)
    for found, right in zip(chapter.parameters(model), trained, strict=True):
        np.testing.assert_allclose(found, right, atol=1e-6)
    assert len(history) == 3
    valid = results_in_numpy(data.to_features(part[0]), part[1], *trained)
    assert history[-1][1:] == pytest.approx(valid, abs=1e-6)
    before, cost = descend_in_numpy(X, y, orders[:2], 8, 0.1), 0
    for batch in split_batches(order, 8):
        cost += len(batch) * cost_in_numpy(X[batch], y[batch], *before)
        step = descend_from(*before, X[batch], y[batch], 0.1)
        before = step
    assert history[-1][0] == pytest.approx(cost / 50, abs=1e-6)


def descend_from(weights, bias, X, y, learning_rate):
    """Return the parameters after one step on one batch."""
    errors = (probas_in_numpy(X, weights, bias) - np.eye(NUM_CLASSES)[y]) / len(y)
    return weights - learning_rate * X.T @ errors, bias - learning_rate * errors.sum(0)


def test_model_returns_zero_logits_at_the_start(chapter, model, images):
    dataset, sampler = chapter.dataset(*images), chapter.sampler(np.arange(50))
    (pixels, _), *_ = chapter.layers.load_batches(dataset, sampler, 5)
    if hasattr(chapter, "torch"):
        pixels = pixels.to(chapter.framework.device)
    logits = model(pixels)
    assert logits.shape == (5, NUM_CLASSES)
    assert not chapter.numpy(logits).any()


def test_time_pass_takes_every_batch(chapter):
    taken = []
    seconds = chapter.layers.time_pass(taken.append(x) or x for x in range(5))
    assert taken == [0, 1, 2, 3, 4]
    assert 0 <= seconds < 1


# --- the fast way


@pytest.mark.parametrize("batch_size", [10, 16, 50, 64])
def test_fast_way_trains_and_prints_as_by_hand(chapter, batch_size, tensors, capsys):
    orders, step = draw_orders(50, 4, 1), chapter.steps["by hand"]
    by_hand = chapter.manual.train(step, *tensors, orders, batch_size, 0.1)
    lines = capsys.readouterr().out.splitlines()[1:]  # the first has no epoch
    fast = chapter.more.train_fast(*tensors, orders, batch_size, 0.1)
    assert capsys.readouterr().out.splitlines() == lines
    for found, right in zip(fast, chapter.numbers(*by_hand), strict=True):
        np.testing.assert_allclose(chapter.numpy(found), right, atol=1e-6, rtol=1e-5)


def test_fast_way_survives_large_logits(chapter, tensors, capsys):
    features, targets = tensors
    orders = draw_orders(50, 2, 1)
    fast = chapter.more.train_fast(1e4 * features, targets, orders, 10, 1.0)
    assert all(np.isfinite(x).all() for x in chapter.numbers(*fast))
    assert re.search(r"Cost: \d", capsys.readouterr().out)


@pytest.mark.parametrize("label", [-1, 10])
def test_fast_way_refuses_a_label_out_of_range(chapter, label, arrays, capsys):
    arrays[1][3] = label
    orders = draw_orders(50, 1, 1)
    with pytest.raises(ValueError, match=f"{label}"):
        chapter.more.train_fast(*chapter.tensors(*arrays), orders, 10, 0.1)
    assert not capsys.readouterr().out


# --- pitfalls


def test_unshifted_softmax_is_right_until_it_is_nan(chapter):
    unshifted = chapter.more.softmax_unshifted
    moderate, large = chapter.tensors([[2.0, 1.0, -3.0]], [[89.0, 1.0, 0.0]])
    expected = chapter.numpy(chapter.manual.softmax(moderate))
    np.testing.assert_allclose(
        chapter.numpy(unshifted(moderate)), expected, rtol=1.3e-6, atol=1e-5
    )
    assert np.isnan(chapter.numpy(unshifted(large))).any()
    assert not np.isnan(chapter.numpy(unshifted(large - 1))).any()


def test_a_step_from_probabilities_is_another_and_smaller_step(chapter, tensors):
    steps = []
    for step in (chapter.steps["automatically"], chapter.more.step_from_probas):
        zeros = np.zeros((NUM_FEATURES, NUM_CLASSES)), np.zeros(NUM_CLASSES)
        weights, bias = chapter.variables(*zeros)
        step(*tensors, weights, bias, 0.1)
        steps.append(np.linalg.norm(chapter.numpy(weights)))
    assert 0 < steps[1] < steps[0] / 5


# --- PyTorch's own


def test_step_with_autograd_makes_both_parameters_require_gradients(
    pytorch, arrays, parameters
):
    weights, bias = pytorch.tensors(*parameters)
    pytorch.manual.step_with_autograd(*pytorch.tensors(*arrays), weights, bias, 0.5)
    assert weights.requires_grad
    assert bias.requires_grad
    assert weights.is_leaf


def test_evaluate_module_weighs_the_smaller_last_batch(pytorch, images):
    model, dataset = pytorch.build(), pytorch.dataset(*images)
    X = data.to_features(images[0])
    with pytorch.torch.no_grad():
        model.linear.weight.copy_(pytorch.tensor(X[:NUM_CLASSES]))
    loader = pytorch.layers.load_batches(dataset, range(50), 16)
    model.train()
    result = pytorch.layers.evaluate_module(model, loader)
    assert not model.training
    expected = results_in_numpy(X, images[1], X[:NUM_CLASSES].T, np.zeros(NUM_CLASSES))
    assert result == pytest.approx(expected, rel=1e-4)


def test_model_is_in_training_mode_in_each_epoch(pytorch, images):
    modes, model = [], pytorch.build()
    model.register_forward_hook(lambda model, *_: modes.append(model.training))
    loader = pytorch.layers.load_batches(pytorch.dataset(*images), range(50), 50)
    pytorch.layers.fit(model, loader, loader, 2, 0.1)
    assert modes == [True, False, True, False]


def test_whole_batches_are_those_of_a_shuffling_loader(pytorch, images):
    data_tools, dataset = pytorch.torch.utils.data, pytorch.dataset(*images)
    first, second = (pytorch.torch.Generator().manual_seed(3) for _ in range(2))
    by_image = data_tools.DataLoader(
        dataset, batch_size=16, shuffle=True, generator=first
    )
    sampler = data_tools.RandomSampler(dataset, generator=second)
    by_batch = pytorch.layers.load_batches(dataset, sampler, 16, second)
    for _ in range(2):
        for one, other in zip(by_image, by_batch, strict=True):
            assert all(map(pytorch.torch.equal, one, other))
