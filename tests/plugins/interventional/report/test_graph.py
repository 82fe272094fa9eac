from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from causalxai import CausalGraph, Edge, ScoringInputs
from causalxai.graph import Node, NodeKind
from causalxai.report.builder import ReportInputs
from causalxai_interventional.discoverer import InterventionalDiscoverer
from causalxai_interventional.report.graph import frequency_section, graph_report


def edge(source: str, target: str, number: int, three: float, eight: float) -> Edge:
    supports = {"3": three, "8": eight}
    annotations = {"n": 0, "k": number, "supports": supports, "opposes": {}}
    return Edge(source, target, weight=-2.0, annotations=annotations)


@pytest.fixture
def graph() -> CausalGraph:
    nodes = [
        Node("image:0", NodeKind.IMAGE, tier=0, annotations={"layer": "image"}),
        *(Node(f"c:{k}", NodeKind.MEDIATOR, tier=1, annotations={"layer": "c"}) for k in range(2)),
        *(Node(f"class {k}", NodeKind.CLASS, label=k, tier=2) for k in "38"),
    ]
    edges = [
        edge("image:0", "c:0", 0, 1.0, 0.9),
        edge("image:0", "c:1", 1, 0.1, 0.2),
        edge("c:0", "class 3", 0, 0.9, 0.0),
        edge("c:1", "class 8", 1, 0.0, 0.3),
    ]
    annotations = {"positives": {"3": 5, "8": 5}, "doubt": "nothing else was tested"}
    return CausalGraph(nodes, edges, annotations=annotations)


def test_how_many_edges_are_frequent_is_said_in_a_sentence(graph: CausalGraph):
    section = frequency_section(graph)
    assert section.finding == (
        "Of 4 edges in the network, 2 support a class in over 80% of its images, and 1 of these "
        "support every class that was looked at."
    )
    assert section.doubt == "Nothing else was tested."


def test_an_edge_is_as_strong_as_its_support_of_the_class(
    graph: CausalGraph,
    inputs: ScoringInputs,
    report_inputs: Callable[[ScoringInputs], ReportInputs],
):
    # The graph is of another network than the oracle's.
    given = report_inputs(replace(inputs, oracle=None))
    report = graph_report(InterventionalDiscoverer(), graph, given)
    assert report.extras is not None
    strength = report.extras.strength
    first = cast("Edge", graph.between("image:0", "c:0"))
    assert strength(first, "class 3") == pytest.approx(2.0)
    assert strength(first, "class 8") == pytest.approx(1.8)
