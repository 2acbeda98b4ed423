"""Compare what a page shows with what its block printed."""

import re
from decimal import Decimal
from itertools import zip_longest

# A float has a decimal point or an exponent, and is no part of a word or of a version.
FLOAT = re.compile(
    r"(?<![\w.])[+-]?(?:\d+\.\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|\d+e[+-]?\d+)(?!\.?\w)",
    re.IGNORECASE,
)


def same_float(shown: str, printed: str, atol: str | None) -> bool:
    """Whether two floats differ by at most one unit in the finer one's last digit."""
    one, other = Decimal(shown), Decimal(printed)
    unit = min(Decimal(1).scaleb(int(x.as_tuple().exponent)) for x in (one, other))
    return abs(one - other) <= max(unit, Decimal(atol or 0))


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
    shown: list[str], printed: list[str], atol: str | None = None
) -> tuple[int, str | None, str | None] | None:
    """Return (index, shown line, printed line) where they first differ, or None."""
    for index, (one, other) in enumerate(zip_longest(shown, printed)):
        if one is None or other is None or not same_line(one, other, atol):
            return index, one, other
    return None
