from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
import torch

from causalxai import CausalGraph, Estimate, Explanation, MetricResult, Run
from causalxai.config import load_spec
from causalxai.metric import AttributionSpace
from causalxai.report.graph_drawing import draw_graph
from causalxai.report.image_cards import ImageCard
from causalxai.report.page import Report, render_images_page, render_report, render_summary
from causalxai.report.plots import axes_grid, embed, image_axes, new_figure
from causalxai.report.section import Figure, Section, Table, Text

LOADING = {"src", "srcset", "href", "xlink:href", "data", "action", "poster", "background"}


class Page(HTMLParser):
    """What a browser makes of a page: its tags, its text and the rows of its tables."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.rows: list[tuple[str, list[str]]] = []
        self._in_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag == "tr":
            self.rows.append((attributes.get("class", ""), []))
        elif tag == "td":
            self.rows[-1][1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("style", "script"):
            return
        self.text += data
        if self._in_cell:
            self.rows[-1][1][-1] += data

    def scores(self) -> list[list[str]]:
        """Return the kind and the cells of each line of the score table."""
        return [[kind, *(cell.strip() for cell in cells)] for kind, cells in self.rows if kind]


Render = Callable[..., Page]


@pytest.fixture
def render(tiny_spec: dict[str, Any]) -> Render:
    def rendered(
        metrics: tuple[MetricResult, ...] = (),
        sections: tuple[Section, ...] = (),
        graph: CausalGraph | None = None,
        held_out: bool | None = True,
        **spec: object,
    ) -> Page:
        report = render_report(
            load_spec({**tiny_spec, **spec}),
            accuracy=0.9876,
            held_out=held_out,
            graph=graph or CausalGraph("ab", [("a", "b")]),
            metrics=metrics,
            sections=sections,
            explanation=Explanation(torch.zeros(7, 1, 2, 2), torch.zeros(7)),
        )
        return Page(report.html)

    return rendered


def fetched(page: Page) -> list[str]:
    """Return all addresses that a browser would fetch, or follow by itself."""
    return [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in LOADING and not value.startswith(("data:", "#"))
    ]


def test_scores_stand_beside_chance_parts_and_controls(render: Render):
    result = MetricResult(
        "correction",
        estimate=Estimate(0.75, 0.5, 1.0, 12),
        chance=Estimate(0.125, n=12),
        parts={"plain map": Estimate(0.5, 0.25, 0.625, 11)},
        controls={"wrong class": Estimate(0.7, 0.6, 0.8, 10)},
    )
    assert render((result,)).scores() == [
        ["score", "correction ↑", "0.750 [0.500, 1.000]", "12"],
        ["chance", "chance", "0.125", "12"],
        ["part", "plain map", "0.500 [0.250, 0.625]", "11"],
        ["control", "wrong class", "0.700 [0.600, 0.800]", "10"],
    ]


TRANSLATED = (
    "translated: a map of pixels, read as a claim about concepts through the oracle's pictures"
)


def test_what_a_score_stands_on_and_what_it_leaves_out_is_told(render: Render):
    result = MetricResult(
        "faithfulness",
        estimate=Estimate(0.5),
        read=AttributionSpace.CONCEPTS,
        translated=True,
        reason="left out: 1 of 3 concepts do not vary",
    )
    assert render((result,)).scores() == [
        ["score", "faithfulness ↑", "0.500", "1"],
        ["note", TRANSLATED],
        ["note", "left out: 1 of 3 concepts do not vary"],
    ]


@pytest.mark.parametrize("status", ["skipped", "failed"])
def test_a_score_that_is_not_there_is_told_with_its_reason(status: Any, render: Render):
    result = MetricResult("deletion", status, reason="the network makes no mistake")
    assert render((result,)).scores() == [
        ["score", "deletion", status, ""],
        ["note", "the network makes no mistake"],
    ]


def test_the_direction_the_range_and_the_source_of_a_score_are_told(render: Render):
    low = MetricResult(
        "deletion", estimate=Estimate(0.1), higher_is_better=False, value_range=(0.0, 1.0),
        reference="Petsiuk (2018)",
    )  # fmt: skip
    page = render((low,))
    assert page.scores() == [["score", "deletion ↓", "0.100", "1"]]
    assert ["deletion", "0 to 1", "Petsiuk (2018)"] in [cells for _, cells in page.rows]
    describing = MetricResult("bias", estimate=Estimate(0.1), higher_is_better=None)
    assert render((describing,)).scores() == [["score", "bias", "0.100", "1"]]


def test_the_page_tells_what_was_run(render: Render):
    text = " ".join(render().text.split())
    assert "tiny" in text
    assert "interventional explains lenet on digits · concepts of parameters" in text
    assert "graph of interventional · seed 0 · 2 nodes and 1 edges" in text
    assert "what the classifier lenet predicts for 7 images of digits (held-out accuracy" in text
    assert "learning_rate: 0.03" in text


def test_images_are_called_held_out_only_if_that_is_known(render: Render):
    unknown, seen = (" ".join(render(held_out=told).text.split()) for told in (None, False))
    assert (
        "(accuracy on the test images 98.8%; it is not known whether the network was trained on "
        "them)" in unknown
    )
    assert "(accuracy on the test images 98.8%; the network was trained on them)" in seen
    assert "held-out" not in unknown + seen


def test_whatever_a_plugin_says_is_text(render: Render):
    evil = "<blink>&copy;\"'</blink>"
    estimate = Estimate(0.5)
    sections = [
        Section(
            f"title {evil}",
            [
                Text(f"paragraph {evil}"),
                Table((f"column {evil}",), ((f"cell {evil}",),), f"table {evil}"),
                Figure(f"caption {evil}", f"alt {evil}", png=b"png"),
                Figure(f"second {evil}", f"other {evil}", svg="<svg></svg>"),
            ],
        )
    ]
    results = (
        MetricResult(
            f"metric {evil}",
            estimate=estimate,
            parts={f"part {evil}": estimate},
            controls={f"control {evil}": estimate},
            reference=f"reference {evil}",
        ),
        MetricResult("other", "failed", reason=f"reason {evil}"),
    )
    graph = CausalGraph(["a", f"class {evil}"], [("a", f"class {evil}")])
    page = render(results, (*sections, *sections, Section("graph", [draw_graph(graph)])))
    assert "blink" not in {tag for tag, _ in page.tags}
    words = "title paragraph column cell table caption second metric part control reference reason"
    for word in (*words.split(), "class"):
        assert f"{word} {evil}" in page.text
    labels = {attributes.get("alt") or attributes.get("aria-label") for _, attributes in page.tags}
    assert {f"alt {evil}", f"other {evil}"} <= labels


def test_the_spec_is_shown_as_text(render: Render):
    page = render(graph=None, images={"classes": ["<blink>"]})
    assert "<blink>" in page.text
    assert "blink" not in {tag for tag, _ in page.tags}


def test_sections_come_in_order_and_the_first_one_leads(render: Render):
    sections = tuple(Section(f"section {i}", [Text(f"text {i}")]) for i in range(3))
    text = render(
        metrics=(MetricResult("m", status="skipped", reason="r"),), sections=sections
    ).text
    places = [text.index(word) for word in ("section 0", "Scores", "section 1")]
    assert places == sorted(places)
    assert text.index("section 1") < text.index("text 1") < text.index("section 2")


def test_pictures_are_in_the_page(render: Render):
    figure = new_figure(2, 1)
    image_axes(axes_grid(figure, 1, 1)[0][0], "a $title").imshow([[0, 1]])
    vector, raster = embed(figure, "v", "vector"), embed(figure, "r", "raster", raster=True)
    assert vector.svg is not None
    assert vector.svg.startswith("<svg")
    assert raster.png is not None
    assert raster.png.startswith(b"\x89PNG")
    page = render(sections=(Section("s", [vector, raster]),))
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert [image["alt"] for image in images] == ["raster"]
    assert images[0]["src"].startswith("data:image/png;base64,iVBORw0KGgo")
    assert [tag for tag, _ in page.tags].count("svg") == 1
    assert fetched(page) == []


def test_the_same_figure_gives_the_same_bytes():
    def draw(raster: bool) -> Figure:
        figure = new_figure(2, 1)
        axes_grid(figure, 1, 1)[0][0].plot([1, 3, 2], marker="o")
        return embed(figure, "c", "a", raster=raster)

    assert draw(raster=False) == draw(raster=False)
    assert draw(raster=True) == draw(raster=True)


def test_a_real_report_loads_nothing(finished: Run):
    html = finished.report.read_text(encoding="utf-8")
    page = Page(html)
    tags = {tag for tag, _ in page.tags}
    assert fetched(page) == []
    assert not tags & {"link", "iframe", "object", "embed", "base"}
    styles = re.findall(r"<style.*?</style>", html, flags=re.DOTALL)
    assert not any(re.search(r"@import|url\(\s*['\"]?(?!#)", style) for style in styles)
    assert {"img", "svg"} <= tags
    images = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert all(source.startswith("data:image/png;base64,") for source in images)


def test_a_real_report_has_the_scores_of_the_run(finished: Run):
    lines = Page(finished.report.read_text(encoding="utf-8")).scores()
    for name, result in finished.metrics.items():
        (line,) = [one for one in lines if one[0] == "score" and one[1].startswith(f"{name} ")]
        interval = "" if result.estimate.low is None else " ["
        assert line[2].startswith(f"{result.estimate.value:.3f}{interval}")
    assert "no interval where there are fewer than five values" in finished.report.read_text(
        "utf-8"
    )
    assert [line[1] for line in lines if line[0] == "control"] == [
        *finished.metrics["correction"].controls
    ]
    assert [line[0] for line in lines].count("chance") == 2


def test_figures_are_files_beside_the_page(tiny_spec: dict[str, Any]):
    shown = Section("How it went: 1", [Figure("c", "a", svg="<svg/>"), Figure("c", "a", png=b"p")])
    report = render_report(
        load_spec(tiny_spec),
        accuracy=1.0,
        held_out=True,
        graph=CausalGraph("ab"),
        metrics=(),
        sections=(Section("None", [Text("no figure")]), shown),
    )
    files = {"02-how-it-went-1-1.svg": b"<svg/>", "02-how-it-went-1-2.png": b"p"}
    assert report.figures == files
    assert Report.from_record(report.to_record()) == report


def test_without_metrics_there_is_no_table_of_scores(render: Render):
    assert "Scores" not in render().text
    assert "Sources" not in render().text


@pytest.mark.parametrize(
    ("figures", "address"),
    [
        ({"02-b.png": b"2", "01-a-1.svg": b"1"}, "data:image/svg+xml;base64,MQ=="),
        ({"01-a.png": b"2"}, "data:image/png;base64,Mg=="),
        ({}, None),
    ],
)
def test_a_summary_has_the_scores_and_the_first_figure(
    figures: dict[str, bytes], address: str | None, tiny_spec: dict[str, Any]
):
    other = {"another map": Estimate(0.5, 0.4, 0.6, 9)}
    result = MetricResult("deletion", estimate=Estimate(0.25, 0.1, 0.4, 9), parts=other)
    html = render_summary(
        load_spec(tiny_spec), graph=None, metrics=[result], report=Report("", figures)
    )
    page = Page(html)
    images = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert images == ([] if address is None else [address])
    assert page.scores() == [["score", "deletion ↑", "0.250 [0.100, 0.400]", "9"]]


def test_a_figure_that_repeats_others_is_folded_away(render: Render):
    shown = Figure("shown", "first", svg="<svg></svg>")
    folded = Figure("not shown", "second", svg="<svg></svg>", folded="the same <as> a figure")
    page = render(sections=(Section("s", [shown, folded]),))
    before, inside = page.text.split("the same <as> a figure")
    assert "not shown" in inside and "not shown" not in before and "shown" in before
    # The other one is the spec.
    assert [tag for tag, _ in page.tags].count("details") == 2


def test_a_page_of_images_needs_no_other_file(tiny_spec: dict[str, Any]):
    cards = [
        ImageCard(f"<{name}>", "The network predicts 3.", "data:image/png;base64,", {}, ())
        for name in "ab"
    ]
    page = Page(render_images_page(load_spec(tiny_spec), cards, "runs/<mine>"))
    assert "2 images explained" in page.text and "<a>" in page.text and "<b>" in page.text
    assert "runs/<mine>" in page.text
    assert fetched(page) == []
