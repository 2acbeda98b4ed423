"""Notebooks as pages: what mkdocs-jupyter is given to show, and its HTML in our dress.

nbconvert finds formulas by rules of its own. So it is given marks in their places, and
the formulas, as the notebook has them, are set into its HTML.
"""

import json
import re

from pagecode.give.parts import CODE_SPAN
from pagecode.site.formulas import mathml

FORMULA = re.compile(  # in Markdown of ours, where each dollar of the prose is escaped
    r"(?P<code>^ *(`{3,}).*?^ *\2`*$|"
    + CODE_SPAN.pattern.replace(r"\1", r"\3")
    + r"|\\.)"
    r"|\$\$\n(?P<display>.*?)\n[ >]*\$\$|\$(?P<inline>[^$\n][^$]*?)\$",
    re.DOTALL | re.MULTILINE,
)
MARK = re.compile("formula([0-9]+)elumrof(?![^<>]*>)")  # not within a tag
# What nbconvert adds to a notebook: scripts, JupyterLab's styles (half a megabyte, and
# no dark mode), a second copy of each cell for a button that they bring, and stops for
# the keyboard where there is nothing to press.
JUPYTERS_OWN = re.compile(
    r"<(script|style)\b.*?</\1>|<!--.*?-->|<a class=\"anchor-link\".*?</a>"
    r"|<div class=\"zeroclipboard-container\">.*?</clipboard-copy>\s*</div>"
    r"|<div class=\"clipboard-copy-txt\".*?</div>| tabindex=\"0\"",
    re.DOTALL,
)


def marked(notebook: str) -> tuple[str, list[str]]:
    """Return a notebook with marks for its formulas, and these as MathML."""
    facts, formulas = json.loads(notebook), list[str]()

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


def dressed(html: str, file: str, page: str) -> str:
    """Return a notebook's HTML in the site's own dress, with its file and its page."""
    html = JUPYTERS_OWN.sub("", html).replace("highlight-ipynb", "highlight")
    links = (
        f'<a class="md-button" href="{file}" download>Download this notebook</a> '
        f'<a class="md-button" href="{page}">Read the page</a>'
    )
    return f"<p>{links}</p>{html}"
