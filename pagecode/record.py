"""Rewrite the outputs of a page that are not what its blocks print."""

from pathlib import Path

from pagecode.compare import first_difference
from pagecode.page import Block, Output, read_page
from pagecode.verify import Failure, Mismatch, Verifier


def record(path: Path, root: Path) -> int:
    """Run the page and rewrite the outputs that differ; return how many did.

    Raises Failure, and writes nothing, where a block fails or where the frameworks print
    different lines for an output that they share.
    """
    page = read_page(path, root)
    if page.faults:
        raise Failure("\n".join(map(str, page.faults)))
    programs = page.programs()
    wanted: dict[int, tuple[Output, list[str], Block]] = {}
    with Verifier(root, use_cache=False) as verifier:
        verifier.start(programs)
        for program in programs:
            for block, future in program.results.items():
                error = future.exception()
                if error and not isinstance(error, Mismatch):
                    raise Failure(str(error))
                output, lines = block.output, program.printed[block].lines
                if output is None:
                    continue
                _, first, other = wanted.setdefault(output.line, (output, lines, block))
                if difference := first_difference(first, lines, output.atol):
                    raise Failure(
                        f"{block.where}: this block does not print what {other.where} "
                        f"prints, and they share one output\n  there     {difference[1]}\n"
                        f"  here      {difference[2]}"
                    )
    return rewrite(path, [(output, lines) for output, lines, _ in wanted.values()])


def rewrite(path: Path, outputs: list[tuple[Output, list[str]]]) -> int:
    """Replace the outputs that differ, from the bottom up; the page changes at once."""
    text = path.read_text(encoding="utf-8").split("\n")
    changed = 0
    for output, lines in sorted(outputs, key=lambda pair: -pair[0].line):
        shown = [str(line) for line in output.lines]
        same = not first_difference(shown, lines, output.atol)
        if same or (output.varies and shown):
            continue
        start, new = output.line - 1, [output.indent + x if x else x for x in lines]
        text[start : start + len(shown)] = new
        changed += 1
    if changed:
        beside = path.with_name(path.name + ".new")
        beside.write_text("\n".join(text), encoding="utf-8")
        beside.replace(path)
    return changed
