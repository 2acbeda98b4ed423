"""A measurement is kept with its code's hash, and shown while it is that code's."""

import platform
from pathlib import Path

import pytest

from pagecode.book import measured

PLACE = "Before.\n\n<!-- measured: speed epochs -->\n\nAfter."


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one measurement of one file."""
    monkeypatch.setattr(measured, "version", "{} 1.2".format)  # not all have both
    (tmp_path / "docs" / "compare").mkdir(parents=True)
    (tmp_path / "docs" / "page.md").write_text(f"# Page\n\n{PLACE}\n")
    (tmp_path / "code.py").write_text("def f():\n    return 1\n")
    rows = [["", "seconds"], ["loop", "1.5"], ["at once", "0.5"]]
    measured.keep("speed", {"epochs": rows}, ["code.py"], tmp_path)
    return tmp_path


def fill(root: Path, markdown: str = PLACE) -> str:
    """Fill the page's places."""
    return measured.fill(markdown, "docs/page.md", root)


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
    assert "TensorFlow tensorflow 1.2," in caption
    assert "one thread" in caption


def test_other_pages_are_left_alone(root: Path) -> None:
    assert fill(root, "# Page") == "# Page"


@pytest.mark.parametrize("said", ["# one", '"""Return one."""', '"""One,\n\n  1."""'])
def test_what_is_only_said_changes_nothing(root: Path, said: str) -> None:
    (root / "code.py").write_text(f"def f():\n    {said}\n\n    return 1\n")
    assert "| loop | 1.5 |" in fill(root)


@pytest.mark.parametrize("returned", range(2, 8))  # hashes above and below
def test_changed_code_makes_it_stale(root: Path, returned: int) -> None:
    (root / "code.py").write_text(f"def f():\n    return {returned}\n")
    with pytest.raises(
        ValueError, match=r"^docs/page.md:5: .*speed.json: the measured code "
    ):
        fill(root)


def test_missing_code_makes_it_stale(root: Path) -> None:
    (root / "code.py").unlink()
    with pytest.raises(ValueError, match="the measured code has changed since: `make"):
        fill(root)


def test_missing_measurement_is_named(root: Path) -> None:
    (root / measured.FOLDER / "speed.json").unlink()
    with pytest.raises(ValueError, match=r"^docs/page.md:5: .*never measured: `make b"):
        fill(root)


def test_missing_table_is_named(root: Path) -> None:
    asked = PLACE.replace("epochs", "memory")
    (root / "docs" / "page.md").write_text(asked)
    with pytest.raises(ValueError, match=r"^docs/page.md:3: 'speed' has no table 'mem"):
        fill(root, asked)


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
