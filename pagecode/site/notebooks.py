"""Notebooks as pages: what mkdocs-jupyter is given to show, and its HTML in our dress.

nbconvert finds formulas by rules of its own. So it is given marks in their places, and
the formulas, as the notebook has them, are set into its HTML.
"""

import json
import re
from typing import Any

from markdown.extensions.toc import nest_toc_tokens, strip_tags, unique

from pagecode.give.parts import CODE_SPAN
from pagecode.site.formulas import begin, mathml

FORMULA = re.compile(  # in Markdown of ours, where each dollar of the prose is escaped
    r"(?P<code>^ *(`{3,}).*?^ *\2`*$|"
    + CODE_SPAN.pattern.replace(r"\1", r"\3")
    + r"|\\.)"
    r"|\$\$\n(?P<display>.*?)\n[ >]*\$\$|\$(?P<inline>[^$\n][^$]*?)\$",
    re.DOTALL | re.MULTILINE,
)
MARK = re.compile("formula([0-9]+)elumrof(?![^<>]*>)")  # not within a tag
HEADING = re.compile(r'<h([1-6]) id="([^"]*)">(.*?)</h\1>', re.DOTALL)
# What nbconvert adds to a notebook: scripts, JupyterLab's styles (half a megabyte, and
# no dark mode), a second copy of each cell for a button that they bring, and stops for
# the keyboard where there is nothing to press.
JUPYTERS_OWN = re.compile(
    r"<(script|style)\b.*?</\1>|<!--.*?-->|<a class=\"anchor-link\".*?</a>"
    r"|<div class=\"zeroclipboard-container\">.*?</clipboard-copy>\s*</div>"
    r"|<div class=\"clipboard-copy-txt\".*?</div>| tabindex=\"0\"",
    re.DOTALL,
)
CODE = re.compile(  # of a cell, or of a fence in the prose
    r"(<div class=\"highlight)(?:-ipynb)?([^>]*>\s*<pre>)(.*?)</pre>", re.DOTALL
)


def marked(notebook: str) -> tuple[str, list[str]]:
    """Return a notebook with marks for its formulas, and these as MathML."""
    facts, formulas = json.loads(notebook), list[str]()
    begin()

    def mark(found: re.Match) -> str:
        if found["code"]:
            return found[0]
        tex = found["display"] or found["inline"]
        formulas.append(mathml(tex, display=bool(found["display"])))
        return f"formula{len(formulas) - 1}elumrof"

    for cell in facts["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = FORMULA.sub(mark, "".join(cell["source"]))
    return json.dumps(facts), formulas


def with_formulas(html: str, formulas: list[str]) -> str:
    """Return HTML with the formulas in the places of their marks."""
    return MARK.sub(lambda found: formulas[int(found[1])], html)


def with_contents(html: str) -> tuple[str, list[dict[str, Any]]]:
    """Return a notebook's HTML, each heading with an id of its own, and its contents.

    mkdocs-jupyter makes them of Markdown out of which it has cut all code.
    """
    taken, headings = set[str](), list[dict[str, Any]]()

    def note(found: re.Match) -> str:
        level, wanted, inside = found.groups()
        name, own = strip_tags(JUPYTERS_OWN.sub("", inside)), unique(wanted, taken)
        headings.append({"name": name, "id": own, "level": int(level)})
        return f'<h{level} id="{own}">{inside}</h{level}>'

    return HEADING.sub(note, html), nest_toc_tokens(headings)


def dressed(html: str, file: str, page: str) -> str:
    """Return a notebook's HTML in the site's own dress, with its file and its page."""
    html = CODE.sub(r"\1\2<code>\3</code></pre>", JUPYTERS_OWN.sub("", html))
    links = (
        f'<a class="md-button" href="{file}" download>Download this notebook</a> '
        f'<a class="md-button" href="{page}">Read the page</a>'
    )
    return f"<p>{links}</p>{html}"
