"""Runs are compared step by step, and survive being written to a file."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from snippets.same_numbers import compare

READS = []

RUN = np.array([3.0, 2.0, 1.0]), [np.zeros((2, 2)), np.ones(2)]
OTHER = np.array([3.0, 2.5, 0.75]), [np.zeros((2, 2)), np.array([1.0, 0.25])]


@pytest.fixture(autouse=True)
def no_window():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_differences_are_those_of_each_step_and_the_largest_weight() -> None:
    gaps, weight = compare.differences(RUN, OTHER)
    np.testing.assert_array_equal(gaps, [0, 0.5, 0.25])
    assert weight == 0.75


def test_runs_of_other_lengths_are_refused() -> None:
    short = RUN[0][:2], RUN[1]
    with pytest.raises(ValueError, match="3 steps cannot match 2"):
        compare.differences(RUN, short)
    with pytest.raises(ValueError, match="zip"):
        compare.differences(RUN, (RUN[0], RUN[1][:1]))


def test_saved_runs_come_back(tmp_path) -> None:
    runs = {"model, float32": RUN, "model, float64": OTHER}
    compare.save_runs(tmp_path / "runs.npz", runs)
    found = compare.load_runs(tmp_path / "runs.npz")
    assert found.keys() == runs.keys()
    for name, (losses, weights) in runs.items():
        np.testing.assert_array_equal(found[name][0], losses)
        for one, other in zip(found[name][1], weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_run_is_printed_in_float64_and_held_to_its_bound(capsys) -> None:
    runs = {"model, float32": OTHER, "model, float64": RUN}
    compare.print_run(runs, "model", [1, 3], 0.5)
    compare.print_run(runs, "model", [], 0.4)
    assert capsys.readouterr().out.splitlines() == [
        "Step    1 | Loss: 3.00000000000",
        "Step    3 | Loss: 1.00000000000",
        "In float32 within 5e-01: True",
        "In float32 within 4e-01: False",
    ]


def test_nudge_moves_one_number_by_a_ten_millionth() -> None:
    arrays = [np.zeros((2, 2), np.float32), np.ones(3, np.float32)]
    first, last = compare.nudge(arrays)
    assert first.dtype == last.dtype == np.float64
    np.testing.assert_array_equal(first, 0)
    np.testing.assert_array_equal(last, [1 + 1e-7, 1, 1])
    np.testing.assert_array_equal(arrays[1], 1)  # what was given stays


def test_gaps_are_told_at_first_and_later(capsys) -> None:
    gap = np.arange(500.0)
    compare.print_gaps({"model": gap})
    said = "model: 9.9e+01 in steps 1 to 100, 4.0e+02 in steps 301 to 400\n"
    assert capsys.readouterr().out == said


def test_the_largest_of_each_window_is_plotted_above_the_floor() -> None:
    compare.plot_gaps({"model": np.array([1.0, 4.0, 2.0, 0.0, 0.0])}, 0.5, window=2)
    axes = plt.gca()
    (line,) = axes.lines
    np.testing.assert_array_equal(line.get_xdata(), [2, 3, 4, 5])
    np.testing.assert_array_equal(line.get_ydata(), [4, 4, 2, 0.5])
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [x.get_text() for x in axes.get_legend().get_texts()] == ["model"]


def test_fewer_steps_than_a_window_are_refused() -> None:
    with pytest.raises(ValueError, match="window"):
        compare.plot_gaps({"model": np.ones(3)}, 0.1, window=4)
