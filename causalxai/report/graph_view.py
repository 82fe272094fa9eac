"""The data from which a page's script draws a graph that readers can explore."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from causalxai.graph import CausalGraph, Edge, Node, NodeKind
from causalxai.report.graph_choice import MOST_EDGES, edge_label, sign_of
from causalxai.report.graph_layout import SAID, Layout, layers_of, layout_of
from causalxai.report.graph_paths import Path, Strength, path_targets, strength_of, strongest_paths
from causalxai.report.pictures import Thumbnail
from causalxai.short_repr import short_repr
from causalxai.storage.record import Json

_MOST_PATHS, _MOST_TARGETS = 12, 12


@dataclass(frozen=True)
class NodeMeaning:
    """What a node of a graph means to a person.

    Parameters
    ----------
    text
        One or two plain sentences.
    pictures
        Pictures with their captions.
    in_box
        Whether the first picture is drawn in the node's box, because the name alone, such as
        "factor 3", says nothing.
    """

    text: str = ""
    pictures: Sequence[Thumbnail] = ()
    in_box: bool = False

    __repr__ = short_repr


@dataclass(frozen=True)
class GraphExtras:
    """What a plugin knows of a graph beyond the graph itself.

    Parameters
    ----------
    meanings
        What nodes mean, by name.
    apart
        Edges that are not part of the graph and are drawn apart from it, by what they are called:
        ``{"not perceived": (("a", "b"),)}``.
    strength
        The strength of an edge on a path to a class, for graphs that are too large to draw.
    """

    meanings: Mapping[str, NodeMeaning] = field(default_factory=dict)
    apart: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    strength: Strength = strength_of

    __repr__ = short_repr


def graph_view(
    graph: CausalGraph, extras: GraphExtras, verdicts: Mapping[frozenset[str], str]
) -> dict[str, Json]:
    """Return nodes, edges and paths as plain JSON.

    Of a graph with more than 60 edges, only the strongest paths to its classes are contained.

    Parameters
    ----------
    graph
        The graph.
    extras
        What a plugin adds.
    verdicts
        What the true graph says of the edges, by their two nodes, where it is known.
    """
    paths = _paths(graph, extras.strength) if len(graph.edges) > MOST_EDGES else {}
    on_paths = {e.pair: e for found in paths.values() for path in found for e in path}
    edges = list(on_paths.values()) if paths else list(graph.edges)
    joined = {end for edge in edges for end in edge.pair}
    layers = layers_of(graph)
    layout = layout_of(layers, [node for node in layers if not paths or node in joined])
    place = {edge.pair: number for number, edge in enumerate(edges)}
    apart = list(_apart(extras, layout))
    # A whole image may excite many nodes most; it is in the page once.
    stored: dict[str, int] = {}
    return {
        "nodes": [_node(graph, name, layout, extras, stored) for name in layout.places],
        "pictures": list(stored),
        "edges": [
            *(_edge(graph, edge, verdicts.get(edge.pair, "")) for edge in edges),
            *apart,
        ],
        "paths": {
            _title(graph.node(target)): [[place[edge.pair] for edge in path] for path in found]
            for target, found in paths.items()
        },
        "total": len(graph.edges) + len(apart),
    }


def _paths(graph: CausalGraph, strength: Strength) -> dict[str, list[Path]]:
    targets = path_targets(graph)[:_MOST_TARGETS]
    found = {node: strongest_paths(graph, node, _MOST_PATHS, strength) for node in targets}
    return {node: paths for node, paths in found.items() if paths}


def _title(node: Node) -> str:
    """Return a node's name for readers, who may not know that "3" is a class."""
    return f"class {node.title}" if node.kind is NodeKind.CLASS else node.title


def _node(
    graph: CausalGraph, name: str, layout: Layout, extras: GraphExtras, stored: dict[str, int]
) -> Json:
    node, (x, y) = graph.node(name), layout.places[name]
    meaning = extras.meanings.get(name, NodeMeaning())
    return {
        "id": name,
        "title": _title(node),
        "kind": str(node.kind),
        "layer": str(node.annotations.get("layer", "")),
        "x": x,
        "y": layout.rows - y,
        "text": meaning.text,
        "pictures": [
            [stored.setdefault(one.picture, len(stored)), one.alt, one.caption]
            for one in meaning.pictures
        ],
        "face": meaning.in_box and bool(meaning.pictures),
    }


def _edge(graph: CausalGraph, edge: Edge, verdict: str) -> Json:
    titles = (_title(graph.node(name)) for name in (edge.source, edge.target))
    return {
        "from": edge.source,
        "to": edge.target,
        "kind": str(edge.kind),
        "said": SAID[edge.kind].format(*titles),
        "sign": sign_of(edge, graph),
        "weight": None if edge.weight is None else float(f"{edge.weight:.6g}"),
        "label": edge_label(edge, graph),
        "facts": _facts(edge),
        "doubt": edge.doubt,
        "verdict": verdict,
    }


def _facts(edge: Edge) -> list[Json]:
    """Return what is known of an edge, line by line: weight, interval, frequency and evidence."""
    facts: list[Json] = []
    if edge.weight is not None:
        interval = ""
        if edge.low is not None and edge.high is not None:
            interval = f" [{edge.low:.3g}, {edge.high:.3g}]"
        facts.append(f"weight {edge.weight:.3g}{interval}")
    if edge.frequency is not None:
        facts.append(f"found in {edge.frequency:.0%}")
    if edge.p is not None:
        facts.append(f"p = {edge.p:.3g}")
    evidence = edge.annotations.get("evidence")
    if isinstance(evidence, dict):
        facts += [
            f"{name.replace('_', ' ')}: {value:.4g}"
            if isinstance(value, float)
            else f"{name.replace('_', ' ')}: {value}"
            for name, value in evidence.items()
            if value is not None
        ]
    return facts


def _apart(extras: GraphExtras, layout: Layout) -> Iterator[Json]:
    """Yield the edges that are drawn apart from the graph."""
    for name, pairs in extras.apart.items():
        for source, target in pairs:
            if {source, target} <= layout.places.keys():
                edge = Edge(source, target)
                known: dict[str, Json] = {"from": source, "to": target, "kind": str(edge.kind)}
                yield known | {
                    "said": f"{edge}: {name}", "sign": 0, "weight": None, "label": "", "facts": [],
                    "doubt": "", "verdict": "", "apart": name,
                }  # fmt: skip
