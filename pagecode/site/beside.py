"""What is written beside the pages of a built site: programs, copies, lists of them."""

import json
import re
from dataclasses import asdict
from pathlib import Path

from pagecode.files import write
from pagecode.give.plain import llms
from pagecode.site.book import Book

HEAVY = 60_000  # characters of an SVG that a page is not to wait for
VIEW = re.compile(r'<svg [^>]*viewBox="0 0 (?P<width>[\d.]+) (?P<height>[\d.]+)"')
DARK = ".dark.svg"
IN_DARK = "color: #e3eaeb; --md-default-bg-color: #12191b"  # docs/assets/site.css's


def heavy(svg: str) -> dict[str, str]:
    """Return the width and height of an SVG that a page is not to wait for, if so."""
    found = VIEW.search(svg) if len(svg) > HEAVY else None
    sizes = found.groupdict() if found else {}
    return {name: f"{float(size):.0f}" for name, size in sizes.items()}


def write_beside(book: Book, site: Path) -> None:
    """Write every program, each page as Markdown, `programs.json` and `llms.txt`.

    Also a copy of each heavy picture for dark pages, whose colours do not reach it.
    """
    exports = [x for page in book.pages.values() for x in book.exports(page)]
    files = {x.path: x.text for x in exports}
    listed = [{k: v for k, v in asdict(x).items() if k != "text"} for x in exports]
    files["programs.json"] = json.dumps(listed, indent=1, ensure_ascii=False) + "\n"
    texts = {page.name: book.markdown(page) for page in book.pages.values()}
    about = book.config.site_name, book.config.site_description or ""
    files["llms.txt"] = llms(*about, book.config.site_url, book.sections, texts)
    for path in book.pictures:
        if heavy(svg := path.read_text(encoding="utf-8")):
            name = path.relative_to(book.root / "docs").with_suffix(DARK).as_posix()
            files[name] = svg.replace("<svg ", f'<svg style="{IN_DARK}" ', 1)
    for path in (site / "programs").glob("*"):
        if path.relative_to(site).as_posix() not in files:
            path.unlink()
    for name, text in (files | texts).items():
        target = site / name
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            write(target, text)
