"""A small report, to be opened in a browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from causalxai import CausalGraph, Estimate, MetricResult
from causalxai.config import load_spec
from causalxai.report.films import Film, Step
from causalxai.report.graph_drawing import draw_graph
from causalxai.report.graph_view import GraphExtras
from causalxai.report.image_cards import ConceptRow, ImageCard
from causalxai.report.inlined import inlined_image, inlined_map, inlined_strip
from causalxai.report.page import render_report
from causalxai.report.section import Section, Table, Text


def cards() -> list[ImageCard]:
    """Two cards with two maps, two films and a concept without one."""
    pictures = inlined_strip([torch.full((1, 8, 8), k / 4) for k in range(5)])
    steps = [Step(words, k / 10) for k, words in enumerate(["a--", "a-", "perceived", "a+", "a++"])]
    long = Film(pictures, tuple(steps), 2)
    short = Film(pictures, tuple(steps[1:3]), 1)
    concepts = (
        ConceptRow("a", 2.0, 1.0, long),
        ConceptRow("b", -1.0, 0.5, short),
        ConceptRow("c", 0.1, 0.05, None),
    )
    maps = {name: inlined_map(torch.eye(8) * sign) for name, sign in (("plus", 1), ("minus", -1))}
    card = ImageCard(
        "class 3", "The network predicts 3.", inlined_image(torch.eye(8)[None]), maps, concepts
    )
    return [card, replace(card, title="class 8")]


@pytest.fixture
def saved(tiny_spec: dict[str, object], tmp_path: Path) -> Callable[..., Path]:
    """Write a report on a graph."""

    def written(graph: CausalGraph, extras: GraphExtras | None = None) -> Path:
        table = Table(("concept", *(f"figure {i}" for i in range(9))), (("a", *"012345678"),), "c")
        score = MetricResult(
            "faithfulness", estimate=Estimate(0.5, 0.4, 0.6, 9), chance=Estimate(0.1)
        )
        report = render_report(
            load_spec(tiny_spec),
            accuracy=0.9,
            held_out=True,
            graph=graph,
            metrics=(score,),
            sections=(
                Section("Graph", [draw_graph(graph, extras=extras or GraphExtras())]),
                Section("Table", [Text("Long" * 60), table]),
            ),
            cards=cards(),
        )
        path = tmp_path / "report.html"
        path.write_text(report.html, encoding="utf-8")
        return path

    return written
