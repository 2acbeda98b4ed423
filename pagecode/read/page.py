"""A page's blocks and outputs, and the program that each framework makes of them."""

import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from pagecode.frameworks import BOTH, FRAMEWORKS, selected
from pagecode.read.fences import Fence, find_fences, is_python
from pagecode.read.includes import Fault, Line, expand

TIME_LIMIT = 120.0  # seconds that a block may run, unless it says `limit=…`
TAB = re.compile(r' *={3}(?P<new>!?)\+?!? +"(?P<label>.*?)" *')
BLOCK_OPTIONS = {"raises", "limit", "both", "title", "hl_lines", "linenums"}
OUTPUT_OPTIONS = {"varies", "atol", "title"}
PICTURE = re.compile(r"!\[(?P<alt>[^]]*)]\((?P<path>\S*figures/\S+\.svg)\)(\{.*\})?")


@dataclass
class Output:
    """The `text` fence directly after a block: what that block prints."""

    line: int  # the page's number of its first text line
    indent: str
    lines: list[Line]
    varies: bool = False  # its characters are not compared
    atol: str | None = None  # wider room for floats; the prose beside it says why


@dataclass
class Picture:
    """The picture directly after a block: what that block draws."""

    where: str  # docs/models/x.md:12
    path: Path  # the SVG
    alt: str  # what there is to see

    @property
    def data(self) -> Path:
        """The JSON file beside it: what it plots, and the SVG's own hash."""
        return self.path.with_suffix(".json")


@dataclass(eq=False)
class Block:
    """One Python fence of a page, as the reader sees it."""

    where: str  # docs/models/x.md:12
    lines: list[Line]
    framework: str | None  # None outside the tabs: it belongs to every program
    both: bool = False  # it needs both frameworks
    raises: bool = False
    limit: float = TIME_LIMIT
    output: Output | None = None
    pictures: list[Picture] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The code as the reader sees it."""
        return "\n".join(self.lines)


@dataclass(frozen=True, eq=False)
class Program:
    """The blocks of one page for one framework, in page order."""

    page: "Page" = field(repr=False)
    framework: str
    blocks: list[Block] = field(repr=False)

    @property
    def name(self) -> str:
        """`pytorch/models/x.md`, as in the names of tests."""
        return f"{self.framework}/{self.page.name}"


@dataclass
class Page:
    """A page's blocks in order, and all that is wrong with it before anything runs."""

    path: Path
    name: str  # models/x.md
    blocks: list[Block]
    faults: list[Fault]
    # As expanded; its fences by their first line; the lines of the blocks' pictures.
    lines: list[Line] = field(default_factory=list, repr=False)
    fences: dict[int, Fence] = field(default_factory=dict, repr=False)
    drawn: set[int] = field(default_factory=set, repr=False)

    @property
    def stem(self) -> str:
        """Its name among the programs: `models/x.md` is `x`."""
        return Path(self.name).stem

    @property
    def address(self) -> str:
        """Where the site shows it, as in a link: `models/x.md` at `models/x/`."""
        folder = Path(self.name).parent
        named = Path(self.name).stem in ("index", "README")
        place = (folder if named else folder / self.stem).as_posix()
        return "" if place == "." else quote(place) + "/"

    @cached_property
    def title(self) -> str:
        """Its title, as the site tells it."""
        found = re.search(r"(?m)^# (.+)$", self.path.read_text(encoding="utf-8-sig"))
        return found[1] if found else self.name

    @cached_property
    def programs(self) -> list[Program]:
        """One program per framework that the page's tabs name; both where none does.

        A page with a block that needs both frameworks is one program of all its blocks.
        """
        if any(block.both for block in self.blocks):
            return [Program(self, BOTH, self.blocks)]
        named = {block.framework for block in self.blocks} - {None}
        return [
            Program(self, name, [b for b in self.blocks if b.framework in (None, name)])
            for name in FRAMEWORKS.values()
            if self.blocks and (name in named or not named)
        ]


def place_of(text: str, page: str, root: Path) -> str:
    """Return where a page first has this text, as `docs/x.md:5`."""
    above = (root / page).read_text(encoding="utf-8").split(text)[0]
    return f"{page}:{above.count(chr(10)) + 1}"


def programs_to_run(pages: list[Page]) -> list[Program]:
    """Return the programs of these pages, or FRAMEWORK's alone, in page order."""
    found = [program for page in pages for program in page.programs]
    return [x for x in found if x.framework in selected()]


@dataclass
class Tabs:
    """An open set of content tabs: their labels, and how all but the last ended."""

    indent: int
    labels: list[str]
    ends: list[list[Block]] = field(default_factory=list)


class Reader:
    """Reads one page from top to bottom: tabs, blocks, outputs and faults."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path, self.root = path, root
        self.lines, self.faults = expand(path, root)
        self.blocks: list[Block] = []
        self.tabs: list[Tabs] = []
        self.previews: list[tuple[Line, Picture]] = []
        self.ready: list[Block] = []  # the blocks that an output here would belong to
        self.fences = {fence.start: fence for fence in find_fences(self.lines)}
        self.drawn: set[int] = set()

    def where(self, line: Line) -> str:
        """Name a line of the page (an included one: of its snippet)."""
        return f"{line.file.relative_to(self.root)}:{line.number}"

    def fault(self, line: Line, what: str) -> None:
        """Note what is wrong at a line."""
        self.faults.append(Fault(self.where(line), what))

    def read(self) -> None:
        """Walk over the expanded lines; fill `blocks` and `faults`."""
        index = 0
        while index < len(self.lines):
            at, line, fence = index, self.lines[index], self.fences.get(index)
            index = fence.end if fence else index + 1
            if not line.strip():
                continue
            heading = None if fence else TAB.fullmatch(line)
            self.follow_tabs(line, heading)
            if fence:
                self.read_fence(fence)
            elif picture := PICTURE.fullmatch(line.strip()):
                if self.ready:
                    self.drawn.add(at)
                self.read_picture(line, picture)
            elif not heading:
                self.ready = []
                if re.match(r"[ >]*(```|~~~)", line):
                    self.fault(
                        line,
                        "this fence is not closed, or holds a line with less indent",
                    )
        self.follow_tabs(Line("end", self.path, 0), None)
        self.check_previews()

    def follow_tabs(self, line: Line, heading: re.Match | None) -> None:
        """Leave the tabs that this line is no longer in; enter the one it begins."""
        indent = len(line) - len(line.lstrip(" "))
        while self.tabs and indent < self.tabs[-1].indent + 4:
            tabs = self.tabs[-1]
            tabs.ends.append(self.ready)
            self.ready = []
            if heading and indent == tabs.indent and not heading["new"]:
                if heading["label"] in tabs.labels:
                    what = f"this set of tabs has '{heading['label']}' already"
                    self.fault(line, f"{what}; write prose between two sets")
                tabs.labels.append(heading["label"])
                return
            self.tabs.pop()
            if all(tabs.ends):  # each tab ends with a block: an output may be shared
                self.ready = [block for end in tabs.ends for block in end]
        if heading:
            self.tabs.append(Tabs(indent, [heading["label"]]))
            self.ready = []

    def read_fence(self, fence: Fence) -> None:
        """Read a fence as a block, as an output, or as neither."""
        opening = self.lines[fence.start]
        try:
            python = is_python(fence.language)
            allowed = BLOCK_OPTIONS if python else OUTPUT_OPTIONS
            unknown = sorted(set(fence.options) - allowed)
            if unknown and (python or fence.language == "text"):
                raise ValueError(f"unknown option '{unknown[0]}'")
            if python:
                self.read_block(fence, opening)
            elif fence.language == "text":
                self.read_output(fence, opening)
            else:
                self.ready = []
        except ValueError as error:
            self.fault(opening, str(error))
            self.ready = []

    def content(self, fence: Fence) -> list[Line]:
        """Return the lines inside a fence, without the fence's own indent."""
        return [
            line.replaced(line[fence.indent :], line.indent + fence.indent)
            for line in self.lines[fence.start + 1 : fence.end - 1]
        ]

    def read_block(self, fence: Fence, opening: Line) -> None:
        """Read a Python fence; ValueError names what is wrong with it as a whole."""
        labels = [tabs.labels[-1] for tabs in self.tabs]
        framework = next((FRAMEWORKS[x] for x in labels if x in FRAMEWORKS), None)
        lines = self.content(fence)
        if labels and not framework:
            known = " or ".join(FRAMEWORKS)
            raise ValueError(f"this block's tab is '{labels[-1]}', not {known}")
        if not any(line.strip() for line in lines):
            raise ValueError("this block is empty")
        for line in lines:
            if line.strip() and line.file.suffix != ".py":
                what = f"code typed into the page: {line.strip()}"
                self.fault(line, f"{what} (include it from a section under snippets/)")
                break
        limit = positive(fence.options.get("limit", str(TIME_LIMIT)), "limit")
        both, raises = (name in fence.options for name in ("both", "raises"))
        if both and framework:
            raise ValueError("a block that needs both frameworks stands outside tabs")
        block = Block(self.where(opening), lines, framework, both, raises, limit)
        self.blocks.append(block)
        self.ready, fence.part = [block], block

    def read_output(self, fence: Fence, opening: Line) -> None:
        """Read a `text` fence as the output of the block or blocks directly above."""
        if not self.ready:
            raise ValueError("this output has no block directly above it")
        if any(block.output for block in self.ready):
            raise ValueError("a block directly above has its output already")
        atol = fence.options.get("atol")
        if atol is not None:
            positive(atol, "atol")
        indent = opening[: fence.indent]
        lines = self.content(fence)
        if any(line.file != self.path for line in lines):
            raise ValueError("an output stands on the page itself, not in an include")
        varies = "varies" in fence.options
        if varies and any(block.raises for block in self.ready):
            raise ValueError("an error is compared, so this output cannot vary")
        output = Output(opening.number + 1, indent, lines, varies, atol)
        fence.part = output
        for block in self.ready:
            block.output = output

    def read_picture(self, line: Line, picture: re.Match) -> None:
        """Read a picture as a figure of the block or blocks directly above."""
        if not picture["alt"]:
            self.fault(line, "this picture has no text that says what to see")
        path = self.path.parent / picture["path"]
        if not path.resolve().is_relative_to((self.root / "docs").resolve()):
            self.fault(line, "this picture is outside docs/, where nothing is drawn")
            return
        shown = Picture(self.where(line), path, picture["alt"])
        if not self.ready:  # a preview of what a block further down draws
            self.previews.append((line, shown))
        for block in self.ready:
            block.pictures.append(shown)

    def check_previews(self) -> None:
        """Note the pictures that no block on the page draws."""
        drawn = {picture.path for block in self.blocks for picture in block.pictures}
        for line, picture in self.previews:
            if picture.path not in drawn:
                self.fault(line, "no block of this page draws this picture")


def positive(text: str, name: str) -> float:
    """Return an option's number; ValueError unless it is finite and above 0."""
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError(f"{name} is {text}, must be a number above 0")
    return number


def read_page(path: Path, root: Path) -> Page:
    """Read the page at `root/docs/…`, with all its faults."""
    reader = Reader(path, root)
    reader.read()
    name = path.relative_to(root / "docs").as_posix()
    return Page(
        path,
        name,
        reader.blocks,
        sorted(reader.faults, key=lambda fault: fault.place),
        reader.lines,
        reader.fences,
        reader.drawn,
    )


def read_pages(root: Path) -> list[Page]:
    """Read every page under `root/docs`, but not what is hidden."""
    docs = root / "docs"
    found = sorted(path.relative_to(docs) for path in docs.rglob("*.md"))
    seen = [x for x in found if not any(part.startswith(".") for part in x.parts)]
    return [read_page(docs / path, root) for path in seen]
