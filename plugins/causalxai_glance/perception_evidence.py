"""The verdict of perception on a pair of concepts, including the cases in which it has none."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import cast

from causalxai.graph import CausalGraph
from causalxai.storage.record import Json


class Verdict(StrEnum):
    """The verdict of perception on an edge."""

    SAME = "the same"
    REVERSED = "reversed"
    NO_EDGE = "no edge"
    UNORIENTED = "unoriented"
    """The two concepts are adjacent, and the readings do not determine the direction."""
    NOT_READ = "not read"
    """One of the two concepts is not read well enough."""
    FOUND_IN_CONTROL = "found in the control"
    """The search also finds this edge on the control images, whose concepts are independent."""


def verdict(perceived: CausalGraph, source: str, target: str) -> Verdict:
    """Return the verdict of perception on source → target."""
    if any(is_unread(perceived, name) for name in (source, target)):
        return Verdict.NOT_READ
    if {source, target} in [set(pair) for pair in false_edges(perceived)]:
        return Verdict.FOUND_IN_CONTROL
    edge = perceived.between(source, target)
    if edge is None:
        return Verdict.NO_EDGE
    if not edge.directed:
        return Verdict.UNORIENTED
    return Verdict.SAME if edge.source == source else Verdict.REVERSED


def is_unread(perceived: CausalGraph, name: str) -> bool:
    """Return whether a concept is not read well enough to judge its edges."""
    return "unread" in perceived.node(name).annotations


def false_edges(perceived: CausalGraph) -> Sequence[tuple[str, str]]:
    """Return the edges found on control images of independent concepts; all are false."""
    pairs = cast("list[list[str]]", perceived.annotations["false_edges"])
    return [(source, target) for source, target in pairs]


def perception_findings(perceived: CausalGraph) -> dict[str, Json]:
    """Return, for a graph's annotations, perceived edges, false edges and unread concepts."""
    return {
        "perceived_edges": [
            {"source": edge.source, "target": edge.target, "kind": edge.kind.value}
            for edge in perceived.edges
        ],
        "perceived_by_mistake": [list(pair) for pair in false_edges(perceived)],
        "unread": [name for name in perceived.nodes if is_unread(perceived, name)],
    }
