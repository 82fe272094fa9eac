"""Search for a graph among the orders of many nodes, where not all sets of nodes can be visited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import TypeAlias

import numpy as np

from causalxai.errors import DataError
from causalxai_glance.scm.search import (
    EdgeMargin,
    LocalScore,
    Pair,
    RankedScore,
    SearchProblem,
    parents_in,
)

Order: TypeAlias = tuple[int, ...]

_TRIED = 3
"""The number of candidates that are scored as one more parent, of those that rank first."""

_GAIN = 1e-9  # A smaller improvement is rounding.


def order_search(problem: SearchProblem, *, start: Iterable[Pair] | None = None) -> frozenset[Pair]:
    """Return a graph whose total score is low, found by moving nodes within an order.

    The parents of a node are grown and shrunk among its predecessors. A node is moved to the place
    in the order where the total is least, until no move of a single node improves it [1]_. With a
    ``RankedScore``, only nodes that describe a node beside all others, or are described by it, are
    tried as its parents while nodes are moved [2]_; then all predecessors are tried, and the search
    goes on if others are found. Nothing ensures that the graph is the best one.

    Parameters
    ----------
    problem
        It may have any number of nodes.
    start
        An acyclic graph with the required edges, from whose order the search starts; by default the
        order is built up from the first node on.

    Raises
    ------
    DataError
        If no acyclic graph satisfies the constraints.

    References
    ----------
    .. [1] Andrews, Ramsey, Sanchez Romero, Camchong, Kummerfeld, "Fast scalable and accurate
       discovery of DAGs using the best order score search and grow-shrink trees", NeurIPS 2023.
    .. [2] Tsamardinos, Brown, Aliferis, "The max-min hill-climbing Bayesian network structure
       learning algorithm", Machine Learning 2006.
    """
    orders = _Orders(problem)
    return orders.edges(orders.best(start))


def order_margin(problem: SearchProblem) -> dict[Pair, EdgeMargin]:
    """Return the margin of each edge of the graph that ``order_search`` finds.

    In the graphs to compare with, only the two nodes of an edge and those that are adjacent to them
    are moved within the order, so that margins can be larger than those of the exact search.
    """
    orders = _Orders(problem)
    best = orders.best()
    edges, least = orders.edges(best), orders.total(best)
    near = _Neighbourhoods(orders, best, edges)
    margins = {}
    for i, j in sorted(edges):
        absent = near.least(frozenset(), frozenset({(i, j), (j, i)}), (i, j))
        reversal = near.least(frozenset({(j, i)}), frozenset({(i, j)}), (i, j))
        margins[i, j] = EdgeMargin(max(absent - least, 0.0), max(reversal - least, 0.0))
    return margins


def order_reversal(
    problem: SearchProblem, edges: Iterable[Pair], start: Iterable[Pair], score: LocalScore
) -> dict[Pair, float]:
    """Return, for each edge, the nats that its reverse costs more under another score.

    The parents of a node are chosen by the problem's own score, which takes less time, and those
    left out that are useless under the other score; nodes are moved by the other score.

    Parameters
    ----------
    problem
        It may have any number of nodes.
    edges
        Of ``start``.
    start
        An acyclic graph that satisfies the constraints, from whose order the searches start. As in
        ``order_margin``, only nodes near an edge are moved.
    score
        The score under which the graphs are compared.
    """
    graph = frozenset(start)
    near = _Neighbourhoods(_Orders(problem, score), _order_of(problem.d, graph), graph)

    def least(edge: Pair) -> float:
        return near.least(frozenset({edge}), frozenset({edge[::-1]}), edge)

    return {(i, j): least((j, i)) - least((i, j)) for i, j in sorted(edges)}


class _Neighbourhoods:
    """Searches in which only the nodes of one edge and their neighbours are moved."""

    def __init__(self, orders: _Orders, best: Order, edges: frozenset[Pair]) -> None:
        self._orders, self._best, self._edges = orders, best, edges

    def least(self, must: frozenset[Pair], never: frozenset[Pair], edge: Pair) -> float:
        """Return the least total under further constraints near an edge; infinite if none holds."""
        known = self._orders.problem
        if (known.required | must) & (known.forbidden | never):
            return float("inf")
        order = self._best
        for i, j in must:
            if order.index(j) < order.index(i):
                order = _with_before(order, i, j)
        near = {node for pair in self._edges if set(pair) & set(edge) for node in pair} | set(edge)
        other = self._orders.constrained(must, never)
        # Another direction of the edge may take the parents of one of its nodes to the other.
        other.widen(dict.fromkeys(edge, near))
        if not other.allows(order):
            # Required edges lead from the effect to the cause.
            return float("inf")
        return other.total(other.improved(order, sorted(near)))


def _order_of(d: int, edges: Iterable[Pair]) -> Order:
    before: dict[int, set[int]] = {node: set() for node in range(d)}
    for i, j in edges:
        before[j].add(i)
    return tuple(TopologicalSorter(before).static_order())


def _with_before(order: Order, first: int, second: int) -> Order:
    """Return the order with one node moved to just before another."""
    rest = [node for node in order if node != first]
    place = rest.index(second)
    return (*rest[:place], first, *rest[place:])


class _Orders:
    """Orders of the nodes, with the best parents that are found for each set of predecessors.

    Totals are those of ``score``, if it is given, and else of the problem's own score.
    """

    def __init__(self, problem: SearchProblem, score: LocalScore | None = None) -> None:
        self.problem, self._other = problem, score
        self._d, self._score = problem.d, problem.score
        self._most = problem.d if problem.max_parents is None else problem.max_parents
        self._needed = [parents_in(problem.required, j) for j in range(self._d)]
        self._barred = [parents_in(problem.forbidden, j) | {j} for j in range(self._d)]
        self._known: dict[tuple[int, frozenset[int]], float] = {}
        # The best parents do not depend on candidates that are not among the nodes tried.
        self._found: dict[tuple[int, frozenset[int]], tuple[float, frozenset[int]]] = {}
        self._near: list[frozenset[int]] = []
        if any(len(needed) > self._most for needed in self._needed):
            raise DataError(
                f"no acyclic graph with at most {self._most} parents a node has all required edges"
            )

    def constrained(self, must: frozenset[Pair], never: frozenset[Pair]) -> _Orders:
        """Return the same with further constraints, and with all scores that are known."""
        known = self.problem
        other = _Orders(
            replace(known, required=known.required | must, forbidden=known.forbidden | never),
            self._other,
        )
        other._known, other._near = self._known, [*self._candidates]
        same = {
            j
            for j in range(self._d)
            if (other._needed[j], other._barred[j]) == (self._needed[j], self._barred[j])
        }
        other._found = {key: found for key, found in self._found.items() if key[0] in same}
        return other

    def allows(self, order: Order) -> bool:
        """Return whether all required parents come before their children."""
        return all(self._needed[node] <= set(order[:at]) for at, node in enumerate(order))

    def best(self, start: Iterable[Pair] | None = None) -> Order:
        """Return the order that moves of single nodes do not improve, from that of a graph on."""
        order = self.first() if start is None else _order_of(self._d, start)
        while True:
            order = self.improved(order, range(self._d))
            if not self.widen(self._missed(order)):
                return order

    @property
    def _candidates(self) -> list[frozenset[int]]:
        """The nodes that are tried as parents of each node."""
        if not self._near:
            every = frozenset(range(self._d))
            if isinstance(self._score, RankedScore):
                own = [self._described_by(node, self._score) for node in range(self._d)]
                self._near = [
                    near | {other for other in every if node in own[other]}
                    for node, near in enumerate(own)
                ]
            else:
                self._near = [every] * self._d
        return self._near

    def _described_by(self, node: int, score: RankedScore) -> frozenset[int]:
        """Return the nodes that describe a node, added as long as the description gets shorter."""
        chosen: frozenset[int] = frozenset()
        while True:
            nearest = frozenset(score.ranked(node, chosen)[:_TRIED])
            added = chosen | set(score.ranked(node, chosen)[:1])
            if self._at(node, added) >= self._at(node, chosen):
                return chosen | nearest
            chosen = added

    def widen(self, near: Mapping[int, Set[int]]) -> bool:
        """Try further nodes as parents of some; return whether any were not tried before."""
        known = self._candidates
        is_new = any(nodes - known[child] for child, nodes in near.items())
        self._near = [own | near.get(child, frozenset()) for child, own in enumerate(known)]
        return is_new

    def _missed(self, order: Order) -> dict[int, frozenset[int]]:
        """Return the best parents in an order of each node, if all predecessors are tried."""
        return {
            node: self._chosen(node, frozenset(order[:place]))[1]
            for place, node in enumerate(order)
        }

    def first(self) -> Order:
        """Return an order in which each next node misses its later neighbours least."""
        order: list[int] = []
        rest = frozenset(range(self._d))
        while rest:
            free = [node for node in sorted(rest) if self._needed[node] <= set(order)]
            if not free:
                raise DataError("no acyclic graph has all required edges")
            placed = frozenset(order)
            missed = {
                node: self._best(node, placed)[0] - self._best(node, (placed | rest) - {node})[0]
                for node in free
            }
            order.append(min(free, key=missed.__getitem__))
            rest -= {order[-1]}
        return tuple(order)

    def improved(self, order: Order, movable: Sequence[int]) -> Order:
        """Return the order after moves of single nodes, as long as they improve it."""
        while True:
            before = order
            for node in sorted(movable, key=before.index):
                order = self._moved(order, node)
            if order == before:
                return order

    def _moved(self, order: Order, node: int) -> Order:
        """Return the order with one node at its best place."""
        place = order.index(node)
        best, least = order, -_GAIN
        for step in (-1, 1):
            change, tried, at = 0.0, list(order), place
            while 0 <= at + step < len(tried):
                change += self._swap(tried, min(at, at + step))
                at += step
                if not np.isfinite(change):
                    break
                if change < least:
                    best, least = tuple(tried), change - _GAIN
        return best

    def _swap(self, order: list[int], place: int) -> float:
        """Exchange the nodes at a place and the next one; return the change of the total."""
        first, second = order[place], order[place + 1]
        before = frozenset(order[:place])
        order[place : place + 2] = second, first
        if first in self._needed[second]:
            return float("inf")
        return (
            self._best(second, before)[0]
            + self._best(first, before | {second})[0]
            - self._best(first, before)[0]
            - self._best(second, before | {first})[0]
        )

    def total(self, order: Order) -> float:
        """Return the total score of an order."""
        return sum(found[0] for _, found in self._families(order))

    def edges(self, order: Order) -> frozenset[Pair]:
        """Return the edges of the graph of an order."""
        return frozenset((i, j) for j, (_, parents) in self._families(order) for i in parents)

    def _families(self, order: Order) -> Iterator[tuple[int, tuple[float, frozenset[int]]]]:
        for place, node in enumerate(order):
            yield node, self._best(node, frozenset(order[:place]))

    def _best(self, child: int, before: frozenset[int]) -> tuple[float, frozenset[int]]:
        """Return the score of a node with the best candidates before it, and these."""
        return self._chosen(child, before & (self._candidates[child] | self._needed[child]))

    def _chosen(self, child: int, before: frozenset[int]) -> tuple[float, frozenset[int]]:
        """Return the score of a node with the best parents among those before it, and these."""
        allowed = before - self._barred[child]
        if (child, allowed) not in self._found:
            found = self._shrunk(child, self._grown(child, allowed), self._at)
            if self._other is not None:
                found = self._shrunk(child, found[1], self._other)
            self._found[child, allowed] = found
        return self._found[child, allowed]

    def _grown(self, child: int, allowed: frozenset[int]) -> frozenset[int]:
        parents = self._needed[child]
        while len(parents) < self._most:
            tried = [parents | {one} for one in self._additions(child, parents, allowed)]
            if isinstance(self._score, RankedScore):
                self._score.prepare(child, tried)
            larger = min(tried, key=lambda own: self._at(child, own), default=parents)
            if self._at(child, larger) >= self._at(child, parents):
                break
            parents = larger
        return parents

    def _additions(self, child: int, parents: frozenset[int], allowed: frozenset[int]) -> list[int]:
        if not isinstance(self._score, RankedScore):
            return sorted(allowed - parents)
        ranked = (one for one in self._score.ranked(child, parents) if one in allowed)
        return [one for _, one in zip(range(_TRIED), ranked, strict=False)]

    def _shrunk(
        self, child: int, parents: frozenset[int], score: LocalScore
    ) -> tuple[float, frozenset[int]]:
        """Leave parents out as long as a score improves; return the score and those that remain."""
        least = score(child, parents)
        while True:
            tried = [parents - {one} for one in sorted(parents - self._needed[child])]
            smaller = min(tried, key=lambda own: score(child, own), default=parents)
            if score(child, smaller) >= least:
                return least, parents
            least, parents = score(child, smaller), smaller

    def _at(self, child: int, parents: frozenset[int]) -> float:
        if (child, parents) not in self._known:
            self._known[child, parents] = float(self._score(child, parents))
        return self._known[child, parents]
