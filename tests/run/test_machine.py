"""How many programs run side by side."""

import math
import os
from pathlib import Path

import pytest

from pagecode.run import machine
from pagecode.run.runner import Runner


@pytest.mark.parametrize(
    ("groups", "files", "granted"),
    [
        pytest.param("0::/\n", {}, math.inf, id="no limit"),
        pytest.param("0::/\n", {"cpu.max": "max 100000\n"}, math.inf, id="max"),
        pytest.param("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5, id="version 2"),
        pytest.param(
            "0::/a/b\n",
            {"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"},
            2.0,
            id="of the group above",
        ),
        pytest.param(
            "4:memory:/x\n3:cpu,cpuacct:/docker/1\n",
            {
                "cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
                "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            0.5,
            id="version 1, seen from within",
        ),
        pytest.param(
            "3:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            math.inf,
            id="version 1, no limit",
        ),
    ],
)
def test_quota_of_a_container_counts(
    tmp_path: Path, groups: str, files: dict[str, str], granted: float
) -> None:
    (tmp_path / "cgroup").write_text(groups)
    for name, text in files.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(text)
    assert machine.quota(tmp_path / "cgroup", tmp_path / "fs") == granted
    assert machine.quota(tmp_path / "none", tmp_path / "fs") == math.inf


@pytest.mark.parametrize(
    ("usable", "quota", "jobs"),
    [(8, math.inf, 8), (8, 1.5, 2), (1, 4.0, 1), (8, 0.2, 1)],
)
def test_programs_run_on_the_processors_that_may_be_used(
    monkeypatch, usable: int, quota: float, jobs: int
) -> None:
    monkeypatch.delenv("JOBS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(usable), raising=False)
    monkeypatch.setattr(machine, "quota", lambda: quota)
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
