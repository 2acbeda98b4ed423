"""The line that names an error."""

import json

import pytest

from pagecode.run.child import error_line


class OddError(Exception):
    def __str__(self) -> str:
        raise ValueError


def noted(error: BaseException) -> BaseException:
    """Add notes to an error, one that looks like an error's name."""
    error.add_note("in layer 3")
    error.add_note("KeyError: 'not this'")
    return error


def raised(code: str) -> BaseException:
    """Return the error that this code raises."""
    try:
        exec(compile(code, "code.py", "exec"), {})
    except BaseException as error:
        return error
    raise AssertionError("it raises nothing")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("bad shape"), "ValueError: bad shape"),
        (noted(ValueError("bad shape")), "ValueError: bad shape"),
        (noted(ValueError()), "ValueError"),
        (ValueError("  one\ntwo\nthree"), "ValueError:   one"),
        (ValueError("\none"), "ValueError:"),
        (KeyError("a"), "KeyError: 'a'"),
        (SystemExit(), "SystemExit"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (
            noted(ExceptionGroup("several", [ValueError(1), noted(KeyError(2))])),
            "ExceptionGroup: several (2 sub-exceptions)",
        ),
        (OddError(), f"{__name__}.OddError: <exception str() failed>"),
        (
            json.JSONDecodeError("Expecting value", "x\ny", 2),
            "json.decoder.JSONDecodeError: Expecting value: line 2 column 1 (char 2)",
        ),
        (raised("x = = 1"), "SyntaxError: invalid syntax"),
        (
            noted(raised("if x:\ny")),
            "IndentationError: expected an indented block "
            "after 'if' statement on line 1",
        ),
        (
            raised("def f():\n x = 1\n global x"),
            "SyntaxError: name 'x' is assigned to before global declaration",
        ),
        (
            raised(
                "try:\n  1/0\nexcept ArithmeticError as e:\n  raise OSError('b') from e"
            ),
            "OSError: b",
        ),
        (raised("class A(Exception): __module__ = '__main__'\nraise A('x')"), "A: x"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_error_is_named_by_one_line(error: BaseException, line: str) -> None:
    assert error_line(error) == line
