"""Layout of causal graphs: the positions of nodes, and the line styles of edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import networkx as nx

from causalxai.graph import CausalGraph, Edge, EdgeKind


class Line(NamedTuple):
    """The line style of an edge, in matplotlib's terms."""

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
    """Return sentences for a caption that explain the lines of edges that are not directed."""
    kinds = {edge.kind for edge in graph.edges}
    said = "; ".join(text for kind, text in _LEGEND.items() if kind in kinds)
    return f" {said[0].upper()}{said[1:]}." if said else ""


@dataclass(frozen=True)
class Layout:
    """The positions of nodes in columns.

    Parameters
    ----------
    places
        Column and height of each node; heights are in rows and lie in [0, ``rows``].
    columns
        The number of columns.
    rows
        The number of nodes in the fullest column.
    """

    places: Mapping[str, tuple[float, float]]
    columns: int
    rows: int


def layout_of(layers: Mapping[str, int], nodes: Iterable[str]) -> Layout:
    """Return the positions of some nodes, in an evenly filled column for each layer."""
    members: dict[int, list[str]] = defaultdict(list)
    for node in nodes:
        members[layers[node]].append(node)
    rows = max(map(len, members.values()), default=1)
    places = {
        node: (float(column), rows * (1 - (place + 0.5) / len(members[layer])))
        for column, layer in enumerate(sorted(members))
        for place, node in enumerate(members[layer])
    }
    return Layout(places, max(1, len(members)), rows)


def layers_of(graph: CausalGraph, truth: CausalGraph | None = None) -> dict[str, int]:
    """Return the layer of each node; causes are in lower layers than their effects.

    If all nodes of the graph have a tier, nodes are ordered by tier, and within a tier by the
    longest path into the node; otherwise by the longest path alone.

    Parameters
    ----------
    graph
        The graph to draw.
    truth
        A graph that is drawn beside it, with the same positions of nodes. If the two disagree, its
        edges decide. Nodes that only it has are in the lowest tier.
    """
    known = () if truth is None else truth.nodes
    nodes = list(dict.fromkeys([*known, *graph.nodes]))
    arcs = _arcs(nodes, graph if truth is None else truth, graph)
    lowest = min(graph.tiers.values(), default=0)
    tiered = len(graph.tiers) == len(graph.nodes)
    tiers = {node: graph.tiers.get(node, lowest) if tiered else 0 for node in nodes}
    layers: dict[str, int] = {}
    for tier in sorted(set(tiers.values())):
        first = 1 + max(layers.values(), default=-1)
        for node in nx.topological_sort(arcs.subgraph(n for n in nodes if tiers[n] == tier)):
            within = (layers[p] for p in arcs.predecessors(node) if tiers[p] == tier)
            layers[node] = max((1 + layer for layer in within), default=first)
    return {node: layers[node] for node in nodes}


def _arcs(nodes: Iterable[str], first: CausalGraph, then: CausalGraph) -> nx.DiGraph:
    """Return all edges as arcs source → target, without those that would close a cycle."""
    arcs = nx.DiGraph()
    arcs.add_nodes_from(nodes)
    arcs.add_edges_from((edge.source, edge.target) for edge in first.directed_edges)
    others: list[Edge] = [] if first is then else list(then.directed_edges)
    others += [edge for graph in (first, then) for edge in graph.edges if not edge.directed]
    for edge in others:
        if not nx.has_path(arcs, edge.target, edge.source):
            arcs.add_edge(edge.source, edge.target)
    return arcs
