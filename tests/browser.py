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
    from playwright.sync_api import Browser, ElementHandle, FloatRect, Page

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


@dataclass(frozen=True)
class Stop:
    """What the Tab key leads to.

    Parameters
    ----------
    name
        What it is called.
    ringed
        Whether one can see that it has the focus.
    in_view
        Whether it is on the screen.
    """

    name: str
    ringed: bool
    in_view: bool


_NAME = """one => one === document.body ? null : (one.getAttribute("aria-label") ||
  one.labels?.[0]?.textContent || one.textContent || one.title).trim()"""
_BOX = """one => { const { left, top, width, height } = one.getBoundingClientRect();
  return [left, top, width, height]; }"""
_AROUND = 5
_MOST_STOPS = 400


def focused(page: Page) -> str | None:
    """Return the name of what has the focus; ``None`` if nothing has."""
    name: str | None = page.evaluate(f"({_NAME})(document.activeElement)")
    return name


def stops_of(page: Page, key: str = "Tab") -> list[str]:
    """Return the names of what a key leads to, until it has led through the page.

    Raises
    ------
    AssertionError
        If it never leads out of the page, or back to the first stop.
    """
    return [name for name, _ in _tour(page, key)]


def tour(page: Page) -> list[Stop]:
    """Return what the Tab key leads to, and whether one can see it.

    Raises
    ------
    AssertionError
        If it never leads out of the page, or back to the first stop.
    """
    return [Stop(name, *_seen(page, one)) for name, one in _tour(page, "Tab")]


def _tour(page: Page, key: str) -> Iterator[tuple[str, ElementHandle]]:
    first = None
    for _ in range(_MOST_STOPS):
        page.keyboard.press(key)
        name = focused(page)
        one = page.evaluate_handle("document.activeElement").as_element()
        # Backwards, Chromium goes from the first to the last without leaving the page.
        if name is None or one is None or (first and one.evaluate("(a, b) => a === b", first)):
            return
        first = first or one
        yield name, one
    raise AssertionError(f"{key} does not lead out of the page; last at {focused(page)}")


def reach(page: Page, start: str) -> None:
    """Press Tab until something has the focus whose name begins so.

    Raises
    ------
    AssertionError
        If there is nothing of the name behind what has the focus.
    """
    for _ in range(_MOST_STOPS):
        page.keyboard.press("Tab")
        name = focused(page)
        if name is None:
            break
        if name.startswith(start):
            return
    raise AssertionError(f"Tab does not lead to {start}")


def _seen(page: Page, one: ElementHandle) -> tuple[bool, bool]:
    """Return whether pixels show what has the focus, and whether it is on the screen."""
    screen = page.viewport_size
    assert screen is not None
    left, top, width, height = one.evaluate(_BOX)
    in_view = -width < left < screen["width"] and -height < top < screen["height"]
    if not in_view:
        return False, False
    across, down = max(0.0, left - _AROUND), max(0.0, top - _AROUND)
    # The hint below it, which is shown on focus alone, is no ring.
    clip: FloatRect = {
        "x": across,
        "y": down,
        "width": min(screen["width"], left + width + _AROUND) - across,
        "height": min(screen["height"], top + height + _AROUND) - down,
    }
    with_focus = page.screenshot(clip=clip, caret="initial")
    one.evaluate("one => one.blur()")
    without = page.screenshot(clip=clip)
    one.evaluate("one => one.focus({ preventScroll: true })")
    return with_focus != without, True


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
