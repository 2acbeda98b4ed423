"""Hold what a block did against what its page shows."""

import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

from pagecode.read.page import Block, Page, Program
from pagecode.run.compare import first_difference, same_shape
from pagecode.run.process import Failure, Result

# Controls, halves of characters (as of bytes that are no UTF-8), what is no character,
# and ends of lines and paragraphs.
UNSEEN = {"Cc", "Cs", "Cn", "Zl", "Zp"}
IN_TRACEBACK = re.compile(r'File "([^"]+)", line (\d+)')


def is_seen(character: str) -> bool:
    """Whether a page shows this character, and does not lose or change it."""
    return unicodedata.category(character) not in UNSEEN and character != "\ufeff"


class Mismatch(Failure):
    """An output or a picture that is not what its block made: `record` rewrites it."""


def judge(block: Block, result: Result, program: Program, root: Path) -> None:
    """Raise Failure unless the block did what its program's page shows."""
    page = program.page

    def place(file: str, line: int) -> str:
        return f"{os.path.relpath(file, root)}:{line}"

    lines, drawn, shown = result.lines, len(result.figures), len(block.pictures)
    characters = ((n, x) for n, line in enumerate(lines) for x in line)
    unseen = next((found for found in characters if not is_seen(found[1])), None)
    if result.error and not block.raises:
        trace = "".join(f"\n  at        {place(*frame)}" for frame in result.trace)
        what = f"this block fails{trace}\n  error     {result.error}"
        if block.instead and (said := with_places(result.said, block, program, place)):
            what += f"\n  stderr    {said}"
    elif block.raises and not result.error:
        what = "this block is to fail (`raises`), but runs"
    elif unseen:
        number, character = unseen
        what = (
            f"this block prints {character!r}, which a page cannot show\n"
            f"  at        {place(*result.origin(number))}\n"
            f"  printed   {lines[number]!r}\n"
            "  to do     print text alone: without colours, progress bars or raw bytes"
        )
    elif drawn != shown:
        what = (
            f"this block draws {drawn} figures, but {shown} pictures follow it\n"
            "  to do     add below it, for each, "
            "![what to see](PAGE/figures/PAGE-N.svg)"
        )
    elif lines and not block.output:
        what = (
            "no output shows what this block prints\n"
            f"  at        {place(*result.origin(0))}\n"
            f"  printed   {lines[0]}\n"
            "  to do     add an empty ```text fence below it, then\n"
            f"            `make record PAGE={page.name}`"
        )
    elif block.output and not lines:
        where = f"docs/{page.name}:{block.output.line}"
        raise Failure(
            f"{where}: nothing prints this output\n"
            f"  block     {block.where}\n"
            "  to do     remove it, or print it"
        )
    else:
        compare_output(block, result, page, place)
        compare_pictures(block, result, page)
        return
    raise Failure(f"{block.where}: {what}")


def with_places(
    said: str, block: Block, program: Program, place: Callable[[str, int], str]
) -> str:
    """Return the last lines of an error's text, told of snippets.

    A command names lines of the file that it runs. Where a block above it has written
    that file, they become the lines of the snippet that the block shows.
    """
    above = program.blocks[: program.blocks.index(block)]
    files = {x.file: x.instead for x in above if x.file}

    def told(found: re.Match) -> str:
        lines, number = files.get(os.path.basename(found[1]), ()), int(found[2])
        known = number <= len(lines) and lines[number - 1]
        return place(str(known.file), known.number) if known else found[0]

    lines = [x.rstrip() for x in said.splitlines() if x.strip()]
    return "\n            ".join(IN_TRACEBACK.sub(told, x) for x in lines[-12:])


def compare_output(
    block: Block, result: Result, page: Page, place: Callable[[str, int], str]
) -> None:
    """Raise Mismatch unless the output shows what the block printed."""
    output, lines = block.output, result.lines
    if not output or output.varies:
        return
    if result.stand_ins and same_shape(output.lines, lines):
        return
    difference = first_difference(output.lines, lines, output.atol)
    if difference:
        index, shown, printed = difference
        at = place(*result.origin(min(index, len(lines) - 1)))
        raise Mismatch(
            f"docs/{page.name}:{output.line + index}: not what the block prints\n"
            f"  block     {block.where}\n"
            f"  at        {at}\n"
            f"  shown     {'(nothing)' if shown is None else shown}\n"
            f"  printed   {'(nothing)' if printed is None else printed}\n"
            f"  to do     mend the code, or `make record PAGE={page.name}`"
        )


def picture_difference(shown: str, drawn: str) -> str | None:
    """Say where two pictures show something else, and what; None where they do not."""
    # NumPy and Pillow come with matplotlib: what draws nothing needs neither.
    from pagecode.run.picture import difference

    return difference(shown, drawn)


def compare_pictures(block: Block, result: Result, page: Page) -> None:
    """Raise Mismatch unless the pictures show what the block drew."""
    for picture, drawn in zip(block.pictures, result.figures, strict=True):
        what: str | None = "it was never recorded"
        if picture.path.exists():
            shown = picture.path.read_text("utf-8", errors="replace")
            what = None if result.stand_ins else picture_difference(shown, drawn)
        if what:
            raise Mismatch(
                f"{picture.where}: not the figure that the block draws\n"
                f"  block     {block.where}\n"
                f"  differs   {what}\n"
                f"  to do     mend the code, or `make record PAGE={page.name}`"
            )
