"""An unchanged program is not run again; a change of anything it stands on runs it."""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from pagecode.git import git as ask_git
from pagecode.prove import keys, store
from pagecode.prove.verify import Verifier
from pagecode.run import machine
from tests.conftest import CODE, PAGE, Site

ROOT = Path(__file__).parent.parent


class Counted(Site):
    """A project whose one program notes each of its runs."""

    def lay(self) -> None:
        """Write two blocks, of which the first leaves a mark outside the project."""
        mark = (
            f"with open({str(self.marks)!r}, 'a') as marks:\n    _ = marks.write('x')"
        )
        self.add(mark, info="limit=30")
        self.add("print(0.25)", "0.25")

    @property
    def marks(self) -> Path:
        """Return the file of the marks."""
        return self.root.parent / "marks"

    def runs(self) -> int:
        """Verify, with the cache; return how often the program ran until now."""
        assert self.verify(use_cache=True) == {"pytorch": ["", ""]}
        return len(self.marks.read_text())

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        assert old in self.text(path)
        self.write(path, self.text(path).replace(old, new))


@pytest.fixture
def counted(site: Site) -> Counted:
    counted = Counted(site.root)
    counted.lay()
    return counted


def test_unchanged_program_is_not_run_again(counted: Counted) -> None:
    assert [counted.runs() for _ in range(3)] == [1, 1, 1]


def test_unchanged_program_is_run_again_without_the_cache(counted: Counted) -> None:
    assert counted.runs() == 1
    counted.verify(use_cache=False)
    assert counted.runs() == 2


def test_program_from_the_cache_has_its_stamp(counted: Counted) -> None:
    counted.runs()
    program = counted.page().programs[0]
    with Verifier(counted.root) as verifier:
        [run] = verifier.start([program])
        assert run.failures == []
    assert run.printed == {}
    assert run.stamp["blocks"] == 2


def test_prose_does_not_run_a_program_again(counted: Counted) -> None:
    counted.runs()
    counted.write(PAGE, "# Title\n\nProse.\n\n" + counted.text())
    assert counted.runs() == 1


CHANGES = {
    "block": (CODE, "print(0.25)", "print(0.250)"),
    "other lines of the snippet": (
        CODE,
        "# --8<-- [start:s2]",
        "\n# --8<-- [start:s2]",
    ),
    "shown output": (PAGE, "    0.25", "    0.26"),
    "room for floats": (PAGE, "```text", "```text atol=0.1"),
    "varying output": (PAGE, "```text", "```text varies"),
    "limit": (PAGE, "limit=30", "limit=31"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_change_of_the_page_or_its_snippet_runs_it_again(counted: Counted, change):
    assert counted.runs() == 1
    counted.replace(*change)
    assert counted.runs() == 2


def test_added_output_runs_it_again(counted: Counted) -> None:
    """A block that printed nothing is now to print something: that cannot pass."""
    assert counted.runs() == 1
    counted.replace(
        PAGE,
        "    ```\n\n    ```python",
        "    ```\n\n    ```text\n    1\n    ```\n\n    ```python",
    )
    assert any(counted.verify(use_cache=True)["pytorch"])


def test_removed_output_runs_it_again(counted: Counted) -> None:
    assert counted.runs() == 1
    counted.write(PAGE, counted.text().partition("    ```text")[0])
    assert "no output shows" in counted.verify(use_cache=True)["pytorch"][1]


def test_removed_option_runs_it_again(site: Site) -> None:
    site.add("1 / 0", "ZeroDivisionError: division by zero", "raises")
    assert site.verify(use_cache=True) == {"pytorch": [""]}
    site.write(PAGE, site.text().replace(" raises", ""))
    assert "this block fails" in site.verify(use_cache=True)["pytorch"][0]


def test_other_framework_runs_it_again(counted: Counted) -> None:
    counted.runs()
    counted.replace(PAGE, "PyTorch", "TensorFlow")
    assert counted.verify(use_cache=True) == {"tensorflow": ["", ""]}
    assert counted.marks.read_text() == "xx"


def test_snippet_of_a_nested_include_is_an_ingredient(site: Site) -> None:
    site.write("snippets/deep.py", "# --8<-- [start:x]\nx = 1\n# --8<-- [end:x]\n# a\n")
    site.add('--8<-- "deep.py:x"')
    program = site.page().programs[0]
    assert "snippets/deep.py" in keys.ingredients(program, site.root)["files"]


def test_data_runs_it_again(counted: Counted) -> None:
    assert counted.runs() == 1
    counted.write("data/MNIST/raw/images", "abc")
    assert counted.runs() == 2
    counted.write("data/MNIST/raw/images", "abd")
    assert counted.runs() == 3
    (counted.root / "data/MNIST/raw/images").unlink()
    assert counted.runs() == 3  # as it was at first


@pytest.mark.parametrize("name", sorted(x.name for x in ROOT.glob("pagecode/*.py")))
def test_pagecode_runs_it_again(counted: Counted, tmp_path, monkeypatch, name: str):
    copy = shutil.copytree(ROOT / "pagecode", tmp_path / "pagecode")
    monkeypatch.setattr(keys, "__file__", str(copy / "prove" / "keys.py"))
    program = counted.page().programs[0]
    before = keys.key(program, counted.root)
    with (copy / name).open("a") as file:
        file.write("\n")
    assert keys.key(program, counted.root) != before


def add_version(versions: list) -> list:
    return [*versions, SimpleNamespace(name="new", version="1.0")]


def change_version(versions: list) -> list:
    return [SimpleNamespace(name=x.name, version=x.version + ".1") for x in versions]


@pytest.mark.parametrize("change", [add_version, change_version, lambda versions: []])
def test_installed_versions_run_it_again(counted: Counted, monkeypatch, change) -> None:
    assert counted.runs() == 1
    versions = change(keys.distributions())
    monkeypatch.setattr(keys, "distributions", lambda: versions)
    assert counted.runs() == 2


@pytest.mark.parametrize("kind", ["svg", "json"])
def test_recorded_picture_runs_it_again(site: Site, kind: str) -> None:
    site.add("x = 1")
    site.write(PAGE, site.text() + "\n    ![A line](figures/page-1.svg)\n")
    paths = [site.write(f"docs/figures/page-1.{x}", "1") for x in ("svg", "json")]
    [program] = site.page().programs
    found = [keys.key(program, site.root)]
    changed = next(x for x in paths if x.suffix == f".{kind}")
    changed.write_text("2")
    found.append(keys.key(program, site.root))
    changed.unlink()
    found.append(keys.key(program, site.root))
    assert len({*found}) == 3


def test_python_version_runs_it_again(counted: Counted, monkeypatch) -> None:
    assert counted.runs() == 1
    monkeypatch.setattr(sys, "version", sys.version + " ")
    assert counted.runs() == 2


@pytest.mark.parametrize("what", ["device", "processor"])
def test_machine_runs_it_again(counted: Counted, monkeypatch, what: str) -> None:
    assert counted.runs() == 1
    monkeypatch.setattr(machine, what, lambda: "another")
    assert counted.runs() == 2


@pytest.mark.parametrize("name", ["THREADS", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH"])
def test_setting_runs_it_again(counted: Counted, monkeypatch, name: str) -> None:
    monkeypatch.delenv(name, raising=False)
    assert counted.runs() == 1
    monkeypatch.setenv(name, "2")
    assert counted.runs() == 2


def test_program_sees_the_settings_of_its_key(site: Site, monkeypatch) -> None:
    monkeypatch.setenv("THREADS", "3")
    site.add("import os\nprint(os.environ['OMP_NUM_THREADS'])", "3")
    assert site.errors() == [""]


@pytest.mark.parametrize(
    "code",
    ["print(2)", "1 / 0", "import os; os._exit(0)", "import time; time.sleep(9)"],
)
def test_failed_program_is_never_stamped(site: Site, code: str) -> None:
    site.add("x = 1")
    site.add(code, "1", info="limit=0.5")
    site.add("y = 1")
    for _ in range(2):
        assert site.verify(use_cache=True)["pytorch"][1]
        assert store.stamps(site.root) == {}


def test_program_that_fails_at_its_end_is_never_stamped(site: Site) -> None:
    site.add("import atexit\n_ = atexit.register(print, 'late')")
    site.errors()
    assert store.stamps(site.root) == {}


@pytest.mark.parametrize("torn", [b"", b'{"a": {"bl', b"\0\0\0", b"\xff\xfe"])
def test_torn_file_of_stamps_counts_as_empty(counted: Counted, torn: bytes) -> None:
    counted.runs()
    (counted.root / ".cache" / "verified.json").write_bytes(torn)
    assert [counted.runs(), counted.runs()] == [2, 2]


def test_stamps_are_kept_until_there_are_too_many(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(store, "KEPT", 3)
    site.add("x = 1")
    program = site.page().programs[0]
    for key in "abcd":
        store.stamp(program, key, {}, site.root)
    assert list(store.stamps(site.root)) == ["b", "c", "d"]


STAMP = """
import sys
from pathlib import Path
from types import SimpleNamespace
from pagecode.prove import keys, store
keys.distributions = lambda: []
page = SimpleNamespace(name="x.md")
program = SimpleNamespace(page=page, framework="pytorch", blocks=[])
for number in range(60):
    store.stamp(program, f"{sys.argv[1]}{number}", {}, Path.cwd())
"""


def test_two_runs_that_stamp_at_once_lose_nothing(tmp_path: Path) -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", STAMP, name],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for name in "ab"
    ]
    assert [run.wait(60) for run in runs] == [0, 0]
    expected = {f"{name}{number}" for name in "ab" for number in range(60)}
    assert set(store.stamps(tmp_path)) == expected


def git(root: Path, *words: str) -> str:
    name = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(
        ["git", *name, *words], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("says", "name"),
    [
        ("GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-1)", "NVIDIA H100 80GB HBM3"),
        ("GPU 0: A (UUID: GPU-1)\n  MIG 1g Device 0: (UUID: MIG-1)", "A"),
        ("GPU 0: A (UUID: GPU-1)\nGPU 1: B (UUID: GPU-2)", "A, B"),
        ("Failed to initialize NVML: Driver/library version mismatch", "CPU"),
        ("No devices found.", "CPU"),
        ("", "CPU"),
    ],
)
def test_machines_device_is_named(tmp_path, monkeypatch, says: str, name: str) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\ncat << E\n{says}\nE\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert machine.device.__wrapped__() == name


def test_nothing_is_said_where_a_command_is_missing(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.device.__wrapped__() == "CPU"
    assert ask_git(tmp_path, "status") == ""


def test_machines_processor_is_named_without_linux(monkeypatch) -> None:
    def gone(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", gone)
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    assert machine.processor.__wrapped__() == "arm"


def test_stamp_names_the_commit_and_whether_the_tree_is_clean(site: Site) -> None:
    site.add("x = 1")
    site.write(".gitignore", ".cache/\ndata/\n")
    git(site.root, "init", "-q")
    git(site.root, "add", ".")
    git(site.root, "commit", "-qm", "x")
    commit = git(site.root, "rev-parse", "HEAD")
    program = site.page().programs[0]
    clean = store.stamp(program, "a", {}, site.root)
    site.write(CODE, site.text(CODE) + "# changed\n")
    dirty = store.stamp(program, "b", {}, site.root)
    assert (clean["commit"], clean["dirty"]) == (commit, False)
    assert (dirty["commit"], dirty["dirty"]) == (commit, True)


def test_stamps_are_readable_by_anyone(counted: Counted) -> None:
    counted.runs()
    [facts] = json.loads(
        (counted.root / ".cache" / "verified.json").read_text()
    ).values()
    assert facts["page"] == "page.md"
    assert facts["date"].endswith("+00:00")
    assert set(facts["versions"]) >= {"numpy"}
