"""What the pages say of measurements: run by `make parity`, never by `make test`.

What is measured of a chapter is declared in its own folder: `snippets/x/ways.py` says
how `docs/models/x.md` is trained, and how near two frameworks must be.
"""

from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent


def chapters(page=""):
    """Return the chapters that declare ways, their names by their pages, or one page's.

    SystemExit, with the pages there are, if that page has none.
    """
    order = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    names = [x.parent.name for x in ROOT.glob("snippets/*/ways.py")]
    pages = {f"models/{name.replace('_', '-')}.md": name for name in names}
    known = dict(sorted(pages.items(), key=lambda pair: order.find(pair[0])))
    if page and page not in known:
        listed = "\n  ".join(known)
        raise SystemExit(f"nothing is measured of {page}, but of\n  {listed}")
    return {page: known[page]} if page else known


def declared(chapter):
    """Return what a chapter declares: its module `ways`."""
    return import_module(f"snippets.{chapter}.ways")
