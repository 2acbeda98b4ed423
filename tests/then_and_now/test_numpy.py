"""The NumPy and plain Python part of then and now: values and bad input."""

import hashlib

import numpy as np
import pytest

from snippets.then_and_now import numpy_then as then

READS = []


def test_an_error_is_printed_up_to_its_first_line(capsys):
    with then.show_error():
        raise ValueError("first\nsecond")
    assert capsys.readouterr().out == "ValueError: first\n"


def test_a_long_error_is_cut(capsys):
    with then.show_error():
        raise ValueError("very " * 99)
    line = capsys.readouterr().out.rstrip()
    assert len(line) <= 88
    assert line.endswith("very…")


def test_a_body_without_an_error_is_an_error():
    with pytest.raises(AssertionError, match="without an error"), then.show_error():
        pass


def test_a_new_interpreter_knows_builtins_and_nothing_else():
    assert then.is_defined("print")
    assert not then.is_defined("np")


def test_only_the_right_content_passes_its_checksum():
    checksum = hashlib.sha256(b"right").hexdigest()
    then.require_sha256(b"right", checksum)
    with pytest.raises(ValueError, match=r"sha256 is .*, expected"):
        then.require_sha256(b"wrong", checksum)


def test_lazy_batches_are_right_only_while_they_are_fresh():
    examples = np.arange(9)
    fresh = [next(batch).tolist() for batch in then.lazy_batches(examples, 4, 0)]
    assert len(fresh) == 2
    assert not set(fresh[0]) & set(fresh[1])
    stale = [next(batch).tolist() for batch in list(then.lazy_batches(examples, 4, 0))]
    assert stale == [fresh[1], fresh[1]]


def test_shuffled_batches_hold_each_example_once():
    batches = then.shuffled_batches(np.arange(9), 4, np.random.RandomState(0))
    assert [len(batch) for batch in batches] == [4, 4, 1]
    assert sorted(np.concatenate(batches)) == list(range(9))


def test_each_epoch_has_another_order():
    generator = np.random.RandomState(0)
    epochs = [then.shuffled_batches(np.arange(9), 9, generator)[0] for _ in range(2)]
    assert not np.array_equal(*epochs)


@pytest.mark.parametrize("batch_size", [0, 10])
def test_a_batch_size_that_does_not_fit_is_refused(batch_size):
    with pytest.raises(ValueError, match=f"batch_size is {batch_size}, must be 1 to 9"):
        then.shuffled_batches(np.arange(9), batch_size, np.random.RandomState(0))


def test_targets_are_one_character_ahead_of_inputs():
    assert then.cut_portion("abcdefgh", 4, 2) == ("cdef", "defg")
