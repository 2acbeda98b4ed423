"""The GPT in both frameworks, against one another and against what must hold."""

import math
import re
from importlib import import_module

import numpy as np
import pytest

from pagecode.frameworks import FRAMEWORKS, selected
from snippets.gpt.training import (
    BATCH_SIZE,
    CONTEXT,
    GRU_BOUND,
    PEAK_RATE,
    choose,
    decode,
    decode_pairs,
    draw_batches,
    draw_params,
    encode,
    encode_pairs,
    learn_pairs,
    learning_rate,
    merge,
)
from tests.served import ROOT

VOCABULARY = 7


class Adapter:
    """One framework's modules, with arrays in and arrays out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.framework = import_module({"pytorch": "torch"}.get(name, name))
        self.models = import_module(f"snippets.gpt.{name}_model")
        self.training = import_module(f"snippets.gpt.{name}_train")
        self.fast = import_module(f"snippets.gpt.{name}_fast")

    @property
    def with_caches(self):
        return self.models.generate_cached, self.fast.generate_fast

    def model(self, scale=1):
        model = self.models.GPT(VOCABULARY)
        params = draw_params(VOCABULARY, 0)
        self.models.load_params(model, [scale * x for x in params])
        return model

    def call(self, model, tokens, past=None):
        make = self.framework.tensor if self.name == "pytorch" else np.array
        logits, past = model(make(tokens), past)
        if self.name == "pytorch":
            logits = logits.detach()
        return logits.numpy(), past

    def trainable(self, model):
        if self.name == "pytorch":
            return [x.detach().numpy() for x in model.parameters() if x.requires_grad]
        return [x.numpy() for x in model.trainable_variables]


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def adapter(request):
    return Adapter(request.param)


def text(size=400):
    return np.random.default_rng(0).integers(VOCABULARY, size=size).astype(np.int32)


def test_no_place_sees_what_follows(adapter) -> None:
    model, tokens = adapter.model(10), text(12)[None]
    changed = tokens.copy()
    changed[0, 5] = (changed[0, 5] + 1) % VOCABULARY
    one, two = (adapter.call(model, x)[0] for x in (tokens, changed))
    assert one.shape == (1, 12, VOCABULARY)
    np.testing.assert_allclose(one[0, :5], two[0, :5], atol=1e-5)
    assert np.abs(one - two)[0, 5:].max(axis=1).min() > 1e-3


def logits_of(params, tokens):
    """Return a GPT's logits (length, vocabulary), written with NumPy in float64."""
    arrays = iter(np.asarray(x, float) for x in params)
    embedding, positions = next(arrays), next(arrays)

    def norm(x):
        scale, shift = next(arrays), next(arrays)
        centred = x - x.mean(axis=1, keepdims=True)
        return centred / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5) * scale + shift

    x = embedding[tokens] + positions[: len(tokens)]
    unseen = np.triu(np.ones((len(tokens), len(tokens)), bool), 1)
    for _ in range(4):
        queries, keys, values = np.split(norm(x) @ next(arrays), 3, axis=1)
        heads = []
        for part in np.split(np.arange(x.shape[1]), 4):
            scores = queries[:, part] @ keys[:, part].T / np.sqrt(len(part))
            weights = np.exp(np.where(unseen, -np.inf, scores))
            heads.append(weights / weights.sum(axis=1, keepdims=True) @ values[:, part])
        x = x + np.hstack(heads) @ next(arrays)
        hidden = norm(x) @ next(arrays) + next(arrays)
        hidden *= (1 + np.vectorize(math.erf)(hidden / np.sqrt(2))) / 2
        x = x + hidden @ next(arrays) + next(arrays)
    return norm(x) @ embedding.T


# With small weights, what layer normalization adds to the variance counts.
@pytest.mark.parametrize("scale", [0.1, 1, 3])
def test_logits_are_those_of_numpy(adapter, scale) -> None:
    tokens = text(12)
    params = [scale * x for x in draw_params(VOCABULARY, 0)]
    found, _ = adapter.call(adapter.model(scale), tokens[None])
    expected = logits_of(params, tokens)
    size = np.abs(expected).max()
    np.testing.assert_allclose(found[0] / size, expected / size, atol=1e-5)


def test_past_saves_reading_again(adapter) -> None:
    model, tokens = adapter.model(10), text(12)[None]
    whole, _ = adapter.call(model, tokens)
    first, past = adapter.call(model, tokens[:, :7])
    rest, past = adapter.call(model, tokens[:, 7:], past)
    found = np.concatenate([first, rest], axis=1)
    np.testing.assert_allclose(found, whole, rtol=1e-4, atol=1e-3)
    assert tuple(past[0][0].shape) == (1, 4, 12, 32)


@pytest.mark.parametrize(
    "choice", [{}, {"temperature": 0.3}, {"top_k": 3}, {"top_k": 5, "top_p": 0.9}]
)
def test_cached_text_is_the_same(adapter, choice) -> None:
    model = adapter.model(10)
    first, *others = (
        write(model, [1, 2, 3], CONTEXT - 3, np.random.default_rng(0), **choice)
        for write in (adapter.models.generate, *adapter.with_caches)
    )
    assert (len(first), first[:3], len({*first[3:]}) > 1) == (CONTEXT, [1, 2, 3], True)
    assert others == [first, first]


def test_cached_text_fits_into_the_context(adapter) -> None:
    model, rng = adapter.model(), np.random.default_rng(0)
    for write in adapter.with_caches:
        with pytest.raises(ValueError, match=r"65 tokens, but .* 64 places"):
            write(model, [1, 2, 3], CONTEXT - 2, rng)


def test_long_texts_are_written_by_the_last_of_the_context(adapter) -> None:
    model, tokens = adapter.model(10), text(CONTEXT + 40)
    for end in range(CONTEXT + 5, CONTEXT + 40, 5):
        logits, _ = adapter.call(model, tokens[None, end - CONTEXT : end])
        rng = np.random.default_rng(0)
        found = adapter.models.generate(model, tokens[:end], 1, rng, top_k=1)
        assert found == [*tokens[:end], logits[0, -1].argmax()]


def test_loss_starts_at_that_of_guessing(adapter) -> None:
    loss = adapter.training.evaluate(adapter.model(), text(), num_batches=2)
    assert loss == pytest.approx(np.log(VOCABULARY), abs=0.3)
    assert loss == adapter.training.evaluate(adapter.model(), text(), num_batches=2)


def test_training_lowers_the_loss(adapter, capsys) -> None:
    repeated = np.tile(np.arange(VOCABULARY, dtype=np.int32), 60)
    model = adapter.model()
    losses = adapter.training.train(model, repeated, num_steps=20, log_every=10)
    assert losses.shape == (20,)
    assert losses[0] == pytest.approx(np.log(VOCABULARY), abs=0.3)
    assert losses[-1] < losses[0] - 0.5
    lines = capsys.readouterr().out.splitlines()
    assert [x[:9] for x in lines] == ["Step: 010", "Step: 020"]


def adamw_in_numpy(start, grads, rate):
    """Return a matrix and a vector after updates by pairs of gradients, in float64."""
    params = [x.astype(np.float64) for x in start]
    means, squares = ([np.zeros_like(x) for x in params] for _ in range(2))
    for step, pair in enumerate(grads, 1):
        norm = np.sqrt(sum((x**2).sum() for x in pair))
        for i, grad in enumerate(pair):
            grad = grad / max(1, norm)
            means[i] = 0.9 * means[i] + 0.1 * grad
            squares[i] = 0.99 * squares[i] + 0.01 * grad**2
            root = np.sqrt(squares[i] / (1 - 0.99**step)) + 1e-8
            if params[i].ndim == 2:
                params[i] *= 1 - rate * 0.1
            params[i] -= rate * means[i] / (1 - 0.9**step) / root
    return params


def test_optimizer_clips_and_shrinks_matrices_only(adapter) -> None:
    rng = np.random.default_rng(0)
    start = [rng.normal(size=shape).astype(np.float32) for shape in [(2, 3), (2,)]]
    grads = [[scale * x for x in start] for scale in (10, 1e-4, -0.1, 1e-7)]
    expected = adamw_in_numpy(start, grads, 0.1)
    if adapter.name == "pytorch":
        torch = adapter.framework
        layer = torch.nn.Linear(3, 2)
        params = list(layer.parameters())
        with torch.no_grad():
            for param, array in zip(params, start, strict=True):
                param.copy_(torch.from_numpy(array))
        optimizer = adapter.training.build_optimizer(layer)
        for group in optimizer.param_groups:
            group["lr"] = 0.1
        for pair in grads:
            for param, grad in zip(params, pair, strict=True):
                param.grad = torch.from_numpy(grad.copy())
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            optimizer.step()
    else:
        params = [adapter.framework.Variable(x) for x in start]
        optimizer = adapter.training.AdamW(params)
        for pair in grads:
            optimizer.apply([adapter.framework.constant(x) for x in pair], 0.1)
    found = [
        x.detach().numpy() if adapter.name == "pytorch" else x.numpy() for x in params
    ]
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=2e-5, atol=2e-6)


def test_low_rank_starts_as_the_model_and_can_be_merged(adapter) -> None:
    model, tokens = adapter.model(10), text(12)[None]
    before, _ = adapter.call(model, tokens)
    adapter.training.add_low_rank(model)
    np.testing.assert_allclose(adapter.call(model, tokens)[0], before, atol=1e-4)
    few = sum(x.size for x in adapter.trainable(model))
    assert few == 4 * 4 * ((128 + 384) + (128 + 128))
    adapter.training.train(model, text(), num_steps=2)
    after, _ = adapter.call(model, tokens)
    assert np.abs(after - before).max() > 1e-3
    adapter.training.merge_low_rank(model)
    np.testing.assert_allclose(adapter.call(model, tokens)[0], after, atol=1e-3)


def test_the_other_chapters_losses_are_below_the_bound() -> None:
    text = (ROOT / "docs/models/character-rnn.md").read_text(encoding="utf-8")
    losses = re.findall(r"Batch 300 .* Validation loss: ([\d.]+)", text)
    assert len(losses) == 2
    assert max(map(float, losses)) < GRU_BOUND


# --- what both share


def test_characters_come_back() -> None:
    tokens = encode("abba", "ab")
    assert (tokens.tolist(), tokens.dtype) == ([0, 1, 1, 0], np.int32)
    assert decode(tokens, "ab") == "abba"
    with pytest.raises(KeyError, match="c"):
        encode("abc", "ab")


def test_targets_are_one_further_on() -> None:
    batches = list(draw_batches(np.arange(200), 3, seed=0))
    assert len(batches) == 3
    for inputs, targets in batches:
        assert inputs.shape == targets.shape == (BATCH_SIZE, CONTEXT)
        np.testing.assert_array_equal(inputs + 1, targets)
        np.testing.assert_array_equal(inputs - inputs[:, :1], [np.arange(CONTEXT)] * 12)
    assert not np.array_equal(batches[0][0], batches[1][0])


def test_every_portion_can_be_drawn() -> None:
    starts = {
        start
        for inputs, _ in draw_batches(np.arange(CONTEXT + 3), 20, seed=0)
        for start in inputs[:, 0]
    }
    assert starts == {0, 1, 2}


def test_rate_rises_and_falls_to_a_tenth() -> None:
    rates = [learning_rate(step, 100) for step in range(100)]
    assert rates[:5] == pytest.approx([PEAK_RATE * x / 5 for x in (1, 2, 3, 4, 5)])
    assert max(rates) == pytest.approx(PEAK_RATE)
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert learning_rate(100, 100) == pytest.approx(PEAK_RATE / 10)


def test_choice_follows_the_probabilities() -> None:
    rng = np.random.default_rng(0)
    logits = np.log([0.5, 0.2, 0.3])
    drawn = [choose(logits, rng) for _ in range(4000)]
    shares = np.bincount(drawn) / 4000
    np.testing.assert_allclose(shares, [0.5, 0.2, 0.3], atol=0.03)


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ({"top_k": 1}, {0}),
        ({"top_k": 2}, {0, 2}),
        ({"top_p": 0.4}, {0}),
        ({"top_p": 0.6}, {0, 2}),
        ({"top_p": 0.9}, {0, 1, 2}),
        ({"temperature": 0.01}, {0}),
    ],
)
def test_choice_leaves_only_the_likely(choice, left) -> None:
    rng = np.random.default_rng(0)
    logits = np.log([0.5, 0.2, 0.3])
    assert {choose(logits, rng, **choice) for _ in range(200)} == left


def test_merge_takes_pairs_from_the_left() -> None:
    assert merge([1, 1, 1, 2, 1], (1, 1), 9) == [9, 1, 2, 1]
    assert merge([], (1, 1), 9) == []


def test_frequent_pairs_become_tokens_and_all_comes_back() -> None:
    pairs, tokens = learn_pairs("ababab cab", 2)
    assert pairs[0] == (ord("a"), ord("b"))
    assert pairs[1] in {(256, 256), (ord("c"), 256)}
    assert decode_pairs(tokens, pairs) == "ababab cab"
    assert encode_pairs("ababab cab", pairs) == tokens
    other = "naïve 漢字 ab"
    assert decode_pairs(encode_pairs(other, pairs), pairs) == other


def test_start_is_gpt2s() -> None:
    params = draw_params(500, 0)
    assert params[0].std() == pytest.approx(0.02, rel=0.02)
    assert params[4].std() == pytest.approx(0.02, rel=0.02)
    assert params[5].std() == pytest.approx(0.02 / np.sqrt(8), rel=0.02)
    assert {x.dtype for x in params} == {np.dtype(np.float32)}
