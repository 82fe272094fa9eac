"""The page of a comparison as a browser shows it: its style and scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from causalxai import Comparison
from causalxai.comparison.page.render import render_comparison
from tests.browser import DESK, PHONE, TABLET, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

A4_ACROSS = 1040


@pytest.fixture
def shown_page(compared: Callable[..., Comparison], tmp_path: Path) -> Path:
    """Three methods, one without a score, and a control."""
    values = {"worse": 0.5, "best": 0.9, "none": None, "control": 0.2}
    path = tmp_path / "comparison.html"
    path.write_text(render_comparison(compared(values)), encoding="utf-8")
    return path


def rows(page: Page) -> list[str]:
    """Return the first words of the rows that are shown."""
    cells = page.locator("table[data-tools] tbody tr:visible td:first-child")
    return [text.split()[0] for text in cells.all_inner_texts()]


@pytest.mark.parametrize(
    "width", [PHONE, *(pytest.param(width, marks=pytest.mark.slow) for width in (TABLET, DESK))]
)
def test_a_comparison_is_readable_at_every_width(browser: Browser, done: Comparison, width: int):
    file = done.directory / "comparison.html"
    with opened(browser, file, width, color_scheme="dark") as shown:
        assert (shown.faults, shown.too_wide) == ([], 0)
        assert shown.serious() == []


def test_rows_are_sorted_filtered_and_hidden(browser: Browser, shown_page: Path):
    with opened(browser, shown_page) as shown:
        page = shown.page
        assert rows(page) == ["worse", "best", "none", "control"]
        heading = page.locator("table[data-tools] th", has_text="distance")
        heading.get_by_role("button").click()
        assert rows(page) == ["best", "worse", "control", "none"]
        assert heading.get_attribute("aria-sort") == "descending"
        heading.get_by_role("button").click()
        assert rows(page) == ["control", "worse", "best", "none"]
        page.get_by_label("controls").uncheck()
        assert rows(page) == ["worse", "best", "none"]
        page.get_by_label("Show only rows").fill("BES")
        assert rows(page) == ["best"]
        page.locator(".tools").get_by_label("distance").uncheck()
        assert not heading.is_visible()
        assert shown.faults == []


def test_a_note_is_told_on_hover_on_focus_and_as_text(browser: Browser, shown_page: Path):
    with opened(browser, shown_page) as shown:
        page = shown.page
        note = page.get_by_role("link", name="Note 1").first
        note.focus()
        reason = "a reason that is far too long"
        assert reason in page.locator("#tip").inner_text()
        assert reason in page.locator("#scores-1").inner_text()
        page.keyboard.press("Escape")
        assert not page.locator("#tip").is_visible()


@pytest.mark.parametrize(
    ("button", "start"), [("CSV", '"method","distance'), ("LaTeX", "\\begin{")]
)
def test_the_table_is_saved(browser: Browser, shown_page: Path, button: str, start: str):
    with opened(browser, shown_page, accept_downloads=True) as shown:
        with shown.page.expect_download() as download:
            shown.page.get_by_role("button", name=button).first.click()
        text = Path(download.value.path()).read_text(encoding="utf-8")
        assert text.startswith(start)
        assert "0.900" in text


def test_nothing_of_a_printed_comparison_is_cut(browser: Browser, done: Comparison):
    with opened(browser, done.directory / "comparison.html", A4_ACROSS) as shown:
        shown.page.emulate_media(media="print")
        assert shown.too_wide == 0
        table = shown.page.locator("table.scores").first.bounding_box()
        assert table is not None
        assert table["x"] + table["width"] <= A4_ACROSS
