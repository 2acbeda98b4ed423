"""A page's blocks and outputs, and the program that each framework makes of them.

A page is read off the HTML that the site's own Markdown makes of it: what is shown as a
block is a block, and what is not shown is none.
"""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from bs4 import BeautifulSoup, NavigableString, Tag
from bs4.element import PreformattedString
from markdown import Markdown

from pagecode.frameworks import BOTH, FRAMEWORKS, selected
from pagecode.read import config
from pagecode.read.fences import (
    BROKEN,
    CONSOLE,
    FENCE_HERE,
    MARK,
    PICTURE_HERE,
    TAB_HERE,
    Fence,
    FenceFinder,
    is_block,
    mark,
)
from pagecode.read.includes import Fault, Includes, Line
from pagecode.read.shell import FILE, commands, writes

TIME_LIMIT = 120.0  # seconds that a block may run, unless it says `limit=…`
BLOCK_OPTIONS = {"raises", "limit", "both", "title", "hl_lines", "linenums"}
CONSOLE_OPTIONS = {"limit", "title"}
OUTPUT_OPTIONS = {"varies", "atol", "title"}


@dataclass(frozen=True)
class Output:
    """The `text` fence directly after a block: what that block prints."""

    line: int  # the page's number of its first text line
    indent: str  # what each of its lines begins with on the page
    lines: tuple[Line, ...]
    varies: bool = False  # its characters are not compared
    atol: str | None = None  # wider room for floats; the prose beside it says why


@dataclass(frozen=True)
class Picture:
    """The picture directly after a block: what that block draws."""

    where: str  # docs/models/x.md:12
    path: Path  # the SVG
    alt: str  # what there is to see


@dataclass(frozen=True, eq=False)
class Block:
    """One Python fence of a page, as the reader sees it, or one of commands."""

    where: str  # docs/models/x.md:12
    lines: tuple[Line, ...]  # the Python that runs
    framework: str | None  # None outside the tabs: it belongs to every program
    both: bool = False  # it needs both frameworks
    raises: bool = False
    limit: float = TIME_LIMIT
    output: Output | None = None
    pictures: tuple[Picture, ...] = ()
    # Where it is not what runs: the lines that a file gets, of this name; or commands.
    instead: tuple[Line, ...] = ()
    file: str = ""

    @property
    def text(self) -> str:
        """The code that runs."""
        return "\n".join(self.lines)

    @property
    def shown(self) -> str:
        """The text as the reader sees it."""
        return "\n".join(self.shown_lines)

    @property
    def shown_lines(self) -> tuple[Line, ...]:
        """The same by lines, each with its place."""
        return self.instead or self.lines

    @property
    def language(self) -> str:
        """What the reader sees."""
        return CONSOLE if self.instead and not self.file else "python"


@dataclass(frozen=True, eq=False)
class Program:
    """The blocks of one page for one framework, in page order."""

    page: "Page" = field(repr=False)
    framework: str
    blocks: tuple[Block, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """`pytorch/models/x.md`, as in the names of tests."""
        return f"{self.framework}/{self.page.name}"


@dataclass(frozen=True, eq=False)
class Page:
    """A page's blocks in order, and all that is wrong with it before anything runs."""

    path: Path
    name: str  # models/x.md
    title: str  # as the site tells it
    head: dict[str, Any] = field(repr=False)  # its front matter
    text: str = field(repr=False)  # below the front matter, as it is typed
    blocks: tuple[Block, ...]
    faults: tuple[Fault, ...]
    lines: tuple[Line, ...] = field(repr=False)  # below the front matter, expanded
    fences: tuple[Fence, ...] = field(repr=False)  # shown or not

    @property
    def stem(self) -> str:
        """Its name among the programs: `models/x.md` is `x`."""
        return Path(self.name).stem

    @property
    def address(self) -> str:
        """Where the site shows it, as in a link."""
        return address(self.name)

    @cached_property
    def programs(self) -> list[Program]:
        """One program per framework that the page's tabs name; both where none does.

        A page with a block that needs both frameworks is one program of all its blocks.
        """
        if any(block.both for block in self.blocks):
            return [Program(self, BOTH, self.blocks)]
        named = {block.framework for block in self.blocks} - {None}
        return [
            Program(
                self, name, tuple(b for b in self.blocks if b.framework in (None, name))
            )
            for name in FRAMEWORKS.values()
            if self.blocks and (name in named or not named)
        ]


def address(name: str) -> str:
    """Return where the site shows a page: `models/x.md` at `models/x/`."""
    path = Path(name)
    shown = path.parent if path.stem in ("index", "README") else path.with_suffix("")
    return "" if shown == Path() else quote(shown.as_posix()) + "/"


def place_of(text: str, page: str, root: Path) -> str:
    """Return where a page first has these words, as `docs/x.md:5`; else its start."""
    source = (root / page).read_text(encoding="utf-8-sig")
    found = re.search(r"[\s>]+".join(map(re.escape, text.split())), source)
    return f"{page}:{source[: found.start() if found else 0].count(chr(10)) + 1}"


def programs_to_run(pages: list[Page]) -> list[Program]:
    """Return the programs of these pages, or FRAMEWORK's alone, in page order."""
    found = [program for page in pages for program in page.programs]
    return [x for x in found if x.framework in selected()]


class Reader:
    """Reads one page, from the top of what is shown to the bottom.

    Fences are told by their numbers. `ready` are those of the blocks directly above: an
    output or a picture here would belong to them.
    """

    def __init__(self, path: Path, root: Path, site: Any) -> None:
        self.path, self.root, self.site = path, root, site
        self.faults: list[Fault] = []
        self.lines: list[Line] = []
        self.fences: list[Fence] = []
        self.blocks: dict[int, Block] = {}
        self.outputs: dict[int, Output] = {}
        self.output_of: dict[int, Output] = {}
        self.pictures: dict[int, list[Picture]] = defaultdict(list)
        self.previews: list[tuple[Line, Picture]] = []
        self.met: set[int] = set()  # shown, or hidden in a comment

    def fault(self, line: Line, what: str) -> None:
        """Note what is wrong at a line."""
        self.faults.append(Fault(line.place(self.root), what))

    def read(self, text: str | None = None) -> Page:
        """Read the page, or what it would be with this text."""
        name = self.path.relative_to(self.root / "docs").as_posix()
        head, below = dict[str, Any](), ""
        markdown, heading = config.markdown(self.site)
        try:
            if text is None:
                text = self.path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            self.fault(Line("", self.path, 1), f"this page cannot be read: {error}")
        else:
            below, head = config.without_front_matter(text)
            above = text[: len(text) - len(below)].count("\n")
            page = [
                Line(x, self.path, n)
                for n, x in enumerate(below.split("\n"), above + 1)
            ]
            includes = Includes.replace_in(markdown, self.root)
            self.lines, self.faults = includes.expand(page)
            if head.get("title", "none is given") in (None, ""):
                what = "the title in its front matter is empty"
                self.fault(Line("", self.path, 1), what)
            self.fences, html = self.convert(markdown)
            self.walk(html, [])
            self.check()
        blocks = {
            number: replace(
                block,
                output=self.output_of.get(number),
                pictures=tuple(self.pictures[number]),
            )
            for number, block in self.blocks.items()
        }
        parts: dict[int, Block | Output] = {**blocks, **self.outputs}
        return Page(
            self.path,
            name,
            config.title(name, head, MARK.sub("", heading.text)),
            head,
            below,
            tuple(blocks.values()),
            tuple(sorted(self.faults, key=lambda fault: fault.place)),
            tuple(self.lines),
            tuple(replace(x, part=parts.get(n)) for n, x in enumerate(self.fences)),
        )

    def convert(self, markdown: Markdown) -> tuple[list[Fence], BeautifulSoup]:
        """Return the fences that are found, and the HTML with a place for each."""
        finder = FenceFinder.replace_in(markdown)
        marked = []
        for index, line in enumerate(self.lines):
            text, here = str(line), mark(index)
            if tab := TAB_HERE.match(text):
                text = f"{tab[0]}{here}{text[tab.end() :]}"
            marked.append(PICTURE_HERE.sub(here, text) if "![" in text else text)
        html = markdown.convert("\n".join(marked))
        return finder.found, BeautifulSoup(html, "html.parser")

    def walk(
        self, parent: Tag, labels: list[str], above: Sequence[int] = ()
    ) -> list[int]:
        """Read what an element shows, under these tabs; return what is ready below.

        `above` is what is ready above its first line.
        """
        ready = list(above)
        for child in parent.children:
            if isinstance(child, PreformattedString):  # a comment
                self.met |= {int(x) for x in FENCE_HERE.findall(child)}
            elif isinstance(child, NavigableString):
                for index in BROKEN.findall(child):
                    what = "is not closed, or holds a line with less indent"
                    self.fault(self.lines[int(index)], f"this fence {what}")
                if bare(child):
                    ready = []
            elif not isinstance(child, Tag):
                continue
            elif number := child.get("data-fence"):
                self.met.add(int(str(number)))
                ready = self.read_fence(int(str(number)), labels, ready)
            elif "tabbed-set" in child.get_attribute_list("class"):
                ready = self.walk_tabs(child, labels)
            elif "arithmatex" in child.get_attribute_list("class"):
                ready = []  # a formula: nothing in it is shown as a block
            elif pictures := only_pictures(child):
                for picture in pictures:
                    if ready or picture is not child:  # not one that adorns a text
                        self.read_picture(picture, ready)
            else:
                self.check_typed(child)
                # Markdown puts a fence with no blank line below it into a paragraph.
                inside = ready if child.name == "p" else ()
                ready = self.walk(child, labels, inside)
        return ready

    def walk_tabs(self, tabs: Tag, labels: list[str]) -> list[int]:
        """Read a set of tabs; an output below belongs to the last block of each."""
        names: list[str] = []
        ends: list[list[int]] = []
        heads, inside = (
            [
                x
                for part in tabs(class_=box, recursive=False)
                for x in part(tag, recursive=False)
            ]
            for box, tag in (("tabbed-labels", "label"), ("tabbed-content", "div"))
        )
        if len(heads) != len(inside):
            what = "HTML that is not balanced breaks this set of tabs"
            self.fault(self.line_of(tabs.get_text(), "==="), what)
        for head, tab in zip(heads, inside, strict=False):
            name = bare(head.get_text())
            if name in names:
                what = f"this set of tabs has '{name}' already"
                line = self.line_of(head.get_text(), name)
                self.fault(line, f"{what}; write prose between two sets")
            if not any(str(child).strip() for child in tab.children):
                what = "this tab is empty: indent its content by four blanks"
                self.fault(self.line_of(head.get_text(), name), what)
            names.append(name)
            ends.append(self.walk(tab, [*labels, name]))
        return [number for end in ends for number in end] if all(ends) else []

    def line_of(self, text: str, shown: str) -> Line:
        """Return the line that a mark in this text names, or else the first like it."""
        if found := MARK.search(text):
            return self.lines[int(found[1])]
        like = (line for line in self.lines if shown in line)
        return next(like, Line("", self.path, 1))

    def read_fence(self, number: int, labels: list[str], ready: list[int]) -> list[int]:
        """Read a fence as a block, an output or neither; return what is ready below."""
        fence = self.fences[number]
        opening = self.lines[fence.start]
        try:
            runs_here = is_block(fence.language)
            if not runs_here and fence.language != "text":
                return []
            options = {"text": OUTPUT_OPTIONS, CONSOLE: CONSOLE_OPTIONS}
            allowed = options.get(fence.language, BLOCK_OPTIONS)
            if unknown := sorted(set(fence.options) - allowed):
                raise ValueError(f"unknown option '{unknown[0]}'")
            if not runs_here:
                self.read_output(number, fence, ready)
                return ready
            self.blocks[number] = self.read_block(fence, labels)
            return [number]
        except ValueError as error:
            self.fault(opening, str(error))
            return []

    def content(self, fence: Fence) -> tuple[Line, ...]:
        """Return the lines inside a fence as they are shown."""
        lines = self.lines[fence.start + 1 : fence.end - 1]
        pairs = zip(lines, fence.texts, strict=True)
        return tuple(line.replaced(text) for line, text in pairs)

    def read_block(self, fence: Fence, labels: list[str]) -> Block:
        """Read a fence that runs; ValueError names what is wrong with it as a whole."""
        named = [FRAMEWORKS[x] for x in labels if x in FRAMEWORKS]
        framework = named[0] if named else None
        lines, known = self.content(fence), " or ".join(FRAMEWORKS)
        if len(set(named)) > 1:
            raise ValueError("this block is under the tabs of two frameworks")
        if labels and not framework:
            raise ValueError(f"this block's tab is '{labels[-1]}', not {known}")
        if not any(line.strip() for line in lines):
            raise ValueError("this block is empty")
        for line in lines if fence.language != CONSOLE else ():
            if line.strip() and line.file.suffix != ".py":
                what = f"code typed into the page: {line.strip()}"
                self.fault(line, f"{what} (include it from a section under snippets/)")
                break
        limit = positive(fence.options.get("limit", str(TIME_LIMIT)), "limit")
        both, raises = (name in fence.options for name in ("both", "raises"))
        if both and framework:
            raise ValueError("a block that needs both frameworks stands outside tabs")
        where = self.lines[fence.start].place(self.root)
        block = Block(where, lines, framework, both, raises, limit)
        if fence.language == CONSOLE:
            return replace(block, lines=commands(lines), instead=lines)
        if not FILE.fullmatch(name := fence.options.get("title", "")):
            return block
        if len(fence.options) > 1:  # beside which the site shows no title
            raise ValueError(f"this block writes {name}: it has no other option")
        return replace(block, lines=writes(name, lines), instead=lines, file=name)

    def read_output(self, number: int, fence: Fence, ready: list[int]) -> None:
        """Read a `text` fence as the output of the block or blocks directly above."""
        if not ready:
            raise ValueError("this output has no block directly above it")
        if any(block in self.output_of for block in ready):
            raise ValueError("a block directly above has its output already")
        atol = fence.options.get("atol")
        if atol is not None:
            positive(atol, "atol")
        opening, lines = self.lines[fence.start], self.content(fence)
        if any(line.file != self.path for line in lines):
            raise ValueError("an output stands on the page itself, not in an include")
        varies = "varies" in fence.options
        if varies and any(self.blocks[block].raises for block in ready):
            raise ValueError("an error is compared, so this output cannot vary")
        indent = opening[: len(opening) - len(opening.lstrip(" \t>"))]
        output = Output(opening.number + 1, indent, lines, varies, atol)
        self.outputs[number] = output
        self.output_of |= dict.fromkeys(ready, output)

    def read_picture(self, picture: Tag, ready: list[int]) -> None:
        """Read a picture as a figure of the block or blocks directly above."""
        address = urlsplit(str(picture.get("src", "")))
        path = self.path.parent / unquote(address.path)
        if address.netloc or path.suffix != ".svg" or "figures" not in path.parts:
            return
        before, alt = picture.previous_sibling, bare(str(picture.get("alt", "")))
        line = self.line_of(str(before or ""), address.path)
        if not path.resolve().is_relative_to((self.root / "docs").resolve()):
            self.fault(line, "this picture is outside docs/, where nothing is drawn")
            return
        if not alt:
            self.fault(line, "this picture has no text that says what to see")
        shown = Picture(line.place(self.root), path, alt)
        if not ready:  # a preview of what a block further down draws
            self.previews.append((line, shown))
        for number in ready:
            self.pictures[number].append(shown)

    def check_typed(self, element: Tag) -> None:
        """Note Python that is shown as a block and stands in the page's own HTML."""
        tags = [element, element.find("code"), element.parent]
        for tag in filter(None, tags if element.name == "pre" else []):
            for name in tag.get_attribute_list("class"):
                prefix, _, language = str(name).rpartition("language-")
                if language != name and not prefix and runs(language):
                    line = self.line_of(element.get_text(), str(name))
                    self.fault(line, "code typed into the page, as HTML")
                    return

    def check(self) -> None:
        """Note the fences that are not shown, and pictures that no block draws."""
        for number, fence in enumerate(self.fences):
            if number not in self.met and (
                runs(fence.language) or fence.language == "text"
            ):
                what = "the site does not show this as a block: look at its indent"
                self.fault(self.lines[fence.start], what)
        inside = {i for x in self.fences for i in range(x.start, x.end)}
        outside = (x for i, x in enumerate(self.lines) if i not in inside)
        for line in outside:
            if line.strip() and line.file.suffix == ".py":
                here = Line("", self.path, line.page)
                self.fault(here, "code is included here, outside any block")
                break
        drawn = {picture.path for found in self.pictures.values() for picture in found}
        for line, picture in self.previews:
            if picture.path not in drawn:
                self.fault(line, "no block of this page draws this picture")


def runs(language: str) -> bool:
    """Whether the site shows the language as what runs: some Python, or commands."""
    try:
        return is_block(language)
    except ValueError:
        return True


def bare(text: str) -> str:
    """Return shown text without our marks and the blanks around it."""
    return MARK.sub("", text).strip()


def only_pictures(element: Tag) -> list[Tag]:
    """Return an element's pictures where it shows nothing else."""
    if element.name in ("img", "figure"):  # a figure may have a caption, too
        return [element] if element.name == "img" else element("img")
    pictures = element("img")
    if pictures and (bare(element.get_text()) or element("div", {"data-fence": True})):
        return []
    return pictures


def positive(text: str, name: str) -> float:
    """Return an option's number; ValueError unless it is finite and above 0."""
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError(f"{name} is {text}, must be a number above 0")
    return number


def read_page(path: Path, root: Path, text: str | None = None) -> Page:
    """Read the page at `root/docs/…` with its faults, or as this text would be read."""
    return Reader(path, root, config.load(root)).read(text)


def read_pages(root: Path) -> list[Page]:
    """Read every page that the site shows."""
    site = config.load(root)
    return [Reader(root / "docs" / x, root, site).read() for x in config.names(site)]
