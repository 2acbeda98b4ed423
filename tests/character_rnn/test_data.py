"""What both frameworks share of the character RNN: text, weights, draws, loop."""

import hashlib
import string

import matplotlib.pyplot as plt
import numpy as np
import pytest

from snippets.character_rnn import data, figures, sampling, training, weights

NUM_FEATURES, NUM_HIDDEN = 3, 4


@pytest.fixture(autouse=True)
def no_window():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def tokens():
    return np.arange(50) % 7


@pytest.fixture
def gru_arrays():
    rng = np.random.default_rng(0)
    return weights.draw_recurrent_weights(NUM_FEATURES, NUM_HIDDEN, 3, rng)


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


def test_recurrent_weights_have_pytorchs_shapes_and_range(gru_arrays):
    shapes = [array.shape for array in gru_arrays]
    assert shapes == [(12, NUM_FEATURES), (12, NUM_HIDDEN), (12,), (12,)]
    for array in gru_arrays:
        assert array.dtype == np.float32
        assert np.abs(array).max() <= 0.5
    assert np.abs(gru_arrays[1]).max() > 0.4


def test_swapping_twice_changes_nothing():
    array = np.arange(6)
    swapped = weights.swap_first_gates(array)
    assert swapped.tolist() == [2, 3, 0, 1, 4, 5]
    np.testing.assert_array_equal(weights.swap_first_gates(swapped), array)


def test_swapping_refuses_what_is_not_three_gates():
    with pytest.raises(ValueError, match="array has 8 rows"):
        weights.swap_first_gates(np.zeros(8))


def test_keras_layout_is_z_r_n_in_columns(gru_arrays):
    weight_ih, weight_hh, bias_ih, bias_hh = gru_arrays
    kernel, recurrent_kernel, bias = weights.gru_to_keras(*gru_arrays)
    assert kernel.shape == (NUM_FEATURES, 12)
    assert recurrent_kernel.shape == (NUM_HIDDEN, 12)
    assert bias.shape == (2, 12)
    np.testing.assert_array_equal(kernel[:, :4], weight_ih[4:8].T)  # update
    np.testing.assert_array_equal(recurrent_kernel[:, 4:8], weight_hh[:4].T)  # reset
    np.testing.assert_array_equal(bias[0, 8:], bias_ih[8:])  # candidate
    np.testing.assert_array_equal(bias[1, :4], bias_hh[4:8])


def test_layouts_undo_each_other(gru_arrays):
    back = weights.gru_to_pytorch(*weights.gru_to_keras(*gru_arrays))
    for array, expected in zip(back, gru_arrays, strict=True):
        np.testing.assert_array_equal(array, expected)


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
    probas = sampling.character_probas(logits, temperature)
    exponentials = np.exp(logits.astype(float) / temperature)
    assert probas.dtype == np.float64
    np.testing.assert_allclose(probas, exponentials / exponentials.sum())


def test_probas_neither_overflow_nor_depend_on_a_shift():
    logits = np.array([2000.0, 1999.0], dtype=np.float32)
    expected = sampling.character_probas(logits - 2000, 0.5)
    np.testing.assert_allclose(sampling.character_probas(logits, 0.5), expected)


@pytest.mark.parametrize("temperature", [0, -0.5, float("nan")])
def test_temperature_must_be_positive(temperature):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="temperature is"):
        sampling.character_probas(np.zeros(3), temperature)
    with pytest.raises(ValueError, match="temperature is"):
        sampling.draw_character(np.zeros(3), temperature, rng)


def test_draws_are_as_frequent_as_probable():
    logits, rng = np.log([0.5, 0.3, 0.2]), np.random.default_rng(0)
    draws = [sampling.draw_character(logits, 1.0, rng) for _ in range(4000)]
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
    assert sampling.draw_character(np.zeros(4), 1.0, Fixed(number)) == index


def test_draw_never_takes_an_impossible_first_character():
    assert sampling.draw_character([-np.inf, 0.0], 1.0, Fixed(0.0)) == 1


def test_draw_stays_in_the_alphabet_where_the_sum_is_rounded_below_one():
    logits = np.random.default_rng(0).normal(size=1000)
    assert sampling.draw_character(logits, 1.0, Fixed(1.0)) == 999


def test_words_lose_the_first_and_the_last():
    text = "he KING's men\nwould: not go ho"
    assert sampling.find_words(text) == ["king's", "men", "would", "not", "go"]


def test_share_of_words_counts_those_in_the_vocabulary():
    share = sampling.share_of_words("a the xqz the b", {"the", "king"})
    assert share == pytest.approx(2 / 3)


@pytest.mark.parametrize("text", ["", "12 34", "two words"])
def test_share_of_words_refuses_text_without_a_whole_word(text):
    with pytest.raises(ValueError, match="text has no whole word"):
        sampling.share_of_words(text, {"two"})


def test_train_steps_through_the_batches_and_logs(capsys):
    seen = []

    def step(inputs, targets):
        seen.append((inputs, targets))
        return 5.0 - len(seen)

    batches = [(number, -number) for number in range(5)]
    losses = training.train(step, iter(batches), log_every=2, decimals=2)
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
        training.train(step, [(0, 0)], log_every=0)


def test_pairs_are_counted_with_one_to_spare():
    train_tokens, tokens = np.array([0, 1, 0, 1, 0]), np.array([0, 1, 1])
    loss = training.cross_entropy_of_pairs(train_tokens, tokens, 2)
    assert loss == pytest.approx(-(np.log(3 / 4) + np.log(1 / 4)) / 2)


@pytest.mark.parametrize("count", [0, 1])
def test_pairs_need_two_tokens(tokens, count):
    with pytest.raises(ValueError, match=f"no pair: there are {count}"):
        training.cross_entropy_of_pairs(tokens, tokens[:count], 7)


def test_temperature_figure_shows_each_characters_probability():
    figures.plot_temperature(np.array([1.0, 0.0]), np.array([0.5, 1.0, 2.0]))
    one, other, _ = plt.gca().get_lines()
    expected = 1 / (1 + np.exp([-2.0, -1.0, -0.5]))
    np.testing.assert_allclose(one.get_ydata(), expected)
    np.testing.assert_allclose(other.get_ydata(), 1 - expected)


def test_loss_figure_shows_losses_and_their_running_mean():
    losses = np.arange(20.0)
    figures.plot_loss(losses, window=4)
    raw, means = plt.gca().get_lines()
    np.testing.assert_array_equal(raw.get_ydata(), losses)
    np.testing.assert_allclose(means.get_ydata(), np.arange(1.5, 18))
    np.testing.assert_array_equal(means.get_xdata(), np.arange(4, 21))


@pytest.mark.parametrize("window", [0, 4])
def test_loss_figure_refuses_a_window_that_does_not_fit(window):
    with pytest.raises(ValueError, match=f"window is {window}, must be 1 to 3"):
        figures.plot_loss([1.0, 2.0, 3.0], window)


def test_state_figure_has_a_column_per_character():
    states = np.random.default_rng(0).uniform(-1, 1, (5, 8))
    figures.plot_hidden_state("First", states)
    axes = plt.gcf().axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), states.T)
    assert [label.get_text() for label in axes.get_xticklabels()] == list("First")


def test_state_figure_refuses_states_of_another_text():
    with pytest.raises(ValueError, match="text has 3 characters, states 2"):
        figures.plot_hidden_state("abc", np.zeros((2, 8)))
