"""The search for a graph: exact where the number of nodes allows it, among orders beyond."""

from __future__ import annotations

from causalxai_glance.scm.order_search import order_margin, order_search
from causalxai_glance.scm.search import EdgeMargin, Pair, SearchProblem, exact_search, margin


def find_graph(problem: SearchProblem) -> frozenset[Pair]:
    """Return the edges of ``exact_search``, or of ``order_search`` where there are too many nodes.

    Raises
    ------
    DataError
        If no acyclic graph satisfies the constraints.
    """
    return exact_search(problem) if problem.is_small else order_search(problem)


def find_margins(problem: SearchProblem) -> dict[Pair, EdgeMargin]:
    """Return the margin of each edge of the graph that ``find_graph`` returns."""
    return margin(problem) if problem.is_small else order_margin(problem)
