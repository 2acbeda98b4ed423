"""MNIST-1D has the paper's bytes, and does not touch anybody's random numbers."""

import hashlib

import numpy as np
import pytest

from snippets.datasets.mnist1d import DIGITS, distort, make_mnist1d, resample, smooth

READS = []

# Of the first 4,000 signals as the package mnist1d 0.0.2.post1 makes them, in float32.
PAPER = "d53506bddd12d3b72c7153b1ae7f34807724b1dd078a7273809bf9d0792319f6"


def test_signals_are_the_papers_to_the_byte() -> None:
    signals, labels = make_mnist1d()
    assert hashlib.sha256(signals[:4000].tobytes()).hexdigest() == PAPER
    assert (signals.shape, signals.dtype) == ((5000, 40), np.float32)
    assert np.bincount(labels).tolist() == [500] * 10


def test_signals_are_scaled_together() -> None:
    signals, _ = make_mnist1d()
    assert signals.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)
    assert signals.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)


def test_another_seed_gives_other_signals_and_leaves_numpys_generator_alone() -> None:
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    signals, _ = make_mnist1d(seed=1)
    assert np.random.rand() == expected
    assert not np.array_equal(signals, make_mnist1d()[0])


def test_resampling_keeps_ends_and_straight_lines() -> None:
    line = np.linspace(2, 5, 4)
    np.testing.assert_allclose(resample(line, 7), np.linspace(2, 5, 7))


def test_smoothing_keeps_what_is_constant_and_calms_noise() -> None:
    np.testing.assert_allclose(smooth(np.full(72, 3.0)), 3.0)
    noise = np.random.RandomState(0).randn(72)
    assert smooth(noise).std() < noise.std() / 2


def test_the_digit_is_found_in_its_signal() -> None:
    quiet = np.random.RandomState(0)
    signal = distort(DIGITS[7] - 5.0, quiet)
    assert signal.shape == (40,)
    assert abs(signal).max() > 1  # the bump, above all noise
