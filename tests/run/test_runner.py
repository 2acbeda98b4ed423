"""A program runs in a process of its own; what it does is held against the page."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest

from pagecode.prove.verify import Verifier, report
from pagecode.run import child, machine, process
from pagecode.run.child import device, peak
from pagecode.run.runner import Run
from tests.conftest import CODE, PAGE, TWO_TABS, Site

READS = None  # everything: it makes a venv


def only_error(site: Site) -> str:
    """Run the page's only block and return its error."""
    [error] = site.errors()
    return error


# --- what passes


def test_program_passes(site: Site) -> None:
    site.add("x = 1.5")
    site.add("print(x, 'a')\nprint(2 * x)", "1.5 a\n3.0")
    assert site.errors() == ["", ""]


def test_both_programs_of_a_page_pass(site: Site) -> None:
    site.add_tabs("print(1)", "print(1)", TWO_TABS + "\n```text\n1\n```\n")
    assert site.verify() == {"pytorch": [""], "tensorflow": [""]}


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        pytest.param("print('a', end='')", "a", id="no end of line"),
        pytest.param("print('a  ')\nprint()", "a", id="blanks at the end"),
        pytest.param("print('a\\n\\nb')", "a\n\nb", id="blank line"),
        pytest.param("print('π → é')", "π → é", id="not ASCII"),
        pytest.param("import sys; sys.stdout.write('a')", "a", id="written"),
        pytest.param("import os; os.write(1, b'a')", "a", id="past Python"),
        pytest.param("# nothing", None, id="only a comment"),
        pytest.param("import sys; print('x', file=sys.stderr)", None, id="stderr"),
        pytest.param("print()", None, id="only a blank line"),
        pytest.param(
            "import subprocess, sys\n"
            "_ = subprocess.run([sys.executable, '-c', 'print(\"child\")'])",
            "child",
            id="printed by a child process",
        ),
    ],
)
def test_output_is_captured(site: Site, code: str, shown: str | None) -> None:
    site.add(code, shown)
    assert only_error(site) == ""


def test_varying_output_is_not_compared(site: Site) -> None:
    site.add("import time; print(time.time())", "about now", output="varies")
    assert only_error(site) == ""


def test_page_can_ask_for_more_room(site: Site) -> None:
    site.add("print(0.505)", "0.500", output="atol=0.01")
    assert only_error(site) == ""


def test_output_of_each_block_is_its_own(site: Site) -> None:
    site.add("print('one')", "one")
    site.add("print('two')", "two")
    site.add("x = 3")
    site.add("print('four')", "four")
    assert site.errors() == [""] * 4


def test_source_of_a_function_can_be_read(site: Site) -> None:
    code = (
        "import inspect\n\ndef f(x):\n    return x + 1\n\nprint(inspect.getsource(f))"
    )
    site.add(code, "def f(x):\n    return x + 1")
    assert only_error(site) == ""


def test_classes_of_the_page_can_be_pickled(site: Site) -> None:
    code = (
        "import pickle\nfrom dataclasses import dataclass\n\n"
        "@dataclass\nclass Point:\n    x: int\n\n"
        "print(pickle.loads(pickle.dumps(Point(1))))"
    )
    site.add(code, "Point(x=1)")
    assert only_error(site) == ""


def test_program_runs_as_main_in_an_empty_folder_with_the_data(site: Site) -> None:
    site.write("data/a.txt", "here")
    site.add(
        "import os, sys\nprint(__name__, sorted(os.listdir()), sys.argv)\n"
        "print(open('data/a.txt').read())",
        "__main__ ['data', 'page.pytorch.py'] ['page.pytorch.py']\nhere",
    )
    assert only_error(site) == ""


def test_project_cannot_be_imported(site: Site) -> None:
    site.add(
        "import snippets", "ModuleNotFoundError: No module named 'snippets'", "raises"
    )
    site.add(
        "import pagecode", "ModuleNotFoundError: No module named 'pagecode'", "raises"
    )
    assert site.errors() == ["", ""]


# --- what the page shows is not what is printed


def test_wrong_digit_names_the_outputs_line_and_the_printing_statement(site: Site):
    site.add("x = 1.5\nprint('a')\nprint(x)\ny = 2", "a\n1.7")
    assert only_error(site) == (
        "docs/page.md:9: not what the block prints\n"
        "  block     docs/page.md:3\n"
        "  at        snippets/code.py:4\n"
        "  shown     1.7\n"
        "  printed   1.5\n"
        "  to do     mend the code, or `make record PAGE=page.md`"
    )


def test_missing_line_names_the_statement_that_printed_last(site: Site) -> None:
    site.add("print(1)\nx = 2", "1\n2")
    assert "  at        snippets/code.py:2\n" in only_error(site)


@pytest.mark.parametrize(
    ("printed", "shown", "line", "says"),
    [
        pytest.param("one two", "one three", 8, "printed   one two", id="word"),
        pytest.param("nan", "0.693", 8, "printed   nan", id="NaN"),
        pytest.param("1.0", "1", 8, "printed   1.0", id="float for an integer"),
        pytest.param("a", "a\nb", 9, "printed   (nothing)", id="line too many"),
        pytest.param("a\\nb", "a", 9, "shown     (nothing)", id="line too few"),
        pytest.param("a", "", 8, "shown     (nothing)", id="empty output"),
    ],
)
def test_other_output_is_refused(
    site: Site, printed: str, shown: str, line: int, says: str
) -> None:
    site.add(f"print('{printed}')", shown)
    error = only_error(site)
    assert error.startswith(f"docs/page.md:{line}: ")
    assert "snippets/code.py:2" in error
    assert says in error


def test_later_blocks_run_after_a_wrong_output(site: Site) -> None:
    site.add("print(1)", "2")
    site.add("print(3)", "3")
    site.add("print(4)", "5")
    errors = site.errors()
    assert [error.partition(":")[0] for error in errors] == ["docs/page.md", "", PAGE]


def test_output_that_nothing_prints_is_refused(site: Site) -> None:
    site.add("x = 1", "1")
    error = only_error(site)
    assert error.startswith("docs/page.md:8: nothing prints this output")
    assert "docs/page.md:3" in error


def test_print_that_no_output_shows_is_refused(site: Site) -> None:
    site.add("x = 1\nprint(x)\nprint(2)")
    error = only_error(site)
    assert error.startswith("docs/page.md:3: no output shows what this block prints")
    assert "snippets/code.py:3" in error
    assert "printed   1" in error


def test_shared_output_must_be_printed_by_both(site: Site) -> None:
    site.add_tabs("print(1)", "x = 1\nprint(2)", TWO_TABS + "\n```text\n1\n```\n")
    errors = site.verify()
    assert errors["pytorch"] == [""]
    assert errors["tensorflow"][0].startswith("docs/page.md:14: ")
    assert "docs/page.md:9" in errors["tensorflow"][0]
    assert "snippets/code.py:6" in errors["tensorflow"][0]


# --- errors


def test_block_that_raises_names_page_snippet_and_error(site: Site) -> None:
    site.add("def half(x):\n    return x / 0")
    site.add("y = 1\nhalf(y)")
    site.add("z = 1")
    first, second, third = site.errors()
    assert first == ""
    assert second == (
        "docs/page.md:7: this block fails\n"
        "  at        snippets/code.py:7\n"
        "  at        snippets/code.py:3\n"
        "  error     ZeroDivisionError: division by zero"
    )
    assert third.startswith("not run, because of\ndocs/page.md:7: ")


@pytest.mark.parametrize(
    ("code", "line"),
    [
        pytest.param("x = [\n    1,\n    1 / 0,\n]", 4, id="statement of many lines"),
        pytest.param("@property\n@nothing\ndef f(x): ...", 3, id="decorator"),
        pytest.param("import math\n\n\nmath.sqrt(-1)", 5, id="after blank lines"),
        pytest.param("class A:\n    x = 1\n    y = z", 4, id="class body"),
        pytest.param("f'''\n{1}\n{1 / 0}\n'''", None, id="f-string of many lines"),
    ],
)
def test_error_names_the_true_line(site: Site, code: str, line: int | None) -> None:
    site.add(code)
    assert f"snippets/code.py:{line or ''}" in only_error(site)


def test_error_in_a_dedented_section_names_the_true_line(site: Site) -> None:
    site.write(
        CODE,
        "if True:\n    # --8<-- [start:run]\n    x = 1\n    for i in range(2):\n"
        "        x += y\n    # --8<-- [end:run]\n",
    )
    site.write(
        PAGE, '=== "PyTorch"\n\n    ```python\n    --8<-- "code.py:run"\n    ```'
    )
    error = only_error(site)
    assert "snippets/code.py:5" in error
    assert "NameError" in error


def test_error_names_the_right_one_of_two_snippets(site: Site) -> None:
    site.write("snippets/one.py", "# --8<-- [start:f]\ndef f(): g()\n# --8<-- [end:f]")
    site.write("snippets/two.py", "#\n#\n# --8<-- [start:run]\nf()\n# --8<-- [end:run]")
    site.write(PAGE, '```python\n--8<-- "one.py:f"\n\n--8<-- "two.py:run"\n```\n')
    assert "at        snippets/two.py:4\n  at        snippets/one.py:2" in only_error(
        site
    )


@pytest.mark.parametrize(
    ("code", "line"),
    [
        pytest.param("x = 1\ny = (\nz = 2", 3, id="parsing"),
        pytest.param("x = 1\nreturn x", 3, id="compiling"),
    ],
)
def test_syntax_error_names_the_true_line(site: Site, code: str, line: int) -> None:
    site.add("a = 0")
    site.add(code)
    error = site.errors()[1]
    assert error.startswith("docs/page.md:7: this block fails")
    assert f"snippets/code.py:{line + 3}" in error
    assert "error     SyntaxError: " in error


def test_syntax_error_of_evaluated_text_names_the_snippet(site: Site) -> None:
    site.add("x = 1\neval('1 +')")
    assert "  at        snippets/code.py:3\n" in only_error(site)


def test_block_that_is_to_fail_passes_with_the_shown_error(site: Site) -> None:
    code = "print('before')\n1 / 0"
    site.add(code, "before\nZeroDivisionError: division by zero", "raises")
    site.add("print('after')", "after")
    assert site.errors() == ["", ""]


def test_block_that_is_to_fail_may_hold_a_syntax_error(site: Site) -> None:
    site.add("x = = 1", "SyntaxError: invalid syntax", "raises")
    assert only_error(site) == ""


@pytest.mark.parametrize("code", ["x = 1\n1 / 0", "x = 1\ny = = 1"])
@pytest.mark.parametrize("shown", ["ValueError: no", "", None])
def test_block_that_fails_otherwise_is_refused(
    site: Site, code: str, shown: str | None
):
    site.add(code, shown, "raises")
    error = only_error(site)
    assert error.startswith(f"docs/page.md:{8 if shown is not None else 3}: ")
    assert "snippets/code.py:3" in error
    assert "Error: " in error


def test_block_that_is_to_fail_but_runs_is_refused(site: Site) -> None:
    site.add("print(1)", "1", "raises")
    assert only_error(site).startswith("docs/page.md:3: this block is to fail")


def test_late_future_import_is_no_error_that_a_block_can_show(site: Site) -> None:
    """No script with it would run at all."""
    site.add("x = 1")
    error = "SyntaxError: from __future__ imports must occur at the beginning"
    site.add("from __future__ import annotations", f"{error} of the file", "raises")
    said = "docs/page.md:7: this block is to fail (`raises`), but runs"
    assert site.errors() == ["", said]


# --- programs that do not end, or end too early


def test_block_that_hangs_is_stopped_and_named(site: Site) -> None:
    site.add("print('x')", "x")
    site.add("import time\nx = 1\ntime.sleep(60)", info="limit=0.5")
    site.add("y = 1")
    started = time.monotonic()
    first, second, third = site.errors()
    assert time.monotonic() - started < 5
    assert first == ""
    assert second.startswith("docs/page.md:11: this block runs longer than 0.5 s")
    assert "snippets/code.py:7" in second
    assert third.startswith("not run")


def test_limit_is_for_the_whole_block(site: Site) -> None:
    site.add("import time\n" + "time.sleep(0.3)\n" * 4, info="limit=0.7")
    assert "runs longer than 0.7 s" in only_error(site)


def test_limit_is_for_each_block(site: Site) -> None:
    for _ in range(3):
        site.add("import time\ntime.sleep(0.4)", info="limit=0.8")
    assert site.errors() == [""] * 3


def test_limit_holds_for_a_block_that_closes_what_it_was_given(site: Site) -> None:
    site.add(
        "import os, time\ndef hide():\n    os.closerange(3, 64)\n    time.sleep(60)\n\n"
        "hide()",
        info="limit=1",
    )
    started = time.monotonic()
    assert "runs longer than 1 s\n  at        snippets/code.py:5" in only_error(site)
    assert time.monotonic() - started < 10


def test_exit_is_an_error(site: Site) -> None:
    site.add("import sys\nsys.exit(3)")
    error = only_error(site)
    assert error.startswith("docs/page.md:3: ")
    assert "snippets/code.py:3" in error
    assert "SystemExit: 3" in error


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("os._exit(0)", "exit status 0"),
        ("os._exit(7)", "exit status 7"),
        ("os.kill(os.getpid(), 9)", "signal 9"),
        ("os.abort()", "signal 6"),
        (  # what `nohup` starts does not heed it
            "import signal; signal.signal(1, signal.SIG_DFL); os.kill(os.getpid(), 1)",
            "signal 1",
        ),
    ],
)
def test_end_of_the_process_is_an_error(site: Site, code: str, how: str) -> None:
    site.add(
        f"import os, sys\nprint('last words', file=sys.stderr, flush=True)\n{code}"
    )
    site.add("x = 1")
    error, after = site.errors()
    assert error.startswith("docs/page.md:3: this block ends the whole program")
    assert "snippets/code.py:4" in error
    assert how in error
    assert "last words" in error
    assert after.startswith("not run")


def test_its_last_five_lines_are_told(site: Site) -> None:
    site.add(
        "import os, sys\nfor n in range(7):\n    print(f'line {n}', file=sys.stderr)\n"
        "sys.stderr.flush()\nos._exit(7)"
    )
    lines = [x.strip() for x in only_error(site).splitlines() if " line " in x]
    assert lines == [f"line {n}" for n in range(2, 7)]


def test_process_that_does_not_start_is_told_at_the_first_block(
    site: Site, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr(process, "__file__", str(tmp_path / "process.py"))
    (tmp_path / "child.py").write_text("raise SystemExit('no start')")
    site.add("x = 1")
    site.add("y = 1")
    error, after = site.errors()
    assert error.startswith("docs/page.md:3: ")
    assert "no start" in error
    assert after.startswith("not run")


def test_start_that_hangs_is_not_said_of_the_first_block(
    site: Site, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr(process, "__file__", str(tmp_path / "process.py"))
    monkeypatch.setattr(process, "ENDING_LIMIT", 0.5)
    (tmp_path / "child.py").write_text("import time\ntime.sleep(60)")
    site.add("x = 1")
    error = only_error(site)
    assert error.startswith("docs/page.md:3: ")
    assert "runs longer" not in error


def test_output_printed_at_the_end_of_the_program_is_refused(site: Site) -> None:
    site.add("import atexit\n_ = atexit.register(print, 'bye\\nnow')")
    error = only_error(site)
    assert error.startswith("docs/page.md:3: ")
    assert "\n  printed   bye\n" in error


def test_bad_end_of_the_program_is_refused(site: Site) -> None:
    site.add("import atexit, os\n_ = atexit.register(os._exit, 5)")
    assert "exit status 5" in only_error(site)


def test_thread_left_running_is_refused(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(process, "ENDING_LIMIT", 0.7)
    site.add(
        "import threading, time\nthreading.Thread(target=time.sleep, args=[60]).start()"
    )
    error = only_error(site)
    assert error.startswith("docs/page.md:3: the program does not end")


def test_process_left_running_is_stopped(site: Site, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    site.add(
        "import pathlib, subprocess\nchild = subprocess.Popen(['sleep', '60'])\n"
        f"_ = pathlib.Path({str(pid)!r}).write_text(str(child.pid))"
    )
    assert only_error(site) == ""
    stat = Path(f"/proc/{pid.read_text()}/stat")
    assert not stat.exists() or stat.read_text().split()[2] == "Z"


def test_leaving_the_verifier_stops_what_runs(site: Site) -> None:
    site.add("import time\ntime.sleep(60)")
    program = site.page().programs[0]
    started = time.monotonic()
    with Verifier(site.root, use_cache=False) as verifier:
        [run] = verifier.start([program])
        while not verifier.live:
            time.sleep(0.01)
    assert time.monotonic() - started < 5
    assert run.failures


def test_program_that_is_about_to_start_as_the_verifier_ends_is_stopped(
    site: Site,
) -> None:
    site.add("import time\ntime.sleep(60)")
    run = Run(site.page().programs[0])
    with Verifier(site.root, use_cache=False) as verifier:
        pass
    verifier.fulfil(run)
    assert "signal 9" in str(run.failures)


@pytest.mark.parametrize("code", ["x = 1", "import os\nos._exit(0)"])
def test_process_that_has_ended_is_not_stopped_again(site: Site, code: str) -> None:
    site.add(code)
    with Verifier(site.root, use_cache=False) as verifier:
        verifier.start(site.page().programs)
        verifier.pool.shutdown()
        assert not verifier.live


# --- programs do not touch each other


def test_two_programs_run_in_two_processes_side_by_side(site: Site, tmp_path: Path):
    wait = (
        "import os, pathlib, time\n"
        "here = pathlib.Path({folder!r})\n"
        "_ = (here / '{me}').write_text(str(os.getpid()))\n"
        "while not (here / '{other}').exists():\n    time.sleep(0.01)"
    )
    site.add_tabs(
        wait.format(folder=str(tmp_path), me="one", other="two"),
        wait.format(folder=str(tmp_path), me="two", other="one"),
    )
    site.write(PAGE, site.text().replace("```python", "```python limit=10"))
    assert site.verify() == {"pytorch": [""], "tensorflow": [""]}
    pids = {(tmp_path / name).read_text() for name in ("one", "two")}
    assert len(pids) == 2
    assert str(os.getpid()) not in pids


def test_one_programs_mischief_does_not_reach_the_other(site: Site) -> None:
    site.add_tabs(
        "import math, os, sys\nmath.sqrt = None\nos.environ['A'] = 'b'\n"
        "os.chdir('/')\nsys.setrecursionlimit(9999)",
        "import math, os, time\ntime.sleep(0.3)\n"
        "print(math.sqrt(4.0), 'A' in os.environ, len(os.listdir()))",
        TWO_TABS + "\n    ```text\n    2.0 False 2\n    ```\n",
    )
    assert site.verify() == {"pytorch": [""], "tensorflow": [""]}


def test_what_was_left_in_the_environment_does_not_reach_a_program(
    site: Site, monkeypatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    monkeypatch.setenv("CHANGED", "1")
    site.add(
        "import os\nprint([x for x in ('PYTHONPATH', 'PYTHONSTARTUP', 'CHANGED') "
        "if x in os.environ])",
        "[]",
    )
    assert only_error(site) == ""


@pytest.mark.parametrize(
    "code",
    ["x = 1", "1 / 0", "import os; os._exit(1)", "import time; time.sleep(60)"],
    ids=["passed", "failed", "ended", "hung"],
)
def test_nothing_is_left_behind(site: Site, tmp_path: Path, monkeypatch, code: str):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    site.add(
        f"import tempfile\nopen(tempfile.mkstemp()[1], 'w').write('b')\n"
        f"open('a', 'w').write('b')\n{code}",
        info="limit=0.5",
    )
    site.errors()
    assert list(folder.iterdir()) == []
    assert sorted(x.name for x in site.root.iterdir() if x.name != ".cache") == [
        "data",
        "docs",
        "snippets",
    ]


# --- each framework stands alone


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch) -> Path:
    """Let programs run in an empty environment; return where its packages belong."""
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    monkeypatch.setattr(sys, "executable", str(folder / "bin" / "python"))
    return next(folder.glob("lib/python*/site-packages"))


IMPORTS = {
    "pytorch": "import torch\nprint(torch.__name__)\nimport tensorflow",
    "tensorflow": "import tensorflow, keras\nprint(keras.__name__)\nimport torch",
}
OUTPUTS = {
    "pytorch": "torch\nModuleNotFoundError: No module named 'tensorflow'",
    "tensorflow": "keras\nModuleNotFoundError: No module named 'torch'",
}


FAKE = {  # as much of each as is asked for a GPU
    "torch": "class cuda:\n    is_available = lambda: False\n\n"
    "class backends:\n    mps = cuda\n",
    "tensorflow": "class config:\n    list_physical_devices = lambda kind: []\n",
    "keras": "",
}


@pytest.mark.parametrize("present", ["own framework", "both frameworks"])
@pytest.mark.parametrize("framework", ["pytorch", "tensorflow"])
def test_program_runs_without_the_other_framework(
    site: Site, interpreter: Path, framework: str, present: str
) -> None:
    packages = {"pytorch": ["torch"], "tensorflow": ["tensorflow", "keras"]}
    for name, names in packages.items():
        if present == "both frameworks" or name == framework:
            for package in names:
                (interpreter / f"{package}.py").write_text(FAKE[package])
    site.add(IMPORTS[framework], OUTPUTS[framework], "raises")
    label = {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}[framework]
    site.write(PAGE, site.text().replace("PyTorch", label))
    assert site.verify() == {framework: [""]}


def test_program_that_needs_both_frameworks_sees_both(
    site: Site, interpreter: Path
) -> None:
    for package in ("torch", "tensorflow"):
        (interpreter / f"{package}.py").write_text(FAKE[package])
    site.add("import torch, tensorflow", None)
    page = site.text().replace('=== "PyTorch"\n', "").replace("python", "python both")
    site.write(PAGE, dedent(page))
    assert site.verify() == {"both": [""]}


def test_the_other_framework_seems_not_installed(site: Site, interpreter: Path) -> None:
    (interpreter / "tensorflow.py").write_text("")
    (interpreter / "both.py").write_text(
        "try:\n    import tensorflow\nexcept ImportError:\n    tensorflow = 'absent'\n"
    )
    site.add(
        "import importlib.util, sys\nfrom both import tensorflow\n"
        "print(tensorflow, importlib.util.find_spec('tensorflow'))\n"
        "print('tensorflow' in sys.modules)",
        "absent None\nFalse",
    )
    assert only_error(site) == ""


# --- results


def test_page_with_a_fault_runs_nothing(site: Site, tmp_path: Path) -> None:
    site.add(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    site.write(PAGE, site.text() + '\n--8<-- "none.py:x"\n')
    assert only_error(site).startswith("docs/page.md:7: ")
    assert not (tmp_path / "ran").exists()


def test_passed_program_has_a_stamp_with_what_was_verified(site: Site) -> None:
    site.add("print(1)", "1")
    site.add("x = 1")
    program = site.page().programs[0]
    with Verifier(site.root, use_cache=False) as verifier:
        [run] = verifier.start([program])
        assert run.failures == []
    facts = run.stamp
    assert (facts["page"], facts["framework"]) == ("page.md", "pytorch")
    assert (facts["blocks"], facts["outputs"]) == (2, 1)
    assert facts["peak_bytes"] > 1_000_000
    assert facts["seconds"] == round(facts["seconds"], 1) >= 0
    took = f"ran in {facts['seconds']} s on {facts['device']}"
    assert report(run) == f"{program.name}: 2 blocks, 1 outputs, {took}"


class Library:
    """Stands for a framework: answers every question with the same, or as told."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers

    def __getattr__(self, name: str):
        if name not in self.answers:
            return self
        answer = self.answers[name]
        return answer if callable(answer) else lambda *_: answer


@pytest.mark.parametrize(
    ("name", "answers", "seen"),
    [
        ("none", {}, "CPU"),
        ("torch", {"is_available": False}, "CPU"),
        ("torch", {"is_available": True, "get_device_name": "H100"}, "H100"),
        ("tensorflow", {"list_physical_devices": []}, "CPU"),
        (
            "tensorflow",
            {
                "list_physical_devices": ["GPU:0", "GPU:1"],
                "get_device_details": lambda gpu: {"device_name": f"H100, {gpu}"},
            },
            "H100, GPU:0",
        ),
    ],
)
def test_device_is_what_the_framework_sees(
    monkeypatch, name: str, answers: dict, seen: str
) -> None:
    for other in ("torch", "tensorflow"):
        monkeypatch.delitem(sys.modules, other, raising=False)
    monkeypatch.setitem(sys.modules, name, Library(**answers))
    assert device() == seen


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_memory_is_what_the_system_counted_where_there_is_no_proc(
    monkeypatch, platform: str, unit: int
) -> None:
    def missing(path: str, *_: object) -> None:
        raise FileNotFoundError(path)

    monkeypatch.setattr(child, "open", missing, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    counted = SimpleNamespace(ru_maxrss=5)
    monkeypatch.setattr(resource, "getrusage", lambda who: counted)
    assert peak() == 5 * unit


def test_device_of_the_stamp_is_what_the_program_saw(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(machine, "device", lambda: "a GPU that it did not see")
    site.add("x = 1")
    program = site.page().programs[0]
    with Verifier(site.root, use_cache=False) as verifier:
        [run] = verifier.start([program])
        assert run.failures == []
    assert run.stamp["device"] == "CPU"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it in a file")
def test_memory_is_the_most_that_the_kernel_counted() -> None:
    before = peak()
    lines = Path("/proc/self/status").read_text().splitlines()
    (held,) = [int(x.split()[1]) for x in lines if x.startswith("VmHWM:")]  # in KiB
    assert before <= 1024 * held <= peak()
