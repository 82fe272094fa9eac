"""How right a graph is, and how alike several graphs are."""

from __future__ import annotations

import statistics
from itertools import combinations

from _random_models import Edges

from causalxai.metrics.graph_scores import index_of

Undirected = frozenset[frozenset[int]]
Graph = tuple[Edges, Undirected]


def index(found: Graph, truth: Edges, d: int) -> float:
    """Return GLANCE's correctness index, at most 1.

    (d + correct - additional) / (d + true edges): each of the ``d`` concepts is known to cause the
    image, and these edges come free to every method. A true edge found without direction counts
    neither way; a reversed one is additional, as is a pair without direction that is no edge.
    """
    directed, undirected = found
    return index_of(directed, undirected, truth, free=d)


def shd(found: Graph, truth: Edges) -> int:
    """Return the structural Hamming distance: pairs that differ; a reversed edge counts 1."""
    return difference(found, (truth, frozenset()))


def false_edge_rate(found: Graph, truth: Edges, d: int) -> float:
    """Return the share of the pairs without a true edge that are joined, whichever way."""
    skeleton = {frozenset(edge) for edge in truth}
    pairs = {frozenset(pair) for pair in combinations(range(d), 2)} - skeleton
    joined = {frozenset(edge) for edge in found[0]} | found[1]
    return len(joined & pairs) / len(pairs) if pairs else 0.0


def difference(one: Graph, other: Graph) -> int:
    """Return in how many pairs of columns two graphs differ."""
    states = [
        {frozenset(edge): edge for edge in directed} | dict.fromkeys(undirected)
        for directed, undirected in (one, other)
    ]
    a, b = states
    return sum(a.get(pair, "none") != b.get(pair, "none") for pair in a.keys() | b.keys())


def agreement(graphs: list[Graph], d: int) -> float:
    """Return the share of pairs of columns on which two of several graphs agree, on average."""
    pairs = d * (d - 1) / 2
    both = [1 - difference(a, b) / pairs for a, b in combinations(graphs, 2)]
    return statistics.fmean(both) if both else 1.0
