"""Every row of the Rosetta table, executed in each framework, against NumPy's."""

import copy
import math
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from inspect import getmembers, isfunction, signature
from typing import Any

import numpy as np
import pytest

from pagecode.frameworks import BOTH, selected
from snippets.rosetta import inputs, numpy_rows

FRAMEWORKS = [name for name in selected() if name != BOTH]
ROWS = [
    name
    for name, function in getmembers(numpy_rows, isfunction)
    if function.__module__ == numpy_rows.__name__
]


def to_tensor(framework: str, name: str, value: Any) -> Any:
    """Return an input as the framework's tensor, in the framework's order of axes."""
    if framework == "numpy" or name == "array" or isinstance(value, str):
        return value
    if framework == "pytorch":
        return import_module("torch").from_numpy(value)
    axes = {"images": (0, 2, 3, 1), "filters": (2, 3, 1, 0)}.get(name)
    return import_module("tensorflow").constant(
        value.transpose(axes) if axes else value
    )


def to_numpy(value: Any, channels_last: bool = False) -> Any:
    """Return a result with every tensor in it as an array, channels first."""
    if isinstance(value, tuple | list):
        return [to_numpy(part, channels_last) for part in value]
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    value = value.numpy() if hasattr(value, "numpy") else value
    is_images = channels_last and np.ndim(value) == 4
    return value.transpose(0, 3, 1, 2) if is_images else value


def run(framework: str, name: str) -> Any:
    """Return what a row gives, called with fresh inputs by its parameters' names."""
    function = getattr(import_module(f"snippets.rosetta.{framework}_rows"), name)
    given = {
        parameter: to_tensor(framework, parameter, copy.copy(vars(inputs)[parameter]))
        for parameter in signature(function).parameters
    }
    return to_numpy(function(**given), channels_last=framework == "tensorflow")


def assert_same_kind(found: Any, expected: Any) -> None:
    """Compare structure, shape and type: kind and, for floats, precision."""
    if isinstance(expected, list):
        assert isinstance(found, list)
        assert len(found) == len(expected)
        for pair in zip(found, expected, strict=True):
            assert_same_kind(*pair)
        return
    found_type, expected_type = np.asarray(found).dtype, np.asarray(expected).dtype
    assert np.shape(found) == np.shape(expected)
    assert found_type.kind == expected_type.kind
    if found_type.kind == "f" and np.ndim(expected):
        assert found_type == expected_type


def assert_same_values(found: Any, expected: Any) -> None:
    """Compare numbers up to float32's rounding, all else exactly."""
    if isinstance(expected, list):
        for pair in zip(found, expected, strict=True):
            assert_same_values(*pair)
    elif np.asarray(expected).dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_array_equal(found, expected)


Draw = Callable[[], Any]


def check_is_bool(draw: Draw) -> None:
    assert isinstance(draw(), bool)


def check_dropped_or_doubled(draw: Draw) -> None:
    draws = np.stack([draw() for _ in range(50)])
    kept = draws != 0
    np.testing.assert_array_equal(draws, 2 * inputs.x * kept)
    assert 0.3 < kept.mean() < 0.7


def check_shuffled_alike(draw: Draw) -> None:
    first = draw()
    assert sorted(first) == sorted(inputs.tokens)
    assert first == draw()


def check_normal(draw: Draw) -> None:
    values = draw()
    assert abs(values.mean()) < 0.2
    assert abs(values.std() - 1) < 0.15
    assert (values != draw()).any()


def check_uniform(draw: Draw) -> None:
    values = draw()
    assert 2 <= values.min() < 2.1
    assert 4.9 < values.max() < 5
    assert abs(values.mean() - 3.5) < 0.2


def check_digits(draw: Draw) -> None:
    assert set(draw()) == set(range(10))


def check_permutation(draw: Draw) -> None:
    assert sorted(draw()) == list(range(10))
    assert len({tuple(draw()) for _ in range(5)}) > 1


def check_frequencies(draw: Draw) -> None:
    probas = np.exp(inputs.scores) / np.exp(inputs.scores).sum()
    np.testing.assert_allclose(np.bincount(draw()) / 1000, probas, atol=0.1)


def check_same_again(draw: Draw) -> None:
    first = draw()
    assert len(set(first)) == 3
    np.testing.assert_array_equal(first, draw())


def check_glorot(draw: Draw) -> None:
    limit = math.sqrt(6 / (30 + 20))
    assert 0.95 * limit < draw().max() <= limit
    assert 0.95 * limit < -draw().min() <= limit


CHECKS = {  # for rows whose numbers are each library's own
    "has_accelerator": check_is_bool,
    "dropout_in_training": check_dropped_or_doubled,
    "shuffled": check_shuffled_alike,
    "normal": check_normal,
    "uniform": check_uniform,
    "integers": check_digits,
    "permutation": check_permutation,
    "classes": check_frequencies,
    "seeded": check_same_again,
    "from_generator": check_same_again,
    "glorot_uniform": check_glorot,
}


def has_compiler() -> bool:
    """Whether there is what torch.compile needs: a C++ compiler, Python's headers."""
    compiler = shutil.which("c++")
    header = f"-I{sysconfig.get_path('include')}"
    options = [
        "-fsyntax-only",
        "-x",
        "c++",
        header,
        "-include",
        "Python.h",
        "/dev/null",
    ]
    return bool(compiler) and not subprocess.run([compiler, *options]).returncode


@pytest.fixture(autouse=True)
def surroundings(request, tmp_path, monkeypatch) -> Iterator[None]:
    """An empty folder, seeds, TensorFlow on the CPU; no compiling without C++."""
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        if "pytorch" in FRAMEWORKS:
            torch = import_module("torch")
            torch.manual_seed(1)
            if "compiled" in request.node.name and not has_compiler():
                stack.enter_context(torch.compiler.set_stance("force_eager"))
        if "tensorflow" in FRAMEWORKS:
            import_module("keras").utils.set_random_seed(1)
            stack.enter_context(import_module("tensorflow").device("CPU"))
        yield


# What the libraries themselves still call: torch in forward mode, Keras in saving.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_row_gives_what_numpy_gives(framework: str, name: str) -> None:
    found, expected = run(framework, name), run("numpy", name)
    assert_same_kind(found, expected)
    if name not in CHECKS:
        assert_same_values(found, expected)


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("framework", [*FRAMEWORKS, "numpy"])
def test_random_row_draws_what_it_says(framework: str, name: str) -> None:
    CHECKS[name](lambda: run(framework, name))


@pytest.mark.parametrize("name", sorted(set(ROWS) - set(CHECKS)))
def test_numpy_gives_the_same_again(name: str) -> None:
    """A row that draws numbers needs a check of its own."""
    assert_same_values(run("numpy", name), run("numpy", name))


@pytest.mark.parametrize("framework", [*FRAMEWORKS, "numpy"])
def test_huber_is_a_parabola_up_to_one(framework: str, monkeypatch) -> None:
    monkeypatch.setattr(inputs, "observed", np.zeros(2, np.float32))
    monkeypatch.setattr(inputs, "predictions", np.float32([0.5, -1.5]))
    assert run(framework, "huber") == pytest.approx((0.125 + 1) / 2)


def test_infinity_is_not_replaced_with_nan() -> None:
    """What torch.nan_to_num does to infinity shows only where there is one."""
    assert run("numpy", "replace_nan").tolist() == [1, 0, 3, np.inf, -np.inf]


def test_halves_lie_on_both_sides_of_zero() -> None:
    np.testing.assert_array_equal(np.diff(inputs.halves), 1)
    assert run("numpy", "round_half_to_even").tolist() == [-2, 0, 0, 2, 2]


def test_probabilities_are_some() -> None:
    for probas in (inputs.p, inputs.q):
        assert (probas > 0).all()
        np.testing.assert_allclose(probas.sum(axis=1), 1)
