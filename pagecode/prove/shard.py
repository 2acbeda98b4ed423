"""Which share of the work this machine does: SHARD=2/4 is the second of four."""

import os
import re
from collections.abc import Sequence
from typing import TypeVar

Work = TypeVar("Work")


def shard() -> tuple[int, int]:
    """Return which shard this is, and of how many; ValueError where SHARD is none."""
    said = os.environ.get("SHARD", "").strip() or "1/1"
    found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", said)
    if not found or int(found[1]) > int(found[2]):
        raise ValueError(f"SHARD is as in 2/4, the second of four, not {said!r}")
    return int(found[1]), int(found[2])


def leg() -> str:
    """Return the name of what is handed over from here: `pytorch-2-of-4`."""
    number, count = shard()
    framework = os.environ.get("FRAMEWORK") or "all"
    return framework if count == 1 else f"{framework}-{number}-of-{count}"


def mine(work: Sequence[Work]) -> list[Work]:
    """Return this machine's share: each piece of work goes to one of the shards.

    Pieces are dealt out forth and back, in the order of the pages. Neighbours take
    about as long: they load the same libraries, and each block needs about what the
    one above it needs. So the shares are even without a memory of seconds, in which
    machines differ.
    """
    number, count = shard()
    turns = [*range(1, count + 1), *range(count, 0, -1)]
    return [x for index, x in enumerate(work) if turns[index % len(turns)] == number]
