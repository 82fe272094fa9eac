"""What drawings of causal graphs share: how marks of edges look, and causes left of effects."""

from __future__ import annotations

from typing import NamedTuple

import networkx as nx

from causalxai.graph import CausalGraph, EdgeKind


class Line(NamedTuple):
    """How an edge is drawn, in matplotlib's words."""

    arrow: str
    style: str


LINES = {
    EdgeKind.DIRECTED: Line("-|>", "-"),
    EdgeKind.UNDIRECTED: Line("-", "--"),
    EdgeKind.BIDIRECTED: Line("<|-|>", "--"),
    EdgeKind.PARTIALLY_DIRECTED: Line("-|>", ":"),
    EdgeKind.UNORIENTED: Line("-", ":"),
}

SAID = {
    EdgeKind.DIRECTED: "{} causes {}",
    EdgeKind.UNDIRECTED: "{} and {} are neighbours",
    EdgeKind.BIDIRECTED: "{} and {} have an unobserved common cause",
    EdgeKind.PARTIALLY_DIRECTED: "{} may cause {}",
    EdgeKind.UNORIENTED: "{} and {} are joined",
}

_LEGEND = {
    EdgeKind.UNDIRECTED: "dashed without a head: the direction is left open",
    EdgeKind.BIDIRECTED: "dashed with two heads: an unobserved common cause",
    EdgeKind.PARTIALLY_DIRECTED: "dotted with a head: its target is no cause of its source",
    EdgeKind.UNORIENTED: "dotted without a head: joined, nothing else is known",
}


def legend(graph: CausalGraph) -> str:
    """Return what the lines of edges that are not directed mean, as sentences of a caption."""
    kinds = {edge.kind for edge in graph.edges}
    said = "; ".join(text for kind, text in _LEGEND.items() if kind in kinds)
    return f" {said[0].upper()}{said[1:]}." if said else ""


def depths(graph: CausalGraph) -> dict[str, int]:
    """Return the length of the longest path into each node.

    An edge that is not directed counts as source → target, unless that closes a cycle.
    """
    arcs = nx.DiGraph()
    arcs.add_nodes_from(graph.nodes)
    arcs.add_edges_from((edge.source, edge.target) for edge in graph.directed_edges)
    for edge in graph.edges:
        if not edge.directed and not nx.has_path(arcs, edge.target, edge.source):
            arcs.add_edge(edge.source, edge.target)
    depth: dict[str, int] = {}
    for node in nx.topological_sort(arcs):
        depth[node] = 1 + max((depth[parent] for parent in arcs.predecessors(node)), default=-1)
    return {node: depth[node] for node in graph.nodes}
