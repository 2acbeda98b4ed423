"""Recording rewrites the outputs that differ, and nothing else."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from pagecode.run.process import Failure
from tests.conftest import CODE, PAGE, TWO_TABS, Site

SHARED = TWO_TABS + "\n```text\n{}\n```\n\nProse.\n"


def test_output_that_differs_is_rewritten(site: Site) -> None:
    site.add("print('new')", "old")
    before = site.text()
    assert site.record() == 1
    assert site.text() == before.replace("old", "new")
    assert site.errors() == [""]


def test_outputs_of_changing_length_are_rewritten(site: Site) -> None:
    site.add("print('a\\nb\\nc')", "x")
    site.add("print('same')", "same")
    site.add("print('d')", "x\ny\nz")
    site.add("print('e\\n\\nf')", "")
    assert site.record() == 3
    assert site.errors() == [""] * 4
    assert site.text().count("```") == 16
    for lines in (["a", "b", "c"], ["same"], ["d"]):
        inside = "\n".join(f"    {line}" for line in lines)
        assert f"    ```text \n{inside}\n    ```\n" in site.text()
    assert "    ```text \n    e\n\n    f\n    ```\n" in site.text()


def test_page_that_is_right_is_not_written(site: Site) -> None:
    site.add("print('a', 0.25)", "a 0.26")
    path = site.root / PAGE
    before = path.stat()
    assert site.record() == 0
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (
        before.st_mtime_ns,
        before.st_ino,
    )


def test_page_that_has_passed_is_run_all_the_same(site: Site) -> None:
    site.add("print('a', 0.25)", "a 0.25")
    assert site.verify(use_cache=True) == {"pytorch": [""]}
    assert site.record() == 0


def test_output_within_tolerance_is_left_beside_one_that_is_not(site: Site) -> None:
    site.add("print(0.25)", "0.26")
    site.add("print(0.25)", "0.46")
    before = site.text()
    assert site.record() == 1
    assert site.text() == before.replace("0.46", "0.25")


def test_output_of_a_block_that_is_to_fail_is_rewritten(site: Site) -> None:
    site.add("1 / 0", "", "raises")
    assert site.record() == 1
    assert "    ZeroDivisionError: division by zero\n" in site.text()


def test_varying_output_is_written_only_where_there_is_none(site: Site) -> None:
    site.add("import time; print(time.time())", "about now", output="varies")
    site.add("print('sampled')", "", output="varies")
    assert site.record() == 1
    assert "    about now\n" in site.text()
    assert "    sampled\n" in site.text()


def test_varying_output_of_both_frameworks_may_differ(site: Site) -> None:
    page = SHARED.format("some time").replace("```text", "```text varies")
    site.add_tabs("print(1)", "print(2)", page)
    assert site.record() == 0
    assert site.text() == page


def test_shared_output_is_written_where_both_agree(site: Site) -> None:
    site.add_tabs("print('a\\nb')", "print('a\\nb')", SHARED.format("x"))
    assert site.record() == 1
    assert site.text() == SHARED.format("a\nb")
    assert site.verify() == {"pytorch": [""], "tensorflow": [""]}


def test_output_of_a_block_of_both_programs_is_written_once(site: Site) -> None:
    site.write(CODE, "# --8<-- [start:a]\nprint(1)\n# --8<-- [end:a]\n")
    site.write(PAGE, '```python\n--8<-- "code.py:a"\n```\n\n```text\n2\n```\n')
    assert site.record() == 1
    assert site.text().endswith("```text\n1\n```\n")


@pytest.mark.parametrize("shown", ["one", "two", "three"])
def test_shared_output_is_not_written_where_they_differ(site: Site, shown: str) -> None:
    site.add_tabs("print('one')", "print('two')", SHARED.format(shown))
    before = (site.root / PAGE).read_bytes()
    with pytest.raises(Failure, match=r"docs/page\.md:9: .*\n.*one\n.*two") as failure:
        site.record()
    assert "docs/page.md:3" in str(failure.value)
    assert (site.root / PAGE).read_bytes() == before


def test_shared_output_shows_pytorchs_line_where_both_are_close(site: Site) -> None:
    site.add_tabs("print(0.501)", "print(0.502)", SHARED.format("0.7"))
    assert site.record() == 1
    assert site.text() == SHARED.format("0.501")


@pytest.mark.parametrize(
    ("code", "shown", "named"),
    [
        pytest.param("1 / 0", "x", "this block fails", id="error"),
        pytest.param("import os; os._exit(1)", "x", "ends the whole", id="exit"),
        pytest.param("x = 1", "x", "nothing prints", id="output that nothing prints"),
        pytest.param("print(1)", None, "no output shows", id="print without output"),
    ],
)
def test_page_that_cannot_be_recorded_stays_as_it_is(
    site: Site, code: str, shown: str | None, named: str
) -> None:
    site.add("print('new')", "old")
    site.add(code, shown)
    before = (site.root / PAGE).read_bytes()
    with pytest.raises(Failure, match=named):
        site.record()
    assert (site.root / PAGE).read_bytes() == before


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import atexit\natexit.register(print, 'bye')", "the program still prints"),
        ("import atexit, os\natexit.register(os._exit, 3)", "the program ends badly"),
    ],
)
def test_page_whose_program_does_not_end_well_stays_as_it_is(
    site: Site, code: str, told: str
) -> None:
    site.add(f"{code}\nprint('new')", "old")
    before = site.text()
    with pytest.raises(Failure, match=told):
        site.record()
    assert site.text() == before


def test_page_with_a_fault_stays_as_it_is(site: Site) -> None:
    site.add("print('new')", "old")
    site.write(PAGE, site.text() + '\n--8<-- "none.py"\n')
    before = site.text()
    with pytest.raises(Failure, match=r"docs/page\.md:11: "):
        site.record()
    assert site.text() == before


def test_page_that_changes_while_it_runs_stays_as_it_is(site: Site) -> None:
    page = str(site.root / PAGE)
    site.add(f"with open({page!r}, 'a') as file:\n    _ = file.write('More.\\n')")
    site.add("print('new')", "old")
    before = site.text()
    with pytest.raises(Failure, match=r"docs/page.md: not recorded, .* was changed"):
        site.record()
    assert site.text() == before + "More.\n"


def test_page_stays_whole_where_writing_fails(site: Site, monkeypatch) -> None:
    def fail(self: Path, target: Path) -> None:
        if Path(target).name == "page.md":
            raise OSError(28, "no space left")
        replace(self, target)

    site.add("print('new')", "old")
    before = site.text()
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        site.record()
    assert site.text() == before


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_mark_at_the_start_stay(site: Site, ends, mark) -> None:
    site.add("print('a\\nb')", "x")
    site.add("print('```\\nc')", "")
    text = site.text()
    path = site.root / PAGE
    path.write_bytes(mark + text.replace("\n", ends).encode())
    assert site.record() == 2
    text = text.replace("    x\n", "    a\n    b\n")
    old = "    ```text \n    ```\n"
    assert text.count(old) == 1
    text = text.replace(old, "    ````text \n    ```\n    c\n    ````\n")
    assert path.read_bytes() == mark + text.replace("\n", ends).encode()
    assert site.errors() == ["", ""]


def test_shared_output_near_one_framework_alone_is_rewritten(site: Site) -> None:
    site.add_tabs("print(0.501)", "print(0.502)", SHARED.format("0.500"))
    assert site.record() == 1
    assert site.text() == SHARED.format("0.501")
    assert site.verify() == {"pytorch": [""], "tensorflow": [""]}


def test_page_that_is_a_link_stays_one(site: Site) -> None:
    site.add("print('new')", "old")
    real, page = site.root / "docs/real.md", site.root / PAGE
    page.rename(real)
    page.symlink_to("real.md")
    assert site.record() == 1
    assert page.is_symlink()
    assert "new" in real.read_text()


def test_page_that_links_out_of_docs_stays_as_it_is(site: Site) -> None:
    site.add("print('new')", "old")
    readme, page = site.root / "README.md", site.root / PAGE
    page.rename(readme)
    page.symlink_to("../README.md")
    before = readme.read_text()
    with pytest.raises(Failure, match=r"docs/page\.md: not recorded, .* out of docs/"):
        site.record()
    assert readme.read_text() == before


def test_read_only_page_stays_as_it_is(site: Site) -> None:
    site.add("print('new')", "old")
    (site.root / PAGE).chmod(0o444)
    before = site.text()
    with pytest.raises(Failure, match=r"docs/page\.md: not recorded, .* read-only"):
        site.record()
    assert site.text() == before


def test_page_keeps_who_may_write_it(site: Site) -> None:
    site.add("print('new')", "old")
    (site.root / PAGE).chmod(0o664)
    assert site.record() == 1
    assert (site.root / PAGE).stat().st_mode & 0o777 == 0o664


def test_page_is_killed_while_it_runs_and_stays_as_it_is(site: Site) -> None:
    """What a block does to the process that records must not harm the page."""
    site.add("print('new')", "old")
    site.add(f"import os, signal\nos.kill({os.getpid()}, signal.SIGINT)\nprint(1)", "2")
    before = site.text()
    with pytest.raises(KeyboardInterrupt):
        site.record()
    assert site.text() == before
    assert [x.name for x in (site.root / "docs").iterdir()] == ["page.md"]


def test_page_that_is_recorded_twice_at_once_is_whole(site: Site) -> None:
    site.add("print('new\\n' * 3)", "old")
    expected = site.text().replace("    old\n", "    new\n" * 3)

    def once(_: int) -> None:
        with suppress(Failure):  # the other was faster: the page was changed
            site.record()

    with ThreadPoolExecutor() as pool:
        list(pool.map(once, range(2)))
    assert site.text() == expected
    assert [x.name for x in (site.root / "docs").iterdir()] == ["page.md"]


def test_snippet_that_changes_while_it_runs_leaves_the_page_as_it_is(
    site: Site,
) -> None:
    code = str(site.root / CODE)
    site.add(f"with open({code!r}, 'a') as file:\n    _ = file.write('x = 1\\n')")
    site.add("print('same')", "same")
    assert site.record() == 0  # the page's blocks are what they were
    site.add(f"text = open({code!r}).read().replace('same', 'other')")
    site.add(f"with open({code!r}, 'w') as file:\n    _ = file.write(text)")
    site.add("print('new')", "old")
    before = site.text()
    with pytest.raises(Failure, match=r"docs/page.md: not recorded, .* was changed"):
        site.record()
    assert site.text() == before


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("e = ValueError('wrong')\ne.add_note('in layer 3')\nraise e", "wrong"),
        ("raise ValueError('wrong\\n\\nin many\\nlines')", "wrong"),
        ("raise ValueError('wrong') from KeyError('a')", "wrong"),
        ("raise ValueError('0.25 `x` <b> | ```')", "0.25 `x` <b> | ```"),
    ],
)
def test_errors_own_line_is_recorded_whatever_comes_with_it(
    site: Site, code: str, shown: str
) -> None:
    site.add(code, "", "raises")
    site.add("print('after')", "after")
    assert site.record() == 1
    assert f"    ValueError: {shown}\n" in site.text()
    assert site.errors() == ["", ""]
