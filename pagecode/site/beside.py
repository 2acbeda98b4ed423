"""What is written beside the pages of a built site: programs, copies, lists of them."""

import json
from dataclasses import asdict
from pathlib import Path

from pagecode.files import write
from pagecode.give.plain import llms
from pagecode.site.book import Book


def write_beside(book: Book, site: Path) -> None:
    """Write every program, each page as Markdown, `programs.json` and `llms.txt`."""
    exports = [x for page in book.pages.values() for x in book.exports(page)]
    files = {x.path: x.text for x in exports}
    listed = [{k: v for k, v in asdict(x).items() if k != "text"} for x in exports]
    files["programs.json"] = json.dumps(listed, indent=1, ensure_ascii=False) + "\n"
    texts = {page.name: book.markdown(page) for page in book.pages.values()}
    about = book.config.site_name, book.config.site_description or ""
    files["llms.txt"] = llms(*about, book.config.site_url, book.sections, texts)
    for path in (site / "programs").glob("*"):
        if path.relative_to(site).as_posix() not in files:
            path.unlink()
    for name, text in (files | texts).items():
        target = site / name
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            write(target, text)
