"""Exact search for the best directed acyclic graph under a decomposable score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from causalxai.errors import CapabilityError, DataError

Pair: TypeAlias = tuple[int, int]
LocalScore: TypeAlias = Callable[[int, frozenset[int]], float]
Family: TypeAlias = tuple[int, frozenset[int]]
"""A node and its parents."""

_BestParents: TypeAlias = tuple[NDArray[np.float64], NDArray[np.int64]]

USELESS = 5.0
"""A useless parent lengthens the approximate description by this many nats, or more."""

MOST_NODES = 10
"""The largest number of nodes for which all parent sets are scored."""

MOST_BOOLEAN = 12
"""The same for boolean columns, whose scores are computed from tables."""

MOST_NODES_LIMITED = 16
"""The largest number of nodes whose subsets can be enumerated, with ``max_parents``."""


@dataclass(frozen=True)
class EdgeMargin:
    """The cost of removing or reversing an edge of the best graph.

    Parameters
    ----------
    absent
        The additional nats of the best graph in which the two nodes are not adjacent.
    reversed
        The additional nats of the best graph in which the edge is reversed; infinite if the
        constraints allow no such graph.
    """

    absent: float
    reversed: float


@runtime_checkable
class PreparedScore(Protocol):
    """A local score of which many values are computed at once in less time than one by one."""

    def __call__(self, child: int, parents: frozenset[int]) -> float:
        """Return the score; lower is better."""

    def prepare(self, families: Sequence[Family]) -> None:
        """Compute the scores of many families at once."""


@runtime_checkable
class ScreenedScore(PreparedScore, Protocol):
    """A local score with an approximation that takes less time."""

    def screen(self, child: int, parents: frozenset[int]) -> float:
        """Return an approximation of the score, in the same unit."""


@runtime_checkable
class RankedScore(ScreenedScore, Protocol):
    """A screened score that tells which parents are worth trying."""

    def ranked(self, child: int, parents: frozenset[int]) -> Sequence[int]:
        """Return the nodes that may improve a set of parents, the most promising first."""


def has_useless(
    score: ScreenedScore, child: int, parents: frozenset[int], needed: frozenset[int]
) -> bool:
    """Return whether a set of parents need not be scored.

    That is so if the approximate score falls by 5 nats or more without one of the parents that are
    not ``needed``: it is then useless beside the others.
    """
    most = score.screen(child, parents) - USELESS
    return any(score.screen(child, parents - {own}) <= most for own in parents - needed)


@dataclass(frozen=True)
class SearchProblem:
    """What a search for a graph is given: the nodes, their score and the constraints.

    Parameters
    ----------
    d
        The number of nodes.
    score
        ``score(child, parents)``; lower is better. It is called at most once for each parent set.
        With a ``ScreenedScore``, the exact search scores only parent sets without a useless parent;
        see ``has_useless``.
    required, forbidden
        Edges ``(i, j)``, i → j, that the graph must or must not have.
    max_parents
        The largest number of parents of a node; ``None`` for no limit.
    most_nodes
        The largest number of nodes that an exact search takes while ``max_parents`` is ``None``;
        with a limit on parents, it takes up to 16.

    Raises
    ------
    DataError
        If ``max_parents`` is negative, or constraints are not edges between two of the nodes, or
        edges are both required and forbidden.
    """

    d: int
    score: LocalScore
    required: frozenset[Pair] = frozenset()
    forbidden: frozenset[Pair] = frozenset()
    max_parents: int | None = None
    most_nodes: int = MOST_NODES

    def __post_init__(self) -> None:
        if self.max_parents is not None and self.max_parents < 0:
            raise DataError(f"max_parents is {self.max_parents}, it must be 0 or more")
        for i, j in self.required | self.forbidden:
            if not (0 <= i < self.d and 0 <= j < self.d and i != j):
                raise DataError(f"({i}, {j}) is not an edge between two of {self.d} nodes")
        both = self.required & self.forbidden
        if both:
            raise DataError(f"edges both required and forbidden: {sorted(both)}")

    @property
    def is_small(self) -> bool:
        """Whether there are few enough nodes for the exact search."""
        return self.d <= (self.most_nodes if self.max_parents is None else MOST_NODES_LIMITED)


# Written by hand because causal-learn's exact search has one built-in score, the BIC of linear
# Gaussian models, and does not return the margins of edges.
def exact_search(problem: SearchProblem) -> frozenset[Pair]:
    """Return the graph with the least total score.

    Returns
    -------
    frozenset of (int, int)
        The edges. Among parent sets of equal score, the smaller one is chosen, then the one with
        lower numbers.

    Raises
    ------
    CapabilityError
        If there are too many nodes.
    DataError
        If no acyclic graph satisfies the constraints.

    References
    ----------
    .. [1] Silander, Myllymäki, "A simple approach for finding the globally optimal Bayesian
       network structure", UAI 2006.
    """
    return _Table(problem).search_known()[0]


def total(edges: Iterable[Pair], score: LocalScore, d: int) -> float:
    """Return the sum of the nodes' scores, each given its parents in ``edges``."""
    edges = tuple(edges)
    return sum(score(j, parents_in(edges, j)) for j in range(d))


def parents_in(edges: Iterable[Pair], child: int) -> frozenset[int]:
    """Return the parents of a node in a graph."""
    return frozenset(i for i, j in edges if j == child)


def margin(problem: SearchProblem) -> dict[Pair, EdgeMargin]:
    """Return the margin of each edge of the best graph, in the score's unit (nats).

    Errors are those of ``exact_search``.

    Returns
    -------
    dict
        The edges of the best graph in ascending order. A required edge has infinite margins.
    """
    table, must, never = _Table(problem), problem.required, problem.forbidden
    edges, best = table.search_known()

    def costs(must: frozenset[Pair], never: frozenset[Pair]) -> float:
        other = table.search(must, never)
        return float("inf") if other is None else max(other[1] - best, 0.0)

    margins = {}
    for i, j in sorted(edges):
        absent = costs(must, never | {(i, j), (j, i)})
        margins[i, j] = EdgeMargin(absent, costs(must | {(j, i)}, never | {(i, j)}))
    return margins


def exact_reversal(problem: SearchProblem, edges: Iterable[Pair]) -> dict[Pair, float]:
    """Return, for each edge, the nats that the best graph with its reverse costs more.

    The comparison is with the best graph that has the edge, which need not be the best of all, so
    that the nats are negative where the reverse is better. They are infinite where the constraints
    rule out the reverse. The constraints must allow the edges themselves.
    """
    table, must, never = _Table(problem), problem.required, problem.forbidden

    def least(edge: Pair) -> float:
        found = table.search(must | {edge}, never | {edge[::-1]})
        return float("inf") if found is None else found[1]

    return {(i, j): least((j, i)) - least((i, j)) for i, j in sorted(edges)}


class _Table:
    """Scores of all parent sets, which are bit masks, computed when first needed."""

    def __init__(self, problem: SearchProblem) -> None:
        if not problem.is_small:
            raise CapabilityError(
                f"the exact search goes up to {problem.most_nodes} nodes, and with max_parents (2 "
                f"or 3, say) up to {MOST_NODES_LIMITED}; there are {problem.d}"
            )
        self.d, self._score, self._most = problem.d, problem.score, problem.max_parents
        self._constraints = problem.required, problem.forbidden
        self._known: dict[tuple[int, int], float] = {}
        self._best: dict[tuple[int, int, int], _BestParents] = {}

    def search_known(self) -> tuple[frozenset[Pair], float]:
        """Search under the problem's constraints, and raise an error if none satisfies them."""
        found = self.search(*self._constraints)
        if found is None:
            limit = "" if self._most is None else f" with at most {self._most} parents a node"
            raise DataError(f"no acyclic graph{limit} has all required edges and no forbidden edge")
        return found

    def search(
        self, must: frozenset[Pair], never: frozenset[Pair]
    ) -> tuple[frozenset[Pair], float] | None:
        best = []
        for child in range(self.d):
            needed = sum(1 << i for i, j in must if j == child)
            barred = sum(1 << i for i, j in never if j == child) | 1 << child
            # Constraints on one edge leave the parents of most nodes as they are.
            key = child, needed, barred
            if key not in self._best:
                self._best[key] = self._best_parents(*key)
            best.append(self._best[key])
        return self._order(best)

    def _best_parents(self, child: int, needed: int, barred: int) -> _BestParents:
        """Return, for each set of candidates, the least score and the parent set that has it."""
        masks = [*self._masks(needed, barred)]
        if isinstance(self._score, ScreenedScore):
            sets = {mask: self._parents(mask) for mask in masks}
            kept = frozenset(i for i in range(self.d) if needed >> i & 1)
            masks = [m for m in masks if not has_useless(self._score, child, sets[m], kept)]
            self._score.prepare([(child, sets[m]) for m in masks])
        scored = [(self._at(child, mask), mask) for mask in masks]
        scored.sort(key=lambda pair: (pair[0], pair[1].bit_count(), pair[1]))
        rank = np.full(1 << self.d, len(scored), dtype=np.int64)
        ordered = np.array([mask for _, mask in scored] + [0], dtype=np.int64)
        rank[ordered[:-1]] = np.arange(len(scored))
        everything = np.arange(1 << self.d)
        for bit in range(self.d):
            having = everything[everything >> bit & 1 == 1]
            rank[having] = np.minimum(rank[having], rank[having ^ (1 << bit)])
        values = np.array([value for value, _ in scored] + [np.inf])
        return values[rank], ordered[rank]

    def _masks(self, needed: int, barred: int) -> Iterable[int]:
        """Return all parent sets that contain the required parents and no forbidden one."""
        if needed & barred:
            return
        free = [1 << i for i in range(self.d) if not (needed | barred) >> i & 1]
        most = len(free)
        if self._most is not None:
            most = min(most, self._most - needed.bit_count())
        for size in range(most + 1):
            for chosen in combinations(free, size):
                yield needed | sum(chosen)

    def _parents(self, mask: int) -> frozenset[int]:
        return frozenset(i for i in range(self.d) if mask >> i & 1)

    def _at(self, child: int, mask: int) -> float:
        if (child, mask) not in self._known:
            parents = self._parents(mask)
            value = float(self._score(child, parents))
            if np.isnan(value):
                raise DataError(f"the score of {sorted(parents)} → {child} is not a number")
            self._known[child, mask] = value
        return self._known[child, mask]

    def _order(self, best: Sequence[_BestParents]) -> tuple[frozenset[Pair], float] | None:
        """Find the best graph over each set of nodes by adding one sink to a smaller set."""
        costs = [[*map(float, values)] for values, _ in best]
        least, sink = [0.0] * (1 << self.d), [-1] * (1 << self.d)
        for nodes in range(1, 1 << self.d):
            least[nodes] = float("inf")
            for child in range(self.d):
                if nodes >> child & 1:
                    rest = nodes ^ 1 << child
                    cost = least[rest] + costs[child][rest]
                    if cost < least[nodes]:
                        least[nodes], sink[nodes] = cost, child
        nodes = (1 << self.d) - 1
        if not np.isfinite(least[nodes]):
            return None
        edges, value = set(), least[nodes]
        while nodes:
            child = sink[nodes]
            nodes ^= 1 << child
            parents = int(best[child][1][nodes])
            edges |= {(i, child) for i in range(self.d) if parents >> i & 1}
        return frozenset(edges), value
