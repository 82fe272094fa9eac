from __future__ import annotations

from itertools import product

import pytest

from causalxai import CausalGraph, Edge
from causalxai.graph import EdgeKind, Node, NodeKind
from causalxai.report.graph_choice import (
    MOST_ON_PATHS,
    drawn_edges,
    edge_label,
    labelled_edges,
    sign_of,
)


def test_all_edges_of_a_small_graph_are_drawn_the_strongest_first():
    edges = [Edge("a", "b", weight=0.1), Edge("b", "c", weight=-2.0), Edge("a", "c", weight=1.0)]
    assert [edge.weight for edge in drawn_edges(CausalGraph("abc", edges))] == [-2.0, 1.0, 0.1]


def test_every_class_of_a_large_graph_keeps_its_strongest_cause():
    bits, classes = [f"bit {i}" for i in range(20)], [f"class {k}" for k in range(10)]
    nodes = [*map(Node, bits), *(Node(name, NodeKind.CLASS) for name in classes)]
    edges = [
        Edge(bit, klass, weight=1.0 + ((7 * i + 3 * k) % 20))
        for (i, bit), (k, klass) in product(enumerate(bits), enumerate(classes))
    ]
    drawn = drawn_edges(CausalGraph(nodes, edges))
    assert len(drawn) == MOST_ON_PATHS
    for klass in classes:
        into = [edge for edge in edges if edge.target == klass]
        assert max(into, key=lambda edge: edge.weight or 0) in drawn


def test_of_a_large_graph_without_directions_the_strongest_edges_are_drawn():
    names = [str(i) for i in range(13)]
    pairs = [(a, b) for a, b in product(names, names) if a < b]
    edges = [Edge(a, b, EdgeKind.UNDIRECTED, weight=float(i)) for i, (a, b) in enumerate(pairs)]
    drawn = drawn_edges(CausalGraph(names, edges))
    assert [edge.weight for edge in drawn] == [float(len(pairs) - 1 - i) for i in range(24)]


@pytest.mark.parametrize(
    ("edge", "sign", "label"),
    [
        (Edge("a", "b", weight=0.5, frequency=0.9), 1, "+0.50 · 90%"),
        (Edge("a", "b", weight=-0.5), -1, "\N{MINUS SIGN}0.50"),
        (Edge("a", "b", frequency=1.0), 0, "100%"),
        (Edge("a", "answer", weight=0.5), 0, "0.50"),
        (Edge("a", "b"), 0, ""),
    ],
)
def test_an_edge_has_a_sign_and_a_label(edge: Edge, sign: int, label: str):
    nodes = [Node("a"), Node("b"), Node("answer", NodeKind.PREDICTION)]
    graph = CausalGraph(nodes, [edge])
    assert (sign_of(edge, graph), edge_label(edge, graph)) == (sign, label)
    assert labelled_edges(graph, [edge]) == ([edge] if label else [])
