"""A report that is read and used by its keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from causalxai import CausalGraph
from tests.browser import DESK, PHONE, focused, opened, reach, stops_of, tour
from tests.report.drawn_graphs import SMALL, layered

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Saved = Callable[..., Path]


@pytest.mark.parametrize(("graph", "width"), [(SMALL, DESK), (layered(), PHONE)])
def test_the_tab_key_leads_through_all_of_a_report(
    browser: Browser, saved: Saved, graph: CausalGraph, width: int
):
    with opened(browser, saved(graph), width) as shown:
        there = tour(shown.page)
        assert [stop.name for stop in there if not stop.in_view] == []
        assert [stop.name for stop in there if not stop.ringed] == []
        names = [stop.name for stop in there]
        assert stops_of(shown.page, "Shift+Tab") == names[::-1]
        tools = "zoom in", "SVG", "PNG", "CSV", "from low to high", "strength of the map"
        assert [tool for tool in (*tools, "The resolved spec") if tool not in " ".join(names)] == []
        nodes = shown.page.locator("svg.live .node, svg.live g[role=img]:not(.node)")
        assert nodes.count() == sum("causes" in name or _is_node(name) for name in names)
        assert shown.faults == []


def _is_node(name: str) -> bool:
    return name.startswith(("concept ", "prediction ", "image ", "mediator ", "class "))


def test_nodes_and_edges_are_told_of_and_moved(browser: Browser, saved: Saved):
    with opened(browser, saved(SMALL)) as shown:
        page = shown.page
        panel, tip = page.locator(".graph-panel"), page.locator("#tip")
        reach(page, "thickness causes intensity")
        assert "weight 0.9" in panel.inner_text() and tip.is_visible()
        page.keyboard.press("Escape")
        assert not tip.is_visible()
        assert str(focused(page)).startswith("thickness causes intensity")
        reach(page, "concept intensity")
        assert "from thickness: weight 0.9" in panel.inner_text()
        node = page.locator("svg.live .node", has_text="intensity")
        line = page.locator("svg.live .edge").first
        before, drawn = node.get_attribute("transform"), line.get_attribute("d")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        assert node.get_attribute("transform") != before
        assert line.get_attribute("d") != drawn
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
        assert node.get_attribute("transform") == before
        assert shown.faults == []


def test_the_tools_of_a_graph_are_used(browser: Browser, saved: Saved):
    with opened(browser, saved(layered())) as shown:
        page = shown.page
        reach(page, "strongest paths to")
        page.keyboard.press("ArrowDown")
        assert page.locator("svg.live .node", has_text="class l").count() == 1
        reach(page, "number of paths")
        page.keyboard.press("Home")
        assert page.locator(".edge").count() == 3
        svg = page.locator("svg.live")
        whole = svg.get_attribute("viewBox")
        reach(page, "zoom in")
        page.keyboard.press("Enter")
        assert svg.get_attribute("viewBox") != whole
        reach(page, "show the whole graph")
        page.keyboard.press("Space")
        assert svg.get_attribute("viewBox") == whole
        assert shown.faults == []


def test_a_column_is_hidden(browser: Browser, saved: Saved):
    with opened(browser, saved(SMALL)) as shown:
        page = shown.page
        reach(page, "hide edges that are weaker")
        page.keyboard.press("End")
        assert page.locator(".edge").count() == 1
        page.keyboard.press("Home")
        reach(page, "intensity")
        page.keyboard.press("Space")
        assert page.locator("svg.live .node", has_text="intensity").count() == 0


def test_images_are_changed_and_tables_saved(browser: Browser, saved: Saved):
    with opened(browser, saved(SMALL), accept_downloads=True) as shown:
        page = shown.page
        reach(page, "the map over the images")
        page.keyboard.press("ArrowDown")
        assert page.locator(".map:not([hidden])").first.get_attribute("data-map") == "minus"
        reach(page, "a, from low to high")
        page.keyboard.press("ArrowRight")
        assert page.locator(".what-if span").first.inner_text() == "a+: 30%"
        with page.expect_download() as download:
            reach(page, "CSV")
            page.keyboard.press("Enter")
        assert Path(download.value.path()).read_text(encoding="utf-8").startswith('"concept"')
        reach(page, "The resolved spec")
        page.keyboard.press("Enter")
        assert page.get_by_text("learning_rate: 0.03").is_visible()
