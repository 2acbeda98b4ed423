"""A built site is held against the book, whatever has built it."""

import re
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from pagecode.site.book import Book
from pagecode.site.check import check
from tests.conftest import TWO_TABS, Site, run, set_up
from tests.served import build


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> tuple[Path, Path]:
    """A project of three pages, and its site."""
    root = tmp_path_factory.mktemp("project")
    site = set_up(Site(root))
    escaped = '```\n;--8<-- "code.py:a"\n```\n'
    site.add_tabs("x = 1", "y = 2", f"# Title\n\n$x$\n\n{TWO_TABS}\n{escaped}")
    site.write("docs/other.md", "# Other\n\n[it](page.md#title)\n")
    done = build(root, root / "site", "--strict")
    assert done.returncode == 0, done.stderr
    return root, root / "site"


def change(path: str, old: str, new: str) -> Callable[[Path], None]:
    """Return what changes the first such words of a built file."""

    def work(site: Path) -> None:
        text = (site / path).read_text(encoding="utf-8")
        assert re.search(old, text, re.DOTALL)
        changed = re.sub(old, new, text, count=1, flags=re.DOTALL)
        (site / path).write_text(changed, encoding="utf-8")

    return work


HTML = "page/index.html"
END = "</article>"
PROGRAM = r' data-program-tensorflow="[^"]*"'
RAW = f'<pre><code class="language-python">y = 2</code></pre>{END}'


def test_sound_site_has_no_fault(sound: tuple[Path, Path]) -> None:
    assert check(Book(sound[0]), sound[1]) == []


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (change(HTML, END, RAW), "docs/page.md: of 2 Python blocks that were read"),
        (change("other/index.html", END, RAW), "docs/other.md: of 0 Python blocks"),
        (change("404.html", END, RAW), "404.html: shows Python that nothing has run"),
        (
            change(HTML, "<code>.*?</code>", ""),
            "docs/page.md:7: the HTML shows another",
        ),
        (
            change(HTML, r">1</span>", ">2</span>"),
            "docs/page.md:7: the HTML shows anoth",
        ),
        (
            change(HTML, PROGRAM, ""),
            "docs/page.md: the site was built without pagecode",
        ),
        (
            change(HTML, "<math.*?</math>", '<i class="arithmatex">'),
            "without pagecode's",
        ),
        (
            change("other/index.html", END, f"<!-- stamps -->{END}"),
            "docs/other.md: the",
        ),
        (
            change(HTML, "</p>", '</p><p>--8<-- "x"</p>'),
            "docs/page.md: an include reach",
        ),
        (
            change(HTML, 'id="title"', 'id="x"'),
            "other/index.html: the link ../page/#ti",
        ),
        (
            change(HTML, END, f'<a href="x/">a</a>{END}'),
            f"{HTML}: the link x/ leads no",
        ),
        (
            change(HTML, END, f'<i id="title">{END}'),
            "docs/page.md: the id 'title' is t",
        ),
        (lambda x: (x / HTML).unlink(), f"docs/page.md: the site has no {HTML}"),
        (lambda x: (x / "programs/page.pytorch.1.py").unlink(), ".1.py leads nowhere"),
        (change(HTML, END, f'<img src="//x.org/y">{END}'), "asks another host for //x"),
        (change(HTML, "</head>", "<style>@import 'http://x.org'"), "asks another host"),
        (change(HTML, END, '<b style="mask:url(//x.org)">b</b>'), "asks another host"),
        (
            change(HTML, END, '<img src="" srcset="/a.png 1x, //x.org/y 2x">'),
            "asks another host for //x",
        ),
        (change(HTML, END, '<video poster="//x.org/y"></video>'), "host for //x.org/y"),
        (
            change(HTML, END, '<svg><use xlink:href="//x.org/y#a"/></svg>'),
            "asks another host for //x",
        ),
        (change(HTML, "</head>", '<link rel="icon" href="//x.org/i">'), "host for //x"),
        (change(HTML, END, '<form action="nowhere/"></form>'), "nowhere/ leads no"),
        (
            change("assets/site.css", "^", "a{b:url(https://x.org)}"),
            "site.css: asks an",
        ),
        (
            change("notebooks/page.pytorch/index.html", r">1</span>", ">2</span>"),
            "notebooks/page.pytorch/index.html: shows other cells than programs/page.",
        ),
    ],
)
def test_fault_of_a_site_is_told(
    sound: tuple[Path, Path], tmp_path: Path, work: Callable, told: str
) -> None:
    site = copytree(sound[1], tmp_path / "site")
    work(site)
    assert any(told in fault for fault in check(Book(sound[0]), site))


def test_what_a_reader_may_follow_asks_no_host(
    sound: tuple[Path, Path], tmp_path: Path
) -> None:
    site = copytree(sound[1], tmp_path / "site")
    more = '<a href="//x.org">x</a><form action="//x.org"></form>'
    change(HTML, END, f'{more}<q cite="//x.org">q</q>{END}')(site)
    change(HTML, "</head>", '<link rel="license" href="//x.org"></head>')(site)
    assert check(Book(sound[0]), site) == []


def test_command_completes_a_site_that_something_else_has_built(
    sound: tuple[Path, Path], tmp_path: Path, monkeypatch, capsys
) -> None:
    site = copytree(sound[1], tmp_path / "site")
    written = ["programs.json", "llms.txt", "page.md", "programs/page.pytorch.py"]
    texts = {name: (site / name).read_text(encoding="utf-8") for name in written}
    for name in written:
        (site / name).unlink()
    (site / "programs/old.py").write_text("1 / 0")
    monkeypatch.chdir(sound[0])
    assert run(monkeypatch, "site", str(site)) == 0
    assert {x: (site / x).read_text(encoding="utf-8") for x in written} == texts
    assert not (site / "programs/old.py").exists()

    change(HTML, END, RAW)(site)
    assert run(monkeypatch, "site", str(site)) == 1
    assert "docs/page.md: of 2 Python blocks" in capsys.readouterr().err
    assert run(monkeypatch, "site", "nowhere") == 1
    assert "build it first" in capsys.readouterr().err


def test_a_build_without_our_part_does_not_look_verified(
    sound: tuple[Path, Path], tmp_path: Path
) -> None:
    root = copytree(sound[0], tmp_path / "other", symlinks=True)
    config = (root / "mkdocs.yml").read_text(encoding="utf-8")
    config = re.sub(r"(?m)^hooks: .*$|^  - pagecode\.site\.extension.*$", "", config)
    (root / "mkdocs.yml").write_text(config, encoding="utf-8")
    done = build(root, tmp_path / "built")
    assert done.returncode == 0, done.stderr
    faults = check(Book(root), tmp_path / "built")
    assert any(x.startswith("docs/page.md: the site was built without") for x in faults)
