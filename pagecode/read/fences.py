"""The fenced blocks of a page, found where the site's Markdown finds them."""

import shlex
from dataclasses import dataclass
from typing import Any

from markdown import Markdown
from pygments.lexers import PythonLexer, get_lexer_by_name
from pygments.util import ClassNotFound
from pymdownx.superfences import (
    RE_NESTED_FENCE_START,
    SuperFencesBlockPreprocessor,
    SuperFencesCodeExtension,
)

from pagecode.read.includes import Line


@dataclass
class Fence:
    """A fenced block of any language, found where the site's Markdown finds it."""

    start: int  # index of the opening line
    end: int  # index after the closing line
    indent: int
    language: str
    options: dict[str, str]
    part: Any = None  # the Block or Output that the page's reader takes it for


class FenceFinder(SuperFencesBlockPreprocessor):
    """pymdownx's own fence scanner, noting fences instead of rendering them."""

    found: list[Fence]

    def process_nested_block(self, ws: str, content: str, start: int, end: int) -> None:
        """Note one complete fence."""
        header = RE_NESTED_FENCE_START.match(self.first.lstrip(" >"))
        rest = header and next(
            filter(None, header.group("attrs", "options", "unrecognized")), ""
        )
        words = [word.lstrip(".").partition("=") for word in shlex.split(rest or "")]
        options = {key: value for key, _, value in words if key != self.lang}
        self.found.append(
            Fence(start, end, self.ws_virtual_len, self.lang or "", options)
        )
        self.clear()


def find_fences(lines: list[Line]) -> list[Fence]:
    """Return the fences that the site's Markdown sees in these lines."""
    markdown = Markdown(extensions=[SuperFencesCodeExtension(relaxed_headers=True)])
    stock = markdown.preprocessors["fenced_code_block"]
    finder = FenceFinder(markdown)
    finder.config, finder.extension, finder.found = stock.config, stock.extension, []
    finder.run([str(line) for line in lines])
    return finder.found


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
