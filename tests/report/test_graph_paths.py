from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from causalxai import CausalGraph, Edge
from causalxai.graph import Node, NodeKind
from causalxai.report.graph_paths import path_targets, strongest_paths


def layered(seed: int) -> CausalGraph:
    """Three layers, all joined, with weights on scales of their own."""
    rng = np.random.default_rng(seed)
    layers = [["a0", "a1", "a2"], ["b0", "b1"], ["c"]]
    nodes = [Node(name, tier=tier) for tier, names in enumerate(layers) for name in names]
    edges = [
        Edge(source, target, weight=float(rng.normal() * 10 ** (3 * tier)))
        for tier, (before, after) in enumerate(pairwise(layers))
        for source, target in product(before, after)
    ]
    return CausalGraph(nodes, edges)


@pytest.mark.parametrize("seed", range(5))
def test_the_strongest_are_those_of_all_paths(seed: int):
    graph = layered(seed)

    def share(edge: Edge) -> float:
        tier = graph.node(edge.source).tier
        alike = [one for one in graph.edges if graph.node(one.source).tier == tier]
        return abs(edge.weight or 0) / max(abs(one.weight or 0) for one in alike)

    def edge(source: str, target: str) -> Edge:
        found = graph.between(source, target)
        assert found is not None
        return found

    paths = [(edge(a, b), edge(b, "c")) for a in ("a0", "a1", "a2") for b in ("b0", "b1")]
    paths.sort(key=lambda path: -share(path[0]) * share(path[1]))
    assert strongest_paths(graph, "c", 4) == paths[:4]


def test_an_edge_without_strength_is_on_no_path():
    edges = [Edge("a", "b", weight=1.0), Edge("a", "c", weight=0.0), ("b", "c")]
    graph = CausalGraph("abcd", edges)
    assert [[str(edge) for edge in path] for path in strongest_paths(graph, "c", 9)] == [
        ["a → b", "b → c"]
    ]
    assert strongest_paths(graph, "d", 9) == []


def test_paths_lead_to_the_classes_or_to_what_has_no_effect():
    assert path_targets(CausalGraph("abc", [("a", "b")])) == ["b", "c"]
    classes = [Node("k", NodeKind.CLASS), Node("a"), Node("x")]
    assert path_targets(CausalGraph(classes, [("a", "k")])) == ["k"]
