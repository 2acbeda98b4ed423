"""Logistic regression: both frameworks, level by level, against NumPy and each other.

What only one of them has stands at the end.
"""

import re
from importlib import import_module

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from snippets.logistic_regression.data import iterate_post_minibatches
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

READS = ["snippets/logistic_regression"]

NUM_FEATURES = 3
WEIGHTS, BIAS = np.array([0.5, -1.0, 2.0]), 0.25


def module(name):
    """Return a module of the chapter."""
    return import_module(f"snippets.logistic_regression.{name}")


class Chapter:
    """The chapter's modules of one framework, and what is said otherwise in each."""

    def __init__(self, name):
        self.framework = load(name)
        self.manual, self.more = module(f"{name}_manual"), module(f"{name}_more")
        self.tensor, self.numpy = self.framework.tensor, self.framework.numpy

    def numbers(self, *tensors):
        """Return tensors as NumPy arrays."""
        return [self.numpy(x) for x in tensors]


class InPyTorch(Chapter):
    """In PyTorch."""

    def __init__(self):
        super().__init__("pytorch")
        self.layers = module("pytorch_module")
        self.train_automatically = self.manual.train_with_autograd
        self.loss = self.layers.loss_fn

    def build(self, num_features=NUM_FEATURES):
        """Return the model made of layers."""
        return self.layers.LogisticRegression(num_features).to(self.framework.device)

    def parameters(self, model):
        """Return a model's weights (num_features,) and bias."""
        return self.numpy(model.linear.weight[0]), self.numpy(model.linear.bias[0])

    def put(self, model, weights, bias):
        """Set a model's weights and bias."""
        with self.framework.torch.no_grad():
            model.linear.weight.copy_(self.tensor([weights]))
            model.linear.bias.fill_(bias)

    def optimizer(self, model, learning_rate):
        """Return what descends the gradient."""
        sgd = self.framework.torch.optim.SGD
        return sgd(model.parameters(), lr=learning_rate)

    def train(self, model, features, targets, num_epochs, learning_rate):
        """Train the model made of layers."""
        self.layers.train_module(model, features, targets, num_epochs, learning_rate)


class InTensorFlow(Chapter):
    """In TensorFlow."""

    def __init__(self):
        super().__init__("tensorflow")
        self.layers = module("tensorflow_keras")
        self.train_automatically = self.manual.train_with_tape

    def loss(self, logits, targets):
        """Return Keras' loss of logits and targets (batch,)."""
        return self.layers.loss_fn(targets[:, None], logits[:, None])

    def build(self, num_features=NUM_FEATURES):
        """Return the model made of layers."""
        return self.layers.build_logistic_regression(num_features)

    def parameters(self, model):
        """Return a model's weights (num_features,) and bias."""
        kernel, bias = model.get_weights()
        return kernel[:, 0], bias[0]

    def put(self, model, weights, bias):
        """Set a model's weights and bias."""
        model.set_weights([np.array(weights)[:, None], np.array([bias])])

    def optimizer(self, model, learning_rate):
        """Return what descends the gradient."""
        return import_module("keras").optimizers.SGD(learning_rate=learning_rate)

    def train(self, model, features, targets, num_epochs, learning_rate):
        """Train the model made of layers."""
        columns = features, targets[:, None]
        self.layers.train_keras(model, *columns, num_epochs, learning_rate)


chapter, pytorch, tensorflow = twins(InPyTorch, InTensorFlow)


@pytest.fixture
def arrays():
    """Thirty examples of two overlapping classes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, NUM_FEATURES)).astype(np.float32)
    y = (X[:, 0] + rng.normal(size=30) > 0).astype(np.float32)
    return X, y


@pytest.fixture
def tensors(chapter, arrays):
    return [chapter.tensor(x) for x in arrays]


@pytest.fixture
def parameters(chapter):
    return [chapter.tensor(x) for x in (WEIGHTS, BIAS)]


@pytest.fixture
def model(chapter):
    return chapter.build()


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def cost_in_numpy(X, y, weights, bias):
    probas = sigmoid(X.astype(float) @ weights + bias)
    return -np.sum(y * np.log(probas) + (1 - y) * np.log(1 - probas))


def descend_in_numpy(batches, learning_rate):
    """Return weights, bias, and the costs before each batch's update."""
    weights, bias, costs = np.zeros(NUM_FEATURES), 0.0, []
    for X, y in batches:
        costs.append(cost_in_numpy(X, y, weights, bias))
        errors = sigmoid(X.astype(float) @ weights + bias) - y
        weights -= learning_rate * X.T @ errors
        bias -= learning_rate * errors.sum()
    return weights, bias, costs


# --- by hand


def test_logits_match_numpy_and_have_shape_batch(chapter, arrays, tensors, parameters):
    logits = chapter.manual.predict_logits(tensors[0], *parameters)
    assert logits.shape == (30,)
    assert logits.dtype == tensors[0].dtype
    expected = arrays[0] @ WEIGHTS + BIAS
    np.testing.assert_allclose(chapter.numpy(logits), expected, rtol=1e-4, atol=1e-5)


def test_cross_entropy_matches_the_textbook_formula(
    chapter, arrays, tensors, parameters
):
    logits = chapter.manual.predict_logits(tensors[0], *parameters)
    loss = chapter.manual.cross_entropy(logits, tensors[1])
    assert loss.shape == ()
    expected = cost_in_numpy(*arrays, WEIGHTS, BIAS)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_stays_finite_where_probabilities_round(chapter):
    logits = chapter.tensor([100.0, -100.0, 200.0])
    right, wrong = chapter.tensor([1.0, 0.0, 1.0]), chapter.tensor([0.0, 1.0, 0.0])
    assert float(chapter.manual.cross_entropy(logits, right)) == pytest.approx(0)
    assert float(chapter.manual.cross_entropy(logits, wrong)) == pytest.approx(400)


@pytest.mark.parametrize("function", ["cross_entropy", "accuracy"])
def test_shapes_that_would_broadcast_are_refused(chapter, function):
    logits, targets = chapter.tensor(np.zeros(75)), chapter.tensor(np.zeros((75, 1)))
    with pytest.raises(ValueError, match=re.escape("(75,) and (75, 1)")):
        getattr(chapter.manual, function)(logits, targets)


def test_require_same_shape_lets_equal_shapes_pass(chapter):
    same = chapter.tensor(np.zeros((4, 1))), chapter.tensor(np.ones((4, 1)))
    chapter.manual.require_same_shape(*same)


def test_empty_batch_is_refused(chapter):
    features, none = chapter.tensor(np.zeros((0, 3))), chapter.tensor(np.zeros(0))
    for function, arguments in [
        ("cross_entropy", (none, none)),
        ("gradients", (features, none, none)),
        ("accuracy", (none, none)),
    ]:
        with pytest.raises(ValueError, match="the batch is empty"):
            getattr(chapter.manual, function)(*arguments)


def test_targets_in_a_column_have_no_gradient(chapter):
    shapes = (3, 2), (3, 1), (3,)
    features, column, row = (chapter.tensor(np.zeros(shape)) for shape in shapes)
    with pytest.raises(ValueError, match="differ in shape"):
        chapter.manual.gradients(features, column, row)


def test_gradients_by_hand_match_the_frameworks(chapter, arrays, tensors, parameters):
    features, targets = tensors

    def cost(weights, bias):
        logits = chapter.manual.predict_logits(features, weights, bias)
        return chapter.manual.cross_entropy(logits, targets)

    logits = chapter.manual.predict_logits(features, *parameters)
    by_hand = chapter.manual.gradients(features, targets, logits)
    assert [tuple(grad.shape) for grad in by_hand] == [(NUM_FEATURES,), ()]
    values = [np.float32(WEIGHTS), np.float32(BIAS)]
    expected = chapter.framework.slopes(cost, values)
    for grad, right in zip(chapter.numbers(*by_hand), expected, strict=True):
        np.testing.assert_allclose(grad, right, rtol=1e-5, atol=1e-5)


def in_float64(chapter, case):
    """Return a case's tensors, its gradients by hand, and its cost as a function."""
    tensors = [chapter.tensor(x, "float64") for x in case]
    features, targets, weights, bias = tensors
    logits = chapter.manual.predict_logits(features, weights, bias)
    found = chapter.numbers(*chapter.manual.gradients(features, targets, logits))

    def cost(weights, bias):
        logits = chapter.manual.predict_logits(features, weights, bias)
        return chapter.manual.cross_entropy(logits, targets)

    return found, cost


@many
@given(case=examples(num_classes=st.none(), largest=0.9))
@example(case=make_examples(1, 1, None, scale=1, size=1, seed=0))
def test_gradient_is_what_differences_find(chapter, case):
    found, cost = in_float64(chapter, case)
    assert_same(found, exact_gradients(*case))
    assert_same(found, chapter.framework.slopes(cost, case[2:]))

    def moved(*arrays):
        return cost(*(chapter.tensor(x, "float64") for x in arrays))

    assert_same(found, central_differences(moved, case[2:]))


@many
@given(case=examples(num_classes=st.none(), largest=4))
def test_gradient_at_any_logit(chapter, case):
    found, cost = in_float64(chapter, case)
    assert_within_reach(found, exact_gradients(*case), case.features)
    slopes = chapter.framework.slopes(cost, case[2:])
    assert_within_reach(found, slopes, case.features)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_is_exact_at_logits_of_ten_thousand(chapter, dtype):
    signs, targets = np.array([[1, 1, -1, -1], [1, 0, 1, 0]], dtype)
    logits = 1e4 * signs
    features = chapter.tensor([[1, 2], [3, 4], [5, 6], [7, 8]], dtype)
    targets = chapter.tensor(targets, dtype)

    def cost(logits):
        return chapter.manual.cross_entropy(logits, targets)

    assert float(cost(chapter.tensor(logits, dtype))) == 2e4
    slopes = chapter.framework.slopes(cost, [logits.astype(dtype)])
    assert slopes[0].tolist() == [0, 1, -1, 0]
    found = chapter.manual.gradients(features, targets, chapter.tensor(logits, dtype))
    assert found[0].dtype == found[1].dtype == features.dtype
    by_weights, by_bias = chapter.numbers(*found)
    assert by_weights.tolist() == [-2, -2]
    assert by_bias == 0


def test_accuracy_counts_a_logit_of_zero_as_class_zero(chapter):
    logits = chapter.tensor([-2.0, 0.0, 0.0, 3.0])
    result = chapter.manual.accuracy(logits, chapter.tensor([0.0, 0.0, 1.0, 1.0]))
    assert isinstance(result, float)
    assert result == 0.75


def test_log_line_has_the_original_posts_format(chapter, capsys):
    chapter.manual.print_epoch(1, 74 / 75, 5.5812)
    expected = "Epoch: 001 | Train ACC: 0.987 | Cost: 5.581\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("way", ["by hand", "automatically"])
def test_training_descends_as_numpy_does(chapter, way, arrays, tensors, capsys):
    by_hand = way == "by hand"
    train = chapter.manual.train_by_hand if by_hand else chapter.train_automatically
    weights, bias, costs = train(*tensors, num_epochs=5, learning_rate=0.1)
    expected_weights, expected_bias, _ = descend_in_numpy([arrays] * 5, 0.1)
    assert (weights.shape, bias.shape) == ((NUM_FEATURES,), ())
    np.testing.assert_allclose(chapter.numpy(weights), expected_weights, rtol=1e-4)
    found = float(chapter.numpy(bias))
    assert found == pytest.approx(expected_bias, rel=1e-4, abs=1e-5)
    lines = capsys.readouterr().out.splitlines()
    cost = cost_in_numpy(*arrays, expected_weights, expected_bias)
    assert len(lines) == len(costs) == 5
    assert costs[-1] == pytest.approx(cost, rel=1e-4)
    assert float(lines[-1].rpartition("Cost: ")[2]) == pytest.approx(cost, abs=2e-3)


# --- with layers


def test_layers_loss_is_the_cross_entropy_by_hand(chapter, tensors, parameters):
    logits = chapter.manual.predict_logits(tensors[0], *parameters)
    expected = chapter.manual.cross_entropy(logits, tensors[1])
    found = chapter.loss(logits, tensors[1])
    np.testing.assert_allclose(float(found), float(expected), rtol=1e-5)


def test_layers_train_and_log_as_by_hand(chapter, model, tensors, capsys):
    weights, bias, _ = chapter.manual.train_by_hand(*tensors, 5, 0.1)
    by_hand = capsys.readouterr().out
    chapter.train(model, *tensors, 5, 0.1)
    assert capsys.readouterr().out == by_hand
    found, intercept = chapter.parameters(model)
    np.testing.assert_allclose(found, chapter.numpy(weights), rtol=1e-4)
    np.testing.assert_allclose(intercept, chapter.numpy(bias), rtol=1e-4, atol=1e-5)


# --- mini-batches


def test_minibatch_training_updates_after_each_batch(chapter, model, arrays):
    batches = list(iterate_post_minibatches(*arrays, batch_size=8, seed=1))
    weights, bias, expected_costs = descend_in_numpy(batches, 0.05)
    optimizer = chapter.optimizer(model, 0.05)
    costs = chapter.more.train_on_minibatches(model, optimizer, batches)
    assert len(costs) == 3
    assert costs == pytest.approx(expected_costs, rel=1e-4)
    found, intercept = chapter.parameters(model)
    np.testing.assert_allclose(found, weights, rtol=1e-4)
    np.testing.assert_allclose(intercept, bias, rtol=1e-4)


# --- the penalty


def test_penalized_descent_ends_where_penalty_and_gradient_cancel(chapter, arrays):
    X, y = arrays
    tensors = [chapter.tensor(x.astype(np.float32)) for x in arrays]
    found = chapter.more.descend_with_penalty(*tensors, 2000, 0.05, 1.0)
    weights, bias = (chapter.numpy(x).astype(float) for x in found[:2])
    logits = X @ weights + bias
    errors = 1 / (1 + np.exp(-logits)) - y
    np.testing.assert_allclose(errors @ X + weights, 0, atol=1e-3)
    assert errors.sum() == pytest.approx(0, abs=1e-3)
    assert found[2] == pytest.approx((np.logaddexp(0, logits) - y * logits).sum(), 1e-4)


def test_without_penalty_it_descends_as_by_hand(chapter, tensors, capsys):
    weights, bias, costs = chapter.manual.train_by_hand(*tensors, 5, 0.1)
    found = chapter.more.descend_with_penalty(*tensors, 5, 0.1, 0.0)
    np.testing.assert_allclose(chapter.numpy(found[0]), chapter.numpy(weights))
    np.testing.assert_allclose(chapter.numpy(found[1]), chapter.numpy(bias))
    assert found[2] == costs[-1]


# --- the fast way


def test_signed_rows_give_the_loss_and_its_gradient(chapter, tensors):
    rows = chapter.numpy(chapter.more.signed_rows(*tensors)).astype(float)
    theta = np.array([0.5, -1.0, 2.0, 0.3])
    assert rows.shape == (30, 4)
    parameters = chapter.tensor(theta[:3]), chapter.tensor(theta[3])
    logits = chapter.manual.predict_logits(tensors[0], *parameters)
    loss = np.log1p(np.exp(rows @ theta)).sum()
    cost = float(chapter.manual.cross_entropy(logits, tensors[1]))
    assert cost == pytest.approx(loss, rel=1e-5)
    gradient = rows.T @ sigmoid(rows @ theta)
    found = chapter.numbers(*chapter.manual.gradients(*tensors, logits))
    np.testing.assert_allclose(np.hstack(found), gradient, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("target", [0.5, -1.0, 2.0, float("nan")])
def test_signed_rows_refuse_other_targets(chapter, arrays, target):
    arrays[1][3] = target
    with pytest.raises(ValueError, match="neither 0 nor 1"):
        chapter.more.signed_rows(*map(chapter.tensor, arrays))


def test_signed_rows_refuse_a_missing_target_a_column_and_none(chapter, tensors):
    features, targets = tensors
    signed_rows = chapter.more.signed_rows
    with pytest.raises(ValueError, match=r"30 features, targets \(29,\)"):
        signed_rows(features, targets[:-1])
    with pytest.raises(ValueError, match=r"30 features, targets \(30, 1\)"):
        signed_rows(features, targets[:, None])
    with pytest.raises(ValueError, match=r"0 features, targets \(0,\)"):
        signed_rows(features[:0], targets[:0])


def test_fast_way_trains_and_prints_as_by_hand(chapter, tensors, capsys):
    weights, bias, costs = chapter.manual.train_by_hand(*tensors, 20, 0.1)
    lines = capsys.readouterr().out
    rows = chapter.more.signed_rows(*tensors)
    fast_weights, fast_bias, fast_costs = chapter.more.train_fast(rows, 20, 0.1)
    assert capsys.readouterr().out == lines
    found = [np.asarray(x) for x in (fast_weights, fast_bias)]
    expected = chapter.numbers(weights, bias)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fast_costs, costs, rtol=1e-5)


def test_descend_starts_from_zero_and_keeps_every_epoch(chapter, tensors):
    rows = chapter.more.signed_rows(*tensors)
    parameters = chapter.numpy(chapter.more.descend(rows, 5, 0.1))
    assert parameters.shape == (6, 4)
    assert not parameters[0].any()
    fewer = chapter.numpy(chapter.more.descend(rows, 3, 0.1))
    np.testing.assert_allclose(fewer, parameters[:4], rtol=1e-5, atol=1e-6)


def test_fast_accuracy_counts_a_logit_of_zero_as_class_zero(chapter):
    features, targets = chapter.tensor([[1.0], [-1.0]]), chapter.tensor([0.0, 1.0])
    rows = chapter.more.signed_rows(features, targets)
    found = chapter.more.measure(chapter.tensor(np.zeros((1, 2))), rows)
    accuracies, costs = chapter.numbers(*found)
    assert accuracies.tolist() == [0.5]
    assert costs.tolist() == pytest.approx([2 * np.log(2)])


# --- towards NaN


def test_cost_from_probabilities_is_right_until_it_is_nan(chapter):
    targets = chapter.tensor([1.0, 0.0])
    unstable = chapter.more.cross_entropy_from_probas
    moderate, extreme = chapter.tensor([2.0, -1.0]), chapter.tensor([40.0, -1.0])
    expected = float(chapter.manual.cross_entropy(moderate, targets))
    assert float(unstable(moderate, targets)) == pytest.approx(expected, rel=1e-5)
    assert np.isnan(float(unstable(extreme, targets)))
    assert np.isfinite(float(chapter.manual.cross_entropy(extreme, targets)))


def test_meets_nan_tells_the_two_costs_apart(chapter):
    data = chapter.tensor([[-30.0], [30.0]]), chapter.tensor([0.0, 1.0])
    from_probas = chapter.more.cross_entropy_from_probas
    from_logits = chapter.manual.cross_entropy
    assert chapter.more.meets_nan(from_probas, *data, 5, 0.1)
    assert not chapter.more.meets_nan(from_probas, *data, 1, 0.1)
    assert not chapter.more.meets_nan(from_logits, *data, 50, 0.1)


# --- use, and the exercise


@pytest.mark.parametrize(
    ("sepals", "species"),
    [([6.0, 2.5], "Iris versicolor"), ([5.0, 3.5], "Iris setosa")],
)
def test_predict_species_standardizes_and_names_the_likelier(chapter, sepals, species):
    model = chapter.build(2)
    chapter.put(model, [4.0, -3.0], 0.5)
    mean, std = np.array([5.4, 3.1]), np.array([0.6, 0.4])
    versicolor = sigmoid((np.array(sepals) - mean) / std @ [4, -3] + 0.5)
    name, proba = chapter.more.predict_species(model, sepals, mean, std)
    assert name == species
    assert isinstance(proba, float)
    assert proba == pytest.approx(max(versicolor, 1 - versicolor), rel=1e-5)


def test_predict_species_refuses_a_third_measure(chapter):
    sepals = [6.0, 2.5, 1.4], np.zeros(2), np.ones(2)
    with pytest.raises(ValueError, match="broadcast"):
        chapter.more.predict_species(chapter.build(2), *sepals)


@pytest.mark.parametrize("num_epochs", [1, 7])
def test_the_mean_at_n_times_the_rate_descends_as_the_sum(
    chapter, num_epochs, arrays, tensors
):
    model = chapter.more.fit_mean(*tensors, num_epochs, learning_rate=30 * 0.02)
    weights, bias, _ = descend_in_numpy([arrays] * num_epochs, 0.02)
    found, intercept = chapter.parameters(model)
    np.testing.assert_allclose(found, weights, atol=1e-5)
    np.testing.assert_allclose(intercept, bias, atol=1e-5)


# --- PyTorch's own


def test_module_returns_zero_logits_of_shape_batch_at_the_start(pytorch, arrays):
    features = pytorch.tensor(arrays[0])
    logits = pytorch.build()(features)
    assert logits.shape == (30,)
    assert not logits.any()
    assert pytorch.build()(features[:1]).shape == (1,)  # keeps the batch's axis


def test_evaluate_returns_accuracy_and_summed_cost(pytorch, arrays):
    tensors = map(pytorch.tensor, arrays)
    result = pytorch.layers.evaluate(pytorch.build(), *tensors)
    assert all(isinstance(value, float) for value in result)
    assert result == pytest.approx((1 - arrays[1].mean(), 30 * np.log(2)))


def test_fit_mean_refuses_targets_of_another_shape(pytorch, arrays):
    features, targets = map(pytorch.tensor, arrays)
    with pytest.raises(ValueError, match="size"):
        pytorch.more.fit_mean(features, targets[:, None], 1, 0.1)


# --- TensorFlow's own


def test_keras_model_returns_zero_logits_in_a_column_at_the_start(tensorflow, arrays):
    logits = tensorflow.build()(tensorflow.tensor(arrays[0]))
    assert logits.shape == (30, 1)
    assert not np.any(logits)


def test_keras_loss_averages_where_the_batch_is_the_last_axis(tensorflow, arrays):
    features, targets = map(tensorflow.tensor, arrays)
    parameters = map(tensorflow.tensor, (WEIGHTS, BIAS))
    logits = tensorflow.manual.predict_logits(features, *parameters)
    summed = tensorflow.manual.cross_entropy(logits, targets)
    loss = tensorflow.layers.loss_fn(targets, logits)
    np.testing.assert_allclose(loss, summed / 30, rtol=1e-5)


def test_print_epoch_shows_the_cost_after_the_update(tensorflow, arrays, capsys):
    keras, model = import_module("keras"), tensorflow.build()
    features, targets = map(tensorflow.tensor, arrays)
    model.compile(
        loss=tensorflow.layers.loss_fn,
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
    )
    callback = tensorflow.layers.PrintEpoch(features, targets[:, None])
    callback.set_model(model)
    callback.on_epoch_end(0)
    expected = f"| Train ACC: {1 - arrays[1].mean():.3f} | Cost: {30 * np.log(2):.3f}\n"
    assert capsys.readouterr().out == f"Epoch: 001 {expected}"


@pytest.fixture
def session(tensorflow):
    """A session on TensorFlow 1's graph, and the graph's variables."""
    v1 = tensorflow.framework.tf.compat.v1
    graph, variables = tensorflow.more.build_graph(NUM_FEATURES, learning_rate=0.05)
    assert tensorflow.framework.tf.executing_eagerly()  # outside of the graph
    with v1.Session(graph=graph) as session:
        session.run(v1.global_variables_initializer())
        yield session, variables


def test_graph_of_tensorflow_1_trains_as_numpy_does(session, arrays):
    session, variables = session
    batches = list(iterate_post_minibatches(*arrays, batch_size=8, seed=1))
    weights, bias, expected_costs = descend_in_numpy(batches, 0.05)
    costs = []
    for X_batch, y_batch in batches:
        feed = {"inputs:0": X_batch, "targets:0": y_batch}
        costs.append(session.run(["train", "cost:0"], feed)[1])
    found_weights, found_bias = session.run(variables)
    assert costs == pytest.approx(expected_costs, rel=1e-4)
    np.testing.assert_allclose(found_weights, weights, rtol=1e-4)
    np.testing.assert_allclose(found_bias, bias, rtol=1e-4)


def test_graph_of_tensorflow_1_starts_with_every_example_in_class_zero(session, arrays):
    X, y = arrays
    found = session[0].run("accuracy:0", {"inputs:0": X, "targets:0": y})
    assert found == pytest.approx(1 - y.mean())


def test_graph_of_tensorflow_1_refuses_targets_that_would_broadcast(session, arrays):
    X, y = arrays
    with pytest.raises(ValueError, match=re.escape("(30, 1)")):
        session[0].run("cost:0", {"inputs:0": X, "targets:0": y[:, None]})
