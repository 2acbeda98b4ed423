"""An address without a page shows one that helps: what there is, and a search for it.

Needs a browser, as `test_browser` does.
"""

from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from tests.conftest import Site
from tests.test_browser import browser, serve  # noqa: F401
from tests.test_site import ROOT, set_up

PATHS = [
    "gradient-descent",
    "models/gradient-descent/",
    "a/b/c/Gradient%20descent.html",
]


class Handler(SimpleHTTPRequestHandler):
    """Answers as hosts of sites do: with 404.html."""

    def send_error(self, code: int, *_: object) -> None:
        body = (Path(self.directory) / "book/404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep silent."""


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """The address of a small site that does not lie at the top of its host."""
    site = set_up(Site(tmp_path_factory.mktemp("project")))
    folder = tmp_path_factory.mktemp("host")
    site.write("docs/models/steps.md", "# Steps\n\nWhat gradient descent does.\n")
    (site.root / ".cache").unlink(missing_ok=True)
    (site.root / "docs/assets").symlink_to(ROOT / "docs/assets")
    with serve(site.root, folder, Handler, under="book/") as url:
        yield url


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", PATHS)
def test_it_leads_to_what_there_is(browser, url: str, path: str, width: int) -> None:  # noqa: F811
    failed: list[str] = []
    size = {"width": width, "height": 800}
    with browser.new_context(base_url=url, viewport=size) as context:
        context.set_default_timeout(10_000)
        tab = context.new_page()
        tab.on("response", lambda x: x.ok or failed.append(x.url))
        tab.on("pageerror", lambda error: failed.append(str(error)))
        tab.goto(path)
        links = tab.locator("article a").evaluate_all("all => all.map(x => x.href)")
        assert links == [url, f"{url}models/steps/"]

        tab.get_by_role("button", name="Search for it").click()
        query = tab.locator(".md-search__input")
        assert query.input_value().lower() == "gradient descent"
        assert query.evaluate("x => x === document.activeElement")
        found = tab.locator(".md-search-result__link").first
        found.wait_for()
        found.click()
        tab.wait_for_url("**/models/steps/**")
    assert failed == [url + path]  # nothing else was missing


def test_it_lists_the_pages_without_scripts(browser, url: str) -> None:  # noqa: F811
    with browser.new_context(base_url=url, java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto("none")
        assert tab.locator("article a:visible").count() == 2
        assert tab.locator("article button:visible").count() == 0
