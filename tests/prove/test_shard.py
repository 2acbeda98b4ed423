"""Work that is shared out is done once, by all machines together, and evenly."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagecode.prove.shard import leg, mine, shard
from tests.workflows import legs, read

READS = ["pagecode", "mkdocs.yml", ".github"]  # the workflow, too

ROOT = Path(__file__).parents[2]


def shares(work: list, count: int) -> list[list]:
    """Return what each of so many machines does."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for number in range(1, count + 1):
            patch.setenv("SHARD", f"{number}/{count}")
            found.append(mine(work))
    return found


@given(st.lists(st.integers()), st.integers(1, 9))
def test_each_piece_of_work_is_done_once(work: list, count: int) -> None:
    numbered = list(enumerate(work))
    found = shares(numbered, count)
    assert sorted(x for share in found for x in share) == numbered
    sizes = [len(share) for share in found]
    assert max(sizes) - min(sizes) <= 1


def test_work_keeps_its_order() -> None:
    for share in shares(list(range(100)), 4):
        assert all(one < other for one, other in pairwise(share))


@pytest.mark.parametrize("count", [2, 3, 4])
def test_shares_of_work_that_grows_are_even(count: int) -> None:
    """A page's blocks need more and more: nobody gets the long ends of all pages."""
    seconds = [block * page for page in range(1, 7) for block in range(40)]
    took = [sum(share) for share in shares(seconds, count)]
    assert max(took) < 1.03 * sum(took) / count


def test_all_is_done_where_nothing_is_shared(monkeypatch) -> None:
    for said in ("", "1/1"):
        monkeypatch.setenv("SHARD", said)
        assert mine([1, 2, 3]) == [1, 2, 3]
    monkeypatch.delenv("SHARD")
    assert mine([1, 2, 3]) == [1, 2, 3]


@pytest.mark.parametrize("said", ["0/4", "5/4", "2", "2/0", "a/b", "1/4/4", "-1/4"])
def test_unknown_shard_is_refused(monkeypatch, said: str) -> None:
    monkeypatch.setenv("SHARD", said)
    with pytest.raises(ValueError, match=f"SHARD is as in 2/4, .*, not '{said}'"):
        shard()


@pytest.mark.parametrize(
    ("framework", "said", "name"),
    [
        ("pytorch", "2/4", "pytorch-2-of-4"),
        ("", "2/4", "all-2-of-4"),
        ("both", "1/1", "both"),
        ("", "", "all"),
    ],
)
def test_leg_is_named_by_framework_and_shard(
    monkeypatch, framework: str, said: str, name: str
) -> None:
    monkeypatch.setenv("FRAMEWORK", framework)
    monkeypatch.setenv("SHARD", said)
    assert leg() == name


def test_workflow_runs_every_shard_of_every_framework() -> None:
    job = read("verify.yml")["jobs"]["verify"]
    found = [(x["framework"], x["shard"]) for x in legs(job)]
    names = {framework for framework, _ in found}
    assert names == {"pytorch", "tensorflow", "both"}
    assert len(found) == 12
    counts = {shard.partition("/")[2] for _, shard in found}
    assert counts == {"4"}
    assert re.search(r"matrix\.shard", job["env"]["SHARD"])
