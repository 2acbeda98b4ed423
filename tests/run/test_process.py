"""A program's process: what it is given, what it leaves, what it has used."""

from pathlib import Path

import pytest

from pagecode.run import sandbox
from pagecode.run.runner import Run, Runner
from tests.conftest import Site


def ran(site: Site) -> Run:
    """Run the page's only program; it must pass."""
    with Runner(site.root) as runner:
        [run] = runner.start(site.page().programs)
        assert run.failures == []
    return run


# --- its data


def test_program_that_writes_to_its_data_harms_nobody(site: Site) -> None:
    site.write("data/a.txt", "mine")
    site.add(
        "import os\nfrom pathlib import Path\n"
        "Path('data/new.txt').write_text('x')\nPath('data/a.txt').write_text('y')\n"
        "print(sorted(os.listdir('data')), Path('data/a.txt').read_text())",
        "['a.txt', 'new.txt'] y",
    )
    ran(site)
    assert [x.name for x in (site.root / "data").iterdir()] == ["a.txt"]
    assert site.text("data/a.txt") == "mine"


@pytest.mark.parametrize(
    ("code", "read"),
    [
        pytest.param("open('data/a.txt').close()", [], id="only opened"),
        pytest.param("open('data/a.txt').read()", ["a.txt"], id="by Python"),
        pytest.param("os.chdir('data'); open('b/c.txt').read()", ["b/c.txt"], id="cwd"),
        pytest.param("open('data/linked/d.txt').read()", ["linked/d.txt"], id="link"),
        pytest.param("os.system('cat data/a.txt > x')", ["a.txt"], id="by another"),
        pytest.param("os.stat('data/a.txt')", [], id="only looked for"),
        pytest.param("os.listdir('data/b')", ["b/"], id="names of a folder"),
        pytest.param("os.listdir('data')", ["./"], id="names of data"),
        pytest.param("open('data/new', 'w').write('x')", [], id="its own"),
    ],
)
def test_run_tells_what_was_read(
    site: Site, tmp_path: Path, code: str, read: list[str]
) -> None:
    site.write("data/a.txt", "a")
    site.write("data/b/c.txt", "c")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "d.txt").write_text("d")
    (site.root / "data" / "linked").symlink_to(elsewhere)
    (site.root / "data" / "nowhere").symlink_to("gone")
    site.add(f"import os\n_ = {code}" if ";" not in code else f"import os; {code}")
    assert ran(site).measured["read"] == read


def test_everything_counts_as_read_where_no_access_is_noted(
    site: Site, monkeypatch
) -> None:
    """As on a file system that is mounted with `noatime`."""
    site.write("data/b/a.txt", "a")
    site.add("x = 1")
    monkeypatch.setattr(sandbox, "accessed", lambda path: False)
    assert ran(site).measured["read"] == ["./", "b/", "b/a.txt"]


# --- what it stands on


def test_run_tells_which_modules_were_loaded(site: Site) -> None:
    site.add("import json, numpy.linalg\n__import__('packaging.version')\nx = 1")
    modules = ran(site).measured["modules"]
    assert {"numpy", "packaging"} <= set(modules)
    assert not {"json", "sys", "numpy.linalg"} & set(modules)


@pytest.mark.parametrize(
    ("code", "spawned"),
    [
        ("import subprocess", False),
        ("import multiprocessing", False),
        ("import subprocess\n_ = subprocess.run(['true'])", True),
        ("import os\n_ = os.system('true')", True),
        ("import os\nos.fork() or os._exit(0)\n_ = os.wait()", True),
        (
            "import multiprocessing\n"
            "p = multiprocessing.get_context('spawn').Process(target=print)\n"
            "p.start(); p.kill(); p.join()",
            True,
        ),
        (
            "import sys\nsys.path.append('.')\n"
            "with open('lib.py', 'w') as file:\n"
            "    _ = file.write('import os; os.system(\"true\")')\n"
            "import lib",
            False,
        ),
    ],
)
def test_run_tells_whether_a_process_was_started(
    site: Site, code: str, spawned: bool
) -> None:
    site.add(code)
    assert ran(site).measured["spawned"] == spawned
