"""A figure that a block drew: the numbers in it, and one SVG for light and for dark.

Runs in the program's process, and only where the program itself imported matplotlib.
"""

import io
import re
from typing import Any

BLACK, WHITE = "currentColor", "var(--md-default-bg-color, #fff)"
ON_IMAGES = {"black": "#010101", "white": "#fefefe"}  # an image keeps its own colours


def numbers(values: Any) -> Any:
    """Return an array as nested lists of floats with six digits."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, (list, tuple)):
        return [numbers(value) for value in values]
    return float(f"{float('nan') if values is None else values:.6g}")


def texts(artists: Any) -> list[str]:
    """Return what these pieces of text say."""
    return [artist.get_text() for artist in artists]


def corners(bar: Any) -> Any:
    """Return a patch's vertices in the units of the axes."""
    return bar.get_patch_transform().transform(bar.get_path().vertices)


def plotted(axes: Any) -> dict[str, Any]:
    """Return what one pair of axes shows: lists of texts, and of arrays."""
    legend = axes.get_legend()
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return {
        "labels": [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()],
        "legend": texts(legend.get_texts()) if legend else [],
        "texts": texts(axes.texts),
        "ticks": texts([*axes.get_xticklabels(), *axes.get_yticklabels()]),
        "scales": [axes.get_xscale(), axes.get_yscale()],
        "limits": [numbers([[left, bottom], [right, top]])],
        "lines": [numbers(line.get_xydata()) for line in axes.lines],
        "points": [numbers(points.get_offsets()) for points in axes.collections],
        "values": [numbers(points.get_array()) for points in axes.collections],
        "bars": [numbers(corners(bar)) for bar in axes.patches],
        "images": [numbers(image.get_array()) for image in axes.images],
    }


def draw(figure: Any) -> tuple[str, list[dict[str, Any]]]:
    """Return a matplotlib figure as SVG, and what it plots."""
    from matplotlib import rc_context

    for text in (text for axes in figure.axes if axes.images for text in axes.texts):
        text.set_color(ON_IMAGES.get(text.get_color(), text.get_color()))
    drawn = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "figure"}):
        figure.savefig(
            drawn,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None},
        )
    svg = drawn.getvalue()
    svg = svg[svg.index("<svg") :].replace("#000000", BLACK).replace("#ffffff", WHITE)
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg)
    svg = svg.replace("<text", f'<text fill="{BLACK}"')
    return svg, [{"texts": texts(figure.texts)}, *map(plotted, figure.axes)]
