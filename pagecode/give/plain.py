"""Each page as plain Markdown, code and outputs in it, and `llms.txt`, which lists all.

For those who read without a browser: `models/x.md` lies beside the page `models/x/`.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pagecode.frameworks import BOTH, LABELS
from pagecode.give.export import Export, title
from pagecode.give.parts import LINK, absolute, address, parts
from pagecode.read.page import PICTURE, Block, Output, Page

COMMENT = re.compile(r"<!--.*?-->")
TAGS = re.compile(r"</?(span|time|wbr)\b[^>]*>")
OPTIONAL = """\
## Optional

- [programs.json]({site}programs.json): all scripts, notebooks and stand-alone programs
"""


def fence(language: str, text: str) -> str:
    """Return text as a fenced block, whatever fences it holds itself."""
    ticks = max(map(len, re.findall("`{3,}", text)), default=2) + 1
    return f"{'`' * ticks}{language}\n{text}\n{'`' * ticks}"


def shown(block: Block, output: Output | None, pictures: dict[Path, str]) -> list[str]:
    """Return a block as Markdown, and what it prints and draws."""
    found = [fence("python", block.text.strip("\n"))]
    if output:
        found.append(fence("text", "\n".join(output.lines)))
    return found + [pictures[picture.path] for picture in block.pictures]


def plain(
    page: Page,
    root: Path,
    site_url: str,
    exports: list[Export],
    fill: Callable[[str], str],
) -> str:
    """Return a page as Markdown that stands for itself, its links absolute.

    `fill` is given the page's comments, a line each, and returns what the site shows in
    their places; `exports` are the page's files.
    """
    site = site_url.rstrip("/") + "/"
    comments: list[str] = []

    def mark(found: re.Match) -> str:
        comments.append(found[0])
        return f"@@{len(comments) - 1}@@"

    fenced = {x for start, y in page.fences.items() for x in range(start, y.end)}
    lines = tuple(
        line if index in fenced else line.replaced(COMMENT.sub(mark, line))
        for index, line in enumerate(page.lines)
    )
    filled = fill("\n@@\n".join(comments)).split("\n@@\n")
    pieces = parts(replace(page, lines=lines), BOTH, root, site)

    folder = address(page.name.rpartition("/")[0] + "/index.md").lstrip("/")
    pictures = {}
    for line in page.lines:
        if found := PICTURE.fullmatch(line.strip()):
            path = page.path.parent / found["path"]
            pictures[path] = f"![{found['alt']}]({site}{folder}{found['path']})"
    # What several blocks print or draw alike stands once, below the last of them.
    last = {id(b.output): b for b in page.blocks if b.output}
    drawn = {picture.path: block for block in page.blocks for picture in block.pictures}
    written: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            written.append(piece)
            continue
        own = tuple(x for x in piece.pictures if drawn[x.path] is piece)
        output = piece.output if last.get(id(piece.output)) is piece else None
        written += shown(replace(piece, pictures=own), output, pictures)

    def restore(found: re.Match) -> str:
        text = TAGS.sub("", filled[int(found[1])])
        if text.startswith("|"):  # a table, which is the page's own Markdown
            text = LINK.sub(
                lambda x: x["before"] + absolute(x["to"], page.name, site), text
            )
        return "" if COMMENT.fullmatch(text) else text

    text = re.sub(r"@@(\d+)@@", restore, "\n\n".join(written)).rstrip()
    files = [
        f"- [{LABELS[x.framework]}, {x.kind}]({site}{x.path})"
        for x in exports
        if x.kind != "block"
    ]
    if files:
        text += "\n\n## Downloads\n\n" + "\n".join(files)
    text += f"\n\n---\n\nThis page: {site}{address(page.name)}"
    if page.blocks:
        text += f", {TAGS.sub('', fill(f'<!-- stamp: {page.name} -->'))}"
    return text + "\n"


def summary(text: str) -> str:
    """Return the first sentence of a page's Markdown."""
    prose = re.sub(r"(?ms)^(#|!\[|<|\||```).*?(\n\n|\Z)", "", text).lstrip()
    first = " ".join(prose.partition("\n\n")[0].split())
    return re.split(r"(?<=[.?!])\s", first)[0].rstrip(":")


def llms(
    name: str,
    description: str,
    site_url: str,
    sections: list[tuple[str, list[Page]]],
    texts: dict[str, str],
) -> str:
    """Return llms.txt: what the site is, and where each page lies as Markdown."""
    site = site_url.rstrip("/") + "/"
    written = [f"# {name}\n", f"> {description}\n"]
    for section, pages in sections:
        written.append(f"## {section}\n")
        for page in pages:
            said = summary(texts[page.name])
            written.append(f"- [{title(page)}]({site}{page.name}): {said}")
        written.append("")
    return "\n".join([*written, OPTIONAL.format(site=site)])
