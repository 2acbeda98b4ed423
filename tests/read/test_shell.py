"""A page writes files and runs commands, and shows them as what they are."""

import subprocess
import sys
from pathlib import Path

import lxml.html
import nbformat
import pytest

from pagecode.prove import keys
from pagecode.read.page import read_page
from pagecode.read.shell import typed
from pagecode.site.check import first_difference, python_blocks
from tests.conftest import CODE, PAGE, Site, set_up
from tests.served import build

READS = None  # everything: it builds a site as this project's

FILE = '''\
# --8<-- [start:file]
"""Double a number."""

import sys

HALF = 0.5  # a backslash: \\n

if __name__ == "__main__":
    print(int(sys.argv[1]) / HALF)
# --8<-- [end:file]
'''
TEXT = """\
# Page

```python title="double.py"
--8<-- "code.py:file"
```

```console
$ python double.py 21
$ python double.py \\
    4
```

```text
42.0
8.0
```
"""


def write(site: Site, page: str = TEXT, code: str = FILE) -> Site:
    """Write a page, and the snippet that it includes."""
    site.write(CODE, code)
    site.write(PAGE, page)
    return site


def test_a_page_writes_a_file_and_runs_it(site: Site) -> None:
    assert write(site).verify() == {"pytorch": ["", ""], "tensorflow": ["", ""]}


def test_the_reader_sees_the_file_and_the_commands(site: Site) -> None:
    page = write(site).page()
    file, command = page.blocks
    assert file.shown == FILE.split("\n", 1)[1].rsplit("\n", 2)[0]
    assert command.shown_lines[0] == "$ python double.py 21"
    assert (file.language, command.language) == ("python", "console")
    assert typed(command.shown).split("\n")[0] == "python double.py 21"


def test_the_file_holds_what_is_shown(site: Site) -> None:
    file, _ = write(site).page().blocks
    folder = site.root / "empty"
    folder.mkdir()
    subprocess.run([sys.executable, "-c", file.text], cwd=folder, check=True)
    written = (folder / "double.py").read_text(encoding="utf-8")
    assert written == file.shown + "\n"


def test_the_built_site_shows_them_and_is_held_against_them(
    site: Site, tmp_path: Path
) -> None:
    page = write(set_up(site)).page()
    done = build(site.root, tmp_path / "site", "--strict")
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "site/page/index.html").read_text(encoding="utf-8")
    assert first_difference(page, python_blocks(html, "docs/page.md")) == ""
    changed = html.replace(">21<", ">22<")
    found = first_difference(page, python_blocks(changed, "docs/page.md"))
    assert found == "docs/page.md:7: the HTML shows another block"
    assert '<span class="filename">double.py</span>' in html
    tree = lxml.html.fromstring(html)
    [copied] = tree.xpath("//button/@data-clipboard-text")
    assert copied == "python double.py 21\npython double.py \\\n    4"
    assert len(tree.xpath("//*[@data-program-pytorch]")) == 2
    copy = (tmp_path / "site/page.md").read_text(encoding="utf-8")
    assert '```python title="double.py"\n"""Double a number."""' in copy
    assert "```console\n$ python double.py 21" in copy


def test_what_is_handed_out_does_the_same(site: Site) -> None:
    write(site).verify(use_cache=True)
    script, notebook, *blocks = [x for x in site.exports() if x.framework == "pytorch"]
    for export in (script, blocks[-1]):
        folder = site.root / export.kind
        folder.mkdir()
        command = [sys.executable, "-c", export.text]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.stdout.split() == ["42.0", "8.0"], done.stderr
    cells = nbformat.reads(notebook.text, as_version=4).cells
    assert [x.source for x in cells if x.cell_type == "code"][1:] == [
        x.text for x in site.page().blocks
    ]


def test_a_failing_command_names_the_snippet(site: Site) -> None:
    write(site, TEXT.replace("py 21", "py none"))
    _, error = site.errors()
    assert error.startswith(
        "docs/page.md:7: this block fails\n  at        docs/page.md:8"
    )
    assert "returned non-zero exit status 1" in error
    assert "snippets/code.py:9" in error
    assert "invalid literal for int()" in error


TABS = """\
=== "PyTorch"

    ```python title="double.py"
    --8<-- "code.py:pytorch"
    ```

    ```console
    $ python double.py
    ```

=== "TensorFlow"

    ```python title="double.py"
    --8<-- "code.py:tensorflow"
    ```

    ```console
    $ python double.py
    ```
"""


def test_each_tab_has_files_of_its_own(site: Site) -> None:
    site.add_tabs("one = 1\none / 0", "two = 2\n\ntwo / 0", TABS)
    errors = site.verify()
    assert "stderr" in errors["pytorch"][1]
    assert f"{CODE}:3, in <module>" in errors["pytorch"][1]
    assert f"{CODE}:8, in <module>" in errors["tensorflow"][1]


def test_a_command_below_the_tabs_runs_the_file_of_each(site: Site) -> None:
    page = TABS.replace("\n    ```console\n    $ python double.py\n    ```\n", "")
    page += "\nBelow both:\n\n```console\n$ python double.py\n```\n"
    site.add_tabs("one = 1\none / 0", "two = 2\n\ntwo / 0", page)
    errors = site.verify()
    assert f"{CODE}:3, in <module>" in errors["pytorch"][1]
    assert f"{CODE}:8, in <module>" in errors["tensorflow"][1]


def test_what_a_command_prints_is_compared(site: Site) -> None:
    write(site, TEXT.replace("42.0", "43.0"))
    _, error = site.errors()
    assert error.startswith("docs/page.md:14: not what the block prints")
    assert "docs/page.md:8" in error
    assert site.record() == 1
    assert "42.0" in site.text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("$ python double.py 21", "python double.py 21", "no command: python double"),
        ("$ python double.py 21", "$ ", "no command: $"),
        ("console\n", "console raises\n", "unknown option 'raises'"),
        (' title="double.py"', ' raises title="double.py"', "it has no other option"),
    ],
)
def test_what_cannot_run_is_a_fault(site: Site, old: str, new: str, said: str) -> None:
    fault, *_ = write(site, TEXT.replace(old, new, 1)).faults()
    assert said in fault
    assert fault.startswith("docs/page.md:")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "HALF = 0.5",
            "HALF = = 0.5",
            "double.py is no Python: invalid syntax (code.py:6)",
        ),
        ('"""Double a number."""', "'''Double.'''", "cannot hold three single quotes"),
    ],
)
def test_a_file_that_is_no_python_is_a_fault(
    site: Site, old: str, new: str, said: str
) -> None:
    [fault] = write(site, code=FILE.replace(old, new)).faults()
    assert said in fault


def test_a_changed_command_or_file_runs_again(site: Site) -> None:
    def key() -> str:
        [program, _] = site.page().programs
        return keys.key(program, site.root)

    write(site)
    before = key()
    write(site, TEXT.replace("# Page", "# The page"))
    assert key() == before
    write(site, TEXT.replace("py 21", "py 21.0"))
    changed = key()
    write(site, code=FILE.replace("HALF", "A_HALF"))
    assert len({before, changed, key()}) == 3


def test_a_command_has_no_python_of_another_installation(site: Site) -> None:
    text = 'console\n$ python -c "import sys; print(sys.prefix)"\n'
    page = f"# Page\n\n```{text}```\n\n```text\n{sys.prefix}\n```\n"
    assert write(site, page).errors() == [""]


def test_commands_typed_as_html_are_refused(site: Site) -> None:
    html = '<pre class="language-console"><code>$ ls</code></pre>\n'
    [fault] = write(site, f"# Page\n\n{html}").faults()
    assert "code typed into the page, as HTML" in fault
    assert read_page(site.root / PAGE, site.root).blocks == ()
