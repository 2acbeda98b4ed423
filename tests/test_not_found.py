"""An address without a page shows one that helps: what there is, and a search for it.

Needs a browser, as `test_browser` does.
"""

from collections.abc import Iterator

import pytest

from tests.conftest import Site, set_up
from tests.served import serve

PATHS = [
    "gradient-descent",
    "models/gradient-descent/",
    "a/b/c/Gradient%20descent.html",
]


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """The address of a small site that does not lie at the top of its host."""
    site = set_up(Site(tmp_path_factory.mktemp("project")))
    folder = tmp_path_factory.mktemp("host")
    site.write("docs/models/steps.md", "# Steps\n\nWhat gradient descent does.\n")
    (site.root / ".cache").unlink(missing_ok=True)
    with serve(site.root, folder, under="book/") as url:
        yield url


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", PATHS)
def test_it_leads_to_what_there_is(browser, url: str, path: str, width: int) -> None:
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


def test_it_lists_the_pages_without_scripts(browser, url: str) -> None:
    with browser.new_context(base_url=url, java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto("none")
        assert tab.locator("article a:visible").count() == 2
        assert tab.locator("article button:visible").count() == 0
