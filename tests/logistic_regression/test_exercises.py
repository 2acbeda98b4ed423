"""The solutions of logistic regression's exercises that need no framework."""

import numpy as np
import pytest

from snippets.logistic_regression import exercises


def test_weights_for_centimetres_give_the_logits_of_standardized_features():
    rng = np.random.default_rng(0)
    X, mean, std = rng.normal(size=(9, 3)), rng.normal(size=3), rng.uniform(1, 2, 3)
    weights, bias = rng.normal(size=3).astype(np.float32), 0.5
    cm_weights, cm_bias = exercises.to_centimetres(weights, bias, mean, std)
    assert cm_weights.shape == (3,)
    expected = (X - mean) / std @ weights + bias
    np.testing.assert_allclose(X @ cm_weights + cm_bias, expected, atol=1e-12)


def test_standard_features_keep_their_weights():
    weights = np.array([2.0, -1.0])
    same, bias = exercises.to_centimetres(weights, 3.0, np.zeros(2), np.ones(2))
    np.testing.assert_array_equal(same, weights)
    assert bias == 3.0


@pytest.mark.parametrize(
    ("logits", "index"), [([2.0, -0.1, 0.2], 1), ([-9.0, 8.0, -10.0], 1), ([5.0], 0)]
)
def test_least_sure_is_the_logit_nearest_zero(logits, index):
    found = exercises.least_sure(np.array(logits))
    assert isinstance(found, int)
    assert found == index


def test_least_sure_of_no_logits_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        exercises.least_sure(np.array([]))
