"""A program's process: what it is given, what it leaves, what it has used."""

from pathlib import Path

import psutil
import pytest

from pagecode.run import process, sandbox
from pagecode.run.runner import Run, Runner
from pagecode.run.sandbox import alive
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
    (site.root / "data" / "linked").symlink_to("../../elsewhere")
    for name, target in {"nowhere": "gone", "loop": "loop", "again": "."}.items():
        (site.root / "data" / name).symlink_to(target)
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


# --- whose output it is

SLEEPER = "[sys.executable, '-c', 'import time; time.sleep(0.3); print(\"late\")']"
LATE = {
    "process": f"import subprocess, sys\nchild = subprocess.Popen({SLEEPER})",
    "process of a session of its own": (
        "import subprocess, sys\n"
        f"child = subprocess.Popen({SLEEPER}, start_new_session=True, env={{}})"
    ),
    "fork": (
        "import os, time\nif os.fork() == 0:\n    time.sleep(0.3)\n"
        "    print('late', flush=True)\n    os._exit(0)"
    ),
    "thread": "import threading\nthreading.Timer(0.3, print, ['late']).start()",
    "thread that writes past Python's buffer": (
        "import sys, threading\n"
        "threading.Timer(0.3, sys.stdout.buffer.raw.write, [b'late\\n']).start()"
    ),
}
WAITING = "import time\ntime.sleep(0.6)\nprint('mine')"


@pytest.mark.parametrize("kind", LATE)
@pytest.mark.parametrize("last", [False, True])
def test_what_prints_after_its_block_is_refused(
    site: Site, kind: str, last: bool
) -> None:
    site.add("print('first')", "first")
    site.add(LATE[kind], None if last else "")
    if not last:
        site.add(WAITING, "mine")
    *_, error = [x for x in site.errors() if x and "not run" not in x]
    what = "what this block started prints after its end"
    what = "after this last block the program still prints" if last else what
    assert error.startswith(f"docs/page.md:11: {what}\n")
    assert "  printed   late\n  to do     " in error


@pytest.mark.parametrize("kind", LATE)
def test_what_a_block_waits_for_prints_in_it(site: Site, kind: str) -> None:
    waits = {"fork": "os.wait()", "process": "child.wait()"}.get(
        kind.split()[0], "[x.join() for x in threading.enumerate()[1:]]"
    )
    site.add(f"{LATE[kind]}\n_ = {waits}", "late")
    site.add("print('mine')", "mine")
    assert site.errors() == ["", ""]


@pytest.mark.parametrize(
    "code",
    [
        "import ctypes\n_ = ctypes.CDLL(None).puts(b'one')",
        "import ctypes, sys\nlibc = ctypes.CDLL(None)\nfor _ in 'ab':\n"
        "    print('py')\n    _ = libc.puts(b'c')",
        "import os\n_ = os.write(1, b'one\\n')",
        "import sys\n_ = sys.__stdout__.write('one')",
        "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\n"
        "print('one')",
        "import subprocess\n_ = subprocess.run(['echo', 'one'])",
    ],
)
def test_each_output_is_its_blocks_own(site: Site, code: str) -> None:
    shown = "py\nc\npy\nc" if "libc" in code else "one"
    site.add(code, shown)
    site.add("print('two')", "two")
    site.add("x = 3")
    assert site.errors() == ["", "", ""]


# --- what does not end, or prints without end


def error_of(site: Site, code: str, info: str = "") -> str:
    """Return the error of a page's only block."""
    site.add(code, info=info)
    [error] = site.errors()
    return error


@pytest.mark.parametrize(
    ("code", "line", "doing"),
    [
        ("while True:\n    x = 1", "", "it computes"),
        ("import time\ntime.sleep(60)", 3, "it waits, and computes nothing"),
        (
            "import threading\nlock = threading.Lock()\n\ndef f():\n"
            "    with lock:\n        f()\n\nf()",
            6,
            "it waits, and computes nothing",
        ),
        (
            "import threading\nthreading.Event().wait()",
            3,
            "it waits, and computes nothing (wait, threading.py:",
        ),
        (
            "import subprocess\n_ = subprocess.run(['sleep', '60'])",
            3,
            "it waits, and computes nothing (",
        ),
        (
            "import subprocess, sys\n"
            "_ = subprocess.run([sys.executable, '-c', 'while True: pass'])",
            3,
            "it computes (",
        ),
    ],
)
def test_block_over_its_limit_is_told_as_what_it_does(
    site: Site, code: str, line: int | str, doing: str
) -> None:
    error = error_of(site, code, "limit=0.8")
    assert error.startswith("docs/page.md:3: this block runs longer than 0.8 s\n")
    assert f"\n  at        snippets/code.py:{line}" in error
    assert f"\n  doing     {doing}" in error
    assert "or give it `limit=SECONDS`" in error
    assert "faster" not in error


def test_thread_that_does_not_end_is_said_of_its_block(site: Site, monkeypatch):
    monkeypatch.setattr(process, "ENDING_LIMIT", 1.5)
    site.add("x = 1")
    site.add(
        "import threading, time\n\ndef forever():\n    while True:\n"
        "        time.sleep(0.1)\n\nthreading.Thread(target=forever).start()"
    )
    site.add("y = 1")
    *_, error = site.errors()
    assert error.startswith(
        "docs/page.md:7: the program does not end: this block leave"
    )
    assert "  at        snippets/code.py:9\n" in error


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_block_that_prints_without_end_is_stopped(
    site: Site, monkeypatch, stream: str
) -> None:
    monkeypatch.setattr(sandbox, "OUTPUT_LIMIT", 2_000_000)
    site.add("print(1)", "1")
    site.add(f"import sys\nwhile True:\n    print(100 * 'x', file=sys.{stream})", "")
    first, error = site.errors()
    assert first == ""
    assert error.startswith("docs/page.md:11: this block prints without end: ")
    assert stream in error
    assert "  at        snippets/code.py:6\n" in error


def test_input_is_told_as_what_it_is(site: Site) -> None:
    assert "EOFError: EOF when reading a line" in error_of(site, "input('name? ')")


# --- processes that import the program

SQUARE = "import multiprocessing\n\n\ndef square(x):\n    return x * x"
UNGUARDED = {
    "pool": "with multiprocessing.Pool(1) as pool:\n    print(pool.map(square, [1]))",
    "process": "p = multiprocessing.Process(target=square, args=[1])\n"
    "p.start()\np.join()",
    "executor": "from concurrent.futures import ProcessPoolExecutor\n"
    "with ProcessPoolExecutor(1) as pool:\n    print(list(pool.map(square, [1])))",
    "context": "with multiprocessing.get_context('forkserver').Pool(1) as pool:\n"
    "    print(pool.map(square, [1]))",
}


@pytest.mark.parametrize("kind", UNGUARDED)
def test_start_of_processes_without_a_guard_is_named(site: Site, kind: str) -> None:
    site.add(SQUARE)
    site.add(UNGUARDED[kind], info="limit=20")
    _, error = site.errors()
    assert error.startswith("docs/page.md:7: a process that this block starts runs the")
    assert "  at        snippets/code.py:" in error
    assert '`if __name__ == "__main__":`' in error


def test_processes_start_as_on_macos_and_windows(site: Site) -> None:
    site.add("import multiprocessing\nprint(multiprocessing.get_start_method())", "")
    assert site.record() == 1
    assert "    spawn\n" in site.text()


# --- what it leaves behind


def runs(pid: str) -> bool:
    """Whether a process runs still."""
    return psutil.pid_exists(int(pid)) and alive(psutil.Process(int(pid)))


@pytest.mark.parametrize(
    "start",
    [
        "subprocess.Popen(['sleep', '60'])",
        "subprocess.Popen(['sleep', '60'], start_new_session=True)",
        "subprocess.Popen(['sleep', '60'], env={}, start_new_session=True)",
        "subprocess.Popen(['sh', '-c', 'sleep 60 & echo $! > pid'])",
        "subprocess.Popen(['sh', '-c', 'setsid sleep 60 & echo $! > pid'])",
    ],
)
@pytest.mark.parametrize("end", ["", "os._exit(0)", "1 / 0", "time.sleep(60)"])
def test_nothing_runs_on(site: Site, tmp_path: Path, start: str, end: str) -> None:
    pid = tmp_path / "pid"
    site.add(
        f"import os, pathlib, subprocess, time\nchild = {start}\n"
        "if 'echo' in str(child.args):\n    _ = child.wait()\nelse:\n"
        f"    _ = pathlib.Path('pid').write_text(str(child.pid))\n"
        f"_ = pathlib.Path('pid').rename({str(pid)!r})\n{end}",
        info="limit=1",
    )
    site.errors()
    assert not runs(pid.read_text().strip())


def test_command_leaves_nothing_and_is_not_waited_for(site: Site) -> None:
    site.write("data/a.txt", "a")
    code = (
        "import subprocess, sys\n"
        "print(subprocess.Popen(['sleep', '60']).pid, open('data/a.txt').read())\n"
        "sys.exit('bye')"
    )
    ran = sandbox.run(site.root, {"code.py": code}, "code.py", limit=30)
    pid, read = ran.stdout.split()
    assert (ran.status, read, ran.stderr, ran.read) == (1, "a", "bye\n", ["a.txt"])
    assert not runs(pid)


def test_command_that_does_not_end_is_stopped(site: Site, monkeypatch) -> None:
    with pytest.raises(TimeoutError, match=r"runs longer than 0\.5 s"):
        sandbox.run(site.root, {}, "-c", "import time; time.sleep(60)", limit=0.5)
    monkeypatch.setattr(sandbox, "OUTPUT_LIMIT", 1_000_000)
    with pytest.raises(sandbox.TooMuch, match="stdout"):
        sandbox.run(site.root, {}, "-c", "while True: print(99 * 'x')", limit=30)


# --- what compiles alone, but not below the other blocks


@pytest.mark.parametrize(
    ("above", "code", "told"),
    [
        ("x = 1", "from __future__ import annotations", "from __future__ imports must"),
        ("x = 1", "y = 2\nglobal x", "name 'x' is assigned to before global"),
    ],
)
def test_block_that_the_script_could_not_have_is_named(
    site: Site, above: str, code: str, told: str
) -> None:
    site.add(f"print(1)\n{above}", "1")
    site.add(code)
    first, error = site.errors()
    assert first == ""
    assert error.startswith("docs/page.md:11: this block fails\n  at        snippets/")
    assert f"snippets/code.py:{6 + code.count(chr(10))}\n" in error
    assert f"error     SyntaxError: {told}" in error


def test_nothing_of_a_block_runs_that_does_not_compile(site: Site) -> None:
    site.add("print(1)\nreturn", "SyntaxError: 'return' outside function", "raises")
    site.add("print(" + 200 * "(" + 200 * ")" + ")", "", "raises")
    site.add("print(2)", "2")
    first, nested, last = site.errors()
    assert (first, last) == ("", "")
    assert "SyntaxError: too many nested parentheses" in nested


def test_what_a_block_does_to_a_library_does_not_reach_us(site: Site) -> None:
    site.add(
        "import builtins, json, os, time, warnings\njson.dumps = json.loads = None\n"
        "builtins.open = builtins.print = builtins.sorted = None\n"
        "time.time = warnings.warn = None"
    )
    site.add("x = 1 / 0", "ZeroDivisionError: division by zero", "raises")
    assert site.errors() == ["", ""]


def test_missing_guard_may_be_shown(site: Site) -> None:
    """A block may fail for it on purpose; those below it are not taken for it."""
    site.add(
        f"import sys\nprint({process.UNGUARDED!r}, file=sys.stderr)\n1 / 0",
        "ZeroDivisionError: division by zero",
        "raises",
    )
    site.add("print('more', file=sys.stderr)\nprint(1)", "1")
    assert site.errors() == ["", ""]
