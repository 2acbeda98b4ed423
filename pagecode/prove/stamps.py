"""What was verified, in words: the stamps on the pages, and the page of all of them.

A page shows what its newest run took before its code, and its stamps at its end. Any
page may ask for the stamp of another in a line, `<!-- stamp: models/x.md -->`, and one
page for the table of all, `<!-- stamps -->`.
"""

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pagecode.frameworks import BOTH, LABELS, PACKAGES
from pagecode.give.export import NOT_VERIFIED, cpu_first, versions
from pagecode.prove.store import dated, held
from pagecode.read.page import Page, Program, place_of

PLACE = re.compile(r"<!--\s*(?:stamp:\s*([^<>]*?)|stamps)\s*-->")


def about(seconds: float) -> str:
    """Return seconds as one would say them: to 1, from ten on to 5."""
    return f"{max(round(seconds), 1) if seconds < 10 else 5 * round(seconds / 5)} s"


def memory(stamp: dict[str, Any]) -> str:
    """Return how much memory a run took at most."""
    return f"{stamp['peak_bytes'] / 1e9:.1f} GB"


def day(stamp: dict[str, Any]) -> str:
    """Return the day of a stamp, as HTML."""
    return f'<time datetime="{stamp["date"]}">{stamp["date"][:10]}</time>'


def listed(words: Iterable[str]) -> str:
    """Return words as a list in a sentence: a, b and c."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def cell(stamp: dict[str, Any] | None) -> str:
    """Return a cell of the table of all stamps."""
    if not stamp:
        return NOT_VERIFIED
    return f"{day(stamp)}, {stamp['seconds']} s, {memory(stamp)}"


class Stamps:
    """The stamps of a project's pages: those that hold, and each program's newest."""

    def __init__(self, pages: list[Page], root: Path) -> None:
        self.root = root
        self.pages = {page.name: page for page in pages}
        self.programs = {page.name: page.programs for page in pages}
        programs = [x for found in self.programs.values() for x in found]
        self.held = held(programs, root)
        known = dated(root)
        self.newest = {f"{x['framework']}/{x['page']}": x for x in known}
        self.devices = sorted({"CPU"} | {x["device"] for x in known}, key=cpu_first)

    def line(self, page: str) -> str:
        """Return the stamp of a page in a line: all its programs passed, or none did.

        "verified 2026-11-25 with PyTorch 2.15.0 and TensorFlow 2.21.0 on CPU"
        """
        held = [self.held[program.name] for program in self.programs[page]]
        shared = set.intersection(*map(set, held)) if held else set()
        if not shared:
            return f'<span class="stamp unverified">{NOT_VERIFIED}</span>'
        devices = sorted(shared, key=cpu_first)
        chosen = [by_device[devices[0]] for by_device in held]
        oldest = min(chosen, key=lambda stamp: stamp["date"])
        used = {}
        for stamp in chosen:
            for name, (package, *_) in PACKAGES.items():
                if stamp["framework"] in (name, BOTH):
                    used[LABELS[name]] = stamp["versions"].get(package, "")
        frameworks = listed(f"{name} {version}" for name, version in used.items())
        said = f"verified {day(oldest)} with {frameworks} on {listed(devices)}"
        return f'<span class="stamp">{said}</span>'

    def cost(self, page: str) -> str:
        """Return what a page's programs took when they last passed, as HTML, or ''."""
        said: dict[str, list[str]] = {}
        for program in self.programs[page]:
            held = self.held[program.name].values()  # perhaps of a page of another name
            if stamp := self.newest.get(program.name) or next(iter(held), None):
                took = f"{about(stamp['seconds'])} and {memory(stamp)}"
                words = f"{LABELS[program.framework]} about {took}"
                said.setdefault(stamp["device"], []).append(words)
        told = [f"on {device} {', '.join(words)}" for device, words in said.items()]
        return f'<p class="cost">To run it all: {"; ".join(told)}</p>' if told else ""

    def of_program(self, program: Program, repository: str | None) -> str:
        """Return what was verified of a program, on each device, as HTML."""
        said = []
        by_device = self.held[program.name]
        for device in sorted(by_device, key=cpu_first):
            stamp = by_device[device]
            text = f"{stamp['blocks']} blocks and {stamp['outputs']} outputs on "
            text += f"{day(stamp)}, in {stamp['seconds']} s and {memory(stamp)} of "
            text += f"memory on {device}, with {versions(stamp)}"
            if stamp["commit"]:
                commit = stamp["commit"][:7]
                if repository:
                    address = f"{repository}/commit/{stamp['commit']}"
                    commit = f'<a href="{address}">{commit}</a>'
                changed = ", with changes that were not committed"
                text += f", at commit {commit}{changed * stamp['dirty']}"
            said.append(text)
        label = LABELS[program.framework]
        return "".join(f"<li>{label}: {x}</li>" for x in said or [NOT_VERIFIED])

    def of_page(self, page: str, repository: str | None = None) -> str:
        """Return what was verified of each of a page's programs, as HTML."""
        found = [self.of_program(x, repository) for x in self.programs[page]]
        return f'<ul class="stamp">{"".join(found)}</ul>\n'

    def status(self, page: str) -> str:
        """Return the table of all programs and all devices, as the page's Markdown."""
        rows = [["page", "framework", "blocks", *self.devices]]
        rows.append(["---"] * len(rows[0]))
        for name, programs in self.programs.items():
            link = quote(posixpath.relpath(name, posixpath.dirname(page)))
            shown = f"[{self.pages[name].title}]({link})"
            for program in programs:
                known = self.held[program.name]
                cells = [cell(known.get(device)) for device in self.devices]
                label, blocks = LABELS[program.framework], len(program.blocks)
                rows.append([shown, label, str(blocks), *cells])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def fill(self, markdown: str, page: str) -> str:
        """Put the stamps where the page asks for them; ValueError where there is none.

        A page without programs has no stamp.
        """

        def fill_in(found: re.Match) -> str:
            if found[1] is None:
                return self.status(page)
            if self.programs.get(found[1]):
                return self.line(found[1])
            where = place_of(found[0], f"docs/{page}", self.root)
            what = f"no page docs/{found[1]} with programs that could be stamped"
            raise ValueError(f"{where}: {what}")

        return PLACE.sub(fill_in, markdown)
