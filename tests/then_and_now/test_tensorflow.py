"""The TensorFlow part of then and now: which names are there."""

import pytest

from snippets.then_and_now.tensorflow_then import exists

READS = []


@pytest.mark.parametrize("name", ["tf.math.log", "math.log", "tf.Variable"])
def test_a_name_that_is_there(name):
    assert exists(name)


@pytest.mark.parametrize(
    "name", ["tf.log", "tf.train.GradientDescentOptimizer", "tf.x.y"]
)
def test_a_name_that_is_gone(name):
    assert not exists(name)
