"""The site, built, served as a host would, and shown in a browser."""

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

from pagecode.read.page import Page

ROOT = Path(__file__).parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
OPTIONS += ["--disable-component-update", "--disable-sync", "--no-first-run"]


def build(
    root: Path, target: Path, *options: str, url: str = ""
) -> subprocess.CompletedProcess[str]:
    """Build a site into the target folder, for an address."""
    added = {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", target, *options],
        cwd=root,
        env=os.environ | added | ({"SITE_URL": url} if url else {}),
        capture_output=True,
        text=True,
    )


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder as hosts do: compressed, and 404.html for what is not there."""

    protocol_version = "HTTP/1.1"
    built_for = b""  # the address of the site: its map has this server's in its place

    def log_message(self, *_: object) -> None:
        """Keep silent."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_dir() and not self.path.partition("?")[0].endswith("/"):
            return super().do_GET()  # leads to the address with the stroke
        path = path / "index.html" if path.is_dir() else path
        found = path.is_file()
        if not found:
            path = next(
                x / "404.html" for x in path.parents if (x / "404.html").exists()
            )
        content = path.read_bytes()
        if path.name == "sitemap.xml" and self.built_for:
            here = f"http://{self.headers['Host']}/".encode()
            content = content.replace(self.built_for, here)
        body = gzip.compress(content, 6)
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # a browser that goes on to the next page
            self.wfile.write(body)
        return None


def build_strictly(root: Path, target: Path, url: str) -> None:
    """Build a site as `make site` does; RuntimeError if it fails, with what it said."""
    done = build(root, target, "--strict", url=url)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


@contextmanager
def host(folder: Path, built_for: str = "") -> Iterator[str]:
    """Serve a folder while the block lasts; yield its address.

    A site in it may have been built for another address.
    """
    own = type("Own", (Handler,), {"built_for": built_for.encode()})
    handler = partial(own, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@contextmanager
def serve(root: Path, folder: Path, under: str = "") -> Iterator[str]:
    """Build a project into the folder and serve it; yield the site's address.

    `under` is where on the host it lies, and in the folder: "" or "book/".
    """
    with host(folder) as url:
        build_strictly(root, folder / under, url + under)
        yield url + under


def read_in_browser(pages: list[Page]) -> list[Page]:
    """Return the longest page of each folder; with ALL=1 or BROWSER=1, every page."""
    if os.environ.get("ALL") or os.environ.get("BROWSER") == "1":
        return pages
    by_size = sorted(pages, key=lambda page: page.path.stat().st_size)
    longest = {Path(page.name).parent: page.name for page in by_size}
    return [page for page in pages if page.name in longest.values()]


def addresses(pages: list[Page]) -> list[str]:
    """Return where the site shows pages, their notebooks, and what is missing."""
    notebooks = [
        f"notebooks/{quote(page.stem)}.{program.framework}/"
        for page in pages
        for program in page.programs
    ]
    return [*(page.address for page in pages), *notebooks, "404.html"]


def chromium() -> str:
    """Return a browser's path; LookupError where there is none."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not path or not find_spec("playwright"):
        names = ", ".join(BROWSERS)
        raise LookupError(f"no Playwright, or none of the browsers {names}")
    return path


@contextmanager
def browse() -> Iterator[Any]:
    """Start a browser; LookupError where there is none."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()
