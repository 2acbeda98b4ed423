"""How many programs run side by side."""

import os
from pathlib import Path

import pytest
from joblib.externals.loky.backend import context

from pagecode.run import machine
from pagecode.run.runner import Runner


@pytest.mark.parametrize(
    ("processors", "usable", "quota", "jobs"),
    [(8, 8, 8, 8), (8, 8, 2, 2), (8, 3, 8, 3), (1, 1, 4, 1)],
)
def test_programs_run_on_the_processors_that_may_be_used(
    monkeypatch, processors: int, usable: int, quota: int, jobs: int
) -> None:
    """By the affinity of this process and its container's quota, as joblib finds it."""
    monkeypatch.delenv("JOBS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(usable), raising=False)
    monkeypatch.setattr(context, "_cpu_count_cgroup", lambda _: quota)
    assert machine.jobs() == jobs


def test_jobs_can_be_chosen(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JOBS", "3")
    with Runner(tmp_path) as runner:
        assert runner.pool._max_workers == 3


@pytest.mark.parametrize("wanted", ["0", "-1", "many", "1.5"])
def test_jobs_that_are_no_number_are_refused(monkeypatch, wanted: str) -> None:
    monkeypatch.setenv("JOBS", wanted)
    with pytest.raises(SystemExit, match=f"not '{wanted}'"):
        machine.jobs()
