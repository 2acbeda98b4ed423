"""The Makefile says in one line what is missing, before it installs anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def make(tmp_path: Path, *words: str, python: str | None = None):
    """Run make in the project, with a venv of its own and perhaps a stub for Python."""
    if python is not None:
        stub = tmp_path / "python"
        stub.write_text(f"#!{sys.executable}\n{python}")
        stub.chmod(0o755)
        words += (f"PYTHON={stub}",)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(
        ["make", f"VENV={tmp_path / 'venv'}", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )


def old(version: tuple[int, int]) -> str:
    """A Python that takes itself for another version."""
    return (
        f"import sys; sys.version_info = {(*version, 0, 'final', 0)}; exec(sys.argv[2])"
    )


@pytest.mark.parametrize("version", [(2, 7), (3, 10), (3, 14)])
def test_python_of_another_version_is_refused(tmp_path: Path, version) -> None:
    done = make(tmp_path, "data", python=old(version))
    assert done.returncode != 0
    [said] = done.stdout.splitlines()
    assert said.startswith("Python 3.11 to 3.13 is needed")
    assert "make PYTHON=" in said
    assert not (tmp_path / "venv").exists()


def test_python_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = make(tmp_path, "data", "PYTHON=/nowhere/python3")
    assert done.returncode != 0
    assert "Python 3.11 to 3.13 is needed" in done.stdout


def test_finished_set_up_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "ready").touch()
    planned = make(tmp_path, "--dry-run", "test").stdout
    assert "pytest" in planned
    assert "install.py" not in planned


def test_changed_pins_are_installed(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "ready").touch()
    os.utime(tmp_path / "venv" / "ready", (0, 0))
    assert "install.py" in make(tmp_path, "--dry-run", "test").stdout


def test_reading_needs_what_a_site_needs_and_the_rest_is_added_to_the_same_venv(
    tmp_path: Path,
) -> None:
    venv = tmp_path / "venv"
    planned = make(tmp_path, "--dry-run", "serve").stdout
    assert f"install.py {venv} requirements/site.txt" in planned
    assert "pagecode data" not in planned
    venv.mkdir()
    (venv / "site").touch()
    assert "install.py" not in make(tmp_path, "--dry-run", "serve").stdout
    planned = make(tmp_path, "--dry-run", "test").stdout
    assert f"install.py {venv} requirements.txt" in planned
    assert f"touch {venv}/site {venv}/ready" in planned


@pytest.mark.parametrize("word", ["serve", "help", "test"])
def test_windows_is_told_of_wsl(tmp_path: Path, word: str) -> None:
    done = make(tmp_path, word, "OS=Windows_NT")
    assert done.returncode != 0
    assert "on Windows, WSL" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_browser_comes_through_apt_get_where_there_is_one(tmp_path: Path) -> None:
    planned = make(tmp_path, "--dry-run", "browser").stdout
    assert "apt-get install --yes --no-install-recommends chromium" in planned
    (tmp_path / "sh").symlink_to("/bin/sh")
    done = make(tmp_path, "browser", f"PATH={tmp_path}", "SUDO=")
    assert done.returncode != 0
    [said] = done.stdout.splitlines()
    assert "install Chromium in another way" in said


@pytest.mark.parametrize(
    ("words", "venv", "part"),
    [
        ("", ".venv", "requirements.txt"),
        ("FRAMEWORK=both", ".venv", "requirements.txt"),
        ("FRAMEWORK=common", ".venv-common", "requirements/common.txt"),
        ("FRAMEWORK=pytorch", ".venv-pytorch", "requirements/pytorch.txt"),
        ("FRAMEWORK=pytorch GPU=1", ".venv-pytorch", "requirements/pytorch.txt"),
        (
            "FRAMEWORK=tensorflow GPU=1",
            ".venv-tensorflow-gpu",
            "requirements/tensorflow-gpu.txt",
        ),
        ("NEWEST=1", ".venv-newest", "requirements.txt --newest"),
    ],
)
def test_each_framework_has_a_venv_of_its_own(words: str, venv: str, part: str) -> None:
    environment = {
        k: v for k, v in os.environ.items() if k not in ("VENV", "FRAMEWORK")
    }
    command = ["make", "--dry-run", "--always-make", "data", *words.split()]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert f"{venv}/bin/python -m pagecode data" in done.stdout
    planned = [x.rstrip() for x in done.stdout.splitlines() if "install.py" in x]
    assert planned == [f"python3 requirements/install.py {venv} {part}"]


def test_unknown_framework_is_refused(tmp_path: Path) -> None:
    done = make(tmp_path, "data", "FRAMEWORK=jax")
    assert done.returncode != 0
    assert "pytorch, tensorflow, both or common, not 'jax'" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_canary_takes_what_is_the_newest_today(tmp_path: Path) -> None:
    (tmp_path / "venv-newest").mkdir()
    (tmp_path / "venv-newest" / "ready").touch()
    said = make(tmp_path, "--dry-run", "canary").stdout.splitlines()
    assert said[0].endswith(f"rm -f {tmp_path}/venv-newest/ready")
    planned = make(tmp_path, "--dry-run", "data", "NEWEST=1").stdout
    assert "requirements.txt --newest" in planned


def test_mutation_tester_is_installed_again_when_its_pins_change(
    tmp_path: Path,
) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "ready").touch()
    tools = tmp_path / "tools" / "ready"
    words = "--dry-run", "mutants", f"TOOLS={tools}"
    installed = f"--target {tools.parent} --requirement requirements/mutants.txt"
    assert installed in make(tmp_path, *words).stdout
    tools.parent.mkdir()
    tools.touch()
    assert installed not in make(tmp_path, *words).stdout
    os.utime(tools, (0, 0))
    assert installed in make(tmp_path, *words).stdout


@pytest.mark.parametrize("shard", ["", "1/4", "2/4"])
def test_all_chapters_are_compared_before_they_are_published(
    tmp_path: Path, shard: str
) -> None:
    planned = make(tmp_path, "--dry-run", "verify", f"SHARD={shard}").stdout
    [line] = [x for x in planned.splitlines() if x.startswith("ALL=1 ")]
    compared = line.endswith("docs tests/test_programs.py tests/test_same_numbers.py")
    assert compared == (shard != "2/4")  # on one machine


WORDS = ["serve", "site", "test", "browser", "record", "data", "lint", "verify"]
WORDS += ["chapter", "mutants", "soak", "screenshots", "lighthouse", "bench"]
WORDS += [
    "parity",
    "scaling",
    "results",
    "judged",
    "determinism",
    "soak",
    "publish",
    "actionlint",
    "ci",
    "canary",
    "canary-report",
    "clean",
]


@pytest.mark.parametrize("word", WORDS)
def test_help_lists_each_command(tmp_path: Path, word: str) -> None:
    assert f"  make {word} " in make(tmp_path, "help").stdout
    assert make(tmp_path).stdout == make(tmp_path, "help").stdout


def test_help_tells_what_can_be_given(tmp_path: Path) -> None:
    said = make(tmp_path, "help").stdout
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    names = re.findall(r"(?m)^([A-Z]+) +\?= .*#", text)
    assert {"PYTHON", "PAGE", "ALL", "FRAMEWORK", "JOBS", "NEWEST"} <= set(names)
    for name in names:
        assert re.search(rf"(?m)^  {name} +\S", said), name


def test_share_but_the_first_leaves_the_unit_tests_out(tmp_path: Path) -> None:
    for share, runs in (("", True), ("1/4", True), ("2/4", False)):
        planned = make(tmp_path, "--dry-run", "tests", f"SHARD={share}").stdout
        assert ("exit $status;" in planned.partition("tests.memory")[0]) != runs
