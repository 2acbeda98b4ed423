"""Look at the site: a picture of every page, README's, and Lighthouse's marks.

`python -m tests.look screenshots` fills `screenshots/`, light and dark.
`python -m tests.look readme` takes README's picture again.
`python -m tests.look lighthouse` prints the marks of home, the chapters and a notebook.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from pagecode.read.page import read_pages
from tests.served import OPTIONS, ROOT, addresses, browse, chromium, serve

LIGHTHOUSE = "lighthouse@12.8.2"  # the last that runs on Node 18 and 20
SHOTS = ROOT / "screenshots"
README = ROOT / "docs/assets/page.png"
WIDTHS = {"wide": 1280, "narrow": 390}
GROUPS = ["performance", "accessibility", "best-practices", "seo"]
SHOWN = {  # audits, by what the table calls them
    "total-byte-weight": "weight",
    "first-contentful-paint": "first paint",
    "total-blocking-time": "blocked",
}


def screenshots(url: str) -> None:
    """Take a picture of each page, whole."""
    shutil.rmtree(SHOTS, ignore_errors=True)
    with browse() as browser:
        for size, width in WIDTHS.items():
            for scheme in ("light", "dark"):
                view = {"width": width, "height": 900}
                context = browser.new_context(
                    base_url=url, viewport=view, color_scheme=scheme
                )
                tab = context.new_page()
                tab.emulate_media(reduced_motion="reduce")
                for address in addresses(read_pages(ROOT)):
                    tab.goto(address)
                    tab.wait_for_load_state("networkidle")
                    name = address.strip("/").replace("/", ".") or "home"
                    path = SHOTS / f"{name}.{size}.{scheme}.png"
                    tab.screenshot(path=path, full_page=True)
                context.close()
    print(f"{len([*SHOTS.iterdir()])} pictures are in {SHOTS.name}/")


def readme(url: str) -> None:
    """Take README's picture: the block at the head of the home page, and its output."""
    with browse() as browser:
        tab = browser.new_page(viewport={"width": WIDTHS["wide"], "height": 900})
        tab.goto(url)
        tab.wait_for_load_state("networkidle")
        tab.add_style_tag(content=".hero { align-items: start }")  # no blank below
        tab.locator(".hero > div:last-child").screenshot(path=README)
    print(f"written: {README.relative_to(ROOT)}")


def audit(url: str, address: str) -> dict:
    """Return Lighthouse's report on one page, on a phone, as it comes."""
    flags = " ".join(["--headless=new", *OPTIONS])
    command = ["npx", "--yes", LIGHTHOUSE, url + address, "--quiet", "--output=json"]
    command += [f"--only-categories={','.join(GROUPS)}", f"--chrome-flags={flags}"]
    done = subprocess.run(
        command,
        env=os.environ | {"CHROME_PATH": chromium(), "PUPPETEER_SKIP_DOWNLOAD": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{LIGHTHOUSE} failed on {address}: {done.stderr}")
    return json.loads(done.stdout)


def lighthouse(url: str) -> None:
    """Print the marks; fail where one that hangs on no machine is below 100."""
    every = addresses(read_pages(ROOT))
    chosen = [x for x in every if x == "" or x.startswith("models/")]
    chosen += [x for x in every if x.startswith("notebooks/softmax")][:1]
    print(*GROUPS, *SHOWN.values(), "page", sep=" | ")
    lost = []
    for address in chosen:
        report = audit(url, address)
        marks = {x: round(100 * report["categories"][x]["score"]) for x in GROUPS}
        audits = report["audits"]
        told = [audits[x]["displayValue"].replace("\u00a0", " ") for x in SHOWN]
        print(*marks.values(), *told, address or "home", sep=" | ", flush=True)
        for group in GROUPS[1:]:
            for part in report["categories"][group]["auditRefs"]:
                found = audits[part["id"]]
                if part["weight"] and found["score"] == 0:
                    lost.append(f"{address or 'home'}: {found['title']}")
        lost += [f"{address or 'home'}: {x}" for x in GROUPS[1:] if marks[x] < 100]
    if lost:
        sys.exit("\n".join(lost))


if __name__ == "__main__":
    known = {x.__name__: x for x in (screenshots, readme, lighthouse)}
    what = known[sys.argv[1]]
    with TemporaryDirectory() as folder, serve(ROOT, Path(folder)) as url:
        what(url)
