"""Writes and reads GraphML, on behalf of ``graph_formats``.

Read by hand because NetworkX refuses files that mix directed and undirected edges, and ignores the
arrows of yEd, the defaults of attributes, and all graphs of a file except the first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import networkx as nx

from causalxai.storage.edge_ends import SYMMETRIC, Attributes, edge_of

# XML 1.0, section 2.2. A carriage return is excluded because XML reads it as a newline.
_NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GRAPHML = "http://graphml.graphdrawing.org/"
_YED = "{http://www.yworks.com/xml/graphml}"
_YED_HEADS = {
    "none": "none",
    "transparent_circle": "odot",
    **dict.fromkeys(
        ("standard", "delta", "white_delta", "plain", "short", "concave", "convex"), "normal"
    ),
}
_TRUE_OR_FALSE = {"true": True, "1": True, "false": False, "0": False}


def graphml_text(data: Mapping[str, Any]) -> str:
    """Return a graph as GraphML; annotations are JSON in a text.

    Raises
    ------
    ValueError
        If a name or a label has a character that XML cannot store.
    """
    for node in data["nodes"]:
        for text in (node["id"], node.get("label", "")):
            if _NOT_IN_XML.search(text):
                raise ValueError(
                    f"{text!r} has a character that GraphML cannot store; use .json instead"
                )
    graph = nx.DiGraph(**_flat(data["graph"]))
    for node in data["nodes"]:
        graph.add_node(node["id"], **_flat(node, "id"))
    for edge in data["edges"]:
        graph.add_edge(edge["source"], edge["target"], **_flat(edge, "source", "target"))
    writer = nx.GraphMLWriter(encoding="utf-8")
    writer.add_graph_element(graph)
    kinds = (kind for *_, kind in graph.edges.data("kind"))
    # The edges of a networkx graph are all directed or all undirected; GraphML can mix them.
    for element, kind in zip(writer.xml.iter("edge"), kinds, strict=True):
        if kind in SYMMETRIC:
            element.set("directed", "false")
    return str(writer)


def read_graphml(content: bytes) -> Attributes:
    """Read GraphML of ``graphml_text`` or of another program, such as Gephi and yEd.

    Raises
    ------
    ValueError
        If it is not one graph of nodes and edges, or contains something that would be misread.
    """
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 (expat limits entities itself)
    except (ElementTree.ParseError, LookupError) as error:
        raise ValueError(f"it is not XML: {error}") from None
    graphs = list(_children(root, "graph"))
    if _tag(root) != "graphml" or len(graphs) != 1:
        raise ValueError(f"GraphML must have one graph, not {len(graphs)}")
    (graph,) = graphs
    default = graph.get("edgedefault")
    if default not in ("directed", "undirected"):
        raise ValueError(f"edgedefault must be directed or undirected, not {default!r}")
    keys = {key.get("id", ""): _Key.of(key) for key in _children(root, "key")}
    nodes = {_id(node): _node(node, keys) for node in _children(graph, "node")}
    if len(nodes) < len(list(_children(graph, "node"))):
        raise ValueError("two nodes have the same id")
    for what in ("hyperedge", "port"):
        if next(_descendants(graph, what), None) is not None:
            raise ValueError(f"a causal graph has no {what}s, but the file has")
    edges = [_edge(edge, keys, directed=default == "directed") for edge in _children(graph, "edge")]
    for edge in edges:
        for name in (edge["source"], edge["target"]):
            if name not in nodes:
                raise ValueError(
                    f"edge of {edge['source']!r} and {edge['target']!r}: {name!r} is not a node"
                )
    return {"graph": _data(graph, keys, "graph"), "nodes": list(nodes.values()), "edges": edges}


@dataclass(frozen=True)
class _Key:
    """A declared attribute: the parts of the graph that have it, its name, type and default."""

    owner: str
    name: str
    type: str
    default: str | None

    @classmethod
    def of(cls, element: Element) -> _Key:
        default = next(_children(element, "default"), None)
        return cls(
            element.get("for", "all"),
            element.get("attr.name", ""),
            element.get("attr.type", "string"),
            None if default is None else default.text or "",
        )

    def value(self, text: str) -> Any:
        convert = _TYPES.get(self.type)
        if convert is None:
            raise ValueError(f"the attribute {self.name!r} has the unknown type {self.type!r}")
        try:
            return convert(text)
        except (KeyError, ValueError):
            raise ValueError(
                f"the attribute {self.name!r}: {text!r} is not of the type {self.type}"
            ) from None


_TYPES: dict[str, Callable[[str], Any]] = {
    "boolean": lambda text: _TRUE_OR_FALSE[text.strip().lower()],
    "int": int,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "string": str,
}


def _flat(attributes: Mapping[str, Any], *without: str) -> Attributes:
    """Return attributes with the annotations as JSON text."""
    flat = {key: value for key, value in attributes.items() if key not in without}
    if "annotations" in flat:
        flat["annotations"] = json.dumps(flat["annotations"])
    return flat


def _tag(element: Element) -> str:
    """Return an element's name in GraphML, or ``""`` if it belongs to another language."""
    space, _, name = element.tag.rpartition("}")
    return name if not space or space.startswith("{" + _GRAPHML) else ""


def _children(element: Element, tag: str) -> Iterator[Element]:
    return (child for child in element if _tag(child) == tag)


def _descendants(element: Element, tag: str) -> Iterator[Element]:
    return (found for found in element.iter() if _tag(found) == tag)


def _id(node: Element) -> str:
    name = node.get("id")
    if name is None:
        raise ValueError("a node has no id")
    return name


def _node(node: Element, keys: Mapping[str, _Key]) -> Attributes:
    name = _id(node)
    if next(_children(node, "graph"), None) is not None:
        raise ValueError(f"node {name!r} has a graph of its own; ungroup its nodes")
    found = _data(node, keys, "node")
    label = next(node.iter(f"{_YED}NodeLabel"), None)
    if label is not None and "label" not in found:
        found["label"] = (label.text or "").strip()
    return {"id": name, **found}


def _edge(edge: Element, keys: Mapping[str, _Key], *, directed: bool) -> Attributes:
    source, target = edge.get("source"), edge.get("target")
    where = f"edge of {source!r} and {target!r}"
    if source is None or target is None:
        raise ValueError(f"{where}: an end is missing")
    found = _data(edge, keys, "edge")
    if (said := edge.get("directed")) is not None:
        if said not in _TRUE_OR_FALSE:
            raise ValueError(f"{where}: directed must be true or false, not {said!r}")
        found["directed"] = _TRUE_OR_FALSE[said]
    arrows = next(edge.iter(f"{_YED}Arrows"), None)
    if arrows is not None:
        found |= _yed_heads(arrows, where)
    return edge_of({**found, "source": source, "target": target}, directed=directed)


def _yed_heads(arrows: Element, where: str) -> Attributes:
    """Return the heads that yEd draws, in Graphviz's words."""
    heads = {}
    for end, name in (("source", "arrowtail"), ("target", "arrowhead")):
        head = arrows.get(end, "none")
        if head not in _YED_HEADS:
            raise ValueError(
                f"{where}: the arrow {head!r} has no meaning in a causal graph: it may be "
                f"{', '.join(_YED_HEADS)}"
            )
        heads[name] = _YED_HEADS[head]
    return {"dir": "both", **heads}


def _data(element: Element, keys: Mapping[str, _Key], owner: str) -> Attributes:
    """Return the attributes of the graph, a node or an edge, with defaults where they have none."""
    found: Attributes = {
        key.name: key.value(key.default)
        for key in keys.values()
        if key.default is not None and key.owner in (owner, "all") and key.name
    }
    for data in _children(element, "data"):
        key = keys.get(data.get("key", ""))
        if key is None:
            raise ValueError(f"the attribute {data.get('key')!r} is not declared")
        # Elements within are extensions of other programs, such as shapes and colours.
        if key.name and not len(data):
            found[key.name] = key.value(data.text or "")
    if "annotations" in found:
        try:
            found["annotations"] = json.loads(found["annotations"])
        except (ValueError, TypeError) as error:
            raise ValueError(f"annotations must be JSON: {error}") from None
    return found
