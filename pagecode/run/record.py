"""Rewrite the outputs and pictures of a page that are not what its blocks make."""

from pathlib import Path

from pagecode.files import write
from pagecode.read.page import Block, Output, Picture, read_page
from pagecode.run.compare import first_difference
from pagecode.run.judge import Mismatch, picture_difference
from pagecode.run.process import Failure, Result
from pagecode.run.runner import Runner


def record(path: Path, root: Path) -> int:
    """Run the page and rewrite what differs; return how many outputs and pictures did.

    Raises Failure, and writes nothing, where a block fails, the frameworks make
    different things of an output or a picture that they share, or the page is another
    one when its programs have run: lines that were counted before may have moved.
    """
    text = path.read_text(encoding="utf-8")
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
    outputs, pictures = agreed_outputs(made), agreed_pictures(made)
    if path.read_text(encoding="utf-8") != text:
        raise Failure(
            f"docs/{page.name}: not recorded, for it was changed while its blocks ran\n"
            f"  to do     `make record PAGE={page.name}` again"
        )
    redrawn = [redraw(picture, svg) for picture, svg in pictures]
    return sum(redrawn) + rewrite(path, text, outputs)


def agreed_outputs(made: list[tuple[Block, Result]]) -> list[tuple[Output, list[str]]]:
    """Return each output with the lines printed for it, by all programs alike."""
    agreed: dict[int, tuple[Output, list[str], Block]] = {}
    for block, result in made:
        if output := block.output:
            printed = output, result.lines, block
            _, lines, other = agreed.setdefault(output.line, printed)
            difference = first_difference(lines, result.lines, output.atol)
            if difference and not output.varies:
                raise Failure(
                    f"{block.where}: not what {other.where} prints for both\n"
                    f"  there     {difference[1]}\n"
                    f"  here      {difference[2]}"
                )
    return [(output, lines) for output, lines, _ in agreed.values()]


def agreed_pictures(made: list[tuple[Block, Result]]) -> list[tuple[Picture, str]]:
    """Return each picture with the figure drawn for it, by all programs alike."""
    agreed: dict[Path, tuple[Picture, str]] = {}
    for block, result in made:
        for picture, svg in zip(block.pictures, result.figures, strict=True):
            _, first = agreed.setdefault(picture.path, (picture, svg))
            if difference := picture_difference(first, svg):
                raise Failure(
                    f"{block.where}: this block shares a picture, but draws another\n"
                    f"  picture   {picture.where}\n  differs   {difference}"
                )
    return list(agreed.values())


def redraw(picture: Picture, svg: str) -> bool:
    """Write a picture that shows something else; return whether it did."""
    if picture.path.exists():
        shown = picture.path.read_text("utf-8", errors="replace")
        if not picture_difference(shown, svg):
            return False
    write(picture.path, svg)
    return True


def rewrite(path: Path, text: str, outputs: list[tuple[Output, list[str]]]) -> int:
    """Replace the outputs that differ, from the bottom up; the page changes at once."""
    page, changed = text.split("\n"), 0
    for output, lines in sorted(outputs, key=lambda pair: -pair[0].line):
        shown = output.lines
        same = not first_difference(shown, lines, output.atol)
        if same or (output.varies and shown):
            continue
        start, new = output.line - 1, [output.indent + x if x else x for x in lines]
        page[start : start + len(shown)] = new
        changed += 1
    if changed:
        write(path, "\n".join(page))
    return changed
