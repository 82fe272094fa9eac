from __future__ import annotations

from itertools import combinations
from xml.etree import ElementTree

import pytest

from causalxai import CausalGraph, Edge
from causalxai.report.layered_graph import MOST_EDGES, draw_graph
from causalxai.report.plots import OPPOSE, SUPPORT
from causalxai.report.section import Figure

SVG = "{http://www.w3.org/2000/svg}"


def columns(figure: Figure) -> dict[str, float]:
    """Return how far to the right each name stands."""
    assert figure.svg is not None
    texts = ElementTree.fromstring(figure.svg).iter(f"{SVG}text")
    return {text.text or "": float(text.attrib["x"]) for text in texts}


def heads(figure: Figure, colour: str) -> int:
    """Count the arrow heads of a colour."""
    return (figure.svg or "").count(f'style="fill: {colour};')


def test_causes_stand_left_of_their_effects():
    graph = CausalGraph("zyxw", [("w", "x"), ("x", "y"), ("w", "z"), ("y", "z")])
    at = columns(draw_graph(graph))
    assert at.keys() == set(graph.nodes)
    assert all(at[edge.source] < at[edge.target] for edge in graph.edges)


def test_tiers_decide_the_columns_where_all_nodes_have_one():
    tiers = {"a": 0, "b": 7, "c": 0, "d": 3}
    at = columns(draw_graph(CausalGraph("abcd", [("a", "b")], tiers=tiers)))
    assert at["a"] == pytest.approx(at["c"])
    assert at["a"] < at["d"] < at["b"]


def test_a_graph_of_which_some_tiers_are_known_is_drawn_all_the_same():
    graph = CausalGraph("abc", [("a", "b"), ("b", "c")], tiers={"b": 5})
    at = columns(draw_graph(graph))
    assert at["a"] < at["b"] < at["c"]


def test_the_colour_tells_the_sign():
    edges = [
        Edge("a", "b", weight=1.0),
        Edge("a", "c", weight=-1.0),
        ("b", "c"),
        Edge("a", "d", weight=-0.1),
    ]
    figure = draw_graph(CausalGraph("abcd", edges))
    assert (heads(figure, SUPPORT), heads(figure, OPPOSE)) == (2, 2)
    assert figure.caption.startswith("All 4 edges")
    assert figure.alt == "Causal graph with 4 nodes and 4 edges."


def test_of_many_edges_the_strongest_of_each_tier_are_drawn():
    nodes = [f"{layer}:{i}" for layer in "abc" for i in range(9)]
    tiers = {node: "abc".index(node[0]) for node in nodes}
    pairs = [(a, b) for a, b in combinations(nodes, 2) if tiers[b] == tiers[a] + 1]
    # The second layer's edges are all weaker than the first's.
    edges = [Edge(a, b, weight=(i + 1) / 10 ** tiers[a]) for i, (a, b) in enumerate(pairs[::-1])]
    graph = CausalGraph(nodes, edges, tiers=tiers)
    figure = draw_graph(graph)
    assert heads(figure, SUPPORT) == MOST_EDGES
    assert figure.caption.startswith(f"The {MOST_EDGES} strongest of {len(edges)} edges")
    few = draw_graph(graph, most=2)
    strongest = [
        max((edge for edge in edges if tiers[edge.source] == tier), key=lambda edge: edge.weight)
        for tier in (0, 1)
    ]
    assert columns(few).keys() == {end for e in strongest for end in (e.source, e.target)}


@pytest.mark.parametrize(
    "name", ["cost $x_{ and $", "<b>&amp;</b>", 'say "x"', "ü→é", "two\\nlines", "%(x)s"]
)
def test_any_name_is_shown_as_it_is(name: str):
    assert name in columns(draw_graph(CausalGraph([name, "b"], [(name, "b")])))


@pytest.mark.parametrize("nodes", ["", "a", "ab"])
def test_a_graph_without_edges_is_drawn(nodes: str):
    assert columns(draw_graph(CausalGraph(nodes))).keys() == set(nodes)


def test_the_same_graph_gives_the_same_bytes():
    graph = CausalGraph("abc", [Edge("a", "b", weight=0.3), ("b", "c")])
    assert draw_graph(graph) == draw_graph(graph)
