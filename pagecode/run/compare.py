"""Compare what a page shows with what its block printed.

The rule, in one place: text and integers exactly, floats within one unit of the last
digit shown. A float is a number with a decimal point or an exponent. It may have a
sign, thousands set apart (1,234.5 or 1_234.5) and a unit behind it (0.5j, 97.5%).
A number is no float where it is part of a name (conv1.5), of a version (2.15.0, 2.0rc1)
or of a time (12:30:05.25); only digits behind the point have a unit to spare, so that
`1.` and `1e-05` are exact.
"""

import re
from collections.abc import Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from itertools import zip_longest

WHOLE = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+(?:_[0-9]+)*)"
EXPONENT = r"(?:[eE][+-]?[0-9]{1,4})"
LETTERS = r"[^\W\d_]*"
FLOAT = re.compile(
    rf"""[+-]?
    (?<![\w.])                              # no name, no version, no file's ending
    (?!(?<=[0-9]:)[0-5][0-9]\.)             # no seconds of a time
    (?:{WHOLE}\.[0-9]*{EXPONENT}?|\.[0-9]+{EXPONENT}?|{WHOLE}{EXPONENT})
    (?!{LETTERS}[\d_]|{LETTERS}\.\w)        # nor does a name or a version go on
    """,
    re.VERBOSE,
)
VARYING = re.compile(  # what data decide: numbers, truth values, quoted text
    rf"[+-]?{WHOLE}(?:\.[0-9]*)?{EXPONENT}?"
    r"|\b(?:nan|inf|True|False)\b|\".*?\"|'.*?'"
)
EXACT = Context(prec=100_000, Emin=MIN_EMIN, Emax=MAX_EMAX)


def seen(text: str) -> list[str]:
    """Return the lines that a printed text shows.

    Blanks at the end of a line and blank lines around all of them cannot be seen, and
    tabs are shown as a terminal shows them.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    lines = [line.rstrip("\t ").expandtabs() for line in lines]
    filled = [number for number, line in enumerate(lines) if line]
    return lines[filled[0] : filled[-1] + 1] if filled else []


def same_float(shown: str, printed: str, atol: str | None) -> bool:
    """Whether two floats differ by at most one unit in the finer one's last digit."""
    one, other = (Decimal(re.sub("[,_]", "", text)) for text in (shown, printed))
    room = Decimal(atol or 0)
    if all(re.search(r"\.[0-9]", text) for text in (shown, printed)):
        last = min(int(x.as_tuple().exponent) for x in (one, other))
        room = max(room, Decimal((0, (1,), last)))
    return EXACT.subtract(one, other).copy_abs() <= room


def same_line(shown: str, printed: str, atol: str | None = None) -> bool:
    """Whether two lines agree: text and integers exactly, floats to the last digit."""

    def words(line: str) -> list[str]:
        # A float may gain or lose a sign, and with it the blank in front.
        pieces = FLOAT.split(line)
        return [re.sub(r"\s+", " ", piece).rstrip() for piece in pieces]

    if words(shown) != words(printed):
        return False
    pairs = zip(FLOAT.findall(shown), FLOAT.findall(printed), strict=True)
    return all(same_float(one, other, atol) for one, other in pairs)


def first_difference(
    shown: Sequence[str], printed: Sequence[str], atol: str | None = None
) -> tuple[int, str | None, str | None] | None:
    """Return (index, shown line, printed line) where they first differ, or None."""
    for index, (one, other) in enumerate(zip_longest(shown, printed)):
        if one is None or other is None or not same_line(one, other, atol):
            return index, one, other
    return None


def same_shape(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether two outputs agree but for numbers, truth values and quoted text.

    What is printed is no number, or infinite, only where the page shows that.
    """

    def shape(lines: Sequence[str]) -> list[str]:
        return [" ".join(VARYING.sub(" # ", line).split()) for line in lines]

    def varying(lines: Sequence[str]) -> list[str]:
        return [word for line in lines for word in VARYING.findall(line)]

    pairs = zip(varying(shown), varying(printed), strict=False)
    finite = all(new not in ("nan", "inf") or new == old for old, new in pairs)
    return shape(shown) == shape(printed) and finite
