"""The directions that a graph's Markov equivalence class determines."""

from __future__ import annotations

from collections.abc import Iterable, Set

from causalxai_glance.scm.search import Pair


def compelled(edges: Iterable[Pair], oriented: Iterable[Pair] = ()) -> frozenset[Pair]:
    """Return the edges that have the same direction in every graph of the equivalence class.

    Two graphs are equivalent if they have the same adjacent pairs and the same unshielded
    colliders. They then imply the same independencies, and unrestricted probability tables, such as
    those of boolean labels, fit all of them equally well.

    Parameters
    ----------
    edges
        An acyclic graph, ``(i, j)`` for i → j.
    oriented
        Edges whose direction is known otherwise; the directions that follow from them by Meek's
        rules are included.

    References
    ----------
    .. [1] Verma, Pearl, "Equivalence and synthesis of causal models", UAI 1990.
    .. [2] Meek, "Causal inference and causal explanation with background knowledge", UAI 1995.
    """
    graph = frozenset(edges)
    fixed = (_colliders(graph) | frozenset(oriented)) & graph
    while True:
        open_ = graph - fixed
        following = {edge for edge in open_ if _follows(edge, fixed, open_, graph)}
        if not following:
            return frozenset(fixed)
        fixed |= following


def _colliders(graph: frozenset[Pair]) -> frozenset[Pair]:
    """Return the edges into unshielded colliders: nodes with two parents that are not adjacent."""
    return frozenset(
        (i, j)
        for i, j in graph
        for other, to in graph
        if to == j and other != i and not _adjacent(i, other, graph)
    )


def _follows(edge: Pair, fixed: Set[Pair], open_: Set[Pair], graph: frozenset[Pair]) -> bool:
    """Return whether one of Meek's four rules [2]_ orients an open edge in this direction."""
    i, j = edge
    nodes = {node for pair in graph for node in pair} - {i, j}

    def free(a: int, b: int) -> bool:
        return (a, b) in open_ or (b, a) in open_

    first = any((k, i) in fixed and not _adjacent(k, j, graph) for k in nodes)
    second = any((i, k) in fixed and (k, j) in fixed for k in nodes)
    between = [k for k in nodes if free(i, k) and (k, j) in fixed]
    third = any(
        not _adjacent(k, m, graph) for place, k in enumerate(between) for m in between[:place]
    )
    fourth = any(
        (k, m) in fixed
        and (m, j) in fixed
        and not _adjacent(k, j, graph)
        and _adjacent(i, m, graph)
        for k in nodes
        if free(i, k)
        for m in nodes - {k}
    )
    return first or second or third or fourth


def _adjacent(i: int, j: int, graph: frozenset[Pair]) -> bool:
    return (i, j) in graph or (j, i) in graph
