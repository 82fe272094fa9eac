"""Graphs that reports of tests show."""

from __future__ import annotations

from itertools import pairwise

from causalxai import CausalGraph, Edge
from causalxai.graph import Node, NodeKind

SMALL = CausalGraph(
    [Node("thickness"), Node("intensity"), Node("prediction", NodeKind.PREDICTION)],
    [
        Edge("thickness", "intensity", weight=0.9, low=0.8, high=1.0, frequency=1.0),
        Edge("intensity", "prediction", weight=0.1, annotations={"doubt": "not read back"}),
    ],
)


def fan(sources: int) -> CausalGraph:
    """Nodes whose edges meet in one, and have wide labels."""
    names = [f"bit {number}" for number in range(sources)]
    edges = [
        Edge(name, "smiling", weight=(-1) ** k * 3.13, frequency=1.0)
        for k, name in enumerate(names)
    ]
    return CausalGraph([*map(Node, names), Node("smiling", NodeKind.CLASS)], edges)


def layered() -> CausalGraph:
    """An image, two layers of 20 units and two classes, all of them joined."""
    layers = [["image"], *([f"{layer}:{i}" for i in range(20)] for layer in "ab"), ["k", "l"]]
    kinds = [NodeKind.IMAGE, NodeKind.MEDIATOR, NodeKind.MEDIATOR, NodeKind.CLASS]
    nodes = [
        Node(name, kind, tier=tier)
        for tier, (names, kind) in enumerate(zip(layers, kinds, strict=True))
        for name in names
    ]
    edges = [
        Edge(source, target, weight=1.0 + (7 * i + 3 * k) % 11)
        for before, after in pairwise(layers)
        for i, source in enumerate(before)
        for k, target in enumerate(after)
    ]
    return CausalGraph(nodes, edges)
