"""Compare what a page shows with what its block printed."""

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import numpy as np

# A float has a decimal point or an exponent, and is no part of a word or of a version.
FLOAT = re.compile(
    r"(?<![\w.])[+-]?(?:(?:\d+\.\d*|\.\d+)(?:e[+-]?\d+)?|\d+e[+-]?\d+)(?!\.?\w)",
    re.IGNORECASE,
)


def same_float(shown: str, printed: str, atol: str | None) -> bool:
    """Whether two floats differ by at most one unit in the finer one's last digit."""
    one, other = Decimal(shown), Decimal(printed)
    unit = min(Decimal(1).scaleb(int(x.as_tuple().exponent)) for x in (one, other))
    if not all(re.search(r"\.\d", text) for text in (shown, printed)):
        unit = Decimal(0)  # `1.` and `1e-05` have no digit to spare
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
    shown: Sequence[str], printed: Sequence[str], atol: str | None = None
) -> tuple[int, str | None, str | None] | None:
    """Return (index, shown line, printed line) where they first differ, or None."""
    for index, (one, other) in enumerate(zip_longest(shown, printed)):
        if one is None or other is None or not same_line(one, other, atol):
            return index, one, other
    return None


def same_shape(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether two outputs agree but for numbers, truth values and quoted text."""

    def shape(lines: Sequence[str]) -> list[str]:
        number = r"[+-]?\d[\d,]*(\.\d*)?(e[+-]?\d+)?|\bnan\b"
        varying = rf"{number}|\bTrue\b|\bFalse\b|\".*?\"|'.*?'"
        return [" ".join(re.sub(varying, " # ", line).split()) for line in lines]

    return shape(shown) == shape(printed)


ROOM = 0.005  # of what a plot spans: less than the width of a line
POINTS = {"lines", "points", "bars", "limits"}  # (x, y): each has its own span


def plot_difference(shown: list[dict], drawn: list[dict]) -> str | None:
    """Say where two figures plot something else that could be seen."""
    if len(shown) != len(drawn):
        return f"{len(drawn) - 1} axes instead of {len(shown) - 1}"
    for index, (one, other) in enumerate(zip(shown, drawn, strict=True)):
        where = f"axes {index}" if index else "the figure"
        for name in sorted(one.keys() | other.keys(), key=lambda x: (x != "scales", x)):
            parts = one.get(name, []), other.get(name, [])
            same = same_part
            if name in POINTS:
                scales = one.get("scales", [])
                parts = (
                    [placed(x, scales) for x in parts[0]],
                    [placed(x, scales) for x in parts[1]],
                )
                same = same_points
            if len(parts[0]) != len(parts[1]) or not all(map(same, *parts)):
                return f"the {name} of {where}"
    return None


def placed(points: Any, scales: Sequence[str]) -> np.ndarray:
    """Return points (x, y) as the eye sees them: logarithms on a logarithmic axis."""
    array = np.array(points, float)
    for axis, scale in enumerate(scales):
        if scale == "log" and array.size:  # what is not above 0 cannot be drawn
            array[:, axis] = np.log10(np.where(array[:, axis] > 0, array[:, axis], 1))
    return array


def same_part(shown: Any, drawn: Any) -> bool:
    """Whether two texts, or two arrays of one span, agree."""
    if isinstance(shown, str):
        return isinstance(drawn, str) and same_line(shown, drawn)
    return same_points(np.ravel(shown)[:, None], np.ravel(drawn)[:, None])


def same_points(shown: Any, drawn: Any) -> bool:
    """Whether two arrays (points, coordinates) agree, each coordinate by its span."""
    one, other = np.array(shown, float), np.array(drawn, float)
    if one.shape != other.shape or not one.size:
        return one.shape == other.shape
    known = np.ma.masked_invalid(one)  # a gap spans nothing
    kept = 1e-5 * abs(known).max(axis=0)  # of six digits
    room = np.ma.filled(ROOM * np.ma.ptp(known, axis=0) + kept, 0.0)
    return bool(np.isclose(other, one, rtol=0, atol=room, equal_nan=True).all())
