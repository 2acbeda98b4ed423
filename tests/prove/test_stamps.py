"""A page says what was verified of it, and no longer says so when it has changed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pagecode.prove import packages, store
from pagecode.prove.stamps import NOT_VERIFIED, Stamps, about
from pagecode.read.page import read_pages
from pagecode.run import machine
from tests.conftest import CODE, PAGE, Site
from tests.served import build
from tests.test_site import site as small_site  # noqa: F401

READS = None  # everything: it builds this project's site
STAMP = "<!-- stamp: page.md -->"


def stamps(site: Site) -> Stamps:
    """Read the project's pages and their stamps, as a build does."""
    return Stamps(read_pages(site.root), site.root)


def line(site: Site) -> str:
    """Return the text of the page's stamp in a line."""
    return re.sub(r"<.*?>", "", stamps(site).fill(STAMP, "index.md"))


@pytest.fixture
def verified(site: Site, monkeypatch) -> Site:
    """A page with two programs that passed on a CPU, and a page without any."""
    versions = {"numpy": "2.4.6", "torch": "2.15.0", "tensorflow": "2.21.0"}
    monkeypatch.setattr(packages, "version", versions.get)
    monkeypatch.setattr(machine, "device", lambda: "CPU")
    code = "import numpy\n_ = open('data/numbers.csv').read()\nprint(1)"
    site.add_tabs(code, code)
    site.write(PAGE, site.text() + "\n```text\n1\n```\n")
    site.write("docs/index.md", "# Home\n")
    site.write("data/numbers.csv", "1,2\n")
    site.write("requirements/common.txt", "numpy==2.4.6\n")
    assert site.verify(use_cache=True) == {"pytorch": [""], "tensorflow": [""]}
    return site


def test_stamp_in_a_line_says_when_with_what_and_on_what(verified: Site) -> None:
    day = r"\d{4}-\d\d-\d\d"
    said = f"verified {day} with PyTorch 2.15.0 and TensorFlow 2.21.0 on CPU"
    assert re.fullmatch(said, line(verified))


def replace(site: Site, path: str, old: str, new: str) -> None:
    assert old in site.text(path)
    site.write(path, site.text(path).replace(old, new))


CHANGES = {
    "snippet": (CODE, "print(1)", "print(1) "),
    "rest of the snippet's module": (CODE, "# --8<-- [end:tensorflow]", "\\g\n# a"),
    "output": (PAGE, "text\n1", "text\n2"),
    "option": (PAGE, "```python", "```python limit=300"),
    "data": ("data/numbers.csv", "2", "3"),
    "pinned version": ("requirements/common.txt", "2.4.6", "2.4.7"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_stamp_goes_with_a_change_and_comes_back_with_it(
    verified: Site, what: str
) -> None:
    path, old, new = CHANGES[what]
    before, text = line(verified), verified.text(path)
    replace(verified, path, old, new.replace("\\g", old))
    assert line(verified) == NOT_VERIFIED
    assert stamps(verified).of_page("page.md").count(NOT_VERIFIED) == 2
    assert stamps(verified).status("index.md").count(NOT_VERIFIED) == 2
    verified.write(path, text)
    assert line(verified) == before


def test_what_it_did_not_use_is_not_what_was_verified(verified: Site) -> None:
    before = line(verified)
    verified.write("data/more.csv", "1")
    verified.write("requirements/tools.txt", "ruff==0.1\n")
    verified.write(PAGE, "Words above.\n\n" + verified.text())
    assert line(verified) == before


def test_version_for_one_kind_of_machine_is_the_pinned_one(
    verified: Site, monkeypatch
) -> None:
    monkeypatch.setattr(packages, "version", {"numpy": "2.4.6+cpu"}.get)
    verified.verify()
    assert NOT_VERIFIED not in line(verified)


def test_stamp_holds_on_another_machine(verified: Site, monkeypatch) -> None:
    """What passed on a GPU is told by a build that has none."""
    before = line(verified)
    monkeypatch.setattr(machine, "device", lambda: "NVIDIA H100")
    monkeypatch.setattr(machine, "processor", lambda: "another")
    assert line(verified) == before
    assert verified.verify(use_cache=True) == {"pytorch": [""], "tensorflow": [""]}
    rewrite(  # the second two were made by it
        verified,
        lambda known: [x.update(device="NVIDIA H100") for x in [*known.values()][2:]],
    )
    monkeypatch.undo()
    assert line(verified) == f"{before} and NVIDIA H100"
    head, _, *rows = stamps(verified).status("index.md").splitlines()
    assert head == "| page | framework | blocks | CPU | NVIDIA H100 |"
    assert [row.split(" | ")[:3] for row in rows] == [
        ["| [Page](page.md)", label, "1"] for label in ("PyTorch", "TensorFlow")
    ]
    assert NOT_VERIFIED not in "".join(rows)


def rewrite(site: Site, change) -> None:
    """Change the file of stamps."""
    file = site.root / ".cache" / "verified.json"
    known = json.loads(file.read_text())
    change(known)
    file.write_text(json.dumps(known))


def test_page_is_verified_if_all_its_programs_are(verified: Site) -> None:
    rewrite(verified, lambda known: known.popitem())
    assert line(verified) == NOT_VERIFIED
    assert stamps(verified).of_page("page.md").count(NOT_VERIFIED) == 1
    assert stamps(verified).status("index.md").count(NOT_VERIFIED) == 1


def test_end_of_a_page_names_only_what_the_program_could_import(verified: Site) -> None:
    pytorch, tensorflow = re.findall(
        "<li>.*?</li>", stamps(verified).of_page("page.md")
    )
    assert re.fullmatch(
        r"<li>PyTorch: 1 blocks and 1 outputs on <time .*?>.*?</time>, in [\d.]+ s "
        r"and 0\.0 GB of memory on CPU, with Python [\d.]+, torch 2\.15\.0, "
        r"numpy 2\.4\.6</li>",
        pytorch,
    )
    assert "tensorflow 2.21.0" in tensorflow
    assert "torch 2" not in tensorflow


def test_end_of_a_page_names_the_commit_and_links_it(verified: Site) -> None:
    def commit(known: dict) -> None:
        for facts, dirty in zip(known.values(), (True, False), strict=True):
            facts |= {"commit": "0123456789", "dirty": dirty}

    rewrite(verified, commit)
    plain = stamps(verified).of_page("page.md")
    assert ", at commit 0123456, with changes that were not committed</li>" in plain
    linked = stamps(verified).of_page("page.md", "https://code.example/a/b")
    address = "https://code.example/a/b/commit/0123456789"
    assert f'at commit <a href="{address}">0123456</a></li>' in linked


def test_run_on_stand_ins_verifies_nothing(verified: Site) -> None:
    used = {"stand_ins": ["numbers.csv"]}
    rewrite(verified, lambda known: [x.update(used) for x in known.values()])
    assert line(verified) == NOT_VERIFIED
    assert stamps(verified).cost("page.md") == ""


def test_cost_is_the_last_runs_and_outlives_a_change(verified: Site) -> None:
    took = {"seconds": 31.2, "peak_bytes": 1_100_000_000}
    rewrite(verified, lambda known: [x.update(took) for x in known.values()])
    replace(verified, CODE, "print(1)", "print(1 )")
    took = "about 30 s and 1.1 GB"
    said = f"To run it all: on CPU PyTorch {took}, TensorFlow {took}"
    assert stamps(verified).cost("page.md") == f'<p class="cost">{said}</p>'


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.1, "1 s"), (5.2, "5 s"), (9.9, "10 s"), (10.6, "10 s"), (99.0, "100 s")],
)
def test_seconds_are_told_as_one_would_say_them(seconds: float, said: str) -> None:
    assert about(seconds) == said


@pytest.mark.parametrize("name", ["none.md", "index.md", ""])
def test_stamp_of_no_program_is_refused(verified: Site, name: str) -> None:
    place = f"<!-- stamp: {name} -->"
    verified.write("docs/index.md", f"# Home\n\n{place}\n")
    with pytest.raises(
        ValueError, match=rf"docs/index\.md:3: no page docs/{name} with"
    ):
        stamps(verified).fill(place, "index.md")


def test_memory_is_the_programs_own(site: Site) -> None:
    """Linux counts for a child what its parent held: here, 400 MB."""
    held = b"x" * 400_000_000
    site.add("print(1)", "1")
    assert site.verify(use_cache=True) == {"pytorch": [""]}
    [facts] = store.stamps(site.root).values()
    assert 1_000_000 < facts["peak_bytes"] < len(held) / 2


def test_built_page_loses_its_stamp_when_its_snippet_changes(
    small_site: Site,  # noqa: F811
    tmp_path: Path,
) -> None:
    site, target = small_site, tmp_path / "built"
    (site.root / ".cache").unlink(missing_ok=True)
    site.add("print(0.25)", "0.25")
    shell = "\n```sh\n# a comment, no title\n```\n"
    site.write(PAGE, f"# Title\n\n{site.text()}{shell}")
    site.write("docs/index.md", f"# Home\n\n{STAMP}\n\n<!-- stamps -->\n")

    def built() -> tuple[str, str]:
        done = build(site.root, target)
        assert done.returncode == 0, done.stderr
        found = [target / name / "index.html" for name in ("page", ".")]
        page, home = (path.read_text(encoding="utf-8") for path in found)
        return page, home

    page, home = built()
    assert f'<ul class="stamp"><li>PyTorch: {NOT_VERIFIED}</li></ul>' in page
    assert home.count(NOT_VERIFIED) == 2
    assert 'class="cost"' not in page

    command = [sys.executable, "-m", "pagecode", "verify"]
    subprocess.run(command, cwd=site.root, check=True)
    page, home = built()
    assert re.search(r'<ul class="stamp"><li>PyTorch: 1 blocks and 1 outputs on', page)
    before, _, code = page.partition("highlight")
    assert (
        '<p class="cost">To run it all: on CPU PyTorch about 1 s and 0.0 GB</p>'
        in before
    )
    assert '<ul class="stamp">' in code
    assert page.count("To run it all") == 1
    assert NOT_VERIFIED not in page + home
    assert re.search(
        r'<span class="stamp">verified <time .*?</time> with PyTorch', home
    )

    site.write(CODE, site.text(CODE).replace("0.25", "0.250"))
    page, home = built()
    assert NOT_VERIFIED in page
    assert home.count(NOT_VERIFIED) == 2
