"""A page as a notebook: its parts, with what each block is known to print and draw."""

import base64
import json
import re
from html import escape
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from pagecode.read.page import Block, Picture

INSTALL = """\
# Verified with {verified}.
# Installs what is missing; whatever version is here already stays.
import subprocess
import sys
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec

verified = {needs}
missing = [pin for module, pin in verified.items() if find_spec(module) is None]
if missing:
    names = packages_distributions()
    here = {{name for module in verified for name in names.get(module, [])}}
    kept = [f"{{name}}=={{version(name)}}" for name in sorted(here)]
    pip = [sys.executable, "-m", "pip", "install", "-q"]
    subprocess.run([*pip, *missing, *kept], check=True)
"""


def notebook(parts: list[str | Block], head: str, needs: dict[str, str]) -> str:
    """Return the text of an .ipynb file: head, installation, then the parts in order.

    `head` is Markdown. `needs` gives each module that the program imports, and the
    requirement that it was verified with: `{"sklearn": "scikit-learn==1.9.1"}`.
    The same arguments give the same text.
    """
    blocks = [part for part in parts if isinstance(part, Block)]
    cells = [new_markdown_cell(head), new_code_cell(install(needs))]
    drawn = {x.path.name: x for block in blocks for x in block.pictures}
    cells += [
        code_cell(part) if isinstance(part, Block) else prose_cell(part, drawn)
        for part in parts
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    ran = [cell for cell in cells[2:] if cell.cell_type == "code"]
    for count, cell in enumerate(ran, 1):
        cell.execution_count = count
    made = new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python", "file_extension": ".py"},
        },
    )
    nbformat.validate(made)
    return nbformat.writes(made) + "\n"


def install(needs: dict[str, str]) -> str:
    """Return the code that installs those of the needed modules that are missing.

    It never replaces a version that is there (pip is told to keep it, and fails where
    it cannot), and prints nothing where all is there.
    A pin's local part (`torch==2.9.1+cpu`) is left out: PyPI does not know it.
    """
    pins = {module: pin.partition("+")[0] for module, pin in needs.items()}
    verified = ", ".join(pin.replace("==", " ") for pin in pins.values())
    lines = [f"    {json.dumps(x)}: {json.dumps(pin)},\n" for x, pin in pins.items()]
    table = "{\n" + "".join(lines) + "}" if lines else "{}"
    text = INSTALL.format(verified=verified or "Python alone", needs=table)
    return text.rstrip("\n")


def prose_cell(text: str, drawn: dict[str, Picture]) -> NotebookNode:
    """Return Markdown as a cell that carries the previews of what blocks draw."""
    attachments: dict[str, dict[str, str]] = {}

    def attach(found: re.Match) -> str:
        picture = drawn.get(found["name"])
        if not picture:  # another page's: a notebook asks no host for it
            return ""
        svg = on_paper(picture.path.read_text(encoding="utf-8"))
        encoded = base64.b64encode(svg.encode()).decode()
        attachments[picture.path.name] = {"image/svg+xml": encoded}
        return f"{found['alt']}(attachment:{picture.path.name})"

    shown = r"(?P<alt>!\[[^]]*\])\([^\s()]*/figures/(?P<name>[^\s()/]+\.svg)\)"
    cell = new_markdown_cell(re.sub(shown, attach, text))
    if attachments:
        cell["attachments"] = attachments
    return cell


def code_cell(block: Block) -> NotebookNode:
    """Return a block as a cell with its verified output and its figures."""
    lines = list(map(str, block.output.lines)) if block.output else []
    outputs = []
    error = error_output(lines.pop()) if block.raises and lines else None
    if lines:
        text = "\n".join(lines) + "\n"
        outputs.append(new_output("stream", name="stdout", text=text))
    for picture in block.pictures:
        svg = on_paper(picture.path.read_text(encoding="utf-8"))
        label = f'<svg role="img" aria-label="{escape(picture.alt)}" '
        svg = svg.replace("<svg ", label, 1)
        data = {"image/svg+xml": svg, "text/plain": picture.alt}
        outputs.append(new_output("display_data", data=data))
    outputs += [error] if error else []
    metadata: dict[str, Any] = {"tags": ["raises-exception"]} if block.raises else {}
    return new_code_cell(block.text, outputs=outputs, metadata=metadata)


def error_output(line: str) -> NotebookNode:
    """Return the last line of a traceback as a notebook's error."""
    name, _, value = line.partition(": ")
    return new_output("error", ename=name, evalue=value, traceback=[line])


def on_paper(svg: str) -> str:
    """Return a page's SVG as black on white, to be seen on light and on dark.

    On the site it takes its colours from the page; a notebook may show it as an image,
    where these are unknown and its black lines would stand on a dark ground.
    """
    svg = svg.replace("var(--md-default-bg-color, #fff)", "#fff")
    paper = r'<svg color="#000" style="color: #000; background: #fff"\1>' + (
        '<rect width="100%" height="100%" fill="#fff"/>'
    )
    return re.sub(r"<svg\b([^>]*)>", paper, svg, count=1)
