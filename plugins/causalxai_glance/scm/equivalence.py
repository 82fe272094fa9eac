"""Which directions a graph's equivalence class leaves open."""

from __future__ import annotations

from collections.abc import Iterable, Set

from causalxai_glance.scm.search import Pair


def compelled(edges: Iterable[Pair], told: Iterable[Pair] = ()) -> frozenset[Pair]:
    """Return the edges that point the same way in every graph of the equivalence class.

    Graphs are equivalent that have the same adjacent pairs and the same colliders of pairs that
    are not adjacent: they imply the same independencies, and whatever describes them by free
    tables, as labels that are there or not, fits all of them alike.

    Parameters
    ----------
    edges
        An acyclic graph, ``(i, j)`` for i → j.
    told
        Edges of it whose direction is known otherwise; what follows from them counts, too.

    References
    ----------
    .. [1] Verma, Pearl, "Equivalence and synthesis of causal models", UAI 1990.
    .. [2] Meek, "Causal inference and causal explanation with background knowledge", UAI 1995.
    """
    graph = frozenset(edges)
    fixed = (_colliders(graph) | frozenset(told)) & graph
    while True:
        open_ = graph - fixed
        following = {edge for edge in open_ if _follows(edge, fixed, open_, graph)}
        if not following:
            return frozenset(fixed)
        fixed |= following


def _colliders(graph: frozenset[Pair]) -> frozenset[Pair]:
    """Return the edges into nodes with two parents that are not adjacent."""
    return frozenset(
        (i, j)
        for i, j in graph
        for other, to in graph
        if to == j and other != i and not _adjacent(i, other, graph)
    )


def _follows(edge: Pair, fixed: Set[Pair], open_: Set[Pair], graph: frozenset[Pair]) -> bool:
    """Tell whether one of Meek's four rules turns an open edge the way it points."""
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
