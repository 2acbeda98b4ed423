"""A measurement is kept with its code's hash, and shown while it is that code's."""

import platform
from pathlib import Path

import pytest

from pagecode.book import measured
from tests.conftest import ROOT

PLACE = "Before.\n\n<!-- measured: speed epochs -->\n\nAfter."
PATH = measured.place("page.md", "speed")
ROWS = [["", "seconds"], ["loop", "1.5"], ["at once", "0.5"]]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one measurement of one file."""
    monkeypatch.setattr(measured, "version", "{} 1.2".format)  # not all have both
    (tmp_path / "docs" / "compare").mkdir(parents=True)
    (tmp_path / "docs" / "page.md").write_text(f"# Page\n\n{PLACE}\n")
    (tmp_path / "code.py").write_text("def f():\n    return 1\n")
    keep(tmp_path)
    return tmp_path


def keep(root: Path, path: Path = PATH, *, lasting: bool = False) -> None:
    """Write the measurement."""
    again, tables = "make bench PAGE=page.md", {"epochs": ROWS}
    measured.keep(path, tables, ["code.py"], root, again=again, lasting=lasting)


def fill(root: Path, markdown: str = PLACE, *, strict: bool = True) -> str:
    """Fill the page's places."""
    return measured.fill(markdown, "docs/page.md", root, strict=strict)


def test_a_pages_measurements_stand_in_a_folder_named_after_it(root: Path) -> None:
    assert (root / "docs/page/measured/speed.json").exists()
    place = measured.place("models/x.md", "parity")
    assert place == Path("docs/models/x/measured/parity.json")


def test_table_stands_where_the_page_asks_for_it(root: Path) -> None:
    before, *rows, caption, style, after = [x for x in fill(root).split("\n") if x]
    assert (before, after, style) == ("Before.", "After.", "{ .measured }")
    assert rows == [
        "|  | seconds |",
        "| --- | ---: |",
        "| loop | 1.5 |",
        "| at once | 0.5 |",
    ]
    assert caption.startswith("Measured on 20")
    assert caption.endswith("device CPU.")
    assert "TensorFlow tensorflow 1.2," in caption
    assert "one thread" in caption


def test_other_pages_are_left_alone(root: Path) -> None:
    assert fill(root, "# Page") == "# Page"


def test_another_page_shows_it_too(root: Path) -> None:
    named = PLACE.replace("speed", "page/speed")
    assert measured.fill(named, "docs/other.md", root) == fill(root)


def test_one_table_is_made_of_all_pages_in_the_order_of_the_navigation(
    root: Path,
) -> None:
    for name, seconds in {"a": "1", "b": "2", "c": "3"}.items():
        ROWS[1][1] = seconds
        keep(root, measured.place(f"models/{name}.md", "speed"))
    ROWS[1][1] = "1.5"
    (root / "mkdocs.yml").write_text("nav: [models/c.md, models/a.md, models/b.md]")
    lines = fill(root, PLACE.replace("speed", "models/*/speed")).split("\n")
    assert [x for x in lines if "loop" in x] == [f"| loop | {x} |" for x in (3, 1, 2)]
    assert sum("seconds" in x for x in lines) == 1
    assert sum("Measured on" in x for x in lines) == 1


@pytest.mark.parametrize("said", ["# one", '"""Return one."""', '"""One,\n\n  1."""'])
def test_what_is_only_said_changes_nothing(root: Path, said: str) -> None:
    (root / "code.py").write_text(f"def f():\n    {said}\n\n    return 1\n")
    assert "| loop | 1.5 |" in fill(root)


@pytest.mark.parametrize("returned", range(2, 8))  # hashes above and below
def test_changed_code_makes_it_stale(root: Path, returned: int) -> None:
    (root / "code.py").write_text(f"def f():\n    return {returned}\n")
    with pytest.raises(
        ValueError, match=r"has changed since: `make bench PAGE=page"
    ) as e:
        fill(root)
    assert str(e.value).startswith("docs/page.md:5: docs/page/measured/speed.json: the")


def test_missing_code_makes_it_stale(root: Path) -> None:
    (root / "code.py").unlink()
    with pytest.raises(ValueError, match="the measured code has changed since: `make"):
        fill(root)


def test_what_is_stale_is_marked_where_the_page_is_only_looked_at(root: Path) -> None:
    assert "changed" not in fill(root, strict=False)
    (root / "code.py").unlink()
    shown = fill(root, strict=False)
    assert "| loop | 1.5 |" in shown
    assert "**Stale.** docs/page/measured/speed.json: the measured code has" in shown
    assert "`make bench PAGE=page.md`\n{ .measured }" in shown


def test_a_lasting_one_is_published_and_says_that_it_is_stale(root: Path) -> None:
    keep(root, lasting=True)
    assert "changed" not in fill(root)
    (root / "code.py").write_text("def f():\n    return 2\n")
    assert "device CPU. The code has changed since.\n{ .measured }" in fill(root)


def test_one_that_stands_on_nothing_cannot_be_kept(root: Path) -> None:
    with pytest.raises(ValueError, match=r"speed\.json: measured of no file"):
        measured.keep(PATH, {}, [], root, again="make bench")


def test_missing_measurement_is_named_and_marked(root: Path) -> None:
    (root / PATH).unlink()
    with pytest.raises(ValueError, match=r"^docs/page.md:5: .*never measured: `make b"):
        fill(root)
    assert "**docs/page/measured/speed.json was never" in fill(root, strict=False)


def test_missing_table_is_named(root: Path) -> None:
    asked = PLACE.replace("epochs", "memory")
    (root / "docs" / "page.md").write_text(asked)
    with pytest.raises(ValueError, match=r"^docs/page.md:3: 'speed' has no table 'mem"):
        fill(root, asked)


def test_every_measurement_of_the_project_stands_on_some_code() -> None:
    paths = [x.relative_to(ROOT) for x in ROOT.glob("docs/**/measured/*.json")]
    assert len(paths) >= 8
    assert [x for x in paths if not measured.read(x, ROOT)["sources"]] == []


def test_code_is_what_modules_import_in_turn(tmp_path: Path) -> None:
    files = {
        "a/__init__.py": "",
        "a/one.py": "import os\nfrom a import two\n",
        "a/two.py": "def f():\n    from a.three import x\n    import b.four, json\n",
        "a/three.py": "x = 1\n",
        "a/other.py": "",
        "b/four.py": "import a.one\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    expected = ["a/one.py", "a/three.py", "a/two.py", "b/four.py"]
    assert measured.imported(["a.one"], tmp_path) == expected


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (
            "processor\t: 0\nmodel name\t: Chip 9: fast\nmodel name\t: Chip",
            "Chip 9: fast",
        ),
        ("processor\t: 0\n", platform.machine()),
        (None, platform.processor()),
    ],
)
def test_processor_is_what_it_calls_itself(
    monkeypatch: pytest.MonkeyPatch, told: str | None, name: str
) -> None:
    def read(path: Path) -> str:
        if told is None:
            raise FileNotFoundError(path)
        return told

    monkeypatch.setattr(measured.Path, "read_text", read)
    assert measured.model_name() == name
