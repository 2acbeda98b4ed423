"""The fenced blocks of a page, found by the site's own Markdown."""

import re
import shlex
from dataclasses import dataclass
from functools import cache
from typing import Any

from markdown import Markdown
from pygments.lexers import PythonLexer, get_lexer_by_name
from pygments.util import ClassNotFound
from pymdownx.superfences import RE_NESTED_FENCE_START, SuperFencesBlockPreprocessor

# Marks in the text that is converted say from which line the HTML beside them came.
# They are made of characters that no text may contain, and change nothing around them.
MARK = re.compile("\ufdd0(\\d+)[\ufdd1\ufdd2]")
BREAK = "\ufdd2"
BROKEN = re.compile(
    f"\ufdd0(\\d+){BREAK}"
)  # before what looks like a fence and is none
FENCE_HERE = re.compile(r'<div data-fence="(\d+)"></div>')
START = r"^([\s>]*(?:(?:[-*+]|\d+[.)])\s+)*"  # of a line, also in a quote or a list
TAB_HERE = re.compile(START + r'={3}[+!]* +")')
PICTURE_HERE = re.compile(r"(?<!\\)(?=!\[(?!\^))")
OPENING = re.compile(START + r")((?:`{3,}|~{3,})[^`]*)$")


def mark(index: int, end: str = "\ufdd1") -> str:
    """Return what marks a place in the text as one of line `index`."""
    return f"\ufdd0{index}{end}"


@dataclass(frozen=True)
class Fence:
    """A fenced block of any language."""

    start: int  # index of the opening line
    end: int  # index after the closing line
    language: str
    header: str  # what follows the language
    texts: list[str]  # of the lines inside, without the fence's own indent
    part: Any = None  # the Block or Output that the page's reader takes it for

    @property
    def options(self) -> dict[str, str]:
        """What its header says: `python limit=5`; ValueError where it is broken."""
        words = [word.lstrip(".").partition("=") for word in shlex.split(self.header)]
        return {key: value for key, _, value in words if key != self.language}


class FenceFinder(SuperFencesBlockPreprocessor):
    """pymdownx's own fences, each shown as an empty element with its number.

    A line that looks like a fence and is none gets a mark.
    """

    found: list[Fence]

    @classmethod
    def replace_in(cls, site: Markdown) -> "FenceFinder":
        """Find fences in what this Markdown converts from now on."""
        stock = site.preprocessors["fenced_code_block"]
        finder = cls(site)
        finder.config, finder.extension = stock.config, stock.extension
        finder.found = []
        site.preprocessors.register(finder, "fenced_code_block", 25)
        return finder

    def run(self, lines: list[str]) -> list[str]:
        """Note all fences."""
        left = super().run(lines)
        inside = {x for fence in self.found for x in range(fence.start + 1, fence.end)}
        indexes = [x for x in range(len(lines)) if x not in inside]
        pairs = zip(indexes, left, strict=True)
        return [
            f"{found[1]}{mark(index, BREAK)}{found[2]}"
            if (found := OPENING.match(text))
            else text
            for index, text in pairs
        ]

    def process_nested_block(self, ws: str, content: str, start: int, end: int) -> None:
        """Note one complete fence, unless its extension refuses it."""
        if self.formatter is None:
            self.clear()
            return
        self.last = ws + self.normalize_ws(content)
        header = RE_NESTED_FENCE_START.match(self.first.lstrip(" >"))
        rest = header and next(
            filter(None, header.group("attrs", "options", "unrecognized")), ""
        )
        texts = self.rebuild_block(self.code).split("\n") if self.code else []
        texts, rest = [MARK.sub("", x) for x in texts], MARK.sub("", rest or "")
        shown = f'<div data-fence="{len(self.found)}"></div>'
        self.found.append(Fence(start, end, self.lang or "", rest, texts))
        self._store(self.normalize_ws("\n".join(self.code)) + "\n", shown, start, end)
        self.clear()


CONSOLE = "console"  # commands, which a page runs as it runs its Python


def is_block(language: str) -> bool:
    """Whether a fence of this language runs; ValueError where it cannot."""
    return language == CONSOLE or is_python(language)


@cache
def is_python(language: str) -> bool:
    """Whether the site shows the language as Python; ValueError where it cannot run."""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return False
    if isinstance(lexer, PythonLexer):
        return True
    if "python" in lexer.name.lower():
        raise ValueError(f"'{language}' cannot be run: use python, and text for output")
    return False
