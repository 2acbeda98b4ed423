"""How the benchmarks tell what they measured: names, numbers, and how far they are."""

import math
import sys

from pagecode.frameworks import FRAMEWORKS

LABELS = {name: label for label, name in FRAMEWORKS.items()} | {"numpy": "NumPy"}


def say(text, end=False):
    """Tell a terminal how far we are, on one line; tell anything else only the ends."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="\n" if end else "", flush=True)
    elif end:
        print(text, flush=True)


def number(value):
    """Return a number with three digits, two below 1, as a reader would write it."""
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    decimals = (2 if value >= 1 else 1) - math.floor(math.log10(value))
    return f"{value:.{max(decimals, 0)}f}"
