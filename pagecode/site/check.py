"""Hold a built site against the book, whatever has built it.

The Python blocks of its HTML are those that ran: none skipped, none added. Each has its
program, every link leads somewhere, and no page asks another host for anything.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import lxml.html
from lxml.html import HtmlElement

from pagecode.read.fences import is_block
from pagecode.read.page import Page
from pagecode.site.book import Book

# What a browser goes to when somebody asks for it; all else it fetches with the page.
FOLLOWED = {"action", "formaction", "cite", "longdesc", "usemap"}
NOT_FETCHED = {"canonical", "prev", "next", "alternate", "license", "edit"}
IN_STYLES = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
SOURCES = re.compile(r"([^\s,]\S*)(?:\s+[^,]*)?")  # in a `srcset`
LEFT = re.compile(r"<!--\s*(?:stamps?|measured|rosetta)\b|class=\"arithmatex\"")


@dataclass
class Html:
    """What a built page shows, fetches and links."""

    blocks: list[str]
    bare: bool  # a block has no program
    ids: Counter[str]
    links: set[str] = field(default_factory=set)
    fetched: set[str] = field(default_factory=set)
    includes: list[str] = field(default_factory=list)  # lines that were to be resolved
    left: list[str] = field(default_factory=list)  # what the site's part fills in


def code_of(tree: HtmlElement, where: str) -> Iterator[tuple[HtmlElement, str]]:
    """Yield each piece of code that is marked as what runs, and what says so.

    Fences mark a `div` around it (nbconvert with a class of its own), raw HTML the
    `code` or the `pre`.
    """
    for pre in tree.iter("pre"):
        code = pre.find("code")
        for place in (code, pre, *pre.iterancestors("div")):
            named = "" if place is None else place.get("class") or ""
            found = re.findall(r"(?:language-|(?<!\S)hl-)(\S+)", named)
            try:
                if any(map(is_block, found)):
                    yield place, (pre if code is None else code).text_content()
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from error
            if found:
                break


def python_blocks(html: str, where: str) -> list[str]:
    """Return the text of every block that the HTML shows as what runs, in order."""
    if not html.strip():
        return []
    return [text.strip("\n") for _, text in code_of(lxml.html.fromstring(html), where)]


def first_difference(page: Page, found: list[str]) -> str:
    """Say where the blocks of some HTML are not those of the page, or ''."""
    for block, text in zip(page.blocks, found, strict=False):
        if block.shown.strip("\n") != text:
            return f"{block.where}: the HTML shows another block"
    if len(found) != len(page.blocks):
        return (
            f"docs/{page.name}: of {len(page.blocks)} Python blocks that were read "
            f"and would run, the HTML shows {len(found)}"
        )
    return ""


def links_of(tree: HtmlElement) -> Iterator[tuple[HtmlElement, str, str]]:
    """Yield each address of a page, with its element and its attribute."""
    for element, name, link, _ in tree.iterlinks():
        yield element, name or "", link.strip()
    for element in tree.iter():  # what lxml does not know
        for name in ("poster", "xlink:href"):
            if link := element.get(name):
                yield element, name, link.strip()
        listed = SOURCES.findall(element.get("srcset") or "")
        yield from ((element, "srcset", link) for link in listed)
        if element.tag == "style":
            found = IN_STYLES.findall(element.text or "")
            yield from ((element, "", url or other) for url, other in found)


@lru_cache(maxsize=500)
def read_html(path: Path, state: tuple) -> Html:
    """Read a built page; `state` tells one version of the file from the next."""
    text = path.read_text(encoding="utf-8")
    tree = lxml.html.document_fromstring(text)
    code = list(code_of(tree, path.name))
    blocks = [text.strip("\n") for _, text in code]
    bare = any("data-program-" not in "".join(place.attrib) for place, _ in code)
    found = Html(blocks, bare, Counter())
    for element, name, link in links_of(tree):
        found.links.add(link)
        rel = set((element.get("rel") or "").split())
        if element.tag not in ("a", "area") and not {name, *rel} & (
            FOLLOWED | NOT_FETCHED
        ):
            found.fetched.add(link)
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        attributes = element.attrib
        if "id" in attributes:
            found.ids[attributes["id"]] += 1
        if element.tag == "a" and "name" in attributes:
            found.ids[attributes["name"]] += 0
        for name in attributes:
            if name.startswith("data-program-"):
                found.links.add(attributes[name])
    lines = tree.text_content().splitlines()
    found.includes = [x.strip() for x in lines if re.match(r"\W*8<-", x)]
    found.left = LEFT.findall(text)
    return found


def check(book: Book, site: Path) -> list[str]:
    """Return all that is wrong with the site that was built into a folder."""
    paths = {
        x.relative_to(site).as_posix(): read_html(x, x.stat()[6:9])
        for x in sorted(site.rglob("*.html"))
    }
    faults = list(other_hosts(book, site, paths))
    own = set()
    for page in book.pages.values():
        shown = unquote(page.address) + "index.html"
        own.add(shown)
        if shown not in paths:
            faults.append(f"docs/{page.name}: the site has no {shown}")
        else:
            faults += check_page(page, paths[shown])
    for _, export in book.notebooks():
        shown = f"{export.shown.removesuffix('.ipynb')}/index.html"
        own.add(shown)
        if shown in paths:
            cells = json.loads(export.text)["cells"]
            code = ["".join(x["source"]) for x in cells if x["cell_type"] == "code"]
            if [x.strip("\n") for x in code] != paths[shown].blocks:
                faults.append(f"{shown}: shows other cells than {export.path}")
            if paths[shown].left:
                faults.append(f"{shown}: a formula is not set")
    faults += [
        f"{name}: shows Python that nothing has run"
        for name, html in paths.items()
        if name not in own and html.blocks
    ]
    return faults + list(dead_links(book, site, paths))


def check_page(page: Page, html: Html) -> Iterator[str]:
    """Yield what is wrong with a page's HTML."""
    name = f"docs/{page.name}"
    if difference := first_difference(page, html.blocks):
        yield difference
    if html.bare or html.left:
        yield (
            f"{name}: the site was built without pagecode's part, so nothing of this "
            "page is verified\n"
            "  to do     list pagecode.site.extension under markdown_extensions"
        )
    escaped = re.findall(r"(?m)^.*;-+8<-.*$", page.text)
    if html.includes != [x.strip().replace(";-", "-") for x in escaped]:
        yield f"{name}: an include reaches the reader: {html.includes}"
    if twice := [x for x, count in html.ids.items() if count > 1]:
        yield f"{name}: the id '{twice[0]}' is there twice"


def other_hosts(book: Book, site: Path, paths: dict[str, Html]) -> Iterator[str]:
    """Yield what would ask another host for anything."""
    for name, html in paths.items():
        for address in sorted(html.fetched):
            to = urljoin(book.config.site_url, address)
            elsewhere = urlsplit(to)[:2] != urlsplit(book.config.site_url)[:2]
            if elsewhere and not address.startswith("data:"):
                yield f"{name}: asks another host for {address}"
    for path in sorted(site.rglob("*.css")):
        for found in IN_STYLES.findall(path.read_text(encoding="utf-8")):
            if re.match(r"(https?:)?//", found[0] or found[1]):
                yield f"{path.relative_to(site)}: asks another host for {found}"


def dead_links(book: Book, site: Path, paths: dict[str, Html]) -> Iterator[str]:
    """Yield each link within the site that leads nowhere."""
    base = book.config.site_url
    known: dict[str, bool] = {}
    for name, html in paths.items():
        for link in sorted(html.links):
            to, _, fragment = urljoin(base + name, link).partition("#")
            if not to.startswith(base):
                continue
            path = unquote(to.removeprefix(base).partition("?")[0])
            path += "index.html" if path.endswith("/") or not path else ""
            if path not in known:
                known[path] = path in paths or (site / path).is_file()
            anchors = paths[path].ids if path in paths else {}
            if not known[path] or (
                fragment and path in paths and unquote(fragment) not in anchors
            ):
                yield f"{name}: the link {link} leads nowhere"
