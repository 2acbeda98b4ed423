"""Compare two pictures, SVG as matplotlib writes it, by what can be seen in them.

A picture is its own record. Whatever artist draws, it ends as marks in the SVG: paths,
texts and images, each at its place and in its colours. They are compared in the order
in which they are drawn, so no kind of plot has to be known here. What another
processor's arithmetic changes cannot be seen: there is room of 0.5 % of what the axes
span, and of one step in a colour map.
"""

import base64
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import zip_longest
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from pagecode.run.compare import same_line

ROOM = 0.005  # of what the axes span: less than the width of a line
OWN_ROOM = 0.05  # of its own size, for the shape of what is small, as a marker
SHADES = 4  # of 255: the widest step in matplotlib's usual colour maps
CURVE = np.linspace(0, 1, 9)[1:, None]  # where straight pieces stand for a curve
LEVER = 50  # units from its place, a text's direction is compared
SAMPLES = 20_000  # of a path, at most
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)
PLACE = {"d", "x", "y", "width", "height", "transform", "viewBox", "id", "clip-path"}


@dataclass(frozen=True)
class Context:
    """What a mark inherits: where it belongs, what moves it, clips and paints it."""

    axes: str = "the figure"
    artist: str = ""  # `, xtick 2, line2d 7`, as matplotlib counts them
    scale: bool = False  # whether it is of an axis, by which all else is read
    moved: np.ndarray = field(default_factory=lambda: np.eye(3))
    seen: np.ndarray | None = None  # [left, top, right, bottom] of what clips it
    style: tuple[tuple[str, str], ...] = ()


@dataclass
class Mark:
    """One thing that is drawn."""

    context: Context
    kind: str  # the SVG's name of it
    text: str
    style: dict[str, str]
    pieces: np.ndarray  # its straight pieces: [x, y, x', y'] each
    pixels: np.ndarray | None

    @property
    def what(self) -> tuple[str, ...]:
        """Its axes, and what it is, whatever its number."""
        artist = re.sub(r" \d+", "", self.context.artist)
        return self.context.axes, artist, self.kind

    @property
    def where(self) -> str:
        """Its axes, and the artist as matplotlib counts them."""
        return self.context.axes + (self.context.artist or f", {self.kind}")


def numbers(text: str) -> list[float]:
    """Return the numbers in an attribute."""
    return [float(x) for x in NUMBER.findall(text)]


def movement(transform: str) -> np.ndarray:
    """Return what an SVG's `transform` does, as a matrix."""
    done = np.eye(3)
    for name, inside in re.findall(r"(\w+)\(([^)]*)\)", transform):
        given, step = numbers(inside), np.eye(3)
        if name == "translate":
            step[: len(given), 2] = given
        elif name == "scale":
            step[0, 0], step[1, 1] = given[0], given[-1]
        elif name == "rotate":
            angle = math.radians(given[0])
            step[:2, :2] = [
                [math.cos(angle), -math.sin(angle)],
                [math.sin(angle), math.cos(angle)],
            ]
            about = np.array(given[1:] or [0, 0])
            step[:2, 2] = about - step[:2, :2] @ about
        elif name == "matrix":
            step[:2] = np.reshape(given, (3, 2)).T
        else:
            raise ValueError(f"{name}() in a picture cannot be compared")
        done = done @ step
    return done


@lru_cache(maxsize=1000)
def straight(path: str) -> np.ndarray:
    """Return the straight pieces of a path, and some for each curve."""
    pieces: list[np.ndarray] = []
    start = here = np.zeros(2)
    for command, inside in re.findall(r"([A-Za-z])([^MLQCZz]*)", path):
        ends = np.reshape(numbers(inside), (-1, 2))
        if command == "M":
            start = here = ends[0]
            continue
        if command in "Zz":
            ends = start[None]
        elif command in "QC":
            points, degree = [here, *ends], len(ends)
            ends = sum(
                math.comb(degree, i) * CURVE**i * (1 - CURVE) ** (degree - i) * point
                for i, point in enumerate(points)
            )
        elif command != "L":
            raise ValueError(f"the path command {command} cannot be compared")
        pieces += [np.concatenate(x) for x in zip([here, *ends], ends, strict=False)]
        here = ends[-1]
    return np.reshape(pieces, (-1, 4))


def outline(kind: str, given: dict[str, str]) -> np.ndarray:
    """Return the pieces that tell a mark's place, before anything moves it."""
    if "d" in given:
        return straight(given["d"])
    if kind in ("text", "tspan"):
        xs, ys = (numbers(given.get(axis, "0")) for axis in "xy")
        return np.array([[x, ys[0], x + LEVER, ys[0]] for x in xs])
    names = ("x", "y", "width", "height")
    box = given.get("viewBox") or " ".join(given.get(x, "0") for x in names)
    if "width" not in given and "viewBox" not in given:
        return np.zeros((0, 4))
    x, y, width, height = numbers(box)
    return straight(f"M {x} {y} L {x + width} {y} L {x + width} {y + height} Z")


def declarations(element: ElementTree.Element) -> dict[str, str]:
    """Return how an element is painted: its `style`, and attributes that say so."""
    given = {name.rpartition("}")[2]: value for name, value in element.items()}
    pairs = [x.partition(":") for x in given.pop("style", "").split(";") if x.strip()]
    paint = {name: value for name, value in given.items() if name not in PLACE}
    return paint | {name.strip(): value.strip() for name, _, value in pairs}


def marks(svg: str) -> list[Mark]:
    """Return all that a picture draws, in the order in which it is drawn."""
    root = ElementTree.fromstring(svg)
    named = {f"#{x.get('id')}": x for x in root.iter() if x.get("id")}

    def walk(element: ElementTree.Element, around: Context) -> Iterator[Mark]:
        kind = element.tag.rpartition("}")[2]
        name, _, count = element.get("id", "").rpartition("_")
        if kind == "g" and name == "axes":
            around = replace(around, axes=f"axes {count}", artist="")
        elif kind == "g" and "axis" in name:
            around = replace(around, scale=True)
        elif kind == "g" and name not in ("", "figure"):
            around = replace(around, artist=f"{around.artist}, {name} {count}")
        moved = around.moved @ movement(element.get("transform", ""))
        style = dict(around.style) | declarations(element)
        children = list(element)
        if clip := re.search(r"#[^)\"']+", element.get("clip-path", "")):
            inside = [y for x in named[clip[0]] for y in walk(x, Context(moved=moved))]
            ends = np.concatenate([x.pieces for x in inside]).reshape(-1, 2)
            around = replace(around, seen=np.concatenate([ends.min(0), ends.max(0)]))
        pixels, href = None, style.pop("href", "")
        if kind == "image" and "base64," in href:
            file = io.BytesIO(base64.b64decode(href.partition("base64,")[2]))
            pixels = np.asarray(Image.open(file).convert("RGBA"), float)
        elif href in named:
            children.append(named[href])
        elif href:
            style["href"] = href
        if kind == "use":
            shift = [float(element.get(axis, 0)) for axis in "xy"]
            moved = moved @ movement(f"translate({shift[0]} {shift[1]})")
        for key, value in style.items():
            if used := re.search(r"url\(['\"]?(#[^)'\"]+)", value):  # as a hatch is
                children.append(named[used[1]])
                style[key] = value.replace(used[1], "")
        inner = replace(around, moved=moved, style=tuple(style.items()))
        if kind == "defs":  # seen where it is used
            children = [x for x in children if x.tag.endswith("style")]
        if kind not in ("g", "a", "defs", "use"):
            given = dict(element.items())
            ends = outline(kind, given).reshape(-1, 2) @ moved[:2, :2].T + moved[:2, 2]
            text = "".join([element.text or "", *(x.tail or "" for x in element)])
            said = text if kind != "svg" else ""
            yield Mark(around, kind, said, style, ends.reshape(-1, 4), pixels)
            inner = replace(inner, style=())
        for child in children:
            yield from walk(child, inner)

    return list(walk(root, Context()))


def spans(drawn: list[Mark]) -> dict[str, np.ndarray]:
    """Return how wide and how high each pair of axes is, and the figure."""
    whole = drawn[0].pieces.reshape(-1, 2)
    found: dict[str, list[np.ndarray]] = {}
    for mark in drawn:
        if mark.kind not in ("text", "tspan") and mark.pieces.size:
            left, top, right, bottom = box_of(mark, whole)
            ends = mark.pieces.reshape(-1, 2).clip((left, top), (right, bottom))
            found.setdefault(mark.context.axes, []).append(ends)
    return {axes: np.ptp(np.concatenate(x), axis=0) for axes, x in found.items()}


def box_of(mark: Mark, whole: np.ndarray) -> np.ndarray:
    """Return the box in which a mark is seen."""
    seen = mark.context.seen
    return np.concatenate([whole.min(0), whole.max(0)]) if seen is None else seen


def difference(shown: str, drawn: str) -> str | None:
    """Say where two pictures show something else, and what; None where they do not."""
    try:
        one, other = marks(shown), marks(drawn)
        sizes, whole = [spans(one), spans(other)], one[0].pieces.reshape(-1, 2)
        size = np.ptp(whole, axis=0)
    except (ElementTree.ParseError, LookupError, OSError, ValueError) as error:
        return f"it is no picture that was recorded ({error})"
    for before, now in zip_longest(one, other):
        if not before or not now:
            extra = before or now
            return f"{extra.where}: {'no longer' if before else 'not'} in the picture"
        if before.what != now.what:
            return f"{now.where} instead of {before.where}"
        given = [x.get(now.context.axes, size) for x in sizes]
        room = ROOM * np.where(np.minimum(*given), np.minimum(*given), 1)
        boxes = [box_of(x, whole) for x in (before, now)]
        cut = (abs(boxes[0] - boxes[1]) > np.tile(room, 2)).any()
        what = "where it is cut off" if cut else ""
        if what := what or mark_difference(before, now, room, boxes[0]):
            return f"{before.where}: {what}"
    return None


def mark_difference(one: Mark, other: Mark, room: np.ndarray, box: np.ndarray) -> str:
    """Say what differs between two marks; nothing where they look the same."""
    exact = one.context.scale and one.text != other.text
    if exact or not same_line(one.text, other.text):
        return f"its text (shown {one.text!r}, drawn {other.text!r})"
    for name in sorted(one.style.keys() | other.style.keys()):
        shown, drawn = one.style.get(name, "none"), other.style.get(name, "none")
        if not same_style(shown, drawn):
            return f"its {name} (shown {shown}, drawn {drawn})"
    if one.pixels is not None and other.pixels is not None:
        same = one.pixels.shape == other.pixels.shape
        if not same or (abs(one.pixels - other.pixels) > SHADES).any():
            return "its pixels"
    return "" if same_place(one, other, room, box) else "its place or its shape"


def same_style(shown: str, drawn: str) -> bool:
    """Whether two values look the same: colours nearly, numbers nearly, words all."""
    if shown == drawn:
        return True
    values = [re.findall(r"#[0-9a-f]{6}|[^#]+|#", x) for x in (shown, drawn)]
    if len(values[0]) != len(values[1]):
        return False
    for one, other in zip(*values, strict=True):
        if len(one) == len(other) == 7 and one[0] == other[0] == "#":
            channels = [list(bytes.fromhex(x[1:])) for x in (one, other)]
            if any(abs(x - y) > SHADES for x, y in zip(*channels, strict=True)):
                return False
        elif NUMBER.split(one) != NUMBER.split(other) or not np.allclose(
            numbers(one), numbers(other), rtol=ROOM, atol=ROOM
        ):
            return False
    return True


def same_place(one: Mark, other: Mark, room: np.ndarray, box: np.ndarray) -> bool:
    """Whether two marks cover the same ground, from whatever point they are drawn."""
    pieces = [one.pieces, other.pieces]
    if pieces[0].size and pieces[1].size:
        ends = [x.reshape(-1, 2) for x in pieces]
        small = OWN_ROOM * np.ptp(ends[0], axis=0).max() + 0.01
        if small < room.min():  # its place has the axes' room, its shape its own
            middles = [(x.min(axis=0) + x.max(axis=0)) / 2 for x in ends]
            if (abs(middles[0] - middles[1]) > room).any():
                return False
            pieces = [x - np.tile(y, 2) for x, y in zip(pieces, middles, strict=True)]
            box, room = box - np.tile(middles[0], 2), np.array([small, small])
    pieces = [x / np.tile(room, 2) for x in pieces]
    if pieces[0].shape == pieces[1].shape and (abs(pieces[0] - pieces[1]) <= 1).all():
        return True
    if one.kind != "path":
        return False
    margin = np.array([-1, -1, 1, 1])
    edges = box / np.tile(room, 2) + margin
    if one.style.get("fill") != "none":  # what is painted within the edges is seen
        low, high = np.tile(edges[:2], 2), np.tile(edges[2:], 2)
        pieces, edges = [x.clip(low, high) for x in pieces], edges + margin
    before, now = pieces
    return covers(before, now, edges) and covers(now, before, edges)


def sample(pieces: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return points all along these pieces, one unit apart, within the edges."""
    start, way = pieces[:, :2], pieces[:, 2:] - pieces[:, :2]
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = ((edge - start) / way for edge in (edges[:2], edges[2:]))
    enter = np.maximum(np.minimum(low, high).max(axis=1), 0)
    leave = np.minimum(np.maximum(low, high).min(axis=1), 1)
    kept = enter <= leave
    start, way, enter, leave = (x[kept] for x in (start, way, enter, leave))
    length = np.hypot(*way.T) * (leave - enter)
    counts = np.ceil(length.clip(1, SAMPLES)).astype(int)
    piece = np.repeat(np.arange(len(counts)), counts)
    step = np.arange(len(piece)) - np.repeat(np.cumsum(counts) - counts, counts)
    along = enter[piece] + (leave - enter)[piece] * (step + 0.5) / counts[piece]
    points = start[piece] + along[:, None] * way[piece]
    return points[:: 1 + len(points) // SAMPLES]


def covers(one: np.ndarray, other: np.ndarray, edges: np.ndarray) -> bool:
    """Whether all that is seen of one path has the other within one unit."""
    points = sample(one, edges)
    if not len(points) or not len(other):
        return not len(points)
    start, way = other[:, :2], other[:, 2:] - other[:, :2]
    squared = np.maximum((way**2).sum(axis=1), 1e-12)
    for some in np.array_split(points, 1 + len(points) * len(other) // 1_000_000):
        to = some[:, None] - start
        along = ((to * way).sum(axis=2) / squared).clip(0, 1)
        if (np.hypot(*(to - along[..., None] * way).T).min(axis=0) > 1).any():
            return False
    return True
