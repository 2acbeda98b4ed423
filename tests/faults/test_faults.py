"""Planted faults: each is stopped, with an exit status and a message that names it.

`FAULTS` are those of a page or its snippets, each planted here in a small site of its
own and met by the command. `ELSEWHERE` says where the others are planted.
"""

import ast
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import pytest

from pagecode.prove import store
from tests.conftest import CODE, PAGE, Site

ROOT = Path(__file__).parent.parent.parent
HERE = "faults/test_faults"
INCLUDE = '--8<-- "code.py:{}"'
GOOD = "# --8<-- [start:good]\nx = 1\n# --8<-- [end:good]\n"
PLOT = "import matplotlib.pyplot as plt\n_ = plt.plot([1, {}])"


def write_page(fence: str) -> Callable[[Site], None]:
    """Return what lays a page whose fence begins at its line 5."""

    def plant(site: Site) -> None:
        site.write(CODE, GOOD)
        site.write("snippets/twice.py", GOOD + GOOD)
        site.write(PAGE, f'# Title\n\n=== "PyTorch"\n\n{indent(fence, "    ")}\n')

    return plant


def add(code: str, shown: str | None = None, **options: str) -> Callable[[Site], None]:
    """Return what adds a block, at line 3 of the page and 2 of the snippet."""
    return lambda site: site.add(code, shown, **options)


def fence(include: str, info: str = "python") -> Callable[[Site], None]:
    """Return what lays a page with a block of one line, at line 6."""
    return write_page(f"```{info}\n{include}\n```")


def swap_outputs(site: Site) -> None:
    """Show each of two blocks' outputs below the other."""
    site.add("print('one')", "two")
    site.add("print('two')", "one")


def change_plot(site: Site) -> None:
    """Record a figure; then let its block plot something else."""
    site.add(PLOT.format("2"))
    picture = "    ![a line](figures/page-1.svg)\n"
    site.write(PAGE, f"{site.text()}\n{picture}")
    assert run(site, "record")[0] == 0
    site.write(CODE, site.text(CODE).replace("[1, 2]", "[1, 3]"))


FAULTS = {  # the fault: what plants it, and what `pagecode verify` says of it
    "missing file": (fence('--8<-- "none.py:a"'), "docs/page.md:6: ", "none.py"),
    "missing section": (fence(INCLUDE.format("none")), "docs/page.md:6: ", "none"),
    "include that stays literal": (
        fence(INCLUDE.format("good") + " "),
        "docs/page.md:6: ",
        "does not expand",
    ),
    "snippet outside any section": (
        fence('--8<-- "code.py:1:2"'),
        "docs/page.md:6: ",
        "names lines",
    ),
    "duplicate section names": (
        fence('--8<-- "twice.py:good"'),
        "docs/page.md:6: ",
        "2 starts",
    ),
    "code typed into a page": (fence("y = 2"), "docs/page.md:6: ", "y = 2"),
    "block skipped for its info string": (
        fence(INCLUDE.format("good"), "python skip"),
        "docs/page.md:5: ",
        "skip",
    ),
    "block of a session": (fence("1 / 0", "pycon"), "docs/page.md:5: ", "pycon"),
    "wrong tab label": (
        lambda site: (
            site.add("x = 1"),
            site.write(PAGE, site.text().replace("PyTorch", "Torch")),
        ),
        "docs/page.md:3: ",
        "Torch",
    ),
    "changed digit": (
        add("print(1.5)", "1.7"),
        "docs/page.md:8: not what the block prints",
        "at        snippets/code.py:2",
        "shown     1.7",
        "printed   1.5",
        "`make record PAGE=page.md`",
    ),
    "changed word": (
        add("print('one two')", "one three"),
        "docs/page.md:8: not what the block prints",
        "at        snippets/code.py:2",
        "printed   one two",
    ),
    "NaN": (
        add("print(float('nan'))", "0.693"),
        "docs/page.md:8: not what the block prints",
        "printed   nan",
    ),
    "output missing": (
        add("x = 1\nprint(x)"),
        "docs/page.md:3: no output shows what this block prints",
        "at        snippets/code.py:3",
        "printed   1",
    ),
    "output extra": (
        add("x = 1", "1"),
        "docs/page.md:8: nothing prints this output",
    ),
    "output for the wrong block": (
        swap_outputs,
        "docs/page.md:8: not what the block prints",
        "docs/page.md:16: not what the block prints",
        "shown     one",
        "printed   two",
    ),
    "figure that no longer fits": (
        change_plot,
        "docs/page.md:7: not the figure that the block draws",
    ),
    "block that raises": (
        add("def half(x):\n    return x / 0\n\nhalf(1)"),
        "docs/page.md:3: this block fails",
        "at        snippets/code.py:5\n  at        snippets/code.py:3",
        "error     ZeroDivisionError: division by zero",
    ),
    "block that hangs": (
        add("import time\ntime.sleep(60)", info="limit=0.5"),
        "docs/page.md:3: this block runs longer than 0.5 s",
        "snippets/code.py:3",
    ),
    "block that calls exit": (
        add("import sys\nsys.exit(0)"),
        "docs/page.md:3: this block fails",
        "snippets/code.py:3",
        "SystemExit: 0",
    ),
    "block that ends its process": (
        add("import os\nos._exit(0)"),
        "docs/page.md:3: this block ends the whole program",
        "snippets/code.py:3",
        "exit status 0",
    ),
    "import of the other framework": (
        add("import tensorflow"),
        "docs/page.md:3: this block fails",
        "snippets/code.py:2",
        "No module named 'tensorflow'",
    ),
    "syntax error": (
        add("x = 1\ny = = 2"),
        "docs/page.md:3: this block fails",
        "snippets/code.py:3",
        "SyntaxError: invalid syntax",
    ),
}
ELSEWHERE = {  # other faults: the test that plants it, in tests/
    "include that stays literal, in the site": (
        "test_site::test_faulty_page_stops_the_build"
    ),
    "block that leaves a thread": (
        "run/test_runner::test_thread_left_running_is_refused"
    ),
    "block that leaves a process": (
        "run/test_runner::test_process_left_running_is_stopped"
    ),
    "block that changes directory, patches a library for the next page": (
        f"{HERE}::test_one_page_does_not_reach_the_next"
    ),
    "page not in the navigation, dead link, notebook by hand": (
        "test_site::test_what_leads_nowhere_stops_the_strict_build"
    ),
    "notebook with an error": (
        "give/test_kernel::test_page_whose_notebook_fails_is_refused_when_it_is_verified"
    ),
    "stale cache: the page or its snippet": (
        "prove/test_keys::test_change_of_the_page_or_its_snippet_runs_it_again"
    ),
    "stale cache: pagecode": "prove/test_keys::test_pagecode_runs_it_again",
    "stale cache: data": (
        "prove/test_keys::test_data_that_it_uses_run_it_again_and_no_others"
    ),
    "stale cache: stand-ins": (
        "run/test_stand_ins::test_program_runs_again_when_the_stand_in_changes"
    ),
    "stale cache: versions": (
        "prove/test_keys::test_packages_that_it_uses_run_it_again_and_no_others"
    ),
    "stale cache: Python": "prove/test_keys::test_python_version_runs_it_again",
    "stale cache: machine": "prove/test_keys::test_machine_runs_it_again",
    "stale cache: settings": "prove/test_keys::test_setting_runs_it_again",
    "torn cache": "prove/test_store::test_torn_file_of_stamps_counts_as_empty",
    "corrupt or truncated data": "test_data::test_damaged_file_is_refused_and_kept",
    "missing data": "test_data::test_stand_in_is_refused_where_real_data_are_asked_for",
    "data folder that cannot be written": (
        "test_data::test_folder_that_cannot_be_written_is_named"
    ),
    "data folder, or cache, that is a file": (
        f"{HERE}::test_file_in_place_of_a_folder_is_named"
    ),
    "full disk": f"{HERE}::test_full_disk_is_told_and_leaves_the_page",
    "two runs at once": f"{HERE}::test_two_runs_at_once_both_pass",
    "interruption": f"{HERE}::test_interrupted_record_leaves_the_old_page_or_the_new",
    "stamp of another text, commit or machine": (
        "prove/test_handover::test_program_that_reads_otherwise_is_not_admitted"
    ),
}


def command(site: Site, *words: str, **options) -> subprocess.Popen[str]:
    """Start `python -m pagecode` in the project."""
    return subprocess.Popen(
        [sys.executable, "-m", "pagecode", *words],
        cwd=site.root,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("env", {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def run(site: Site, *words: str, **options) -> tuple[int, str, str]:
    """Run it; return its exit status, and what it says and complains."""
    process = command(site, *words, **options)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_told_and_ends_with_status_1(site: Site, fault: str) -> None:
    plant, *said = FAULTS[fault]
    plant(site)
    status, _, err = run(site, "verify")
    assert status == 1
    assert "Traceback" not in err
    for text in said:
        assert text in err


@pytest.mark.parametrize("fault", ELSEWHERE)
def test_fault_is_planted_by_a_test_that_there_is(fault: str) -> None:
    module, _, name = ELSEWHERE[fault].partition("::")
    source = (ROOT / "tests" / f"{module}.py").read_text(encoding="utf-8")
    names = {x.name for x in ast.parse(source).body if isinstance(x, ast.FunctionDef)}
    assert name in names


def test_one_page_does_not_reach_the_next(site: Site) -> None:
    site.add(
        "import atexit, math, os, time\nmath.sqrt = None\nos.chdir('/')\n"
        "os.environ['A'] = 'b'\nprint('patched')",
        "patched",
    )
    site.write(
        "snippets/next.py",
        "# --8<-- [start:a]\nimport math, os\n"
        "print(math.sqrt(4.0), len([1]), len(os.listdir()), 'A' in os.environ)\n"
        "# --8<-- [end:a]\n",
    )
    site.write(
        "docs/the-next.md",
        '=== "PyTorch"\n\n    ```python\n    --8<-- "next.py:a"\n    ```\n\n'
        "    ```text\n    2.0 1 2 False\n    ```\n",
    )
    status, out, err = run(site, "verify")
    assert (status, err) == (0, "")
    assert out.count(": 1 blocks, 1 outputs, ran in ") == 2


@pytest.mark.parametrize(
    ("word", "name"), [("verify", "data"), ("record", "data"), ("verify", ".cache")]
)
def test_file_in_place_of_a_folder_is_named(site: Site, word: str, name: str) -> None:
    site.add("print(1)", "1" if word == "verify" else "0")
    site.write(name, "mine")
    before = site.text()
    status, _, err = run(site, word)
    assert status == 1
    assert f"{site.root / name}" in err
    assert "  to do     make what is named readable and writable" in err
    assert "Traceback" not in err
    assert site.text() == before
    assert site.text(name) == "mine"


def limit_files(size: int):
    """Return what lets every write beyond a size fail, as on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("word", ["verify", "record"])
def test_full_disk_is_told_and_leaves_the_page(site: Site, word: str) -> None:
    site.add("print(1)", "1" if word == "verify" else "0")
    site.write(PAGE, site.text() + "\n" + "Some prose.\n" * 500)
    site.write(".cache/verified.json", '{"a": {"used": {"' + 6000 * "b" + '": {}}}}')
    before, known = site.text(), store.stamps(site.root)
    status, _, err = run(site, word, preexec_fn=limit_files(4000))
    assert status == 1
    assert "File too large" in err
    assert re.search(r"/(docs/page\.md|\.cache/verified\.json)\b", err)
    assert "or free some space" in err
    assert "Traceback" not in err
    assert site.text() == before
    assert store.stamps(site.root) == known
    left = [x.name for x in site.root.rglob("*") if x.name.endswith(".new")]
    assert left == []


def test_two_runs_at_once_both_pass(site: Site) -> None:
    site.add("import time\ntime.sleep(0.5)\nprint(1)", "1")
    runs = [command(site, "verify") for _ in range(2)]
    for process in runs:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert "ran in" in out
    assert run(site, "verify")[1].count("unchanged since it ran") == 1


INTERRUPTED = """
import os, runpy, signal, sys
from pathlib import Path

moment, number = sys.argv.pop(1), int(sys.argv.pop(1))
original = Path.replace
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores it

def replace(self, target):
    if Path(target).name == "page.md" and moment == "before":
        os.kill(os.getpid(), number)
    original(self, target)
    if Path(target).name == "page.md" and moment == "after":
        os.kill(os.getpid(), number)

Path.replace = replace
runpy.run_module("pagecode", run_name="__main__")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("moment", ["running", "before", "after"])
def test_interrupted_record_leaves_the_old_page_or_the_new(
    site: Site, tmp_path: Path, moment: str, number: int
) -> None:
    wait = "import time\ntime.sleep(60)" if moment == "running" else "x = 1"
    started = tmp_path / "started"
    site.add(f"open({str(started)!r}, 'w').close()\n{wait}\nprint('new')", "old")
    old, temporary = site.text(), tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, moment, str(int(number)), "record"],
        cwd=site.root,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        text=True,
    )
    if moment == "running":
        while not started.exists():
            time.sleep(0.02)
        process.send_signal(number)
    _, err = process.communicate(timeout=30)
    new = old.replace("    old\n", "    new\n")
    assert site.text() == (new if moment == "after" else old)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert err.startswith("interrupted")
        assert list(temporary.iterdir()) == []
        assert sorted(x.name for x in (site.root / "docs").iterdir()) == ["page.md"]
    else:
        assert process.returncode == -signal.SIGKILL
    site.write(CODE, site.text(CODE).replace(wait, "x = 1"))
    assert run(site, "record")[0] == 0
    assert site.text() == new
