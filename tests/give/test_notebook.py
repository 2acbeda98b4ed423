"""A page as a notebook."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from pagecode.give.notebook import install, notebook, on_paper
from pagecode.give.parts import parts
from pagecode.read.page import Block
from tests.conftest import PAGE, Site

HERE = {"json": "made-up-json==1"}


def build(site: Site, needs: dict[str, str] = HERE) -> nbformat.NotebookNode:
    cells = parts(site.page(), "pytorch", site.root, "https://book.example/")
    text = notebook(cells, "# Head", needs)
    assert text == notebook(cells, "# Head", needs)
    made = nbformat.reads(text, as_version=4)
    nbformat.validate(made)
    assert made.metadata.kernelspec.name == "python3"
    return made


def test_a_notebook_is_head_installation_and_the_page_in_order(site):
    site.add("print(1)", "1")
    site.add("x = 2")
    site.write(PAGE, "# Title\n\n" + site.text() + "\nThe end.\n")
    cells = build(site).cells
    assert [cell.cell_type for cell in cells] == [
        "markdown",
        "code",
        "markdown",
        "code",
        "code",
        "markdown",
    ]
    assert [cell.id for cell in cells] == [f"cell-{n}" for n in range(6)]
    sources = [cell.source for cell in cells]
    assert sources[:1] + sources[2:] == [
        "# Head",
        "# Title",
        "print(1)",
        "x = 2",
        "The end.",
    ]


def test_a_block_carries_its_verified_output_and_no_other(site):
    site.add("print(1)\nprint()\nprint(2)", "1\n\n2")
    site.add("x = 2")
    first, second = build(site).cells[2:]
    expected = {"output_type": "stream", "name": "stdout", "text": "1\n\n2\n"}
    assert first.outputs == [expected]
    assert second.outputs == []
    assert (first.execution_count, second.execution_count) == (1, 2)


def test_a_block_that_must_fail_may_fail_and_shows_how(site):
    site.add("print(1)\nint('x')", "1\nValueError: no: x", info="raises")
    cell = build(site).cells[2]
    assert cell.metadata.tags == ["raises-exception"]
    stream, error = cell.outputs
    assert stream.text == "1\n"
    assert (error.ename, error.evalue) == ("ValueError", "no: x")
    assert error.traceback == ["ValueError: no: x"]


def test_a_figure_is_shown_black_on_white(site):
    svg = '<svg viewBox="0 0 9 9"><path style="stroke: currentColor"/></svg>'
    site.write("docs/figures/page-1.svg", svg)
    site.add("draw()")
    site.write(PAGE, site.text() + '\n    ![A "line"](figures/page-1.svg)\n')
    (figure,) = build(site).cells[2].outputs
    assert figure.data["text/plain"] == 'A "line"'
    shown = figure.data["image/svg+xml"]
    label = 'role="img" aria-label="A &quot;line&quot;" '
    assert shown.replace(label, "") == on_paper(svg)
    assert '<rect width="100%" height="100%" fill="#fff"/><path' in shown
    assert 'viewBox="0 0 9 9">' in shown
    assert "color: #000" in shown


def test_a_preview_of_a_figure_is_in_the_notebook_itself(site):
    svg = '<svg viewBox="0 0 9 9"><path style="stroke: currentColor"/></svg>'
    site.write("docs/figures/page-1.svg", svg)
    site.add("draw()")
    picture = "![A line](figures/page-1.svg)\n"
    other = "Of another page: ![none](figures/other-1.svg)"
    text = f"{picture}\n{other}\n\n![x](y.svg)\n\n{site.text()}\n    {picture}"
    site.write(PAGE, text)
    preview = build(site).cells[2]
    assert preview.source == (
        "![A line](attachment:page-1.svg)\n\nOf another page: \n\n"
        "![x](https://book.example/y.svg)"
    )
    attached = preview.attachments["page-1.svg"]["image/svg+xml"]
    assert base64.b64decode(attached).decode() == on_paper(svg)


def test_colours_of_the_site_are_resolved():
    assert "var(" not in on_paper('<svg><a fill="var(--md-default-bg-color, #fff)"/>')


def run(code: str, folder: Path) -> subprocess.CompletedProcess:
    """Run the code where pip only notes what it is asked for."""
    (folder / "pip.py").write_text(
        "import json, sys\njson.dump(sys.argv[1:], open('asked.json', 'w'))\n"
    )
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_nothing_is_installed_or_printed_where_all_is_there(tmp_path):
    done = run(install({"json": "json==99", "nbformat": "nbformat==0.1"}), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "asked.json").exists()


def test_only_what_is_missing_is_installed_in_the_verified_version(tmp_path):
    needs = {"json": "json==99", "no_such_module": "no-such==1.2+cpu"}
    assert run(install(needs), tmp_path).returncode == 0
    asked = json.loads((tmp_path / "asked.json").read_text())
    assert asked == ["install", "-q", "no-such==1.2"]


def test_a_needed_package_that_is_there_keeps_its_version(tmp_path):
    needs = {"nbformat": "nbformat==0.1", "no_such_module": "no-such==1.2"}
    assert run(install(needs), tmp_path).returncode == 0
    asked = json.loads((tmp_path / "asked.json").read_text())
    assert asked[2:] == ["no-such==1.2", f"nbformat=={nbformat.__version__}"]


def test_the_installation_says_what_was_verified():
    assert install({"torch": "torch==2.9.1"}).startswith("# Verified with torch 2.9.1.")


def test_the_blocks_of_a_notebook_are_whole(site):
    site.add("def f():\n\n    return 1\n\n\nf()")
    block = site.page().blocks[0]
    assert isinstance(block, Block)
    assert build(site).cells[2].source == block.text


@pytest.mark.parametrize("needs", [{}, HERE])
def test_the_installation_is_python(needs):
    compile(install(needs), "install", "exec")
