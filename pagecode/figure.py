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


def plotted(axes: Any) -> dict[str, Any]:
    """Return what one pair of axes shows, to be compared as text or as numbers."""
    legend = axes.get_legend()
    return {
        "title": axes.get_title(),
        "labels": [axes.get_xlabel(), axes.get_ylabel()],
        "legend": [text.get_text() for text in legend.get_texts()] if legend else [],
        "lines": [numbers(line.get_xydata()) for line in axes.lines],
        "points": [numbers(points.get_offsets()) for points in axes.collections],
        "values": [numbers(points.get_array()) for points in axes.collections],
        "bars": [numbers(bar.get_path().vertices) for bar in axes.patches],
        "images": [numbers(image.get_array()) for image in axes.images],
        "texts": [text.get_text() for text in axes.texts],
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
    return svg.replace("<text ", f'<text fill="{BLACK}" '), list(
        map(plotted, figure.axes)
    )
