"""The fast way in PyTorch computes what the chapters' own way does."""

import numpy as np
import pytest
import torch

from snippets.character_rnn import pytorch_fast as rnn_fast
from snippets.character_rnn import pytorch_model, pytorch_train
from snippets.character_rnn.data import ALPHABET
from snippets.character_rnn.weights import draw_start_weights
from tests.rounding import RECURRENT

device = pytorch_model.device


@pytest.fixture
def model():
    start = draw_start_weights(len(ALPHABET), 8, 16, np.random.default_rng(1))
    return pytorch_model.build_model(start)


def tokens(batch, time):
    rng = np.random.default_rng(2)
    return torch.tensor(rng.integers(len(ALPHABET), size=(2, batch, time))).to(device)


@pytest.mark.parametrize(("batch", "time"), [(1, 1), (1, 20), (3, 6)])
def test_rnn_has_the_same_loss_and_gradients(model, batch, time):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 3  # gates far from one half
    both = [
        pytorch_train.loss_and_gradients(loss_fn, model, *tokens(batch, time))
        for loss_fn in (pytorch_train.loss_by_character, rnn_fast.loss_by_hand)
    ]
    (loss, grads), (fast_loss, fast_grads) = both
    assert fast_loss == pytest.approx(loss, abs=RECURRENT)
    for grad, fast_grad in zip(grads, fast_grads, strict=True):
        torch.testing.assert_close(fast_grad, grad, atol=RECURRENT, rtol=1e-5)


def test_unroll_has_the_gradient_that_differences_find():
    generator = torch.Generator().manual_seed(0)
    shapes = [(4, 2, 9), (9, 3), (9,)]
    arguments = [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in shapes
    ]
    assert torch.autograd.gradcheck(rnn_fast.GatedUnroll.apply, arguments)


def test_unroll_refuses_a_gradient_of_its_gradient():
    shapes = [(2, 1, 9), (9, 3), (9,)]
    arguments = [torch.ones(shape, requires_grad=True) for shape in shapes]
    states = rnn_fast.GatedUnroll.apply(*arguments)
    grad_states = torch.ones_like(states, requires_grad=True)
    (grad, *_) = torch.autograd.grad(states, arguments, grad_states, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def test_rnn_trains_as_the_chapter_does(model):
    start = {name: x.clone() for name, x in model.state_dict().items()}
    inputs, targets = tokens(2, 12).cpu().numpy()
    losses = []
    for loss_fn in (pytorch_train.loss_of_sequence, rnn_fast.loss_by_hand):
        model.load_state_dict(start)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        step = pytorch_train.make_step(model, optimizer, loss_fn)
        losses.append([step(inputs, targets) for _ in range(5)])
    np.testing.assert_allclose(*losses, atol=1e-5)


@pytest.mark.parametrize(
    "loss_fn",
    [
        pytorch_train.loss_by_character,
        pytorch_train.loss_of_sequence,
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
