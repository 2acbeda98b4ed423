"""GANs in both frameworks, against NumPy, finite differences and known answers."""

from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import expit

from pagecode.frameworks import FRAMEWORKS, selected
from snippets.diffusion.training import CENTERS, SPREAD, draw_ring
from snippets.gan import judged
from snippets.gan.figures import plot_digits, plot_points
from snippets.gan.training import (
    BATCH_SIZE,
    MIXING,
    NUM_NOISE,
    SHIFT,
    count_modes,
    draw_gaussian,
    draw_networks,
    draw_noise,
    draw_noisy_batches,
    draw_pairs,
    draw_start,
    judge_digits,
    nearest_distances,
    print_gaussian,
    print_modes,
)
from tests.gradients import central_differences


class Adapter:
    """One framework's modules, with arrays in and arrays out."""

    def __init__(self, name: str) -> None:
        self.name = name
        layers = {"pytorch": "pytorch_module"}.get(name, "tensorflow_keras")
        self.layers = import_module(f"snippets.gan.{layers}")
        self.manual = import_module(f"snippets.gan.{name}_manual")
        self.constants = self.manual.to_tensors
        self.variables = getattr(self.manual, "to_variables", self.manual.to_tensors)

    def call(self, name, arrays, *networks, **options):
        """Return what a function makes of arrays and of networks' parameters."""
        params = [self.variables(x) for x in networks]
        found = getattr(self.manual, name)(*self.constants(arrays), *params, **options)
        return [np.asarray(x) for x in found]

    def fast(self, starts, batches, times=1):
        """Return both networks that the fast way trains, so many times over."""
        if self.name == "pytorch":
            found = self.manual.train_fast(*map(self.variables, starts), batches)
        else:
            found = [self.variables(x) for x in starts]
            run = self.manual.build_fast_training(*found)
            arrays = [np.stack(x).astype(float) for x in zip(*batches, strict=True)]
            for _ in range(times):
                for params, start in zip(found, starts, strict=True):
                    for param, array in zip(params, start, strict=True):
                        param.assign(array)
                run(*self.constants(arrays))
        return [[np.asarray(p) for p in params] for params in found]

    def weights(self, network):
        """Return the matrices and biases of a network's linear layers."""
        if self.name == "pytorch":
            layers = [x for x in network if hasattr(x, "in_features")]
            pairs = [(x.weight.detach().numpy().T, x.bias) for x in layers]
            return [np.array(x.tolist()) for pair in pairs for x in pair]
        layers = [x for x in network.layers if hasattr(x, "units")]
        return [x for layer in layers for x in layer.get_weights()]


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def adapter(request):
    return Adapter(request.param)


@pytest.fixture
def points():
    """Five real points and noise for as many fake ones."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((5, 2)), rng.standard_normal((5, 2))


def networks():
    """Return a small generator and discriminator whose biases are not zero."""
    return [[p + 0.1 for p in params] for params in draw_start([4, 3], seed=3)]


def network(features, params):
    """Return what a network makes of features, in NumPy."""
    for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        sums = features @ W + b
        features = sums * expit(sums)
    return features @ params[-2] + params[-1]


def d_loss(real, fake, D):
    """Return the discriminator's loss from its probabilities."""
    real, fake = (expit(network(x, D)) for x in (real, fake))
    return -np.log(real).mean() - np.log(1 - fake).mean()


def g_loss(noise, G, D, saturating=False):
    """Return the generator's loss from the probabilities."""
    probas = expit(network(network(noise, G), D))
    return (np.log(1 - probas) if saturating else -np.log(probas)).mean()


# --- networks, losses and gradients by hand, in both frameworks


def test_forward_is_numpys_and_records_what_backward_needs(adapter, points) -> None:
    G, _ = networks()
    (noise,) = adapter.constants([points[1]])
    outputs, record = adapter.manual.forward(noise, adapter.constants(G))
    np.testing.assert_allclose(np.asarray(outputs), network(points[1], G))
    assert [tuple(inputs.shape) for inputs, _ in record] == [(5, 2), (5, 4), (5, 3)]
    assert record[0][1] is None
    assert [tuple(slopes.shape) for _, slopes in record[1:]] == [(5, 4), (5, 3)]


def test_backward_returns_the_gradient_of_the_features(adapter, points) -> None:
    _, D = networks()
    features, weights = adapter.constants([points[0], np.arange(5.0)[:, None]])
    _, record = adapter.manual.forward(features, adapter.constants(D))
    grads, grad = adapter.manual.backward(weights, record, adapter.constants(D))
    (expected,) = central_differences(
        lambda x: (network(x, D) * np.arange(5.0)[:, None]).sum(), [points[0]]
    )
    np.testing.assert_allclose(np.asarray(grad), expected, rtol=1e-5, atol=1e-8)
    assert [tuple(x.shape) for x in grads] == [x.shape for x in D]


@pytest.mark.parametrize("choice", [{}, {"saturating": True}])
def test_losses_are_minus_the_logarithms_of_probabilities(
    adapter, points, choice
) -> None:
    G, D = networks()
    real, fake = network(points[0], D), network(network(points[1], G), D)
    real, fake = adapter.constants([real, fake])
    found = float(adapter.manual.discriminator_loss(real, fake))
    assert found == pytest.approx(d_loss(points[0], network(points[1], G), D))
    found = float(adapter.manual.generator_loss(fake, **choice))
    assert found == pytest.approx(g_loss(points[1], G, D, **choice))


def test_losses_of_sure_logits_are_finite(adapter) -> None:
    (sure,) = adapter.constants([np.array([[-800.0]])])
    assert float(adapter.manual.generator_loss(sure)) == 800
    assert float(adapter.manual.generator_loss(sure, saturating=True)) == 0
    assert float(adapter.manual.discriminator_loss(-sure, sure)) == 0


@pytest.mark.parametrize("way", ["grads", "autograd"])
def test_discriminators_gradients_are_those_of_its_loss(adapter, points, way) -> None:
    _, D = networks()
    found = adapter.call(f"discriminator_{way}", points, D)
    expected = central_differences(lambda *params: d_loss(*points, params), D)
    for grad, slopes in zip(found, expected, strict=True):
        np.testing.assert_allclose(grad, slopes, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("choice", [{}, {"saturating": True}])
@pytest.mark.parametrize("way", ["grads", "autograd"])
def test_generators_gradients_pass_through_the_discriminator(
    adapter, points, way, choice
) -> None:
    G, D = networks()
    found = adapter.call(f"generator_{way}", points[1:], G, D, **choice)
    expected = central_differences(
        lambda *params: g_loss(points[1], params, D, **choice), G
    )
    for grad, slopes in zip(found, expected, strict=True):
        np.testing.assert_allclose(grad, slopes, rtol=1e-5, atol=1e-8)


def test_adam_takes_the_steps_of_its_formula(adapter) -> None:
    (param,) = params = adapter.variables([np.array([1.0, -2.0])])
    optimizer = adapter.manual.Adam(params, 0.1, momentum=0.8)
    expected, mean, square = np.array([1.0, -2.0]), 0, 0
    for step, grad in enumerate([[0.3, -4.0], [0.1, 2.0], [-1.0, 0.0]], start=1):
        optimizer.apply(adapter.constants([np.array(grad)]))
        mean = 0.8 * mean + 0.2 * np.array(grad)
        square = 0.999 * square + 0.001 * np.array(grad) ** 2
        root = np.sqrt(square / (1 - 0.999**step)) + 1e-8
        expected = expected - 0.1 * mean / (1 - 0.8**step) / root
        np.testing.assert_allclose(np.asarray(param), expected, rtol=1e-10)


def test_training_moves_the_discriminator_first(adapter, points) -> None:
    G, D = networks()
    g, d = adapter.variables(G), adapter.variables(D)
    adapter.manual.train(g, d, [points], rates=(0.01, 0.02), every=1)
    # Adam's first step is the learning rate against the sign of each gradient.
    grads = adapter.call("discriminator_grads", [points[0], network(points[1], G)], D)
    moved = [p - 0.02 * np.sign(x) for p, x in zip(D, grads, strict=True)]
    for param, expected in zip(d, moved, strict=True):
        np.testing.assert_allclose(np.asarray(param), expected, atol=1e-5)
    grads = adapter.call("generator_grads", points[1:], G, moved)
    for param, start, grad in zip(g, G, grads, strict=True):
        expected = start - 0.01 * np.sign(grad)
        np.testing.assert_allclose(np.asarray(param), expected, atol=1e-5)


def test_training_returns_copies_of_the_generator(adapter, points) -> None:
    G, D = (adapter.variables(x) for x in networks())
    copies = adapter.manual.train(G, D, [points] * 5, every=2)
    assert len(copies) == 2
    early, late = ([np.asarray(p) for p in x] for x in copies)
    assert [x.shape for x in late] == [tuple(p.shape) for p in G]
    assert all((x != y).any() for x, y in zip(early, late, strict=True))
    assert any((x != np.asarray(p)).any() for x, p in zip(late, G, strict=True))


def test_a_linear_generator_learns_the_mean(adapter) -> None:
    real = np.random.default_rng(1).standard_normal((2000, 2)) * 0.5 + [1, -1]
    G, D = draw_start([])[0], draw_start([8])[1]
    copies = adapter.manual.train(
        adapter.variables(G),
        adapter.variables(D),
        draw_pairs(real.astype(np.float32), 400),
        rates=(0.01, 0.02),
        every=1,
    )
    mean = np.mean([np.asarray(x[-1]) for x in copies[200:]], axis=0)
    np.testing.assert_allclose(mean, [1, -1], atol=0.1)


def test_the_fast_way_trains_the_same_networks(adapter) -> None:
    batches = list(draw_pairs(draw_ring(500, seed=0), 5))
    starts = draw_start([6, 5])
    G, D = map(adapter.variables, starts)
    adapter.manual.train(G, D, batches)
    for times in (1, 2):  # Adam begins anew
        fast = adapter.fast(starts, batches, times)
        for params, found in zip((G, D), fast, strict=True):
            for param, array in zip(params, found, strict=True):
                np.testing.assert_allclose(np.asarray(param), array, atol=1e-10)


# --- a GAN for digits, from layers


def generate(z, params):
    """Return images of the generator with the statistics of the batch, in NumPy."""
    W1, b1, W2, b2, W3, b3 = params
    for W, b in [(W1, b1), (W2, b2)]:
        sums = z @ W + b
        sums = (sums - sums.mean(axis=0)) / np.sqrt(sums.var(axis=0) + 1e-5)
        z = sums * expit(sums)
    return expit(z @ W3 + b3)


def test_networks_start_with_the_same_weights(adapter) -> None:
    for network, params in zip(
        adapter.layers.build_networks(7), draw_networks(7), strict=True
    ):
        for found, expected in zip(adapter.weights(network), params, strict=True):
            np.testing.assert_allclose(found, expected)


def test_first_losses_are_numpys(adapter) -> None:
    images = np.random.default_rng(0).random((70, 784), np.float32)
    networks, (G, D) = adapter.layers.build_networks(), draw_networks()
    (batch,) = draw_noisy_batches(images, 1)
    losses = adapter.layers.fit_gan(*networks, [batch], learning_rate=1e-9)
    real, z, real_noise, fake_noise = (x.astype(float) for x in batch)
    fake = generate(z, G) + fake_noise
    expected = (
        d_loss(real + real_noise, fake, D),
        -np.log(expit(network(fake, D))).mean(),
    )
    assert losses.shape == (1, 2)
    np.testing.assert_allclose(losses[0], expected, rtol=1e-4)


def test_generator_ends_with_the_running_average(adapter) -> None:
    images = np.random.default_rng(0).random((70, 784), np.float32)
    networks = adapter.layers.build_networks()
    starts = [adapter.weights(x) for x in networks]
    adapter.layers.fit_gan(*networks, draw_noisy_batches(images, 3), 0.01)
    moved = [
        max(abs(x - y).max() for x, y in zip(adapter.weights(n), start, strict=True))
        for n, start in zip(networks, starts, strict=True)
    ]
    assert moved[0] == pytest.approx(0.01, rel=0.05)  # little more than the first step
    assert moved[1] > 0.02


def test_digits_are_made_with_running_statistics(adapter) -> None:
    generator, _ = adapter.layers.build_networks()
    z = draw_noise((6, NUM_NOISE), seed=0)
    digits = adapter.layers.make_digits(generator, z)
    assert (digits.shape, digits.dtype) == ((6, 784), np.float32)
    assert ((digits > 0) & (digits < 1)).all()
    alone = adapter.layers.make_digits(generator, z[:1])
    np.testing.assert_allclose(alone, digits[:1], atol=1e-5)


# --- what both frameworks share


def test_gaussian_has_its_mean_and_covariance() -> None:
    points = draw_gaussian(200_000, seed=4)
    assert (points.shape, points.dtype) == ((200_000, 2), np.float32)
    np.testing.assert_allclose(points.mean(axis=0), SHIFT, atol=0.02)
    np.testing.assert_allclose(np.cov(points.T), MIXING.T @ MIXING, atol=0.05)
    assert (draw_gaussian(5, 1) == draw_gaussian(5, 1)).all()
    assert (draw_gaussian(5, 1) != draw_gaussian(5, 2)).all()


def test_pairs_are_real_points_and_noise() -> None:
    ring = draw_ring(50, seed=0)
    pairs = list(draw_pairs(ring, 20, num_noise=3, seed=5))
    real = np.concatenate([x for x, _ in pairs])
    noise = np.concatenate([x for _, x in pairs])
    assert real.shape == (20 * BATCH_SIZE, 2)
    assert noise.shape == (20 * BATCH_SIZE, 3)
    assert real.dtype == noise.dtype == np.float32
    assert {*map(tuple, real)} == {*map(tuple, ring)}
    assert abs(noise.mean()) < 0.05
    assert abs(noise.std() - 1) < 0.05
    again, _ = next(draw_pairs(ring, 1, num_noise=3, seed=5))
    assert (again == pairs[0][0]).all()
    assert (next(draw_pairs(ring, 1, seed=6))[0] != again).any()


def test_start_has_the_shapes_of_both_networks() -> None:
    G, D = draw_start([5, 4])
    assert [p.shape for p in G] == [(2, 5), (5,), (5, 4), (4,), (4, 2), (2,)]
    assert [p.shape for p in D] == [(2, 5), (5,), (5, 4), (4,), (4, 1), (1,)]
    assert {p.dtype for p in G + D} == {np.dtype(np.float64)}
    assert (G[0] != D[0]).all()
    assert (draw_start([5, 4], seed=9)[0][0] != G[0]).all()


def test_modes_are_counted_if_a_quarter_of_their_share_is_near() -> None:
    assert count_modes(np.repeat(CENTERS, 10, axis=0)) == (8, 1.0)
    beside = CENTERS + 2.9 * SPREAD * np.array([0, 1])
    assert count_modes(beside) == (8, 1.0)
    assert count_modes(CENTERS + 3.1 * SPREAD * np.array([0, 1])) == (0, 0.0)
    some = np.concatenate([np.repeat(CENTERS[:1], 31, axis=0), CENTERS[1:2]])
    assert count_modes(some) == (2, 1.0)  # 1 of 32 is a quarter of an eighth
    some = np.concatenate([np.repeat(CENTERS[:1], 32, axis=0), CENTERS[1:2]])
    assert count_modes(some) == (1, 1.0)
    far = np.concatenate([CENTERS, 9 + CENTERS])
    assert count_modes(far) == (8, 0.5)


def test_every_second_set_is_printed(capsys) -> None:
    print_modes(
        [CENTERS[:4], CENTERS, CENTERS[:4], np.concatenate([CENTERS, CENTERS * 9])]
    )
    assert capsys.readouterr().out.splitlines() == [
        "Step: 0200 | Modes: 8 of 8 | Near one: 100%",
        "Step: 0400 | Modes: 8 of 8 | Near one: 50%",
    ]


def test_gaussian_is_printed_with_its_three_entries(capsys) -> None:
    print_gaussian("truth", [1, 2], np.array([[3, 4], [4, 5]]))
    expected = "truth    mean 1.00 2.00, covariance  3.00  4.00  5.00\n"
    assert capsys.readouterr().out == expected


def test_points_are_drawn_beside_the_data() -> None:
    ring = draw_ring(30, seed=0)
    plot_points(ring, [ring[:10], ring[:20]], [100, 200])
    axes = plt.gcf().axes
    assert [axis.get_title() for axis in axes] == ["data", "step 100", "step 200"]
    sizes = [len(axis.collections[0].get_offsets()) for axis in axes]
    assert sizes == [30, 10, 20]
    assert all(axis.get_xlim() == (-2.6, 2.6) for axis in axes)
    plt.close()


def test_noisy_batches_have_noise_for_real_and_fake_images() -> None:
    images = np.random.default_rng(0).random((70, 784), np.float32)
    batches = list(draw_noisy_batches(images, 3, spread=0.2, seed=1))
    assert [[x.shape for x in batch] for batch in batches] == [
        [(64, 784), (64, NUM_NOISE), (64, 784), (64, 784)]
    ] * 3
    assert {x.dtype for batch in batches for x in batch} == {np.dtype(np.float32)}
    real, z, *noises = batches[0]
    assert {*map(bytes, real)} <= {*map(bytes, images)}
    assert z.std() == pytest.approx(1, abs=0.05)
    assert [x.std() for x in noises] == pytest.approx([0.2, 0.2], abs=0.005)
    assert abs(np.corrcoef(*(x.ravel() for x in noises))[0, 1]) < 0.02
    silent = next(draw_noisy_batches(images, 1, spread=0.0, seed=1))
    assert (silent[0] == real).all()
    assert not silent[2].any()


def test_start_for_digits_is_drawn_for_each_network() -> None:
    G, D = draw_networks(5)
    assert [p.shape for p in G[::2]] == [(NUM_NOISE, 128), (128, 256), (256, 784)]
    assert [p.shape for p in D[::2]] == [(784, 128), (128, 1)]
    assert {p.dtype for p in G + D} == {np.dtype(np.float32)}
    assert (draw_networks(6)[0][0] != G[0]).all()


def test_judge_tells_confidence_and_the_balance_of_classes() -> None:
    judge = [np.eye(10), np.zeros(10), 9 * np.eye(10), np.zeros(10)]
    images = np.eye(10)[[0, 0, 0, 1, 2, 3, 4, 5, 6, 7]]
    assert judge_digits(images, judge) == (1.0, 0.0, 0.3)
    assert judge_digits(images * 0.1, judge) == (0.0, 0.0, 0.3)


def test_nearest_distances_are_scipys() -> None:
    rng = np.random.default_rng(0)
    images, others = rng.random((5, 20)), rng.random((30, 20))
    expected = cdist(images, others).min(axis=1)
    np.testing.assert_allclose(nearest_distances(images, others), expected)
    assert (nearest_distances(others[:3], others) < 1e-6).all()


def test_digits_are_drawn_in_rows_of_20() -> None:
    images = np.zeros((40, 784))
    images[21] = 1  # the second of the second row
    plot_digits(images)
    picture = plt.gca().images[0].get_array()
    assert picture.shape == (56, 560)
    assert (picture[28:, 28:56] == 1).all()
    assert picture.sum() == 784
    plt.close()


# --- what judges the digits


def test_real_digits_are_judged_as_made_ones_are(monkeypatch) -> None:
    images = np.repeat(np.arange(60_000) // 250, 784).astype(np.uint8)
    read = images.reshape(-1, 28, 28), np.zeros(60_000, int), None, None
    asked = []

    def judge(made, alike=None):
        asked.append((made, alike))
        return dict.fromkeys(judged.MEASURES, made.mean())

    def prepare(framework):
        return lambda seed: (np.full((1000, 784), seed / 8), 340_113), judge

    monkeypatch.setattr(judged, "read_mnist", lambda: read)
    monkeypatch.setattr(judged, "prepare", prepare)
    rows = judged.results("tensorflow")
    assert rows["Fréchet distance"](2) == (340_113, 0.25)
    size, found = rows["real digits, Fréchet distance"](2)
    (_, none), (digits, alike) = asked
    assert none is None
    assert (size, digits.shape, alike.shape) == (340_113, (1000, 784), (1000, 784))
    assert found == digits.mean()
    assert digits.min() >= 56_000 // 250 / 255  # those before are to be covered
    assert alike.max() < 5000 / 250 / 255  # of the training set
    rows["real digits, coverage of validation digits"](2)
    assert len(asked) == 2  # all rows of a seed share what was found


def test_each_number_stands_in_its_row(adapter, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(60_000, 28, 28), dtype=np.uint8)
    labels = rng.integers(10, size=60_000)
    params = [rng.standard_normal((784, 5)), np.ones(5), np.eye(5, 10), np.zeros(10)]
    probas = np.eye(10)[np.repeat([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 100)] * 0.95
    probas[:100, 0], probas[900:, 9], probas[900:, 8] = 0.89, 0.1, 0.9
    monkeypatch.setattr(judged, "read_mnist", lambda: (pixels, labels, None, None))
    monkeypatch.setattr(judged, "train_judge", lambda *_: params)
    monkeypatch.setattr(judged, "train_lenet", lambda *_: lambda _: probas)
    images = pixels[:1000].reshape(1000, -1) / np.float32(255)
    _, judge = judged.prepare(adapter.name)
    found, shifted = judge(images), judge(images, images + 1)
    assert list(found) == [*judged.MEASURES]
    assert found["read with confidence by LeNet-5"] == pytest.approx(80)
    assert found["rarest class, by LeNet-5"] == 0
    assert found["most frequent class, by LeNet-5"] == 20
    sure = judge_digits(images, params)[0]
    assert found["read with confidence by the perceptron"] == 100 * sure
    assert found["distance to the nearest training image, least"] < 0.1
    assert shifted["Fréchet distance"] > found["Fréchet distance"]
    for name in judged.MEASURES.keys() - {"Fréchet distance"}:
        assert shifted[name] == found[name]


def test_lenet_is_that_of_the_convolutional_chapter(adapter, monkeypatch) -> None:
    layers = {"pytorch": "pytorch_module"}.get(adapter.name, "tensorflow_keras")
    module = import_module(f"snippets.convolutional_network.{layers}")
    fitted = []
    monkeypatch.setattr(module, "fit_decaying", lambda *args: fitted.append(args))
    rows = np.random.default_rng(0).random((6, 784), np.float32)
    data = rows, np.arange(6)
    read = judged.train_lenet(adapter.name, data, data)
    ((_, rate, (features, targets), _, rounds),) = fitted
    assert (rate, rounds.shape) == (0.005, (3, 550, 100))
    assert np.array_equal(np.asarray(features).ravel(), rows.ravel())
    assert targets.tolist() == list(range(6))
    probas = read(rows)
    assert probas.shape == (6, 10)
    np.testing.assert_allclose(probas.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(read(rows[3:4]), probas[3:4], rtol=1e-4)
