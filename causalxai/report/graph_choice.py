"""Which edges of a graph are drawn, and what is written on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from causalxai.graph import CausalGraph, Edge, NodeKind
from causalxai.report.graph_paths import Strength, path_targets, strength_of, strongest_paths

MOST_EDGES = 60
"""The edges of a larger graph are not all drawn."""

MOST_ON_PATHS = 24
"""The most edges that are drawn of a larger graph: those on the strongest paths."""

MOST_LABELLED = 12
"""The most edges that have numbers."""


def drawn_edges(
    graph: CausalGraph, most: int = MOST_EDGES, strength: Strength = strength_of
) -> list[Edge]:
    """Return all edges of a small graph, and those on the strongest paths of a large one.

    Parameters
    ----------
    graph
        The graph.
    most
        A graph with more edges is large.
    strength
        The strength of an edge on a path.
    """
    if len(graph.edges) <= most:
        return _by_weight(graph.edges)
    chosen: dict[frozenset[str], Edge] = {}
    limit = min(most, MOST_ON_PATHS)
    ranked = [strongest_paths(graph, node, limit, strength) for node in path_targets(graph)]
    for rank in range(max(map(len, ranked), default=0)):
        for paths in ranked:
            path = paths[rank] if rank < len(paths) else ()
            more = {edge.pair: edge for edge in path}
            if len(chosen.keys() | more.keys()) <= limit:
                chosen |= more
    return _by_weight(chosen.values()) or _by_weight(graph.edges)[:limit]


def labelled_edges(graph: CausalGraph, drawn: Sequence[Edge]) -> list[Edge]:
    """Return the edges that have room for numbers: all of few, or those that join concepts."""
    concepts = {node.name for node in graph.of_kind(NodeKind.CONCEPT)}
    among = [edge for edge in drawn if edge.pair <= concepts]
    chosen = drawn if len(drawn) <= MOST_LABELLED else among
    known = [edge for edge in chosen if edge_label(edge, graph)]
    return known if len(known) <= MOST_LABELLED else []


def edge_label(edge: Edge, graph: CausalGraph) -> str:
    """Return an edge's weight and frequency, as far as they are known."""
    known = []
    if edge.weight is not None:
        weight = f"{edge.weight:.2f}" if is_distance(edge, graph) else f"{edge.weight:+.2f}"
        known.append(weight.replace("-", "\N{MINUS SIGN}"))
    if edge.frequency is not None:
        known.append(f"{edge.frequency:.0%}")
    return " · ".join(known)


def is_distance(edge: Edge, graph: CausalGraph) -> bool:
    """Return whether the weight has no sign: what moves a prediction, moves it by a distance."""
    return graph.node(edge.target).kind is NodeKind.PREDICTION


def sign_of(edge: Edge, graph: CausalGraph) -> int:
    """Return 1 for an edge that supports its target, -1 for one that opposes it, 0 if unknown."""
    if edge.weight is None or is_distance(edge, graph):
        return 0
    return -1 if edge.weight < 0 else 1


def _by_weight(edges: Iterable[Edge]) -> list[Edge]:
    return sorted(edges, key=lambda edge: -abs(edge.weight or 1.0))
