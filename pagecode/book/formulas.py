r"""The commands of this book's formulas beyond those of AMS-LaTeX.

Each stands for what every reader of TeX knows, in notebooks and copies too. A command
that is neither here nor known is refused, with its page and line.
"""

import re

MACROS = {
    "argmax": r"\operatorname*{arg\,max}",
    "argmin": r"\operatorname*{arg\,min}",
    "bm": r"\boldsymbol",
    "coloneqq": r"\mathrel{:=}",
}
COMMAND = re.compile(rf"\\({'|'.join(MACROS)})(?![A-Za-z])")


def expand(tex: str) -> str:
    """Return TeX with the book's own commands spelt out."""
    return COMMAND.sub(lambda found: MACROS[found[1]], tex)
