"""Reads and writes graphs as GraphML, DOT and JSON files, on behalf of ``CausalGraph``.

Graphs are plain data here, in networkx's node-link form: ``nodes`` with an ``id``, ``edges`` with
a ``source`` and a ``target``, and attributes of the ``graph``. In this form annotations are nested
JSON; in GraphML and DOT they are JSON text, because these formats store only numbers and texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias
from xml.etree import ElementTree

import networkx as nx

GraphFormat = Literal["graphml", "dot", "json"]
GraphData: TypeAlias = "dict[str, Any]"
Attributes: TypeAlias = "dict[str, Any]"

_SUFFIXES: dict[str, GraphFormat] = {".graphml": "graphml", ".dot": "dot", ".json": "json"}
_XML = "{http://graphml.graphdrawing.org/xmlns}"
_SYMMETRIC = ("undirected", "bidirected", "unoriented")
_FIGURES = ("weight", "p", "frequency", "low", "high")

# XML 1.0, section 2.2. A carriage return is excluded because XML reads it as a newline.
_NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_graph(data: GraphData, path: Path) -> None:
    """Write a graph as ``.graphml``, ``.dot`` or ``.json``.

    Raises
    ------
    ValueError
        If the path has another suffix, or a name or label has characters that XML cannot store.
    """
    match _format_of(path):
        case "graphml":
            path.write_text(_graphml_text(data), encoding="utf-8")
        case "json":
            path.write_text(json.dumps(data, indent=1), encoding="utf-8")
        case "dot":
            path.write_text(_dot_text(data), encoding="utf-8")


def read_graph(path: Path) -> GraphData:
    """Read a file of ``write_graph``, of another program or of a person.

    Edges that the file marks as undirected are undirected.

    Raises
    ------
    ValueError
        If the file is not a graph, or contains something that would be misread.
    """
    match _format_of(path):
        case "graphml":
            return _read_graphml(path.read_text(encoding="utf-8"))
        case "json":
            return dict(json.loads(path.read_text(encoding="utf-8")))
        case "dot":
            return _read_dot(path.read_text(encoding="utf-8"))


def _format_of(path: Path) -> GraphFormat:
    try:
        return _SUFFIXES[path.suffix]
    except KeyError:
        known = ", ".join(_SUFFIXES)
        raise ValueError(f"{path.name}: the suffix of a graph must be one of {known}") from None


def _flat(attributes: Mapping[str, Any], *without: str) -> Attributes:
    """Return attributes with the annotations as JSON text."""
    flat = {key: value for key, value in attributes.items() if key not in without}
    if "annotations" in flat:
        flat["annotations"] = json.dumps(flat["annotations"])
    return flat


def _nested(attributes: Mapping[str, Any]) -> Attributes:
    """Return attributes with the annotations parsed; the inverse of ``_flat``."""
    nested = dict(attributes)
    if "annotations" in nested:
        try:
            nested["annotations"] = json.loads(nested["annotations"])
        except ValueError as error:
            raise ValueError(f"annotations must be JSON: {error}") from None
    return nested


def _graphml_text(data: GraphData) -> str:
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
    # The edges of a networkx graph are all directed or all undirected; GraphML can mix them.
    for element, kind in zip(writer.xml.iter("edge"), _kinds(graph), strict=True):
        if kind in _SYMMETRIC:
            element.set("directed", "false")
    return str(writer)


def _kinds(graph: nx.DiGraph) -> Iterator[str]:
    return (kind for *_, kind in graph.edges.data("kind"))


def _read_graphml(text: str) -> GraphData:
    root = ElementTree.fromstring(text)  # noqa: S314 (networkx parses it by the same library)
    undirected = set()
    # networkx refuses files that mix both, so the file is changed: all edges become directed.
    for element in root.iter(f"{_XML}graph"):
        default = str(element.get("edgedefault") == "directed").lower()
        element.set("edgedefault", "directed")
        for edge in element.findall(f"{_XML}edge"):
            if edge.attrib.pop("directed", default) == "false":
                undirected.add((edge.get("source"), edge.get("target")))
    graph = nx.parse_graphml(ElementTree.tostring(root, encoding="unicode"))
    edges: list[Attributes] = []
    for source, target, data in graph.edges.data():
        kind = "undirected" if (source, target) in undirected else "directed"
        known = {key: value for key, value in data.items() if key != "id"}
        edges.append(_nested({"source": source, "target": target, "kind": kind, **known}))
    defaults = ("node_default", "edge_default")
    attributes = {key: value for key, value in graph.graph.items() if key not in defaults}
    nodes = [_nested({"id": node, **data}) for node, data in graph.nodes.data()]
    return {"graph": _nested(attributes), "nodes": nodes, "edges": edges}


# The arrow heads that DOT draws at the source and at the target of an edge.
_DRAWN: dict[str, tuple[str, str]] = {
    "directed": ("none", "normal"),
    "undirected": ("none", "none"),
    "bidirected": ("normal", "normal"),
    "partially directed": ("odot", "normal"),
    "unoriented": ("odot", "odot"),
}
_ENDS = ("dir", "arrowtail", "arrowhead")


def _dot_text(data: GraphData) -> str:
    """Return DOT with all names and values quoted, which pydot's writer leaves to the caller."""
    lines = ["digraph {"]
    if data["graph"]:
        lines.append(f"  graph{_dot_attributes(_flat(data['graph']))};")
    lines += [
        f"  {_quoted(node['id'])}{_dot_attributes(_flat(node, 'id'))};" for node in data["nodes"]
    ]
    for edge in data["edges"]:
        ends = f"{_quoted(edge['source'])} -> {_quoted(edge['target'])}"
        drawn = _drawn(edge["kind"]) | _flat(edge, "source", "target", "kind")
        lines.append(f"  {ends}{_dot_attributes(drawn)};")
    return "\n".join([*lines, "}", ""])


def _drawn(kind: str) -> dict[str, str]:
    if kind == "directed":
        return {}
    tail, head = _DRAWN[kind]
    return {"dir": "both", "arrowtail": tail, "arrowhead": head}


def _dot_attributes(data: Mapping[str, Any]) -> str:
    pairs = ", ".join(f"{key}={_quoted(str(value))}" for key, value in data.items())
    return f" [{pairs}]" if pairs else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _read_dot(text: str) -> GraphData:
    """Read DOT of ``_dot_text`` or of a person, with pydot's parser."""
    import pydot

    parsed = pydot.graph_from_dot_data(text)
    if not parsed:
        raise ValueError("the file is not a DOT graph")
    if parsed[0].get_subgraphs():
        raise ValueError("DOT subgraphs cannot be read: write their nodes and edges separately")
    graph: Attributes = {}
    nodes: dict[str, Attributes] = {}
    edges: dict[tuple[str, str, str], Attributes] = {}
    for defaults in parsed[0].get_graph_defaults() or ():
        graph |= _known(defaults, "annotations")
    undirected = parsed[0].get_type() == "graph"
    ends: dict[str, str] = {"dir": "none"} if undirected else {}
    statements: list[Any] = [*parsed[0].get_nodes(), *parsed[0].get_edges()]
    for statement in sorted(statements, key=lambda item: item.get_sequence() or 0):
        given = statement.get_attributes()
        if isinstance(statement, pydot.Edge):
            edge = _dot_edge(statement, ends | _known(given, *_ENDS))
            key = (edge["source"], edge["target"], edge["kind"])
            edges[key] = edges.get(key, {}) | edge | _known(given, *_FIGURES, "annotations")
            continue
        # pydot returns default statements as nodes; a real node of such a name is quoted.
        match statement.get_name():
            case "graph":
                graph |= _known(given, "annotations")
            case "edge":
                ends |= _known(given, *_ENDS)
            case "node":
                pass
            case token:
                name = _dot_name(token)
                known = _known(given, "kind", "label", "tier", "annotations")
                nodes[name] = nodes.get(name, {"id": name}) | known
    for source, target, _ in edges:
        nodes.setdefault(source, {"id": source})
        nodes.setdefault(target, {"id": target})
    return {
        "graph": _nested(graph),
        "nodes": [_nested(node) for node in nodes.values()],
        "edges": [_nested(edge) for edge in edges.values()],
    }


def _dot_edge(edge: Any, drawn: Mapping[str, str]) -> Attributes:
    """Return the ends and the kind of an edge, which follow from its arrow heads."""
    source, target = _dot_end(edge.get_source()), _dot_end(edge.get_destination())
    ways = drawn.get("dir", "forward")
    tail = _head(drawn.get("arrowtail")) if ways in ("back", "both") else "none"
    head = _head(drawn.get("arrowhead")) if ways in ("forward", "both") else "none"
    for kind, marks in _DRAWN.items():
        if (tail, head) == marks:
            return {"source": source, "target": target, "kind": kind}
        if (head, tail) == marks:
            return {"source": target, "target": source, "kind": kind}
    raise ValueError(
        f"the edge of {source!r} and {target!r} has a circle at one end and nothing at the other; "
        "there is no such kind of edge"
    )


def _head(arrow: str | None) -> str:
    return arrow if arrow in ("none", "odot") else "normal"


def _dot_end(end: object) -> str:
    if not isinstance(end, str):
        raise ValueError(
            "edges to subgraphs, as in a -> {b c}, cannot be read: write a -> b; a -> c"
        )
    return _dot_name(end)


def _dot_name(token: str) -> str:
    if token in ("<->", "<-"):
        raise ValueError(f"{token} is not an arrow of DOT: write a -> b [dir=both], or dir=back")
    # After a colon DOT gives the side of the node at which an edge begins.
    return _unquote(token) if token.startswith('"') else token.partition(":")[0]


def _known(attributes: Mapping[str, Any], *names: str) -> Attributes:
    """Return the attributes with the given names; others, such as colours, are dropped."""
    given = {_unquote(key): str(value) for key, value in attributes.items()}
    # The label "\N" stands for the node's name, and markup is not a name.
    given = {k: v for k, v in given.items() if v != '"\\N"' and not v.startswith("<")}
    return {name: _unquote(given[name]) for name in names if name in given}


def _unquote(token: object) -> str:
    text = str(token)
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        # DOT has escape sequences that JSON does not have, such as \l.
        return text[1:-1]
