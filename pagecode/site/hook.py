"""What MkDocs calls, and all that knows MkDocs.

It refuses faulty pages, holds the HTML against the blocks, sets the mathematics, puts
stamps on the pages, and hands out the programs: files beside the site, and notebooks as
pages of it. Each page has a copy in Markdown.
"""

import itertools
import json
import re
from functools import partial
from html import escape, unescape
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url

from pagecode.book import measured, rosetta
from pagecode.files import write
from pagecode.frameworks import LABELS
from pagecode.give.export import Export, export_all, title, verified, write_all
from pagecode.give.plain import llms, plain
from pagecode.prove.stamps import Stamps
from pagecode.read.fences import is_python
from pagecode.read.page import Block, Page, read_pages
from pagecode.site.report import issue

NOTEBOOKS = Path(".cache", "site")  # where the notebooks lie for MkDocs to find them
pages: dict[str, Page] = {}  # of this build, by name
exports: list[Export] = []  # what is handed out of them
sections: dict[str, list[Page]] = {}  # as the navigation shows them
stamps: Stamps  # what was verified of them


def on_config(config: Any) -> Any:
    """Read the pages, make the programs, and give the notebooks their place.

    The repository is `extra.repository`: with `repo_url`, each page would ask GitHub
    for its number of stars.
    """
    global stamps
    root = Path(config.config_file_path).parent
    pages.clear()
    pages.update((page.name, page) for page in read_pages(root))
    sound = [page for page in pages.values() if not page.faults]
    order = json.dumps(config.nav)  # as the pages stand in the navigation
    sound.sort(key=lambda page: order.find(f'"{page.name}"'))
    try:
        stamps = Stamps(sound, root)
        exports[:] = export_all(sound, root, config.site_url or "", stamps.held)
    except ValueError as error:
        raise PluginError(str(error)) from error
    config.extra["repository"] = (config.extra.get("repository") or "").rstrip("/")
    if repository := config.extra["repository"]:
        config.edit_uri = f"{repository}/edit/main/docs/"
    notebooks = [x for x in exports if x.kind == "notebook"]
    if notebooks and config.nav:
        entries = [
            {f"{title(pages[x.page])}, {LABELS[x.framework]}": notebook_page(x)}
            for x in notebooks
        ]
        config.nav.append({"Notebooks": entries})
    return config


def on_pre_build(**_: Any) -> None:
    """Stop before the build where a page has a fault; name them all."""
    if faults := [str(fault) for page in pages.values() for fault in page.faults]:
        raise PluginError("\n".join(["these pages cannot be built", *faults]))


def notebook_page(export: Export) -> str:
    """Return the name of the page that shows a notebook."""
    return export.path.replace("programs/", "notebooks/", 1)


@event_priority(100)  # before mkdocs-jupyter, which takes them from there
def on_files(files: Any, config: Any) -> Any:
    """Add the notebooks to the files that make pages; refuse any other notebook."""
    for file in files:
        if file.src_uri.endswith(".ipynb"):
            raise PluginError(
                f"docs/{file.src_uri}: nothing runs this notebook\n"
                "  to do     remove it: each page is a notebook, made when it is built"
            )
    folder = Path(config.config_file_path).parent / NOTEBOOKS
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    for export in (x for x in exports if x.kind == "notebook"):
        write(folder / notebook_page(export), export.text)
        files.append(
            File(
                notebook_page(export),
                str(folder),
                config.site_dir,
                config.use_directory_urls,
            )
        )
    return files


def on_nav(nav: Any, **_: Any) -> None:
    """Note the sections of the navigation, and the pages in each, for `llms.txt`."""
    sections.clear()
    for item in nav.items:
        section = item.title if item.is_section else "Start"
        for x in item.children if item.is_section else [item]:
            if x.is_page and x.file.src_uri in pages:
                sections.setdefault(section, []).append(pages[x.file.src_uri])


def on_post_build(config: Any) -> None:
    """Write the programs into the site, and each page as Markdown."""
    site, root = Path(config.site_dir), Path(config.config_file_path).parent
    write_all(exports, site)
    texts = {}
    for name, page in pages.items():
        files = [export for export in exports if export.page == name]
        url, fill_in = config.site_url or "", partial(fill, name=name, root=root)
        texts[name] = plain(page, root, url, files, fill_in)
        write(site / name, texts[name])
    about = config.site_name, config.site_description or "", config.site_url or ""
    write(site / "llms.txt", llms(*about, list(sections.items()), texts))


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Let a page name its copy in Markdown.

    The blank is for Material, which takes a plain `alternate` for the same page in
    another language, and asks for a sitemap beside it.
    """
    if not page.file.src_uri.endswith(".md"):
        return output
    address = get_relative_url(page.file.src_uri, page.url)
    link = f'<link rel=" alternate" type="text/markdown" href="{address}">'
    return output.replace("</head>", f"{link}</head>", 1)


def fill(markdown: str, name: str, root: Path) -> str:
    """Fill in what a page asks for: rows of a table, what was measured, and stamps."""
    try:
        markdown = rosetta.fill(markdown, f"docs/{name}", root)
        markdown = measured.fill(markdown, f"docs/{name}", root)
        return stamps.fill(markdown, name)
    except ValueError as error:
        raise PluginError(str(error)) from error


def exported(name: str, framework: str, kind: str) -> list[Export]:
    """Return the files of one kind that a program hands out, in their order."""
    wanted = name, framework, kind
    return [x for x in exports if (x.page, x.framework, x.kind) == wanted]


def downloads(page: Page, url: str, colab: str | None) -> str:
    """Return a list of the page's scripts and notebooks, as HTML."""
    rows = []
    for program in page.programs:
        (script,) = exported(page.name, program.framework, "script")
        (notebook,) = exported(page.name, program.framework, "notebook")
        links = [
            f'<a href="{get_relative_url(script.path, url)}" download>script</a>',
            f'<a href="{get_relative_url(notebook.path, url)}" download>notebook</a>',
        ]
        if colab:
            address = f"{colab.rstrip('/')}/{notebook.path}"
            links.append(f'<a href="{address}">open in Colab</a>')
        rows.append(f"<li>{LABELS[program.framework]}: {', '.join(links)}</li>")
    copy = get_relative_url(page.name, url)
    rows.append(f'<li>Both, with outputs: <a href="{copy}">Markdown</a></li>')
    return "<ul>" + "".join(rows) + "</ul>"


def add_downloads(markdown: str, page: Page, url: str, extra: Any) -> str:
    """Let a page with programs begin with what they take, and end with their files."""
    if not page.blocks:
        return markdown
    cost = stamps.cost(page.name)
    markdown = re.sub(r"(?m)^# .+$", lambda x: f"{x[0]}\n\n{cost}", markdown, count=1)
    said = "All of this page as one program, with the text between the blocks:"
    files = downloads(page, url, extra.get("colab"))
    end = f"\n\n## Downloads\n\n{said}\n\n{files}\n\n## Verification\n\n"
    return markdown + end + stamps.of_page(page.name, extra.get("repository"))


def button(kind: str, title: str, attributes: str = "") -> str:
    """Return a button on a block, in the dress of Material's own."""
    named = f'class="md-code__button {kind}" title="{title}" aria-label="{title}"'
    return f'<button type="button" {named} {attributes}></button>'


def mark_blocks(html: str, page: Page, url: str, config: Any) -> str:
    """Give each block its buttons: one copies it as shown, one its stand-alone program.

    Where a repository is configured, a link to report it stands beside them. Commands
    have the first button alone; an output has none. Material could add that one by a
    script, but then has to lay out the page once for each block.
    """
    data = {block: " data-raises" if block.raises else "" for block in page.blocks}
    known: dict[Block, dict[str, str]] = {block: {} for block in page.blocks}
    for program in page.programs:
        files = exported(page.name, program.framework, "block")
        said = verified(stamps.held[program.name])
        for block, file in zip(program.blocks, files, strict=True):
            address = get_relative_url(file.path, url)
            data[block] += f' data-program-{program.framework}="{address}"'
            known[block][file.path] = said
    numbers, left = itertools.count(), iter(page.blocks)

    def mark(found: re.Match) -> str:
        if found[1] == "text":
            return found[0]
        name, more = f"__block_{next(numbers)}", ""
        target = f'data-md-type="copy" data-clipboard-target="#{name} code"'
        tools = button("shown", "Copy the code as shown", target)
        if is_python(found[1]):
            block = next(left)
            more = data[block]
            does = "fails as the page shows" if block.raises else "runs by itself"
            tools += button("program", f"Copy the program that {does}")
            if repository := config.extra["repository"]:
                root = Path(config.config_file_path).parent
                here = f"{config.site_url or ''}{url}"
                to = escape(issue(repository, here, block, root, known[block]))
                said = 'class="report" title="Report this block"'
                tools += f'<a {said} href="{to}">Report</a>'
        nav = f'<div class="md-code__nav">{tools}</div>'
        return f'{found[0][:-1]} id="{name}"{more}>{nav}'

    return re.sub(r'<div class="language-(\w+) [^"]*highlight[^"]*">', mark, html)


# What nbconvert adds to a notebook: scripts, JupyterLab's styles (half a megabyte, and
# no dark mode), a second copy of each cell for a button that they bring, and stops for
# the keyboard where there is nothing to press.
JUPYTERS_OWN = re.compile(
    r"<(script|style)\b.*?</\1>|<!--.*?-->|<a class=\"anchor-link\".*?</a>"
    r"|<div class=\"zeroclipboard-container\">.*?</clipboard-copy>\s*</div>"
    r"|<div class=\"clipboard-copy-txt\".*?</div>| tabindex=\"0\"",
    re.DOTALL,
)
VERBATIM = re.compile(r"(<pre\b.*?</pre>|<code\b.*?</code>|<svg\b.*?</svg>)", re.DOTALL)


def show_notebook(html: str, file: str) -> str:
    """Return a notebook's HTML in the site's own dress, with its file to download."""
    html = JUPYTERS_OWN.sub("", html).replace("highlight-ipynb", "highlight")
    pieces = VERBATIM.split(html)
    for index in range(0, len(pieces), 2):
        piece = re.sub(
            r"\$\$(.+?)\$\$",
            lambda x: convert(unescape(x[1]), display="block"),
            pieces[index],
            flags=re.DOTALL,
        )
        pieces[index] = re.sub(
            r"(?<![\\$])\$([^$\n]+?)\$", lambda x: convert(unescape(x[1])), piece
        )
    button = f'<a class="md-button" href="{file}" download>Download this notebook</a>'
    return f"<p>{button}</p>" + "".join(pieces)


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Fill in what a page asks for, rows and stamps; add its downloads and stamps.

    A page hides its downloads as it hides its table of contents: `hide` in its head.
    """
    if not page.file.src_uri.endswith(".md"):
        page.edit_url = None  # nobody has written it
        return markdown
    root = Path(config.config_file_path).parent
    markdown = fill(markdown, page.file.src_uri, root)
    read = pages[page.file.src_uri]
    if "downloads" in page.meta.get("hide", []):
        return markdown
    return add_downloads(markdown, read, page.url, config.extra)


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
    if page.file.src_uri.endswith(".ipynb"):
        page.meta["search"] = {"exclude": True}  # its page is found, once
        html = show_notebook(html, Path(page.file.src_uri).name)
        # A notebook links what was measured by its address on the published site.
        place = rf'src="{re.escape(config.site_url or "")}([^"]*)measured/'
        for folder in set(re.findall(place, html)):
            html = inline_pictures(html, Path(config.docs_dir, folder))
        return thin(html)
    blocks = pages[page.file.src_uri].blocks
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
    html = mark_blocks(html, pages[page.file.src_uri], page.url, config)
    # Of what was measured, the spread stands below the number: columns stay narrow.
    html = re.sub(r"(<td[^>]*>[^\s<]+) (\([^\s<]+–[^\s<]+\)</td>)", r"\1<br>\2", html)
    return thin(mathml(inline_pictures(html, Path(page.file.abs_src_path).parent)))


def thin(html: str) -> str:
    """Drop the elements around names, operators, punctuation and blanks in code.

    They have the colour of plain code, and were more than half of all elements of a
    chapter: what a phone lays out.
    """
    return re.sub(r'<span class="[nopw]">([^<]*)</span>', r"\1", html)


def inline_pictures(html: str, folder: Path) -> str:
    """Put the figures into the page, where its colours reach them, light or dark.

    They lie in `figures/` in the page's folder, or below it.
    """

    places = itertools.count(1)  # a picture may stand twice; its ids may not

    def inline(found: re.Match) -> str:
        path = next(folder.rglob(found["name"]), None)
        if not path:
            return found[0]
        prefix = rf"\g<1>figure-{next(places)}-"
        svg = re.sub(r'(id="|url\(#|href="#)', prefix, path.read_text())
        label = f'role="img" aria-label="{found["alt"]}"'
        return svg.replace("<svg ", f'<svg class="figure" {label} ', 1)

    name = r"(?P<name>(figures|measured)/[^\"/]+\.svg)"
    image = rf'<img alt="(?P<alt>[^"]*)" src="[^"]*?{name}" ?/?>'
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
