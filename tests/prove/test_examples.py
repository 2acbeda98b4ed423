"""`pytest docs/x.md`: blocks are collected, chosen, run and told as examples."""

import os
import re
import subprocess
import sys

import pytest

from pagecode.read.page import read_pages
from tests.conftest import CODE, PAGE, Site
from tests.served import ROOT

READS = None  # everything: it reads all pages
SHARED = """\
```python
--8<-- "code.py:shared"
```

"""
BELOW = """

```python
--8<-- "code.py:last"
```
"""


@pytest.fixture
def site(site: Site) -> Site:
    """A project of pages that pytest collects, as this one."""
    ours = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    options = re.search(r'"-p", "[\w.]+"', ours)[0]
    site.write("pyproject.toml", f"[tool.pytest.ini_options]\naddopts = [{options}]\n")
    return site


def pytest_(site: Site, *words: str, **env: str) -> tuple[int, str]:
    """Run pytest in the project; return its exit status, and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:hypothesispytest", *words],
        cwd=site.root,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def two_programs(site: Site, last: str = "y = x") -> None:
    """Write a page of three blocks for each framework, which tell that they run."""
    site.add_tabs(tell(site, "pytorch"), tell(site, "tensorflow"))
    site.write(PAGE, SHARED + site.text() + BELOW)
    sections = (("shared", "x = 1"), ("last", last))
    text = "".join(
        f"# --8<-- [start:{name}]\n{code}\n# --8<-- [end:{name}]\n"
        for name, code in sections
    )
    site.write(CODE, site.text(CODE) + text)


def tell(site: Site, name: str) -> str:
    """Return code that adds a line to a file when it runs."""
    return (
        f"with open({str(site.root / 'ran')!r}, 'a') as ran:\n    ran.write({name!r})"
    )


def ran(site: Site) -> str:
    """Return which blocks told that they run."""
    file = site.root / "ran"
    return file.read_text() if file.exists() else ""


def outcomes(said: str) -> dict[str, str]:
    """Return what became of each example, by what follows the page's name."""
    found = re.findall(r"^(PASSED|FAILED) docs/page\.md::(.+?)(?: - .*)?$", said, re.M)
    return {name: outcome for outcome, name in found}


def test_examples_are_named_by_line_and_framework(site: Site) -> None:
    two_programs(site)
    status, said = pytest_(site, "--collect-only", "-q", "docs")
    assert status == 0
    assert re.findall(r"^docs.+$", said, re.M) == [
        f"docs/page.md::line:{line} {framework}"
        for line, framework in [
            (1, "pytorch"),
            (1, "tensorflow"),
            (7, "pytorch"),
            (13, "tensorflow"),
            (18, "pytorch"),
            (18, "tensorflow"),
        ]
    ]
    assert ran(site) == ""


def test_only_programs_of_chosen_examples_run(site: Site) -> None:
    two_programs(site)
    status, said = pytest_(site, PAGE, "-k", "line:13 or 18 and tensorflow")
    assert status == 0
    passed = ["line:13 tensorflow", "line:18 tensorflow"]
    assert outcomes(said) == dict.fromkeys(passed, "PASSED")
    assert ran(site) == "tensorflow"
    assert "tensorflow/page.md: 3 blocks, 0 outputs, ran in " in said
    assert "pytorch/page.md" not in said


def test_one_example_is_chosen_by_its_name(site: Site) -> None:
    two_programs(site)
    status, said = pytest_(site, f"{PAGE}::line:7 pytorch")
    assert (status, ran(site)) == (0, "pytorch")
    assert outcomes(said) == {"line:7 pytorch": "PASSED"}


def test_failing_block_is_told_and_fails_again_alone(site: Site) -> None:
    two_programs(site, last="y = x / 0")
    status, said = pytest_(site, "docs", "-k", "pytorch")
    assert status == 1
    assert outcomes(said) == {
        "line:1 pytorch": "PASSED",
        "line:7 pytorch": "PASSED",
        "line:18 pytorch": "FAILED",
    }
    assert "docs/page.md:18: this block fails\n  at        snippets/code.py:" in said
    assert "error     ZeroDivisionError: division by zero" in said
    assert "Traceback" not in said
    assert not re.search(r"^[\w/]+\.py:\d+: ", said, re.M)
    status, said = pytest_(site, "docs", "--last-failed")
    assert (status, outcomes(said)) == (1, {"line:18 pytorch": "FAILED"})
    assert ran(site) == "pytorchpytorch"


def test_what_passed_is_remembered_but_for_all(site: Site) -> None:
    two_programs(site)
    for told in ("ran", "unchanged since it ran"):
        status, said = pytest_(site, "docs", FRAMEWORK="pytorch")
        assert status == 0
        assert f"pytorch/page.md: 3 blocks, 0 outputs, {told} in " in said
        assert "NOT RUN, for FRAMEWORK=pytorch: tensorflow/page.md" in said
        assert set(outcomes(said).values()) == {"PASSED"}
        assert len(outcomes(said)) == 3
    assert ran(site) == "pytorch"
    assert pytest_(site, "docs", FRAMEWORK="pytorch", ALL="1")[0] == 0
    assert ran(site) == "pytorchpytorch"


def test_shard_runs_its_share_and_names_the_others(site: Site) -> None:
    two_programs(site)
    names = ["pytorch", "tensorflow"]
    for shard, (here, elsewhere) in {"1/2": names, "2/2": names[::-1]}.items():
        status, said = pytest_(site, "docs", SHARD=shard)
        assert status == 0
        assert f"{here}/page.md: 3 blocks, 0 outputs, ran in " in said
        assert f"NOT RUN, for SHARD={shard}: {elsewhere}/page.md" in said
    assert ran(site) == "pytorchtensorflow"


def test_workers_run_a_program_once(site: Site) -> None:
    two_programs(site)
    status, said = pytest_(site, "docs", "-n", "2")
    assert (status, len(outcomes(said))) == (0, 6)
    assert sorted(re.findall("pytorch|tensorflow", ran(site))) == [
        "pytorch",
        "tensorflow",
    ]


def test_page_with_faults_is_one_example_that_tells_them(site: Site) -> None:
    two_programs(site)
    site.write("docs/wrong.md", "# Title\n\n```python\nx = 1\n```\n\n```text\n1\n```\n")
    (site.root / "docs/broken.md").write_bytes(b"# T\xff\n")
    status, said = pytest_(site, "docs")
    assert status == 1
    assert len(outcomes(said)) == 6
    assert re.findall("^FAILED .*", said, re.M) == [
        "FAILED docs/broken.md::line:1 faults",
        "FAILED docs/wrong.md::line:4 faults",
    ]
    assert "docs/wrong.md:4: code typed into the page: x = 1" in said
    assert "docs/broken.md:1: this page cannot be read: 'utf-8' codec" in said
    assert "Traceback" not in said


def test_what_the_site_leaves_out_is_not_collected(site: Site) -> None:
    ours = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    site.write("mkdocs.yml", f"{ours}\nexclude_docs: /notes/\n")
    for name in ("notes/a", ".hidden/a", "dist/notes/a"):
        site.write(f"docs/{name}.md", "```python\nx = 1\n```\n")
    status, said = pytest_(site, "--collect-only", "-q", "docs")
    assert status == 0  # pytest itself does not look into folders named so
    assert re.findall("^docs.+", said, re.M) == ["docs/dist/notes/a.md::line:2 faults"]
    site.write("mkdocs.yml", "site_name: x\n")
    status, said = pytest_(site, "docs")
    assert status == pytest.ExitCode.INTERRUPTED
    assert f"{site.root}/mkdocs.yml: markdown_extensions lacks pymdownx." in said
    assert "pagecode/" not in said


def test_every_block_of_the_book_belongs_to_a_program() -> None:
    pages = read_pages(ROOT)
    run = {block for page in pages for x in page.programs for block in x.blocks}
    assert run == {block for page in pages for block in page.blocks}
    assert len(run) > 100
