"""TeX as MathML, which browsers set by themselves: no script, font or other host."""

import re
from html import unescape

from math_core import LatexError, LatexToMathML

from pagecode.book.formulas import expand

CONVERTER = LatexToMathML(fancy_error=False)
SHOWN = re.compile(
    r'<span class="arithmatex">\\\((?P<inline>.*?)\\\)</span>'
    r'|<div class="arithmatex">\s*\\\[(?P<display>.*?)\\\]\s*</div>',
    re.DOTALL,
)
BESIDE = re.compile(
    r'\$<span class="arithmatex">\\\((.*?)\\\)</span>'
    r'|<span class="arithmatex">\\\((.*?)\\\)</span>\$'
)
ENVIRONMENT = re.compile(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL)
UNSET = {  # what the converter takes, and no browser shows as it is meant
    r"(?<!\\)(?:\\\\)*%": "a % ends the formula: write \\%",
    r"\\\\|\\newline\b": "a line ends outside of an environment such as aligned",
}
UNREAD = re.compile(r"\\(?:[A-Za-z]{2,}|[\[\]()])|\$\$")


def mathml(tex: str, *, display: bool) -> str:
    """Return TeX as MathML; ValueError says why a browser could not show it."""
    tex = expand(tex.strip())
    outside = ENVIRONMENT.sub("", tex)
    for pattern, why in UNSET.items():
        if re.search(pattern, outside):
            raise ValueError(why)
    try:
        made = CONVERTER.convert_with_global_state(tex, displaystyle=display)
    except LatexError as error:
        raise ValueError(str(error).partition(": ")[2]) from error
    if "(??)" in made:
        raise ValueError("no equation above it has this label")
    if "<menclose" in made:
        raise ValueError("no browser draws this box, or strikes this out")
    return made


def begin() -> None:
    """Count equations from 1 again: a page, or a notebook, begins."""
    CONVERTER.reset_global_state()


def set_formulas(html: str) -> str:
    """Return HTML with the formulas that arithmatex found in it as MathML.

    ValueError names the formula that cannot be set, and why.
    """

    def convert(found: re.Match) -> str:
        tex = unescape(found["inline"] or found["display"] or "").strip()
        try:
            return mathml(tex, display=found["display"] is not None)
        except ValueError as error:
            raise FormulaError(tex, str(error)) from error

    if beside := BESIDE.search(html):
        tex = unescape(beside[1] or beside[2])
        raise FormulaError(tex, "a $ is left beside it: $$ has lines of its own")
    begin()
    return SHOWN.sub(convert, html)


class FormulaError(ValueError):
    """A formula that cannot be set, and why."""

    def __init__(self, tex: str, why: str) -> None:
        super().__init__(f"the formula {tex} cannot be set: {why}")
        self.tex = tex
