"""Photographs pages of runs for the documentation, at three sizes.

``make screenshots`` renews the pictures of the runs that are in ``runs``, with the system's own
Chromium: of ``causalxai compare`` with the shipped specs ``quickstart`` and ``photographs``, and of
``causalxai run`` with ``glance-quickstart`` and ``interventional-quickstart``.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE = Path(__file__).parent
SIZES = {"phone": (390, 844), "tablet": (768, 1024), "desk": (1280, 900)}
PAGES = {
    "comparison": "quickstart-comparison-*/comparison.html",
    "glance": "glance-quickstart-*/report.html",
    "interventional": "interventional-quickstart-*/report.html",
    "photographs": "photographs-comparison-*/comparison.html",
}
README_SIZE = 1280, 1660
PHOTOGRAPHS_SIZE = 1200, 1100
_COLOURS = 256


def main() -> None:
    """Photograph the pages of a folder of runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, default=Path("runs"))
    runs = parser.parse_args().runs
    found = {name: sorted(runs.glob(pattern)) for name, pattern in PAGES.items()}
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no Chromium on this system")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, paths in found.items():
            if paths:
                photograph_all(browser, name, paths[-1])
            else:
                sys.stderr.write(f"{name}: stays as it is, {runs} has no {PAGES[name]}\n")
        browser.close()


def photograph_all(browser: Browser, name: str, page: Path) -> None:
    """Renew all pictures of a page."""
    if name == "photographs":
        to = HERE / "photographs.png"
        photograph(browser, page, to, *PHOTOGRAPHS_SIZE, colours=None)
        return
    for size, (width, height) in SIZES.items():
        photograph(browser, page, HERE / "images" / f"{name}-{size}.png", width, height)
    if name == "comparison":
        photograph(browser, page, HERE / "report.png", *README_SIZE)
    if name == "glance":
        photograph_cards(browser, page, HERE / "glance.png", SIZES["desk"])


def photograph(
    browser: Browser, page: Path, to: Path, width: int, height: int, colours: int | None = _COLOURS
) -> None:
    """Save what a screen of a size shows of a page, as a PNG of few colours, or of all."""
    with browser.new_page(viewport={"width": width, "height": height}) as shown:
        shown.goto(page.resolve().as_uri())
        _save(shown.screenshot(), to, colours)


def photograph_cards(browser: Browser, page: Path, to: Path, size: tuple[int, int]) -> None:
    """Save the cards of a report's images, with thickness moved up in each."""
    width, height = size
    with browser.new_page(viewport={"width": width, "height": height}) as shown:
        shown.goto(page.resolve().as_uri())
        for card in shown.locator(".image-card").all():
            card.get_by_label("thickness, from low to high").press("End")
        shown.evaluate("document.activeElement.blur()")
        _save(shown.locator(".image-by-image").screenshot(), to)


def _save(picture: bytes, to: Path, colours: int | None = _COLOURS) -> None:
    taken = Image.open(io.BytesIO(picture)).convert("RGB")
    to.parent.mkdir(exist_ok=True)
    few = taken if colours is None else taken.quantize(colours, Image.Quantize.MAXCOVERAGE)
    few.save(to, optimize=True)


if __name__ == "__main__":
    main()
