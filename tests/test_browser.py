"""The copy buttons, clicked in a real browser.

Needs Playwright and a Chromium; with BROWSER=1 it fails where it would be skipped.
"""

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

import pytest

from pagecode.frameworks import BOTH, FRAMEWORKS, LABELS, selected
from pagecode.read.fences import CONSOLE
from pagecode.read.page import Page, read_pages
from pagecode.read.shell import typed
from pagecode.run.compare import first_difference
from pagecode.run.machine import environment
from tests.served import ROOT, read_in_browser

PAGES = read_pages(ROOT)
CHAPTER = next(page for page in PAGES if page.name == "models/logistic-regression.md")
PROMPT = re.compile(r"(?m)^\s*(>>> |\$ |In \[\d+\]:)")
RUN = ":is(.language-python, .language-console).highlight"
REMEMBER = """async () => {
    const said = document.querySelector("[role=status]"), end = Date.now() + 10_000
    const none = () => said.textContent.startsWith("Nothing copied")
    let text = ""  // a busy machine's clipboard may have it a little later
    while (!(said.textContent && (text || none())) && Date.now() < end) {
        await new Promise(done => setTimeout(done, 2))
        text = await navigator.clipboard.readText()
    }
    return [said.textContent, text]
}"""
FORGET = """async () => {
    document.querySelector("[role=status]").textContent = ""
    await navigator.clipboard.writeText("")
}"""
# One block at a time: the shown code is copied by a command that Chromium obeys for 5
# seconds after a call by Playwright, as after a click by hand.
CLICK = """async block => {
    const remember = REMEMBER, forget = FORGET
    if (!block.checkVisibility()) return null
    const found = [{...block.dataset}]
    for (const button of block.querySelectorAll("button")) {
        await forget()
        button.click()
        found.push(await remember())
    }
    return found
}""".replace("REMEMBER", REMEMBER).replace("FORGET", FORGET)
OPEN = """async () => {
    for (const details of document.querySelectorAll("details")) details.open = true
    await new Promise(done => setTimeout(done, 20))  // those who listen come after
}"""
UNFIT = """buttons => buttons.filter(button => {  // WCAG 2.2: a target has 24 pixels
    button.scrollIntoView({ block: "center" })
    const { left, right, x, y, width, height } = button.getBoundingClientRect()
    const above = document.elementFromPoint(x + width / 2, y + height / 2)
    return left < 0 || right > 390 || width < 24 || height < 24 || above !== button
}).map(button => button.parentElement.parentElement.innerText)"""


def visit(tab, page: Page, label: str = "PyTorch") -> None:
    """Open a page and its solutions, as one who has chosen this framework before."""
    chosen = json.dumps(["Linux", label])
    tab.add_init_script(f"localStorage.setItem('/.__tabs', '{chosen}')")
    tab.goto(page.name.removesuffix(".md").removesuffix("index"))
    tab.evaluate(OPEN)


def buttons(tab, index: int) -> tuple:
    """Return a Python block's two buttons, by what a screen reader calls them."""
    block = tab.locator(RUN).nth(index)
    names = "Copy the code as shown", "Copy the program that"
    return tuple(block.get_by_role("button", name=name) for name in names)


def copied(tab, press: Callable[[], None]) -> tuple[str, str]:
    """Press a button; return what the page says then, and what the clipboard holds."""
    tab.evaluate(FORGET)
    press()
    said, text = tab.evaluate(REMEMBER)
    return said, text


every_page = pytest.mark.parametrize(
    "page", read_in_browser(PAGES), ids=lambda page: page.name
)


@pytest.mark.parametrize("label", FRAMEWORKS)
@every_page
def test_buttons_copy_the_block_and_its_program(
    tab, served, page: Page, label: str
) -> None:
    folder, url = served
    visit(tab, page, label)
    shown = tab.locator(RUN).element_handles()
    assert len(shown) == len(page.blocks)
    for block, element in zip(page.blocks, shown, strict=True):
        found = element.evaluate(CLICK)
        if not found:  # in the other framework's tab
            assert block.framework == ({*LABELS} - {BOTH, FRAMEWORKS[label]}).pop()
            continue
        data, (done, code), (said, program) = found
        written = block.shown.rstrip()
        written = typed(written) if block.language == CONSOLE else written
        assert (done, code) == ("Copied to clipboard", written), block.where
        assert not PROMPT.search(code), block.where

        name = block.framework or FRAMEWORKS[label]
        name = name if f"program{name.title()}" in data else BOTH
        address = urljoin(tab.url, data[f"program{name.title()}"])
        assert program == (folder / address.removeprefix(url)).read_text(), block.where
        assert block.raises or block.text.strip() in program, block.where
        does = "fails as the page shows" if block.raises else "runs by itself"
        lines = f"{len(program.rstrip().splitlines())} lines"
        told = f"Copied: a program of {lines} that {does} ({LABELS[name]})"
        assert said == told, block.where


@every_page
def test_only_programs_have_a_second_button_and_outputs_have_none(
    tab, page: Page
) -> None:
    visit(tab, page)
    for kind in (".shown", ".program"):
        assert tab.locator(f"{RUN} {kind}").count() == len(page.blocks)
    assert tab.locator(".language-text button").count() == 0
    for block in tab.locator(f".highlight:not({RUN}):not(.language-text)").all():
        if block.is_visible():
            _, text = copied(tab, block.get_by_role("button").click)
            assert text == block.locator("code").inner_text().rstrip()
            assert not PROMPT.search(text)
    empty = "all => all.filter(x => !x.textContent.trim()).map(x => x.outerHTML)"
    assert tab.locator("article a").evaluate_all(empty) == []


@every_page
def test_buttons_fit_a_phone(phone, page: Page) -> None:
    visit(phone, page)
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    assert phone.locator(".md-code__button:visible").evaluate_all(UNFIT) == []
    if page.blocks:
        _, program = buttons(phone, 0)
        assert "runs by itself" in copied(phone, program.tap)[0]


OUTPUTS = [
    (label, index)
    for label, name in FRAMEWORKS.items()
    if name in selected()
    for index, block in enumerate(CHAPTER.blocks)
    if block.framework in (None, name) and block.output and not block.output.varies
]
if not os.environ.get("ALL"):
    OUTPUTS = random.Random(1).sample(OUTPUTS, min(3, len(OUTPUTS)))


@pytest.mark.parametrize(("label", "index"), OUTPUTS)
def test_copied_program_prints_what_the_page_shows(
    tab, tmp_path: Path, label: str, index: int
) -> None:
    visit(tab, CHAPTER, label)
    _, text = copied(tab, buttons(tab, index)[1].click)
    (tmp_path / "data").symlink_to(ROOT / "data", target_is_directory=True)
    done = subprocess.run(
        [sys.executable, "-"],
        input=text,
        cwd=tmp_path,
        env=environment(ROOT),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    output = CHAPTER.blocks[index].output
    printed = [line.rstrip() for line in done.stdout.rstrip().splitlines()]
    last = printed[-len(output.lines) :]  # earlier statements may print, too
    assert first_difference(output.lines, last, output.atol) is None


def test_buttons_work_by_keyboard(tab) -> None:
    visit(tab, CHAPTER)
    code, program = buttons(tab, 0)
    code.focus()
    said, text = copied(tab, lambda: tab.keyboard.press("Enter"))
    assert (said, text) == ("Copied to clipboard", CHAPTER.blocks[0].text.rstrip())
    tab.keyboard.press("Tab")
    for key in ("Enter", "Space"):
        said, _ = copied(tab, partial(tab.keyboard.press, key))
        assert said.startswith("Copied: a program of ")
    outline = program.evaluate("x => getComputedStyle(x, ':focus-visible').outline")
    assert not re.search(r"none|\b0px", outline)


def test_block_outside_the_tabs_follows_the_chosen_tab(tab) -> None:
    visit(tab, CHAPTER)
    shared = next(i for i, x in enumerate(CHAPTER.blocks) if x.framework is None)
    for label in ("TensorFlow", "PyTorch"):
        tab.locator(".tabbed-labels label:visible", has_text=label).first.click()
        said, _ = copied(tab, buttons(tab, shared)[1].click)
        assert said.endswith(f"({label})")


def test_buttons_come_once_after_instant_navigation(tab) -> None:
    tab.goto("")
    tab.evaluate("window.same = true")
    for page in (CHAPTER, PAGES[-1], CHAPTER):
        link = page.name.removesuffix(".md")
        tab.locator(f"a[href*='{link}']:visible").first.click()
        tab.wait_for_url(f"**/{link}/")
        tab.wait_for_function(
            "x => document.querySelectorAll('.program').length == x",
            arg=len(page.blocks),
        )
        tab.evaluate(OPEN)  # the first block may be in a collapsed note
        said, text = copied(tab, buttons(tab, 0)[1].click)
        assert said.startswith("Copied: ")
        assert text.rstrip().endswith(page.blocks[0].text.rstrip())
    assert tab.evaluate("window.same")


@pytest.mark.parametrize("why", ["404", "Failed to fetch"])
def test_program_that_cannot_be_fetched_is_told(tab, why: str) -> None:
    visit(tab, CHAPTER)
    fail = (lambda x: x.fulfill(status=404)) if why == "404" else (lambda x: x.abort())
    tab.route("**/programs/**", fail)
    said = f"Nothing copied: the program cannot be fetched ({why})"
    assert copied(tab, buttons(tab, 0)[1].click) == (said, "")


def test_program_opens_where_there_is_no_clipboard(tab) -> None:
    visit(tab, CHAPTER)
    tab.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    with tab.context.expect_page() as opened:
        buttons(tab, 0)[1].click()
    told = tab.get_by_role("status").inner_text()
    assert told == "No access to the clipboard here: the program opens instead"
    address = tab.locator(RUN).first.get_attribute("data-program-pytorch")
    opened.value.wait_for_url(urljoin(tab.url, address))


def test_without_scripts_there_are_no_dead_buttons(browser, served) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(f"{served[1]}models/logistic-regression/")
        assert tab.locator("article button:visible").count() == 0
