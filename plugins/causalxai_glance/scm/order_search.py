"""Search for a graph among the orders of many nodes, where not all sets of nodes can be visited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import TypeAlias

import numpy as np

from causalxai.errors import DataError
from causalxai_glance.scm.best_parents import BestParents, Question
from causalxai_glance.scm.lockstep import Steps, jointly, solve
from causalxai_glance.scm.search import EdgeMargin, LocalScore, Pair, SearchProblem, parents_in

Order: TypeAlias = tuple[int, ...]

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
    return orders.edges(solve(orders.best(start)))


def order_margin(problem: SearchProblem) -> dict[Pair, EdgeMargin]:
    """Return the margin of each edge of the graph that ``order_search`` finds.

    In the graphs to compare with, only the two nodes of an edge and those that are adjacent to them
    are moved within the order, so that margins can be larger than those of the exact search.
    """
    orders = _Orders(problem)
    best = solve(orders.best())
    edges, least = orders.edges(best), orders.total(best)
    near = _Neighbourhoods(orders, best, edges)
    without = [
        near.least(frozenset(), frozenset({edge, edge[::-1]}), edge) for edge in sorted(edges)
    ]
    turned = [near.turned(edge) for edge in sorted(edges)]
    costs = [max(own - least, 0.0) for own in solve(jointly([*without, *turned]))]
    pairs = zip(costs[: len(edges)], costs[len(edges) :], strict=True)
    return {edge: EdgeMargin(*pair) for edge, pair in zip(sorted(edges), pairs, strict=True)}


def order_reversal(
    problem: SearchProblem,
    edges: Iterable[Pair],
    start: Iterable[Pair],
    score: LocalScore,
    enough: float = float("inf"),
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
    enough
        Where the reverse costs this much, or more, the nats may be fewer than those of the whole
        search, but not fewer than ``enough``: the search for the best graph with the edge, which
        can only raise them, is then left out.
    """
    graph, asked = frozenset(start), sorted(edges)
    near = _Neighbourhoods(_Orders(problem, score), _order_of(problem.d, graph), graph)
    turned = solve(jointly(near.turned(edge) for edge in asked))
    unmoved = solve(jointly(near.unmoved(edge) for edge in asked))
    gains = {edge: other - own for edge, other, own in zip(asked, turned, unmoved, strict=True)}
    least = dict(zip(asked, turned, strict=True))
    open_ = [edge for edge in asked if not enough <= gains[edge] < float("inf")]
    kept = solve(jointly(near.turned(edge[::-1]) for edge in open_))
    return gains | {edge: least[edge] - own for edge, own in zip(open_, kept, strict=True)}


class _Neighbourhoods:
    """Searches in which only the nodes of one edge and their neighbours are moved."""

    def __init__(self, orders: _Orders, best: Order, edges: frozenset[Pair]) -> None:
        self._orders, self._best, self._edges = orders, best, edges

    def turned(self, edge: Pair) -> Steps[float]:
        """Return the least total of a graph with the reverse of an edge."""
        return self.least(frozenset({edge[::-1]}), frozenset({edge}), edge)

    def unmoved(self, edge: Pair) -> Steps[float]:
        """Return the total with an edge before any node is moved, which is not below the least."""
        begun = self._begun(frozenset({edge}), frozenset({edge[::-1]}), edge)
        if begun is None:
            return float("inf")
        other, order, _ = begun
        yield from other.prepared(order)
        return other.total(order)

    def least(self, must: frozenset[Pair], never: frozenset[Pair], edge: Pair) -> Steps[float]:
        """Return the least total under further constraints near an edge; infinite if none holds."""
        begun = self._begun(must, never, edge)
        if begun is None:
            return float("inf")
        other, order, near = begun
        improved = yield from other.improved(order, near)
        return other.total(improved)

    def _begun(
        self, must: frozenset[Pair], never: frozenset[Pair], edge: Pair
    ) -> tuple[_Orders, Order, list[int]] | None:
        """Return the constrained orders, the first of them and the nodes to move, if any is."""
        known = self._orders.problem
        if (known.required | must) & (known.forbidden | never):
            return None
        order = self._best
        for i, j in must:
            if order.index(j) < order.index(i):
                order = _with_before(order, i, j)
        near = {node for pair in self._edges if set(pair) & set(edge) for node in pair} | set(edge)
        other = self._orders.constrained(must, never)
        # Another direction of the edge may take the parents of one of its nodes to the other.
        other.widen(dict.fromkeys(edge, near))
        # Otherwise required edges lead from the effect to the cause.
        return (other, order, sorted(near)) if other.allows(order) else None


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
    """Orders of the nodes, each node with its best parents among its predecessors.

    Totals are those of ``score``, if it is given, and else of the problem's own score.
    """

    def __init__(self, problem: SearchProblem, score: LocalScore | None = None) -> None:
        self.problem = problem
        self._d = problem.d
        self._needed = [parents_in(problem.required, j) for j in range(self._d)]
        self._barred = [parents_in(problem.forbidden, j) | {j} for j in range(self._d)]
        self._parents = BestParents(problem, score)
        self._near: list[frozenset[int]] = []
        most = problem.max_parents
        if most is not None and any(len(needed) > most for needed in self._needed):
            raise DataError(
                f"no acyclic graph with at most {most} parents a node has all required edges"
            )

    def constrained(self, must: frozenset[Pair], never: frozenset[Pair]) -> _Orders:
        """Return the same with further constraints, and with all that is known."""
        known = self.problem
        other = _Orders(
            replace(known, required=known.required | must, forbidden=known.forbidden | never)
        )
        other._parents, other._near = self._parents, [*self._candidates]
        return other

    def allows(self, order: Order) -> bool:
        """Return whether all required parents come before their children."""
        return all(self._needed[node] <= set(order[:at]) for at, node in enumerate(order))

    def best(self, start: Iterable[Pair] | None = None) -> Steps[Order]:
        """Return the order that moves of single nodes do not improve, from that of a graph on."""
        if start is None:
            order = yield from self.first()
        else:
            order = _order_of(self._d, start)
        while True:
            order = yield from self.improved(order, range(self._d))
            missed = yield from self._missed(order)
            if not self.widen(missed):
                return order

    @property
    def _candidates(self) -> list[frozenset[int]]:
        """The nodes that are tried as parents of each node."""
        if not self._near:
            self._near = self._parents.neighbours()
        return self._near

    def widen(self, near: Mapping[int, Set[int]]) -> bool:
        """Try further nodes as parents of some; return whether any were not tried before."""
        known = self._candidates
        is_new = any(nodes - known[child] for child, nodes in near.items())
        self._near = [own | near.get(child, frozenset()) for child, own in enumerate(known)]
        return is_new

    def _missed(self, order: Order) -> Steps[dict[int, frozenset[int]]]:
        """Return the best parents in an order of each node, if all predecessors are tried."""
        asked = {
            node: (node, frozenset(order[:place]) - self._barred[node], self._needed[node])
            for place, node in enumerate(order)
        }
        yield from self._parents.found(asked.values())
        return {node: self._parents(question)[1] for node, question in asked.items()}

    def first(self) -> Steps[Order]:
        """Return an order in which each next node misses its later neighbours least."""
        order: list[int] = []
        rest = frozenset(range(self._d))
        while rest:
            free = [node for node in sorted(rest) if self._needed[node] <= set(order)]
            if not free:
                raise DataError("no acyclic graph has all required edges")
            placed = frozenset(order)
            now = {node: self._question(node, placed) for node in free}
            later = {node: self._question(node, (placed | rest) - {node}) for node in free}
            yield from self._parents.found([*now.values(), *later.values()])
            missed = {
                node: self._parents(now[node])[0] - self._parents(later[node])[0] for node in free
            }
            order.append(min(free, key=missed.__getitem__))
            rest -= {order[-1]}
        return tuple(order)

    def improved(self, order: Order, movable: Sequence[int]) -> Steps[Order]:
        """Return the order after moves of single nodes, as long as they improve it."""
        while True:
            before = order
            for node in sorted(movable, key=before.index):
                order = yield from self._moved(order, node)
            if order == before:
                return order

    def _moved(self, order: Order, node: int) -> Steps[Order]:
        """Return the order with one node at its best place."""
        paths = [self._path(order, node, step) for step in (-1, 1)]
        yield from self._parents.found(own for path in paths for _, four in path for own in four)
        best, least = order, -_GAIN
        for path in paths:
            change = 0.0
            for tried, four in path:
                after, after_too, before, before_too = (self._parents(own)[0] for own in four)
                change += after + after_too - before - before_too
                if not np.isfinite(change):
                    break
                if change < least:
                    best, least = tried, change - _GAIN
        return best

    def _path(self, order: Order, node: int, step: int) -> list[tuple[Order, list[Question]]]:
        """Return the orders in which a node is moved on and on, as far as required edges allow.

        Beside each are the families of the two nodes that were exchanged last, after and before.
        """
        path: list[tuple[Order, list[Question]]] = []
        tried, at = list(order), order.index(node)
        while 0 <= at + step < len(tried):
            place = min(at, at + step)
            first, second = tried[place : place + 2]
            if first in self._needed[second]:
                break
            before = frozenset(tried[:place])
            tried[place : place + 2] = second, first
            after = [
                self._question(second, before),
                self._question(first, before | {second}),
            ]
            now = [self._question(first, before), self._question(second, before | {first})]
            path.append((tuple(tried), after + now))
            at += step
        return path

    def prepared(self, order: Order) -> Steps[None]:
        """Find the parents of all nodes in an order."""
        yield from self._parents.found(self._families(order))

    def total(self, order: Order) -> float:
        """Return the total score of an order."""
        return sum(self._parents(question)[0] for question in self._families(order))

    def edges(self, order: Order) -> frozenset[Pair]:
        """Return the edges of the graph of an order."""
        found = ((one[0], self._parents(one)[1]) for one in self._families(order))
        return frozenset((i, j) for j, parents in found for i in parents)

    def _families(self, order: Order) -> list[Question]:
        return [self._question(node, frozenset(order[:place])) for place, node in enumerate(order)]

    def _question(self, child: int, before: frozenset[int]) -> Question:
        """Return what is asked of a node after some others: only candidates may be its parents."""
        needed = self._needed[child]
        tried = before & (self._candidates[child] | needed)
        return child, tried - self._barred[child], needed
