"""Pages, read in a real browser: by eye, by ear, by keyboard, without scripts.

The longest of each kind; with ALL=1 or BROWSER=1, every page. Needs Playwright and a
Chromium; with BROWSER=1 it fails where it would be skipped.
"""

import re

import pytest

from pagecode.read.page import read_pages
from tests.served import ROOT, addresses, read_in_browser

ADDRESSES = addresses(read_in_browser(read_pages(ROOT)))
CHAPTER = "models/logistic-regression/"
WIDTHS = (390, 768, 1280)
OPEN = "document.querySelectorAll('details').forEach(x => { x.open = true })"
# axe weighs the contrast of each piece of text. Of those that look alike on one ground,
# and have no link in them, one is enough, and takes a fifth of the time.
THIN = """() => {
    const TEXTS = "pre *, math *, svg text, code, article :is(p, li, td):not(:has(a))"
    const seen = new Set()
    for (const x of document.querySelectorAll(TEXTS)) {
        const words = [...x.childNodes].filter(x => x.nodeType === Node.TEXT_NODE)
        if (!x.checkVisibility() || !words.some(x => x.data.trim())) continue
        let ground = x
        while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)")
            ground = ground.parentElement
        const { color, fill, fontSize, fontWeight } = getComputedStyle(x)
        const names = [x.tagName, x.className, ground.className]
        const look = [...names, color, fill, fontSize, fontWeight].join()
        if (seen.has(look)) for (const word of words) word.data = ""
        seen.add(look)
    }
}"""
SEE_ALL = """async () => {  // Material sees to a block once it is seen
    for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {
        scrollTo(0, y)
        await new Promise(done => requestAnimationFrame(() => setTimeout(done)))
    }
    scrollTo(0, 0)
}"""
REACHED = """() => [...document.querySelectorAll("pre, pre > code")].every(x =>
    x.scrollWidth <= x.clientWidth || x.tabIndex === 0)"""
# What a page is read for: of a heavy picture, the file for its light or its dark.
SHOWN = "article :is(h1, math, svg, img:not([src$='#only-dark']), pre, table)"
HIDDEN = """all => all.filter(x => {
    const { width, height } = x.getBoundingClientRect()
    if (x.closest("details, .tabbed-block")) return false
    return !x.checkVisibility() || !width || !height
}).map(x => x.outerHTML.slice(0, 80))"""
HIDDEN_IN_PRINT = HIDDEN.replace("details, .tabbed-block", "defs")
CUT = """all => all.filter(x => x.scrollWidth > x.clientWidth + 1)
    .map(x => x.innerText.slice(0, 80))"""
WIDER = """width => [...document.querySelectorAll("article *, footer *")].filter(x =>
    x.checkVisibility() && x.getBoundingClientRect().right > width + 1
        && !x.closest("pre, math, svg, .md-typeset__scrollwrap, .said")
).map(x => x.outerHTML.slice(0, 80))"""
FOCUSED = """() => {
    const x = document.activeElement
    const label = x.type === "radio" && document.querySelector(`label[for=${x.id}]`)
    return (label || x).title || x.ariaLabel || (label || x).innerText
}"""
RING = """() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement)
    return outlineStyle !== "none" && outlineWidth !== "0px"
}"""
CHOSEN = """() => [...document.querySelectorAll(".tabbed-set > input:checked")]
    .filter(x => !x.closest("details") && x.parentNode.querySelector("input + input"))
    .map(x => document.querySelector(`label[for=${x.id}]`).innerText)"""
MOVING = """() => [...document.querySelectorAll("*")].filter(x => {
    const style = getComputedStyle(x)
    const all = [style.transitionDuration, style.animationDuration].join().split(",")
    return style.scrollBehavior !== "auto" || all.some(x => parseFloat(x) > 0.01)
}).map(x => x.outerHTML.slice(0, 80))"""

every_page = pytest.mark.parametrize("address", ADDRESSES, ids=lambda x: x or "home")


@pytest.fixture(scope="module")
def axe():
    """The rules of accessibility, as a program for a page."""
    pytest.importorskip("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe

    return Axe()


@every_page
def test_axe_finds_nothing(tab, axe, address: str) -> None:
    tab.emulate_media(color_scheme="light", reduced_motion="reduce")
    tab.goto(address)
    tab.evaluate(OPEN)
    tab.evaluate(SEE_ALL)
    tab.wait_for_function(REACHED)
    tab.evaluate(THIN)
    rules = {"resultTypes": ["violations"]}
    found = axe.run(tab, options=rules).response["violations"]
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_selector("body[data-md-color-scheme=slate]")
    rules["runOnly"] = ["color-contrast", "link-in-text-block"]  # all that can differ
    found += axe.run(tab, options=rules).response["violations"]
    assert [
        (rule["id"], node["html"][:90], node["failureSummary"])
        for rule in found
        for node in rule["nodes"]
    ] == []


@every_page
def test_page_fits_each_screen_and_paper(tab, address: str) -> None:
    tab.emulate_media(reduced_motion="reduce")
    tab.goto(address)
    assert tab.evaluate(MOVING) == []
    assert tab.locator(SHOWN).evaluate_all(HIDDEN) == []
    tab.evaluate(OPEN)
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 844})
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        assert tab.evaluate(WIDER, width) == []
        tab.evaluate(SEE_ALL)
        tab.wait_for_function(REACHED)  # by the keyboard, what scrolls


@every_page
def test_paper_shows_all(tab, address: str) -> None:
    tab.set_viewport_size({"width": 700, "height": 1000})  # A4, less its margins
    tab.goto(address)
    tab.emulate_media(media="print", color_scheme="light")
    assert tab.locator(SHOWN).evaluate_all(HIDDEN_IN_PRINT) == []
    assert tab.locator("article pre > code, .jp-Cell pre").evaluate_all(CUT) == []
    assert not tab.locator("button:visible, .md-header:visible").count()


def test_keyboard_alone_reaches_search_buttons_and_tabs(tab) -> None:
    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.goto(CHAPTER)
    tab.locator(".said").wait_for(state="attached")  # the scripts are there
    tab.evaluate(OPEN)  # the first tabs are in a collapsed note
    wanted = ["Search", "Copy the code as shown"]
    wanted += ["Copy the program that runs by itself", "PyTorch"]
    for name in wanted:
        for _ in range(100):
            if tab.evaluate(FOCUSED) == name:
                break
            tab.keyboard.press("Tab")
        assert tab.evaluate(FOCUSED) == name
        if name.startswith("Copy"):
            assert tab.evaluate(RING)
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(FOCUSED) == "TensorFlow"
    block = tab.locator(".tabbed-set").first.locator(".language-python:visible")
    assert "import tensorflow" in block.inner_text()


@pytest.mark.parametrize(
    ("word", "leads_to"),
    [
        ("GRU", "models/recurrent-networks/"),
        ("sigmoid", CHAPTER),
        ("BCEWithLogits", CHAPTER),
    ],
)
def test_search_finds_a_word_by_keyboard(tab, word: str, leads_to: str) -> None:
    tab.goto("")
    tab.keyboard.press("/")
    tab.keyboard.type(word)
    results = tab.locator(".md-search-result__link")
    results.first.wait_for()
    found = [
        x.split("?")[0] for x in results.evaluate_all("all => all.map(x => x.href)")
    ]
    assert any(leads_to in x for x in found), found
    assert not any("/notebooks/" in x for x in found), "each page would be found thrice"
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    tab.wait_for_url(re.compile(re.escape(found[0].split("#")[0])))
    text = "document.querySelector('.md-content article').textContent"
    tab.wait_for_function(f"{text}.includes('{word}')")


def test_mathematics_stands_after_instant_navigation(tab) -> None:
    tab.goto(CHAPTER)
    count = tab.locator("article math").count()
    assert count > 20
    tab.goto("")
    tab.evaluate("window.same = true")
    tab.locator(".chapters a", has_text="Logistic regression").click()
    tab.wait_for_url(f"**/{CHAPTER}")
    tab.locator("article math").first.wait_for()
    assert tab.evaluate("window.same")
    assert tab.locator("article math").count() == count
    assert tab.locator("article math").evaluate_all(HIDDEN) == []


def test_framework_is_chosen_once_for_all_pages(tab) -> None:
    tab.goto(CHAPTER)
    for label, other in (("TensorFlow", ""), ("PyTorch", "models/softmax-regression/")):
        tab.locator(".said").wait_for(state="attached")  # the scripts are there
        tab.locator(".tabbed-labels label:visible", has_text=label).first.click()
        for address in (None, CHAPTER, other):
            if address is not None:
                tab.goto(address)
            tab.wait_for_function(f"({CHOSEN})().every(x => x === '{label}')")
            assert tab.evaluate(CHOSEN)


@every_page
def test_page_is_read_without_scripts(browser, served, address: str) -> None:
    with browser.new_context(java_script_enabled=False, base_url=served[1]) as context:
        tab = context.new_page()
        tab.goto(address)
        assert tab.locator(SHOWN).count()
        assert tab.locator(SHOWN).evaluate_all(HIDDEN) == []
        for dead in (
            ".md-search",
            "label[for=__search]",
            "[data-md-component=palette]",
        ):
            assert not tab.locator(dead).first.is_visible()
        for tabs in tab.locator("article > .tabbed-set, .hero .tabbed-set").all()[:1]:
            shown = []
            for label in ("TensorFlow", "PyTorch"):
                tabs.locator("label", has_text=label).click()
                shown.append(tabs.locator("pre:visible").all_inner_texts())
                blocks = tabs.locator(f"[data-program-{label.lower()}]:not(details *)")
                assert blocks.locator("visible=true").count() == blocks.count()
            assert all(shown)
            assert shown[0] != shown[1]
