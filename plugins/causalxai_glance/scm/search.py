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
class ScreenedScore(Protocol):
    """A local score with an approximation that takes less time."""

    def __call__(self, child: int, parents: frozenset[int]) -> float:
        """Return the score; lower is better."""

    def screen(self, child: int, parents: frozenset[int]) -> float:
        """Return an approximation of the score, in the same unit."""

    def prepare(self, child: int, sets: Sequence[frozenset[int]]) -> None:
        """Compute the scores of many sets of parents at once."""


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


# Written by hand because causal-learn's exact search has one built-in score, the BIC of linear
# Gaussian models, and does not return the margins of edges.
def exact_search(
    d: int,
    score: LocalScore,
    *,
    required: Iterable[Pair] = (),
    forbidden: Iterable[Pair] = (),
    max_parents: int | None = None,
    most_nodes: int = MOST_NODES,
) -> frozenset[Pair]:
    """Return the graph with the least total score.

    Parameters
    ----------
    d
        The number of nodes.
    score
        ``score(child, parents)``; lower is better. It is called at most once for each parent set.
        With a ``ScreenedScore``, only parent sets without a useless parent are scored; see
        ``has_useless``.
    required, forbidden
        Edges ``(i, j)``, i → j, that the graph must or must not have.
    max_parents
        The largest number of parents of a node; ``None`` for no limit.
    most_nodes
        The largest number of nodes for which the number of parents may be unlimited.

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
    table = _Table(d, score, max_parents, most_nodes)
    return table.search_known(*known_edges(d, required, forbidden))[0]


def known_edges(
    d: int, required: Iterable[Pair], forbidden: Iterable[Pair]
) -> tuple[frozenset[Pair], frozenset[Pair]]:
    """Return the required and the forbidden edges as sets.

    Raises
    ------
    DataError
        If some are not edges between two of ``d`` nodes, or both required and forbidden.
    """
    must, never = frozenset(required), frozenset(forbidden)
    for i, j in must | never:
        if not (0 <= i < d and 0 <= j < d and i != j):
            raise DataError(f"({i}, {j}) is not an edge between two of {d} nodes")
    if must & never:
        raise DataError(f"edges both required and forbidden: {sorted(must & never)}")
    return must, never


def total(edges: Iterable[Pair], score: LocalScore, d: int) -> float:
    """Return the sum of the nodes' scores, each given its parents in ``edges``."""
    edges = tuple(edges)
    return sum(score(j, frozenset(i for i, to in edges if to == j)) for j in range(d))


def margin(
    d: int,
    score: LocalScore,
    *,
    required: Iterable[Pair] = (),
    forbidden: Iterable[Pair] = (),
    max_parents: int | None = None,
    most_nodes: int = MOST_NODES,
) -> dict[Pair, EdgeMargin]:
    """Return the margin of each edge of the best graph, in the score's unit (nats).

    Parameters and errors are those of ``exact_search``.

    Returns
    -------
    dict
        The edges of the best graph in ascending order. A required edge has infinite margins.
    """
    table = _Table(d, score, max_parents, most_nodes)
    must, never = known_edges(d, required, forbidden)
    edges, best = table.search_known(must, never)

    def costs(must: frozenset[Pair], never: frozenset[Pair]) -> float:
        other = table.search(must, never)
        return float("inf") if other is None else max(other[1] - best, 0.0)

    margins = {}
    for i, j in sorted(edges):
        absent = costs(must, never | {(i, j), (j, i)})
        margins[i, j] = EdgeMargin(absent, costs(must | {(j, i)}, never | {(i, j)}))
    return margins


class _Table:
    """Scores of all parent sets, which are bit masks, computed when first needed."""

    def __init__(
        self,
        d: int,
        score: LocalScore,
        max_parents: int | None,
        most_nodes: int,
    ) -> None:
        if d > (most_nodes if max_parents is None else MOST_NODES_LIMITED):
            raise CapabilityError(
                f"the exact search goes up to {most_nodes} nodes, and with max_parents (2 or 3, "
                f"say) up to {MOST_NODES_LIMITED}; there are {d}"
            )
        if max_parents is not None and max_parents < 0:
            raise DataError(f"max_parents is {max_parents}, it must be 0 or more")
        self.d, self._score, self._most = d, score, max_parents
        self._known: dict[tuple[int, int], float] = {}

    def search_known(
        self, must: frozenset[Pair], never: frozenset[Pair]
    ) -> tuple[frozenset[Pair], float]:
        """Search under constraints, and raise an error if they cannot be satisfied."""
        found = self.search(must, never)
        if found is None:
            limit = "" if self._most is None else f" with at most {self._most} parents a node"
            raise DataError(f"no acyclic graph{limit} has all required edges and no forbidden edge")
        return found

    def search(
        self, must: frozenset[Pair], never: frozenset[Pair]
    ) -> tuple[frozenset[Pair], float] | None:
        best = [self._best_parents(child, must, never) for child in range(self.d)]
        return self._order(best)

    def _best_parents(
        self, child: int, must: frozenset[Pair], never: frozenset[Pair]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return, for each set of candidates, the least score and the parent set that has it."""
        needed = sum(1 << i for i, j in must if j == child)
        barred = sum(1 << i for i, j in never if j == child) | 1 << child
        masks = [*self._masks(needed, barred)]
        if isinstance(self._score, ScreenedScore):
            sets = {mask: self._parents(mask) for mask in masks}
            kept = frozenset(i for i in range(self.d) if needed >> i & 1)
            masks = [m for m in masks if not has_useless(self._score, child, sets[m], kept)]
            self._score.prepare(child, [sets[m] for m in masks])
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

    def _order(
        self, best: list[tuple[NDArray[np.float64], NDArray[np.int64]]]
    ) -> tuple[frozenset[Pair], float] | None:
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
