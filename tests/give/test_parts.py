"""A page's parts: plain Markdown and blocks, as one framework's reader sees them."""

import re
from pathlib import Path

import pytest

from pagecode.give.parts import parts
from pagecode.read.page import Block, Page, read_pages
from tests.conftest import CODE, PAGE, Site

READS = None  # everything: it reads all pages

ROOT = Path(__file__).parents[2]
URL = "https://book.example/"
PAGES = read_pages(ROOT)


def programs(page: Page) -> dict[str, list[Block]]:
    made = {program.framework: program.blocks for program in page.programs}
    return made or {"pytorch": [], "tensorflow": []}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_real_page_gives_its_programs_blocks_and_leaks_no_markup(page):
    for framework, blocks in programs(page).items():
        found = parts(page, framework, ROOT, URL)
        assert [part for part in found if isinstance(part, Block)] == [*blocks]
        text = "\n\n".join(part for part in found if isinstance(part, str))
        bare = re.sub(r"^ *(```+|~~~+).*?^ *\1", "", text, flags=re.M | re.S)
        bare = re.sub(r"(`+).+?\1", "", bare)
        assert not re.findall(
            r"^[ >]*(?:===|!!!|\?\?\?).*|-8<-|<!--|</?div", bare, re.M
        )
        links = re.findall(r"\]\(([^)\s]+)", bare)
        assert [x for x in links if not re.match(r"https?:", x)] == []
        assert ".md)" not in bare
        assert not re.search(r"^ *\[[^]]+\]: ", bare, re.M)
        assert not re.search(r"\{ *[.#]\w", bare)
        assert len(text) > 300


def prose(site: Site, text: str, framework: str = "pytorch", name: str = PAGE) -> str:
    site.write(name, text)
    page = next(page for page in read_pages(site.root) if f"docs/{page.name}" == name)
    found = parts(page, framework, site.root, URL)
    return "\n@\n".join(part if isinstance(part, str) else "BLOCK" for part in found)


def section(site: Site) -> str:
    site.write(CODE, "# --8<-- [start:a]\nprint(1)\n# --8<-- [end:a]\n")
    return '```python\n--8<-- "code.py:a"\n```\n'


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (
            '!!! note "Mind"\n\n    One.\n\n    Two.\n',
            "> **Mind**\n>\n> One.\n>\n> Two.",
        ),
        ("!!! warning\n    One.\n\nAfter.", "> **Warning**\n>\n> One.\n\nAfter."),
        ('??? success "Solution"\n\n    It is.\n', "**Solution**\n\nIt is."),
        (
            '=== "Linux"\n\n    A\n\n=== "Mac"\n\n    B\n',
            "**Linux**\n\nA\n\n**Mac**\n\nB",
        ),
        ("See @@7@@ and @0@, a_b, 2 * 3", None),
        ("x<sup>2</sup> <kbd>K</kbd>", "x<sup>2</sup> `K`"),
        ("costs $5 or $6", "costs \\$5 or \\$6"),
        (
            "| a | b |\n|---|--:|\n| `x|y` | 1 |",
            "| a | b |\n| --- | ---: |\n| `x\\|y` | 1 |",
        ),
        ("# Title { #top .big }\n\nSee", "# Title\n\nSee"),
        ("A <!-- not\nthis --> b", "A b"),
        ('<div class="x" markdown>\n\nA\n{ .y }\n\n</div>\n</div>', "A"),
        ("[x](other.md#z)", "[x](https://book.example/other/#z)"),
        ("[x](#z)", "[x](https://book.example/page/#z)"),
        ("[`x`](index.md)", "[`x`](https://book.example/)"),
        ("[x](http://a.b/c.md)", "[x](http://a.b/c.md)"),
        ("![x](img/x.svg){ width=3 }", "![x](https://book.example/img/x.svg)"),
        ('<a href="../x/#y">x</a>', "[x](https://book.example/x/#y)"),
        ("`[x](y.md){ .z }` $a_{#b}$", "`[x](y.md){ .z }` $a_{#b}$"),
        (';--8<-- "a.py:b"', '--8<-- "a.py:b"'),
        ('```sh\n!!! x [a](b.md)\n\n\n\n=== "y"\n```', None),
        ("Said.[^1]\n\n[^1]: By me.", "Said. (note 1)\n\nNote 1: By me."),
        ("Term\n:   What it is", "Term\n- What it is"),
        ("---\ntitle: x\n---\n# X", "# X"),
        ("# X\n\nA\n\n---\n\nB", None),
    ],
)
def test_the_sites_markdown_becomes_plain(site, text, plain):
    assert prose(site, text) == (text if plain is None else plain)


def test_a_link_by_reference_finds_its_target_from_another_cell(site):
    code = section(site)
    text = (
        f"[a `b`][one], [One], [x][], [no] a[0]\n\n{code}\n[one]: #z\n[X]: other.md\n"
    )
    page, other = "https://book.example/page/#z", "https://book.example/other/"
    links = f"[a `b`]({page}), [One]({page}), [x]({other}), [no] a[0]"
    assert prose(site, text) == f"{links}\n@\nBLOCK"


def test_links_are_resolved_from_the_pages_own_folder(site):
    text = prose(site, "[x](../a/y.md) [z](index.md)", name="docs/models/x.md")
    assert text == "[x](https://book.example/a/y/) [z](https://book.example/models/)"


def test_only_the_frameworks_own_tab_is_kept(site):
    text = 'A\n\n=== "PyTorch"\n\n    P\n\n=== "TensorFlow"\n\n    T\n\nZ\n'
    assert prose(site, text) == "A\n\nP\n\nZ"
    assert prose(site, text, "tensorflow") == "A\n\nT\n\nZ"
    both = "A\n\n**PyTorch**\n\nP\n\n**TensorFlow**\n\nT\n\nZ"
    assert prose(site, text, "both") == both


def test_a_block_in_a_solution_is_a_block_and_its_output_and_picture_are_not_prose(
    site,
):
    code = section(site)
    inside = f"A\n\n{code}\n```text\n1\n```\n\n![x](figures/p-1.svg)\n\nB\n"
    indented = inside.replace("\n", "\n    ")
    text = f'![x](figures/p-1.svg)\n\n??? success "Solution"\n\n    {indented}\nZ'
    preview = "![x](https://book.example/figures/p-1.svg)"
    assert prose(site, text) == f"{preview}\n\n**Solution**\n\nA\n@\nBLOCK\n@\nB\n\nZ"


def test_the_text_after_a_block_in_a_list_does_not_turn_into_code(site):
    code = section(site).replace("\n", "\n    ")
    text = f"1.  One\n\n    {code}\n    more\n\n2.  Two\n"
    assert prose(site, text) == "1. One\n@\nBLOCK\n@\nmore\n2. Two"


def test_a_block_in_a_note_stands_between_two_quotes(site):
    code = section(site).replace("\n", "\n    ")
    text = f'!!! note "N"\n\n    A\n\n    {code}\n    B\n'
    assert prose(site, text) == "> **N**\n>\n> A\n@\nBLOCK\n@\n> B"


@pytest.mark.parametrize(
    ("after", "plain"),
    [
        ("    more\n\n    and more\n", "more\n\nand more"),
        ("Two.\n\n    as code\n", "Two.\n\n```text\nas code\n```"),
    ],
)
def test_indent_after_a_block_in_a_list_ends_with_the_list(site, after, plain):
    code = section(site).replace("\n", "\n    ")
    text = f"1.  One\n\n    {code.rstrip()}\n\n{after}"
    assert prose(site, text) == f"1. One\n@\nBLOCK\n@\n{plain}"


def test_three_blanks_are_no_tab(site):
    assert prose(site, '=== "TensorFlow"\n\n    T\n\n   Z\n') == "Z"


def test_a_rule_at_the_top_is_no_front_matter(site):
    assert prose(site, "---\nA\n") == "---\n\nA"


@pytest.mark.parametrize(
    "code",
    [
        "```html\n{}\n```",
        "~~~~ html\n```\n{}\n~~~~",
        '=== "Tab"\n\n    ````\n    ```\n    {}\n    ````',
        "> ~~~\n> {}\n> ~~~",
        "Write `{}` where it is wanted.",
        "Write `` ` {} `` where it is wanted.",
    ],
)
@pytest.mark.parametrize("asked", ["<!-- stamp: page.md -->", "<!-- stamps -->"])
def test_what_is_shown_as_code_asks_for_nothing(
    site: Site, code: str, asked: str
) -> None:
    site.write(PAGE, f"\\` {asked} ` {asked}\n\n{code.format(asked)}\n\n{asked}\n")
    page, fill = site.page(), lambda text: text.replace(asked, "filled")
    [text] = parts(page, "pytorch", site.root, URL, fill)
    before, after = text.split(asked)
    assert before.count("filled") == 2
    assert after.count("filled") == 1
