"""Each page as plain Markdown, code and outputs in it, and `llms.txt`, which lists all.

For those who read without a browser: `models/x.md` lies beside the page `models/x/`.
"""

import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urljoin

from pagecode.frameworks import BOTH, LABELS
from pagecode.give.export import Export
from pagecode.give.parts import fence, parts
from pagecode.read.page import Page

OPTIONAL = """\
## Optional

- [programs.json]({site}programs.json): all scripts, notebooks and stand-alone programs
"""


def plain(
    page: Page,
    root: Path,
    site: str,
    exports: list[Export],
    fill: Callable[[str], str],
    stamp: str,
) -> str:
    """Return a page as Markdown that stands for itself, its links absolute.

    `site` is the address of the site, with a stroke at its end.
    `fill` puts into the page's text what it asks for in comments; `exports` are the
    page's files, and `stamp` says what was verified of them.
    """
    # What several blocks print or draw alike stands once, below the last of them.
    last = {id(b.output): b for b in page.blocks if b.output}
    drawn = {picture.path: block for block in page.blocks for picture in block.pictures}
    written: list[str] = []
    for piece in parts(page, BOTH, root, site, fill):
        if isinstance(piece, str):
            written.append(piece)
            continue
        shown = piece.shown.strip("\n")
        head = (
            f'{piece.language} title="{piece.file}"' if piece.file else piece.language
        )
        written.append(fence(head, shown))
        if piece.output and last[id(piece.output)] is piece:
            written.append(fence("text", "\n".join(piece.output.lines)))
        for picture in piece.pictures:
            if drawn[picture.path] is piece:
                path = posixpath.relpath(picture.path, root / "docs")
                written.append(f"![{picture.alt}]({site}{quote(path)})")
    files = [
        f"- [{LABELS[x.framework]}, {x.kind}]({site}{quote(x.path)})"
        for x in exports
        if x.kind != "block"
    ]
    if files:
        written.append("## Downloads\n\n" + "\n".join(files))
    end = f"---\n\nThis page: {urljoin(site, page.address)}"
    if page.blocks:
        end += f", {re.sub('<[^>]*>', '', stamp)}"
    return "\n\n".join([*written, end]) + "\n"


def summary(text: str) -> str:
    """Return the first sentence of a page's Markdown."""
    prose = re.sub(r"(?ms)^(#|!\[|<|\||```).*?(\n\n|\Z)", "", text).lstrip()
    first = " ".join(prose.partition("\n\n")[0].split())
    return re.split(r"(?<=[.?!])\s", first)[0].rstrip(":")


def llms(
    name: str,
    description: str,
    site: str,
    sections: dict[str, list[Page]],
    texts: dict[str, str],
) -> str:
    """Return llms.txt: what the site is, and where each page lies as Markdown."""
    written = [f"# {name}\n", f"> {description}\n"]
    for section, pages in sections.items():
        written.append(f"## {section}\n")
        for page in pages:
            said = summary(texts[page.name])
            written.append(f"- [{page.title}]({site}{quote(page.name)}): {said}")
        written.append("")
    return "\n".join([*written, OPTIONAL.format(site=site)])
