"""An unchanged program is not run again; it is where what it stands on has changed.

What cannot change its output does not run it again.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from textwrap import indent

import pytest

from pagecode.prove import inputs, keys, packages
from pagecode.prove.verify import Verifier
from pagecode.run import machine
from tests.conftest import CODE, PAGE, Site

ROOT = Path(__file__).parents[2]
SHOWN = "0.25"


class Counted(Site):
    """A project whose one program notes each of its runs."""

    def lay(self, code: str = "") -> None:
        """Write two blocks, of which the first leaves a mark outside the project."""
        mark = (
            f"with open({str(self.marks)!r}, 'a') as marks:\n    _ = marks.write('x')"
        )
        self.add(mark, info="limit=30")
        self.add(f"{code}print(0.25)", SHOWN)

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


def test_empty_line_between_includes_does_not_tie_a_program_to_its_prose(
    site: Site,
) -> None:
    site.add("x = 1")
    site.add("print(x)", "1")
    page = site.text().replace(
        '--8<-- "code.py:s2"', '--8<-- "code.py:s1"\n\n    --8<-- "code.py:s2"'
    )
    site.write(PAGE, page)
    [program] = site.page().programs
    assert "" in program.blocks[1].text.split("\n")
    before = keys.key(program, site.root)
    site.write(PAGE, f"# Title\n\nProse.\n\n{page}")
    [program] = site.page().programs
    assert keys.key(program, site.root) == before


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
    assert (
        "snippets/deep.py" in keys.content(program, site.root, modules=True)["modules"]
    )


# --- data


def write(counted: Counted, text: str = "two words\n") -> None:
    counted.write("elsewhere/words.txt", text)


def edit(counted: Counted) -> None:
    write(counted, "two other words\n")


def touch(counted: Counted) -> None:
    write(counted)
    os.utime(counted.root / "elsewhere" / "words.txt", (1, 1))


def replace_by_a_link(counted: Counted) -> None:
    folder = counted.root / "data" / "copy"
    (folder / "words.txt").unlink()
    (folder / "words.txt").symlink_to(counted.root / "elsewhere" / "words.txt")


def turn_the_link(counted: Counted) -> None:
    counted.write("nowhere/words.txt", "two other words\n")
    (counted.root / "data" / "corpus").unlink()
    (counted.root / "data" / "corpus").symlink_to(counted.root / "nowhere")


def remove(counted: Counted) -> None:
    (counted.root / "elsewhere" / "words.txt").unlink()


def add_beside(counted: Counted) -> None:
    counted.write("elsewhere/more.txt", "more")


def edit_beside(counted: Counted) -> None:
    counted.write("data/copy/other.txt", "less")


def add_of_another_page(counted: Counted) -> None:
    counted.write("data/another/images", "abc")


READ = "open('data/{}/words.txt').read()"
LINKED, COPIED = READ.format("corpus"), READ.format("copy")
CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {LINKED!r}])"
SOUGHT = "import os\nos.path.exists('data/corpus/more.txt')"
TRIED = "try:\n    open('data/corpus/more.txt')\nexcept OSError:\n    pass"
LISTED = "import os\nos.listdir('data/corpus')"
SOUGHT_FOLDER = "from pathlib import Path\n(Path('data') / 'another').is_dir()"
DATA = [  # what a program does; what changes; whether it runs again
    (LINKED, edit, True),
    (LINKED, turn_the_link, True),
    (LINKED, remove, True),
    (LINKED, touch, False),
    (LINKED, add_beside, False),
    (LINKED, edit_beside, False),
    (LINKED, add_of_another_page, False),
    (COPIED, edit_beside, False),
    (COPIED, replace_by_a_link, False),
    (CHILD, edit, True),
    (CHILD, edit_beside, False),
    (SOUGHT, add_beside, True),
    (SOUGHT, edit, False),
    (TRIED, add_beside, True),
    (LISTED, add_beside, True),
    (LISTED, remove, True),
    (LISTED, edit, False),
    (SOUGHT_FOLDER, add_of_another_page, True),
    (SOUGHT_FOLDER, add_beside, False),
    ("", edit, False),
]


@pytest.mark.parametrize(("code", "change", "again"), DATA)
def test_data_that_it_uses_run_it_again_and_no_others(
    site: Site, code: str, change, again: bool
) -> None:
    counted = Counted(site.root)
    write(counted)
    counted.write("data/copy/words.txt", "two words\n")
    counted.write("data/copy/other.txt", "more")
    (counted.root / "data" / "corpus").symlink_to(counted.root / "elsewhere")
    quiet = (
        f"import contextlib\nwith contextlib.suppress(OSError):\n{indent(code, '    ')}"
    )
    counted.lay(f"{quiet}\n    pass\n")
    assert [counted.runs(), counted.runs()] == [1, 1]
    change(counted)
    assert [counted.runs(), counted.runs()] == [1 + again, 1 + again]


def test_data_as_they_were_at_first_do_not_run_it_again(site: Site) -> None:
    counted = Counted(site.root)
    counted.write("data/words.txt", "a")
    counted.lay("_ = open('data/words.txt').read()\n")
    assert counted.runs() == 1
    counted.write("data/words.txt", "b")
    assert counted.runs() == 2
    counted.write("data/words.txt", "a")
    assert counted.runs() == 2


def test_data_that_change_while_it_runs_are_not_what_passed(site: Site) -> None:
    counted = Counted(site.root)
    file = counted.write("data/words.txt", "a")
    code = "_ = open('data/words.txt').read()"
    counted.lay(f"{code}\nwith open({str(file)!r}, 'a') as f:\n    _ = f.write('b')\n")
    assert [counted.runs(), counted.runs()] == [1, 2]


def test_data_are_read_again_only_where_they_may_have_changed(
    tmp_path: Path, monkeypatch
) -> None:
    file, now = tmp_path / "words.txt", time.time_ns()
    found, read = [], []
    monkeypatch.setattr(inputs, "sha256", lambda x: read.append(x) or x.read_text())
    for seconds, text in ((0, "a"), (0, "b"), (10, "b"), (20, "b"), (30, "c")):
        if not file.exists() or file.read_text() != text:
            file.write_text(text)  # as long as before, and perhaps in the same moment
            os.utime(file, (1, 1))
        monkeypatch.setattr(time, "time_ns", lambda x=seconds: now + x * 10**9)
        found.append(inputs.hash_of(file))
    assert "".join(found) == "abbbc"
    assert len(read) == 4  # not at 20 seconds


def test_link_to_a_folder_above_it_ends(site: Site) -> None:
    counted = Counted(site.root)
    counted.write("data/corpus/words.txt", "a")
    (counted.root / "data" / "corpus" / "up").symlink_to(counted.root / "data")
    assert "corpus/words.txt" in inputs.Here(counted.root).walk


# --- packages


class Packages:
    """A folder of packages that is on the path of every program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, version: str = "1.0", *needs: str) -> None:
        """Install a package with a module of its name, or upgrade it in place."""
        for old in self.folder.glob(f"{name}-*.dist-info"):
            shutil.rmtree(old)
        facts = self.folder / f"{name}-{version}.dist-info"
        facts.mkdir(parents=True)
        required = "".join(f"Requires-Dist: {x}\n" for x in needs)
        said = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}"
        (facts / "METADATA").write_text(said)
        (facts / "top_level.txt").write_text(name)
        (self.folder / f"{name}.py").write_text(f"version = {version!r}\n")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch) -> Packages:
    """Packages, some of which need others."""
    found = Packages(tmp_path / "packages")
    extras = "fast; extra == 'quick'", "lint; extra == 'dev'"
    found.install("direct", "1.0", "needed", *extras, "no requirement >= at all")
    (found.folder / "half_removed-1.0.dist-info").mkdir()
    for name in ("needed", "fast", "lint", "alone"):
        found.install(name)
    places = [*packages.places(), str(found.folder)]
    monkeypatch.setattr(packages, "places", lambda: places)
    return found


IMPORT = "import direct"
WANTED = "try:\n    import wanted\nexcept ImportError:\n    pass"
STARTED = (
    "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import alone'])"
)
PACKAGES = [  # what a program does; what is installed anew; whether it runs again
    (IMPORT, "direct", True),
    (IMPORT, "needed", True),
    (IMPORT, "fast", True),  # the project asks for direct[quick]
    (IMPORT, "lint", False),
    (IMPORT, "alone", False),
    ("import importlib\nimportlib.import_module('direct')", "needed", True),
    (WANTED, "wanted", True),
    (STARTED, "alone", True),
    (STARTED, "lint", False),
    ("import os\n_ = os.system('true; : python -m alone')", "alone", True),
    ("alone = 1", "alone", False),
]


@pytest.mark.parametrize(("code", "name", "again"), PACKAGES)
def test_packages_that_it_uses_run_it_again_and_no_others(
    site: Site, installed: Packages, code: str, name: str, again: bool
) -> None:
    counted = Counted(site.root)
    counted.write("requirements/direct.txt", "# fast\ndirect[quick]==1.0 # fast\n")
    counted.lay(f"import sys\nsys.path.append({str(installed.folder)!r})\n{code}\n")
    assert [counted.runs(), counted.runs()] == [1, 1]
    installed.install(name, "1.1")
    assert [counted.runs(), counted.runs()] == [1 + again, 1 + again]


def test_packages_of_pythonpath_are_none_of_a_program(
    site: Site, installed: Packages, monkeypatch, tmp_path: Path
) -> None:
    counted = Counted(site.root)
    counted.lay(
        f"import sys\nsys.path.append({str(installed.folder)!r})\nimport direct\n"
    )
    assert counted.runs() == 1
    others = Packages(tmp_path / "others")
    others.install("direct", "2.0")
    monkeypatch.syspath_prepend(others.folder)
    monkeypatch.setenv("PYTHONPATH", str(others.folder))
    assert counted.runs() == 1


# --- the code that runs and compares


DRAWS = """import sys
import time
opened = []
sys.addaudithook(lambda name, args: opened.append(args[0]) if name == "open" else None)
import matplotlib.pyplot as plt
_ = plt.plot([1, 2])"""
PARENT = "import sys, pagecode.prove.verify; print(*sys.modules, sep='\\n')"


def test_code_that_runs_and_compares_is_what_a_run_loads(site: Site) -> None:
    site.add(DRAWS)
    site.write(PAGE, site.text() + "\n    ![A line](figures/page-1.svg)\n")
    site.add("print(*map(str, opened), sep='\\n')", "x", output="varies")
    site.record()
    with Verifier(site.root) as verifier:
        [run] = verifier.start(site.page().programs)
        assert run.failures == []
    *_, last = run.printed.values()
    read = re.findall(r"/pagecode/run/(?:__pycache__/)?(\w+)\.", last.text)
    done = subprocess.run(
        [sys.executable, "-c", PARENT],
        cwd=site.root,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    loaded = re.findall(r"(?m)^pagecode\.run\.(\w+)$", done.stdout)
    found = {f"run/{name}.py" for name in ("child", *read, *loaded)}
    assert "run/figure.py" in found
    assert found <= keys.code().keys()  # and what is imported later


def test_only_what_runs_and_compares_counts_of_pagecode() -> None:
    found = keys.code().keys()
    named = {"child", "figure", "compare", "judge", "process", "runner", "machine"}
    assert {f"run/{name}.py" for name in named} <= found
    assert not {"run/record.py", "run/repeat.py"} & found
    assert {name.partition("/")[0] for name in found} == {"run"}


@pytest.mark.parametrize("name", sorted(keys.code()))
def test_pagecode_runs_it_again(counted: Counted, tmp_path, monkeypatch, name: str):
    copy = shutil.copytree(ROOT / "pagecode", tmp_path / "pagecode")
    monkeypatch.setattr(keys, "PAGECODE", copy)
    program = counted.page().programs[0]
    found = []
    for _ in range(2):
        keys.code.cache_clear()
        found.append(keys.key(program, counted.root))
        with (copy / name).open("a") as file:
            file.write("\n")
    keys.code.cache_clear()
    assert found[0] != found[1]


# --- pictures, Python, the machine


def test_recorded_picture_runs_it_again(site: Site) -> None:
    site.add("x = 1")
    site.write(PAGE, site.text() + "\n    ![A line](figures/page-1.svg)\n")
    picture = site.write("docs/figures/page-1.svg", "1")
    [program] = site.page().programs
    found = [keys.key(program, site.root)]
    picture.write_text("2")
    found.append(keys.key(program, site.root))
    picture.unlink()
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
