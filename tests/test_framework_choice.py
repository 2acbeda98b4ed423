"""`?framework=tensorflow` in an address chooses that tab, remembered like a click.

Needs a browser, as `test_browser` does.
"""

import re
from collections.abc import Iterator

import pytest

from tests.conftest import TWO_TABS, Site, set_up
from tests.served import serve

SOLUTION = '??? success "Solution"\n\n' + re.sub("(?m)^(?=.)", "    ", TWO_TABS)
LINK = "[other](other.md?framework=tensorflow)"
WORDS = f"# Title\n\n{LINK}\n\n{TWO_TABS}\nWords.\n\n{TWO_TABS}\n{SOLUTION}\n"


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """The address of a site of two pages with three sets of tabs each."""
    root = tmp_path_factory.mktemp("project")
    folder = tmp_path_factory.mktemp("built")
    site = set_up(Site(root))
    site.add_tabs("x = 1", "y = 1", WORDS)
    site.write("docs/other.md", WORDS)
    (root / ".cache").unlink(missing_ok=True)
    with serve(root, folder) as url:
        yield url


@pytest.fixture
def tab(browser, url: str) -> Iterator:
    """A new reader's tab."""
    errors: list[str] = []
    with browser.new_context(base_url=url) as context:
        context.set_default_timeout(10_000)
        tab = context.new_page()
        tab.on("console", lambda x: errors.append(x.text))
        tab.on("pageerror", lambda error: errors.append(str(error)))
        yield tab
    assert errors == []


CHOSEN = """() => {
    document.querySelector("details").open = true
    const sets = document.querySelectorAll(".tabbed-set")
    const all = [...sets].map(set => set.querySelector(":scope > input:checked").id)
    return all.map(id => document.querySelector(`label[for=${id}]`).textContent)
}"""


def expect(tab, label: str) -> None:
    """Wait until all tabs show the framework, and the line below them too."""
    tab.wait_for_function(f"x => ({CHOSEN})().join() === [x, x, x].join()", arg=label)
    below = """([set, label]) => {
        const x = getComputedStyle(set).getPropertyValue("--md-indicator-x")
        return Math.abs(parseFloat(x) - label.offsetLeft) < 2
    }"""
    for labels in tab.locator(".tabbed-set > .tabbed-labels").all():
        chosen = labels.locator("label", has_text=label)
        both = [labels.element_handle(), chosen.element_handle()]
        tab.wait_for_function(below, arg=both)


def press(tab, label: str) -> None:
    tab.locator(".tabbed-labels label:visible", has_text=label).first.click()


@pytest.mark.parametrize("name", ["tensorflow", "TensorFlow"])
def test_address_chooses_all_tabs_and_is_remembered(tab, name: str) -> None:
    tab.goto("page/")
    expect(tab, "PyTorch")
    tab.goto(f"page/?framework={name}#title")
    expect(tab, "TensorFlow")
    tab.goto("other/")
    expect(tab, "TensorFlow")
    tab.goto("page/?framework=pytorch")
    expect(tab, "PyTorch")
    tab.goto("other/")
    expect(tab, "PyTorch")


def test_link_chooses_after_instant_navigation(tab) -> None:
    tab.goto("page/")
    tab.evaluate("window.same = true")
    tab.locator("article p a").click()
    tab.wait_for_url("**/other/?framework=tensorflow")
    expect(tab, "TensorFlow")
    press(tab, "PyTorch")
    expect(tab, "PyTorch")
    assert tab.evaluate("window.same")


def test_click_ends_what_the_address_says(tab) -> None:
    tab.goto("page/?framework=tensorflow&x=1#title")
    press(tab, "PyTorch")
    expect(tab, "PyTorch")
    assert "/page/?x=1#" in tab.url
    tab.reload()
    expect(tab, "PyTorch")


@pytest.mark.parametrize(
    "query", ["", "?framework=", "?framework=jax", "?x=tensorflow"]
)
def test_other_addresses_choose_nothing(tab, query: str) -> None:
    tab.goto("page/")
    press(tab, "TensorFlow")
    expect(tab, "TensorFlow")
    tab.goto(f"other/{query}")
    expect(tab, "TensorFlow")
    assert tab.evaluate("__md_get('__tabs')[0]") == "TensorFlow"
