"""What the head tables show: every row trained with all seeds, in both frameworks."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import judged, results
from benchmarks.worker import peak_bytes
from pagecode.book import measured
from pagecode.book.data import stand_ins
from pagecode.frameworks import FRAMEWORKS, selected

ROOT = Path(__file__).parent.parent
DECLARED = {"results": results.declaring(), "judged": judged.judging()}
ABOUT = {"seeds": 3, "unit": "%", "digits": 1, "yardstick": "[70 %](https://x.org)"}
SERVER = """
from benchmarks.results import work
def reach(seed):
    print("a line that is no answer")
    return 10, 1 / (seed + 1)
work({"model": reach})
"""
WAYS = """
RESULTS = {"model": {"seeds": 2, "unit": "", "digits": 2, "yardstick": "1"}}
def results(framework):
    with open("NOTED", "a") as file:
        file.write(framework + "\\n")
    def reach(seed):
        with open("NOTED", "a") as file:
            file.write(f"{seed}\\n")
        return 10, seed + 0.5
    return {"ROW": reach}
"""


def runs(values=(67.0, 68.0, 69.0), parameters=10, seconds=(1.0, 2.0, 9.0), peak=5e8):
    """Return what one framework's runs of a row told."""
    always = {"parameters": parameters, "peak": peak}
    pairs = zip(values, seconds, strict=True)
    return [always | {"value": value, "seconds": x} for value, x in pairs]


def test_a_row_has_means_deviations_and_median_seconds_of_both_frameworks() -> None:
    both = {"pytorch": runs(), "tensorflow": runs(values=(60.0, 60.0, 66.0))}
    line = results.cells("MLP", ABOUT, both)
    assert dict(zip(results.HEAD[:3], line, strict=False)) == {
        "model": "MLP", "parameters": "10", "seeds": "3",
    }  # fmt: skip
    assert dict(zip(results.HEAD[3:], line[3:], strict=True)) == {
        "PyTorch": "68.0 ± 1.0 %<br>2.00 CPU s",
        "TensorFlow": "62.0 ± 3.5 %<br>2.00 CPU s",
        "yardstick": ABOUT["yardstick"],
    }


def test_large_numbers_can_be_read() -> None:
    both = dict.fromkeys(["pytorch", "tensorflow"], runs(parameters=1_234_567))
    assert results.cells("MLP", ABOUT, both)[1] == "1,234,567"
    assert results.spread([1000, 3000], 0, "") == "2,000 ± 1,414"


def test_different_numbers_of_parameters_are_refused() -> None:
    both = {"pytorch": runs(), "tensorflow": runs(parameters=12)}
    said = r"MLP: not the same number of parameters: PyTorch \[10\], TensorFlow \[12\]"
    with pytest.raises(ValueError, match=said):
        results.cells("MLP", ABOUT, both)
    with pytest.raises(ValueError, match=r"PyTorch \[10, 11\]"):
        results.one_number("MLP", {"pytorch": [*runs(), *runs(parameters=11)]})


def test_what_is_no_number_is_refused() -> None:
    both = {"pytorch": runs(), "tensorflow": runs(values=(1.0, float("nan"), 2.0))}
    with pytest.raises(ValueError, match="TensorFlow, MLP: not all runs ended with a"):
        results.cells("MLP", ABOUT, both)
    with pytest.raises(ValueError, match="a deviation needs two seeds"):
        results.spread([1.0], 1, "%")


def test_a_row_can_ask_for_another_table() -> None:
    rows = {"one": ABOUT, "two": ABOUT | {"table": "shuffled"}, "three": ABOUT}
    both = dict.fromkeys(["pytorch", "tensorflow"], dict.fromkeys(rows, runs()))
    tables = results.tables_of(rows, both)
    assert {name: [x[0] for x in table] for name, table in tables.items()} == {
        "table": ["model", "one", "three"],
        "costs": ["model", "one", "three"],
        "shuffled": ["model", "two"],
    }


def test_costs_are_medians_and_unknown_memory_is_said() -> None:
    both = {"pytorch": runs(), "tensorflow": runs(peak=None)}
    assert dict(zip(results.COSTS, results.costs("MLP", both), strict=True)) == {
        "model": "MLP",
        "parameters": "10",
        "PyTorch, CPU seconds": "2.00",
        "PyTorch, memory in MB": "500",
        "TensorFlow, CPU seconds": "2.00",
        "TensorFlow, memory in MB": "–",
    }


def test_the_largest_memory_is_that_of_one_training() -> None:
    before = bytearray(300_000_000)
    before[::4096] = b"x" * len(before[::4096])
    held = peak_bytes()
    del before
    results.forget_peak()
    assert held is None or peak_bytes() < held - 200_000_000


def test_worker_trains_what_it_is_asked_for() -> None:
    asked = [{"row": "model", "seed": seed} for seed in (1, 3)]
    done = subprocess.run(
        [sys.executable, "-c", SERVER],
        input="".join(json.dumps(x) + "\n" for x in asked),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    listed, *answers = [json.loads(x) for x in done.stdout.splitlines()]
    files = sorted(results.HARNESS)
    assert listed == {"rows": ["model"], "files": files}
    assert [(x["parameters"], x["value"]) for x in answers] == [(10, 0.5), (10, 0.25)]
    assert all(x["seconds"] > 0 and x["files"] == files for x in answers)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return what writes a chapter `tiny` into a project of its own: its row's name."""
    for name in ("pagecode", "benchmarks", "mkdocs.yml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "snippets/tiny").mkdir(parents=True)
    monkeypatch.setattr(results, "ROOT", tmp_path)

    def write(row: str = "model") -> SimpleNamespace:
        ways = WAYS.replace("ROW", row).replace("NOTED", str(tmp_path / "noted"))
        (tmp_path / "snippets/tiny/ways.py").write_text(ways)
        module = SimpleNamespace(__name__="snippets.tiny.ways")
        exec(ways, vars(module))
        return module

    return write


def test_what_was_trained_is_not_trained_again(project, tmp_path, capsys) -> None:
    tiny, noted = project(), tmp_path / "noted"
    found, files = results.train(tiny, "pytorch")
    assert [x["value"] for x in found["model"]] == [0.5, 1.5]
    assert "snippets/tiny/ways.py" in files
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("PyTorch, model, 2 of 2: 1.50 in 0.0")
    assert results.train(tiny, "pytorch")[0] == found
    assert noted.read_text().split() == ["pytorch", "0", "1", "pytorch"]
    ways = tmp_path / "snippets/tiny/ways.py"
    ways.write_text(ways.read_text() + "x = 1\n")  # other code: all is trained anew
    results.train(tiny, "pytorch")
    assert noted.read_text().split()[4:] == ["pytorch", "0", "1"]


def test_rows_that_are_only_declared_or_only_trained_are_named(project) -> None:
    said = r"snippets\.tiny\.ways: 'another' is not in its RESULTS"
    with pytest.raises(ValueError, match=said):
        results.train(project("another"), "tensorflow")
    tiny = project()
    tiny.RESULTS |= {"a third": ABOUT}
    with pytest.raises(
        ValueError, match=r"'a third' is not in its results\('pytorch'\)"
    ):
        results.train(tiny, "pytorch")


def test_a_training_that_fails_is_reported_with_its_last_words(project) -> None:
    tiny = project()
    tiny.__name__ = "snippets.none.ways"
    with pytest.raises(
        RuntimeError, match=r"none\.ways in pytorch ended with status 1"
    ) as e:
        results.train(tiny, "pytorch")
    assert "No module named 'snippets.none'" in str(e.value)


def test_both_frameworks_tables_and_picture_are_written(
    project, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(measured, "version", "{} 1.2".format)  # not all have both
    tiny = project()
    tiny.draw_results = draw
    results.measure("models/tiny.md", tiny)
    facts = measured.read(measured.place("models/tiny.md", "results"), tmp_path)
    [head, row] = facts["tables"]["table"]
    assert (head, row[:3]) == (results.HEAD, ["model", "10", "2"])
    assert all(x.startswith("1.00 ± 0.71<br>0.0") for x in row[3:5])
    assert facts["again"] == "make results PAGE=models/tiny.md"
    assert not facts["stale"]
    assert {*results.HARNESS, "snippets/tiny/ways.py"} <= {*facts["sources"]}
    assert "</svg>" in (tmp_path / "docs/models/tiny/measured/results.svg").read_text()
    assert "| model | 10 | 2 | 1.00 ± 0.71<br>0.0" in capsys.readouterr().out


def draw(runs):
    """Draw the values of both frameworks' runs."""
    import matplotlib.pyplot as plt

    picture, axis = plt.subplots()
    for name, rows in runs.items():
        axis.plot([x["value"] for x in rows["model"]], label=name)
    return picture


def test_a_page_is_found_in_its_folder() -> None:
    assert results.page_of("multilayer_perceptron") == "models/multilayer-perceptron.md"
    assert results.page_of("same_numbers") == "compare/same-numbers.md"
    assert results.page_of("not_there") == "models/not-there.md"
    with pytest.raises(
        SystemExit, match=r"no results are declared of index\.md, but of"
    ):
        results.declaring("index.md")


every_table = pytest.mark.parametrize(
    ("kind", "page"), [(kind, page) for kind in DECLARED for page in DECLARED[kind]]
)


@every_table
def test_every_row_has_three_seeds_or_more_and_a_yardstick(kind, page) -> None:
    for about in DECLARED[kind][page].RESULTS.values():
        assert about["seeds"] >= 3
        assert about["yardstick"]


@every_table
@pytest.mark.parametrize("framework", FRAMEWORKS.values())
def test_every_declared_row_can_be_trained(kind, page, framework: str) -> None:
    if framework not in selected():
        pytest.skip(f"FRAMEWORK leaves {framework} out")
    if stand_ins(ROOT):
        pytest.skip("stand-ins are in use: numbers do not count")
    module = DECLARED[kind][page]
    with results.Worker(module.__name__, framework) as worker:
        assert worker.answer()["rows"] == [*module.RESULTS]


@every_table
def test_the_pages_table_is_of_this_code_and_shown(kind, page) -> None:
    facts = measured.read(measured.place(page, kind), ROOT)
    assert not facts["stale"]
    text = (ROOT / "docs" / page).read_text("utf-8")
    for name in facts["tables"].keys() - {"costs"}:
        assert f"<!-- measured: {kind} {name} -->" in text
