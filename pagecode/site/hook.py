"""What MkDocs calls, and all that knows MkDocs.

The pages are the work of the Markdown extension beside this file. Here MkDocs is told
of the notebooks, which mkdocs-jupyter shows, and of what is written beside the pages.
"""

import logging
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority, get_plugin_logger
from mkdocs.structure.files import File
from mkdocs.structure.toc import get_toc

from pagecode.frameworks import LABELS
from pagecode.site import book as books
from pagecode.site.beside import write_beside
from pagecode.site.book import Book, digest
from pagecode.site.check import check
from pagecode.site.extension import draw_pictures, thin
from pagecode.site.notebooks import dressed, marked, with_contents, with_formulas

log = get_plugin_logger("pagecode")
notebooks: TemporaryDirectory[str]  # where MkDocs finds them; of this command alone
serving = False  # somebody is writing, and sees the pages as they are now
book: Book
built: dict[str, tuple[str, str]] = {}  # what each page was built of, and its title
found: dict[str, list[dict[str, Any]]] = {}  # what the search finds on each
changed: list[str] = []  # the pages that are built this time
places: dict[str, str] = {}  # the names of the pages, by their addresses
started = 0.0


def on_startup(command: str, **_: Any) -> None:
    """Note whether somebody is writing: then a build is of the pages that changed."""
    global notebooks, serving
    notebooks = TemporaryDirectory(prefix="notebooks-")
    serving = command == "serve"
    built.clear()
    found.clear()
    # MkDocs warns that it cannot tell which pages a change is seen on. This can.
    logger = logging.getLogger("mkdocs.commands.build")
    logger.addFilter(lambda record: "A 'dirty' build" not in record.getMessage())


def on_config(config: Any) -> Any:
    """Read the pages; refuse them where one has a fault.

    The repository is `extra.repository`: with `repo_url`, each page would ask GitHub
    for its number of stars.
    """
    global book, started
    started = time.monotonic()
    root = Path(config.config_file_path).parent
    try:
        book = books.book(root, serving=serving, site_url=config.site_url)
        for page in book.pages.values() if not book.faults else ():
            book.key(page)  # tells what a page asks for and cannot have
    except ValueError as error:
        raise PluginError(str(error)) from error
    if book.faults:
        raise PluginError("\n".join(["these pages cannot be built", *book.faults]))
    if book.config.repository:
        config.edit_uri = f"{book.config.repository}/edit/main/docs/"
    return config


@event_priority(100)  # before mkdocs-jupyter, which takes them from there
def on_files(files: Any, config: Any) -> Any:
    """Add the notebooks to the files that make pages; refuse any other notebook."""
    for file in files:
        if file.src_uri.endswith(".ipynb"):
            raise PluginError(
                f"docs/{file.src_uri}: nothing runs this notebook\n"
                "  to do     remove it: each page is a notebook, made when it is built"
            )
    try:
        exports = list(book.notebooks())
    except ValueError as error:
        raise PluginError(str(error)) from error
    folder = Path(notebooks.name)
    for _, export in exports:
        books.write(folder / export.shown, marked(export.text)[0])
        where = str(folder), config.site_dir, config.use_directory_urls
        files.append(File(export.shown, *where))
    return files


@event_priority(-100)  # after mkdocs-jupyter, which sets how a notebook is rendered
def on_pre_page(page: Any, config: Any, files: Any) -> Any:
    """Render a notebook again only when its text has changed; tell a page's faults."""
    render = page.render

    def told(*_: Any) -> None:
        try:
            render(config, files)
        except ValueError as error:
            raise PluginError(str(error)) from error

    def make() -> dict[str, Any]:
        render(config, files)
        content, contents = with_contents(page.content)
        return {"content": content, "toc": contents}

    def remembered(*_: Any) -> None:
        text = Path(page.file.abs_src_path).read_text(encoding="utf-8")
        made = book.remember("notebook", digest([book.around, text]), make)
        page.content, page.toc = made["content"], get_toc(made["toc"])

    page.render = remembered if page.file.src_uri.endswith(".ipynb") else told
    return page


@event_priority(-100)  # when all files are known
def on_nav(nav: Any, files: Any, **_: Any) -> Any:
    """Let only those pages be built again that would come out otherwise."""
    outline = [[page.name, page.title] for page in book.pages.values()]
    changed.clear()
    order = [file.src_uri for file in files.documentation_pages()]
    for name in set(built) - set(order):
        del built[name]
    for file in files.documentation_pages():
        if page := book.pages.get(file.src_uri):
            made_of = digest([outline, book.key(page)])
        else:
            text = Path(file.abs_src_path).read_text(encoding="utf-8")
            made_of = digest([outline, book.around, text])
        known, title = built.get(file.src_uri, ("", ""))
        same = known == made_of and Path(file.abs_dest_path).is_file()
        places[file.url if file.url != "./" else ""] = file.src_uri
        file.is_modified = lambda same=same: not same
        built[file.src_uri] = made_of, title
        if not same:
            changed.append(file.src_uri)
    return nav


def on_env(env: Any, files: Any, **_: Any) -> Any:
    """Give the pages that are not built this time the titles that they had."""
    for file in files.documentation_pages():
        made_of, title = built[file.src_uri]
        if file.page.markdown is None:
            file.page.title = file.page.title or title
        built[file.src_uri] = made_of, file.page.title
    return env


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Say of a notebook's page what MkDocs would guess."""
    if page.file.src_uri.endswith(".ipynb"):
        shown, export = notebook_of(page)
        page.edit_url = None  # nobody has written it
        page.title = f"{shown.title}, {LABELS[export.framework]}"
        page.meta["search"] = {"exclude": True}  # its page is found, once
    return markdown


def notebook_of(page: Any) -> Any:
    """Return the page and the notebook that MkDocs has a page for."""
    return next(x for x in book.notebooks() if x[1].shown == page.file.src_uri)


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Set a notebook's formulas, and give its HTML the site's own dress."""
    if not page.file.src_uri.endswith(".ipynb"):
        return html
    shown, export = notebook_of(page)
    formulas = marked(export.text)[1]
    for entry in page.toc:
        name_again(entry, formulas)
    up = "../" * page.url.count("/")
    html = dressed(html, up + quote(export.path), up + shown.address)
    return thin(draw_pictures(with_formulas(html, formulas), page.url, book))


def name_again(entry: Any, formulas: list[str]) -> None:
    """Show the formulas of an entry in the table of contents, and of those below."""
    entry.title = with_formulas(entry.title, formulas)
    for below in entry.children:
        name_again(below, formulas)


@event_priority(100)  # before the search writes its index
def on_post_build(config: Any) -> None:
    """Write what is beside the pages; hold the site against the book."""
    merge_search(config)
    site = Path(config.site_dir)
    try:
        write_beside(book, site)
        faults = check(book, site)
    except ValueError as error:
        raise PluginError(str(error)) from error
    book.forget()
    if faults and serving:
        log.warning("\n".join(faults))
    elif faults:
        raise PluginError("\n".join(faults))
    if serving:
        named = ", ".join(changed) if len(changed) < 5 else f"{len(changed)} pages"
        log.info(f"built {named or 'nothing'} in {time.monotonic() - started:.1f} s")


def merge_search(config: Any) -> None:
    """Let the search find what it found before on the pages not built this time."""
    plugin = config.plugins.get("material/search") or config.plugins.get("search")
    index = getattr(plugin, "search_index", None)
    if not serving or index is None:
        return
    for name in changed:
        found.pop(name, None)
    for entry in index.entries:
        found.setdefault(places[entry["location"].partition("#")[0]], []).append(entry)
    index.entries = [x for name in built for x in found.get(name, [])]
    plugin.search_index_prev = None  # Material's own merging knows one page alone
