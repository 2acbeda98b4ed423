"""What the site adds to Markdown: an extension for whatever builds it of mkdocs.yml.

It fills in what a page asks for, refuses a page whose Python blocks are not those that
run, gives each block its buttons, sets the formulas, draws the pictures into the page,
and ends a page with its downloads and its stamp.
"""

import itertools
import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree.ElementTree import Element, SubElement

import lxml.html
from markdown import Extension, Markdown
from markdown.extensions.toc import strip_tags
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor

from pagecode.frameworks import LABELS
from pagecode.give.export import verified
from pagecode.give.parts import Fill
from pagecode.read.config import keep_amounts
from pagecode.read.fences import CONSOLE, is_block
from pagecode.read.page import Block, Page, place_of
from pagecode.read.shell import typed
from pagecode.site.beside import DARK, heavy
from pagecode.site.book import Book, book
from pagecode.site.check import first_difference, python_blocks
from pagecode.site.formulas import UNREAD, FormulaError, set_formulas
from pagecode.site.report import issue

OPENED_BY = {  # what opens a notebook that GitHub has, and before what it is written
    "Colab": "https://colab.research.google.com/github/",
    "Kaggle": "https://www.kaggle.com/kernels/welcome?src=https://github.com/",
}
SAID = "All of this page as one program, with the text between the blocks:"


class SiteExtension(Extension):
    """Registers the steps for one page; `root` is the project's folder."""

    def __init__(self, **options: Any) -> None:
        self.config = {"root": [".", "the folder that has docs/ and snippets/"]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Add the steps, each at its place among those of Markdown."""
        work = Work(Path(self.getConfig("root")))
        keep_amounts(md)
        md.preprocessors.register(Begin(md, work), "site_begin", 1000)
        # Behind the fences and before HTML: what is shown as code is no request.
        md.preprocessors.register(Fill(md, work.fill), "site_fill", 24)
        md.treeprocessors.register(AddDownloads(md, work), "site_downloads", 15)
        md.treeprocessors.register(Contents(md), "site_contents", 2)
        md.treeprocessors.register(End(md, work), "site_end", -1000)
        md.postprocessors.register(Finish(md, work), "site_finish", -1000)


def makeExtension(**options: Any) -> SiteExtension:  # noqa: N802
    """Return the extension, as Markdown asks for it."""
    return SiteExtension(**options)


class Work:
    """The page that is being rendered, and how far it is."""

    book: Book
    page: Page
    whole = False  # what comes now is the page's HTML, and not that of a heading

    def __init__(self, root: Path) -> None:
        self.root = root

    def fill(self, text: str) -> str:
        """Fill in what the page asks for."""
        return self.book.fill(text, self.page)

    def where(self, text: str) -> str:
        """Return the place on the page that first has these words."""
        return place_of(text, f"docs/{self.page.name}", self.root)


class Step:
    """A step of Markdown that knows which page is being rendered."""

    def __init__(self, md: Markdown, work: Work) -> None:
        super().__init__(md)  # type: ignore[call-arg]
        self.work = work


class Begin(Step, Preprocessor):
    """Finds out which page the text is of."""

    def run(self, lines: list[str]) -> list[str]:
        """Look the text up; refuse a page with faults."""
        self.work.book = book(self.work.root)
        self.work.page = self.work.book.page_of("\n".join(lines))
        self.work.whole = False
        if faults := self.work.page.faults:
            raise ValueError("\n".join(map(str, faults)))
        return lines


class AddDownloads(Step, Treeprocessor):
    """Lets a page with programs begin with what they take, and end with their files.

    A page hides its downloads as it hides its table of contents: `hide` in its head.
    """

    def run(self, root: Element) -> None:
        """Add to the page's elements, before its table of contents is made of them."""
        page, shown = self.work.page, self.work.book
        if not page.blocks or "downloads" in (page.head.get("hide") or []):
            return
        titles = [number for number, x in enumerate(root) if x.tag == "h1"]
        cost = self.md.htmlStash.store(shown.stamps.cost(page.name))
        place = Element("p")
        place.text = cost
        root.insert(titles[0] + 1 if titles else 0, place)
        stamp = shown.stamps.of_page(page.name, shown.config.repository)
        for title, texts in {
            "Downloads": [SAID, self.md.htmlStash.store(downloads(shown, page))],
            "Verification": [self.md.htmlStash.store(stamp)],
        }.items():
            SubElement(root, "h2").text = title
            for text in texts:
                SubElement(root, "p").text = text


class Contents(Treeprocessor):
    """Lets the table of contents show formulas as the headings do."""

    def run(self, root: Element) -> None:
        """Name the entries again."""
        self.name(getattr(self.md, "toc_tokens", []))

    def name(self, tokens: list[dict[str, Any]]) -> None:
        """Keep MathML in an entry's name, and no other elements."""
        for token in tokens:
            pieces = re.split(r"(<math\b.*?</math>)", token["html"], flags=re.DOTALL)
            if len(pieces) > 1 and not token["data-toc-label"]:
                spaced = [  # strip_tags would eat the blanks beside a formula
                    strip_tags(f"_{x}_")[1:-1] if n % 2 == 0 else x
                    for n, x in enumerate(pieces)
                ]
                token["name"] = "".join(spaced)
            self.name(token["children"])


class End(Step, Treeprocessor):
    """Notes that all headings have been rendered: what comes now is the whole page."""

    def run(self, root: Element) -> None:
        """Note it."""
        self.work.whole = True


class Finish(Step, Postprocessor):
    """Turns what Markdown made of a page, or of a heading, into what a reader sees."""

    def run(self, html: str) -> str:
        """Return the HTML; ValueError says what is wrong with it, and where."""
        page = self.work.page
        try:
            html = set_formulas(html)
        except FormulaError as error:
            raise ValueError(f"{self.work.where(error.tex)}: {error}") from error
        if not self.work.whole:
            return html
        self.work.whole = False
        if difference := first_difference(
            page, python_blocks(html, f"docs/{page.name}")
        ):
            raise ValueError(difference)
        if unread := unread_tex(html):
            where = self.work.where(unread)
            raise ValueError(
                f"{where}: {unread} is shown as it stands\n"
                "  to do     give a formula its dollars, and code its backticks"
            )
        html = mark_blocks(html, page, self.work.book)
        # Of what was measured, the spread is below the number: columns stay narrow.
        html = re.sub(
            r"(<td[^>]*>[^\s<]+) (\([^\s<]+–[^\s<]+\)</td>)", r"\1<br>\2", html
        )
        return thin(draw_pictures(html, page.address, self.work.book))


def unread_tex(html: str) -> str:
    """Return the first TeX that a page shows as it stands, or ''."""
    text = re.sub(r"<(pre|code|math|script|style|svg)\b.*?</\1>", " ", html, flags=re.S)
    text = re.sub(r"<[^>]*>", "\n", text)
    found = re.search(rf"\S*{UNREAD.pattern}\S*", text)
    return found[0] if found else ""


def relative(path: str, address: str) -> str:
    """Return the address of a file of the site as a link on the page at an address."""
    return "../" * address.count("/") + quote(path)


def downloads(shown: Book, page: Page) -> str:
    """Return a list of the page's scripts and notebooks, as HTML."""
    rows = []
    for program in page.programs:
        script, notebook = (
            file
            for file in shown.exports(page)
            if file.framework == program.framework and file.kind != "block"
        )
        read = notebook.shown.removesuffix(".ipynb")
        links = [
            f'<a href="{relative(script.path, page.address)}" download>script</a>',
            f'<a href="{relative(notebook.path, page.address)}" download>notebook</a>',
            f'<a href="{relative(read, page.address)}/">notebook to read here</a>',
        ]
        for name, start in OPENED_BY.items() if shown.config.notebooks else ():
            kept = f"{shown.config.notebooks}/{quote(Path(notebook.path).name)}"
            links.append(f'<a href="{start}{kept}">open in {name}</a>')
        rows.append(f"<li>{LABELS[program.framework]}: {', '.join(links)}</li>")
    copy = relative(page.name, page.address)
    rows.append(f'<li>Both, with outputs: <a href="{copy}">Markdown</a></li>')
    return "<ul>" + "".join(rows) + "</ul>"


def button(kind: str, title: str, attributes: str = "") -> str:
    """Return a button on a block, in the dress of Material's own."""
    named = f'class="md-code__button {kind}" title="{title}" aria-label="{title}"'
    return f'<button type="button" {named} {attributes}></button>'


def mark_blocks(html: str, page: Page, shown: Book) -> str:
    """Give each block its buttons: one copies it as shown, one its stand-alone program.

    Where a repository is configured, a link to report it stands beside them. Commands
    have the first button alone; an output has none. Material could add that one by a
    script, but then has to lay out the page once for each block.
    """
    data = {block: " data-raises" if block.raises else "" for block in page.blocks}
    known: dict[Block, dict[str, str]] = {block: {} for block in page.blocks}
    files = shown.exports(page)
    for program in page.programs:
        paths = [
            x.path
            for x in files
            if (x.framework, x.kind) == (program.framework, "block")
        ]
        said = verified(shown.stamps.held[program.name])
        for block, path in zip(program.blocks, paths, strict=True):
            address = relative(path, page.address)
            data[block] += f' data-program-{program.framework}="{address}"'
            known[block][path] = said
    numbers, left = itertools.count(), iter(page.blocks)

    def mark(found: re.Match) -> str:
        if found[1] in (None, "text"):  # a comment, in which nobody copies anything
            return found[0]
        name, more = f"__block_{next(numbers)}", ""
        block = next(left) if is_block(found[1]) else None
        target, said = f'data-clipboard-target="#{name} code"', "code as shown"
        if block and found[1] == CONSOLE:
            commands = escape(typed(block.shown))
            target, said = f'data-clipboard-text="{commands}"', "commands"
        target = f'data-md-type="copy" {target}'
        tools = button("shown", f"Copy the {said}", target)
        if block:
            more = data[block]
            does = "fails as the page shows" if block.raises else "runs by itself"
            tools += button("program", f"Copy the program that {does}")
            if repository := shown.config.repository:
                here = urljoin(shown.config.site_url, page.address)
                to = escape(issue(repository, here, block, shown.root, known[block]))
                said = 'class="report" title="Report this block"'
                tools += f'<a {said} href="{to}">Report</a>'
        nav = f'<div class="md-code__nav">{tools}</div>'
        return f'{found[0][:-1]} id="{name}"{more}>{nav}'

    opening = r'<div class="language-([\w+-]+) [^"]*highlight[^"]*">'
    return re.sub(rf"(?s:<!--.*?-->)|{opening}", mark, html)


def thin(html: str) -> str:
    """Drop the elements around names, operators, punctuation and blanks in code.

    They have the colour of plain code, and were more than half of all elements of a
    chapter: what a phone lays out.
    """
    return re.sub(r'<span class="[nopw]">([^<]*)</span>', r"\1", html)


def draw_pictures(html: str, address: str, shown: Book) -> str:
    """Put the SVGs into the page, where its colours reach them, light or dark.

    A heavy one stays a file of its own, which is fetched when it is scrolled to: one
    for light, and one for dark (see `beside`), of which Material hides the other. An
    address is resolved as a browser would, from where the site shows the page.
    """
    docs, places = shown.root / "docs", itertools.count(1)

    def draw(found: re.Match) -> str:
        image = lxml.html.fragment_fromstring(found[0])
        to = urljoin(shown.config.site_url + address, str(image.get("src")))
        if not to.startswith(shown.config.site_url):
            return found[0]
        path = docs / unquote(urlsplit(to.removeprefix(shown.config.site_url)).path)
        if path.suffix != ".svg" or not path.is_file():
            return found[0]
        svg, place = path.read_text(encoding="utf-8"), next(places)
        named = " ".join(filter(None, ["figure", image.get("class")]))
        if size := heavy(svg):
            image.attrib.update(size | {"class": named})
            tags = []
            for scheme, file in (("light", path), ("dark", path.with_suffix(DARK))):
                first = scheme == "light" and place == 1  # what a reader sees first
                image.set("loading", "eager" if first else "lazy")
                image.set("fetchpriority", "high" if first else "auto")
                src = relative(file.relative_to(docs).as_posix(), address)
                image.set("src", f"{src}#only-{scheme}")
                tags.append(lxml.html.tostring(image, encoding="unicode"))
            return "".join(tags)
        # A picture may stand twice; its ids may not.
        prefix = rf"\g<1>figure-{place}-"
        svg = re.sub(r"""(\bid=["']|url\(["']?#|href=["']#)""", prefix, svg)
        alt = escape(image.get("alt") or "")
        label = f'role="img" aria-label="{alt}"' if alt else 'aria-hidden="true"'
        kept = "".join(
            f' {name}="{escape(value)}"'
            for name, value in image.attrib.items()
            if name not in ("alt", "class", "src", "loading", "title")
        )
        start = svg[svg.index("<svg") :]
        return start.replace("<svg ", f'<svg class="{named}" {label}{kept} ', 1)

    return re.sub(r"<img\b[^>]*>", draw, html)
