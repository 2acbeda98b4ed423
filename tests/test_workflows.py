"""The workflows: each step is a make target, and none has more rights than it needs."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests import workflows
from tests.test_make import make

ROOT = Path(__file__).parent.parent
READ = {name: workflows.read(name) for name in workflows.names()}
JOBS = [
    pytest.param(name, job, id=f"{name} {job_name}")
    for name, workflow in READ.items()
    for job_name, job in workflow["jobs"].items()
]
STEPS = list({str(x): x for name in READ for x in workflows.steps(name)}.values())
USES = [
    (name, line.strip().removeprefix("- "))
    for name in READ
    for line in (ROOT / workflows.FOLDER / name)
    .read_text(encoding="utf-8")
    .splitlines()
    if re.match(r"\s*(- )?uses: (?!\./)", line)
]
WRITES = {  # all that any job may change
    ("verify.yml", "deploy"): {"pages", "id-token"},
    ("verify.yml", "notebooks"): {"contents"},
    ("canary.yml", "report"): {"issues"},
}
on_pull_requests = pytest.mark.parametrize(
    "name", [name for name, x in READ.items() if "pull_request" in x["on"]]
)
every_workflow = pytest.mark.parametrize("name", READ)
every_job = pytest.mark.parametrize(("name", "job"), JOBS)


def text(name: str) -> str:
    """Return a workflow without its comments."""
    source = (ROOT / workflows.FOLDER / name).read_text(encoding="utf-8")
    return re.sub(r"(?m)(^| )#.*$", "", source)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_step_is_a_make_target_that_runs_at_home(
    tmp_path: Path, monkeypatch, step: workflows.Step
) -> None:
    assert re.fullmatch(r"make [a-z-]+", step.run)
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "ready").touch()
    for name, value in step.environment.items():
        monkeypatch.setenv(name, value)
    for gpu in ("", "1"):
        monkeypatch.setenv("GPU", gpu)
        planned = make(tmp_path, "--dry-run", step.run.split()[1])
        assert planned.returncode == 0, planned.stderr
        assert planned.stdout


def test_ci_at_home_runs_every_step_but_the_weekly_ones() -> None:
    weekly = ("canary.yml", "mutants.yml")
    expected = {str(x) for x in STEPS if not x.job.startswith(weekly)}
    planned = [str(x) for x in workflows.plan()]
    assert set(planned) == expected
    assert len(planned) == len(expected) > 5
    jobs = [x.job for x in workflows.plan()]
    assert jobs.index("check.yml test") < jobs.index("verify.yml build")
    assert jobs.index("verify.yml verify") < jobs.index("verify.yml build")


def test_ci_at_home_stops_at_what_fails(tmp_path: Path, monkeypatch, capfd) -> None:
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        who = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        (tmp_path / "Makefile").write_text("good:\n\t@echo $(X)\nbad:\n\t@false\n")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True)
    monkeypatch.setattr(workflows, "ROOT", tmp_path)
    good, bad = (
        workflows.Step("a job", f"make {x}", {"X": x}) for x in ("good", "bad")
    )
    monkeypatch.setattr(workflows, "plan", lambda: [good, bad, good])
    assert workflows.main() == 1
    said = capfd.readouterr()
    assert said.out.count("\ngood\n") == 1
    assert "failed: a job: make bad X=bad" in said.err
    monkeypatch.setattr(workflows, "plan", lambda: [good])
    assert workflows.main() == 0


def test_jobs_that_wait_for_each_other_are_told() -> None:
    with pytest.raises(ValueError, match="wait for each other: a, b"):
        list(workflows.in_order({"a": {"needs": "b"}, "b": {"needs": ["a"]}}))


@pytest.mark.parametrize(("name", "uses"), USES)
def test_action_is_pinned_by_its_full_hash(name: str, uses: str) -> None:
    found = re.fullmatch(
        r"uses: (actions/[\w-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+", uses
    )
    assert found
    same = {x.split()[1] for _, x in USES if x.startswith(f"uses: {found[1]}@")}
    assert len(same) == 1


@every_workflow
def test_workflow_has_no_right_at_its_top(name: str) -> None:
    assert READ[name]["permissions"] == {}


@every_job
def test_job_writes_nothing_but_what_it_must(
    request: pytest.FixtureRequest, name: str, job: dict[str, Any]
) -> None:
    job_name = request.node.callspec.id.split()[1]
    rights = job["permissions"]
    writes = {right for right, how in rights.items() if how != "read"}
    assert writes == WRITES.get((name, job_name), set())
    assert set(rights) <= writes | {"contents"}


@every_job
def test_job_has_a_limit(name: str, job: dict[str, Any]) -> None:
    most = 350 if name == "mutants.yml" else 120
    assert "uses" in job or 0 < job["timeout-minutes"] <= most


def test_canary_that_hangs_fails_before_it_is_cancelled_unseen() -> None:
    job = READ["canary.yml"]["jobs"]["canary"]
    (step,) = [x for x in job["steps"] if x.get("run") == "make canary"]
    assert step["timeout-minutes"] < job["timeout-minutes"]
    assert READ["canary.yml"]["jobs"]["report"]["if"] == "failure()"


def test_published_site_knows_its_repository() -> None:
    given = READ["verify.yml"]["jobs"]["build"]["env"]
    said = re.findall(r"!ENV \[(\w+)", (ROOT / "mkdocs.yml").read_text())
    assert {"REPOSITORY", "NOTEBOOKS", "SITE_URL"} <= {*said} & {*given}


def test_notebooks_are_pushed_to_a_branch_of_their_own(tmp_path) -> None:
    programs = tmp_path / "site/programs"
    programs.mkdir(parents=True)
    for name in ("x.pytorch.ipynb", "x.tensorflow.ipynb", "x.pytorch.py"):
        (programs / name).write_text(name)
    with tarfile.open(tmp_path / "artifact.tar", "w") as artifact:
        artifact.add(tmp_path / "site", ".")  # as the action for Pages packs it
    kept = tmp_path / "host/owner/name"
    subprocess.run(["git", "init", "--quiet", "--bare", kept], check=True)
    (tmp_path / "gh").write_text("#!/bin/sh\n")
    (tmp_path / "gh").chmod(0o755)
    given = {"GITHUB_SERVER_URL": f"file://{tmp_path}/host", "GITHUB_SHA": "1f2e"}
    given |= {"GITHUB_REPOSITORY": "owner/name", "HOME": str(tmp_path)}
    given |= {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    job = READ["verify.yml"]["jobs"]["notebooks"]
    [script] = [step["run"] for step in job["steps"] if "run" in step]
    for _ in range(2):  # each time anew, whatever lies there
        subprocess.run(
            ["bash", "-e", "-c", script], cwd=tmp_path, env=given, check=True
        )
        shutil.rmtree(tmp_path / "notebooks")
    git = ["git", "-C", kept]
    listed = [*git, "ls-tree", "-r", "--name-only", "notebooks"]
    found = subprocess.check_output(listed, text=True).split()
    assert found == ["x.pytorch.ipynb", "x.tensorflow.ipynb"]
    said = subprocess.check_output([*git, "log", "--format=%s", "notebooks"], text=True)
    assert said == "Notebooks of 1f2e\n"
    at = READ["verify.yml"]["jobs"]["build"]["env"]["NOTEBOOKS"]
    assert at == "${{ github.repository }}/blob/notebooks"


@every_job
def test_checkout_leaves_no_credentials(name: str, job: dict[str, Any]) -> None:
    for step in job.get("steps", []):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


@every_workflow
def test_workflow_runs_once_at_a_time(name: str) -> None:
    assert READ[name]["concurrency"]["group"]


@every_workflow
def test_nothing_runs_with_more_rights_than_its_trigger_gives(name: str) -> None:
    risky = {"pull_request_target", "workflow_run", "issue_comment"}
    assert not risky & set(READ[name]["on"])
    assert "secrets" not in text(name)
    writes = ("canary.yml", "verify.yml")  # an issue; a branch
    assert text(name).count("github.token") == (name in writes)


@every_workflow
def test_no_cache_reaches_a_run(name: str) -> None:
    assert "actions/cache" not in text(name)
    assert not re.search(r"(?m)^\s*cache:", text(name))


def test_a_workflow_runs_on_pull_requests() -> None:
    assert [name for name, x in READ.items() if "pull_request" in x["on"]] == [
        "check.yml"
    ]


@on_pull_requests
def test_pull_request_reaches_plain_runners_alone(name: str) -> None:
    assert {job["runs-on"] for job in READ[name]["jobs"].values()} == {"ubuntu-latest"}
    assert "GPU" not in text(name)
    assert "self-hosted" not in text(name)
    assert "environment" not in str(READ[name])


def test_only_main_is_deployed_after_all_has_passed() -> None:
    jobs = READ["verify.yml"]["jobs"]
    assert READ["verify.yml"]["on"] == {"push": {"branches": ["main"]}}
    assert jobs["deploy"]["needs"] == "build"
    assert jobs["deploy"]["environment"]["name"] == "github-pages"
    assert [x["uses"].split("@")[0] for x in jobs["deploy"]["steps"]] == [
        "actions/deploy-pages"
    ]
    assert jobs["build"]["needs"] == ["check", "verify"]
    assert [x["run"] for x in jobs["build"]["steps"] if "run" in x] == ["make publish"]
    for job in jobs.values():  # what has failed lets nothing after it run
        assert "if" not in job
        assert "continue-on-error" not in str(job)
    assert sum("deploy-pages" in text(name) for name in READ) == 1


def test_deploy_that_runs_is_not_cancelled() -> None:
    assert READ["verify.yml"]["concurrency"]["cancel-in-progress"] is False


def test_site_is_built_of_what_this_run_verified() -> None:
    jobs = READ["verify.yml"]["jobs"]
    sent = [
        x for x in jobs["verify"]["steps"] if "upload-artifact" in x.get("uses", "")
    ]
    [kept] = [x["with"] for x in sent]
    assert kept["name"] == "verified-${{ matrix.framework }}-${{ strategy.job-index }}"
    assert kept["if-no-files-found"] == "error"
    [taken] = [
        x["with"]
        for x in jobs["build"]["steps"]
        if "download-artifact" in x.get("uses", "")
    ]
    assert taken == {
        "pattern": "verified-*",
        "path": "verified",
        "merge-multiple": True,
    }


def test_python_is_the_one_that_the_pages_name() -> None:
    told = (ROOT / "docs/about/install.md").read_text(encoding="utf-8")
    [version] = re.findall(r"The pages are verified with Python (\d\.\d+)", told)
    for name in ("check.yml", "verify.yml"):
        assert set(re.findall(r'python-version: "(.*)"', text(name))) == {version}


GH = """
import json, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(" ".join(words[:3]) + "\\n")
if words[:2] == ["issue", "list"]:
    print({number!r})
for word, value in zip(words, words[1:]):
    if word == "--body-file":
        open({body!r}, "w").write(open(value).read())
"""


@pytest.mark.parametrize("number", ["", "7"])
def test_canary_opens_or_updates_one_issue(
    tmp_path: Path, monkeypatch, number: str
) -> None:
    log, body, gh = tmp_path / "log", tmp_path / "body", tmp_path / "gh"
    code = GH.format(log=str(log), body=str(body), number=number)
    gh.write_text(f"#!{sys.executable}\n{code}")
    gh.chmod(0o755)
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary" / "pytorch.log").write_text("E  torch broke: `$(touch x)`\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("RUN_URL", "https://ci.example/1")
    done = subprocess.run(
        ["make", "-f", ROOT / "Makefile", "canary-report"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    expected = ["issue edit 7"] if number else ["label create canary", "issue create"]
    asked = log.read_text().splitlines()
    assert asked[0] == "issue list --label"
    assert [x.startswith(y) for x, y in zip(asked[1:], expected, strict=True)]
    assert "https://ci.example/1" in body.read_text()
    assert "E  torch broke: `$(touch x)`" in body.read_text()
    assert not (tmp_path / "x").exists()
