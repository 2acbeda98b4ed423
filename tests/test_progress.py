"""Long work shows on a terminal where it is; elsewhere it stays plain."""

import sys

import pytest

from pagecode import __main__
from tests.conftest import Site, pytest_report_teststatus


@pytest.fixture
def told(site: Site, monkeypatch, capsys):
    """Return what a run of a slow page prints, on a terminal or not, in CI or not."""
    site.add("import time\ntime.sleep(1.3)")
    site.add("print(1)", "1")

    def told(*, terminal: bool, ci: str) -> str:
        monkeypatch.setenv("CI", ci)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
        assert __main__.verify([site.page()], site.root, use_cache=False) == 0
        return capsys.readouterr().out

    return told


def test_a_terminal_shows_which_block_runs_and_for_how_long(told) -> None:
    *shown, last = told(terminal=True, ci="").split("\r\033[K")
    assert "  pytorch, block 1 of 2, docs/page.md:3: 1 s" in shown
    assert last.startswith("  pytorch/page.md: 2 blocks, 1 outputs, ran in ")


@pytest.mark.parametrize(("terminal", "ci"), [(False, ""), (True, "true")])
def test_elsewhere_there_is_a_line_per_program(told, terminal: bool, ci: str) -> None:
    [line, notebook, end] = told(terminal=terminal, ci=ci).split("\n")
    assert line.startswith("  pytorch/page.md: 2 blocks, 1 outputs, ran in ")
    assert notebook == "  pytorch/page.md: its notebook ran"
    assert (line.isprintable(), end) == (True, "")


def test_a_failing_test_is_named_at_once() -> None:
    told = {
        "nodeid": "tests/test_a.py::test_b",
        "location": ("", 0, ""),
        "keywords": {},
    }
    report = pytest.TestReport(**told, outcome="failed", longrepr="1 != 2", when="call")
    _, shown, _ = pytest_report_teststatus(report)
    assert shown.split() == ["FAILED", "tests/test_a.py::test_b"]
    report.when = "setup"
    assert pytest_report_teststatus(report)[0] == "error"
    report.outcome = "passed"
    assert pytest_report_teststatus(report) is None
