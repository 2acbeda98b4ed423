"""Text and integers exactly, floats to the last digit shown, plots by what is seen."""

import pytest

from pagecode.run.compare import (
    first_difference,
    plot_difference,
    same_line,
    same_shape,
)

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
    ("unit", "1.23s", "1.24s"),
    ("blank before a unit", "1.5 %", "1.5%"),
    ("part of a name", "conv1.5x", "conv1.6x"),
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
        ("loss -1.5e-05 below 2: True", "loss nan below 2: False", True),
        ("next: ':', \"the\"", "next: 'é', \"a b\"", True),
        ("[14 73]", "[ 1 2]", True),
        ("words: 3", "lines: 3", False),
        ("1 2", "1", False),
    ],
)
def test_shape_is_all_but_numbers_truth_and_quotes(shown, printed, same) -> None:
    assert same_shape([shown], [printed]) is same
    assert not same_shape([shown, shown], [printed])


@pytest.mark.parametrize("x", [3.0, 300.0, 60_000.0])
def test_a_wide_x_axis_gives_y_no_room(x: float) -> None:
    one = [{}, {"lines": [[[0.0, 1.5], [x, 4.6]]]}]
    other = [{}, {"lines": [[[0.0, 1.5], [x, 4.7]]]}]
    assert plot_difference(one, other) == "the lines of axes 1"


@pytest.mark.parametrize("name", ["lines", "points", "values", "bars", "images"])
def test_each_kind_of_number_is_compared(name: str) -> None:
    one = [{}, {name: [[[0.0, 1.0], [2.0, 3.0]], [[5.0]]]}]
    other = [{}, {name: [[[0.0, 1.0], [2.0, 3.1]], [[5.0]]]}]
    nan = [{}, {name: [[[0.0, 1.0], [2.0, float("nan")]], [[5.0]]]}]
    assert plot_difference(one, one) is None
    assert plot_difference(nan, nan) is None
    assert plot_difference(one, other) == f"the {name} of axes 1"
    assert plot_difference(one, nan) == f"the {name} of axes 1"


def test_scales_are_compared() -> None:
    one, other = [{}, {"scales": ["linear", "log"]}], [{}, {"scales": ["linear"] * 2}]
    assert plot_difference(one, one) is None
    assert plot_difference(one, other) == "the scales of axes 1"


def test_logarithmic_axes_are_compared_as_they_are_drawn() -> None:
    scales = {"scales": ["linear", "log"]}
    one = [{}, scales | {"lines": [[[1.0, 1e-9], [2.0, 0.0], [3.0, 1e-1]]]}]
    near = [{}, scales | {"lines": [[[1.0, 1.01e-9], [2.0, 0.0], [3.0, 1e-1]]]}]
    other = [{}, scales | {"lines": [[[1.0, 1e-8], [2.0, 0.0], [3.0, 1e-1]]]}]
    assert plot_difference(one, near) is None
    assert plot_difference(one, other) == "the lines of axes 1"


def test_small_numbers_of_a_linear_axis_are_not_seen() -> None:
    scales = {"scales": ["linear", "linear"]}
    one = [{}, scales | {"lines": [[[1.0, 1e-9], [2.0, 1.0]]]}]
    other = [{}, scales | {"lines": [[[1.0, 1e-4], [2.0, 1.0]]]}]
    assert plot_difference(one, other) is None


def test_numbers_that_do_not_span_anything_are_compared_to_six_digits() -> None:
    one, near, other = (
        [{}, {"lines": [[[0.0, y], [1.0, y]]]}] for y in (1e6, 1e6 + 9, 1e6 + 11)
    )
    assert plot_difference(one, near) is None
    assert plot_difference(one, other) == "the lines of axes 1"


@pytest.mark.parametrize("gap", [float("nan"), float("inf"), -float("inf")])
def test_a_gap_is_compared_and_gives_no_room(gap: float) -> None:
    one, near, other, whole = (
        [{}, {"lines": [[[0.0, 1000.0], [1.0, y], [2.0, x]]]}]
        for x, y in ((1001.0, gap), (1001.01, gap), (1001.1, gap), (1001.0, 1000.5))
    )
    assert plot_difference(one, one) is None
    assert plot_difference(one, near) is None
    assert plot_difference(one, other) == "the lines of axes 1"
    assert plot_difference(one, whole) == "the lines of axes 1"
    assert plot_difference(whole, one) == "the lines of axes 1"


def test_a_line_of_gaps_is_compared() -> None:
    one, other = ([{"values": [[x]]}] for x in (float("nan"), 1.0))
    assert plot_difference(one, one) is None
    assert plot_difference(one, other) == "the values of the figure"


def test_line_without_points_is_compared() -> None:
    scales = {"scales": ["linear", "log"]}
    one = [{}, scales | {"lines": [[]]}]
    other = [{}, scales | {"lines": [[[0.0, 1.0]]]}]
    assert plot_difference(one, one) is None
    assert plot_difference(one, other) == "the lines of axes 1"
    assert plot_difference(other, one) == "the lines of axes 1"


@pytest.mark.parametrize(
    "lines", [[], [[[0.0, 1.0]]], [[[0.0, 1.0]], [[0.0, 1.0]] * 2]]
)
def test_other_number_of_lines_or_points_differs(lines: list) -> None:
    two = [[[0.0, 1.0]], [[0.0, 1.0]]]
    assert plot_difference([{"lines": two}], [{"lines": lines}]) == (
        "the lines of the figure"
    )
    assert plot_difference([{"lines": lines}], [{"lines": two}]) == (
        "the lines of the figure"
    )


def test_other_text_or_number_of_texts_differs() -> None:
    one, other, more = ([{"texts": x}] for x in (["cost"], ["loss"], ["cost", "loss"]))
    assert plot_difference(one, other) == "the texts of the figure"
    assert plot_difference(one, more) == "the texts of the figure"
    assert plot_difference(one, [{"texts": [[1.0]]}]) == "the texts of the figure"


def test_other_number_of_axes_is_told() -> None:
    assert plot_difference([{}, {}, {}], [{}, {}]) == "1 axes instead of 2"
