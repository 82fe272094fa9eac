"""Hill climbing over whole graphs, whose score does not decompose into those of their nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, permutations, product
from typing import TypeAlias

from causalxai_glance.scm import Pair

Graph: TypeAlias = frozenset[Pair]
GraphScore: TypeAlias = Callable[[Graph], float]
Contenders: TypeAlias = Callable[[Graph, Sequence[Graph]], Sequence[Graph]]
"""Returns those of several graphs that can be better than the first one, the likeliest first."""


def climb(
    nodes: Sequence[int],
    score: GraphScore,
    start: Iterable[Pair],
    *,
    required: Iterable[Pair] = (),
    forbidden: Iterable[Pair] = (),
    contenders: Contenders | None = None,
) -> Graph:
    """Return a graph that no addition, removal or reversal of an edge improves.

    Parameters
    ----------
    nodes
        The nodes between which edges may change.
    score
        The score of a whole graph; lower is better.
    start
        The initial graph, which has all required edges and no forbidden ones.
    required, forbidden
        Edges that the graph must have, and edges that it must not have.
    contenders
        Leaves out graphs whose score need not be computed, and says which to try first; the first
        one that is better is taken. By default it is the best of all.
    """
    must, never = frozenset(required), frozenset(forbidden)
    best = frozenset(start)
    while True:
        rivals = [g for g in _neighbours(nodes, best) if must <= g and not g & never]
        tried = sorted(rivals, key=score) if contenders is None else contenders(best, rivals)
        better = next((graph for graph in tried if score(graph) < score(best)), None)
        if better is None:
            return best
        best = better


def complete_graphs(
    nodes: Sequence[int], *, required: Iterable[Pair] = (), forbidden: Iterable[Pair] = ()
) -> list[Graph]:
    """Return, for each order of the nodes, the complete graph without the forbidden edges.

    Orders that contradict a required edge are omitted.
    """
    must, never = frozenset(required), frozenset(forbidden)
    found = []
    for order in permutations(nodes):
        edges = must | (frozenset(combinations(order, 2)) - never)
        if is_acyclic(edges):
            found.append(edges)
    return list(dict.fromkeys(found))


def _neighbours(nodes: Sequence[int], edges: Graph) -> list[Graph]:
    found = []
    for i, j in product(nodes, repeat=2):
        if (i, j) in edges:
            found += [edges - {(i, j)}, edges - {(i, j)} | {(j, i)}]
        elif i != j and (j, i) not in edges:
            found.append(edges | {(i, j)})
    return [graph for graph in found if is_acyclic(graph)]


def is_acyclic(edges: Iterable[Pair]) -> bool:
    """Return whether the graph has no directed cycle."""
    left = set(edges)
    while left:
        ends = {j for _, j in left} - {i for i, _ in left}
        if not ends:
            return False
        left = {(i, j) for i, j in left if j not in ends}
    return True
