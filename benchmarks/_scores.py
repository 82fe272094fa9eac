"""How right a graph is, and how alike several graphs are."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from _random_models import Edges

from causalxai.metrics.graph_scores import index_of

Undirected = frozenset[frozenset[int]]


@dataclass(frozen=True)
class Found:
    """What a method claims.

    Parameters
    ----------
    directed, undirected
        Edges, by columns.
    guessed
        Those of ``directed`` that the method says could as well point the other way; ``None``
        where a method never says so.
    """

    directed: Edges
    undirected: Undirected = frozenset()
    guessed: Edges | None = None

    def placed(self, columns: Sequence[int]) -> Found:
        """Return the same by other columns: ``columns[i]`` for ``i``."""

        def moved(edges: Edges) -> Edges:
            return frozenset((int(columns[i]), int(columns[j])) for i, j in edges)

        pairs = frozenset(frozenset(int(columns[i]) for i in pair) for pair in self.undirected)
        guessed = None if self.guessed is None else moved(self.guessed)
        return Found(moved(self.directed), pairs, guessed)

    def as_oriented(self) -> Found:
        """Return the same with what was guessed left open."""
        unsure = self.guessed or frozenset()
        pairs = frozenset(frozenset(edge) for edge in unsure)
        return Found(self.directed - unsure, self.undirected | pairs)


def index(found: Found, truth: Edges, d: int) -> float:
    """Return GLANCE's correctness index, at most 1.

    (d + correct - additional) / (d + true edges): each of the ``d`` concepts is known to cause the
    image, and these edges come free to every method. A true edge found without direction counts
    neither way; a reversed one is additional, as is a pair without direction that is no edge.
    """
    return index_of(found.directed, found.undirected, truth, free=d)


def shd(found: Found, truth: Edges) -> int:
    """Return the structural Hamming distance: pairs that differ; a reversed edge counts 1."""
    return difference(found, Found(truth))


def told_directions(found: Found, truth: Edges) -> tuple[int, int]:
    """Return how many true edges' directions are told for certain, and how many of them wrongly."""
    told = found.as_oriented().directed
    wrong = sum((j, i) in truth for i, j in told)
    return len(told & truth) + wrong, wrong


def false_edge_rate(found: Found, truth: Edges, d: int) -> float:
    """Return the share of the pairs without a true edge that are joined, whichever way."""
    skeleton = {frozenset(edge) for edge in truth}
    pairs = {frozenset(pair) for pair in combinations(range(d), 2)} - skeleton
    joined = {frozenset(edge) for edge in found.directed} | found.undirected
    return len(joined & pairs) / len(pairs) if pairs else 0.0


def difference(one: Found, other: Found) -> int:
    """Return in how many pairs of columns two graphs differ."""
    states = [
        {frozenset(edge): edge for edge in graph.directed} | dict.fromkeys(graph.undirected)
        for graph in (one, other)
    ]
    a, b = states
    return sum(a.get(pair, "none") != b.get(pair, "none") for pair in a.keys() | b.keys())


def agreement(graphs: Sequence[Found], d: int) -> float:
    """Return the share of pairs of columns on which two of several graphs agree, on average."""
    pairs = d * (d - 1) / 2
    both = [1 - difference(a, b) / pairs for a, b in combinations(graphs, 2)]
    return statistics.fmean(both) if both else 1.0
