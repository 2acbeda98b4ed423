"""A page as its reader of one framework sees it: plain Markdown, and the blocks."""

import posixpath
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin

from pagecode.book import measured
from pagecode.frameworks import BOTH, FRAMEWORKS
from pagecode.read.page import TAB, Block, Output, Page

NOTE = re.compile(
    r' *(?P<mark>!!!|\?\?\?)\+? ?(?P<type>[\w-]+)(?: +[\w-]+)*(?: +"(?P<title>.*)")? *'
)
KEPT = re.compile(  # code and formulas: nothing in them is a link or an attribute
    r"(?<![`\\])(?P<ticks>`+)(?!`)(?:(?!\n\n).)+?(?<!`)(?P=ticks)(?!`)"
    r"|\$\$.+?\$\$"
    r"|(?<![\\$])\$(?![\s$])(?:(?!\n\n)[^$])+?(?<![\s\\])\$(?!\d)",
    re.DOTALL,
)
ATTRIBUTE = r"""(?:[#.][\w:-]+|[\w:-]+=(?:"[^"]*"|'[^']*'|[^\s"'}]+))"""
ATTRIBUTES = re.compile(rf"[ \t]*\{{:?[ ]*{ATTRIBUTE}(?:[ ]+{ATTRIBUTE})*[ ]*\}}")
COMMENT = re.compile(r"<!--.*?-->[ \t]*\n?", re.DOTALL)
LAYOUT = re.compile(r"^[ \t]*</?div\b[^>]*>[ \t]*\n?", re.MULTILINE)
LINK = re.compile(r"(?P<before>\]\(<?)(?P<to>[^\s()<>]+)(?=>?(?:\)|\s))")
TARGET = re.compile(r" {0,3}\[(?P<label>[^]^]+)\]: *<?(?P<to>[^\s<>]+)>?.*")
REFERENCE = re.compile(
    r"(?<![\]\\])\[(?P<text>[^][^]+)\](?:\[(?P<label>[^][]*)\])?(?![\[(:])"
)
RAW = re.compile(r"""(?P<before><[^<>]*\s(?:src|href)=["'])(?P<to>[^"']*)""")
WORDS = [  # what is left of the site's Markdown, and how it reads in plain Markdown
    (re.compile(r"(<\w[^>]*?) markdown(?:=\S*?)?(?=[ >])"), r"\1"),
    (re.compile(r"^( *)\[\^([^]]+)\]:", re.MULTILINE), r"\1Note \2:"),
    (re.compile(r"\[\^([^]]+)\]"), r" (note \1)"),
    (re.compile(r"^ *\*\[([^]]+)\]: *", re.MULTILINE), r"**\1**: "),
    (re.compile(r"^( *):(?= {1,3}\S)", re.MULTILINE), r"\1-"),
]


@dataclass(frozen=True)
class Item:
    """One line of a page, or one of its blocks in the place of its fence."""

    text: str  # of a block: its indent
    block: Block | None = None
    fenced: bool = False  # inside a fence that is no block: not to be touched

    @property
    def indent(self) -> int:
        """The columns before the text."""
        return len(self.text) - len(self.text.lstrip(" "))

    @property
    def blank(self) -> bool:
        """Whether it is an empty line, which ends nothing that is indented."""
        return not self.block and not self.text.strip()

    def dedent(self, columns: int) -> "Item":
        """The same with that much less indent, as far as there is any."""
        return replace(self, text=self.text[min(columns, self.indent) :])


def parts(page: Page, framework: str, root: Path, site_url: str) -> list[str | Block]:
    """Return pieces of plain Markdown and the page's own blocks, in page order.

    `framework` is pytorch, tensorflow or both; the blocks are those of that program.
    Outputs and the pictures that blocks draw are left out: they are the blocks' own.
    Relative links become absolute ones under `site_url`.
    """
    if not page.path.is_relative_to(root / "docs"):
        raise ValueError(f"{page.path} is no page of {root}")
    site = site_url.rstrip("/") + "/"
    found = items(page, root)
    marks = [TARGET.fullmatch(bare(item)) for item in found]
    targets = {label(mark["label"]): mark["to"] for mark in marks if mark}
    found = [item for item, mark in zip(found, marks, strict=True) if not mark]
    pieces: list[str | Block] = []
    prose: list[Item] = []
    loose = 0  # what follows a block in a list or the like has its indent no more
    for item in [*unfold(found, framework), None]:
        if item and not item.block:
            if not item.blank and not item.fenced and item.indent < loose:
                loose = 0
            prose.append(item.dedent(loose))
            continue
        if text := plain(prose, page.name, site, targets):
            pieces.append(text)
        prose = []
        if item and item.block:
            pieces.append(item.block)
            loose = item.indent
    return pieces


def bare(item: Item) -> str:
    """Return an item's text where it is prose, and nothing of all else."""
    return "" if item.block or item.fenced else item.text


def label(text: str) -> str:
    """Return a reference's label as it is compared."""
    return " ".join(text.lower().split())


def items(page: Page, root: Path) -> list[Item]:
    """Return the page's lines and blocks, without outputs and drawn pictures."""
    found: list[Item] = []
    index = 0
    while index < len(page.lines):
        fence = page.fences.get(index)
        end = fence.end if fence else index + 1
        if not fence:
            if index not in page.drawn:
                line = str(page.lines[index])
                text = measured.fill(line, f"docs/{page.name}", root)
                found += [Item(x) for x in text.split("\n")]
        elif isinstance(fence.part, Block):
            found.append(Item(" " * fence.indent, fence.part))
        elif not isinstance(fence.part, Output):
            lines = map(str, page.lines[index:end])
            found += [Item(line, fenced=True) for line in lines]
        index = end
    return found


def unfold(found: list[Item], framework: str) -> list[Item]:
    """Resolve tabs, notes and details into what one framework's reader sees of them."""
    unfolded: list[Item] = []
    index = 0
    while index < len(found):
        item = found[index]
        index += 1
        tab, note = TAB.fullmatch(bare(item)), NOTE.fullmatch(bare(item))
        if not tab and not note:
            unfolded.append(item)
            continue
        end = index
        while end < len(found) and (
            found[end].blank or found[end].indent >= item.indent + 4
        ):
            end += 1
        inside = unfold([x.dedent(4) for x in found[index:end]], framework)
        index = end
        before = " " * item.indent
        if tab:
            name = FRAMEWORKS.get(tab["label"])
            if name and framework not in (name, BOTH):
                continue
            head = [] if name == framework else [f"**{tab['label']}**", ""]
        elif note:
            title = note["title"]
            title = note["type"].capitalize() if title is None else title
            head = [f"**{title}**", ""] if title else []
            if note["mark"] == "!!!":
                inside = quoted(inside, before)
                head = [f"> {line}".rstrip() for line in head]
        unfolded += [Item(""), *(Item(before + line) for line in head), *inside]
        unfolded.append(Item(""))
    return unfolded


def quoted(inside: list[Item], before: str) -> list[Item]:
    """Return the items as a blockquote; a block in it stands between two quotes."""
    while inside and inside[0].blank:
        inside = inside[1:]
    while inside and inside[-1].blank:
        inside = inside[:-1]
    return [
        item
        if item.block
        else replace(item, text=f"{before}> {item.text[len(before) :]}".rstrip())
        for item in inside
    ]


def plain(prose: list[Item], name: str, site: str, targets: dict[str, str]) -> str:
    """Return one piece of Markdown; what is fenced in it stays as it is."""
    written: list[str] = []
    run: list[str] = []
    for item in [*prose, Item("", fenced=True)]:
        if not item.fenced:
            run.append(item.text)
            continue
        text = translate("\n".join(run), name, site, targets)
        written += [re.sub(r"\n(?:[ \t]*\n){2,}", "\n\n", text)] if run else []
        written.append(item.text)
        run = []
    text = "\n".join(written)
    return re.sub(r"\A(?:[ >]*\n)+|\n[\s>]*\Z", "", text).rstrip()


def translate(text: str, name: str, site: str, targets: dict[str, str]) -> str:
    """Return text between fences with all that only the site understands resolved."""
    kept: list[str] = []

    def keep(found: re.Match) -> str:
        kept.append(found[0])
        return f"\0{len(kept) - 1}\0"

    def restore(text: str) -> str:
        return re.sub(r"\0(\d+)\0", lambda found: kept[int(found[1])], text)

    def inline(found: re.Match) -> str:
        to = targets.get(label(restore(found["label"] or found["text"])))
        return f"[{found['text']}]({to})" if to else found[0]

    def link(found: re.Match) -> str:
        return found["before"] + absolute(found["to"], name, site)

    def raw(found: re.Match) -> str:
        return found["before"] + urljoin(site + address(name), found["to"])

    text = COMMENT.sub("", KEPT.sub(keep, text))
    text = ATTRIBUTES.sub("", LAYOUT.sub("", text))
    text = RAW.sub(raw, LINK.sub(link, REFERENCE.sub(inline, text)))
    for pattern, words in WORDS:
        text = pattern.sub(words, text)
    return restore(text)


def address(name: str) -> str:
    """Return where the site shows a page: models/x.md is shown at models/x/."""
    folder, file = posixpath.split(name.removesuffix(".md"))
    return "/".join(x for x in (folder, "" if file == "index" else file) if x) + (
        "" if name == "index.md" else "/"
    )


def absolute(to: str, name: str, site: str) -> str:
    """Return a link of the page `name` as an absolute one."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|//", to):
        return to
    path, hash_, anchor = to.partition("#")
    if not path:
        path = name
    elif path.startswith("/"):
        return urljoin(site, to)
    else:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    return site + (address(path) if path.endswith(".md") else path) + hash_ + anchor
