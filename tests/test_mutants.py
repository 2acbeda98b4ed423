"""The mutation tester gives a mutant to the tests that could notice it."""

from pathlib import Path

import pytest

from tests import mutants

CODE = "x = 1\n\n\ndef f(a):\n    return max(\n        a,\n        x,\n    )\n"
OWN, OTHER = "tests/run/test_a.py::test_own", "tests/test_b.py::test_other"
SLOW = "tests/run/test_a.py::test_slow"


@pytest.fixture
def path(tmp_path: Path, monkeypatch) -> str:
    """A module of the room `run`, and a page that shows a snippet."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "pagecode/run/a.py": CODE,
        "docs/models/page.md": '--8<-- "model/by_hand.py:train"\n',
        "docs/index.md": "# Home\n",
    }.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    return "pagecode/run/a.py"


def reach(lines: dict[str, list[str]]) -> dict:
    """What was found by running the tests."""
    seconds = {OWN: 2.0, OTHER: 0.5, SLOW: 300.0}
    return {"seconds": seconds, "lines": {"pagecode/run/a.py": lines}}


def test_tests_of_a_statement_are_asked_its_own_first(path: str) -> None:
    noted = reach({"4": [SLOW], "5": [OTHER, OWN]})
    assert mutants.chosen(path, 7, noted) == ([OWN, OTHER], 2.0)
    assert mutants.chosen(path, 4, noted) == ([SLOW], 300.0)


def test_line_that_coverage_did_not_see_is_given_to_all_of_its_file(path: str) -> None:
    assert mutants.chosen(path, 1, reach({"5": [OTHER]})) == ([OTHER], 0.5)
    assert mutants.chosen(path, 1, reach({})) == ([OWN], 2.0)  # and SLOW: too long


def test_no_more_tests_than_there_is_time_for(path: str, monkeypatch) -> None:
    monkeypatch.setattr(mutants, "BUDGET", 2.1)
    assert mutants.chosen(path, 5, reach({"5": [OTHER, OWN]})) == ([OWN], 2.0)


def test_pages_that_show_a_snippet_are_found(path: str) -> None:
    assert mutants.showing("snippets/model/by_hand.py") == ["models/page.md"]
    assert mutants.showing("snippets/model/hand.py") == []
    assert mutants.showing(path) == []


DIFF = """--- mutation diff ---
--- a/pagecode/run/a.py
+++ b/pagecode/run/a.py
@@ -1,2 +1,2 @@
-x = 1
+x = 2
 y = 1
"""


def test_table_counts_what_was_killed_and_leaves_out_what_changes_nothing(
    capsys,
) -> None:
    assert mutants.difference(DIFF) == ("x = 1", "x = 2")
    same = ("pagecode/a.py", "x = 1", "x = 2")
    alive = ("pagecode/a.py", "y = 1", "y = 2")
    hand = ("snippets/m/pytorch_manual.py", "z = 1", "z = 2")
    found = [(*same, False), (*alive, False), (*alive, True), (*hand, True)]
    made = {"pagecode": 3, "by hand": 1000, "snippets": 0}
    rows, low = mutants.tell(made, found, {same})
    assert rows == [
        ["the machinery, `pagecode/`", "3", "1", "1", "1", "50.0%"],
        ["gradients and cells by hand", "1 of 1,000", "0", "1", "0", "100.0%"],
    ]
    assert low
    assert capsys.readouterr().out == "alive: pagecode/a.py\n  - y = 1\n  + y = 2\n"


def test_all_code_is_changed_but_for_what_is_no_chapter_yet() -> None:
    found = [str(x) for x in mutants.files()]
    assert {"pagecode/run/child.py", "snippets/rosetta/numpy_rows.py"} <= set(found)
    assert not [x for x in found if "template" in x]


def test_what_is_by_hand_is_found_in_every_kind_of_chapter() -> None:
    for framework in ("pytorch", "tensorflow"):
        for path in (
            f"snippets/logistic_regression/{framework}_manual.py",
            f"snippets/logistic_regression/{framework}_more.py",
            f"snippets/recurrent_networks/{framework}_manual.py",
        ):
            assert mutants.ROOT.joinpath(path).exists()
            assert mutants.group(path) == "by hand"
    assert mutants.group("snippets/logistic_regression/pytorch_module.py") == "snippets"
