"""Training in practice in both frameworks, against NumPy and one another."""

from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import pytest

from pagecode.frameworks import FRAMEWORKS, selected
from snippets.training_in_practice import figures, training
from snippets.training_in_practice.training import (
    BATCH_SIZE,
    MOMENTUM,
    NUM_HIDDEN,
    choose,
    cosine_rates,
    draw_batches,
    draw_params,
    print_apart,
    print_fallen,
    print_kept,
    print_promises,
    print_rates,
    print_reached,
    stop_early,
)

NUM_SIGNALS = 2 * BATCH_SIZE  # two steps an epoch


class Adapter:
    """One framework's module, with arrays in and arrays out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.module = import_module(f"snippets.training_in_practice.{name}_training")

    def tensors(self, arrays):
        return self.module.to_tensors(arrays)

    def numpy(self, x):
        return x.detach().numpy() if self.name == "pytorch" else np.asarray(x)

    def arrays(self, tensors):
        return [self.numpy(x) for x in tensors]

    def variables(self, arrays):
        """Return what can be changed in place."""
        tensors = self.tensors(arrays)
        if self.name == "pytorch":
            return tensors
        return [self.module.tf.Variable(x) for x in tensors]

    def fit(self, params, rates, train_data, valid_data, **options):
        history, weights = self.module.fit(
            self.tensors(params),
            rates,
            self.tensors(train_data),
            self.tensors(valid_data),
            **options,
        )
        return history, {kind: self.arrays(x) for kind, x in weights.items()}

    def weights(self, model):
        """Return kernels (inputs, outputs) and biases, as Keras has them."""
        if self.name == "pytorch":
            return [x.detach().numpy().T for x in model.parameters()]
        return [np.asarray(x) for x in model.trainable_weights]

    def accumulated(self, model, features, targets, sizes, **options):
        batch = self.tensors([features, targets])
        grads = self.module.accumulate(model, *batch, sizes, **options)
        grads = [np.asarray(x) for x in grads]
        return [x.T for x in grads] if self.name == "pytorch" else grads


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def adapter(request):
    return Adapter(request.param)


@pytest.fixture
def data():
    """Signals and labels to train on, and others to validate with."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(NUM_SIGNALS + 30, 40))
    targets = rng.integers(0, 10, NUM_SIGNALS + 30)
    parts = np.split(features, [NUM_SIGNALS]), np.split(targets, [NUM_SIGNALS])
    return [*zip(*parts, strict=True)]


def logits_in_numpy(features, params):
    W1, b1, W2, b2 = params
    hidden = np.maximum(features @ W1 + b1, 0)
    return hidden @ W2 + b2


def loss_in_numpy(features, targets, params):
    """Return the mean loss of one model."""
    logits = logits_in_numpy(features, params)
    logits = logits - logits.max(axis=1, keepdims=True)
    log_probas = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -log_probas[range(len(targets)), targets].mean()


def gradients_in_numpy(features, targets, params):
    """Return the gradients of one model, by backpropagation."""
    W1, b1, W2, _ = params
    sums = features @ W1 + b1
    logits = logits_in_numpy(features, params)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    errors = powers / powers.sum(axis=1, keepdims=True)
    errors[range(len(targets)), targets] -= 1
    errors /= len(targets)
    grad_sums = errors @ W2.T * (sums > 0)
    biases = (x.sum(axis=0, keepdims=True) for x in (grad_sums, errors))
    grad_b1, grad_b2 = biases
    return [features.T @ grad_sums, grad_b1, np.maximum(sums, 0).T @ errors, grad_b2]


def train_in_numpy(params, rates, batches, train_data, max_norm=np.inf, decay=0.99):
    """Return after each step the weights, the average and the loss of one model."""
    features, targets = train_data
    params = [x.copy() for x in params]
    averages = [x.copy() for x in params]
    velocities = [np.zeros_like(x) for x in params]
    steps = []
    for rate, batch in zip(rates, batches, strict=True):
        X, y = features[batch], targets[batch]
        loss, grads = loss_in_numpy(X, y, params), gradients_in_numpy(X, y, params)
        norm = np.sqrt(sum((x**2).sum() for x in grads))
        scale = min(1, max_norm / norm)
        velocities = [
            MOMENTUM * v + scale * g for v, g in zip(velocities, grads, strict=True)
        ]
        params = [p - rate * v for p, v in zip(params, velocities, strict=True)]
        averages = [
            decay * a + (1 - decay) * p for a, p in zip(averages, params, strict=True)
        ]
        steps.append((params, averages, loss))
    return steps


def model_of(params, model):
    return [x[model] for x in params]


def test_models_side_by_side_are_models_alone(adapter, data) -> None:
    features, targets = data[0]
    params = draw_params(3)
    batch, tensors = adapter.tensors([features, targets]), adapter.tensors(params)
    logits = adapter.numpy(adapter.module.forward(batch[0], tensors))
    losses = adapter.numpy(adapter.module.cross_entropy(*batch, tensors))
    found, grads = adapter.module.gradients(*batch, tensors)
    right = adapter.module.hits(*batch, tensors)
    assert (logits.shape, losses.shape) == ((3, NUM_SIGNALS, 10), (3,))
    assert (right.shape, right.dtype) == ((3, NUM_SIGNALS), np.float64)
    np.testing.assert_array_equal(adapter.numpy(found), losses)
    for model in range(3):
        alone = model_of(params, model)
        expected = logits_in_numpy(features, alone)
        np.testing.assert_allclose(logits[model], expected, atol=1e-12)
        np.testing.assert_array_equal(right[model], expected.argmax(axis=1) == targets)
        loss = loss_in_numpy(features, targets, alone)
        np.testing.assert_allclose(losses[model], loss, rtol=1e-12)
        for grad, other in zip(
            adapter.arrays(grads),
            gradients_in_numpy(features, targets, alone),
            strict=True,
        ):
            np.testing.assert_allclose(grad[model], other, atol=1e-14)


def test_clip_scales_each_model_by_its_own_norm(adapter) -> None:
    rng = np.random.default_rng(1)
    grads = [rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 1, 4))]
    grads = [x * [[[0.01]], [[1.0]]] for x in grads]  # one short, one long
    clipped, norms = adapter.module.clip_gradients(adapter.tensors(grads), 1.0)
    expected = [np.sqrt(sum((x[model] ** 2).sum() for x in grads)) for model in (0, 1)]
    assert expected[0] < 1 < expected[1]
    np.testing.assert_allclose(adapter.numpy(norms), expected, rtol=1e-14)
    for grad, found in zip(grads, adapter.arrays(clipped), strict=True):
        np.testing.assert_array_equal(found[0], grad[0])
        np.testing.assert_allclose(found[1], grad[1] / expected[1], rtol=1e-14)


def test_averages_move_by_their_share(adapter) -> None:
    averages, params = adapter.variables([np.array([1.0])]), np.array([3.0])
    adapter.module.update_averages(averages, adapter.tensors([params]), 0.75)
    np.testing.assert_array_equal(adapter.numpy(averages[0]), [1.5])


@pytest.mark.parametrize("max_norm", [np.inf, 0.5])
def test_fit_takes_numpys_steps(adapter, data, max_norm) -> None:
    train_data, valid_data = data
    params = draw_params(2)
    rates = np.linspace(0.1, 0.6, 12).reshape(6, 2)  # for two models, six steps
    history, weights = adapter.fit(
        params, rates, train_data, valid_data, max_norm=max_norm, decay=0.9
    )
    assert history.shape == (3, 2, 2)
    batches = draw_batches(NUM_SIGNALS, 3)
    for model in (0, 1):
        steps = train_in_numpy(
            model_of(params, model), rates[:, model], batches, train_data, max_norm, 0.9
        )
        losses = np.array([x[2] for x in steps]).reshape(3, 2).mean(axis=1)
        np.testing.assert_allclose(history[:, 0, model], losses, rtol=1e-10)
        ends = [steps[i][0] for i in (1, 3, 5)]  # after each epoch
        valid_losses = [loss_in_numpy(*valid_data, x) for x in ends]
        np.testing.assert_allclose(history[:, 1, model], valid_losses, rtol=1e-10)
        for kind, expected in [
            ("last", ends[-1]),
            ("best", ends[np.argmin(valid_losses)]),
            ("average", steps[-1][1]),
        ]:
            for x, y in zip(weights[kind], expected, strict=True):
                np.testing.assert_allclose(x[model], y, atol=1e-10)


def test_best_weights_are_kept_for_each_model(adapter, data) -> None:
    # The rate of the second model is so high that its first epoch is its best.
    rates = np.tile([0.01, 5.0], (6, 1))
    history, weights = adapter.fit(draw_params(2), rates, *data)
    assert [*history[:, 1].argmin(axis=0)] == [2, 0]
    np.testing.assert_array_equal(weights["best"][0][0], weights["last"][0][0])
    assert (weights["best"][0][1] != weights["last"][0][1]).any()


def test_fit_leaves_its_start_alone(adapter, data) -> None:
    params = adapter.tensors(draw_params(2))
    tensors = [adapter.tensors(x) for x in data]
    adapter.module.fit(params, np.full((6, 2), 0.1), *tensors)
    for x, y in zip(adapter.arrays(params), draw_params(2), strict=True):
        np.testing.assert_array_equal(x, y)


def test_layers_are_the_first_model(adapter, data) -> None:
    model = adapter.module.build_model()
    found = adapter.weights(model)
    assert all(x.dtype == np.float64 for x in found)
    for x, y in zip(found, draw_params(1), strict=True):
        np.testing.assert_array_equal(x, y[0].reshape(x.shape))
    features, targets = data[0]
    grads = adapter.accumulated(model, features, targets, [NUM_SIGNALS])
    expected = gradients_in_numpy(features, targets, model_of(draw_params(1), 0))
    for x, y in zip(grads, expected, strict=True):
        np.testing.assert_allclose(x, y.reshape(x.shape), atol=1e-14)


def test_accumulate_weights_parts_by_size_or_all_alike(adapter, data) -> None:
    features, targets = data[0][0][:50], data[0][1][:50]
    model, alone = adapter.module.build_model(), model_of(draw_params(1), 0)
    sizes = [30, 15, 5]
    ends = np.cumsum(sizes)[:-1]
    parts = [
        gradients_in_numpy(X, y, alone)
        for X, y in zip(np.split(features, ends), np.split(targets, ends), strict=True)
    ]
    for weighted, weights in [(True, [0.6, 0.3, 0.1]), (False, [1 / 3] * 3)]:
        found = adapter.accumulated(model, features, targets, sizes, weighted=weighted)
        for place, x in enumerate(found):
            total = sum(w * part[place] for w, part in zip(weights, parts, strict=True))
            np.testing.assert_allclose(x, total.reshape(x.shape), atol=1e-14)


@pytest.mark.parametrize(("norm", "same"), [("layer", True), ("batch", False)])
def test_batch_norm_alone_depends_on_the_parts(adapter, data, norm, same) -> None:
    features, targets = data[0]
    model = adapter.module.build_model(norm)
    whole = adapter.accumulated(model, features, targets, [NUM_SIGNALS])
    parts = adapter.accumulated(model, features, targets, [NUM_SIGNALS // 4] * 4)
    apart = max(abs(x - y).max() for x, y in zip(whole, parts, strict=True))
    assert (apart < 1e-14) == same
    assert same or apart > 1e-3


def test_params_have_he_starts() -> None:
    W1, b1, W2, b2 = draw_params(200)
    assert W1.shape == (200, 40, NUM_HIDDEN)
    assert W2.shape == (200, NUM_HIDDEN, 10)
    assert (b1.shape, b2.shape) == ((200, 1, NUM_HIDDEN), (200, 1, 10))
    assert not b1.any()
    assert not b2.any()
    assert W1.var() == pytest.approx(2 / 40, rel=0.02)
    assert W2.var() == pytest.approx(2 / NUM_HIDDEN, rel=0.02)
    assert (draw_params(2, seed=1)[0] != draw_params(2, seed=2)[0]).all()
    np.testing.assert_array_equal(draw_params(2)[0], draw_params(2)[0])


def test_an_epoch_has_every_example_once() -> None:
    batches = draw_batches(300, 2)
    assert batches.shape == (6, BATCH_SIZE)
    np.testing.assert_array_equal(np.sort(batches.reshape(2, 300)), [range(300)] * 2)
    assert (batches[:3] != batches[3:]).any()
    assert (draw_batches(300, 2, seed=2) != batches).any()
    with pytest.raises(ValueError, match="310 examples in batches of 100"):
        draw_batches(310, 1)


@pytest.mark.parametrize(
    ("losses", "patience", "expected"),
    [
        ([3.0, 2.0, 1.0], 1, (2, 2)),  # never stops
        ([3.0, 4.0, 1.0], 1, (1, 0)),
        ([3.0, 4.0, 1.0], 2, (2, 2)),
        ([1.0, 2.0, 3.0, 4.0], 2, (2, 0)),
        ([1.0, 1.0, 1.0], 2, (2, 0)),  # no new minimum
    ],
)
def test_stop_early(losses, patience, expected) -> None:
    assert stop_early(losses, patience) == expected


def test_choose_reports_too_much_only_on_the_set_that_chose() -> None:
    rng = np.random.default_rng(2)
    hits = (rng.random((20, 4000)) < 0.6).astype(float)
    reported, chosen = choose(hits, "test", 50, num_draws=400)
    assert reported.shape == chosen.shape == (400,)
    # The largest of 20 means of 50: about 1.87 standard deviations above the mean.
    expected = 0.6 + 1.87 * np.sqrt(0.6 * 0.4 / 50)
    assert reported.mean() == pytest.approx(expected, abs=0.01)
    assert chosen.mean() == pytest.approx(0.6, abs=0.01)
    reported, again = choose(hits, "fresh", 50, num_draws=400)
    np.testing.assert_array_equal(again, chosen)  # the same choices
    assert reported.mean() == pytest.approx(0.6, abs=0.015)


def test_choose_takes_the_best_model() -> None:
    hits = np.zeros((3, 20))
    hits[1] = 1
    for judge in ("test", "fresh"):
        reported, chosen = choose(hits, judge, 10, num_draws=3)
        assert [*reported, *chosen] == [1.0] * 6
    with pytest.raises(KeyError):
        choose(hits, "train", 10)
    with pytest.raises(ValueError, match="larger sample"):
        choose(hits, "test", 11)


def test_cosine_rates() -> None:
    found = cosine_rates(0.8, warm_up=3, num_steps=7)
    falling = [0.8 * (1 + np.cos(np.pi * x / 4)) / 2 for x in range(4)]
    np.testing.assert_allclose(found, [0.2, 0.4, 0.6, *falling], rtol=1e-14)
    assert cosine_rates(0.8, warm_up=0)[0] == 0.8
    for warm_up in (-1, 7):
        with pytest.raises(ValueError, match=f"{warm_up} of 7 steps"):
            cosine_rates(0.8, warm_up, num_steps=7)


def test_what_is_printed(capsys) -> None:
    history = np.zeros((2, 2, 4))
    history[:, 1] = [[1, 2, 2, 2], [2, 1, 1, 1]]
    right = np.array([[1, 1], [1, 0], [0, 0], [0, 0]])
    kept = {"last": (np.arange(4.0), right), "best": (np.zeros(4), right)}
    print_kept(np.array([0.1, 0.1, 0.2, 0.2]), history, kept)
    print_fallen("model", np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 1, 1]]))
    print_rates([0.0, 0.1], [0.0, 0.2], places=[1])
    print_reached("model", np.array([[1, 1, 1, 1], [1, 1, 0, 0]]))
    print_apart("one", [np.array([1.0, 0.0])], [np.array([[2.0], [0.0]])])
    print_apart("two", [np.array([1.0]), 2.0], [np.array([1.0]), 2.0 + 1e-15])
    found = capsys.readouterr().out.splitlines()
    assert found == [
        "Rate 0.1: best after 1 to 2 epochs",
        "  last weights: fresh loss 0.50, fresh ACC 75.0%",
        "  best weights: fresh loss 0.00, fresh ACC 75.0%",
        "Rate 0.2: best after 2 to 2 epochs",
        "  last weights: fresh loss 2.50, fresh ACC 0.0%",
        "  best weights: fresh loss 0.00, fresh ACC 0.0%",
        f"{'model':17} | below 50%: 1 of 3",
        "Step 1: by hand 0.10000, library 0.20000",
        f"{'model':25} | Fresh ACC: 75.0% ± 35.4",
        "one: 50.0% apart",
        "two: equal",
    ]


def test_promises_are_printed_for_more_and_more_models(capsys) -> None:
    hits = np.zeros((24, 40))
    hits[-1] = 1  # the last model is always right
    print_promises(hits, 20)
    found = capsys.readouterr().out.splitlines()
    assert [x.split(" models")[0].strip() for x in found] == [
        "1",
        "1",
        "8",
        "8",
        "24",
        "24",
    ]
    assert {x.partition(": ")[2] for x in found} == {"reported 100.0%, worth 100.0%"}


def test_pictures_draw_what_they_are_given() -> None:
    rng = np.random.default_rng(3)
    figures.plot_promises((rng.random((5, 4000)) < 0.6).astype(float), 50)
    axis = plt.gca()
    assert axis.get_legend() is not None
    middles = [x.get_xdata()[0] for x in axis.lines]
    assert middles[0] > 4 > 1 > abs(middles[1])
    for patch in axis.patches:
        assert patch.get_data().values.sum() == pytest.approx(1, abs=0.02)
    figures.plot_rates({"one": np.arange(3), "two": np.zeros(3)})
    assert [len(x.get_xdata()) for x in plt.gca().lines] == [3, 3]
    plt.close("all")


def test_settings_fit_together() -> None:
    assert training.NUM_STEPS * BATCH_SIZE % 3200 == 0
    assert all(sum(sizes) == 100 for _, _, sizes, _ in training.ACCUMULATIONS)
