"""The packages that a program imports, as the project pins them."""

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache as remember
from importlib.metadata import files
from pathlib import Path

from packaging.utils import canonicalize_name

from pagecode.prove.packages import imports, pins, places, providers
from pagecode.read.includes import Fault, Line
from pagecode.read.page import Block, Page

PAIRS = {"torchvision": "torch", "keras": "tensorflow", "tensorflow": "keras"}


@remember
def pinned(root: Path) -> dict[str, str]:
    """Return the requirement of every package that the project pins, by its name."""
    return {name: f"{name}=={min(map(str, x))}" for name, x in pins(root).items()}


def provider(name: str, root: Path) -> str | None:
    """Return the pinned requirement that provides a module, as `google.protobuf`."""
    top = name.partition(".")[0]
    known = providers(tuple(places())).get(top, set())
    found = sorted(x for x in known if x in pinned(root))
    if len(found) > 1:  # they share a namespace
        path = name.replace(".", "/")
        within = {f"{path}.py", f"{path}/__init__.py"}
        own = [x for x in found if not within.isdisjoint(map(str, files(x) or []))]
        found = own or found
    return pinned(root).get(found[0] if found else canonicalize_name(top))


@dataclass(frozen=True)
class Import:
    """A module that a page imports, and the requirement that provides it, if any."""

    block: Block
    line: Line
    name: str  # google.protobuf
    pin: str | None


def looked_up(blocks: Sequence[Block], root: Path) -> Iterator[Import]:
    """Yield what blocks import beside the standard library.

    Also what no pinned package provides, unless the code goes on without it.
    """
    own = {x.file.removesuffix(".py") for x in blocks if x.file}  # the page writes them
    for block in blocks:
        try:
            tree = ast.parse(block.shown)
        except SyntaxError:  # it is to fail, or is of commands
            continue
        for name, number, optional in imports(tree):
            if name.partition(".")[0] in own | sys.stdlib_module_names:
                continue
            pin = provider(name, root)
            if pin or not (optional or block.raises):
                yield Import(block, block.shown_lines[number - 1], name, pin)


class Needs:
    """What the parts of a program need."""

    def __init__(self, blocks: Sequence[Block], root: Path) -> None:
        self.pinned = pinned(root)
        self.at: dict[tuple[Path, int], list[Import]] = {}
        for x in looked_up(blocks, root):
            self.at.setdefault((x.line.file, x.line.number), []).append(x)

    def of(self, blocks: Sequence[Block]) -> dict[str, str]:
        """Return the modules that these lines import, each with its requirement.

        `{"numpy": "numpy==2.4.6"}`. Each framework is listed with its companion: one of
        the pair pulls in the other.
        """
        lines = {(x.file, x.number) for block in blocks for x in block.lines}
        used = [x for line in lines & self.at.keys() for x in self.at[line]]
        found = {x.name.partition(".")[0]: x.pin for x in used if x.pin}
        for name in {PAIRS[x] for x in found.keys() & PAIRS.keys()} - found.keys():
            if name in self.pinned:
                found[name] = self.pinned[name]
        return dict(sorted(found.items()))


def faults(page: Page, root: Path) -> list[Fault]:
    """Return the imports of a page that no pinned package provides.

    Where nothing is pinned, there are none.
    """
    found = [x for x in looked_up(page.blocks, root) if pinned(root) and not x.pin]
    return [
        Fault(
            x.block.where,
            f"no pinned package provides '{x.name}'\n"
            f"  at        {x.line.place(root)}\n"
            "  to do     pin it under requirements/, or import something else",
        )
        for x in found
    ]
