"""Writes graphs as DOT, and reads DOT and dagitty's language, on behalf of ``graph_formats``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from causalxai.storage.dot_syntax import DAGITTY, DotEdge, Token, parse_dot, unquoted
from causalxai.storage.edge_ends import (
    DRAWN,
    ENDS,
    SIGNS,
    SYMMETRIC,
    Attributes,
    claim_of_heads,
    drawn_ends,
    edge_of,
)

_FIGURES = ("weight", "p", "frequency", "low", "high")
_NODE = ("kind", "label", "tier", "annotations")
_EDGE = ("kind", "type", "edge_type", "directed")
# These change which edge a reader of the drawing sees.
_HIDDEN = {"style": ("invis",), "lhead": None, "ltail": None}


def dot_text(data: Mapping[str, Any]) -> str:
    """Return a graph as DOT; the kinds of edges are written as arrow heads."""
    lines = ["digraph {"]
    if data["graph"]:
        lines.append(f"  graph{_attributes(data['graph'])};")
    lines += [f"  {_quoted(node['id'])}{_attributes(node, 'id')};" for node in data["nodes"]]
    for edge in data["edges"]:
        ends = f"{_quoted(edge['source'])} -> {_quoted(edge['target'])}"
        drawn = _drawn(edge["kind"]) | {key: value for key, value in edge.items() if key != "kind"}
        lines.append(f"  {ends}{_attributes(drawn, 'source', 'target')};")
    return "\n".join([*lines, "}", ""])


def read_dot(text: str) -> Attributes:
    """Read DOT of ``dot_text``, of another program or of a person, or dagitty's language.

    Raises
    ------
    ValueError
        If the text is not a graph, or contains something that would be misread; the message has
        the line.
    """
    graph = parse_dot(text)
    edges: dict[tuple[object, ...], Attributes] = {}
    for written in graph.edges:
        try:
            edge = _edge(written, graph.type)
            _add(edges, edge)
        except ValueError as error:
            raise ValueError(f"line {written.line}: {error}") from None
    return {
        "graph": _known(graph.attributes, "annotations"),
        "nodes": [
            {"id": name} | _known(attributes, *_NODE) for name, attributes in graph.nodes.items()
        ],
        "edges": list(edges.values()),
    }


def _drawn(kind: str) -> dict[str, str]:
    if kind == "directed":
        return {}
    tail, head = DRAWN[kind]
    return {"dir": "both", "arrowtail": tail, "arrowhead": head}


def _attributes(data: Mapping[str, Any], *without: str) -> str:
    pairs = ", ".join(
        f"{key}={_quoted(json.dumps(value) if key == 'annotations' else str(value))}"
        for key, value in data.items()
        if key not in without
    )
    return f" [{pairs}]" if pairs else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _edge(edge: DotEdge, graph_type: str) -> Attributes:
    """Return an edge with its kind, which follows from arrows and arrow heads."""
    where = f"edge of {edge.source!r} and {edge.target!r}"
    for name, hidden in _HIDDEN.items():
        value = {**edge.default, **edge.own}.get(name)
        if value is not None and (hidden is None or unquoted(value) in hidden):
            raise ValueError(
                f"{where}: with {name}={unquoted(value)} it is not the edge that is drawn; delete "
                "it or the attribute"
            )
    own = _known(edge.own, *_EDGE, *ENDS, *_FIGURES, "annotations")
    if graph_type in DAGITTY:
        return {**_dagitty_edge(edge, where), **_without(own, *_EDGE, *ENDS)}
    default = _known(edge.default, *_EDGE, *ENDS)
    way = {**default, **own}.get("dir", "none" if graph_type == "graph" else "forward")
    drawn = ("dir", *drawn_ends(way, where), *_EDGE)
    # A default head applies only where a head is drawn at all.
    ends = {key: value for key, value in default.items() if key in drawn} | own
    attributes = {"source": edge.source, "target": edge.target, **ends}
    return edge_of(attributes, directed=graph_type == "digraph")


def _dagitty_edge(edge: DotEdge, where: str) -> Attributes:
    if edge.arrow not in SIGNS:
        raise ValueError(
            f"{where}: {edge.arrow} has a circle at one end and nothing at the other; there is no "
            "such kind of edge"
        )
    return claim_of_heads(edge.source, edge.target, *SIGNS[edge.arrow])


def _without(attributes: Mapping[str, Any], *names: str) -> Attributes:
    return {key: value for key, value in attributes.items() if key not in names}


def _add(edges: dict[tuple[object, ...], Attributes], edge: Attributes) -> None:
    """Add an edge; one that says the same as another is joined with it."""
    source, target, kind = edge["source"], edge["target"], edge["kind"]
    ends = frozenset((source, target)) if kind in SYMMETRIC else (source, target)
    other = edges.setdefault((kind, ends), edge)
    for name in edge.keys() & other.keys() - {"source", "target"}:
        if edge[name] != other[name]:
            raise ValueError(
                f"edge of {source!r} and {target!r}: {name} is {other[name]!r} and again "
                f"{edge[name]!r}"
            )
    other.update({key: value for key, value in edge.items() if key not in other})


def _known(attributes: Mapping[str, Token], *names: str) -> Attributes:
    """Return the attributes with the given names; others, such as colours, are dropped."""
    given = {name: attributes[name] for name in names if name in attributes}
    # The label "\N" stands for the node's name, and markup is not a name.
    return {
        name: _value(name, token)
        for name, token in given.items()
        if token.text != '"\\N"' and token.kind != "html"
    }


def _value(name: str, token: Token) -> Any:
    text = unquoted(token)
    if name != "annotations":
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"line {token.line}: annotations must be JSON: {error}") from None
