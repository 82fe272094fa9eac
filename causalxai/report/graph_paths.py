"""The strongest paths of a large causal graph to one of its nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import networkx as nx

from causalxai.graph import CausalGraph, Edge, NodeKind

Path: TypeAlias = tuple[Edge, ...]
"""Directed edges, each from where the one before leads to."""

Strength: TypeAlias = Callable[[Edge, str], float]
"""The strength of an edge, not negative, for the node that the paths lead to."""


def strength_of(edge: Edge, target: str) -> float:  # noqa: ARG001
    """Return an edge's absolute weight; 1 where it has none."""
    return abs(1.0 if edge.weight is None else edge.weight)


def strongest_paths(
    graph: CausalGraph, target: str, most: int, strength: Strength = strength_of
) -> list[Path]:
    """Return the strongest paths from nodes without causes to a node, the strongest first.

    The strength of a path is the product of those of its edges, each relative to the strongest
    edge between the same two layers, because weights of different layers have different scales.

    Parameters
    ----------
    graph
        Its directed edges have no cycle. Nodes without a tier are one layer.
    target
        The node that the paths lead to.
    most
        How many paths are returned.
    strength
        The strength of an edge.
    """
    ahead = nx.DiGraph([(edge.source, edge.target) for edge in graph.directed_edges])
    if target not in ahead:
        return []
    wanted = nx.ancestors(ahead, target) | {target}
    into: dict[str, list[tuple[float, Edge]]] = defaultdict(list)
    for share, edge in _shares(graph, target, wanted, strength):
        if share > 0:
            into[edge.target].append((share, edge))
    best: dict[str, list[tuple[float, Path]]] = {}
    for node in nx.topological_sort(ahead.subgraph(wanted)):
        found = [
            (share * before, (*path, edge))
            for share, edge in into[node]
            for before, path in best[edge.source]
        ]
        found.sort(key=lambda one: (-one[0], [edge.source for edge in one[1]]))
        best[node] = found[:most] or [(1.0, ())]
    return [path for _, path in best[target] if path]


def _shares(
    graph: CausalGraph, target: str, wanted: set[str], strength: Strength
) -> Iterator[tuple[float, Edge]]:
    """Yield the strengths of edges, relative to the strongest one between two layers."""
    layers: dict[tuple[int | None, int | None], list[Edge]] = defaultdict(list)
    for edge in graph.directed_edges:
        if edge.pair <= wanted:
            ends = graph.node(edge.source).tier, graph.node(edge.target).tier
            layers[ends].append(edge)
    for edges in layers.values():
        strengths = [strength(edge, target) for edge in edges]
        largest = max(strengths)
        for edge, own in zip(edges, strengths, strict=True):
            yield (own / largest if largest > 0 else 0.0), edge


def path_targets(graph: CausalGraph) -> Sequence[str]:
    """Return the nodes that paths are shown to: the classes, or else all without effects."""
    classes = [node.name for node in graph.of_kind(NodeKind.CLASS)]
    return classes or [node for node in graph.nodes if not graph.children(node)]
