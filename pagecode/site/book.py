"""The book as its site shows it: its pages, what they ask for, and what they give away.

Read once for a build, and again when a file has changed. What is made of a page is
remembered under `.cache/site`, by all that it is made of.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cached_property, partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from pagecode.book import measured, rosetta
from pagecode.files import sha256, visible, write
from pagecode.give.export import Export, check_stems, export_page
from pagecode.give.parts import asked
from pagecode.give.plain import plain
from pagecode.prove.stamps import Stamps
from pagecode.read.config import Config, load, names
from pagecode.read.page import Page, Reader

MEMORY = Path(".cache", "site")
MONTH = 30 * 24 * 3600  # seconds that what nobody asks for is remembered


class Book:
    """A project's pages in the order of its navigation, and all that is made of them.

    `serving` says that somebody is writing: what was measured of older code is shown
    and marked then, and refused otherwise.
    """

    def __init__(self, root: Path, *, serving: bool = False, **instead: Any) -> None:
        self.root, self.serving = root, serving
        self.config = load(root, **instead)
        pages = {page.name: page for page in read_again(root, self.config)}
        order = [name for found in self.config.sections.values() for name in found]
        order += [name for name in pages if name not in order]
        self.pages = {name: pages[name] for name in order if name in pages}
        sound = [page for page in self.pages.values() if not page.faults]
        check_stems(sound)
        self.stamps = Stamps(sound, root)
        self.texts = {page.text.strip(): page for page in self.pages.values()}
        self.keys: dict[str, str] = {}
        self.made: dict[str, Any] = {}

    @property
    def sections(self) -> dict[str, list[Page]]:
        """The pages by section of the navigation, or by folder where there is none."""
        found = self.config.sections
        if not found:
            for name in self.pages:
                title = Path(name).parent.name.replace("-", " ").capitalize()
                found.setdefault(title or "Start", []).append(name)
        return {
            title: [self.pages[name] for name in names if name in self.pages]
            for title, names in found.items()
        }

    @property
    def faults(self) -> list[str]:
        """All that is wrong with the pages."""
        return [str(fault) for page in self.pages.values() for fault in page.faults]

    def page_of(self, text: str) -> Page:
        """Return the page whose text is given to Markdown; ValueError where none is."""
        text = text.strip()
        if page := self.texts.get(text):
            return page
        # A generator may take other heads than ours for one.
        for known, page in self.texts.items():
            if text and known.endswith(text):
                return page
        said = " ".join(text.split())[:60]
        raise ValueError(f"no page under docs/ has this text: {said}")

    def fill(self, text: str, page: Page) -> str:
        """Fill in what a page asks for: rows of a table, what was measured, stamps."""
        where = f"docs/{page.name}"
        text = rosetta.fill(text, where, self.root)
        text = measured.fill(text, where, self.root, strict=not self.serving)
        return self.stamps.fill(text, page.name)

    def key(self, page: Page) -> str:
        """Return a hash over all that a page's files and HTML are made of."""
        if page.name not in self.keys:
            text = "\n".join(page.lines)
            named = re.findall(r"[\w.%-]+\.svg", text)
            made_of = [
                self.around,
                page.name,
                [[str(line), line.file.name, line.number] for line in page.lines],
                self.fill(asked(page), page),
                [[str(x), sha256(x)] for x in self.pictures if x.name in named],
                page.blocks and self.proofs,
            ]
            self.keys[page.name] = digest(made_of)
        return self.keys[page.name]

    @cached_property
    def pictures(self) -> list[Path]:
        """All pictures beside the pages."""
        return visible(self.root / "docs", "*.svg")

    @cached_property
    def proofs(self) -> str:
        """A hash over all that was proven here."""
        paths = [self.root / ".cache" / x for x in ("verified.json", "slices.json")]
        return digest([sha256(x) for x in paths if x.is_file()])

    @cached_property
    def around(self) -> str:
        """A hash over what every page is made with: settings, this code, libraries."""
        code = visible(Path(__file__).parents[1], "*.py")
        pins = visible(self.root / "requirements", "*.txt")
        theme = visible(self.root / "overrides")
        hashes = [sha256(x) for x in (*code, *pins, *theme)]
        facts = {name: str(x) for name, x in self.config.said.items()}
        return digest([facts, hashes, self.libraries, os.environ.get("VERIFIED_ONLY")])

    @cached_property
    def libraries(self) -> list[str]:
        """What is installed here."""
        return sorted(f"{x.name}=={x.version}" for x in distributions())

    def remember(self, kind: str, key: str, make: Callable[[], Any]) -> Any:
        """Return what was made under this key, as JSON can hold it, or make it."""
        key = f"{kind}-{key}"
        if key not in self.made:
            path = self.root / MEMORY / f"{key}.json"
            try:
                self.made[key] = json.loads(path.read_text(encoding="utf-8"))
                os.utime(path)
            except (FileNotFoundError, ValueError):
                self.made[key] = json.loads(text := json.dumps(make()))
                write(path, text)
        return self.made[key]

    def exports(self, page: Page) -> list[Export]:
        """Return every file that a page hands out."""
        if page.faults or not page.blocks:
            return []
        known = {x.name: self.stamps.held[x.name] for x in page.programs}
        url = self.config.site_url
        made = self.remember(
            "exports",
            self.key(page),
            lambda: [asdict(x) for x in export_page(page, self.root, url, known)],
        )
        return [Export(**facts) for facts in made]

    def markdown(self, page: Page) -> str:
        """Return a page's copy in Markdown."""
        stamp = self.stamps.line(page.name) if page.blocks else ""
        files, url = self.exports(page), self.config.site_url
        fill = partial(self.fill, page=page)
        return self.remember(
            "copy",
            self.key(page),
            lambda: plain(page, self.root, url, files, fill, stamp),
        )

    def notebooks(self) -> Iterator[tuple[Page, Export]]:
        """Yield every notebook with its page."""
        for page in self.pages.values():
            yield from ((page, x) for x in self.exports(page) if x.kind == "notebook")

    def forget(self) -> None:
        """Remove from memory what nobody has asked for in a month."""
        for path in (self.root / MEMORY).glob("*.json"):
            if path.stat().st_mtime < time.time() - MONTH:
                path.unlink(missing_ok=True)


known: dict[Path, tuple[Any, Page]] = {}  # pages as they were read last


def read_again(root: Path, site: Config) -> list[Page]:
    """Read the pages of which a file has changed since they were read last."""
    paths = [root / "docs" / name for name in names(site)]
    for path in paths:
        if path not in known or known[path][0] != states(known[path][1]):
            page = Reader(path, root, site).read()
            known[path] = states(page), page
    return [known[path][1] for path in paths]


def states(page: Page) -> Any:
    """Return what tells this version of a page and its snippets from the next."""
    if page.faults:  # of a file that is not there, say
        return object()
    files = sorted({page.path, *(line.file for line in page.lines)})
    return [[x, x.stat()[6:9]] for x in files if x.is_file()]


def digest(facts: Any) -> str:
    """Return the hash over facts."""
    return hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()[:32]


books: dict[Path, tuple[Any, Book]] = {}
chosen: dict[Path, dict[str, Any]] = {}  # what commands said instead of mkdocs.yml


def book(root: Path, **instead: Any) -> Book:
    """Return the book as its files are now; read it again only where they changed.

    What is said instead of mkdocs.yml holds until something else is said.
    """
    root = root.resolve()
    if instead:
        chosen[root] = instead
    folders = [root / name for name in ("docs", "snippets", "overrides")]
    files = [x for folder in folders for x in folder.rglob("*.*") if x.is_file()]
    files += [root / "mkdocs.yml", *(root / ".cache").glob("*.json")]
    state = [[x, x.stat()[6:9]] for x in files if x.is_file()], chosen.get(root)
    if root not in books or books[root][0] != state:
        books[root] = state, Book(root, **chosen.get(root, {}))
    return books[root][1]
