"""What the third witness, perception, says of a pair, and where it can't say anything."""

from __future__ import annotations

from causalxai.graph import CausalGraph, Edge
from causalxai.metrics.graph_scores import undirected_pairs

NONE, CLEAN = "none", "clean"

PERCEIVED = "perceived"
"""What an edge's ``extra`` holds where perception tells: 1 the same, -1 reversed, 0 no edge."""

_WAYS = {1.0: "the same", -1.0: "reversed", 0.0: "no edge"}

NOT_READ, NOT_CLEAN, EITHER_WAY = "not read", "instrument not clean", "either way"
"""Else ``extra`` holds a 1 by one of these names: a concept is not read well enough; the search
joins the two among independent concepts, too; they are joined, and the readings don't tell how."""


def verdict(perceived: CausalGraph, source: str, target: str) -> dict[str, float]:
    """Return, for an edge's ``extra``, what perception says of it."""
    if any(f"unread[{name}]" in perceived.meta for name in (source, target)):
        return {NOT_READ: 1.0}
    if _joined_by_mistake(perceived, source, target):
        return {NOT_CLEAN: 1.0}
    if frozenset((source, target)) in undirected_pairs(perceived):
        return {EITHER_WAY: 1.0}
    forward, backward = perceived.has_edge(source, target), perceived.has_edge(target, source)
    return {PERCEIVED: float(forward) - float(backward)}


def in_words(edge: Edge) -> str:
    """Return the verdict on an edge, as the report has it; ``not heard`` where there is none."""
    silent = next((why for why in (NOT_READ, NOT_CLEAN, EITHER_WAY) if edge.extra.get(why)), None)
    if silent is not None:
        return silent
    return _WAYS[edge.extra[PERCEIVED]] if PERCEIVED in edge.extra else "not heard"


def heard(perceived: CausalGraph) -> dict[str, str | float]:
    """Return, for a graph's ``meta``, the edges as perceived and what is not."""
    open_ = undirected_pairs(perceived)
    listed = [
        f"{edge.source} {'—' if {edge.source, edge.target} in open_ else '→'} {edge.target}"
        for edge in perceived.edges
    ]
    unread = [name for name in perceived.nodes if f"unread[{name}]" in perceived.meta]
    return {
        "perception": "; ".join(listed) or NONE,
        "perception's control": str(perceived.meta["control"]),
        "perception can't read": ", ".join(unread) or NONE,
    }


def _joined_by_mistake(perceived: CausalGraph, one: str, other: str) -> bool:
    false = f", {perceived.meta['control']}, "
    return any(f", {a} {arrow} {b}, " in false
               for a, b in ((one, other), (other, one)) for arrow in "→—")  # fmt: skip
