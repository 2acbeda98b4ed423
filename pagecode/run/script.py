"""A program as the one file that Python runs: its text, and where each line is from."""

import ast
from dataclasses import dataclass, field

from pagecode.read.page import Block, Program

HEAD = ["# The program of a page. Its lines are those of the page's snippets.", "#", ""]
HELPER = '''\
def _show_error():
    """Print the line that names the error that is being handled."""
    import sys
    import traceback

    lines = "".join(traceback.format_exception_only(sys.exception())).splitlines()
    print(next(line for line in lines if line[:1].strip()))
'''
FAILING = "try:  # this fails, and is meant to"
HANDLER = ["except BaseException:", "    _show_error()"]


@dataclass
class Script:
    """The text of a program's file."""

    name: str
    lines: list[str] = field(default_factory=lambda: [*HEAD])
    # By number of a line in it: the file and the number of the line it is made of.
    origins: dict[int, tuple[str, int]] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)  # number of each block's first line

    @property
    def text(self) -> str:
        """The file's text."""
        return "\n".join(self.lines) + "\n"

    def add(self, block: Block) -> None:
        """Add a block; one that must fail is caught, so that what follows goes on."""
        texts = list(map(str, block.lines))
        if block.raises:
            before, texts, after = caught(texts)
            helper = HELPER.split("\n")
            self.lines += before if helper[0] in self.lines else helper + before
        self.starts.append(len(self.lines) + 1)
        for line, text in zip(block.lines, texts, strict=True):
            self.lines.append(text)
            self.origins[len(self.lines)] = (str(line.file), line.number)
        self.lines += ["", ""] if not block.raises else [*after, "", ""]


def script(program: Program) -> Script:
    """Return the program's file, under the name by which it is handed out."""
    made = Script(f"{program.page.stem}.{program.framework}.py")
    for block in program.blocks:
        made.add(block)
    return made


def caught(lines: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Return code that must fail as code that goes on: lines above it, it, lines below.

    Each of its lines stays a line. What does not compile there becomes a text to
    execute.
    """
    try:
        tree = ast.parse("\n".join(lines))
        inside = {  # what a string holds keeps its place
            row
            for node in ast.walk(tree)
            if isinstance(node, (ast.Constant, ast.JoinedStr))
            for row in range(node.lineno, node.end_lineno or 0)
        }
        texts = [x if n in inside or not x else f"    {x}" for n, x in enumerate(lines)]
        made = "\n".join([FAILING, *texts, *HANDLER])  # a future is imported at the top
        compile(made, "", "exec", dont_inherit=True)
    except SyntaxError:
        texts = [f"        {line + chr(10)!r}" for line in lines]
        return [FAILING, "    exec("], texts, ["    )", *HANDLER]
    return [FAILING], texts, HANDLER
