"""Causal graphs: one type for everything that discoverers find, and three exchange formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from causalxai.graph_elements import (
    Edge,
    EdgeKind,
    Node,
    NodeKind,
    annotations_of,
    edges_in_words,
)
from causalxai.plotting import PlotsGraph
from causalxai.storage.graph_formats import read_graph, write_graph
from causalxai.storage.record import Json, plain_json

__all__ = ["CausalGraph", "Edge", "EdgeKind", "Node", "NodeKind", "edges_in_words"]


class CausalGraph(PlotsGraph):
    """A graph over named variables, whose directed edges have no cycle.

    Parameters
    ----------
    nodes
        ``Node`` objects, or names of concepts; ``adjacency`` has the same order.
    edges
        ``Edge`` objects, or pairs of names for directed edges; at most one edge for two nodes.
    tiers
        The tiers of nodes that are given by name.
    annotations
        How the graph was found: settings, sample sizes, findings that are not edges. Any JSON.

    Raises
    ------
    ValueError
        If two nodes have the same name, an edge joins unknown nodes, two edges join the same
        nodes, directed edges form a cycle, or an annotation is not JSON.
    """

    def __init__(
        self,
        nodes: Iterable[str | Node],
        edges: Iterable[Edge | tuple[str, str]] = (),
        *,
        tiers: Mapping[str, int] | None = None,
        annotations: Mapping[str, Json] | None = None,
    ) -> None:
        self._nodes: dict[str, Node] = {}
        for item in nodes:
            node = item if isinstance(item, Node) else Node(item)
            if node.name in self._nodes:
                raise ValueError(f"there are two nodes with the name {node.name!r}")
            self._nodes[node.name] = node
        for name, tier in (tiers or {}).items():
            self._nodes[name] = replace(self.node(name), tier=int(tier))
        plain = plain_json(annotations or {}, "the annotations of a graph")
        self._annotations = cast("dict[str, Json]", plain)
        self._edges: dict[frozenset[str], Edge] = {}
        position = {name: index for index, name in enumerate(self._nodes)}
        all_edges = [item if isinstance(item, Edge) else Edge(*item) for item in edges]
        for edge in all_edges:
            self._require(edge.source)
            self._require(edge.target)
        for edge in sorted(all_edges, key=lambda edge: position[edge.source]):
            if edge.pair in self._edges:
                other = self._edges[edge.pair]
                if edge.directed and other.directed and edge.source != other.source:
                    raise ValueError(
                        f"a causal graph has no cycles, but this one has {other} and {edge}"
                    )
                raise ValueError(f"edges {other} and {edge} join the same nodes")
            self._edges[edge.pair] = edge
        if not nx.is_directed_acyclic_graph(self._directed):
            cycle = " → ".join(source for source, _ in nx.find_cycle(self._directed))
            raise ValueError(f"a causal graph has no cycles, but this one has {cycle}")

    def _require(self, name: str) -> None:
        if name not in self._nodes:
            raise ValueError(f"{name!r} is not a node of the graph")

    @cached_property
    def _directed(self) -> nx.DiGraph:
        graph = nx.DiGraph()
        graph.add_nodes_from(self._nodes)
        graph.add_edges_from((edge.source, edge.target) for edge in self.directed_edges)
        return graph

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes, in order."""
        return tuple(self._nodes)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, in the order of their sources."""
        return tuple(self._edges.values())

    @property
    def directed_edges(self) -> tuple[Edge, ...]:
        """The directed edges, source → target."""
        return self.edges_of(EdgeKind.DIRECTED)

    @property
    def tiers(self) -> dict[str, int]:
        """The tiers of the nodes that have one."""
        tiers = ((name, node.tier) for name, node in self._nodes.items())
        return {name: tier for name, tier in tiers if tier is not None}

    @property
    def annotations(self) -> dict[str, Json]:
        """A copy of the annotations, which say how the graph was found."""
        return deepcopy(self._annotations)

    def node(self, name: str) -> Node:
        """Return the node with a name; ValueError if there is none."""
        self._require(name)
        return self._nodes[name]

    def of_kind(self, kind: NodeKind) -> tuple[Node, ...]:
        """Return the nodes of a kind, in order."""
        return tuple(node for node in self._nodes.values() if node.kind is kind)

    def edges_of(self, *kinds: EdgeKind) -> tuple[Edge, ...]:
        """Return the edges of some kinds, in the order of their sources."""
        return tuple(edge for edge in self._edges.values() if edge.kind in kinds)

    def has_edge(self, source: str, target: str) -> bool:
        """Return whether the graph has the directed edge ``source`` → ``target``."""
        return bool(self._directed.has_edge(source, target))

    def between(self, first: str, second: str) -> Edge | None:
        """Return the edge that joins two nodes, of any kind and in either direction."""
        return self._edges.get(frozenset((first, second)))

    def edge(self, source: str, target: str) -> Edge:
        """Return an edge as it is stored; the order of names does not matter if it is symmetric.

        Raises
        ------
        KeyError
            If no edge joins the two nodes, or it points from ``target`` to ``source``.
        """
        edge = self.between(source, target)
        if edge is None or not (edge.kind.symmetric or edge.source == source):
            raise KeyError(f"no edge {source!r} → {target!r}")
        return edge

    def parents(self, node: str) -> tuple[str, ...]:
        """Return the direct causes of a node."""
        self._require(node)
        return tuple(self._directed.predecessors(node))

    def children(self, node: str) -> tuple[str, ...]:
        """Return the direct effects of a node."""
        self._require(node)
        return tuple(self._directed.successors(node))

    def neighbours(self, node: str) -> tuple[str, ...]:
        """Return the nodes that are joined to a node by an undirected edge, in order."""
        return self._joined(node, EdgeKind.UNDIRECTED)

    def siblings(self, node: str) -> tuple[str, ...]:
        """Return the nodes that are joined to a node by a bidirected edge, in order."""
        return self._joined(node, EdgeKind.BIDIRECTED)

    def _joined(self, node: str, kind: EdgeKind) -> tuple[str, ...]:
        self._require(node)
        edges = (self.between(node, other) for other in self._nodes if other != node)
        return tuple(
            edge.target if edge.source == node else edge.source
            for edge in edges
            if edge is not None and edge.kind is kind
        )

    def order(self) -> tuple[str, ...]:
        """Return the names with causes before effects; ties are in the order of the nodes."""
        position = {node: index for index, node in enumerate(self.nodes)}
        return tuple(nx.lexicographical_topological_sort(self._directed, position.__getitem__))

    def among(self, nodes: Iterable[str]) -> CausalGraph:
        """Return the subgraph of some nodes, in the given order, with the edges between them."""
        kept = [self.node(name) for name in nodes]
        names = {node.name for node in kept}
        edges = [edge for edge in self.edges if edge.pair <= names]
        return CausalGraph(kept, edges, annotations=self._annotations)

    def adjacency(self, nodes: Sequence[str] | None = None) -> NDArray[np.float64]:
        """Return ``A`` with ``A[i, j] != 0`` where node i → node j.

        The entry is the weight, or 1 if the weight is unknown or exactly 0, so that no edge is
        lost. Only directed edges are included.
        """
        names = self.nodes if nodes is None else tuple(nodes)
        for name in names:
            self._require(name)
        index = {node: i for i, node in enumerate(names)}
        matrix = np.zeros((len(names), len(names)))
        for edge in self.directed_edges:
            if edge.source in index and edge.target in index:
                matrix[index[edge.source], index[edge.target]] = edge.weight or 1.0
        return matrix

    @classmethod
    def from_adjacency(cls, matrix: NDArray[np.float64], nodes: Sequence[str]) -> Self:
        """Return the graph with an edge node i → node j of that weight where ``A[i, j] != 0``."""
        pairs = zip(*np.nonzero(matrix), strict=True)
        return cls(nodes, [Edge(nodes[i], nodes[j], weight=float(matrix[i, j])) for i, j in pairs])

    def to_networkx(self) -> nx.DiGraph:
        """Return a ``DiGraph`` with one arc from source to target for each edge of any kind.

        Nodes and edges have their fields as attributes, including ``kind``. The algorithms of
        networkx follow all arcs; select those of the kind ``"directed"`` where directions matter.
        """
        return nx.node_link_graph(self.to_json(), edges="edges")

    @classmethod
    def from_networkx(cls, graph: nx.Graph) -> Self:
        """Read a networkx graph; edges are directed if it is, unless they say otherwise.

        Other attributes than the fields of nodes and edges become annotations and must be JSON.

        Raises
        ------
        ValueError
            If it is not a causal graph, or an edge of an undirected graph has a direction in its
            ``kind``: networkx does not keep the order of its ends.
        """
        return cls.from_json({
            "directed": graph.is_directed(),
            "graph": graph.graph,
            "nodes": [{**data, "id": str(node)} for node, data in graph.nodes.data()],
            "edges": [
                {**data, "source": str(a), "target": str(b)} for a, b, data in graph.edges.data()
            ],
        })  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the node-link form as plain JSON; it shares no object with the graph."""
        return deepcopy({
            "directed": True,
            "multigraph": False,
            "graph": {"annotations": self._annotations} if self._annotations else {},
            "nodes": [node.to_json() for node in self._nodes.values()],
            "edges": [edge.to_json() for edge in self.edges],
        })  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read ``to_json``'s form; edges are directed unless the data or the edge says otherwise.

        Raises
        ------
        ValueError
            If the data is not a graph.
        """
        # NetworkX wrote "links" before version 3.4, and D3 reads it.
        found = {name: data[name] for name in ("nodes", "edges", "links") if name in data}
        if list(found) not in (["nodes", "edges"], ["nodes", "links"]):
            raise ValueError(
                "node-link JSON of a graph needs 'nodes' and 'edges', and has "
                f"{' and '.join(map(repr, found)) or 'neither'}"
            )
        nodes, edges = found.values()
        directed, attributes = data.get("directed", True), data.get("graph", {})
        if not isinstance(directed, bool):
            raise ValueError(f"'directed' must be true or false, not {directed!r:.80}")
        if not isinstance(nodes, list | tuple) or not isinstance(edges, list | tuple):
            raise ValueError("the nodes and the edges of node-link JSON must be lists")
        if not isinstance(attributes, Mapping):
            raise ValueError(f"'graph' must be an object with attributes, not {attributes!r:.80}")
        return cls(
            [Node.from_json(node) for node in nodes],
            [Edge.from_json(edge, directed=directed) for edge in edges],
            annotations=annotations_of(attributes),
        )

    def save(self, path: Path | str) -> None:
        """Write the graph as ``.graphml``, ``.dot`` or ``.json`` (node-link).

        Raises
        ------
        ValueError
            If the path has another suffix, or GraphML cannot store a character of a name.
        """
        write_graph(self.to_json(), Path(path))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a file that ``save`` wrote, or GraphML, node-link JSON and DOT of other programs.

        What a file says of directions is kept: ``edgedefault`` and ``directed`` of GraphML and of
        JSON, the arrows of yEd, arrow heads and ``dir`` of DOT, and the arrows of dagitty, whose
        graphs may stand in a ``.dot`` file.

        Raises
        ------
        ValueError
            If the file cannot be read as a graph of these kinds of edges; the message says what
            and where.
        OSError
            If the file cannot be opened.
        """
        try:
            return cls.from_json(read_graph(Path(path)))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}: cannot be read as a causal graph: {error}") from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CausalGraph):
            return NotImplemented
        return (
            self._nodes == other._nodes
            and self._annotations == other._annotations
            and _table(self) == _table(other)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"CausalGraph({len(self.nodes)} nodes, {len(self._edges)} edges)"


def _table(graph: CausalGraph) -> dict[object, dict[str, Any]]:
    ends = ("source", "target")
    return {
        edge.claim: {key: value for key, value in edge.to_json().items() if key not in ends}
        for edge in graph.edges
    }
