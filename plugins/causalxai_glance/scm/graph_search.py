"""The search for a graph: exact where the number of nodes allows it, among orders beyond."""

from __future__ import annotations

from collections.abc import Iterable

from causalxai_glance.scm.order_search import order_margin, order_search
from causalxai_glance.scm.search import (
    MOST_NODES,
    MOST_NODES_LIMITED,
    EdgeMargin,
    LocalScore,
    Pair,
    exact_search,
    margin,
)


def find_graph(
    d: int,
    score: LocalScore,
    *,
    required: Iterable[Pair] = (),
    forbidden: Iterable[Pair] = (),
    max_parents: int | None = None,
    most_nodes: int = MOST_NODES,
) -> frozenset[Pair]:
    """Return the edges of ``exact_search``, or of ``order_search`` where there are too many nodes.

    Parameters and errors are those of ``exact_search``. The exact search takes up to ``most_nodes``
    nodes, and with ``max_parents`` up to 16.
    """
    if _is_feasible(d, max_parents, most_nodes):
        return exact_search(
            d,
            score,
            required=required,
            forbidden=forbidden,
            max_parents=max_parents,
            most_nodes=most_nodes,
        )
    return order_search(d, score, required=required, forbidden=forbidden, max_parents=max_parents)


def find_margins(
    d: int,
    score: LocalScore,
    *,
    required: Iterable[Pair] = (),
    forbidden: Iterable[Pair] = (),
    max_parents: int | None = None,
    most_nodes: int = MOST_NODES,
) -> dict[Pair, EdgeMargin]:
    """Return the margin of each edge of ``find_graph``, whose parameters these are."""
    if _is_feasible(d, max_parents, most_nodes):
        return margin(
            d,
            score,
            required=required,
            forbidden=forbidden,
            max_parents=max_parents,
            most_nodes=most_nodes,
        )
    return order_margin(d, score, required=required, forbidden=forbidden, max_parents=max_parents)


def _is_feasible(d: int, max_parents: int | None, most_nodes: int) -> bool:
    return d <= (most_nodes if max_parents is None else MOST_NODES_LIMITED)
