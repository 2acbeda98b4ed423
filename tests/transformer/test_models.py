"""The Transformer in both frameworks, against NumPy and one another."""

from importlib import import_module

import numpy as np
import pytest

from pagecode.frameworks import FRAMEWORKS, selected
from snippets.transformer.training import (
    LENGTH,
    NUM_SYMBOLS,
    SIZES,
    WIDTH,
    attend_by_loops,
    draw_batches,
    draw_params,
    draw_sequences,
    finite_differences,
    print_log,
    report,
    sinusoids,
    softmax,
)

CHAPTER = "snippets.transformer"
LAYERS = {"pytorch": "pytorch_module", "tensorflow": "tensorflow_keras"}


class Adapter:
    """One framework's modules, with arrays in and arrays out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.framework = import_module({"pytorch": "torch"}.get(name, name))
        self.manual = import_module(f"{CHAPTER}.{name}_manual")
        self.layers = import_module(f"{CHAPTER}.{LAYERS[name]}")

    def tensor(self, array):
        """Return an array as a tensor of the framework."""
        if self.name == "pytorch":
            return self.framework.from_numpy(np.array(array))
        return self.framework.constant(array)

    def attend(self, *arrays, mask=None):
        mask = None if mask is None else self.tensor(mask)
        found = self.manual.attend(*map(self.tensor, arrays), mask)
        return [x.numpy() for x in found]

    def call(self, layer, *arrays):
        """Return what a layer returns, as arrays."""
        found = layer(*map(self.tensor, arrays))
        many = isinstance(found, tuple)
        found = [self.to_numpy(x) for x in (found if many else [found])]
        return found if many else found[0]

    def to_numpy(self, x):
        return x if x is None else x.detach().numpy() if self.name == "pytorch" else x

    def model(self, sizes=SIZES, blocks=1, params=None, **options):
        model = self.layers.Transformer(sizes, blocks=blocks, **options)
        params = draw_params(sizes, blocks, 0) if params is None else params
        self.layers.load_params(model, params)
        return model

    def trainable(self, model):
        if self.name == "pytorch":
            return sum(p.numel() for p in model.parameters() if p.requires_grad)
        return sum(x.numpy().size for x in model.trainable_weights)

    def data(self, arrays):
        return [self.tensor(x) for x in arrays] if self.name == "pytorch" else arrays


@pytest.fixture(params=[x for x in FRAMEWORKS.values() if x in selected()])
def adapter(request):
    return Adapter(request.param)


@pytest.fixture
def arrays():
    """Queries, keys, values and slopes of one sequence: (5, 3) each, float64."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(5, 3)) for _ in range(4)]


def test_attention_is_that_of_the_loops(adapter, arrays) -> None:
    outputs, weights = adapter.attend(*arrays[:3])
    np.testing.assert_allclose(outputs, attend_by_loops(*arrays[:3]), rtol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights.shape == (5, 5)


def test_loops_give_the_mean_where_all_keys_are_alike() -> None:
    values = np.array([[1.0, 5.0], [3.0, 7.0]])
    found = attend_by_loops(np.ones((2, 2)), np.ones((2, 2)), values)
    np.testing.assert_allclose(found, [[2, 6], [2, 6]])


def test_loops_divide_by_the_root_of_the_depth() -> None:
    queries, keys = np.ones((1, 4)), np.array([[np.log(3) / 2] * 4, [0.0] * 4])
    # q·k is 2 log 3; divided by √4, the first key weighs three times the second.
    found = attend_by_loops(queries, keys, np.eye(2))
    np.testing.assert_allclose(found[:1], [[0.75, 0.25]])


def test_every_sequence_of_a_batch_attends_by_itself(adapter, arrays) -> None:
    batch = [np.stack([x, 2 * x]) for x in arrays[:3]]
    outputs, _ = adapter.attend(*batch)
    for number, scale in enumerate([1, 2]):
        expected = attend_by_loops(*[scale * x for x in arrays[:3]])
        np.testing.assert_allclose(outputs[number], expected, rtol=1e-12)


def test_what_is_masked_has_no_weight(adapter, arrays) -> None:
    mask = np.tril(np.ones((5, 5), bool))
    outputs, weights = adapter.attend(*arrays[:3], mask=mask)
    assert not weights[~mask].any()
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    seen = attend_by_loops(arrays[0][:3], *[x[:3] for x in arrays[1:3]])
    np.testing.assert_allclose(outputs[2], seen[2], rtol=1e-12)


@pytest.mark.parametrize("way", ["backward", "backward_autograd"])
def test_gradients_are_the_differences_of_the_loops(adapter, arrays, way) -> None:
    grads = getattr(adapter.manual, way)(*map(adapter.tensor, arrays))
    expected = finite_differences(arrays[:3], arrays[3])
    assert len(grads) == 3
    for found, right in zip(grads, expected, strict=True):
        np.testing.assert_allclose(np.asarray(found), right, rtol=1e-6, atol=1e-8)


def test_differences_leave_the_arrays_as_they_were(arrays) -> None:
    before = [x.copy() for x in arrays]
    finite_differences(arrays[:3], arrays[3])
    np.testing.assert_array_equal(arrays, before)


def test_heads_are_columns_side_by_side(adapter) -> None:
    x = np.arange(2 * 3 * 8.0).reshape(2, 3, 8)
    heads = adapter.manual.split_heads(adapter.tensor(x), 4)
    assert tuple(heads.shape) == (2, 4, 3, 2)
    np.testing.assert_array_equal(heads[:, 1], x[:, :, 2:4])
    np.testing.assert_array_equal(adapter.manual.merge_heads(heads), x)


def test_layer_attends_with_its_four_matrices(adapter) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 5, WIDTH)).astype(np.float32)
    block = adapter.model(heads=4).blocks[0]
    query, key, value, output = draw_params(SIZES, 1, 0)[4:8]
    outputs, weights = adapter.call(block.attention, x)
    assert weights.shape == (2, 4, 5, 5)
    for row in range(2):
        parts = [(x[row] @ w).reshape(5, 4, 8) for w in (query, key, value)]
        heads = [attend_by_loops(*[p[:, head] for p in parts]) for head in range(4)]
        expected = np.concatenate(heads, axis=1) @ output
        np.testing.assert_allclose(outputs[row], expected, atol=1e-4)


def test_layer_passes_its_mask_on(adapter) -> None:
    x = np.random.default_rng(1).normal(size=(1, 5, WIDTH)).astype(np.float32)
    attention = adapter.model(heads=2).blocks[0].attention
    mask = np.tril(np.ones((5, 5), bool))
    _, weights = attention(adapter.tensor(x), adapter.tensor(mask))
    assert not np.asarray(adapter.to_numpy(weights))[..., ~mask].any()


def normalized(x, gain, bias):
    centred = x - x.mean(axis=-1, keepdims=True)
    return gain * centred / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5) + bias


def gelu(x):
    from math import erf

    return x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2


def logits_in_numpy(inputs, params, pool):
    """Compute a model of one block and one head for one sequence, in float64."""
    positions, embed, g1, b1, q, k, v, o, g2, b2, w1, c1, w2, c2, g3, b3, w3, c3 = (
        x.astype(np.float64) for x in params
    )
    x = inputs @ embed + positions
    y = normalized(x, g1, b1)
    x = x + attend_by_loops(y @ q, y @ k, y @ v) @ o
    x = x + gelu(normalized(x, g2, b2) @ w1 + c1) @ w2 + c2
    x = normalized(x, g3, b3)
    return (x.mean(axis=0) if pool else x) @ w3 + c3


@pytest.mark.parametrize("pool", [False, True])
def test_model_is_numpys(adapter, pool) -> None:
    rng = np.random.default_rng(2)
    params = draw_params((3, 7, 4), 1, 0)
    noisy = [x + 0.1 * rng.normal(size=x.shape).astype(np.float32) for x in params]
    inputs = rng.normal(size=(2, 7, 3)).astype(np.float32)
    model = adapter.model((3, 7, 4), params=noisy, pool=pool)
    logits = adapter.call(model, inputs)
    expected = [logits_in_numpy(x, noisy, pool) for x in inputs]
    np.testing.assert_allclose(logits, expected, atol=2e-5)


def test_positions_are_trained_only_if_learned(adapter) -> None:
    fixed, learned = adapter.model(), adapter.model(learned=True)
    assert adapter.trainable(learned) - adapter.trainable(fixed) == LENGTH * WIDTH


def test_more_blocks_have_more_parameters(adapter) -> None:
    one, two = (adapter.model(blocks=x) for x in (1, 2))
    block = 4 * WIDTH**2 + 4 * WIDTH + 8 * WIDTH**2 + 5 * WIDTH
    assert adapter.trainable(two) - adapter.trainable(one) == block


def test_training_lowers_the_loss(adapter, monkeypatch) -> None:
    monkeypatch.setattr(adapter.layers, "BATCH_SIZE", 10)
    data = adapter.data(draw_sequences(100, 0))
    model = adapter.model()
    history = adapter.layers.fit(model, data, data, 3, 0.01)
    assert history.shape == (3, 3)
    assert history[-1, 1] < history[0, 1] < 2.4
    assert history[-1, 0] < history[0, 0]
    logits = adapter.call(model, draw_sequences(100, 0)[0])
    hits = np.asarray(logits).argmax(axis=-1) == draw_sequences(100, 0)[1]
    assert history[-1, 2] == pytest.approx(hits.mean())


def test_fixed_positions_stay(adapter, monkeypatch) -> None:
    monkeypatch.setattr(adapter.layers, "BATCH_SIZE", 10)
    data = adapter.data(draw_sequences(20, 0))
    model = adapter.model()
    adapter.layers.fit(model, data, data, 1)
    positions = np.asarray(adapter.to_numpy(model.positions))
    np.testing.assert_array_equal(positions, sinusoids(LENGTH, WIDTH))


def test_heads_are_split_where_sizes_are_open() -> None:
    tf = pytest.importorskip("tensorflow") if "tensorflow" in selected() else None
    if tf is None:
        pytest.skip("FRAMEWORK leaves tensorflow out")
    manual = import_module(f"{CHAPTER}.tensorflow_manual")

    @tf.function(input_signature=[tf.TensorSpec((None, None, 8))])
    def there_and_back(x):
        heads = manual.split_heads(x, 2)
        assert heads.shape[1::2] == (2, 4)
        return manual.merge_heads(heads)

    for shape in [(1, 3, 8), (2, 5, 8)]:
        x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        np.testing.assert_array_equal(there_and_back(x), x)


def test_report_says_whether_all_are_within_the_bound(capsys) -> None:
    for found in ([np.ones(2), np.zeros(3)], [np.ones(2), np.array([0, 0, 0.1])]):
        report("sums", found, [np.ones(2), np.zeros(3)], 1e-2)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["sums: within 1e-02: True", "sums: within 1e-02: False"]
    with pytest.raises(ValueError, match="zip"):
        report("sums", [np.ones(2)], [np.ones(2)] * 2, 1)


def test_fused_attention_is_the_same(adapter) -> None:
    x = np.random.default_rng(1).normal(size=(2, 5, WIDTH)).astype(np.float32)
    attention = adapter.model(heads=4).blocks[0].attention
    fused = adapter.layers.FusedAttention(WIDTH, 4)
    adapter.call(fused, x)  # creates the weights, in Keras
    *parts, to_outputs = draw_params(SIZES, 1, 0)[4:8]
    if adapter.name == "pytorch":
        adapter.layers.load_params(fused, [np.hstack(parts), to_outputs])
    else:
        fused.set_weights([np.hstack(parts), to_outputs])
    found, weights = adapter.call(fused, x)
    assert weights is None
    np.testing.assert_allclose(found, adapter.call(attention, x)[0], atol=1e-5)


# --- what both share


def test_targets_are_the_symbols_in_reverse() -> None:
    inputs, targets = draw_sequences(50, 0)
    assert (inputs.shape, inputs.dtype) == ((50, LENGTH, NUM_SYMBOLS), np.float32)
    np.testing.assert_array_equal(inputs.sum(axis=2), 1)
    np.testing.assert_array_equal(inputs.argmax(axis=2)[:, ::-1], targets)
    assert set(targets.ravel()) == set(range(NUM_SYMBOLS))
    assert not np.array_equal(targets, draw_sequences(50, 1)[1])


def test_sinusoids_have_the_papers_formula() -> None:
    found = sinusoids(5, 6)
    assert (found.shape, found.dtype) == ((5, 6), np.float32)
    for place, pair in [(0, 0), (3, 0), (3, 1), (4, 2)]:
        angle = place / 10_000 ** (2 * pair / 6)
        expected = np.sin(angle), np.cos(angle)
        np.testing.assert_allclose(found[place, 2 * pair : 2 * pair + 2], expected)


def test_softmax_sums_to_one_and_bears_large_scores() -> None:
    weights = softmax(np.array([[1000.0, 1000.0], [0.0, np.log(3)]]))
    np.testing.assert_allclose(weights, [[0.5, 0.5], [0.25, 0.75]])


def test_start_has_the_variance_one_over_inputs() -> None:
    params = draw_params((400, 7, 300), 1, seed=1)
    assert params[1].var() == pytest.approx(1, rel=0.05)  # of the inputs
    assert params[10].var() == pytest.approx(1 / WIDTH, rel=0.1)
    assert params[12].var() == pytest.approx(1 / (4 * WIDTH), rel=0.1)
    assert params[-2].var() == pytest.approx(1 / WIDTH, rel=0.1)
    assert {x.dtype for x in params} == {np.dtype(np.float32)}
    assert not np.array_equal(params[4], params[5])


def test_each_epoch_has_every_example_once() -> None:
    epochs = list(draw_batches(12, 3, 4, seed=0))
    assert [x.shape for x in epochs] == [(3, 4)] * 3
    assert all(sorted(x.ravel()) == list(range(12)) for x in epochs)
    assert not np.array_equal(epochs[0], epochs[1])
    with pytest.raises(ValueError, match="13 examples in batches of 4"):
        next(draw_batches(13, 1, 4, seed=0))


def test_log_has_a_line_for_each_epoch(capsys) -> None:
    print_log([(0.5, 0.25, 0.125), (0.4, 0.2, 1)])
    expected = (
        "Epoch: 002 | Train loss: 0.4000 | Valid loss: 0.2000 | Valid ACC: 100.0%"
    )
    assert capsys.readouterr().out.splitlines()[1] == expected
