"""Expand a page: resolve its includes so that every line knows where it came from."""

import os
import re
import textwrap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from markdown import Markdown
from pymdownx.snippets import SnippetMissingError, SnippetPreprocessor


@dataclass(frozen=True)
class Fault:
    """Something wrong on a page: where (`docs/x.md:12`) and what."""

    where: str
    what: str

    @property
    def place(self) -> tuple[str, int]:
        """The file and the line, by which faults are put in order."""
        file, _, line = self.where.rpartition(":")
        return file, int(line)

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Line(str):
    """A line of text that remembers its file and its number there."""

    file: Path
    number: int
    page: int = 0  # the number of the page's own line that it stands for

    def __new__(cls, text: str, file: Path, number: int) -> "Line":
        line = super().__new__(cls, text)
        line.file, line.number = file, number
        return line

    def __radd__(self, prefix: str) -> "Line":
        """Keep the origin when pymdownx indents an included line."""
        return self.replaced(prefix + str(self))

    def place(self, root: Path) -> str:
        """Its file and number: `snippets/x.py:12`."""
        return f"{self.file.relative_to(root)}:{self.number}"

    def replaced(self, text: str) -> "Line":
        """The same origin with another text."""
        return Line(text, self.file, self.number)


def escaped(line: str) -> str:
    """Return a line of a page so that it is shown, whatever it would include."""
    for marker in (
        SnippetPreprocessor.RE_ALL_SNIPPETS,
        SnippetPreprocessor.RE_SNIPPET_SECTION,
    ):
        if found := marker.match(line):
            place = found.start("escape")
            return f"{line[:place]};{line[place:]}"
    return line


class Includes(SnippetPreprocessor):
    """pymdownx's own include code, with origins kept and rot refused."""

    root: Path
    files: dict[str, list[str]]  # the lines of those that the page includes

    def read_lines(self, path: str) -> list[str]:
        """Number a file's lines; refuse sections that are doubled or left open."""
        if path in self.files:
            return self.files[path]
        lines = super().read_lines(path)
        markers = Counter(
            (found["name"], found["type"].lower())
            for line in lines
            if (found := self.match_section(line)) and not found["escape"]
        )
        for name in sorted({name for name, _ in markers}):
            start, end = markers[name, "start"], markers[name, "end"]
            if (start, end) != (1, 1):
                raise SnippetMissingError(
                    f"{path}: section '{name}' has {start} starts and {end} ends"
                )
        file = Path(path)
        self.files[path] = [Line(text, file, n) for n, text in enumerate(lines, 1)]
        return self.files[path]

    def parse_snippet_target(self, path: str) -> dict | None:
        """Refuse line numbers: they go on pointing when the file has changed."""
        target = super().parse_snippet_target(path)
        if target and target["start"]:
            raise SnippetMissingError(f"'{path}' names lines; name a section instead")
        return target

    def dedent(self, lines: list[Line]) -> list[Line]:
        """Dedent as pymdownx does."""
        dedented = textwrap.dedent("\n".join(lines)).split("\n") if lines else []
        return [x.replaced(text) for x, text in zip(lines, dedented, strict=True)]

    @classmethod
    def replace_in(cls, site: Markdown, root: Path) -> "Includes":
        """Take over from the site's own includes, with their settings.

        Everything comes from `root/snippets`.
        """
        stock = site.preprocessors["snippet"]
        site.preprocessors.deregister("snippet")
        includes = cls.__new__(cls)
        includes.__dict__ |= stock.__dict__
        includes.root, includes.files = root, {}
        includes.base_path = [os.path.abspath(root / "snippets")]
        return includes

    def expand(self, page: list[Line]) -> tuple[list[Line], list[Fault]]:
        """Return a page's lines as the site's Markdown sees them, and what is wrong."""
        lines: list[Line] = []
        faults: list[Fault] = []
        for line in page:
            self.seen: set[str] = set()
            what = ""
            try:
                expanded = self.parse_snippets([line])
            except (SnippetMissingError, OSError, UnicodeDecodeError) as error:
                what, expanded = str(error).replace(f"{self.root}/", ""), []
            else:
                is_include = re.match(r"[\s>*+-]*-+8<-", line)  # in a quote, too
                if is_include and (
                    expanded == [line] or re.fullmatch(r"\s*-+8<-+\s*", line)
                ):
                    what = f"this include does not expand: {line.strip()}"
                    what += ' (write --8<-- "file.py:section")'
                elif is_include and not any(part.strip() for part in expanded):
                    what = f"this include is empty: {line.strip()}"
            if what:
                faults.append(Fault(line.place(self.root), what))
            for text in expanded:
                origin = text if isinstance(text, Line) else line
                lines.append(origin.replaced(str(text)))
                lines[-1].page = line.number
        return lines, faults
