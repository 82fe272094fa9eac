"""Photographs the pages of the quickstart for the documentation, at three sizes.

``make demo`` and then ``make screenshots`` write the pictures anew, with the system's own Chromium.
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
    "glance": "quickstart-GLANCE-*/report.html",
    "interventional": "quickstart-interventional-*/report.html",
}
README_SIZE = 1280, 1660
_COLOURS = 256


def main() -> None:
    """Photograph the pages of a folder of runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, default=Path("runs"))
    runs = parser.parse_args().runs
    found = {name: sorted(runs.glob(pattern)) for name, pattern in PAGES.items()}
    missing = [name for name, paths in found.items() if not paths]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if missing or chromium is None:
        what = f"{runs} has no page of {', '.join(missing)}: run 'make demo' first"
        sys.exit(what if missing else "there is no Chromium on this system")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, paths in found.items():
            for size, (width, height) in SIZES.items():
                photograph(
                    browser, paths[-1], HERE / "images" / f"{name}-{size}.png", width, height
                )
        photograph(browser, found["comparison"][-1], HERE / "report.png", *README_SIZE)
        browser.close()


def photograph(browser: Browser, page: Path, to: Path, width: int, height: int) -> None:
    """Save what a screen of a size shows of a page, as a PNG of few colours."""
    with browser.new_page(viewport={"width": width, "height": height}) as shown:
        shown.goto(page.resolve().as_uri())
        taken = Image.open(io.BytesIO(shown.screenshot()))
    to.parent.mkdir(exist_ok=True)
    few = taken.convert("RGB").quantize(_COLOURS, Image.Quantize.MAXCOVERAGE)
    few.save(to, optimize=True)


if __name__ == "__main__":
    main()
