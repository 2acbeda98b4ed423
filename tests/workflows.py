"""The workflows, read and run at home: `python -m tests.workflows` runs every job.

In a clean clone, in the order that the jobs need each other, each with the environment
that its workflow gives it. Actions are left out: a clone needs no checkout, and files
that they carry from job to job lie in the same clone. So is a job that pushes.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
FOLDER = Path(".github", "workflows")
AT_HOME = ("check.yml", "verify.yml")  # the canary needs GitHub, and mutants take hours


@dataclass
class Step:
    """A command of a job, in one leg of its matrix."""

    job: str
    run: str
    environment: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        told = [f"{k}={v}" for k, v in sorted(self.environment.items()) if v]
        return f"{self.job}: {' '.join([self.run, *told])}"


def read(name: str) -> dict[str, Any]:
    """Return a workflow; its triggers stand under "on", which YAML reads as True."""
    loaded = yaml.safe_load((ROOT / FOLDER / name).read_text(encoding="utf-8"))
    loaded["on"] = loaded.pop(True)
    return loaded


def names() -> list[str]:
    """Return the workflows' file names."""
    return sorted(path.name for path in (ROOT / FOLDER).iterdir())


def legs(job: dict[str, Any]) -> list[dict[str, str]]:
    """Return the combinations of a job's matrix."""
    matrix = job.get("strategy", {}).get("matrix", {})
    return [dict(zip(matrix, x, strict=True)) for x in product(*matrix.values())]


def resolve(given: dict[str, str], leg: dict[str, str]) -> dict[str, str]:
    """Fill in the matrix; leave out what only GitHub knows."""
    filled = {
        name: re.sub(r"\$\{\{ matrix\.(\w+) }}", lambda x: leg[x[1]], value)
        for name, value in given.items()
    }
    return {name: value for name, value in filled.items() if "${{" not in value}


def in_order(jobs: dict[str, Any]) -> Iterator[str]:
    """Yield the jobs' names, each after those that it needs."""
    left = {
        name: {needs} if isinstance(needs := job.get("needs", []), str) else set(needs)
        for name, job in jobs.items()
    }
    while left:
        ready = [name for name, needs in left.items() if not needs & set(left)]
        if not ready:
            raise ValueError(f"these jobs wait for each other: {', '.join(left)}")
        del left[ready[0]]
        yield ready[0]


def steps(name: str) -> list[Step]:
    """Return every command of a workflow, in order, also of those that it calls."""
    workflow, found = read(name), []
    for job_name in in_order(workflow["jobs"]):
        job = workflow["jobs"][job_name]
        if "uses" in job:
            found += steps(Path(job["uses"]).name)
        pushes = job.get("permissions", {}).get("contents") == "write"  # to GitHub
        for leg in legs(job) if "steps" in job and not pushes else []:
            for step in (x for x in job["steps"] if "run" in x):
                given = [workflow.get("env", {}), job.get("env", {})]
                given.append(step.get("env", {}))
                environment = resolve({k: v for x in given for k, v in x.items()}, leg)
                found.append(Step(f"{name} {job_name}", step["run"], environment))
    return found


def plan() -> list[Step]:
    """Return what `make ci` runs: the steps of every workflow, each once."""
    found = {str(step): step for name in AT_HOME for step in steps(name)}
    return list(found.values())


def main() -> int:
    """Run the plan in a clean clone; stop at the first step that fails."""
    done: list[str] = []
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    environment = {k: v for k, v in environment.items() if not k.startswith("MAKE")}
    environment |= {"CI": "true", "DATA_CACHE": str(ROOT / "data")}
    with tempfile.TemporaryDirectory(prefix="ci-") as clone:
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        for step in plan():
            print(f"\n=== {step}", flush=True)
            given = environment | step.environment
            if subprocess.run(
                ["bash", "-e", "-c", step.run], cwd=clone, env=given
            ).returncode:
                print(f"\nfailed: {step}", file=sys.stderr)
                return 1
            done.append(str(step))
    print("\n".join(["\nall jobs passed:", *done]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
