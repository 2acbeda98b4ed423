"""The speed benchmark refuses what does not agree, and tells what it timed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import chapters, declared, parity, speed
from pagecode.book import measured
from pagecode.book.data import stand_ins
from pagecode.frameworks import FRAMEWORKS, selected

ROOT = Path(__file__).parent.parent
LINE = "Epoch: 001/001 | Train ACC: 87.98% | Cost: 0.4689"
OWN, OTHER = ("pytorch", "by hand"), ("tensorflow", "fast")
RACES = {c: speed.Race(**declared(c).SPEED) for c in chapters().values()}
NAMES = ("logistic_regression", "softmax_regression", "character_rnn")
LOGISTIC, SOFTMAX, RNN = (RACES[name] for name in NAMES)
SERVER = """
from benchmarks.worker import serve
def prepare():
    calls = []
    def run():
        calls.append(1)
        print("a line")
        return len(calls)
    return run, lambda lines, count: {"lines": [*lines, f"{count} calls"]}
serve({"race": {"one": prepare, "two": prepare}})
"""


def found(*lines):
    return {"lines": list(lines)}


def test_equal_numbers_agree_to_the_last_digit() -> None:
    near = LINE.replace("87.98", "87.99").replace("0.4689", "0.4688")
    speed.require_agreement({OWN: found(LINE), OTHER: found(near)})


def test_another_number_is_refused_and_both_are_named() -> None:
    far = LINE.replace("0.4689", "0.4691")
    with pytest.raises(
        ValueError, match="tensorflow fast: not the lines of pytorch"
    ) as e:
        speed.require_agreement({OWN: found(LINE), OTHER: found(far)})
    assert LINE in str(e.value)
    assert far in str(e.value)


def test_a_missing_line_is_refused() -> None:
    with pytest.raises(ValueError, match="not the lines of"):
        speed.require_agreement({OWN: found(LINE, LINE), OTHER: found(LINE)})


def test_what_nothing_is_comparable_with_is_refused() -> None:
    both = {OWN: found(LINE), OTHER: found(LINE)}
    alone = {("pytorch", "new"): {"losses": ["1.0"]}}
    with pytest.raises(ValueError, match="nothing to compare pytorch new with"):
        speed.require_agreement(both | alone)
    floor = {("numpy", "the products alone"): None}
    speed.require_agreement(both | floor)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (12345.6, "12,300"),
        (123.4, "123"),
        (12.34, "12.3"),
        (1.234, "1.23"),
        (0.3542, "0.35"),
        (0.0234, "0.023"),
    ],
)
def test_numbers_have_three_digits_or_two(value, written) -> None:
    assert speed.number(value) == written


def test_spread_is_the_median_and_the_quartiles() -> None:
    assert speed.spread(np.array([1.0, 2.0, 3.0, 4.0, 100.0])) == "3.00 (2.00–4.00)"


def test_ratios_are_taken_round_by_round() -> None:
    slow = {("pytorch", "by hand"): np.array([2.0, 20.0, 4.0])}
    seconds = slow | {("pytorch", "fast"): np.array([1.0, 10.0, 2.0])}
    head, first, second = speed.table_of(LOGISTIC, {"one thread": seconds}, {})
    assert head == ["way", "µs per epoch, one thread", "times faster"]
    assert first[2] == "1"
    assert second[0] == "PyTorch, fast"
    assert second[2] == "2.00 (2.00–2.00)"


def test_a_floor_has_no_ratio_where_each_framework_is_its_own_baseline() -> None:
    seconds = {("pytorch", "by hand"): np.array([2.0])}
    seconds |= {("numpy", "the products alone"): np.array([0.5])}
    table = speed.table_of(RACES["multilayer_perceptron"], {"one thread": seconds}, {})
    assert [row[2] for row in table[1:]] == ["1", "–"]
    picture = speed.draw_ratios({"Multilayer perceptron": table})
    assert [x.get_text() for x in picture.axes[0].get_yticklabels()] == [
        "PyTorch, by hand"
    ]


def test_a_batch_of_64_is_counted_as_64_portions() -> None:
    base = {("pytorch", "a call per character"): np.array([6.4])}
    seconds = base | {("pytorch", "fast, batch of 64"): np.array([64.0])}
    *_, row = speed.table_of(RNN, {"one thread": seconds}, {})
    assert row[2] == "6.40 (6.40–6.40)"


def test_a_chapter_shows_its_own_variants_on_one_thread() -> None:
    names = ["image by image", "loader of batches", "fast"]
    seconds = {("pytorch", name): np.array([2.0]) for name in names}
    runs = {"one thread": seconds, "two threads": seconds}
    rows = speed.chapters_rows(SOFTMAX, speed.table_of(SOFTMAX, runs, {}))
    labels = ["way", "PyTorch, image by image", "PyTorch, fast"]
    assert [row[0] for row in rows] == labels
    assert {len(row) for row in rows} == {3}


def test_what_did_not_run_in_a_setup_has_a_dash() -> None:
    base = {("pytorch", "image by image"): np.array([2.0])}
    cpu = base | {("numpy", "fast"): np.array([1.0])}
    peaks = dict.fromkeys(cpu, 5e8)
    *_, row = speed.table_of(SOFTMAX, {"one thread": cpu, "on a GPU": base}, peaks)
    assert row[3:] == ["–", "–", "500"]


def test_slope_is_the_exponent_of_the_growth() -> None:
    seconds = {("pytorch", f"fast|{n}"): np.array([3e-6 * n**2]) for n in (10, 40, 90)}
    ((label, (sizes, _, slope)),) = speed.growth_of(seconds).items()
    assert (label, sizes.tolist()) == ("PyTorch, fast", [10, 40, 90])
    assert slope == pytest.approx(2)


def test_worker_prepares_once_and_runs_as_often_as_asked() -> None:
    asked = [("one", 1), ("one", 5), ("two", 2)]
    lines = [{"race": "race", "variant": x, "loops": n} for x, n in asked]
    done = subprocess.run(
        [sys.executable, "-c", SERVER],
        input="".join(json.dumps(x) + "\n" for x in lines),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    listed, *answers = [json.loads(x) for x in done.stdout.splitlines()]
    assert listed["races"] == {"race": ["one", "two"]}
    assert listed["files"] == ["benchmarks/__init__.py", "benchmarks/worker.py"]
    told = [x["result"]["lines"] for x in answers]
    assert told == [["a line", f"{count} calls"] for count in (1, 6, 2)]
    assert all(x["seconds"] > 0 for x in answers)


def test_a_worker_that_ends_is_reported_with_its_last_words() -> None:
    setup = speed.Setup("one thread", 1)
    with pytest.raises(RuntimeError, match=r"none in pytorch ended with status 1") as e:
        speed.Worker("none", "pytorch", setup, 100)
    assert "No module named 'snippets.none'" in str(e.value)


@pytest.mark.parametrize("chapter", RACES)
@pytest.mark.parametrize("framework", FRAMEWORKS.values())
def test_every_race_names_a_baseline_and_rows_that_are_timed(
    chapter: str, framework: str
) -> None:
    if framework not in selected():
        pytest.skip(f"FRAMEWORK leaves {framework} out")
    if stand_ins(ROOT):
        pytest.skip("stand-ins are in use: numbers do not count")
    with speed.Worker(chapter, framework, speed.Setup("", 1), 512) as worker:
        timed = worker.listed["races"]
        files = worker.listed["files"]
    with speed.Worker(chapter, "numpy", speed.Setup("", 1), 512) as worker:
        floor = worker.listed["races"].get("speed", ())
    race = RACES[chapter]
    base, name = race.baseline_of(framework)
    assert name in timed["speed"] or base != framework
    assert {*race.chapter} <= {*timed["speed"], *floor}
    assert bool(race.growth) == ("growth" in timed)
    assert {*race.work} <= {*timed["speed"]}
    assert f"snippets/{chapter}/ways.py" in files
    own = {x for x in files if x.startswith(f"snippets/{chapter}/")}
    modules = [x[:-3].replace("/", ".") for x in own if not x.endswith("/ways.py")]
    needed = {"snippets/__init__.py", *own, *measured.imported(modules, ROOT)}
    packages = {f"{Path(x).parent}/__init__.py" for x in needed}
    # Another chapter makes nothing stale, unless this one's code imports it.
    assert {x for x in files if x.startswith("snippets/")} <= needed | packages


def test_only_pages_with_ways_can_be_measured() -> None:
    assert list(chapters())[:5] == [  # in the order of the book
        "models/logistic-regression.md",
        "models/softmax-regression.md",
        "models/multilayer-perceptron.md",
        "models/convolutional-network.md",
        "models/residual-network.md",
    ]
    one = chapters("models/character-rnn.md")
    assert one == {"models/character-rnn.md": "character_rnn"}
    with pytest.raises(
        SystemExit, match=r"measured of index\.md, but of\n  models/log"
    ):
        chapters("index.md")


def test_what_other_chapters_folders_hold_counts_where_it_is_imported() -> None:
    files = {
        "benchmarks/parity.py",
        "pagecode/files.py",
        "snippets/same_numbers/batches.py",
        "snippets/logistic_regression/ways.py",
        "snippets/logistic_regression/data.py",
        "snippets/softmax_regression/data.py",
    }
    strange = {"pagecode/files.py", "snippets/softmax_regression/data.py"}
    assert parity.strange(files, "logistic_regression") == strange


def test_numbers_are_read_back_from_a_cell() -> None:
    assert speed.numbers("1,230 (1,000–2,500)") == [1230.0, 1000.0, 2500.0]
    assert speed.numbers("1") == [1.0, 1.0, 1.0]
