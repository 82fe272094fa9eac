"""Pages as a browser shows them: their styles and scripts, which no other test runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from causalxai import CausalGraph
from causalxai.report.graph_view import GraphExtras, NodeMeaning
from causalxai.report.pictures import Thumbnail, thumbnail
from tests.browser import DESK, PHONE, TABLET, opened
from tests.report.drawn_graphs import SMALL, fan, layered

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Saved = Callable[..., Path]
A4_ACROSS = 1040
"""Pixels between the margins of a sheet of A4, held across."""

COVERED = """() => {
  const box = (one) => one.getBoundingClientRect();
  const labels = [...document.querySelectorAll("svg.live .edge-label")];
  const holds = (b, x, y) => x > b.left && x < b.right && y > b.top && y < b.bottom;
  const found = [];
  labels.forEach((one, place) => {
    const own = box(one);
    for (const other of labels.slice(place + 1)) {
      const b = box(other);
      if (own.left < b.right && b.left < own.right && own.top < b.bottom && b.top < own.bottom)
        found.push(`${one.textContent} and ${other.textContent}`);
    }
    for (const node of document.querySelectorAll("svg.live .node rect")) {
      const b = box(node);
      if (own.left < b.right && b.left < own.right && own.top < b.bottom && b.top < own.bottom)
        found.push(`${one.textContent} and a node`);
    }
    for (const line of document.querySelectorAll("svg.live .edge")) {
      const onScreen = (p) => p.matrixTransform(line.getScreenCTM());
      const whole = line.getTotalLength();
      for (let at = 0; at <= whole; at += 1) {
        const { x, y } = onScreen(line.getPointAtLength(at));
        // A head is nine pixels long and wide.
        const head = line.hasAttribute("marker-end") && at > whole - 9 ? 4.5 : 0;
        for (const [dx, dy] of [[0, 0], [head, 0], [-head, 0], [0, head], [0, -head]])
          if (holds(own, x + dx, y + dy)) {
            found.push(`${one.textContent} and a line`);
            at = whole;
            break;
          }
      }
    }
  });
  return found;
}"""
"""Tells which labels of edges lie on a line, a head, a node or another label."""


def told(page: Page) -> str:
    """Return what is told of the node or edge that was last pointed at."""
    return page.locator(".graph-panel").inner_text()


@pytest.mark.parametrize(
    "width", [PHONE, *(pytest.param(width, marks=pytest.mark.slow) for width in (TABLET, DESK))]
)
def test_a_report_is_readable_at_every_width(browser: Browser, saved: Saved, width: int):
    with opened(browser, saved(SMALL), width, color_scheme="dark") as shown:
        assert (shown.faults, shown.too_wide) == ([], 0)
        assert shown.serious() == []
        assert shown.page.locator("svg.live .node").count() == 3


def test_what_is_known_of_an_edge_is_told_on_hover_and_focus(browser: Browser, saved: Saved):
    with opened(browser, saved(SMALL)) as shown:
        page = shown.page
        page.locator("svg.live g[aria-label^='thickness causes']").focus()
        assert "weight 0.9 [0.8, 1]" in told(page) and "found in 100%" in told(page)
        assert "weight 0.9 [0.8, 1]" in page.locator("#tip").inner_text()
        page.locator("svg.live .node", has_text="intensity").hover()
        assert "from thickness: weight 0.9" in told(page)
        page.locator("svg.live g[aria-label^='intensity causes']").focus()
        assert "Not to be believed: not read back" in told(page)
        assert page.locator(".edge.doubted").count() == 1
        assert shown.faults == []


@pytest.mark.parametrize("width", [PHONE, 1200])
@pytest.mark.parametrize("graph", [SMALL, fan(1), fan(4), fan(6)])
def test_labels_of_edges_lie_on_nothing(
    browser: Browser, saved: Saved, graph: CausalGraph, width: int
):
    with opened(browser, saved(graph), width) as shown:
        labels = shown.page.locator("svg.live .edge-label")
        assert labels.count() == len(graph.edges)
        assert shown.page.evaluate(COVERED) == []
        assert (shown.faults, shown.too_wide) == ([], 0)


def test_a_graph_is_dragged_zoomed_and_filtered(browser: Browser, saved: Saved):
    with opened(browser, saved(SMALL)) as shown:
        page, svg = shown.page, shown.page.locator("svg.live")
        node = page.locator("svg.live .node").first
        before, box = node.get_attribute("transform"), node.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        page.mouse.down()
        page.mouse.move(box["x"] + 45, box["y"] + 25)
        page.mouse.up()
        assert node.get_attribute("transform") != before
        whole = svg.get_attribute("viewBox")
        page.get_by_label("zoom in").click()
        assert svg.get_attribute("viewBox") != whole
        page.get_by_label("show the whole graph").click()
        assert node.get_attribute("transform") == before
        assert svg.get_attribute("viewBox") == whole
        page.get_by_label("hide edges that are weaker").fill("50")
        assert page.locator(".edge").count() == 1
        page.get_by_label("hide edges that are weaker").fill("0")
        # A column is called by its only concept.
        page.get_by_label("intensity", exact=True).uncheck()
        assert page.locator("svg.live .node", has_text="intensity").count() == 0


def test_of_a_large_graph_only_paths_to_a_class_are_shown(browser: Browser, saved: Saved):
    with opened(browser, saved(layered()), PHONE) as shown:
        page = shown.page
        assert page.locator(".edge").count() <= 12
        assert page.locator("svg.live .node", has_text="class l").count() == 0
        page.get_by_label("strongest paths to").select_option("class l")
        assert page.locator("svg.live .node", has_text="class l").count() == 1
        page.get_by_label("number of paths").fill("1")
        assert page.locator(".edge").count() == 3
        assert (shown.faults, shown.too_wide) == ([], 0)


def test_a_channel_shows_what_excites_it(browser: Browser, saved: Saved):
    shown = [Thumbnail(thumbnail(torch.rand(1, 7, 7)), "an image", label) for label in "38"]
    meaning = NodeMeaning("Of 128 images, these excite it most.", shown, in_box=True)
    extras = GraphExtras({f"{layer}:{i}": meaning for layer in "ab" for i in range(20)})
    with opened(browser, saved(layered(), extras)) as opened_page:
        page = opened_page.page
        drawn = page.locator("svg.live .node image").count()
        assert drawn == page.locator("svg.live .node", has_text=":").count() > 0
        page.locator("svg.live .node", has_text="b:").first.focus()
        assert "Of 128 images, these excite it most." in told(page)
        assert page.locator(".graph-panel img").count() == 2
        assert opened_page.faults == []


def test_a_slider_goes_through_what_becomes_of_an_image(browser: Browser, saved: Saved):
    with opened(browser, saved(SMALL)) as shown:
        card = shown.page.locator(".image-card").nth(1)
        first, second = (card.get_by_label(f"{name}, from low to high") for name in "ab")
        said, picture = card.locator(".what-if span").first, card.locator(".frame img")
        assert said.inner_text() == "perceived: 20%"
        assert not card.locator(".film").first.is_visible()
        first.press("ArrowRight")
        assert said.inner_text() == "a+: 30%" == first.get_attribute("aria-valuetext")
        assert "translateX(-60%)" in str(picture.get_attribute("style"))
        second.press("ArrowLeft")
        assert said.inner_text() == "a-: 10%"
        # Only one concept at a time is changed.
        assert first.input_value() == "2"
        assert shown.page.locator(".image-card").first.locator("input").first.input_value() == "2"
        assert shown.faults == []


def test_maps_over_images_are_chosen_and_made_paler(browser: Browser, saved: Saved):
    with opened(browser, saved(SMALL)) as shown:
        page = shown.page
        visible = page.locator(".map:not([hidden])")
        assert visible.count() == 2
        page.get_by_label("the map over the images").select_option("minus")
        assert visible.first.get_attribute("data-map") == "minus" and visible.count() == 2
        page.get_by_label("strength of the map").fill("0")
        opacity = "one => getComputedStyle(one).opacity"
        assert visible.first.evaluate(opacity) == "0"
        assert page.locator(".picture").first.evaluate(opacity) == "1"
        assert shown.faults == []


def test_nothing_of_a_printed_report_is_cut_or_folded_away(browser: Browser, saved: Saved):
    with opened(browser, saved(layered()), A4_ACROSS) as shown:
        shown.page.emulate_media(media="print")
        assert shown.too_wide == 0
        assert shown.page.get_by_text("learning_rate: 0.03").is_visible()
        assert not shown.page.locator(".tools").first.is_visible()
        assert shown.page.locator(".film").first.is_visible()
        assert not shown.page.locator(".what-if").first.is_visible()
