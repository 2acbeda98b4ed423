"""The fast way in TensorFlow computes what the chapters' own way does."""

import numpy as np
import pytest
import tensorflow as tf

from snippets.character_rnn import tensorflow_fast as rnn_fast
from snippets.character_rnn import tensorflow_model, tensorflow_train
from snippets.character_rnn.data import ALPHABET
from snippets.character_rnn.weights import draw_start_weights


@pytest.fixture
def model():
    start = draw_start_weights(len(ALPHABET), 8, 16, np.random.default_rng(1))
    return tensorflow_model.build_model(start)


def tokens(batch, time):
    rng = np.random.default_rng(2)
    return tf.constant(rng.integers(len(ALPHABET), size=(2, batch, time)))


@pytest.mark.parametrize(("batch", "time"), [(1, 1), (1, 20), (3, 6)])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_rnn_has_the_same_loss_and_gradients(model, batch, time, jit_compile):
    model.set_weights([3 * x for x in model.get_weights()])  # gates far from one half
    inputs, targets = tokens(batch, time)
    loss, grads = tensorflow_train.loss_and_gradients(
        tensorflow_train.loss_by_character, model, inputs, targets
    )

    @tf.function(jit_compile=jit_compile)
    def fast():
        with tf.GradientTape() as tape:
            loss = rnn_fast.loss_by_hand(model, inputs, targets)
        return loss, tape.gradient(loss, [x.value for x in model.trainable_variables])

    fast_loss, fast_grads = fast()
    assert float(fast_loss) == pytest.approx(loss, abs=1e-6)
    for grad, fast_grad in zip(grads, fast_grads, strict=True):
        np.testing.assert_allclose(
            tf.convert_to_tensor(fast_grad), grad, atol=1e-6, rtol=1e-5
        )


def test_unroll_has_the_gradient_that_differences_find():
    rng = np.random.default_rng(0)
    arguments = [tf.constant(rng.normal(size=x)) for x in [(4, 2, 9), (3, 9), (9,)]]
    slopes = rng.normal(size=(4, 2, 3))
    made, expected = tf.test.compute_gradient(
        lambda *x: tf.reduce_sum(slopes * rnn_fast.gated_unroll(*x)), arguments
    )
    for one, other in zip(made, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_rnn_trains_as_the_chapter_does(model):
    start = model.get_weights()
    inputs, targets = tokens(2, 12).numpy()
    losses = []
    for make_step, loss_fn in [
        (tensorflow_train.make_step, tensorflow_train.loss_of_sequence),
        (rnn_fast.make_compiled_step, rnn_fast.loss_by_hand),
    ]:
        model.set_weights(start)
        step = make_step(model, tensorflow_train.build_optimizer(model), loss_fn)
        losses.append([step(inputs, targets) for _ in range(5)])
    np.testing.assert_allclose(*losses, atol=1e-5)


@pytest.mark.parametrize(
    "loss_fn",
    [
        tensorflow_train.loss_by_character,
        tensorflow_train.loss_of_sequence,
        rnn_fast.loss_by_hand,
    ],
)
def test_losses_refuse_targets_of_another_shape_and_none(model, loss_fn):
    inputs, targets = tokens(2, 6)
    with pytest.raises(ValueError, match=r"\(2, 6\), targets \(2, 5\)"):
        loss_fn(model, inputs, targets[:, :5])
    for batch, time in [(0, 6), (2, 0)]:
        with pytest.raises(ValueError, match=rf"\({batch}, {time}\): not alike, or"):
            loss_fn(model, inputs[:batch, :time], targets[:batch, :time])
