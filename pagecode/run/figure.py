"""A figure that a block drew, as one SVG for light and for dark.

Runs in the program's process, and only where the program itself imported matplotlib.
"""

import io
import re
from typing import Any

BLACK, WHITE = "currentColor", "var(--md-default-bg-color, #fff)"
ON_IMAGES = {"black": "#010101", "white": "#fefefe"}  # an image keeps its own colours


def draw(figure: Any) -> str:
    """Return a matplotlib figure as SVG, the same in each process."""
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
    return svg.replace("<text", f'<text fill="{BLACK}"')
