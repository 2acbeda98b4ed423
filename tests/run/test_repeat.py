"""Runs that differ, grow or leave something behind are told."""

import itertools
import os
import re

import pytest

from pagecode.run import repeat
from pagecode.run.process import Result
from tests.conftest import PAGE, Site
from tests.conftest import run as command

# What a block may do to be another in each round: `n` is 0, 1, 2 …
COUNT = (
    "import os\nn = len(os.listdir({root!r} + '/data'))\n"
    "open({root!r} + f'/data/{{n}}', 'w').close()"
)


def run(site: Site, monkeypatch, *words: str) -> int:
    """Run a command of pagecode in the project; return its exit status."""
    monkeypatch.setenv("THREADS", "1")
    monkeypatch.setenv("TMPDIR", os.environ.get("TMPDIR", "/tmp"))  # put back after it
    monkeypatch.chdir(site.root)
    return command(monkeypatch, *words)


def test_same_outputs_are_told(site: Site, monkeypatch, capsys) -> None:
    site.add("print(1.25)", "1.25")
    site.add("import time\nprint(time.time())", "1", output="varies")
    assert run(site, monkeypatch, "determinism") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:4] == [f"  {x} threads: 0 differences" for x in "1122"]
    assert said[4] == (
        "2 blocks made the same in 4 runs, to the letter; "
        "1 of them may vary and were not compared"
    )


def test_output_that_follows_the_threads_is_told(
    site: Site, monkeypatch, capsys
) -> None:
    """Also where verify would let it pass: it is one unit of the last digit."""
    site.add("import os\nprint(f\"1.{os.environ['OMP_NUM_THREADS']}\")", "1.1")
    assert run(site, monkeypatch, "determinism") == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        *["  1 threads: 0 differences"] * 2,
        *["  2 threads: 1 differences"] * 2,
    ]
    assert err.splitlines()[:3] == [
        "with 2 threads: pytorch docs/page.md:3",
        "  first     1.1",
        "  now       1.2",
    ]


def test_picture_that_follows_the_threads_is_told(
    site: Site, monkeypatch, capsys
) -> None:
    site.add(
        "import os\nimport matplotlib.pyplot as plt\n"
        "_ = plt.plot([0, int(os.environ['OMP_NUM_THREADS'])])"
    )
    site.write(PAGE, site.text() + "\n    ![A line](figures/page-1.svg)\n")
    assert site.record() == 1
    assert run(site, monkeypatch, "determinism") == 1
    place = "with 2 threads: pytorch docs/page.md:3"
    assert (
        f"{place}\n  differs   axes 1, ytick 1, text 7: its text"
        in capsys.readouterr().err
    )


def test_output_that_is_wrong_is_told(site: Site, monkeypatch, capsys) -> None:
    site.add("print(2)", "1")
    assert run(site, monkeypatch, "determinism") == 1
    assert "docs/page.md:8: not what the block prints" in capsys.readouterr().err


def test_what_differs_is_told_beside_what_failed() -> None:
    def made(text: str, figures: int = 0) -> Result:
        return Result(text, None, [], figures * ["<svg/>"], 1, [])

    first = repeat.Round({"a": made("1"), "b": made("1")}, set(), [])
    other = repeat.Round({"b": made("2\n2", figures=1)}, set(), ["a fails"])
    told = ["a fails", "b\n  first     1\n  now       2"]
    assert repeat.differences(first, other) == told


def test_one_page_can_be_chosen(site: Site, monkeypatch, capsys) -> None:
    site.add("print(2)", "1")
    site.write("docs/other.md", site.text(PAGE).replace("    1\n", "    2\n"))
    assert run(site, monkeypatch, "determinism", "other.md") == 0
    assert run(site, monkeypatch, "soak", "other.md", "--times", "2") == 0
    assert "1 blocks held 2 times" in capsys.readouterr().out


def test_soak_runs_ten_times_unless_told(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(repeat, "soak", lambda pages, root, times: times)
    assert run(site, monkeypatch, "soak") == 10


def test_what_stays_the_same_holds(site: Site, monkeypatch, capsys) -> None:
    site.add("open('here', 'w').close()\nprint(1)", "1")
    assert run(site, monkeypatch, "soak", "--times", "3") == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 4
    sizes = [re.findall(r"\d+(?= MiB)", line) for line in said[:3]]
    assert all(0 < int(size) < 4096 for both in sizes for size in both)
    assert said[3] == "1 blocks held 3 times"
    assert run(site, monkeypatch, "soak", "--times", "1") == 0
    assert "1 blocks held 1 times" in capsys.readouterr().out


def test_page_without_programs_takes_no_memory() -> None:
    assert repeat.Round({}, set(), []).peak == 0


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("open({root!r} + '/new.txt', 'w').close()", "new.txt: this file is new"),
        (
            "import os, tempfile\n"
            "_ = tempfile.mkdtemp(dir=os.path.abspath('../..'), prefix='lost')",
            ": this temporary file is left",
        ),
        (
            COUNT + "\nif n > 1: print(n)",
            "no output shows what this block prints",
        ),
    ],
    ids=["in the project", "in the temporary folder", "what makes it drift"],
)
def test_what_stays_behind_is_told(
    site: Site, monkeypatch, capsys, code: str, told: str
) -> None:
    site.add(code.format(root=str(site.root)))
    assert run(site, monkeypatch, "soak", "--times", "3") == 1
    assert told in capsys.readouterr().err


def test_output_that_drifts_within_its_room_is_told(
    site: Site, monkeypatch, capsys
) -> None:
    count = COUNT.format(root=str(site.root))
    site.add(f"{count}\nprint(1 + n / 1e4)", "1.0")
    assert run(site, monkeypatch, "soak", "--times", "2") == 1
    assert "first     1.0\n  now       1.0001" in capsys.readouterr().err


def test_growing_memory_is_told(site: Site, monkeypatch, capsys) -> None:
    site.add("x = 1")
    sizes = itertools.count(100 << 20, 20 << 20)
    monkeypatch.setattr(repeat, "memory", lambda: next(sizes))
    monkeypatch.setattr(repeat.Round, "peak", 7 << 20)
    assert run(site, monkeypatch, "soak", "--times", "3") == 1
    told = f"memory: {120 << 20} after the second time, {140 << 20} at the end\n"
    out, err = capsys.readouterr()
    assert told in err
    for number, size in enumerate((100, 120, 140), 1):
        assert f"  {number}: {size} MiB, its programs up to 7 MiB\n" in out


def test_file_that_is_left_open_is_told(site: Site, monkeypatch, capsys) -> None:
    site.add("x = 1")
    opened: list[int] = []
    original = repeat.memory

    def leak() -> int:
        opened.append(os.open(os.devnull, os.O_RDONLY))
        return original()

    monkeypatch.setattr(repeat, "memory", leak)
    assert run(site, monkeypatch, "soak", "--times", "3") == 1
    assert "open files: " in capsys.readouterr().err
    for descriptor in opened:
        os.close(descriptor)
