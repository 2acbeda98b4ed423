"""Rewrite the outputs and pictures of a page that are not what its blocks make."""

import io
import os
import re
from itertools import zip_longest
from pathlib import Path

from pagecode.files import write
from pagecode.read.includes import escaped
from pagecode.read.page import Block, Output, Page, Picture, read_page
from pagecode.run.compare import first_difference
from pagecode.run.judge import Mismatch, picture_difference
from pagecode.run.process import Failure, Result
from pagecode.run.runner import Runner

FENCE = re.compile("`{3,}|~{3,}")


def record(path: Path, root: Path) -> int:
    """Run the page and rewrite what differs; return how many outputs and pictures did.

    Raises Failure, and writes nothing, where a block fails, the frameworks make
    different things of an output or a picture that they share, a page cannot show what
    is printed, a file may not be written, or the page is another one when its programs
    have run: lines that were counted before may have moved.
    """
    before = path.read_bytes()
    page = read_page(path, root)
    if page.faults:
        raise Failure("\n".join(map(str, page.faults)))
    made: list[tuple[Block, Result]] = []
    with Runner(root) as runner:
        for run in runner.start(page.programs):
            for block, future in run.results.items():
                error = future.exception()
                if error and not isinstance(error, Mismatch):
                    raise Failure(str(error))
                made.append((block, run.printed[block]))
    if missing := sorted({name for _, result in made for name in result.stand_ins}):
        raise Failure(
            f"docs/{page.name}: not recorded, for it ran on stand-ins for data\n"
            f"  missing   {', '.join(missing)}\n"
            "  to do     set DATA_CACHE to a folder that has them, then `make data`"
        )
    outputs, pictures = changed_outputs(made), changed_pictures(made)
    files = {picture.path: svg.encode() for picture, svg in pictures}
    now = read_page(path, root)  # its snippets, too
    texts, texts_now = ([block.text for block in x.blocks] for x in (page, now))
    if path.read_bytes() != before or texts_now != texts:
        raise Failure(
            f"docs/{page.name}: not recorded, for it was changed while its blocks ran\n"
            f"  to do     `make record PAGE={page.name}` again"
        )
    if outputs:
        files[path] = rewritten(before, outputs)
        check(page, files[path], outputs, root)
    for file in files:
        check_place(file, root)
    for file, content in files.items():
        write(file, content)
    return len(outputs) + len(pictures)


def changed_outputs(
    made: list[tuple[Block, Result]],
) -> list[tuple[Output, list[str]]]:
    """Return the outputs that differ, each with the lines that all programs print."""
    agreed: dict[int, tuple[Block, Result]] = {}
    changed: dict[int, tuple[Output, list[str]]] = {}
    for block, result in made:
        if not (output := block.output) or (output.varies and output.lines):
            continue
        first, one = agreed.setdefault(output.line, (block, result))
        difference = first_difference(one.lines, result.lines, output.atol)
        if difference and not output.varies:
            raise Failure(
                f"{block.where}: not what {first.where} prints for both\n"
                f"  there     {difference[1]}\n"
                f"  here      {difference[2]}"
            )
        if first_difference(output.lines, result.lines, output.atol):
            changed[output.line] = output, one.lines
    return list(changed.values())


def changed_pictures(made: list[tuple[Block, Result]]) -> list[tuple[Picture, str]]:
    """Return the pictures that differ, each with the figure that all programs draw."""
    agreed: dict[Path, tuple[Block, str]] = {}
    changed: dict[Path, tuple[Picture, str]] = {}
    for block, result in made:
        for picture, svg in zip(block.pictures, result.figures, strict=True):
            first, one = agreed.setdefault(picture.path.resolve(), (block, svg))
            if difference := picture_difference(one, svg):
                raise Failure(
                    f"{block.where}: not what {first.where} draws for both\n"
                    f"  picture   {picture.where}\n  differs   {difference}"
                )
            if not picture.path.exists() or picture_difference(
                picture.path.read_text("utf-8", errors="replace"), svg
            ):
                changed[picture.path.resolve()] = picture, one
    return list(changed.values())


def rewritten(before: bytes, outputs: list[tuple[Output, list[str]]]) -> bytes:
    """Return a page with these outputs; all else, and its line ends, as they are."""
    parts = re.split(r"(\r\n|\r|\n)", before.decode())
    page = [*zip(parts[::2], [*parts[1::2], ""], strict=True)]
    for output, lines in sorted(outputs, key=lambda pair: -pair[0].line):
        top, bottom = output.line - 2, output.line - 1 + len(output.lines)
        found = FENCE.search(page[top][0])
        old = found[0] if found else "```"
        # No line of what is printed may end the fence, by any reader's rule.
        within = [len(x) for x in re.findall(f"{old[0]}+", "\n".join(lines))]
        new = old[0] * max(len(old), *(x + 1 for x in within), 3)
        ending = page[top][1]
        for place in (top, bottom):
            text, end = page[place]
            page[place] = FENCE.sub(new, text, count=1), end
        shown = [escaped((output.indent + x).rstrip(" \t")) for x in lines]
        page[top + 1 : bottom] = [(x, ending) for x in shown]
    return "".join(text + end for text, end in page).encode()


def check(
    page: Page, content: bytes, outputs: list[tuple[Output, list[str]]], root: Path
) -> None:
    """Raise Failure unless the page would show these outputs, and all else as it is."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig").read()
    new, printed = read_page(page.path, root, text), {x.line: y for x, y in outputs}
    wrong = [f"{fault.what} ({fault.where})" for fault in new.faults]
    pairs = zip_longest(page.blocks, new.blocks)
    for old, block in () if wrong else pairs:
        before, after = (x.output.lines if x and x.output else () for x in (old, block))
        if old and old.output:
            before = printed.get(old.output.line, before)
        if not old or not block or old.text != block.text or [*before] != [*after]:
            differ = (p for p in zip_longest(before, after) if p[0] != p[1])
            wrong += [f"{x!r} would be shown as {y!r}" for x, y in differ]
            wrong += [f"the block of {(old or block).where} would be another"]
    if wrong:
        raise Failure(
            f"docs/{page.name}: not recorded, for a page cannot show what is printed\n"
            f"  fault     {wrong[0]}\n"
            "  to do     print it in another way"
        )


def check_place(path: Path, root: Path) -> None:
    """Raise Failure where a file is not ours to write."""
    real = path.resolve()
    if not real.is_relative_to((root / "docs").resolve()):
        what = "it leads out of docs/, where nothing is recorded"
    elif real.exists() and not real.stat().st_mode & 0o222:
        what = "it is read-only"
    else:
        return
    raise Failure(
        f"{os.path.relpath(path, root)}: not recorded, for {what}\n"
        "  to do     let it be a file in docs/ that can be written"
    )
