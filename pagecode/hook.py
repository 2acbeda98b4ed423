"""What MkDocs calls, and all that knows MkDocs.

It refuses faulty pages, holds the HTML against the blocks, and sets the mathematics.
"""

import itertools
import re
from html import unescape
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError

from pagecode import rosetta
from pagecode.page import is_python, read_page, read_pages


def on_pre_build(config: Any) -> None:
    """Stop before the build where a page has a fault; name them all."""
    root = Path(config.config_file_path).parent
    if faults := [str(fault) for page in read_pages(root) for fault in page.faults]:
        raise PluginError("\n".join(["these pages cannot be built", *faults]))


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Fill in the Rosetta table, where a page asks for its rows."""
    root = Path(config.config_file_path).parent
    try:
        return rosetta.fill(markdown, f"docs/{page.file.src_uri}", root)
    except ValueError as error:
        raise PluginError(str(error)) from error


def html_blocks(html: str) -> list[str]:
    """Return the text of every block that the HTML highlights as Python, in order."""
    blocks = []
    for code in BeautifulSoup(html, "html.parser").select("pre > code"):
        marked = [
            code,
            *list(code.parents)[:2],
        ]  # fences mark the div, raw HTML the code
        names = {name for tag in marked for name in tag.get_attribute_list("class")}
        languages = [
            x.removeprefix("language-") for x in names if x and "language-" in x
        ]
        if any(is_python(language) for language in languages):
            blocks.append(code.get_text().strip("\n"))
    return blocks


def on_page_content(html: str, page: Any, config: Any, **_: Any) -> str:
    """Refuse HTML whose Python blocks are not the page's; turn TeX into MathML."""
    root = Path(config.config_file_path).parent
    blocks = read_page(Path(page.file.abs_src_path), root).blocks
    expected = [block.text.strip("\n") for block in blocks]
    try:
        found = html_blocks(html)
    except ValueError as error:
        raise PluginError(f"docs/{page.file.src_uri}: {error}") from error
    if expected != found:
        for block, text in zip(blocks, found, strict=False):
            if block.text.strip("\n") != text:
                raise PluginError(f"{block.where}: the HTML shows another block")
        raise PluginError(
            f"docs/{page.file.src_uri}: of {len(blocks)} Python blocks that were read "
            f"and would run, the HTML shows {len(found)}"
        )
    return mathml(inline_pictures(html, Path(page.file.abs_src_path).parent))


def inline_pictures(html: str, folder: Path) -> str:
    """Put the figures into the page, where its colours reach them, light or dark."""

    places = itertools.count(1)  # a picture may stand twice; its ids may not

    def inline(found: re.Match) -> str:
        path = folder / "figures" / found["name"]
        if not path.exists():
            return found[0]
        prefix = rf"\g<1>figure-{next(places)}-"
        svg = re.sub(r'(id="|url\(#|href="#)', prefix, path.read_text())
        label = f'role="img" aria-label="{found["alt"]}"'
        return svg.replace("<svg ", f'<svg class="figure" {label} ', 1)

    image = r'<img alt="(?P<alt>[^"]*)" src="[^"]*figures/(?P<name>[^"/]+\.svg)" ?/?>'
    return re.sub(image, inline, html)


def mathml(html: str) -> str:
    """Turn the TeX that arithmatex marked into MathML: no script, no other host."""

    def inline(found: re.Match) -> str:
        return convert(unescape(found[1]))

    def display(found: re.Match) -> str:
        return convert(unescape(found[1]), display="block")

    span = r'<span class="arithmatex">\\\((.*?)\\\)</span>'
    div = r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>'
    return re.sub(div, display, re.sub(span, inline, html, flags=re.S), flags=re.S)
