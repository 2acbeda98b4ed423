"""What is handed out is proven anew where what runs and compares it has changed."""

import inspect
import shutil
from pathlib import Path

import pytest

from pagecode.give import proof
from pagecode.give.kernel import prove_notebook
from pagecode.prove import keys
from tests.conftest import CODE, Site

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sliced(site: Site) -> Site:
    """A page with a block that has a slice, which reads a file."""
    site.add("x = [1]")
    site.add("y = [2]")
    site.add("_ = open('data/words.txt').read()\nprint(y)", "[2]")
    site.write("data/words.txt", "a")
    return site


@pytest.fixture
def copied(tmp_path: Path, monkeypatch) -> Path:
    """A copy of pagecode, of which keys are made."""
    copy = shutil.copytree(ROOT / "pagecode", tmp_path / "pagecode")
    monkeypatch.setattr(keys, "PAGECODE", copy)
    keys.code.cache_clear()
    yield copy
    keys.code.cache_clear()


def ran(site: Site) -> bool:
    """Prove the slices of the page's last block; return whether one had to run."""
    *_, last = proof.proofs_of(site.page().programs[0])
    [proven] = proof.prove([last], site.root)
    assert not proven.failed
    assert proof.Proofs(site.root).hold(proven.slice)
    return proven.ran


def edit(site: Site, path: str, old: str, new: str) -> None:
    assert old in site.text(path)
    site.write(path, site.text(path).replace(old, new))


CHANGES = {
    "its code": (lambda x: edit(x, CODE, "y = [2]", "y = [1 + 1]"), True),
    "data that it reads": (lambda x: x.write("data/words.txt", "b"), True),
    "other data": (lambda x: x.write("data/more.txt", "b"), False),
    "what it leaves out": (lambda x: edit(x, CODE, "x = [1]", "x = [3]"), False),
    "prose": (lambda x: edit(x, "docs/page.md", "===", "Prose.\n\n==="), False),
}


@pytest.mark.parametrize("what", CHANGES)
def test_slice_runs_again_where_what_it_uses_has_changed(
    sliced: Site, what: str
) -> None:
    change, again = CHANGES[what]
    assert [ran(sliced), ran(sliced)] == [True, False]
    change(sliced)
    assert [ran(sliced), ran(sliced)] == [again, False]


def test_comment_in_its_module_is_not_handed_out(sliced: Site) -> None:
    assert ran(sliced)
    sliced.write(CODE, "# a comment\n" + sliced.text(CODE))
    assert not ran(sliced)


@pytest.mark.parametrize(
    ("name", "again"),
    [("run/compare.py", True), ("run/child.py", True), ("give/slices.py", False)],
)
def test_slice_runs_again_where_what_compares_has_changed(
    sliced: Site, copied: Path, name: str, again: bool
) -> None:
    assert ran(sliced)
    (copied / name).write_text((copied / name).read_text() + "\n# stricter\n")
    keys.code.cache_clear()
    assert ran(sliced) == again


def test_slice_runs_again_where_it_is_judged_in_another_way(
    sliced: Site, monkeypatch
) -> None:
    assert [ran(sliced), ran(sliced)] == [True, False]
    source = inspect.getsource
    monkeypatch.setattr(inspect, "getsource", lambda x: source(x) + "# stricter")
    assert ran(sliced)


def test_notebook_runs_again_where_what_compares_has_changed(
    site: Site, copied: Path
) -> None:
    site.add("print(0.25)", "0.25", output="atol=0.1")

    def notebook_ran() -> bool:
        return prove_notebook(site.page().programs[0], site.root, seconds=1)

    assert [notebook_ran(), notebook_ran()] == [True, False]
    kernel = copied / "give" / "kernel.py"
    kernel.write_text(kernel.read_text() + "\n# stricter\n")
    keys.code.cache_clear()
    assert [notebook_ran(), notebook_ran()] == [True, False]
    edit(site, "docs/page.md", "atol=0.1", "atol=0.2")
    assert notebook_ran()
