"""What perception says of a pair of concepts, and where it can't say anything."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import cast

from causalxai.graph import CausalGraph
from causalxai.storage.record import Json


class Verdict(StrEnum):
    """What perception says of an edge."""

    SAME = "the same"
    REVERSED = "reversed"
    NO_EDGE = "no edge"
    EITHER_WAY = "either way"
    """The two are joined, and the readings don't tell how."""
    NOT_READ = "not read"
    """One of the two is not read well enough."""
    NOT_CLEAN = "instrument not clean"
    """The search joins the two among independent concepts, too."""


def verdict(perceived: CausalGraph, source: str, target: str) -> Verdict:
    """Return what perception says of source → target."""
    if any(is_unread(perceived, name) for name in (source, target)):
        return Verdict.NOT_READ
    if {source, target} in [set(pair) for pair in false_edges(perceived)]:
        return Verdict.NOT_CLEAN
    edge = perceived.between(source, target)
    if edge is None:
        return Verdict.NO_EDGE
    if not edge.directed:
        return Verdict.EITHER_WAY
    return Verdict.SAME if edge.source == source else Verdict.REVERSED


def is_unread(perceived: CausalGraph, name: str) -> bool:
    """Tell whether perception does not read a concept well enough."""
    return "unread" in perceived.node(name).annotations


def false_edges(perceived: CausalGraph) -> Sequence[tuple[str, str]]:
    """Return the edges that perception finds among independent concepts, where none is true."""
    pairs = cast("list[list[str]]", perceived.annotations["false_edges"])
    return [(source, target) for source, target in pairs]


def perception_findings(perceived: CausalGraph) -> dict[str, Json]:
    """Return, for a graph's annotations, the edges as perceived and what is not."""
    return {
        "perceived_edges": [
            {"source": edge.source, "target": edge.target, "kind": edge.kind.value}
            for edge in perceived.edges
        ],
        "perceived_by_mistake": [list(pair) for pair in false_edges(perceived)],
        "unread": [name for name in perceived.nodes if is_unread(perceived, name)],
    }
