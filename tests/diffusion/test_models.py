"""Diffusion in both frameworks, against exact answers, NumPy, SciPy and one another."""

from functools import partial
from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import cdist
from scipy.special import expit, logsumexp

from pagecode.frameworks import FRAMEWORKS, selected
from snippets.diffusion import judged, training
from snippets.diffusion.figures import plot_paths, plot_trade
from snippets.diffusion.training import (
    CENTERS,
    KEPT,
    NUM_STEPS,
    SPREAD,
    WAVES,
    add_noise,
    add_noise_by_steps,
    choose_steps,
    coverage,
    distances_to,
    draw_labelled_batches,
    draw_noisy_batches,
    draw_plane_weights,
    draw_ring,
    draw_weights,
    encode_steps,
    energy_distance,
    guide,
    ideal_noise,
    join,
    judge_samples,
    make_schedule,
    mix_straight,
    sample_ddim,
    sample_ddpm,
    sample_flow,
    share_near,
)
from snippets.variational_autoencoder.judge import frechet_distance
from snippets.variational_autoencoder.training import finite_differences

CHAPTER = "snippets.diffusion"
LAYERS = {"pytorch": "pytorch_module", "tensorflow": "tensorflow_keras"}
SIZES = [2 + 16, 8, 8, 2]
MEAN, STD = 0.7, 0.4  # of the single Gaussian whose best predictor is known


class Adapter:
    """One framework's modules, with arrays in and arrays out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.manual = import_module(f"{CHAPTER}.{name}_manual")
        self.layers = import_module(f"{CHAPTER}.{LAYERS[name]}")
        self.constants = self.manual.to_tensors
        self.tensors = getattr(self.manual, "to_variables", self.manual.to_tensors)

    def build(self, sizes=SIZES):
        """Return a network with the start weights of seed 0."""
        network, weights = self.layers.build_network(sizes), draw_weights(sizes, 0)
        if self.name == "pytorch":
            self.layers.load_params(network, weights)
        else:
            network.set_weights(weights)
        return network

    def fit(self, network, batches, decay):
        """Return the network that averages its weights in training."""
        if self.name == "pytorch":
            adam = import_module("torch").optim.Adam(network.parameters(), 0.003)
            return self.layers.fit_noise(network, adam, batches, decay)
        adam = import_module("keras").optimizers.Adam(
            0.003, epsilon=1e-8, use_ema=True, ema_momentum=decay
        )
        return self.layers.fit_noise(network, adam, (x for x in batches), len(batches))

    def weights(self, network):
        if self.name == "pytorch":
            return [p.detach().numpy().T for p in network.parameters()]
        return network.get_weights()

    def sample_fast(self, network, start, one_hots, weight, num_steps):
        if self.name == "pytorch":
            return self.layers.sample_fast(network, start, one_hots, weight, num_steps)
        sample = self.layers.build_fast_sampler(network, weight, num_steps)
        return sample(start, one_hots).numpy()


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def adapter(request):
    return Adapter(request.param)


@pytest.fixture
def arrays():
    """Five examples of six features and two targets, float64."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((5, 6)), rng.standard_normal((5, 2))


def params64():
    return [p.astype(np.float64) + 0.1 for p in draw_weights([6, 8, 7, 2], 0)]


def network_in_numpy(features, params):
    W1, b1, W2, b2, W3, b3 = params
    sums = features @ W1 + b1
    sums = sums * expit(sums) @ W2 + b2
    return sums * expit(sums) @ W3 + b3


def loss_in_numpy(features, targets, params):
    return ((network_in_numpy(features, params) - targets) ** 2).mean()


# --- the network and its training, in both frameworks


def test_forward_and_loss_are_numpys(adapter, arrays) -> None:
    features, targets = adapter.constants(arrays)
    params = adapter.constants(params64())
    predictions, hidden = adapter.manual.forward(features, params)
    expected = network_in_numpy(arrays[0], params64())
    np.testing.assert_allclose(np.asarray(predictions), expected)
    assert [tuple(x.shape) for pair in hidden for x in pair] == [(5, 8)] * 2 + [
        (5, 7)
    ] * 2
    loss = float(adapter.manual.loss_fn(predictions, targets))
    assert loss == pytest.approx(loss_in_numpy(*arrays, params64()))


@pytest.mark.parametrize("way", ["backward", "backward_autograd"])
def test_gradients_are_those_of_numpys_loss(adapter, arrays, way: str) -> None:
    grads = getattr(adapter.manual, way)(
        *adapter.constants(arrays), adapter.tensors(params64())
    )
    expected = finite_differences(lambda x: loss_in_numpy(*arrays, x), params64())
    for grad, slopes in zip(grads, expected, strict=True):
        np.testing.assert_allclose(np.asarray(grad), slopes, rtol=1e-5, atol=1e-8)


def trajectory(adapter, num_batches):
    """Return the weights by hand after each of the batches, and the averages."""
    found = []
    for number in range(1, num_batches + 1):
        params = adapter.tensors(draw_weights(SIZES, 0))
        batches = draw_noisy_batches(draw_ring(100, 0), number)
        averages = adapter.manual.train(params, batches)
        found.append([np.asarray(p) for p in params])
    return found, [np.asarray(x) for x in averages]


def test_training_by_hand_averages_the_weights(adapter) -> None:
    path, averages = trajectory(adapter, 3)
    expected = draw_weights(SIZES, 0)
    for weights in path:
        expected = [0.99 * x + 0.01 * y for x, y in zip(expected, weights, strict=True)]
    for average, array in zip(averages, expected, strict=True):
        np.testing.assert_allclose(average, array, rtol=1e-5, atol=1e-7)


def test_training_with_layers_is_that_by_hand(adapter) -> None:
    path, _ = trajectory(adapter, 3)
    batches = [*draw_noisy_batches(draw_ring(100, 0), 3)]
    average = adapter.fit(adapter.build(), batches, decay=0.5)
    expected = path[0]  # both libraries begin the average with the first update
    for weights in path[1:]:
        expected = [(x + y) / 2 for x, y in zip(expected, weights, strict=True)]
    for weights, array in zip(adapter.weights(average), expected, strict=True):
        np.testing.assert_allclose(weights, array, rtol=1e-3, atol=1e-5)


def test_predictors_run_the_network(adapter) -> None:
    points, weights = draw_ring(4, 0), draw_weights(SIZES, 0)
    expected = network_in_numpy(join(points, 7), weights)
    by_hand = adapter.manual.to_predictor(adapter.tensors(weights))
    run = adapter.layers.to_runner(adapter.build())
    np.testing.assert_allclose(by_hand(points, 7), expected, atol=1e-5)
    np.testing.assert_allclose(run(join(points, 7)), expected, atol=1e-5)


def test_training_learns_the_ring(adapter) -> None:
    params = adapter.tensors(draw_weights([18, 64, 64, 2], 0))
    averages = adapter.manual.train(params, draw_noisy_batches(draw_ring(5000, 0), 400))
    points, steps = draw_ring(2000, 1), np.arange(2000) % NUM_STEPS + 1
    noise = np.random.default_rng(0).standard_normal((2000, 2))
    noisy, _ = add_noise(points, noise, steps)
    errors = adapter.manual.to_predictor(averages)(noisy, steps) - noise
    ideal = ideal_noise(noisy, steps) - noise
    assert (ideal**2).mean() < (errors**2).mean() < 1.6 * (ideal**2).mean()


def test_one_loop_samples_what_numpy_samples(adapter) -> None:
    sizes = [3 + 16 + 10, 8, 8, 8, 3]
    network, one_hots = adapter.build(sizes), np.eye(10, dtype=np.float32)[[3, 1, 4, 1]]
    start = np.random.default_rng(0).standard_normal((4, 3), np.float32)
    run = adapter.layers.to_runner(network)
    for weight in (0, 2):
        expected = sample_ddim(guide(run, one_hots, weight), start, 7)
        found = adapter.sample_fast(network, start, one_hots, weight, 7)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


# --- the forward process


@pytest.mark.parametrize("step", [1, 60, 200])
def test_closed_form_is_the_simulation(step: int) -> None:
    start = np.tile([[1.0, -2.0]], (100_000, 1))
    simulated = add_noise_by_steps(start, step, seed=0)
    noise = np.random.default_rng(1).standard_normal(start.shape)
    closed, targets = add_noise(start, noise, np.full(len(start), step))
    assert targets is noise
    assert closed.dtype == np.float32
    for found in (simulated, closed):
        np.testing.assert_allclose(
            found.mean(axis=0), np.sqrt(KEPT[step]) * start[0], atol=0.015
        )
        assert np.allclose(found.var(axis=0), 1 - KEPT[step], rtol=0.02)
    assert abs(np.corrcoef(simulated.T)[0, 1]) < 0.015


def test_schedule_keeps_the_product_of_what_each_step_keeps() -> None:
    kept = make_schedule(3, 0.1, 0.3)
    np.testing.assert_allclose(kept, [1, 0.9, 0.9 * 0.8, 0.9 * 0.8 * 0.7])
    assert len(KEPT) == NUM_STEPS + 1
    assert KEPT[-1] < 1e-4


# --- samplers, with the best predictor of a single Gaussian


def gaussian_noise(points, step, kept=KEPT):
    """Return the mean noise in points, if the data are N(MEAN, STD^2)."""
    share = kept[step]
    variance = share * STD**2 + 1 - share
    return np.sqrt(1 - share) * (points - np.sqrt(share) * MEAN) / variance


def gaussian_velocity(points, step):
    """Return the mean of noise - data, given points on the straight lines."""
    u = step / NUM_STEPS
    factor = (points - (1 - u) * MEAN) / ((1 - u) ** 2 * STD**2 + u**2)
    return u * factor - MEAN - (1 - u) * STD**2 * factor


@pytest.mark.parametrize("factor", [1, 4])
def test_ddpm_samples_a_gaussian(factor: int) -> None:
    num_steps = factor * NUM_STEPS
    kept = make_schedule(num_steps, 0.0005 / factor, 0.1 / factor)
    noise = np.random.default_rng(0).standard_normal((num_steps + 1, 10_000, 1))
    predict = partial(gaussian_noise, kept=kept)
    states = sample_ddpm(predict, noise, kept)
    assert states.shape == noise.shape
    np.testing.assert_array_equal(states[0], noise[0])
    for left in (0, num_steps // 10, num_steps // 2):  # as in the forward process
        share, found = kept[left], states[num_steps - left]
        std = np.sqrt(share * STD**2 + 1 - share)
        assert found.mean() == pytest.approx(np.sqrt(share) * MEAN, abs=0.03)
        assert found.std() == pytest.approx(std, rel=0.05)
    # each step leaves out that the data point is uncertain: by less in smaller steps
    assert 0 < STD - states[-1].std() < 0.02 / factor


def test_ddpm_step_is_the_posterior_of_bayes() -> None:
    noise = np.random.default_rng(0).standard_normal((NUM_STEPS + 1, 5, 1))
    states = sample_ddpm(gaussian_noise, noise)
    step = 80
    x, kept, before = states[NUM_STEPS - step], KEPT[step], KEPT[step - 1]
    eps = gaussian_noise(x, step)
    clean = (x - np.sqrt(1 - kept) * eps) / np.sqrt(kept)
    alpha = kept / before
    precision = 1 / (1 - before) + alpha / (1 - alpha)
    mean = np.sqrt(before) * clean / (1 - before) + np.sqrt(alpha) * x / (1 - alpha)
    expected = mean / precision + noise[NUM_STEPS - step + 1] / np.sqrt(precision)
    np.testing.assert_allclose(states[NUM_STEPS - step + 1], expected)


@pytest.mark.parametrize(
    ("sample", "predict"),
    [(sample_ddim, gaussian_noise), (sample_flow, gaussian_velocity)],
)
def test_sampler_without_fresh_noise_samples_a_gaussian(sample, predict) -> None:
    start = np.random.default_rng(0).standard_normal((20_000, 1))
    samples = sample(predict, start, 200)
    assert samples.mean() == pytest.approx(MEAN, abs=0.02)
    assert samples.std() == pytest.approx(STD, rel=0.03)
    ranks = scipy.stats.spearmanr(start[:, 0], samples[:, 0]).statistic
    assert ranks == pytest.approx(1)  # the same start gives the same sample
    few = sample(predict, start, 10)
    assert abs(few.std() / STD - 1) > abs(samples.std() / STD - 1)


def test_samplers_keep_the_type_of_their_start() -> None:
    noise = np.random.default_rng(0).standard_normal((NUM_STEPS + 1, 3, 2), np.float32)

    def predict(points, _):
        return 0 * points

    assert sample_ddpm(predict, noise).dtype == np.float32
    for sample in (sample_ddim, sample_flow):
        assert sample(predict, noise[0], 5).dtype == np.float32


def test_steps_go_from_the_last_to_none() -> None:
    assert choose_steps(4).tolist() == [200, 150, 100, 50, 0]
    assert choose_steps(NUM_STEPS).tolist() == list(range(NUM_STEPS, -1, -1))


def test_straight_lines_and_their_velocities() -> None:
    points, noise = np.array([[1.0, 2.0]]), np.array([[3.0, -1.0]])
    noisy, velocity = mix_straight(points, noise, np.array([50]))
    np.testing.assert_allclose(noisy, [[1.5, 1.25]])
    np.testing.assert_allclose(velocity, [[2, -3]])


# --- the ring, its ideal predictor, and the batches


def log_density(point, kept):
    """Return the logarithm of the ring's density after noise, up to a constant."""
    variance = kept * SPREAD**2 + 1 - kept
    squares = ((point - np.sqrt(kept) * CENTERS) ** 2).sum(axis=1)
    return logsumexp(-squares / 2 / variance)


@pytest.mark.parametrize("step", [1, 30, 120, 200])
def test_ideal_noise_is_the_slope_of_the_log_density(step: int) -> None:
    points = np.random.default_rng(0).standard_normal((5, 2))
    slopes = [
        finite_differences(lambda x: log_density(x[0], KEPT[step]), [point.copy()])[0]
        for point in points
    ]
    expected = -np.sqrt(1 - KEPT[step]) * np.array(slopes)
    np.testing.assert_allclose(
        ideal_noise(points, step), expected, rtol=1e-5, atol=1e-6
    )
    each = ideal_noise(points, np.full(5, step))
    np.testing.assert_allclose(each, expected, rtol=1e-5, atol=1e-6)


def test_ring_has_eight_spots_and_variance_one() -> None:
    points = draw_ring(20_000, 0)
    nearest = np.linalg.norm(points[:, None] - CENTERS, axis=2)
    counts = np.bincount(nearest.argmin(axis=1))
    assert counts.min() > 2300
    assert len(counts) == 8
    assert nearest.min(axis=1).max() < 6 * SPREAD
    np.testing.assert_allclose(points.var(axis=0), 1 + SPREAD**2, rtol=0.02)
    assert points.dtype == np.float32
    assert share_near(points) == pytest.approx(1 - np.exp(-4.5), abs=0.003)
    assert share_near(np.zeros((3, 2))) == 0


def test_features_are_points_steps_and_contexts() -> None:
    points, labels = draw_ring(3, 0), np.eye(10, dtype=np.float32)[[1, 2, 3]]
    one, each = join(points, 5), join(points, np.array([5, 6, 7]), labels)
    assert (one.shape, each.shape, each.dtype) == ((3, 18), (3, 28), np.float32)
    np.testing.assert_array_equal(one[:, 2:], [WAVES[5]] * 3)
    np.testing.assert_array_equal(each[:, 2:18], WAVES[5:8])
    np.testing.assert_array_equal(each[:, 18:], labels)
    assert join(points, 5, waves=np.zeros((201, 1))).shape == (3, 3)


def test_waves_tell_all_steps_apart() -> None:
    waves = encode_steps(4)
    assert (waves.shape, waves.dtype) == ((NUM_STEPS + 1, 8), np.float32)
    np.testing.assert_allclose(waves[:, :4] ** 2 + waves[:, 4:] ** 2, 1, rtol=1e-5)
    np.testing.assert_allclose(waves[3, [0, 3]], np.sin([15, 0.015]), rtol=1e-5)
    apart = cdist(waves, waves) + 9 * np.eye(NUM_STEPS + 1)
    assert apart.min() > 0.3


def test_batches_hold_noisy_points_and_their_noise() -> None:
    points = draw_ring(1, 0)  # each example starts at the same point
    (features, targets), (more, _) = draw_noisy_batches(points, 2)
    assert (features.shape, targets.shape) == ((256, 18), (256, 2))
    steps = (features[:, None, 2:] == WAVES).all(axis=2).argmax(axis=1)
    assert steps.min() >= 1
    assert steps.max() <= NUM_STEPS
    assert len(set(steps)) > 100
    kept = KEPT[steps][:, None]
    expected = np.sqrt(kept) * points + np.sqrt(1 - kept) * targets
    np.testing.assert_allclose(features[:, :2], expected, atol=1e-5)
    assert not np.array_equal(features, more)


def test_labelled_batches_leave_out_one_label_of_ten() -> None:
    points, one_hots = np.zeros((50, 3), np.float32), np.eye(10)[np.arange(50) % 10]
    batches = list(draw_labelled_batches(points, one_hots, 20))
    labels = np.concatenate([features[:, 19:] for features, _ in batches])
    assert labels.shape == (20 * 256, 10)
    assert set(labels.sum(axis=1)) == {0, 1}
    assert (labels.sum(axis=1) == 0).mean() == pytest.approx(0.1, abs=0.015)
    features, targets = batches[0]
    steps = (features[:, None, 3:19] == WAVES).all(axis=2).argmax(axis=1)
    expected = np.sqrt(1 - KEPT[steps])[:, None] * targets
    np.testing.assert_allclose(features[:, :3], expected, atol=1e-5)


def test_labels_stay_with_their_points() -> None:
    points = np.arange(10, dtype=np.float32)[:, None] * 100
    ((features, targets),) = draw_labelled_batches(points, np.eye(10), 1)
    labels = features[:, 17:]
    labelled = labels.sum(axis=1) == 1
    steps = (features[:, None, 1:17] == WAVES).all(axis=2).argmax(axis=1)
    kept = KEPT[steps][:, None]
    clean = (features[:, :1] - np.sqrt(1 - kept) * targets) / np.sqrt(kept)
    early = labelled & (kept[:, 0] > 0.1)
    found = clean[early, 0].round().astype(int) // 100
    assert found.tolist() == labels[early].argmax(axis=1).tolist()


def test_start_has_hes_variance() -> None:
    params = draw_weights([400, 300, 200], 0)
    assert [p.shape for p in params] == [(400, 300), (300,), (300, 200), (200,)]
    for weights, bias in zip(params[::2], params[1::2], strict=True):
        assert weights.var() == pytest.approx(2 / len(weights), rel=0.02)
        assert (weights.dtype, bias.dtype, bias.any()) == (np.float32,) * 2 + (False,)


def test_start_on_the_plane_has_larger_weights_for_the_coordinates() -> None:
    found, plain = draw_plane_weights(3, 0), draw_weights([3, 128, 128, 2], 0)
    np.testing.assert_array_equal(found[0][:2], 6 * plain[0][:2])
    np.testing.assert_array_equal(found[0][2:], plain[0][2:])
    for one, other in zip(found[1:], plain[1:], strict=True):
        np.testing.assert_array_equal(one, other)
    assert draw_plane_weights()[0].shape == (18, 128)


# --- guidance and measures


def test_guidance_moves_away_from_what_has_no_label() -> None:
    one_hots = np.eye(10, dtype=np.float32)[[2, 5]]

    def run(features):
        return 1 + features[:, -10:] @ np.arange(10)[:, None]

    points = np.zeros((2, 3), np.float32)
    for weight, expected in [(0, [3, 6]), (1, [5, 11]), (2, [7, 16])]:
        found = guide(run, one_hots, weight)(points, 9)
        np.testing.assert_allclose(found[:, 0], expected)


def test_energy_distance_is_the_square_of_scipys() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.standard_normal((50, 1)), 0.5 + rng.standard_normal((70, 1))
    expected = scipy.stats.energy_distance(one[:, 0], two[:, 0]) ** 2
    assert energy_distance(one, two) == pytest.approx(expected)
    assert energy_distance(one, one) == pytest.approx(0, abs=1e-12)


def test_distances_are_scipys() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.standard_normal((4, 6)), rng.standard_normal((5, 6))
    np.testing.assert_allclose(distances_to(one, two), cdist(one, two))
    assert not np.isnan(distances_to(one + 1e4, one + 1e4)).any()


def test_coverage_counts_digits_with_an_image_near() -> None:
    params = [np.eye(2), np.full(2, 100.0)]  # ReLU passes everything on
    digits = np.stack([np.arange(12.0), np.zeros(12)], axis=1)
    assert coverage(digits, digits, params) == 1
    assert coverage(digits + 50, digits, params) == 0
    # the second neighbor is 1 away inside the row, and 2 away at its ends
    near_an_end = np.array([[-0.5, 0.0]])
    assert coverage(near_an_end, digits, params, num_neighbors=2) == 1 / 12
    inside = np.array([[5.4, 0.0]])
    assert coverage(inside, digits, params, num_neighbors=2) == 2 / 12


def test_samples_are_judged_in_three_ways(capsys) -> None:
    rng = np.random.default_rng(0)
    params = [rng.standard_normal((6, 5)), np.ones(5), np.eye(5, 10), np.zeros(10)]
    images, digits = rng.standard_normal((40, 6)), rng.standard_normal((1200, 6))
    hidden = np.maximum(images @ params[0] + 1, 0)
    read = np.hstack([hidden, np.zeros((40, 5))]).argmax(axis=1)
    asked = np.where(np.arange(40) < 10, (read + 1) % 10, read)
    share, distance, covered = judge_samples(images, asked, digits, params)
    assert share == 0.75
    assert distance == frechet_distance(images, digits, params)
    assert covered == coverage(images, digits[:1000], params)
    training.report("name", images, asked, digits, params)
    line = f"name        : 0.75, distance {distance:.1f}, covers {covered:.2f}\n"
    assert capsys.readouterr().out == line


def test_pictures_show_what_they_are_given() -> None:
    states = np.random.default_rng(0).standard_normal((NUM_STEPS + 1, 4, 2))
    plot_paths(np.ones((4, 2)), states)
    axes = np.reshape(plt.gcf().axes, (2, 5))
    assert [x.get_title() for x in axes[0]] == [
        f"step {step}" for step in (0, 25, 50, 100, 200)
    ]
    shown = [x.collections[0].get_offsets() for x in axes[1]]
    np.testing.assert_allclose(shown, states[[200, 175, 150, 100, 0]])
    np.testing.assert_allclose(axes[0, 0].collections[0].get_offsets(), 1)
    plot_trade([0, 1], [0.8, 0.9], [0.7, 0.6])
    (axis,) = plt.gcf().axes
    np.testing.assert_allclose(axis.lines[0].get_xydata(), [[80, 70], [90, 60]])
    assert [x.get_text() for x in axis.texts] == ["0", "1"]
    plt.close("all")


def test_hyperparameters_are_those_of_the_schedule() -> None:
    assert training.make_schedule().tolist() == KEPT.tolist()


def test_made_and_real_digits_are_judged_in_four_ways(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(60_000, 28, 28), dtype=np.uint8)
    labels, asked = rng.integers(10, size=60_000), np.arange(1000) % 10
    params = [rng.standard_normal((784, 5)), np.ones(5), np.eye(5, 10), np.zeros(10)]
    digits = pixels.reshape(60_000, 784) / np.float32(255)
    made = digits[:1000] / 2

    class Halving:
        def codes(self, images):
            return images

        def decode(self, codes):
            return codes / 2

    monkeypatch.setattr(judged, "read_mnist", lambda: (pixels, labels, None, None))
    monkeypatch.setattr(judged, "train_judge", lambda *_: params)
    monkeypatch.setattr(
        judged,
        "prepare",
        lambda _: (lambda _: (None, Halving(), None), lambda *_: made, asked),
    )
    rows = judged.results("pytorch")
    share, distance, covered = judge_samples(made, asked, digits[55_000:], params)
    nearest = np.median(distances_to(made, digits[:55_000]).min(axis=1))
    for name, expected in zip(
        judged.MEASURES, (100 * share, distance, 100 * covered, nearest), strict=True
    ):
        size, found = rows[f"weight 1, {name}"](0)
        assert size == sum(p.size for p in draw_weights(judged.SIZES))
        assert found == pytest.approx(expected)
    nearest, *_ = [rows[x](0)[1] for x in rows if x.startswith("decoded digits")]
    chosen = np.random.default_rng(0).permutation(4000)[:1000]
    decoded = digits[56_000 + chosen] / 2
    expected = np.median(distances_to(decoded, digits[:55_000]).min(axis=1))
    assert nearest == pytest.approx(expected)
    real = digits[56_000 + chosen], labels[56_000 + chosen], digits[55_000:]
    share, _, covered = judge_samples(*real, params)
    assert rows["real digits, read as asked"](0)[1] == pytest.approx(100 * share)
    found = rows["real digits, coverage of validation digits"](0)[1]
    assert found == pytest.approx(100 * covered)
    distance = frechet_distance(digits[chosen], digits[55_000:], params)
    assert rows["real digits, Fréchet distance"](0)[1] == pytest.approx(distance)
