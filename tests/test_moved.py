"""An address that was once given out still leads to its text, on whichever page it is.

`tests/addresses.txt` lists the headings that pages had before they were divided.
"""

import re
from pathlib import Path

import pytest

ADDRESSES = Path(__file__).with_name("addresses.txt").read_text("utf-8").split()
MOVED = "compare/differences/#lstm-forget-bias"
NOW = "compare/differences-recurrent/#lstm-forget-bias"


def article(site: Path, page: str) -> str:
    """Return the HTML of a page's text."""
    html = (site / page / "index.html").read_text("utf-8")
    return html.partition("<article")[2].partition("</article>")[0]


@pytest.mark.parametrize("page", sorted({x.partition("#")[0] for x in ADDRESSES}))
def test_every_old_anchor_is_there_or_leads_on(built: Path, page: str) -> None:
    html = article(built, page)
    for address in ADDRESSES:
        where, _, anchor = address.partition("#")
        if where != page:
            continue
        assert html.count(f'id="{anchor}"') == 1, address
        link = re.search(rf'<a[^>]*id="{re.escape(anchor)}"[^>]*>', html)
        if link and "headerlink" not in link[0]:
            assert 'class="moved"' in link[0]
            target = re.search(r'href="([^"]+)"', link[0])
            assert target, address
            other, _, place = target[1].partition("#")
            path = (Path(page) / other).as_posix()
            found = article(built, re.sub(r"[^/]+/\.\./", "", path))
            assert not place or f'id="{place}"' in found, address


def test_browser_follows_an_old_address(tab) -> None:
    tab.goto(MOVED)
    tab.wait_for_url(f"**/{NOW}")
    tab.locator("#lstm-forget-bias").wait_for()


def test_without_scripts_an_old_address_shows_the_link(browser, served) -> None:
    with browser.new_context(java_script_enabled=False, base_url=served[1]) as context:
        tab = context.new_page()
        tab.goto(MOVED)
        link = tab.locator("a#lstm-forget-bias")
        assert link.is_visible()
        assert link.get_attribute("href") == f"../../{NOW}".replace(
            "../../compare/", "../"
        )
