"""The character RNN: what both frameworks share, then each against NumPy.

What only one of them has stands at the end.
"""

import hashlib
import string
from functools import partial
from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import pytest

from snippets.character_rnn import data, figures, weights
from snippets.character_rnn.data import ALPHABET, decode, encode
from snippets.character_rnn.weights import draw_start_weights
from tests.frameworks import load, twins

READS = ["snippets/character_rnn", "snippets/recurrent_networks"]

BATCH, TIME = 3, 6
LOSSES = ["loss_by_character", "loss_of_sequence", "loss_by_hand"]


class Chapter:
    """The chapter's modules of one framework, and what is said otherwise in each."""

    def __init__(self, name):
        self.framework = load(name)
        modules = f"snippets.character_rnn.{name}"
        self.model, self.training, self.more = (
            import_module(f"{modules}_{part}") for part in ("model", "train", "more")
        )

    def tensor(self, array):
        """Return an array as a tensor of the same type, on the device."""
        return self.framework.tensor(array, str(array.dtype))

    def loss(self, name):
        """Return a function that computes the loss."""
        return getattr(self.more if name == "loss_by_hand" else self.training, name)

    def gradients_of(self, loss, model, inputs, targets):
        """Return a loss, named, and its gradients, as NumPy arrays."""
        found = self.training.loss_and_gradients(
            self.loss(loss), model, self.tensor(inputs), self.tensor(targets)
        )
        return found[0], [self.numpy(x) for x in found[1]]

    def step_of(self, model, loss="loss_of_sequence"):
        """Return the chapter's step of training with a loss."""
        optimizer = self.optimizer(model)
        return self.training.make_step(model, optimizer, self.loss(loss))


class InPyTorch(Chapter):
    """In PyTorch."""

    num_arrays = 7

    def __init__(self):
        super().__init__("pytorch")
        self.torch = self.framework.torch
        self.device = self.model.device
        # On a GPU the layers are cuDNN's, with its own tanh and sigmoid: 9.2e-6 from
        # the formula in float32 on an H100.
        self.near = 1e-6 if self.device.type == "cpu" else 2e-5
        self.numpy = self.framework.numpy
        self.exact = self.torch.tensor  # on the CPU: some devices lack float64
        self.total = self.torch.sum
        self.fast_step = partial(self.step_of, loss="loss_by_hand")

    def slopes(self, function, arrays):
        """Return the gradients of a function of several tensors, on the CPU."""
        tensors = [self.torch.tensor(x, requires_grad=True) for x in arrays]
        found = self.torch.autograd.grad(function(*tensors), tensors)
        return [x.numpy() for x in found]

    def state_shape(self, batch, num_hidden):
        """Return the shape of the state that a model hands on."""
        return 1, batch, num_hidden

    def sizes(self, model):
        """Return the shapes of the embedding, the states' weights, the last layer's."""
        names = "embedding.weight", "gru.weight_hh_l0", "linear.weight"
        return [tuple(model.get_parameter(name).shape) for name in names]

    def parameters(self, model):
        """Return a model's parameters."""
        return list(model.parameters())

    def scale(self, model, factor):
        """Multiply a model's parameters."""
        with self.torch.no_grad():
            for parameter in model.parameters():
                parameter *= factor

    def optimizer(self, model):
        """Return the chapter's Adam."""
        return self.torch.optim.Adam(model.parameters(), lr=0.01)

    def fast_gradients(self, model, inputs, targets):
        """Return the fast way's loss and gradients, in each way to run it."""
        return [self.gradients_of("loss_by_hand", model, inputs, targets)]


class InTensorFlow(Chapter):
    """In TensorFlow."""

    num_arrays = 6
    near = 1e-6

    def __init__(self):
        super().__init__("tensorflow")
        self.tf, self.keras = self.framework.tf, import_module("keras")
        self.exact, self.total = self.tf.constant, self.tf.reduce_sum
        self.slopes = self.framework.slopes
        self.optimizer = self.training.build_optimizer

    def numpy(self, tensor):
        """Return a tensor's numbers, also of a gradient that is a list of rows."""
        return self.tf.convert_to_tensor(tensor).numpy()

    def state_shape(self, batch, num_hidden):
        """Return the shape of the state that a model hands on."""
        return batch, num_hidden

    def sizes(self, model):
        """Return the shapes of the embedding, the states' weights, the last layer's."""
        kernels = model.gru.cell.recurrent_kernel, model.linear.kernel
        found = [tuple(x.shape)[::-1] for x in kernels]
        return [tuple(model.embedding.embeddings.shape), *found]

    def parameters(self, model):
        """Return a model's parameters."""
        return [variable.value for variable in model.trainable_variables]

    def scale(self, model, factor):
        """Multiply a model's parameters."""
        model.set_weights([factor * x for x in model.get_weights()])

    def fast_gradients(self, model, inputs, targets):
        """Return the fast way's loss and gradients, in each way to run it."""
        inputs, targets = self.tensor(inputs), self.tensor(targets)

        def fast():
            with self.tf.GradientTape() as tape:
                loss = self.more.loss_by_hand(model, inputs, targets)
            return loss, tape.gradient(loss, self.parameters(model))

        compiled = [self.tf.function(fast, jit_compile=x) for x in (False, True)]
        both = [run() for run in compiled]
        return [(float(loss), [self.numpy(x) for x in grads]) for loss, grads in both]

    def fast_step(self, model):
        """Return the fast way's step of training."""
        loss_fn = self.more.loss_by_hand
        return self.more.make_compiled_step(model, self.optimizer(model), loss_fn)


chapter, pytorch, tensorflow = twins(InPyTorch, InTensorFlow)


@pytest.fixture(autouse=True)
def no_window():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def tokens():
    return np.arange(50) % 7


def test_fetch_corpus_asks_pooch_for_the_checked_file(monkeypatch):
    asked = {}

    def retrieve(url, **kwargs):
        asked.update(url=url, **kwargs)
        return "somewhere/tinyshakespeare.txt"

    monkeypatch.setattr(data.pooch, "retrieve", retrieve)
    assert data.fetch_corpus("somewhere") == "somewhere/tinyshakespeare.txt"
    assert asked["url"].endswith("/data/tinyshakespeare/input.txt")
    assert asked["known_hash"] == f"sha256:{data.CORPUS_SHA256}"
    assert (asked["path"], asked["fname"]) == ("somewhere", "tinyshakespeare.txt")


def test_fetch_corpus_takes_a_right_file_without_the_network(tmp_path, monkeypatch):
    path = tmp_path / "tinyshakespeare.txt"
    path.write_text("First Citizen:\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(data, "CORPUS_SHA256", digest)
    monkeypatch.setattr(data, "CORPUS_URL", "https://nowhere.invalid/input.txt")
    assert data.fetch_corpus(tmp_path) == str(path)


def test_encode_gives_each_character_its_place_in_the_alphabet():
    indices = data.encode("0aA \n")
    assert indices.dtype == np.int64
    expected = [string.printable.index(character) for character in "0aA \n"]
    assert indices.tolist() == expected
    np.testing.assert_array_equal(data.encode(string.printable), np.arange(100))


def test_decode_undoes_encode():
    text = "What is't?\n\tAy, 'tis 3 o'clock."
    assert data.decode(data.encode(text)) == text
    assert data.decode([]) == ""


def test_encode_refuses_an_empty_text():
    with pytest.raises(ValueError, match="text is empty"):
        data.encode("")


def test_encode_names_characters_outside_the_alphabet():
    with pytest.raises(ValueError, match=r"text has .* alphabet: \['é', 'ï'\]"):
        data.encode("a naïve café")


def test_split_corpus_keeps_the_end_for_validation():
    train_tokens, validation_tokens = data.split_corpus("abcdefghij" * 10)
    assert (len(train_tokens), len(validation_tokens)) == (90, 10)
    both = np.concatenate([train_tokens, validation_tokens])
    assert data.decode(both) == "abcdefghij" * 10


@pytest.mark.parametrize("share", [-0.1, 0, 1, 1.5])
def test_split_corpus_refuses_an_empty_part(share):
    with pytest.raises(ValueError, match=f"validation_share is {share}"):
        data.split_corpus("abcdefghij", share)


def test_split_corpus_refuses_an_empty_text():
    with pytest.raises(ValueError, match="text is empty"):
        data.split_corpus("")


def test_sample_is_a_portion_and_the_same_one_further_on():
    tokens = np.arange(100)
    rng = np.random.default_rng(0)
    for _ in range(50):
        inputs, targets = data.draw_random_sample(tokens, 10, rng)
        assert inputs.shape == targets.shape == (10,)
        np.testing.assert_array_equal(inputs, inputs[0] + np.arange(10))
        np.testing.assert_array_equal(targets, inputs + 1)


def test_sample_reaches_every_start_and_never_leaves_the_text():
    tokens, rng = np.arange(12), np.random.default_rng(0)
    draws = [data.draw_random_sample(tokens, 8, rng) for _ in range(300)]
    assert {int(inputs[0]) for inputs, _ in draws} == {0, 1, 2, 3}
    assert {len(targets) for _, targets in draws} == {8}


def test_longest_possible_sample_is_all_of_the_text(tokens):
    inputs, targets = data.draw_random_sample(tokens, 49, np.random.default_rng(0))
    np.testing.assert_array_equal(inputs, tokens[:-1])
    np.testing.assert_array_equal(targets, tokens[1:])


@pytest.mark.parametrize("portion_size", [-1, 0, 50, 51])
def test_sample_refuses_a_portion_that_does_not_fit(tokens, portion_size):
    with pytest.raises(ValueError, match=f"portion_size is {portion_size}.* 1 to 49"):
        data.draw_random_sample(tokens, portion_size, np.random.default_rng(0))


def test_batch_stacks_the_samples_that_its_generator_draws(tokens):
    inputs, targets = data.draw_batch(tokens, 5, 3, np.random.default_rng(1))
    assert inputs.shape == targets.shape == (3, 5)
    assert inputs.dtype == targets.dtype == np.int64
    rng = np.random.default_rng(1)
    for row in range(3):
        expected = data.draw_random_sample(tokens, 5, rng)
        np.testing.assert_array_equal([inputs[row], targets[row]], expected)


def test_batch_refuses_to_be_empty(tokens):
    with pytest.raises(ValueError, match="batch_size is 0"):
        data.draw_batch(tokens, 5, 0, np.random.default_rng(1))


def test_batches_are_as_many_as_asked_for(tokens):
    rng = np.random.default_rng(2)
    drawn = list(data.draw_batches(tokens, 5, 3, 4, np.random.default_rng(2)))
    assert len(drawn) == 4
    for batch in drawn:
        np.testing.assert_array_equal(batch, data.draw_batch(tokens, 5, 3, rng))


def test_start_weights_have_the_models_shapes_and_repeat_with_their_seed():
    first, second = (
        weights.draw_start_weights(10, 5, 16, np.random.default_rng(3))
        for _ in range(2)
    )
    embedding, gru, weight, bias = first
    assert embedding.shape == (10, 5)
    assert [array.shape for array in gru] == [(48, 5), (48, 16), (48,), (48,)]
    assert (weight.shape, bias.shape) == ((10, 16), (10,))
    for array in (embedding, weight, bias):
        assert array.dtype == np.float32
    assert np.abs(weight).max() <= 0.25
    assert embedding.std() == pytest.approx(1, abs=0.3)
    np.testing.assert_array_equal(first[2], second[2])


@pytest.mark.parametrize("temperature", [0.2, 1.0, 1.5])
def test_probas_are_the_softmax_of_the_divided_logits(temperature):
    logits = np.array([2.0, -1.0, 0.5], dtype=np.float32)
    probas = weights.character_probas(logits, temperature)
    exponentials = np.exp(logits.astype(float) / temperature)
    assert probas.dtype == np.float64
    np.testing.assert_allclose(probas, exponentials / exponentials.sum())


def test_probas_neither_overflow_nor_depend_on_a_shift():
    logits = np.array([2000.0, 1999.0], dtype=np.float32)
    expected = weights.character_probas(logits - 2000, 0.5)
    np.testing.assert_allclose(weights.character_probas(logits, 0.5), expected)


@pytest.mark.parametrize("temperature", [0, -0.5, float("nan")])
def test_temperature_must_be_positive(temperature):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="temperature is"):
        weights.character_probas(np.zeros(3), temperature)
    with pytest.raises(ValueError, match="temperature is"):
        weights.draw_character(np.zeros(3), temperature, rng)


def test_draws_are_as_frequent_as_probable():
    logits, rng = np.log([0.5, 0.3, 0.2]), np.random.default_rng(0)
    draws = [weights.draw_character(logits, 1.0, rng) for _ in range(4000)]
    assert isinstance(draws[0], int)
    np.testing.assert_allclose(np.bincount(draws) / 4000, [0.5, 0.3, 0.2], atol=0.03)


class Fixed:
    """A generator whose every draw is the given number."""

    def __init__(self, number):
        self.number = number

    def random(self):
        return self.number


@pytest.mark.parametrize(
    ("number", "index"), [(0.0, 0), (0.24, 0), (0.26, 1), (0.76, 3), (1 - 2**-53, 3)]
)
def test_draw_takes_the_interval_that_the_number_falls_into(number, index):
    assert weights.draw_character(np.zeros(4), 1.0, Fixed(number)) == index


def test_draw_never_takes_an_impossible_first_character():
    assert weights.draw_character([-np.inf, 0.0], 1.0, Fixed(0.0)) == 1


def test_draw_stays_in_the_alphabet_where_the_sum_is_rounded_below_one():
    logits = np.random.default_rng(0).normal(size=1000)
    assert weights.draw_character(logits, 1.0, Fixed(1.0)) == 999


def test_words_lose_the_first_and_the_last():
    text = "he KING's men\nwould: not go ho"
    assert weights.find_words(text) == ["king's", "men", "would", "not", "go"]


def test_share_of_words_counts_those_in_the_vocabulary():
    share = weights.share_of_words("a the xqz the b", {"the", "king"})
    assert share == pytest.approx(2 / 3)


@pytest.mark.parametrize("text", ["", "12 34", "two words"])
def test_share_of_words_refuses_text_without_a_whole_word(text):
    with pytest.raises(ValueError, match="text has no whole word"):
        weights.share_of_words(text, {"two"})


def test_train_steps_through_the_batches_and_logs(capsys):
    seen = []

    def step(inputs, targets):
        seen.append((inputs, targets))
        return 5.0 - len(seen)

    batches = [(number, -number) for number in range(5)]
    losses = data.train(step, iter(batches), log_every=2, decimals=2)
    assert seen == batches
    assert losses == [4.0, 3.0, 2.0, 1.0, 0.0]
    assert capsys.readouterr().out.splitlines() == [
        "Iteration: 001 | Loss: 4.00",
        "Iteration: 002 | Loss: 3.00",
        "Iteration: 004 | Loss: 1.00",
    ]


def test_train_refuses_a_bad_log_interval_before_training():
    def step(inputs, targets):
        pytest.fail("training had begun")

    with pytest.raises(ValueError, match="log_every is 0"):
        data.train(step, [(0, 0)], log_every=0)


def test_pairs_are_counted_with_one_to_spare():
    train_tokens, tokens = np.array([0, 1, 0, 1, 0]), np.array([0, 1, 1])
    loss = data.cross_entropy_of_pairs(train_tokens, tokens, 2)
    assert loss == pytest.approx(-(np.log(3 / 4) + np.log(1 / 4)) / 2)


@pytest.mark.parametrize("count", [0, 1])
def test_pairs_need_two_tokens(tokens, count):
    with pytest.raises(ValueError, match=f"no pair: there are {count}"):
        data.cross_entropy_of_pairs(tokens, tokens[:count], 7)


def test_temperature_figure_shows_each_characters_probability():
    figures.plot_temperature(np.array([1.0, 0.0]), np.array([0.5, 1.0, 2.0]))
    one, other, _ = plt.gca().get_lines()
    expected = 1 / (1 + np.exp([-2.0, -1.0, -0.5]))
    np.testing.assert_allclose(one.get_ydata(), expected)
    np.testing.assert_allclose(other.get_ydata(), 1 - expected)


def test_history_figure_shows_both_losses():
    figures.plot_history({"loss": [3.0, 2.0], "val_loss": [2.5, 2.25]}, round_size=50)
    train, valid = plt.gca().get_lines()
    assert train.get_xydata().tolist() == [[50.0, 3.0], [100.0, 2.0]]
    assert valid.get_ydata().tolist() == [2.5, 2.25]


def test_quality_is_told_in_three_units():
    assert weights.quality(np.log(8)) == "2.08 nats, 3.00 bits, perplexity 8.0"


@pytest.mark.parametrize("length", [0, 1, 2])
def test_contexts_are_counted_with_one_to_spare(length):
    rng = np.random.default_rng(0)
    train_tokens, tokens = rng.integers(3, size=40), rng.integers(3, size=12)
    losses = []
    for i in range(length, 12):
        context = tokens[i - length : i].tolist()
        after = [
            train_tokens[j]
            for j in range(length, 40)
            if train_tokens[j - length : j].tolist() == context
        ]
        losses.append(-np.log((after.count(tokens[i]) + 1) / (len(after) + 3)))
    loss = weights.cross_entropy_of_contexts(train_tokens, tokens, length, 3)
    assert loss == pytest.approx(np.mean(losses))


def test_a_context_of_one_is_a_pair():
    tokens = np.random.default_rng(1).integers(5, size=100)
    expected = data.cross_entropy_of_pairs(tokens, tokens[:30], 5)
    found = weights.cross_entropy_of_contexts(tokens, tokens[:30], 1, 5)
    assert found == pytest.approx(expected)


def test_contexts_need_a_character_after_them(tokens):
    with pytest.raises(ValueError, match="2 tokens have no context of 2"):
        weights.cross_entropy_of_contexts(tokens, tokens[:2], 2, 7)


def test_speaker_lines_end_with_a_colon():
    found = weights.speaker_lines("ROMEO:\nAh: no\nX:")
    assert found.tolist() == [True] * 7 + [False] * 7 + [True] * 2


def test_balanced_accuracy_counts_both_kinds_alike():
    wanted = np.array([True, False, False, False])
    values = np.array([1.0, 1.0, -1.0, 0.0])
    assert weights.balanced_accuracy(values, wanted) == pytest.approx(5 / 6)
    for one_kind in (wanted | True, wanted & False):
        with pytest.raises(ValueError, match="true of some"):
            weights.balanced_accuracy(values, one_kind)


def test_unit_is_the_one_that_tells_best_and_has_its_sign():
    wanted = np.array([True, True, False, False])
    states = np.array([[1, -1, 1], [-1, -1, 1], [1, 1, -1], [-1, 1, 1]])
    assert weights.find_unit(states, wanted) == (1, -1)
    assert weights.find_unit(-states, wanted) == (1, 1)


def test_drawn_unit_has_its_signs_below_the_text():
    drawn = weights.draw_unit("ab\nc", np.array([1.0, -1.0, 0.0, 2.0]))
    assert drawn == "ab\n+\nc\n+"


# --- each framework


@pytest.fixture
def start_weights():
    return draw_start_weights(len(ALPHABET), 8, 16, np.random.default_rng(1))


@pytest.fixture
def model(chapter, start_weights):
    return chapter.model.build_model(start_weights)


@pytest.fixture
def portions():
    return draw_portions(BATCH, TIME)


def draw_portions(batch, time):
    """Draw inputs and targets, both (batch, time)."""
    rng = np.random.default_rng(2)
    return rng.integers(len(ALPHABET), size=(2, batch, time))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_in_numpy(features, weight_ih, weight_hh, bias_ih, bias_hh, before=False):
    hidden, states = np.zeros((len(features), weight_hh.shape[1])), []
    in_r, in_z, in_n = np.split(features @ weight_ih.T + bias_ih, 3, axis=2)
    u_r, u_z, u_n = np.split(weight_hh, 3)
    c_r, c_z, c_n = np.split(bias_hh, 3)
    for t in range(features.shape[1]):
        reset = sigmoid(in_r[:, t] + hidden @ u_r.T + c_r)
        update = sigmoid(in_z[:, t] + hidden @ u_z.T + c_z)
        after = reset * (hidden @ u_n.T + c_n)
        seen = (reset * hidden) @ u_n.T + c_n if before else after
        candidate = np.tanh(in_n[:, t] + seen)
        hidden = (1 - update) * candidate + update * hidden
        states.append(hidden)
    return np.stack(states, axis=1)


def logits_in_numpy(start_weights, tokens):
    embedding, gru, weight, bias = start_weights
    return gru_in_numpy(embedding[tokens], *gru) @ weight.T + bias


def loss_in_numpy(start_weights, inputs, targets):
    logits = logits_in_numpy(start_weights, inputs)
    probas = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    chosen = np.take_along_axis(probas, targets[..., np.newaxis], axis=2)
    return -np.log(chosen).mean()


# --- the model, and what it writes


def test_character_rnn_maps_tokens_to_logits_and_goes_on_from_a_state(chapter):
    model = chapter.model.CharacterRNN(11, embedding_dim=3, num_hidden=5)
    tokens = chapter.exact(np.array([[1, 2, 3, 4], [10, 0, 10, 0]]))
    logits, last = map(chapter.numpy, model(tokens))
    _, hidden = model(tokens[:, :2])
    rest, hidden = map(chapter.numpy, model(tokens[:, 2:], hidden))
    assert logits.shape == (2, 4, 11)
    assert logits.dtype == np.float32
    assert last.shape == chapter.state_shape(2, 5)
    np.testing.assert_allclose(rest, logits[:, 2:], atol=1e-6)
    np.testing.assert_allclose(hidden, last, atol=1e-6)
    assert chapter.sizes(model) == [(11, 3), (15, 5), (11, 5)]


def test_model_matches_numpy(chapter, model, start_weights, portions):
    logits, hidden = map(chapter.numpy, model(chapter.tensor(portions[0])))
    assert logits.shape == (BATCH, TIME, len(ALPHABET))
    assert hidden.shape == chapter.state_shape(BATCH, 16)
    assert logits.dtype == np.float32
    expected = logits_in_numpy(start_weights, portions[0])
    np.testing.assert_allclose(logits, expected, atol=chapter.near)


def test_model_goes_on_from_the_state_it_returned(chapter, model, portions):
    tokens = chapter.tensor(portions[0])
    whole, last = map(chapter.numpy, model(tokens))
    first, hidden = model(tokens[:, :4])
    second, hidden = map(chapter.numpy, model(tokens[:, 4:], hidden))
    parts = np.concatenate([chapter.numpy(first), second], axis=1)
    np.testing.assert_allclose(whole, parts, atol=1e-6)
    np.testing.assert_allclose(last, hidden, atol=1e-6)


def test_embedding_has_its_own_size(chapter, model):
    assert chapter.sizes(model)[0] == (len(ALPHABET), 8)


def test_char_to_tensor_has_an_index_per_character(chapter):
    indices = chapter.numpy(chapter.model.char_to_tensor("To be"))
    assert indices.shape == (5,)
    assert indices.dtype == np.int64
    np.testing.assert_array_equal(indices, encode("To be"))


@pytest.mark.parametrize(("text", "message"), [("", "text is empty"), ("né", "'é'")])
def test_char_to_tensor_refuses_what_has_no_index(chapter, text, message):
    with pytest.raises(ValueError, match=message):
        chapter.model.char_to_tensor(text)


def test_generate_draws_what_numpy_draws(chapter, model, start_weights):
    generator = np.random.default_rng(5)
    written = chapter.model.generate(model, "Th", 12, 0.7, generator)
    rng, text = np.random.default_rng(5), "Th"
    for _ in range(12):
        logits = logits_in_numpy(start_weights, encode(text)[np.newaxis, :])
        text += decode([weights.draw_character(logits[0, -1], 0.7, rng)])
    assert written == text


def test_generate_follows_its_generator(chapter, model):
    first, again, other = (
        chapter.model.generate(model, "A", 20, 1.0, np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert len(first) == 21
    assert set(first) <= set(ALPHABET)


def test_generate_draws_one_character_if_asked(chapter, model):
    generator = np.random.default_rng(0)
    text = chapter.model.generate(model, "AB", 1, 0.8, generator)
    assert (text[:2], len(text)) == ("AB", 3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"temperature": 0}, "temperature is 0"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": "Ärger"}, "'Ä'"),
        ({"num_characters": 0}, "num_characters is 0"),
    ],
)
def test_generate_refuses_bad_input(chapter, model, changed, message):
    arguments = {"prompt": "A", "num_characters": 5, "temperature": 0.8} | changed
    generator = np.random.default_rng(0)
    with pytest.raises(ValueError, match=message):
        chapter.model.generate(model, **arguments, generator=generator)


# --- losses, gradients, training


@pytest.mark.parametrize("name", LOSSES[:2])
def test_losses_match_numpy(chapter, name, model, start_weights, portions):
    loss = chapter.loss(name)(model, *map(chapter.tensor, portions))
    assert loss.shape == ()
    expected = loss_in_numpy(start_weights, *portions)
    assert chapter.numpy(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_refuse_targets_of_another_shape_and_none(chapter, name, model):
    loss_fn = chapter.loss(name)
    inputs, targets = chapter.tensor(draw_portions(2, 6))
    with pytest.raises(ValueError, match=r"\(2, 6\), targets \(2, 5\)"):
        loss_fn(model, inputs, targets[:, :5])
    for batch, time in [(0, 6), (2, 0)]:
        with pytest.raises(ValueError, match=rf"\({batch}, {time}\): not alike, or"):
            loss_fn(model, inputs[:batch, :time], targets[:batch, :time])


def test_both_losses_have_the_same_gradients(chapter, model, portions):
    (loss, grads), (other_loss, other_grads) = (
        chapter.gradients_of(name, model, *portions) for name in LOSSES[:2]
    )
    assert isinstance(loss, float)
    assert loss == pytest.approx(other_loss)
    assert len(grads) == len(other_grads) == chapter.num_arrays
    for grad, other_grad in zip(grads, other_grads, strict=True):
        np.testing.assert_allclose(grad, other_grad, atol=chapter.near / 10)
    assert max(np.abs(grad).max() for grad in grads) > 1e-3


def test_gradient_of_the_last_bias_matches_a_finite_difference(
    chapter, model, start_weights, portions
):
    _, grads = chapter.gradients_of("loss_of_sequence", model, *portions)
    embedding, gru, weight, bias = start_weights
    for index in (0, 42):
        shift = np.zeros(len(bias))
        shift[index] = 1e-4
        up, down = (
            loss_in_numpy((embedding, gru, weight, bias + sign * shift), *portions)
            for sign in (1, -1)
        )
        assert grads[-1][index] == pytest.approx((up - down) / 2e-4, abs=1e-6)


def test_a_step_is_adam_on_the_loss(chapter, model, portions):
    before = [np.array(chapter.numpy(x)) for x in chapter.parameters(model)]
    step = chapter.step_of(model)
    means, squares = [0.0] * len(before), [0.0] * len(before)
    for t in (1, 2, 3):
        loss, grads = chapter.gradients_of("loss_of_sequence", model, *portions)
        for i, grad in enumerate(grads):
            means[i] = 0.9 * means[i] + 0.1 * grad
            squares[i] = 0.999 * squares[i] + 0.001 * grad**2
            root = np.sqrt(squares[i] / (1 - 0.999**t))
            before[i] -= 0.01 * means[i] / (1 - 0.9**t) / (root + 1e-8)
        assert step(*portions) == pytest.approx(loss, rel=1e-5)
        for parameter, expected in zip(chapter.parameters(model), before, strict=True):
            np.testing.assert_allclose(chapter.numpy(parameter), expected, atol=2e-5)


def test_training_lowers_the_loss(chapter, model, portions):
    step = chapter.step_of(model)
    losses = [step(*portions) for _ in range(40)]
    assert all(isinstance(loss, float) for loss in losses)
    assert losses[0] == pytest.approx(np.log(100), abs=0.3)
    assert losses[-1] < losses[0] / 2


def test_validation_loss_is_the_mean_over_whole_portions(chapter, model, start_weights):
    tokens = np.random.default_rng(4).integers(100, size=23)
    loss = chapter.training.validation_loss(model, tokens, 5)
    inputs, targets = tokens[:20].reshape(4, 5), tokens[1:21].reshape(4, 5)
    assert isinstance(loss, float)
    expected = loss_in_numpy(start_weights, inputs, targets)
    assert loss == pytest.approx(expected, rel=1e-5)


def test_loss_of_rows_hands_the_state_on(chapter, model, start_weights):
    tokens = np.random.default_rng(4).integers(100, size=33)
    loss = chapter.training.loss_handing_on(model, tokens, 5, num_rows=3)
    inputs, targets = tokens[:30].reshape(3, 10), tokens[1:31].reshape(3, 10)
    assert isinstance(loss, float)
    expected = loss_in_numpy(start_weights, inputs, targets)
    assert loss == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="4 rows of 10: of 33 tokens"):
        chapter.training.loss_handing_on(model, tokens, 10, num_rows=4)


def test_fit_trains_tells_losses_and_writes(chapter, monkeypatch, capsys):
    monkeypatch.setattr(chapter.training, "PORTION_SIZE", 10)
    monkeypatch.setattr(chapter.training, "BATCH_SIZE", 4)
    tokens = np.tile(encode("To be, or not. "), 20)
    start = draw_start_weights(len(ALPHABET), 8, 16, np.random.default_rng(1))
    model = chapter.model.build_model(start)
    batches = data.draw_batches(tokens, 10, 4, 30, np.random.default_rng(0))
    history = chapter.training.fit(model, batches, tokens, 3, 10)
    assert [len(history[x]) for x in ("loss", "val_loss")] == [3, 3]
    assert history["loss"][0] > history["loss"][2]
    left = chapter.training.validation_loss(model, tokens, 10)
    assert history["val_loss"][2] == pytest.approx(left, rel=1e-4)
    lines = capsys.readouterr().out.splitlines()
    assert [x.split(" ")[0] for x in lines] == ["10", "20", "30"]
    assert all("batches: 'The " in x or 'batches: "The ' in x for x in lines)


def test_validation_loss_refuses_a_portion_longer_than_the_text(chapter, model):
    with pytest.raises(ValueError, match="portion_size is 5 of 5 tokens"):
        chapter.training.validation_loss(model, np.zeros(5, dtype=int), 5)


# --- a look into the state


def test_hidden_states_are_those_of_the_gru(chapter, model, start_weights):
    states = chapter.more.hidden_states(model, "To be, or")
    embedding, gru, _, _ = start_weights
    expected = gru_in_numpy(embedding[encode("To be, or")][np.newaxis], *gru)[0]
    assert isinstance(states, np.ndarray)
    assert states.shape == (9, 16)
    np.testing.assert_allclose(states, expected, atol=chapter.near)


@pytest.mark.parametrize("text", ["", "é"])
def test_hidden_states_refuse_bad_input(chapter, model, text):
    with pytest.raises(ValueError, match="text"):
        chapter.more.hidden_states(model, text)


def test_next_probas_follow_the_whole_text(chapter, model, start_weights):
    probas = chapter.more.next_probas(model, "ROMEO", temperature=0.5)
    logits = logits_in_numpy(start_weights, encode("ROMEO")[np.newaxis, :])
    assert probas.shape == (len(ALPHABET),)
    assert probas.sum() == pytest.approx(1)
    expected = weights.character_probas(logits[0, -1], 0.5)
    np.testing.assert_allclose(probas, expected, rtol=1e-4)
    assert np.abs(probas - chapter.more.next_probas(model, "O", 0.5)).max() > 1e-4


@pytest.mark.parametrize(("text", "temperature"), [("", 1.0), ("é", 1.0), ("A", 0.0)])
def test_next_probas_refuse_bad_input(chapter, model, text, temperature):
    with pytest.raises(ValueError, match=r"text|temperature"):
        chapter.more.next_probas(model, text, temperature)


# --- the fast way


@pytest.mark.parametrize(("batch", "time"), [(1, 1), (1, 20), (3, 6)])
def test_fast_way_has_the_same_loss_and_gradients(chapter, model, batch, time):
    chapter.scale(model, 3)  # gates far from one half
    portions = draw_portions(batch, time)
    loss, grads = chapter.gradients_of("loss_by_character", model, *portions)
    for fast_loss, fast_grads in chapter.fast_gradients(model, *portions):
        assert fast_loss == pytest.approx(loss, abs=chapter.near)
        for grad, fast_grad in zip(grads, fast_grads, strict=True):
            np.testing.assert_allclose(fast_grad, grad, atol=chapter.near, rtol=1e-5)


def test_fast_way_trains_as_the_chapter_does(chapter, start_weights):
    losses = []
    for step_of in (chapter.step_of, chapter.fast_step):
        step = step_of(chapter.model.build_model(start_weights))
        losses.append([step(*draw_portions(2, 12)) for _ in range(5)])
    np.testing.assert_allclose(*losses, atol=1e-5)


# --- PyTorch's own


def test_character_rnn_refuses_a_token_outside_its_characters(pytorch):
    model = pytorch.model.CharacterRNN(11, embedding_dim=3, num_hidden=5)
    with pytest.raises(IndexError, match="out of range"):
        model(pytorch.torch.tensor([[11]]))


def test_model_is_on_the_device(pytorch, start_weights):
    model = pytorch.model.build_model(start_weights)
    assert {x.device.type for x in model.parameters()} == {pytorch.device.type}


def test_fast_unroll_has_the_gradient_that_differences_find(pytorch):
    torch = pytorch.torch
    generator = torch.Generator().manual_seed(0)
    shapes = [(4, 2, 9), (9, 3), (9,)]
    arguments = [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in shapes
    ]
    assert torch.autograd.gradcheck(pytorch.more.GatedUnroll.apply, arguments)


def test_fast_unroll_refuses_a_gradient_of_its_gradient(pytorch):
    torch, shapes = pytorch.torch, [(2, 1, 9), (9, 3), (9,)]
    arguments = [torch.ones(shape, requires_grad=True) for shape in shapes]
    states = pytorch.more.GatedUnroll.apply(*arguments)
    grad_states = torch.ones_like(states, requires_grad=True)
    (grad, *_) = torch.autograd.grad(states, arguments, grad_states, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


# --- TensorFlow's own


def test_adam_sums_repeated_rows_before_it_squares(tensorflow):
    tf = tensorflow.tf
    table = tf.Variable(tf.zeros((3, 1)))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.gather(table, [0, 0, 2]))
    tensorflow.training.Adam([table], 0.01).apply([tape.gradient(total, table)])
    np.testing.assert_allclose(table.numpy()[:, 0], [-0.01, 0, -0.01], atol=1e-7)


def test_uncompiled_step_equals_the_compiled_one(tensorflow, start_weights, portions):
    losses = []
    for compiled in (True, False):
        model = tensorflow.model.build_model(start_weights)
        optimizer = tensorflow.training.build_optimizer(model)
        loss_fn = tensorflow.training.loss_of_sequence
        step = tensorflow.training.make_step(model, optimizer, loss_fn, compiled)
        losses.append([step(*portions) for _ in range(3)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_cross_entropy_takes_any_leading_axes(tensorflow):
    logits = np.random.default_rng(8).normal(size=(2, 3, 5)).astype(np.float32)
    targets = np.array([[0, 4, 2], [1, 1, 3]])
    probas = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    chosen = np.take_along_axis(probas, targets[..., np.newaxis], axis=2)
    loss = tensorflow.training.cross_entropy(logits, targets)
    assert float(loss) == pytest.approx(-np.log(chosen).mean(), rel=1e-6)


def test_fast_unroll_of_tensorflow_has_the_gradient_that_differences_find(tensorflow):
    tf, rng = tensorflow.tf, np.random.default_rng(0)
    arguments = [tf.constant(rng.normal(size=x)) for x in [(4, 2, 9), (3, 9), (9,)]]
    slopes = rng.normal(size=(4, 2, 3))
    made, expected = tf.test.compute_gradient(
        lambda *x: tf.reduce_sum(slopes * tensorflow.more.gated_unroll(*x)), arguments
    )
    for one, other in zip(made, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
