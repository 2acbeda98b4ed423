"""Where real data cannot be had, programs run, and only their numbers do not count."""

import json

import pytest

from pagecode.book import data
from pagecode.book.made import MADE
from pagecode.prove.verify import Verifier, report
from pagecode.run import record
from pagecode.run.process import Failure
from tests.conftest import PAGE, ROOT, Site

READS = ["pagecode", "mkdocs.yml", "snippets"]  # what the snippets fetch

READ = (
    "import pooch\n"
    "known = 'sha256:' + 64 * '0'\n"
    "path = pooch.retrieve('http://127.0.0.1:9/a', known, 'a.txt', 'data')\n"
    "print('words:', len(open(path).read().split()))"
)


@pytest.fixture
def stood_in(site: Site) -> Site:
    """A project that lacks `data/a.txt`, and has a stand-in of three words."""
    site.write(str(data.STAND_INS / "a.txt"), "one two three")
    site.write("data/b.txt", "real")
    return site


def test_numbers_of_a_program_on_stand_ins_are_not_compared(stood_in: Site) -> None:
    stood_in.add(READ, "words: 500")
    assert stood_in.errors() == [""]


def test_its_words_are_compared(stood_in: Site) -> None:
    stood_in.add(READ, "lines: 3")
    [error] = stood_in.errors()
    assert error.startswith("docs/page.md:8: not what the block prints")


def test_numbers_are_compared_until_a_stand_in_is_read(stood_in: Site) -> None:
    stood_in.add("print(open('data/b.txt').read(), 1)", "real 2")
    stood_in.add(READ, "words: 500")
    first, second = stood_in.errors()
    assert first.startswith("docs/page.md:8: not what the block prints")
    assert second == ""


def test_stand_in_may_lie_in_folders(stood_in: Site) -> None:
    stood_in.write(str(data.STAND_INS / "b" / "raw" / "c.txt"), "one")
    stood_in.add("print(open('data/b/raw/c.txt').read())", "one")
    assert stood_in.errors() == [""]


def test_stamp_names_the_stand_ins(stood_in: Site) -> None:
    stood_in.add(READ, "words: 500")
    stood_in.errors()
    stamps = json.loads((stood_in.root / ".cache" / "verified.json").read_text())
    assert [stamp["stand_ins"] for stamp in stamps.values()] == [["a.txt"]]


def test_report_says_that_numbers_do_not_count(stood_in: Site) -> None:
    stood_in.add(READ, "words: 500")
    [program] = stood_in.page().programs
    with Verifier(stood_in.root) as verifier:
        [run] = verifier.start([program])
        assert run.failures == []
    assert report(run).endswith("; NUMBERS NOT COMPARED, stand-ins: a.txt")


def test_other_files_are_fetched_and_checked_as_ever(stood_in: Site) -> None:
    stood_in.add(READ.replace("a.txt", "c.txt"), "words: 500")
    [error] = stood_in.errors()
    assert "ConnectionError" in error


def test_page_is_not_recorded_on_stand_ins(stood_in: Site) -> None:
    stood_in.add(READ, "words: 500")
    before = stood_in.text()
    with pytest.raises(Failure, match=r"docs/page\.md: not recorded.*\n.*a\.txt"):
        record.record(stood_in.root / PAGE, stood_in.root)
    assert stood_in.text() == before


def test_program_runs_again_when_the_stand_in_changes(stood_in: Site) -> None:
    stood_in.add(READ, "words: 500")
    stood_in.errors()
    stood_in.write(str(data.STAND_INS / "a.txt"), "one")
    stood_in.errors()
    stamps = json.loads((stood_in.root / ".cache" / "verified.json").read_text())
    assert len(stamps) == 2


def test_every_source_of_the_project_can_be_stood_in_for() -> None:
    assert [x for x in data.declared(ROOT).registry if not MADE[x][0]()] == []


def test_real_file_takes_the_place_of_its_stand_in(stood_in: Site) -> None:
    stood_in.write(str(data.STAND_INS / "c.txt"), "made")
    stood_in.write("data/a.txt", "real")  # came later; c.txt is still stood in for
    stood_in.add(
        "print(open('data/a.txt').read(), open('data/c.txt').read())", "real made"
    )
    assert data.stand_ins(stood_in.root) == ["c.txt"]
    assert stood_in.errors() == [""]


def test_what_an_archive_was_unpacked_to_is_not_listed(stood_in: Site) -> None:
    for name in ("b/c.gz", "b/c", "b/d"):
        stood_in.write(str(data.STAND_INS / name), "made")
    assert data.stand_ins(stood_in.root) == ["a.txt", "b/c.gz", "b/d"]
    stood_in.write("data/b/c.gz", "real")
    assert data.stand_ins(stood_in.root) == ["a.txt", "b/d"]


def test_worker_that_imports_the_program_reads_the_stand_in(stood_in: Site) -> None:
    stood_in.add(f"{READ}\nimport importlib.util, multiprocessing", "words: 3")
    stood_in.add(
        "print(importlib.util.find_spec('tensorflow'), 'child' in globals())\n"
        "if __name__ == '__main__':\n"
        "    worker = multiprocessing.get_context('spawn').Process(target=int)\n"
        "    worker.start()\n    worker.join()",
        "None False\nwords: 3\nNone False",
    )
    assert stood_in.errors() == ["", ""]
