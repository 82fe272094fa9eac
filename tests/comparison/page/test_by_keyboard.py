"""The page of a comparison that is read and used by its keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from causalxai import Comparison
from causalxai.comparison.page.render import render_comparison
from tests.browser import DESK, PHONE, focused, opened, reach, stops_of, tour

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_tab_key_leads_through_all_of_a_comparison(
    browser: Browser, done: Comparison, width: int
):
    with opened(browser, done.directory / "comparison.html", width) as shown:
        there = tour(shown.page)
        assert [stop.name for stop in there if not stop.in_view] == []
        assert [stop.name for stop in there if not stop.ringed] == []
        names = [stop.name for stop in there]
        assert stops_of(shown.page, "Shift+Tab") == names[::-1]
        tools = "Show only rows", "controls", "CSV", "LaTeX", "report"
        assert [tool for tool in tools if not any(name.startswith(tool) for name in names)] == []
        assert shown.faults == []


def test_a_table_is_sorted_filtered_and_saved(
    browser: Browser, compared: Callable[..., Comparison], tmp_path: Path
):
    path = tmp_path / "comparison.html"
    values = {"worse": 0.5, "best": 0.9, "control": 0.2}
    path.write_text(render_comparison(compared(values)), encoding="utf-8")
    with opened(browser, path, accept_downloads=True) as shown:
        page = shown.page
        reach(page, "Show only rows")
        page.keyboard.type("best")
        assert first_rows(page) == ["best"]
        for _ in "best":
            page.keyboard.press("Backspace")
        reach(page, "controls")
        page.keyboard.press("Space")
        assert first_rows(page) == ["worse", "best"]
        for kind, start in (("CSV", '"method"'), ("LaTeX", "\\begin{")):
            reach(page, kind)
            with page.expect_download() as download:
                page.keyboard.press("Enter")
            assert Path(download.value.path()).read_text(encoding="utf-8").startswith(start)
        reach(page, "distance")
        page.keyboard.press("Enter")
        assert first_rows(page) == ["best", "worse"]
        # One can go on from the heading, and turn the order.
        assert str(focused(page)).startswith("distance")
        page.keyboard.press("Enter")
        assert first_rows(page) == ["worse", "best"]
        assert shown.faults == []


def test_a_note_is_read_and_put_away(
    browser: Browser, compared: Callable[..., Comparison], tmp_path: Path
):
    path = tmp_path / "comparison.html"
    values = {"best": 0.9, "none": None, "control": 0.2}
    path.write_text(render_comparison(compared(values)), encoding="utf-8")
    with opened(browser, path) as shown:
        page, tip = shown.page, shown.page.locator("#tip")
        reach(page, "Note 1")
        assert tip.is_visible()
        page.keyboard.press("Escape")
        assert not tip.is_visible()
        assert focused(page) == "Note 1"
        page.keyboard.press("Enter")
        assert page.url.endswith("#scores-1")


def first_rows(page: Page) -> list[str]:
    """Return the first words of the rows that are shown."""
    cells = page.locator("table[data-tools] tbody tr:visible td:first-child")
    return [text.split()[0] for text in cells.all_inner_texts()]
