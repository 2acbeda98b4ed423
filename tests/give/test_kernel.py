"""A page's notebook runs in a kernel, or the page is refused."""

import pytest

from pagecode import __main__
from pagecode.give import kernel
from pagecode.give.kernel import prove_notebook
from pagecode.run.process import Failure
from tests.conftest import Site


def run(site: Site) -> bool:
    """Run the page's notebook; return whether it had to."""
    return prove_notebook(site.page().programs[0], site.root, seconds=1)


def test_notebook_that_shows_what_its_page_does_is_remembered(site: Site) -> None:
    site.add("import numpy as np\nx = 1\nx", None)
    site.add("x[5]", "TypeError: 'int' object is not subscriptable", "raises")
    site.add("np.linalg.inv([[0]])", "numpy.linalg.LinAlgError: ...", "raises")
    site.add("print(x\n", "SyntaxError: '(' was never closed", "raises")
    group = "ExceptionGroup: two (2 sub-exceptions)"
    site.add("raise ExceptionGroup('two', [OSError(), ValueError()])", group, "raises")
    site.add("print(id(x), max.__name__)", "7", output="varies")
    assert run(site)
    assert not run(site)
    site.add("print(2)", "2")
    assert run(site)


@pytest.mark.parametrize(
    ("code", "shown", "told"),
    [
        (
            "import asyncio\n\nasync def f():\n    return 42\n\n"
            "print(asyncio.run(f()))",
            "42",
            "fails: RuntimeError: asyncio.run() cannot be called from a running",
        ),
        ("print(2)", "3", "prints '2', not '3'"),
        ("print(3)\nprint(2)", "3", "prints '2', not None"),
        ("x", "TypeError: ...", "fails with NameError, not TypeError"),
    ],
)
def test_block_that_does_something_else_in_a_notebook_is_named(
    site: Site, code: str, shown: str, told: str
) -> None:
    """As in notebook#4312."""
    site.add(code, shown, "raises" if "Error" in shown else "")
    with pytest.raises(Failure) as failure:
        run(site)
    said = str(failure.value)
    assert said.startswith("docs/page.md:3: in a notebook this block ")
    assert told in said


def test_page_whose_notebook_fails_is_refused_when_it_is_verified(
    site: Site, capsys: pytest.CaptureFixture
) -> None:
    site.add("import asyncio\nprint(asyncio.run(asyncio.sleep(0, 42)))", "42")
    assert __main__.verify([site.page()], site.root, use_cache=True) == 1
    assert "docs/page.md:3: in a notebook this block fails" in capsys.readouterr().err


STARTS = """\
from multiprocessing import Pool

def square(n):
    return n * n

if __name__ == "__main__":
    with Pool(2) as pool:
        print(pool.map(square, [1, 2]))"""


def test_notebook_of_a_page_that_starts_processes_runs_where_they_are_forked(
    site: Site, monkeypatch, capsys: pytest.CaptureFixture
) -> None:
    site.add(STARTS, "[1, 4]")
    [_, notebook, _] = site.exports()
    assert "on macOS and Windows, run the script" in notebook.text
    methods = ["spawn", "fork"]  # the first is the system's own
    monkeypatch.setattr(kernel, "get_all_start_methods", lambda: methods)
    assert __main__.verify([site.page()], site.root, use_cache=True) == 0
    assert "its notebook is not run, for it starts processes" in capsys.readouterr().out
    methods.reverse()
    assert __main__.verify([site.page()], site.root, use_cache=True) == 0
    assert "its notebook ran" in capsys.readouterr().out


def test_notebook_of_a_page_that_starts_none_says_nothing_of_them(site: Site) -> None:
    site.add("here = __name__\nif not here:\n    print(1)")
    assert "macOS" not in site.exports()[1].text
