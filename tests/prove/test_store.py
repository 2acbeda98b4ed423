"""Stamps are kept whole, the newest longest, and what is torn counts as nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pagecode.prove import store
from pagecode.prove.stamps import Stamps
from pagecode.prove.verify import Verifier
from pagecode.read.page import read_pages
from tests.conftest import CODE, PAGE, Site
from tests.prove.test_git import commit, git

ROOT = Path(__file__).parents[2]
USED = {"used": {"data": {}, "packages": {}}, "content": "x"}


@pytest.mark.parametrize(
    "torn", [b"", b'{"a": {"bl', b"\0\0\0", b"\xff\xfe", b"[1]", b"null", b'{"a": 1}']
)
def test_torn_file_of_stamps_counts_as_empty(site: Site, torn: bytes) -> None:
    site.add("print(1)", "1")
    site.verify(use_cache=True)
    whole = (site.root / ".cache" / "verified.json").read_bytes()
    (site.root / ".cache" / "verified.json").write_bytes(torn)
    assert store.stamps(site.root) == {}
    assert site.verify(use_cache=True) == {"pytorch": [""]}
    assert len(store.stamps(site.root)) == 1 == len(json.loads(whole))


def test_stamps_of_an_earlier_version_do_not_hold(site: Site) -> None:
    site.add("print(1)", "1")
    site.verify()
    file = site.root / ".cache" / "verified.json"
    [(key, facts)] = json.loads(file.read_text()).items()
    del facts["used"]
    file.write_text(json.dumps({key: facts, "b": {"program": "programs/x.py"}}))
    assert Stamps(read_pages(site.root), site.root).held == {"pytorch/page.md": {}}
    with Verifier(site.root) as verifier:
        [run] = verifier.start(site.page().programs)
        assert run.failures == []
    assert run.printed


@pytest.mark.parametrize("name", [store.STAMPS, "other.json"])
def test_oldest_stamps_go_where_there_are_too_many(
    tmp_path: Path, monkeypatch, name: str
) -> None:
    """One that is renewed is new."""
    monkeypatch.setitem(store.KEPT, name, 3)
    for key in "abcad":
        store.keep(name, {key: USED}, tmp_path)
    assert list(store.stamps(tmp_path, name)) == ["c", "a", "d"]


def test_slices_do_not_take_the_places_of_programs(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(store.KEPT, store.STAMPS, 3)
    store.keep(store.STAMPS, {"program": USED}, tmp_path)
    for number in range(9):
        store.keep(store.SLICES, {f"slice {number}": USED}, tmp_path)
    assert list(store.stamps(tmp_path)) == ["program"]
    assert len(store.stamps(tmp_path, store.SLICES)) == 9


def test_what_slices_used_is_kept_and_found_again(tmp_path: Path) -> None:
    used = {"data": {"words.txt": None}, "packages": {"nowhere": None}}
    facts = {"content": "a", "used": used}
    keys = [f"{name}-machine" for name in ("a", "b")]
    store.keep(store.SLICES, dict.fromkeys(keys, facts), tmp_path)
    known = store.Known(store.SLICES, tmp_path)
    assert known.find("a-machine", ()) == facts
    assert known.find("a-another", ()) is None
    assert known.anywhere("b-another", ()) == [facts]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "words.txt").write_text("a")
    known = store.Known(store.SLICES, tmp_path)
    assert known.find("a-machine", ()) is None
    assert known.anywhere("b-another", ()) == []


KEEP = """
import sys
from pathlib import Path
from pagecode.prove import store
used = {"used": {"data": {}, "packages": {}}}
for number in range(60):
    store.keep(sys.argv[1], {f"{sys.argv[2]}{number}": used}, Path.cwd())
"""


@pytest.mark.parametrize("name", [store.STAMPS, store.SLICES])
def test_two_runs_that_stamp_at_once_lose_nothing(tmp_path: Path, name: str) -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", KEEP, name, run],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for run in "ab"
    ]
    assert [run.wait(60) for run in runs] == [0, 0]
    expected = {f"{name}{number}" for name in "ab" for number in range(60)}
    assert expected <= set(store.stamps(tmp_path, name))


@pytest.mark.parametrize(
    "code",
    ["print(2)", "1 / 0", "import os; os._exit(0)", "import time; time.sleep(9)"],
)
def test_failed_program_is_never_stamped(site: Site, code: str) -> None:
    site.add("x = 1")
    site.add(code, "1", info="limit=0.5")
    site.add("y = 1")
    for _ in range(2):
        assert site.verify(use_cache=True)["pytorch"][1]
        assert store.stamps(site.root) == {}


def test_program_that_fails_at_its_end_is_never_stamped(site: Site) -> None:
    site.add("import atexit\n_ = atexit.register(print, 'late')")
    site.errors()
    assert store.stamps(site.root) == {}


def test_stamps_are_readable_by_anyone(site: Site) -> None:
    site.add("import numpy\nprint(1)", "1")
    site.write("data/words.txt", "a")
    site.verify()
    [facts] = json.loads((site.root / ".cache" / "verified.json").read_text()).values()
    assert facts["page"] == "page.md"
    assert facts["date"].endswith("+00:00")
    assert set(facts["versions"]) >= {"numpy"}
    assert facts["used"] == {
        "data": {},
        "packages": {"numpy": facts["versions"]["numpy"]},
    }


# --- what was committed


def stamped(site: Site) -> dict:
    """Verify; return the newest stamp."""
    site.verify()
    return [*store.stamps(site.root).values()][-1]


@pytest.fixture
def committed(site: Site) -> Site:
    site.add("x = 1")
    site.write(".gitignore", ".cache/\ndata/\n")
    commit(site.root)
    return site


def test_stamp_names_the_commit_and_whether_the_tree_is_clean(committed: Site) -> None:
    head = git(committed.root, "rev-parse", "HEAD")
    clean = stamped(committed)
    assert (clean["commit"], clean["dirty"], clean["changed"]) == (head, False, "")
    committed.write(CODE, committed.text(CODE) + "# changed\n")
    dirty = stamped(committed)
    assert (dirty["commit"], dirty["dirty"]) == (head, True)
    assert dirty["changed"] == "snippets/code.py is not committed"


def test_tree_without_git_is_not_clean(site: Site) -> None:
    site.add("x = 1")
    facts = stamped(site)
    assert (facts["commit"], facts["dirty"]) == ("", True)
    assert "not a git repository" in facts["changed"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("touch new.md", "new.md is not committed"),
        ("git checkout -q HEAD~1", "another commit was checked out"),
    ],
)
def test_tree_that_changes_while_a_program_runs_is_not_clean(
    committed: Site, command: str, said: str
) -> None:
    root = str(committed.root)
    committed.add(f"import os\n_ = os.system('cd {root} && {command}')")
    git(committed.root, "commit", "-qam", "more")
    git(committed.root, "commit", "-q", "--allow-empty", "-m", "nothing")
    facts = stamped(committed)
    assert facts["dirty"]
    assert facts["changed"] == said


def test_tree_that_is_mended_while_a_program_runs_is_not_clean(
    committed: Site,
) -> None:
    root = committed.root
    committed.add(f"import os\nos.remove({str(root / 'new.md')!r})")
    git(root, "commit", "-qam", "more")
    committed.write("new.md", "")
    assert stamped(committed)["changed"] == "new.md is not committed"


def test_page_that_changes_while_it_runs_is_not_stamped(site: Site) -> None:
    code = site.root / CODE
    site.add(f"with open({str(code)!r}, 'a') as file:\n    _ = file.write('# more\\n')")
    assert site.verify(use_cache=True) == {"pytorch": [""]}
    assert store.stamps(site.root) == {}


# --- which stamp is the newest


def rewrite(site: Site, **facts) -> None:
    """Change the stamps."""
    file = site.root / ".cache" / "verified.json"
    known = json.loads(file.read_text())
    file.write_text(json.dumps({x: y | facts for x, y in known.items()}))


def test_newest_stamp_is_the_last_whatever_the_clock_said(site: Site) -> None:
    site.add("print(1)", "1")
    site.verify()
    rewrite(site, date="2999-01-01T00:00:00+00:00", seconds=99)
    site.verify()
    stamps = Stamps(read_pages(site.root), site.root)
    assert "2999" not in stamps.of_page("page.md")
    assert "99" not in stamps.cost("page.md")


def test_renamed_page_keeps_its_stamp_and_its_cost(site: Site) -> None:
    site.add("print(1)", "1")
    site.verify()
    (site.root / PAGE).rename(site.root / "docs" / "new.md")
    stamps = Stamps(read_pages(site.root), site.root)
    assert "1 blocks" in stamps.of_page("new.md")
    assert "about 1 s" in stamps.cost("new.md")
    with Verifier(site.root) as verifier:
        [run] = verifier.start(read_pages(site.root)[0].programs)
        assert run.failures == []
    assert run.printed == {}


def test_two_pages_of_one_content_have_a_stamp_and_a_cost_each(site: Site) -> None:
    site.add("print(1)", "1")
    site.write("docs/twin.md", site.text())
    pages = read_pages(site.root)
    with Verifier(site.root) as verifier:
        runs = verifier.start([x for page in pages for x in page.programs])
        assert [run.failures for run in runs] == [[], []]
    stamps = Stamps(pages, site.root)
    for name in ("page.md", "twin.md"):
        assert "1 blocks" in stamps.of_page(name)
        assert "about 1 s" in stamps.cost(name)
