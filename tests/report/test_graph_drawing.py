from __future__ import annotations

from itertools import combinations
from typing import cast
from xml.etree import ElementTree

import pytest

from causalxai import CausalGraph, Edge
from causalxai.graph import EdgeKind, Node, NodeKind
from causalxai.report.graph_choice import MOST_EDGES, MOST_ON_PATHS
from causalxai.report.graph_drawing import (
    Verdict,
    _Page,
    draw_graph,
    missed_edges,
    verdict_on,
)
from causalxai.report.graph_layout import layers_of, layout_of
from causalxai.report.graph_paths import strongest_paths
from causalxai.report.plots import DOUBT, INK, OPPOSE, SUPPORT
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
    assert [heads(figure, colour) for colour in (SUPPORT, OPPOSE, INK)] == [1, 2, 1]
    assert figure.caption.startswith("All 4 edges")
    said = "a causes b; a causes c; a causes d; b causes c"
    assert figure.alt == f"Causal graph: {said}."


def test_an_edge_in_doubt_looks_unlike_all_others():
    unsure = Edge("a", "b", weight=2.0, annotations={"doubt": "nothing was read back"})
    figure = draw_graph(CausalGraph("abc", [unsure, Edge("b", "c", weight=1.0)]))
    assert [heads(figure, colour) for colour in (SUPPORT, DOUBT)] == [1, 1]
    assert "purple and dotted is not to be believed" in figure.caption
    assert figure.alt == "Causal graph: a causes b (not to be believed); b causes c."
    beside = draw_graph(CausalGraph("ab", [unsure]), CausalGraph("ab", [("a", "b")]))
    assert [heads(beside, colour) for colour in (INK, DOUBT)] == [1, 1]


def test_of_many_edges_those_on_the_strongest_paths_are_drawn():
    nodes = [f"{layer}:{i}" for layer in "abc" for i in range(9)]
    tiers = {node: "abc".index(node[0]) for node in nodes}
    pairs = [(a, b) for a, b in combinations(nodes, 2) if tiers[b] == tiers[a] + 1]
    # The second layer's edges are all weaker than the first's.
    edges = [Edge(a, b, weight=(i + 1) / 10 ** tiers[a]) for i, (a, b) in enumerate(pairs[::-1])]
    graph = CausalGraph(nodes, edges, tiers=tiers)
    figure = draw_graph(graph)
    shown = heads(figure, SUPPORT)
    assert 9 <= shown <= MOST_ON_PATHS < MOST_EDGES < len(edges)
    assert figure.caption.startswith(f"The strongest paths: {shown} of the {len(edges)} edges")
    few = draw_graph(graph, most=2)
    (path,) = strongest_paths(graph, "c:0", 1)
    named = {name for name in columns(few) if ":" in name}
    assert named == {end for edge in path for end in edge.pair}


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


def test_small_drawings_have_what_is_known_on_their_edges():
    known = Edge("$a", "b", weight=0.5, frequency=0.75)
    edges = [known, Edge("b", "c", weight=-0.25), Edge("$a", "c")]
    drawn = draw_graph(CausalGraph(["$a", "b", "c", "alone"], edges), isolated=False)
    assert drawn.svg is not None
    for text in ("$a", ">b<", ">c<", "+0.50 · 75%", "\N{MINUS SIGN}0.25"):
        assert text in drawn.svg
    assert "alone" not in drawn.svg
    assert drawn.alt == "Causal graph: $a causes b; $a causes c; b causes c."
    assert "On an arrow" in drawn.caption


def test_what_moves_a_prediction_has_no_sign():
    nodes = [Node("a"), Node("answer", NodeKind.PREDICTION)]
    svg = draw_graph(CausalGraph(nodes, [Edge("a", "answer", weight=0.125)])).svg or ""
    assert ">0.12<" in svg and "+0.12" not in svg


def test_many_edges_have_no_numbers():
    edges = [Edge(a, b, weight=0.5) for a, b in combinations("abcdef", 2)]
    figure = draw_graph(CausalGraph("abcdef", edges))
    assert "+0.50" not in (figure.svg or "")
    assert "On an arrow" not in figure.caption
    assert figure.alt == "Causal graph with 6 nodes and 15 edges."


@pytest.mark.parametrize(
    ("kind", "heads_of_it", "said"),
    [
        (EdgeKind.UNDIRECTED, 0, "b and c are neighbours"),
        (EdgeKind.BIDIRECTED, 2, "b and c have an unobserved common cause"),
        (EdgeKind.PARTIALLY_DIRECTED, 1, "b may cause c"),
        (EdgeKind.UNORIENTED, 0, "b and c are joined"),
    ],
)
def test_all_marks_of_edges_are_drawn_and_explained(kind: EdgeKind, heads_of_it: int, said: str):
    edges = [Edge("a", "b"), Edge("b", "c", kind)]
    drawn = draw_graph(CausalGraph("abc", edges))
    plain = draw_graph(CausalGraph("abc", edges[:1]))
    assert drawn.svg is not None and plain.svg is not None
    assert "stroke-dasharray" in drawn.svg
    assert "stroke-dasharray" not in plain.svg
    assert heads(drawn, INK) == 1 + heads_of_it
    assert drawn.alt == f"Causal graph: a causes b; {said}."
    assert ("ashed" in drawn.caption or "otted" in drawn.caption) and "otted" not in plain.caption


TRUTH = CausalGraph("abcd", [("a", "b"), ("b", "c"), ("c", "d")])


@pytest.mark.parametrize(
    ("edge", "verdict"),
    [
        (Edge("a", "b"), Verdict.RIGHT),
        (Edge("b", "a"), Verdict.WRONG),
        (Edge("a", "c"), Verdict.WRONG),
        (Edge("a", "b", EdgeKind.UNDIRECTED), Verdict.OPEN),
        (Edge("a", "c", EdgeKind.UNDIRECTED), Verdict.WRONG),
        (Edge("a", "b", EdgeKind.BIDIRECTED), Verdict.WRONG),
        (Edge("a", "z"), Verdict.UNKNOWN),
    ],
)
def test_the_true_graph_judges_edges(edge: Edge, verdict: Verdict):
    assert verdict_on(edge, TRUTH) is verdict


def test_missed_are_the_edges_whose_ends_nothing_joins():
    found = CausalGraph("abcd", [Edge("b", "a"), Edge("b", "c", EdgeKind.UNDIRECTED)])
    assert [edge.pair for edge in missed_edges(found, TRUTH)] == [{"c", "d"}]


def test_beside_the_truth_colours_are_verdicts_and_nodes_keep_their_places():
    found = CausalGraph("abcd", [Edge("a", "b", weight=-1.0), Edge("c", "b", weight=1.0)])
    figure = draw_graph(found, TRUTH)
    assert (heads(figure, INK), heads(figure, DOUBT)) == (3 + 1, 1)
    assert figure.alt == "True edges: a → b; b → c; c → d. Discovered edges: a → b; c → b."
    texts = ElementTree.fromstring(figure.svg or "").iter(f"{SVG}text")
    at: dict[str, list[float]] = {}
    for text in texts:
        at.setdefault(text.text or "", []).append(float(text.attrib["x"]))
    shifts = {round(max(xs) - min(xs), 3) for name, xs in at.items() if name in TRUTH.nodes}
    assert len(shifts) == 1
    shown = cast("list[dict[str, str]]", (figure.graph or {})["edges"])
    assert [(edge["from"], edge["to"]) for edge in shown if "apart" in edge] == [("c", "d")]
    assert [edge["verdict"] for edge in shown if edge["verdict"]] == ["right", "wrong"]


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_no_edge_runs_through_a_third_node(count: int):
    graph = CausalGraph("abcde"[:count], list(combinations("abcde"[:count], 2)))
    page = _Page(layout_of(layers_of(graph), graph.nodes), roomy=True)
    for edge in graph.edges:
        for third in set(graph.nodes) - edge.pair:
            x, y = page.layout.places[third]
            for step in range(101):
                at, height = page.along(edge, step / 100)
                assert abs(at - x) > 0.25 or abs(height - y) > 0.25
