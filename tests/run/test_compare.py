"""Text and integers exactly, floats to the last digit shown."""

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pagecode.run.compare import first_difference, same_line, same_shape

SAME = [
    ("same text", "Epoch: 001", "Epoch: 001"),
    ("one unit of the last digit", "Cost: 5.581", "Cost: 5.582"),
    ("one unit down", "Cost: 5.581", "Cost: 5.580"),
    ("one unit over a carry", "Train ACC: 1.000", "Train ACC: 0.999"),
    ("sign", "loss=-0.51", "loss=-0.52"),
    ("runs of blanks", "a  b    1.5", "a b 1.5"),
    ("blanks at the end", "a  ", "a"),
    ("negative zero", "-0.000", "0.000"),
    ("negative zero takes the blank", "[ 0.000 1.5]", "[-0.000 1.5]"),
    ("plus sign", "+1.5", "1.5"),
    ("across zero", "0.001", "-0.000"),
    ("other number of digits", "0.50", "0.5"),
    ("exponent", "2.0e-05", "2.1e-05"),
    ("large exponent", "1.25e+10", "1.26E+10"),
    ("no digit after the point", "tensor([1., 0.])", "tensor([1., 0.])"),
    ("no digit before the point", ".25", ".26"),
    ("percent", "97.5%", "97.6%"),
    ("percent after a blank", "Accuracy: 97.5 %", "Accuracy: 97.6 %"),
    ("nan where shown", "loss nan", "loss nan"),
    ("inf where shown", "[inf -inf]", "[inf -inf]"),
    ("in a call", "tensor(0.6931, grad_fn=<X>)", "tensor(0.6932, grad_fn=<X>)"),
    ("end of a sentence", "It is 0.25.", "It is 0.26."),
    ("complex", "(0.5+0.866j)", "(0.5+0.867j)"),
    ("sign of a complex zero", "(1.5-0.000j)", "(1.5+0.000j)"),
    ("thousands", "1,234,999.99", "1,235,000.00"),
    ("underscores", "1_000.5", "1_000.6"),
    ("unit attached", "3.2ms, 5.1x, 0.5em", "3.3ms, 5.0x, 0.6em"),
    ("unit that letters of any language write", "3.2µs 4.5м", "3.3µs 4.4м"),
    ("list without blanks", "[0.1,0.2]", "[0.2,0.1]"),
    ("integer and float without blanks", "(1,0.25)", "(1,0.26)"),
    ("whole minus zero", "[-0. 1.]", "[ 0. 1.]"),
    ("fraction, range", "0.5/1.5 0.5-1.5", "0.6/1.4 0.6-1.6"),
    ("seconds and a ratio", "loss:0.5 1:0.5", "loss:0.6 1:0.6"),
]
OTHER = [
    ("word", "Epoch: 001", "epoch: 001"),
    ("integer", "Epoch: 001", "Epoch: 002"),
    ("integer's zeros", "001", "1"),
    ("integer at the end of a sentence", "Epoch 5.", "Epoch 4."),
    ("two units", "5.581", "5.583"),
    ("two units of the finer", "0.50", "0.5201"),
    ("one unit of the coarser", "0.5", "0.599"),
    ("sign", "0.5", "-0.5"),
    ("labels without a digit after the point", "tensor([1., 0.])", "tensor([0., 0.])"),
    ("whole against finer", "1.", "1.04"),
    ("exponent without a digit to spare", "1e-05", "2e-05"),
    ("other exponent", "1.25e-05", "1.25e-04"),
    ("integer against float", "1", "1.0"),
    ("float against integer", "1.0", "1"),
    ("nan printed", "0.693", "nan"),
    ("nan shown", "nan", "0.693"),
    ("inf printed", "1.000", "inf"),
    ("sign of inf", "inf", "-inf"),
    ("version", "2.15.0", "2.15.1"),
    ("version's middle", "2.15.0", "2.16.0"),
    ("version's local part", "2.15.0+cpu", "2.15.1+cpu"),
    ("unit", "1.23s", "1.23m"),
    ("blank before a unit", "1.5 %", "1.5%"),
    ("part of a name", "conv1.5x", "conv1.6x"),
    ("part of a longer name", "conv2d_1.5", "conv2d_1.6"),
    ("size", "6.4x4.8", "6.4x4.9"),
    ("thousands two units apart", "1,234.50", "1,234.52"),
    ("whole thousands", "1,234", "1,235"),
    ("thousands of a float", "1,234.5", "1,235.5"),
    ("imaginary part", "(0.5+0.866j)", "(0.5-0.866j)"),
    ("unit of a number", "3.2ms", "3.2s"),
    ("release candidate", "2.0rc1", "2.1rc1"),
    ("development version", "2.0.dev1", "2.1.dev1"),
    ("time", "12:30:05.25", "12:30:05.26"),
    ("minutes and seconds", "3:10.25", "3:10.26"),
    ("date", "2026-11-29", "2026-11-28"),
    ("date with points", "29.11.2026", "28.11.2026"),
    ("address", "127.0.0.1", "127.0.0.2"),
    ("hash", "5e3f45b2", "6e3f45b2"),
    ("hash that looks like a float", "12e45678", "12e45679"),
    ("float that nothing can hold", "1e99999999999999999999", "1e99999999999999999998"),
    ("sign of NaN", "-nan", "nan"),
    ("one float more", "1.5 2.5", "1.5"),
    ("blank lost between words", "a b", "ab"),
    ("blanks at the front", "a", "  a"),
]


def check(shown: str, printed: str, same: bool) -> None:
    assert same_line(shown, printed) is same
    assert same_line(printed, shown) is same


@pytest.mark.parametrize(
    ("shown", "printed"), [pytest.param(a, b, id=name) for name, a, b in SAME]
)
def test_lines_agree(shown: str, printed: str) -> None:
    check(shown, printed, True)


@pytest.mark.parametrize(
    ("shown", "printed"), [pytest.param(a, b, id=name) for name, a, b in OTHER]
)
def test_lines_differ(shown: str, printed: str) -> None:
    check(shown, printed, False)


# Numbers as they are printed, each by itself or among others.
WHOLE = st.integers(-(10**9), 10**9)
PLACES = st.integers(1, 8)
FORMS = st.sampled_from(["{}", "loss={}", "[{},", "({}+0.5j)", "{}%", "{}ms", "~{}."])
ANY = st.text(st.sampled_from("0123456789.,:_-+eEjxan %[]()\t\u00b5"), max_size=30)


def decimals(number: int, places: int, style: str) -> str:
    """Write a number with so many digits behind the point."""
    text = f"{Decimal(number).scaleb(-places):,.{places}f}"
    return text.replace(",", style)


@settings(deadline=None)
@given(ANY | st.text())
def test_any_line_is_the_same_as_itself(line: str) -> None:
    assert same_line(line, line)
    assert same_line(line, line, atol="0.1")
    assert same_shape([line], [line])


@settings(deadline=None)
@given(ANY, ANY)
def test_order_does_not_matter(one: str, other: str) -> None:
    assert same_line(one, other) is same_line(other, one)


@settings(deadline=None)
@given(WHOLE, PLACES, FORMS, st.sampled_from(["", ",", "_"]), st.integers(-5, 5))
def test_one_unit_passes_and_two_are_seen(number, places, form, style, units) -> None:
    shown = form.format(decimals(number, places, style))
    check(shown, form.format(decimals(number + units, places, style)), abs(units) <= 1)


@settings(deadline=None)
@given(WHOLE, WHOLE, FORMS, st.sampled_from(["", ",", "_"]))
def test_integers_are_exact(one: int, other: int, form: str, style: str) -> None:
    check(form.format(f"{one:{style}}"), form.format(f"{other:{style}}"), one == other)


@settings(deadline=None)
@given(ANY)
def test_nan_never_passes_unless_it_is_shown(line: str) -> None:
    shown = re.sub("nan", "", line, flags=re.IGNORECASE)
    for place in range(len(shown)):
        assert not same_line(shown, f"{shown[:place]}nan{shown[place:]}", atol="1e9")


@settings(deadline=None)
@given(st.lists(st.integers(0, 99), min_size=3, max_size=4), st.integers(0, 3))
def test_versions_and_addresses_are_exact(parts: list[int], which: int) -> None:
    version = ".".join(map(str, parts))
    parts[which % len(parts)] += 1
    check(version, ".".join(map(str, parts)), False)


@pytest.mark.parametrize(
    ("printed", "same"),
    [("0.510", True), ("0.490", True), ("0.511", False), ("nan", False), ("1", False)],
)
def test_page_can_ask_for_more_room(printed: str, same: bool) -> None:
    assert same_line("0.500", printed, atol="0.01") is same


def test_more_room_is_for_floats_alone() -> None:
    assert not same_line("Epoch 1 0.5", "Epoch 2 0.5", atol="5")


def test_less_room_than_the_last_digit_cannot_be_asked_for() -> None:
    assert same_line("0.500", "0.501", atol="0.0001")


@pytest.mark.parametrize(
    ("shown", "printed", "difference"),
    [
        ([], [], None),
        (["a", "0.50"], ["a", "0.51"], None),
        (["a", "b"], ["a", "c"], (1, "b", "c")),
        (["a"], ["a", "b"], (1, None, "b")),
        (["a", "b"], ["a"], (1, "b", None)),
        (["a", ""], ["a"], (1, "", None)),
        ([], ["a"], (0, None, "a")),
    ],
)
def test_first_difference_is_named(shown, printed, difference) -> None:
    assert first_difference(shown, printed) == difference


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("1,115,394 of 65", "464,395 of 94", True),
        ("loss -1.5e-05 below 2: True", "loss 3.25 below 7: False", True),
        ("loss 0.25 below 2", "loss nan below 2", False),
        ("loss 0.25 below 2", "loss 3.0 below inf", False),
        ("loss nan below inf", "loss 0.25 below 3", True),
        ("loss nan below inf", "loss nan below inf", True),
        ("loss nan below 2", "loss 1.0 below nan", False),
        ("loss inf", "loss nan", False),
        ("it is True", "it is nan", False),
        ("next: ':', \"the\"", "next: 'é', \"a b\"", True),
        ("[14 73]", "[ 1 2]", True),
        ("words: 3", "lines: 3", False),
        ("1 2", "1", False),
    ],
)
def test_shape_is_all_but_numbers_truth_and_quotes(shown, printed, same) -> None:
    assert same_shape([shown], [printed]) is same
    assert not same_shape([shown, shown], [printed])
