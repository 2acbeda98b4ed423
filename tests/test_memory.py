"""Tests that passed are not run again, until something that they reach has changed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Site
from tests.served import ROOT

TEST = """
import os
from pathlib import Path
from own import value

ROOT = Path(__file__).parent.parent


def test_value():
    assert value() == 2
"""
OPTIONS = ["-q", "-p", "tests.memory", "--remember", "--import-mode=importlib"]
OPTIONS += ["-p", "xdist", "-n", "0"]
OWN = "def value():\n    from own.deep import two\n    return two\n"


@pytest.fixture
def project(tmp_path: Path) -> Site:
    """A project with a file of tests, which imports a module that imports another."""
    project = Site(tmp_path / "project")
    project.write("pyproject.toml", "[tool.pytest.ini_options]\n")
    project.write(".gitignore", ".cache\n__pycache__\n.pytest_cache\n")
    project.write("own/__init__.py", OWN)
    project.write("own/deep.py", "two = 2\n")
    project.write("docs/page.md", "words\n")
    project.write("docs/more/page.md", "words\n")
    project.write("tests/test_value.py", TEST)
    subprocess.run(["git", "init", "-q"], cwd=project.root, check=True)
    return project


def run(project: Site, *words: str, **added: str) -> str:
    """Run the tests as `make test` does; return pytest's words."""
    kept = {k: v for k, v in os.environ.items() if k not in ("ALL", "FRAMEWORK")}
    path = os.pathsep.join([str(ROOT), str(project.root.parent)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, *(words or ["tests"])],
        cwd=project.root,
        env=kept | {"PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | added,
        capture_output=True,
        text=True,
    )
    failed = bool(re.search("[0-9] (failed|error)", done.stdout))
    assert (done.returncode != 0) == failed, done.stdout + done.stderr
    return done.stdout


def passed(project: Site, *words: str, **added: str) -> int:
    """Run the tests; return how many passed, where none failed."""
    found = re.search(r"^(\d+) passed", run(project, *words, **added), re.MULTILINE)
    return int(found[1]) if found else 0


def test_what_passed_is_not_run_again_and_said(project: Site) -> None:
    assert passed(project) == 1
    again = run(project)
    assert "no tests ran" in again
    assert "1 tests of 1 files passed before" in again
    assert "test_value.py" in again
    assert passed(project, ALL="1") == 1
    assert passed(project, "tests/test_value.py") == 1
    assert passed(project, "tests", "-k", "value") == 1
    assert "no tests ran" in run(project)


def test_workers_remember_too(project: Site) -> None:
    project.write("tests/test_other.py", "def test_other():\n    assert True\n")
    assert passed(project, "tests", "-n", "2") == 2
    assert "2 tests of 2 files" in run(project, "tests", "-n", "2")
    project.write("own/deep.py", "two = 3\n")
    assert "1 failed" in run(project, "tests", "-n", "2").replace("2 failed", "")


@pytest.mark.parametrize(
    "changed", ["own/deep.py", "own/__init__.py", "tests/test_value.py"]
)
def test_change_of_what_is_imported_runs_them_again(
    project: Site, changed: str
) -> None:
    project.write("tests/test_value.py", f"READS = []\n{TEST}")
    assert passed(project) == 1
    was = project.text(changed)
    project.write(changed, f"{was}\n# a word\n")
    assert passed(project) == 1
    project.write(changed, was)  # both states have passed
    assert "no tests ran" in run(project)


def test_change_of_any_file_counts_for_who_does_not_say_what_it_reads(
    project: Site,
) -> None:
    assert passed(project) == 1
    project.write("docs/page.md", "other words\n")
    assert passed(project) == 1
    project.write("docs/new.md", "a page\n")
    assert passed(project) == 1
    project.write("data/new.csv", "1\n")
    assert passed(project) == 1
    project.write("tests/conftest.py", 'READS = ["docs/more"]\n')  # for others
    project.write("tests/deeper/conftest.py", 'READS = ["docs/more"]\n')
    project.write("tests/deeper/test_value.py", TEST)
    assert passed(project) == 2
    project.write("docs/page.md", "yet other words\n")
    assert "1 tests of 1 files" in run(project)
    project.write("docs/more/page.md", "other words\n")
    assert passed(project) == 2
    project.write("tests/deeper/test_value.py", f"READS = None\n{TEST}")
    assert passed(project) == 2  # what the file itself says goes first
    project.write("docs/page.md", "words again\n")
    assert passed(project) == 2


def test_another_version_of_an_imported_package_runs_them_again(project: Site) -> None:
    installed = project.root.parent
    code = "READS = []\n\ndef test_it():\n    import brought\n"
    project.write("tests/test_value.py", code)
    (installed / "brought.py").write_text("")
    for name in ("brought", "beside"):
        (installed / f"{name}-1.dist-info").mkdir()
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: "
        file = installed / f"{name}-1.dist-info" / "METADATA"
        file.write_text(f"{about}1\n")
        (file.parent / "top_level.txt").write_text(f"{name}\n")
    assert passed(project) == 1
    file.write_text(f"{about}2\n")  # beside
    assert "no tests ran" in run(project)
    file = installed / "brought-1.dist-info" / "METADATA"
    file.write_text(file.read_text().replace("Version: 1", "Version: 2"))
    assert passed(project) == 1


@pytest.mark.parametrize(
    "body", ["assert False", "import pytest\n    pytest.skip('no browser')"]
)
def test_what_did_not_pass_is_not_remembered(project: Site, body: str) -> None:
    project.write("tests/test_bad.py", f"def test_bad():\n    {body}\n{TEST}")
    for _ in range(2):
        assert "1 passed" in run(project, "tests/test_bad.py")
    run(project)
    said = run(project)
    assert "1 tests of 1 files" in said
    assert "1 passed, 1 skipped" in said or "1 failed, 1 passed" in said


@pytest.mark.parametrize(
    ("code", "beyond"),
    [
        ("(ROOT / 'docs/page.md').read_text()", "docs/page.md"),
        ("sorted((ROOT / 'docs').glob('*.md'))", "docs/"),
        ("__import__('own.other')", "own/other.py"),
        ("(ROOT / 'data/new.csv').read_text()", "data"),
        ("__import__('subprocess').run(['true'])", "everything: true starts in the"),
        (
            "__import__('subprocess').run(['cat', ROOT / 'docs/page.md'], cwd='/')",
            "docs/page.md",
        ),
        ("__import__('subprocess').run(['true'], cwd='/', env=PATH)", "pagecode"),
    ],
)
def test_what_reaches_further_than_it_says_fails(
    project: Site, code: str, beyond: str
) -> None:
    project.write("own/other.py", "")
    project.write("data/new.csv", "1\n")
    head = "PATH = {'PYTHONPATH': str(ROOT)}\n\n\ndef test_it():\n"
    code = f'READS = ["docs/more"]\n{TEST}\n{head}    {code}\n'
    project.write("tests/test_value.py", code)
    said = run(project, PYTHONPATH=f"{project.root}:{ROOT}")
    assert "1 failed, 1 passed" in said
    assert f"reaches what its READS do not name: {beyond}" in said


def test_child_that_looks_at_the_machine_alone_can_be_started(project: Site) -> None:
    """PyTorch starts it, to find a library."""
    project.write("tests/ldconfig", "#!/bin/sh\n").chmod(0o755)
    code = "__import__('subprocess').run([ROOT / 'tests/ldconfig'])"
    said = 'READS = ["tests/ldconfig"]'
    project.write("tests/test_value.py", f"{said}\n{TEST}    {code}\n")
    assert passed(project) == 1


def test_installed_packages_can_be_looked_for(project: Site) -> None:
    """They may be in the project's folder, too, so Python lists that."""
    code = f"""{TEST}
    from importlib.metadata import distributions
    os.utime(ROOT, (1, 1))  # or it may know what the folder holds
    list(distributions(path=[str(ROOT)]))
"""
    project.write("tests/test_value.py", f'READS = ["own"]\n{code}')
    assert passed(project) == 1


def test_what_is_said_can_be_reached(project: Site) -> None:
    code = "(ROOT / 'docs/page.md').read_text() + (ROOT / 'data/new.csv').read_text()"
    project.write("data/new.csv", "1\n")
    said = 'READS = ["docs/page.md", "data"]'
    project.write("tests/test_value.py", f"{said}\n{TEST}    assert {code}\n")
    assert passed(project) == 1


def test_torch_is_imported_before_tensorflow(tmp_path: Path) -> None:
    for name in ("torch", "triton", "tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("print(__name__)")
    code = "import tests.conftest, keras, tensorflow, torch"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["torch", "triton", "keras", "tensorflow"]
