"""What models are judged by: rows that share a training, told without its seconds."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import judged, results
from pagecode.book import measured
from pagecode.frameworks import FRAMEWORKS

ROOT = Path(__file__).parent.parent
ABOUT = {"seeds": 2, "unit": "%", "digits": 1, "yardstick": "–"}


def runs(*values):
    """Return what one framework's runs of a row told."""
    return [{"value": x, "parameters": 1, "seconds": 1.0, "peak": 1} for x in values]


def test_table_has_means_and_deviations_and_no_seconds() -> None:
    rows = {"GAN": ABOUT | {"digits": 0}, "another": ABOUT | {"unit": "nats"}}
    found = {
        "pytorch": {"GAN": runs(10, 12), "another": runs(1.0, 1.0)},
        "tensorflow": {"GAN": runs(20, 20), "another": runs(2.0, 3.0)},
    }
    assert judged.table_of(rows, found) == [
        ["judged by", "PyTorch", "TensorFlow", "yardstick"],
        ["GAN", "11 ± 1 %", "20 ± 0 %", "–"],
        ["another", "1.0 ± 0.0 nats", "2.5 ± 0.7 nats", "–"],
    ]


def test_a_yardstick_that_is_a_row_is_told_over_both_frameworks() -> None:
    rows = {"GAN": ABOUT | {"yardstick": "real"}, "real": ABOUT | {"digits": 2}}
    found = {
        "pytorch": {"GAN": runs(1, 1), "real": runs(4, 4)},
        "tensorflow": {"GAN": runs(1, 1), "real": runs(8, 8)},
    }
    head, *body = judged.table_of(rows, found)
    assert body == [["GAN", "1.0 ± 0.0 %", "1.0 ± 0.0 %", "6.00 ± 2.31 %"]]
    assert len(head) == 4


def test_what_is_no_number_is_refused_with_its_row() -> None:
    found = {"pytorch": {"GAN": runs(1, float("nan"))}}
    with pytest.raises(ValueError, match="PyTorch, GAN: not all runs ended with a"):
        judged.table_of({"GAN": ABOUT}, found)


def test_both_frameworks_are_trained_and_the_table_kept(
    tmp_path, monkeypatch, capsys
) -> None:
    asked = []

    def train(module, framework):
        asked.append(framework)
        return {"GAN": runs(1, 2)}, {f"snippets/tiny/{framework}.py"}

    monkeypatch.setattr(measured, "version", "{} 1.2".format)  # not all have both
    for name in ("benchmarks", "pagecode"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "snippets/tiny").mkdir(parents=True)
    for framework in FRAMEWORKS.values():
        (tmp_path / f"snippets/tiny/{framework}.py").write_text("x = 1\n")
    monkeypatch.setattr(judged, "ROOT", tmp_path)
    monkeypatch.setattr(judged, "train", train)
    judged.measure("models/tiny.md", SimpleNamespace(RESULTS={"GAN": ABOUT}))
    assert sorted(asked) == ["pytorch", "tensorflow"]
    facts = measured.read(measured.place("models/tiny.md", "judged"), tmp_path)
    assert facts["tables"]["table"][1] == ["GAN", *["1.5 ± 0.7 %"] * 2, "–"]
    assert facts["again"] == "make judged PAGE=models/tiny.md"
    own = {"benchmarks/judged.py", "snippets/tiny/pytorch.py", *results.HARNESS}
    assert own <= {*facts["sources"]}
    assert not facts["stale"]
    assert "| GAN | 1.5 ± 0.7 % |" in capsys.readouterr().out


def test_a_page_that_is_not_judged_is_named_with_those_that_are(monkeypatch) -> None:
    monkeypatch.setattr("sys.argv", ["judged", "index.md"])
    with pytest.raises(SystemExit, match=r"nothing is judged of index\.md, but of\n"):
        judged.main()
