"""Causal graphs: one type, edges with a named direction, and three formats to exchange them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

import networkx as nx
import numpy as np
from numpy.typing import NDArray

GraphFormat = Literal["graphml", "dot", "json"]

_SUFFIXES: dict[str, GraphFormat] = {".graphml": "graphml", ".dot": "dot", ".json": "json"}


@dataclass(frozen=True)
class Edge:
    """One causal claim: ``source`` → ``target``.

    Parameters
    ----------
    source, target
        Names of nodes.
    weight
        The effect; its sign says whether the source supports or opposes the target.
    p
        A p-value, where the discoverer tests.
    frequency
        The share of repeats, resamples or images that show the edge, in [0, 1].
    low, high
        A 95 % interval of the weight.
    extra
        What else the discoverer has to say, as numbers by name; not by a name from above.

    Raises
    ------
    ValueError
        If an extra has the name of one of the edge's own fields.
    """

    source: str
    target: str
    weight: float | None = None
    p: float | None = None
    frequency: float | None = None
    low: float | None = None
    high: float | None = None
    extra: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        taken = [name for name in self.extra if name in _RESERVED]
        if taken:
            raise ValueError(f"edges have fields of their own called {', '.join(taken)}")
        odd = [name for name, value in self.attributes().items() if not math.isfinite(value)]
        if odd:
            ends = f"{self.source!r} → {self.target!r}"
            raise ValueError(f"edge {ends}: {', '.join(odd)} must be finite, or None")

    def attributes(self) -> dict[str, float]:
        """Return everything that is known of the edge, flat, as numbers."""
        known = {name: getattr(self, name) for name in _EDGE_FIELDS}
        return {
            **{name: float(value) for name, value in known.items() if value is not None},
            **{name: float(value) for name, value in self.extra.items()},
        }

    @classmethod
    def from_attributes(cls, source: str, target: str, attributes: Mapping[str, Any]) -> Self:
        """Undo ``attributes``."""
        known = {name: float(attributes[name]) for name in _EDGE_FIELDS if name in attributes}
        extra = {name: float(v) for name, v in attributes.items() if name not in _EDGE_FIELDS}
        return cls(source, target, **known, extra=extra)


_EDGE_FIELDS = tuple(f.name for f in fields(Edge) if f.name not in ("source", "target", "extra"))
# Node-link JSON keeps an edge's ends beside its attributes.
_RESERVED = frozenset(("source", "target", "extra", *_EDGE_FIELDS))


# What networkx's GraphML keeps to itself.
_NOT_META = ("id", "node_default", "edge_default")


class CausalGraph:
    """A directed acyclic graph over named variables.

    Parameters
    ----------
    nodes
        Names, unique; their order is kept and is the order of ``adjacency``.
    edges
        ``Edge`` objects, or pairs of names.
    tiers
        The layer of a node, for drawing and for graphs that are layered.
    meta
        How the graph was found: settings and sample sizes, texts or numbers by name.

    Raises
    ------
    ValueError
        If a name stands twice, an edge joins unknown nodes or stands twice, or there is a cycle;
        if an entry of ``meta`` is called ``id``, ``node_default`` or ``edge_default``.
    """

    def __init__(
        self,
        nodes: Iterable[str],
        edges: Iterable[Edge | tuple[str, str]] = (),
        *,
        tiers: Mapping[str, int] | None = None,
        meta: Mapping[str, str | float] | None = None,
    ) -> None:
        for key in _NOT_META:
            if key in (meta or {}):
                raise ValueError(f"meta cannot have {key!r}: GraphML keeps that name to itself")
        self._graph = nx.DiGraph()
        self._graph.graph.update(meta or {})
        for node in nodes:
            if node in self._graph:
                raise ValueError(f"node {node!r} stands twice")
            self._graph.add_node(node)
        for node, tier in (tiers or {}).items():
            self._require(node)
            self._graph.nodes[node]["tier"] = int(tier)
        for item in edges:
            edge = item if isinstance(item, Edge) else Edge(*item)
            self._require(edge.source)
            self._require(edge.target)
            if self._graph.has_edge(edge.source, edge.target):
                raise ValueError(f"edge {edge.source!r} → {edge.target!r} stands twice")
            self._graph.add_edge(edge.source, edge.target, **edge.attributes())
        if not nx.is_directed_acyclic_graph(self._graph):
            cycle = " → ".join(str(source) for source, _ in nx.find_cycle(self._graph))
            raise ValueError(f"a causal graph has no cycle, this one has {cycle}")

    def _require(self, node: str) -> None:
        if node not in self._graph:
            raise ValueError(f"{node!r} is no node of the graph")

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(self._graph.nodes)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, in the order of their sources."""
        return tuple(Edge.from_attributes(a, b, data) for a, b, data in self._graph.edges.data())

    @property
    def tiers(self) -> dict[str, int]:
        """The tiers of the nodes that have one."""
        return {node: data["tier"] for node, data in self._graph.nodes.data() if "tier" in data}

    @property
    def meta(self) -> dict[str, str | float]:
        """How the graph was found."""
        return dict(self._graph.graph)

    def has_edge(self, source: str, target: str) -> bool:
        """Tell whether ``source`` → ``target``."""
        return bool(self._graph.has_edge(source, target))

    def edge(self, source: str, target: str) -> Edge:
        """Return ``source`` → ``target``; KeyError if there is none."""
        if not self.has_edge(source, target):
            raise KeyError(f"no edge {source!r} → {target!r}")
        return Edge.from_attributes(source, target, self._graph.edges[source, target])

    def parents(self, node: str) -> tuple[str, ...]:
        """Return the direct causes of a node."""
        self._require(node)
        return tuple(self._graph.predecessors(node))

    def children(self, node: str) -> tuple[str, ...]:
        """Return the direct effects of a node."""
        self._require(node)
        return tuple(self._graph.successors(node))

    def order(self) -> tuple[str, ...]:
        """Return the names, causes before effects; ties in the order of ``nodes``."""
        position = {node: index for index, node in enumerate(self.nodes)}
        return tuple(nx.lexicographical_topological_sort(self._graph, key=position.__getitem__))

    def adjacency(self, nodes: Sequence[str] | None = None) -> NDArray[np.float64]:
        """Return ``A[i, j] != 0`` where node i → node j: the weight, or 1 where none is known.

        A weight of exactly zero is written as 1 too, so that no edge is lost.
        """
        names = self.nodes if nodes is None else tuple(nodes)
        for name in names:
            self._require(name)
        index = {node: i for i, node in enumerate(names)}
        matrix = np.zeros((len(names), len(names)))
        for edge in self.edges:
            if edge.source in index and edge.target in index:
                matrix[index[edge.source], index[edge.target]] = edge.weight or 1.0
        return matrix

    @classmethod
    def from_adjacency(cls, matrix: NDArray[np.float64], nodes: Sequence[str]) -> Self:
        """Read ``A[i, j] != 0`` as node i → node j with that weight."""
        pairs = zip(*np.nonzero(matrix), strict=True)
        return cls(nodes, [Edge(nodes[i], nodes[j], weight=float(matrix[i, j])) for i, j in pairs])

    def to_networkx(self) -> nx.DiGraph:
        """Return a copy as networkx keeps it, attributes included."""
        return self._graph.copy()

    @classmethod
    def from_networkx(cls, graph: nx.DiGraph) -> Self:
        """Read a networkx graph whose edge attributes are numbers."""
        tiers = {str(n): int(data["tier"]) for n, data in graph.nodes.data() if "tier" in data}
        edges = [Edge.from_attributes(str(a), str(b), d) for a, b, d in graph.edges.data()]
        meta = {str(key): value for key, value in graph.graph.items() if key not in _NOT_META}
        return cls([str(node) for node in graph.nodes], edges, tiers=tiers, meta=meta)

    def to_json(self) -> dict[str, Any]:
        """Return the node-link form, plain JSON, which shares nothing with the graph."""
        data: dict[str, Any] = nx.node_link_data(self._graph, edges="edges")
        return deepcopy(data)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Undo ``to_json``."""
        return cls.from_networkx(nx.node_link_graph(dict(data), edges="edges"))

    def save(self, path: Path | str) -> None:
        """Write the graph as ``.graphml``, ``.dot`` or ``.json`` (node-link), by the ending."""
        target = Path(path)
        match _format_of(target):
            case "graphml":
                nx.write_graphml(self._graph, target)
            case "json":
                target.write_text(json.dumps(self.to_json(), indent=1), encoding="utf-8")
            case "dot":
                target.write_text(_dot_text(self._graph), encoding="utf-8")

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what ``save`` wrote, or plain DOT: its default statements do not count.

        Raises
        ------
        ValueError
            If the file holds no directed graph without cycles, or subgraphs.
        """
        source = Path(path)
        match _format_of(source):
            case "graphml":
                return cls.from_networkx(nx.read_graphml(source))
            case "json":
                return cls.from_json(json.loads(source.read_text(encoding="utf-8")))
            case "dot":
                return cls.from_networkx(_read_dot(source.read_text(encoding="utf-8")))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CausalGraph):
            return NotImplemented
        return (
            set(self.nodes) == set(other.nodes)
            and (self.tiers, self.meta) == (other.tiers, other.meta)
            and _edge_table(self) == _edge_table(other)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"CausalGraph({len(self.nodes)} nodes, {len(self._graph.edges)} edges)"


def _edge_table(graph: CausalGraph) -> dict[tuple[str, str], dict[str, float]]:
    return {(edge.source, edge.target): edge.attributes() for edge in graph.edges}


def _format_of(path: Path) -> GraphFormat:
    try:
        return _SUFFIXES[path.suffix]
    except KeyError:
        known = ", ".join(_SUFFIXES)
        raise ValueError(f"{path.name}: a graph is stored as one of {known}") from None


def _dot_text(graph: nx.DiGraph) -> str:
    """Write DOT with every name and value quoted, which needs no Graphviz."""
    lines = (
        ["digraph {", f"  graph{_dot_attributes(graph.graph)};"] if graph.graph else ["digraph {"]
    )
    for node, data in graph.nodes.data():
        lines.append(f"  {json.dumps(node, ensure_ascii=False)}{_dot_attributes(data)};")
    for source, target, data in graph.edges.data():
        ends = " -> ".join(json.dumps(end, ensure_ascii=False) for end in (source, target))
        lines.append(f"  {ends}{_dot_attributes(data)};")
    return "\n".join([*lines, "}", ""])


def _dot_attributes(data: Mapping[str, Any]) -> str:
    # A value is JSON within a quoted DOT string, so that numbers and texts stay apart.
    pairs = ", ".join(
        f"{json.dumps(key, ensure_ascii=False)}={json.dumps(json.dumps(value))}"
        for key, value in data.items()
    )
    return f" [{pairs}]" if pairs else ""


def _read_dot(text: str) -> nx.DiGraph:
    """Read DOT with pydot's parser: what ``_dot_text`` writes, and what people write."""
    import pydot

    parsed = pydot.graph_from_dot_data(text)
    if not parsed:
        raise ValueError("this is no DOT graph")
    if parsed[0].get_type() != "digraph":
        raise ValueError("this DOT graph is not directed: write digraph { a -> b }")
    if parsed[0].get_subgraphs():
        raise ValueError("DOT subgraphs are not read: write their nodes and edges by themselves")
    graph = nx.DiGraph()
    for node in parsed[0].get_nodes():
        if node.get_name() == "graph":
            graph.graph.update(_dot_values(node.get_attributes()))
        # Default statements look like nodes; a node of such a name is quoted.
        elif node.get_name() not in ("node", "edge"):
            graph.add_node(_unquote(node.get_name()), **_dot_values(node.get_attributes()))
    for defaults in parsed[0].get_graph_defaults() or ():
        graph.graph.update(_dot_values(defaults))
    for edge in parsed[0].get_edges():
        ends = (_dot_end(edge.get_source()), _dot_end(edge.get_destination()))
        values = _dot_values(edge.get_attributes())
        # Colours and labels are no claims.
        numbers = {k: v for k, v in values.items() if k in _EDGE_FIELDS or _is_number(v)}
        graph.add_edge(*ends, **numbers)
    return graph


def _dot_end(end: object) -> str:
    if not isinstance(end, str):
        raise ValueError(
            "a DOT edge joins two nodes, not subgraphs as in a -> {b c}: write a -> b; a -> c"
        )
    return _unquote(end)


def _dot_values(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {_unquote(key): _dot_value(_unquote(value)) for key, value in attributes.items()}


def _dot_value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        # Written by hand.
        return text
    return value if isinstance(value, str | int | float) else text


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unquote(token: object) -> str:
    text = str(token)
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        # DOT has escapes of its own, such as \l.
        return text[1:-1]
