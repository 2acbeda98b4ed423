"""A page as its reader of one framework sees it: plain Markdown, and the blocks.

The page is rendered by the site's own Markdown, and the HTML is told as plain Markdown
that any reader of Markdown shows alike: tabs and notes resolved, links absolute,
formulas as TeX, and a dollar of the prose never taken for one.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urljoin
from xml.etree.ElementTree import Element

from bs4 import BeautifulSoup, Comment, Tag
from markdown import Markdown
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor
from markdownify import MarkdownConverter

from pagecode.book import measured
from pagecode.book.formulas import expand
from pagecode.frameworks import BOTH, FRAMEWORKS
from pagecode.read import config
from pagecode.read.fences import FenceFinder
from pagecode.read.page import Block, Output, Page, address

CODE_SPAN = re.compile(r"(?<![`\\])(`+)(?!`)(?:(?!\n\n).)+?(?<!`)\1(?!`)", re.DOTALL)
SPECIAL = re.compile(  # what would be markup if it stood in Markdown as it is
    r"[\\`$]|\*(?=\S)|(?<=\S)\*|(?<!\w)_|_(?!\w)|<(?=[A-Za-z/!?])|&(?=#?\w+;)|\[(?=[^]]*\][(\[:])"
    r"|(?m:^)(?:[-+>]|#+)(?=\s)|(?m:(?<=^\d)|(?<=^\d\d))[.)](?=\s)"
)
TOKEN = re.compile("\ue000(\\d+)\ue001")  # what stands for something until the end
BLOCK = re.compile("^([ >]*)(?:[-+] |\\d+\\. )?\ue002(\\d+)\ue003$", re.MULTILINE)


class Fill(Preprocessor):
    """Fills in what a page asks for in comments, wherever it is not shown as code."""

    def __init__(self, markdown: Markdown, fill: Callable[[str], str]) -> None:
        super().__init__(markdown)
        self.fill = fill

    def run(self, lines: list[str]) -> list[str]:
        """Fill the text between code; fences have been taken out of it before."""
        text, code = "\n".join(lines), list[str]()

        def keep(found: re.Match) -> str:
            code.append(found[0])
            return f"\ue004{len(code) - 1}\ue005"

        if "<!--" in text:
            text = self.fill(CODE_SPAN.sub(keep, text))
            text = re.sub("\ue004(\\d+)\ue005", lambda x: code[int(x[1])], text)
        return text.split("\n")


class Absolute(Treeprocessor):
    """Makes the links of the page's Markdown absolute; those of its HTML follow."""

    def __init__(self, markdown: Markdown, name: str, site: str) -> None:
        super().__init__(markdown)
        self.name, self.site = name, site

    def run(self, root: Element) -> None:
        """Change every link and every picture."""
        for element in root.iter():
            for attribute in ("href", "src"):
                if to := element.get(attribute):
                    element.set(attribute, absolute(to, self.name, self.site))


class Plain(MarkdownConverter):
    """HTML as Markdown that means the same to any reader of Markdown."""

    class Options(MarkdownConverter.DefaultOptions):
        """The Markdown that everybody reads."""

        autolinks = False
        bullets = "-"
        heading_style = "atx"
        newline_style = "backslash"
        sub_symbol, sup_symbol = "<sub>", "<sup>"

    def escape(self, text: str, parent_tags: set[str]) -> str:
        """Return text of the page so that nothing in it is markup."""
        return SPECIAL.sub(r"\\\g<0>", text)

    def convert_td(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Keep the strokes of a cell apart from those around it."""
        return super().convert_td(el, text.replace("|", r"\|"), parent_tags)

    convert_th = convert_td

    def convert_tr(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Tell which columns are flush right, too."""
        row = super().convert_tr(el, text, parent_tags)
        cells = el.find_all(["td", "th"])
        rule = ["---:" if "right" in str(x.get("style")) else "---" for x in cells]
        plain = f"| {' | '.join(['---'] * len(cells))} |"
        return row.replace(plain, f"| {' | '.join(rule)} |")

    def convert_table(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Keep a table as HTML where a cell holds several lines of code."""
        if not any("\n" in x.get_text() for x in el.find_all("code")):
            return super().convert_table(el, text, parent_tags)
        for space in el.find_all("wbr"):
            space.decompose()
        return f"\n\n{el}\n\n"

    def convert_dd(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Tell a definition as an item below its term."""
        inside = re.sub(r"\n(?=.)", "\n  ", text.strip())
        return f"\n- {inside}\n"


def parts(
    page: Page,
    framework: str,
    root: Path,
    site_url: str,
    fill: Callable[[str], str] | None = None,
) -> list[str | Block]:
    """Return pieces of plain Markdown and the page's own blocks, in page order.

    `framework` is pytorch, tensorflow or both; the blocks are those of that program.
    Outputs and the pictures that blocks draw are left out: they are the blocks' own.
    Relative links become absolute ones under `site_url`. `fill` is given the page's
    text and fills in what it asks for in comments; only what was measured by default.
    """
    if not page.path.is_relative_to(root / "docs"):
        raise ValueError(f"{page.path} is no page of {root}")
    site = site_url.rstrip("/") + "/"
    soup = BeautifulSoup(html_of(page, root, site, fill), "lxml")
    kept: list[str] = []  # what the converter must not touch

    def keep(text: str) -> str:
        kept.append(text)
        return f"\ue000{len(kept) - 1}\ue001"

    for comment in soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    settle_code(soup, page, site, keep)
    settle_links(soup, page, site, keep)
    settle_layout(soup, framework)
    soup.smooth()
    text = re.sub(r"\n(?:[ \t]*\n){2,}", "\n\n", Plain().convert_soup(soup))
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    text = TOKEN.sub(lambda x: kept[int(x[1])], text)
    return list(pieces_of(text, page.blocks))


def html_of(
    page: Page, root: Path, site: str, fill: Callable[[str], str] | None
) -> str:
    """Return a page as the site's Markdown renders it, its links absolute."""
    where = f"docs/{page.name}"  # which a strict build refuses with a stale table
    fill = fill or (lambda text: measured.fill(text, where, root, strict=False))
    text = "\n".join(page.lines)
    key = page.name, text, site, fill(asked(page)), root
    if key not in rendered:
        while len(rendered) > 3:  # a page is told once for each framework
            rendered.pop(next(iter(rendered)))
        # Includes are resolved already, and shown ones would be taken for more.
        markdown, _ = config.markdown(config.load(root))
        markdown.preprocessors.deregister("snippet")
        FenceFinder.replace_in(markdown)
        markdown.preprocessors.register(Fill(markdown, fill), "fill", 24)
        links = Absolute(markdown, page.name, site)
        markdown.treeprocessors.register(links, "absolute", 0)
        rendered[key] = markdown.convert(text)
    return rendered[key]


rendered: dict[tuple, str] = {}


def asked(page: Page) -> str:
    """Return the comments of a page; those that are shown as code ask for nothing."""
    code = {i for fence in page.fences for i in range(fence.start, fence.end)}
    text = "\n".join(line for i, line in enumerate(page.lines) if i not in code)
    return "\n\n".join(re.findall(r"<!--.*?-->", CODE_SPAN.sub("", text)))


def settle_code(
    soup: BeautifulSoup, page: Page, site: str, keep: Callable[[str], str]
) -> None:
    """Put a mark in the place of each block; take out what it prints and draws."""
    drawn = set[str]()
    docs = page.path.parents[page.name.count("/")]
    for found in soup.select("[data-fence], pre, img"):
        if found.name == "img":
            if unquote(str(found["src"])) in drawn:
                drawn.discard(unquote(str(found["src"])))
                found.decompose()
        elif found.name == "pre":
            mark(soup, found, keep(fence("text", found.get_text().strip("\n"))))
        else:
            part = (shown := page.fences[int(str(found["data-fence"]))]).part
            if isinstance(part, Block):
                paths = (posixpath.relpath(x.path, docs) for x in part.pictures)
                drawn = {unquote(site) + path for path in paths}
                mark(soup, found, f"\ue002{page.blocks.index(part)}\ue003")
            elif isinstance(part, Output):
                found.decompose()
            else:
                text = "\n".join(shown.texts)
                mark(soup, found, keep(fence(shown.language, text)))


def mark(soup: BeautifulSoup, found: Tag, text: str) -> None:
    """Put text in the place of an element, as a paragraph."""
    new = soup.new_tag("p")
    new.string = text
    found.replace_with(new)


def fence(language: str, text: str) -> str:
    """Return text as a fenced block, whatever fences it holds itself."""
    ticks = max(map(len, re.findall("`{3,}", text)), default=2) + 1
    return f"{'`' * ticks}{language}\n{text}\n{'`' * ticks}"


def settle_links(
    soup: BeautifulSoup, page: Page, site: str, keep: Callable[[str], str]
) -> None:
    """Make the links of raw HTML absolute; keep TeX; tell notes and abbreviations."""
    for found in soup.select(".headerlink, .footnote-backref, .footnote > hr"):
        found.decompose()
    for found in soup.select("[href], [src]"):
        name = "href" if found.has_attr("href") else "src"
        found[name] = urljoin(site + page.address, str(found[name]))
    for found in soup.select("sup[id^='fnref']"):
        found.replace_with(f" (note {found.get_text()})")
    for number, found in enumerate(soup.select(".footnote > ol > li"), 1):
        first = found.find("p") or found
        first.insert(0, f"Note {number}: ")
        found.unwrap()
    for found in soup.select(".footnote > ol"):
        found.unwrap()
    for found in soup.select("abbr[title]"):
        found.append(f" ({found['title']})")
    for found in soup.select(".arithmatex"):
        tex = expand(found.get_text().strip()[2:-2].strip())
        if found.find_parent(["td", "th"]):  # whose bounds are strokes
            tex = tex.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
        if found.name == "div":
            mark(soup, found, keep(f"$$\n{tex}\n$$"))
        else:
            found.replace_with(keep(f"${tex}$"))


def settle_layout(soup: BeautifulSoup, framework: str) -> None:
    """Resolve tabs, notes and details into what one framework's reader sees of them."""
    for found in reversed(soup.select(".tabbed-set")):
        labels = found.select(":scope > .tabbed-labels > label")
        for label, inside in zip(
            labels,
            found.select(":scope > .tabbed-content > .tabbed-block"),
            strict=True,
        ):
            name = FRAMEWORKS.get(label.get_text().strip())
            if name and framework not in (name, BOTH):
                continue
            if name != framework:
                found.insert_before(titled(soup, label.get_text()))
            found.insert_before(inside)
        found.decompose()
    for found in reversed(soup.select("details, .admonition")):
        title = found.select_one(":scope > summary, :scope > .admonition-title")
        if title:
            title.replace_with(titled(soup, title.get_text()))
        found.name = "div" if found.name == "details" else "blockquote"


def titled(soup: BeautifulSoup, text: str) -> Tag:
    """Return a paragraph that stands as a title above what follows."""
    paragraph, strong = soup.new_tag("p"), soup.new_tag("strong")
    strong.string = text
    paragraph.append(strong)
    return paragraph


def pieces_of(text: str, blocks: Sequence[Block]) -> Iterator[str | Block]:
    """Cut text where it has the marks of blocks.

    What follows a block in a list or the like is indented for it no more.
    """
    start, loose = 0, ""
    places: list[Any] = [*BLOCK.finditer(text), None]
    for place in places:
        piece = text[start : place.start() if place else None]
        if loose.isspace():
            lines = piece.split("\n")
            for number, line in enumerate(lines):
                if line.strip() and not line.startswith(loose):
                    break
                lines[number] = line.removeprefix(loose)
            piece = "\n".join(lines)
        if piece := re.sub(r"\A(?:[ >]*\n)+|\n[\s>]*\Z", "", piece).rstrip():
            yield piece
        if place:
            yield blocks[int(place[2])]
            start, loose = place.end(), place[1]


def absolute(to: str, name: str, site: str) -> str:
    """Return a link of the page `name` as an absolute one."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|//", to):
        return to
    if to.startswith("/"):
        return urljoin(site, to)
    path = re.split("[?#]", to, maxsplit=1)[0]
    after = to[len(path) :]  # what is asked for there, and the place
    path = posixpath.join(posixpath.dirname(name), unquote(path)) if path else name
    path = posixpath.normpath(path)
    return site + (address(path) if path.endswith(".md") else quote(path)) + after
