"""The autoencoders in both frameworks, against NumPy, SciPy and one another."""

from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import sqrtm
from scipy.special import expit, logsumexp
from scipy.stats import norm

from pagecode.frameworks import FRAMEWORKS, selected
from snippets.variational_autoencoder import judge, judged, training
from snippets.variational_autoencoder.figures import (
    make_grid,
    plot_images,
    plot_plane,
    tile,
)
from snippets.variational_autoencoder.training import (
    draw_batches,
    draw_noise,
    draw_params,
    draw_start,
    finite_differences,
    kl_closed,
    kl_integrated,
    kl_sampled,
    print_log,
)

CHAPTER = "snippets.variational_autoencoder"
LAYERS = {"pytorch": "pytorch_module", "tensorflow": "tensorflow_keras"}


class Adapter:
    """One framework's modules, with arrays in and arrays out."""

    def __init__(self, name: str) -> None:
        self.name = name
        if name == "pytorch":
            self.framework = import_module("torch")
        self.manual = import_module(f"{CHAPTER}.{name}_manual")
        self.fast = import_module(f"{CHAPTER}.{name}_fast")
        self.layers = import_module(f"{CHAPTER}.{LAYERS[name]}")
        self.constants = self.manual.to_tensors
        self.tensors = getattr(self.manual, "to_variables", self.manual.to_tensors)

    def build(self, num_latent, seed=0, **options):
        """Return a VAE with the start weights of a seed."""
        model = self.layers.VAE(num_latent, **options)
        self.layers.load_params(model, draw_start(2 * num_latent, num_latent, seed))
        return model

    def fit(self, model, features, **options):
        """Train a model by the chapter's Adam; return its history."""
        rate = options.pop("learning_rate", 0.003)
        if self.name == "pytorch":
            optimizer = self.framework.optim.Adam(model.parameters(), rate)
        else:
            optimizer = import_module("keras").optimizers.Adam(rate, epsilon=1e-8)
        data = self.constants([features])[0] if self.name == "pytorch" else features
        return self.layers.fit(model, optimizer, data, data, **options)

    def log_likelihoods(self, model, *arrays):
        return np.asarray(self.layers.log_likelihoods(model, *self.constants(arrays)))


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def adapter(request):
    return Adapter(request.param)


@pytest.fixture
def arrays():
    """Five examples of six features, and noise for two latent numbers, float64."""
    rng = np.random.default_rng(0)
    return rng.random((5, 6)), rng.standard_normal((5, 2))


@pytest.fixture
def images():
    """256 images of two kinds, with a little noise: (256, 784), float32."""
    rng = np.random.default_rng(0)
    kinds = rng.random((2, 784)) < 0.2
    features = kinds[np.arange(256) % 2] * 0.9 + 0.1 * rng.random((256, 784))
    return features.astype(np.float32)


def silu(sums):
    return sums * expit(sums)


def params64(seed=0):
    return [p.astype(np.float64) for p in draw_params([6, 8, 4], [2, 8, 6], seed)]


def losses_in_numpy(features, noise, params):
    W1, b1, W2, b2, W3, b3, W4, b4 = params
    codes = silu(features @ W1 + b1) @ W2 + b2
    mean, log_var = np.split(codes, 2, axis=1)
    std = np.exp(log_var / 2)
    probas = expit(silu((mean + std * noise) @ W3 + b3) @ W4 + b4)
    log_likelihood = features * np.log(probas) + (1 - features) * np.log(1 - probas)
    kl = (mean**2 + std**2 - 1 - log_var) / 2
    return -log_likelihood.sum(axis=1).mean(), kl.sum(axis=1).mean()


def test_losses_are_numpys(adapter, arrays) -> None:
    constants = adapter.constants(arrays)
    found = adapter.manual.losses(*constants, adapter.constants(params64()))
    expected = losses_in_numpy(*arrays, params64())
    np.testing.assert_allclose([float(x) for x in found], expected)


def test_encoder_and_decoder_return_their_hidden_sums(adapter, arrays) -> None:
    params = adapter.constants(params64())
    mean, log_var, hidden = adapter.manual.encode(
        *adapter.constants(arrays[:1]), params
    )
    assert [tuple(x.shape) for x in (mean, log_var, hidden)] == [(5, 2)] * 2 + [(5, 8)]
    logits, hidden = adapter.manual.decode(*adapter.constants(arrays[1:]), params)
    assert [tuple(x.shape) for x in (logits, hidden)] == [(5, 6), (5, 8)]


@pytest.mark.parametrize("way", ["backward", "backward_autograd"])
def test_gradients_are_those_of_numpys_loss(adapter, arrays, way: str) -> None:
    grads = getattr(adapter.manual, way)(
        *adapter.constants(arrays), adapter.tensors(params64())
    )
    expected = finite_differences(
        lambda params: sum(losses_in_numpy(*arrays, params)), params64()
    )
    for grad, slopes in zip(grads, expected, strict=True):
        np.testing.assert_allclose(np.asarray(grad), slopes, rtol=1e-5, atol=1e-8)


def test_adam_step_is_the_formula(adapter) -> None:
    params = adapter.tensors([np.array([1.0, 2.0])])
    state = [adapter.tensors([np.zeros(2)]) for _ in range(2)]
    m, v, expected = np.zeros(2), np.zeros(2), np.array([1.0, 2.0])
    for step in (1, 2, 3):
        grad = np.array([0.5, -3.0]) / step
        adapter.manual.adam_step(params, adapter.constants([grad]), *state, step)
        m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2
        root = np.sqrt(v / (1 - 0.999**step)) + 1e-8
        expected = expected - training.LEARNING_RATE * m / (1 - 0.9**step) / root
    np.testing.assert_allclose(np.asarray(params[0]), expected)


def test_training_by_hand_and_with_layers_is_the_same(adapter, images) -> None:
    params = adapter.tensors(draw_start(6, 3, 0))
    data = adapter.constants([images])[0]
    by_hand = adapter.manual.train(params, adapter.manual.backward, data, data, 3)
    history = adapter.fit(adapter.build(3), images, num_epochs=3)
    assert np.shape(history) == (3, 2)
    np.testing.assert_allclose(history, by_hand, rtol=1e-4)
    assert sum(history[-1]) < sum(history[0])


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 2e-4), ("float64", 1e-10)])
def test_the_fast_way_is_the_training_by_hand(adapter, images, dtype, bound) -> None:
    start = [p.astype(dtype) for p in draw_start(6, 3, 0)]
    slow, quick = adapter.tensors(start), adapter.tensors(start)
    data = adapter.constants([images.astype(dtype)])[0]
    by_hand = adapter.manual.train(slow, adapter.manual.backward, data, data, 3)
    history = adapter.fast.train_fast(quick, data, data, 3)
    np.testing.assert_allclose(history, by_hand, rtol=bound / 100)
    for one, other in zip(slow, quick, strict=True):
        assert np.asarray(other).dtype == dtype
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=bound)


def test_autoencoder_learns_and_has_no_divergence(adapter, images) -> None:
    model = adapter.layers.Autoencoder(2)
    adapter.layers.load_params(model, draw_start(2, 2, 0))
    before = abs(model.decode(model.codes(images)) - images).mean()
    history = adapter.fit(model, images, num_epochs=4)
    assert not history[:, 1].any()
    assert model.codes(images).shape == (256, 2)
    assert abs(model.decode(model.codes(images)) - images).mean() < before


def test_layers_encode_and_decode_as_numpy(adapter, images) -> None:
    W1, b1, W2, b2, W3, b3, W4, b4 = draw_start(6, 3, 0)
    model = adapter.build(3)
    codes = silu(images @ W1 + b1) @ W2 + b2
    np.testing.assert_allclose(model.codes(images), codes[:, :3], atol=1e-5)
    decoded = expit(silu(codes[:, 3:] @ W3 + b3) @ W4 + b4)
    np.testing.assert_allclose(model.decode(codes[:, 3:]), decoded, atol=1e-5)


def test_beta_weighs_the_divergence_in_training_alone(adapter, images) -> None:
    small, large = (
        adapter.fit(adapter.build(3, beta=beta), images, num_epochs=3)
        for beta in (0.1, 50.0)
    )
    assert large[-1, 1] < small[-1, 1]
    assert large[-1, 0] > small[-1, 0]


def test_log_likelihoods_are_numpys(adapter, images) -> None:
    features, noise = images[:4], draw_noise((5, 4, 3), seed=1)
    W1, b1, W2, b2, W3, b3, W4, b4 = draw_start(6, 3, 0)
    mean, log_var = np.split(silu(features @ W1 + b1) @ W2 + b2, 2, axis=1)
    std, log_weights = np.exp(log_var / 2), []
    for eps in noise:
        z = mean + std * eps
        probas = expit(silu(z @ W3 + b3) @ W4 + b4).astype(np.float64)
        pixels = features * np.log(probas) + (1 - features) * np.log1p(-probas)
        ratios = norm.logpdf(z) - norm.logpdf(z, mean, std)
        log_weights.append(pixels.sum(axis=1) + ratios.sum(axis=1))
    expected = logsumexp(log_weights, axis=0) - np.log(5)
    found = adapter.log_likelihoods(adapter.build(3), features, noise)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_relu_can_be_chosen(adapter, images) -> None:
    relu = adapter.framework.nn.ReLU if adapter.name == "pytorch" else "relu"
    model = adapter.build(3, activation=relu)
    *_, W3, b3, W4, b4 = draw_start(6, 3, 0)
    codes = draw_noise((4, 3), seed=2)
    expected = expit(np.maximum(codes @ W3 + b3, 0) @ W4 + b4)
    np.testing.assert_allclose(model.decode(codes), expected, atol=1e-5)


# --- what both share


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (1.0, 0.5), (-2.0, 3.0)])
def test_divergence_is_scipys_integral(mean: float, std: float) -> None:
    def integrand(z):
        log_q = norm.logpdf(z, mean, std)
        return np.exp(log_q) * (log_q - norm.logpdf(z))

    expected, _ = quad(integrand, mean - 12 * std, mean + 12 * std)
    log_var = np.log(std**2)
    assert kl_closed(mean, log_var) == pytest.approx(expected, abs=1e-9)
    assert kl_integrated(mean, log_var) == pytest.approx(expected, abs=1e-9)
    noise = np.random.default_rng(0).standard_normal(100_000)
    sampled, error = kl_sampled(mean, log_var, noise)
    assert abs(sampled - expected) <= 4 * error
    assert error == pytest.approx(error_of(mean, std, 100_000), rel=0.05, abs=1e-12)


def error_of(mean, std, num_samples):
    """Return the exact standard error: log q/p is a polynomial of the noise."""
    # log q/p = const - e²/2 + (mean + std e)²/2; Var(e²) = 2, Var(e) = 1
    variance = 2 * ((std**2 - 1) / 2) ** 2 + (mean * std) ** 2
    return np.sqrt(variance / num_samples)


def test_start_has_hes_variance() -> None:
    params = draw_params([784, 400, 40], [20, 400, 784], seed=1)
    near_zero = draw_start(40, 20, seed=1)
    np.testing.assert_allclose(near_zero[2] * 10, params[2], rtol=1e-6)
    assert [p.shape for p in near_zero] == [p.shape for p in params]
    shapes = [(784, 400), (400,), (400, 40), (40,), (20, 400), (400,), (400, 784)]
    assert [p.shape for p in params] == [*shapes, (784,)]
    for weights, bias in zip(params[::2], params[1::2], strict=True):
        assert weights.var() == pytest.approx(2 / len(weights), rel=0.05)
        assert (weights.dtype, bias.dtype, bias.any()) == (np.float32,) * 2 + (False,)


def test_each_epoch_has_whole_batches_and_noise_of_its_own() -> None:
    epochs = list(draw_batches(300, 3, 2, seed=0))
    assert [(x.shape, y.shape) for x, y in epochs] == [((2, 128), (2, 128, 2))] * 3
    for batches, noise in epochs:
        assert len({*batches.ravel()}) == 256
        assert batches.max() < 300
        assert noise.dtype == np.float32
    assert not np.array_equal(epochs[0][0], epochs[1][0])
    assert not np.array_equal(epochs[0][1], epochs[1][1])
    with pytest.raises(ValueError, match="100 examples do not fill a batch of 128"):
        next(draw_batches(100, 1, 2, seed=0))


def test_finite_differences_leave_the_arrays_as_they_were() -> None:
    arrays = [np.array([[1.0, 2.0]]), np.array(3.0)]
    slopes = finite_differences(lambda x: (x[0] ** 2).sum() * x[1], arrays)
    np.testing.assert_allclose(slopes[0], [[6, 12]])
    np.testing.assert_allclose(slopes[1], 5)
    assert [x.tolist() for x in arrays] == [[[1, 2]], 3]


def test_log_shows_both_parts_and_their_sum(capsys) -> None:
    print_log([(100.04, 20.04), (90.0, 25.0)])
    assert capsys.readouterr().out.splitlines() == [
        "Epoch: 001 | Valid loss: 120.1 = 100.0 + KL 20.0",
        "Epoch: 002 | Valid loss: 115.0 = 90.0 + KL 25.0",
    ]


def test_judge_learns_and_finds_strange_images_far() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(2000) % 10
    kinds = rng.random((10, 784)).astype(np.float32)
    images = kinds[labels] + 0.1 * rng.standard_normal((2000, 784), np.float32)
    params = judge.train_judge(images, labels, num_epochs=3, learning_rate=0.02)
    probas = judge.read_digits(images, params)
    np.testing.assert_allclose(probas.sum(axis=1), 1, rtol=1e-5)
    assert (probas.argmax(axis=1) == labels).mean() > 0.95
    assert probas.dtype == params[0].dtype == np.float32
    more = kinds[labels] + 0.1 * rng.standard_normal((2000, 784), np.float32)
    near, far = (judge.frechet_distance(x, images, params) for x in (more, 1 - more))
    assert 0 <= near < 0.05 * far


def test_distance_is_that_of_two_normal_distributions() -> None:
    rng = np.random.default_rng(0)
    params = [np.eye(3), np.array([50.0, 50.0, 50.0])]  # ReLU passes everything on
    mixing = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.3, 0.0, 2.0]])
    one = rng.standard_normal((4000, 3))
    two = 1 + rng.standard_normal((4000, 3)) @ mixing
    first, second = np.cov(one.T), np.cov(two.T)
    shift = one.mean(axis=0) - two.mean(axis=0)
    mixed = np.trace(first + second - 2 * sqrtm(first @ second).real)
    expected = shift @ shift + mixed
    assert judge.frechet_distance(one, two, params) == pytest.approx(expected)
    assert judge.frechet_distance(one, one, params) == pytest.approx(0, abs=1e-6)


def test_tile_lays_images_out_row_by_row() -> None:
    images = np.repeat(np.arange(6.0), 784).reshape(6, 784)
    images[1, 29] = 7  # its second row, second pixel
    picture = tile(images, 3)
    assert picture.shape == (56, 84)
    assert picture[::28, ::28].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert picture[1, 29] == 7


def test_grid_runs_from_the_top_left() -> None:
    grid = make_grid(3, 1.0)
    assert grid.tolist()[:4] == [[-1, 1], [0, 1], [1, 1], [-1, 0]]
    assert (grid.dtype, len(make_grid())) == (np.float32, 100)


def test_pictures_show_what_they_are_given() -> None:
    codes = np.array([[1.0, 2.0], [3.0, 4.0]])
    plot_plane(codes, np.array([0, 1]), np.zeros((20, 784)))
    left, right = plt.gcf().axes
    assert left.collections[0].get_offsets().tolist() == codes.tolist()
    assert right.images[0].get_array().shape == (56, 280)
    plot_images(np.ones((6, 784)), 3, ["a", "b"])
    (axis,) = plt.gcf().axes
    assert [x.get_text() for x in axis.get_yticklabels()] == ["a", "b"]
    assert axis.get_yticks().tolist() == [14, 42]
    training.plot_kl([10, 100], [(1.0, 0.5), (0.9, 0.1)], 0.8)
    bars = plt.gcf().axes[0].collections[0].get_segments()
    np.testing.assert_allclose([x[:, 1] for x in bars], [[0, 2], [0.7, 1.1]])
    plt.close("all")


def test_all_test_images_are_judged_with_fresh_noise(monkeypatch) -> None:
    images, drawn = np.arange(40 * 784, dtype=np.uint8).reshape(40, 28, 28), []

    def estimate(model, features, noise):
        assert model == "model 2"
        assert noise.shape == (10, 4, 20)
        drawn.append(noise)
        return features.mean(axis=1) * len(noise)

    def prepare(framework):
        return lambda seed: (f"model {seed}", 7, 0.0), estimate

    monkeypatch.setattr(judged, "read_mnist", lambda: (None, None, images, None))
    monkeypatch.setattr(judged, "prepare", prepare)
    size, found = judged.results("pytorch")["10 codes for each image"](2)
    assert size == 7
    assert found == pytest.approx(10 * images.mean() / 255)
    assert len({noise.tobytes() for noise in drawn}) == len(drawn) == 10
