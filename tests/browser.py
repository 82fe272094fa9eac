"""A page as the system's own Chromium shows it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PHONE, TABLET, DESK = 390, 768, 1280


@dataclass
class Shown:
    """A page, and what went wrong with it."""

    page: Page
    faults: list[str] = field(default_factory=list)

    @property
    def too_wide(self) -> int:
        """How many pixels of the page lie beyond the right edge of the screen."""
        root = "document.documentElement"
        return int(self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))

    def serious(self) -> list[str]:
        """Return what axe finds serious or critical for people with disabilities."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [
            f"{one['id']}: {[node['target'] for node in one['nodes']][:3]}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]


def chromium() -> Iterator[Browser]:
    """Yield the system's Chromium; tests are skipped where it, or Playwright, is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("there is no Chromium on this system")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, file: Path, width: int = DESK, **options: Any) -> Iterator[Shown]:
    """Open a file on a screen of some width."""
    context = browser.new_context(viewport={"width": width, "height": 800}, **options)
    page = context.new_page()
    shown = Shown(page)

    def noted(request: Any) -> None:
        if not request.url.startswith("data:") and request.url != file.as_uri():
            shown.faults.append(f"asks for {request.url[:100]}")

    page.on("request", noted)
    page.on("pageerror", lambda error: shown.faults.append(f"raises {error}"))
    page.on("console", lambda said: shown.faults.append(f"says {said.text}"))
    page.goto(file.as_uri())
    yield shown
    context.close()
