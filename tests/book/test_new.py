"""A chapter that was just begun verifies at once; nothing is begun by halves."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from pagecode.book import new
from pagecode.book.new import begin, made
from tests.conftest import ROOT

READS = [  # nearly all, but no page
    "pagecode",
    "tests",
    "snippets",
    "benchmarks",
    "overrides",
    "requirements",
    "requirements.txt",
    "pyproject.toml",
    "docs/assets",
    "mkdocs.yml",
    "CONTRIBUTING.md",
    "Makefile",
]

NAV = "nav:\n  - Home: index.md\n  - Models:\n      - First: models/first.md\n"
NAMES = ("a_new_one", "A new one's (first) page")
LONG = ("x" * 30, "A" + " model" * 4 + "s one")  # as long as they may be


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two pages, with this one's settings and machinery."""
    for name in ("pagecode", "overrides", "requirements", "docs/assets", "benchmarks"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name, target_is_directory=True)
    for name in ("pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    for folder in ("tests", "snippets", "snippets/same_numbers"):
        (tmp_path / folder).mkdir()
        for file in (ROOT / folder).glob("*.py"):
            (tmp_path / folder / file.name).symlink_to(file)
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    settings = re.sub(r"(?ms)^nav:\n.*?\n(?=\n)", NAV, settings)
    (tmp_path / "mkdocs.yml").write_text(settings, encoding="utf-8")
    (tmp_path / "docs/models").mkdir()
    for name in ("index", "models/first"):
        (tmp_path / f"docs/{name}.md").write_text(f"# {name}\n\nWords.\n")
    return tmp_path


def run(project: Path, *words: str) -> str:
    """Run a module there; return what it said, and fail where it failed."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(project: Path) -> dict[Path, str]:
    """Return the project's own files, none of those that it links."""
    found = (x for x in project.rglob("*") if x.is_file() and not x.is_symlink())
    return {x.relative_to(project): x.read_text("utf-8") for x in found}


def test_a_chapter_that_was_begun_verifies_passes_and_is_built(project: Path) -> None:
    said = run(project, "pagecode", "chapter", *NAMES)
    page = "models/a-new-one.md"
    assert f"next: fill docs/{page}" in said
    listed = {Path(x.strip()) for x in said.split("next:")[0].splitlines()}
    assert listed == {Path(x) for x in made(*NAMES)} | {Path("mkdocs.yml")}
    assert len(listed) <= 13  # twelve files to fill, and the navigation
    verified = run(project, "pagecode", "verify", page)
    assert "9 blocks, 7 outputs, ran" in verified
    tested = run(project, "pytest", "-q", "-p", "no:cacheprovider", "tests/a_new_one")
    assert re.search(r"\n\d\d passed", tested)
    run(project, "mkdocs", "build", "--strict", "--quiet")
    built = (project / "site/models/a-new-one/index.html").read_text("utf-8")
    assert "<h1" in built
    assert "A new one's (first) page" in built.replace("&#39;", "'")
    assert "my_model" not in built
    home = (project / "site/index.html").read_text(encoding="utf-8")
    assert home.index("models/first/") < home.index("models/a-new-one/")


@pytest.mark.parametrize("names", [NAMES, LONG], ids=["short", "long"])
def test_its_code_is_in_the_houses_format(project: Path, names: tuple) -> None:
    assert begin(*names, project) == 0
    own = [f"snippets/{names[0]}", f"tests/{names[0]}"]
    run(project, "ruff", "check", *own)
    run(project, "ruff", "format", "--check", *own)


@pytest.mark.parametrize(
    ("name", "title", "said"),
    [
        ("my-model", "My model", "NAME is 'my-model'"),
        ("My_model", "My model", "NAME is 'My_model'"),
        ("my__model", "My model", "NAME is 'my__model'"),
        ("model_", "My model", "NAME is 'model_'"),
        ("größe", "My model", "NAME is 'größe'"),
        ("2d", "My model", "NAME is '2d'"),
        ("lambda", "My model", "NAME is 'lambda'"),
        ("../x", "My model", "NAME is '../x'"),
        ("x" * 31, "My model", "NAME is 'xxx"),
        ("", "My model", "NAME is ''"),
        ("my_model", "", "TITLE is ''"),
        ("my_model", 'A "model"', "TITLE is "),
        ("my_model", "A: model", "TITLE is "),
        ("my_model", "A\nmodel", "TITLE is "),
        ("my_model", "x" * 31, "TITLE is "),
        ("first", "My model", "docs/models/first.md exists"),
        ("same_numbers", "My model", "snippets/same_numbers exists"),
    ],
)
def test_names_that_cannot_be_used_are_refused(
    project: Path, capsys, name: str, title: str, said: str
) -> None:
    before = files(project)
    assert begin(name, title, project) == 1
    error = capsys.readouterr().err
    assert error.startswith("no chapter was begun: ")
    assert said in error
    assert files(project) == before


@pytest.mark.parametrize("place", ["docs/models/my-model", "tests/my_model"])
def test_a_folder_of_that_name_is_left_as_it_is(project: Path, place: str) -> None:
    (project / place).mkdir()
    (project / place / "mine.txt").write_text("mine")
    before = files(project)
    assert begin("my_model", "My model", project) == 1
    assert files(project) == before


def test_without_a_chapter_in_the_navigation_nothing_is_written(
    project: Path, capsys
) -> None:
    (project / "mkdocs.yml").write_text("nav:\n  - Home: index.md\n")
    before = files(project)
    assert begin("my_model", "My model", project) == 1
    assert "its nav has no line such as - X: models/x.md" in capsys.readouterr().err
    assert files(project) == before


def test_a_full_disk_leaves_nothing(project: Path, monkeypatch) -> None:
    before, write = files(project), new.write

    def full(path: Path, text: str) -> None:
        if path.name == "ways.py":
            raise OSError(28, "No space left on device")
        write(path, text)

    monkeypatch.setattr(new, "write", full)
    with pytest.raises(OSError, match="No space left"):
        begin("my_model", "My model", project)
    assert files(project) == before
    assert not (project / "snippets/my_model").exists()


def test_titles_stand_in_the_navigation_as_yaml_reads_them(project: Path) -> None:
    for title in ("RNN (2)", "The year's 'best', 1.5", "2 of them", "- a dash"):
        text = new.entered("x", title, project)
        line = next(x for x in text.splitlines() if "models/x.md" in x)

        assert yaml.safe_load(line.strip()) == [{title: "models/x.md"}]


def test_contributing_says_what_the_command_does() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## Add a chapter\n")[1].split("\n## ")[0]
    name, title = re.findall(r'make chapter NAME=(\w+) TITLE="(.+?)"', section)[0]
    tree = dedent(section.split("```text\n")[1].split("```")[0]).strip()
    folder, listed = "", set()
    for line in tree.splitlines():
        path = line.split()[0]
        if path.endswith("/"):
            folder = path
        else:
            listed.add(f"{folder}{path}" if line.startswith(" ") else path)
    assert listed == made(name, title).keys()
    targets = set(re.findall(r"`make ([a-z-]+)", section))
    known = re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text())
    assert targets >= {"chapter", "record", "test", "serve", "bench", "parity"}
    assert targets <= set(known)
