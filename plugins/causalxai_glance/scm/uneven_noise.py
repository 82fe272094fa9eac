"""Directions that noise of uneven spread puts in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from causalxai_glance.scm.order_search import order_reversal
from causalxai_glance.scm.search import (
    Family,
    Pair,
    RankedScore,
    SearchProblem,
    exact_reversal,
    parents_in,
)

MOST_EXACT = 5
"""The largest number of nodes for which all parent sets are scored under uneven noise."""


class UnevenScore(RankedScore, Protocol):
    """A score of additive noise that can also be told for noise of uneven spread."""

    def uneven(self, child: int, parents: frozenset[int]) -> float:
        """Return the least score where the spread of the noise may depend on the parents."""

    def prepare_uneven(self, families: Sequence[Family]) -> None:
        """Compute these scores of many families at once."""


@dataclass(frozen=True)
class _Uneven:
    """The score under noise of uneven spread, on its own."""

    score: UnevenScore

    def __call__(self, child: int, parents: frozenset[int]) -> float:
        """Return the score; lower is better."""
        return self.score.uneven(child, parents)

    def prepare(self, families: Sequence[Family]) -> None:
        """Compute the scores of many families at once."""
        self.score.prepare_uneven(families)


def doubtful_directions(
    problem: SearchProblem,
    score: UnevenScore,
    graph: frozenset[Pair],
    edges: Iterable[Pair],
    nats: float,
) -> frozenset[Pair]:
    """Return the edges whose direction cannot be told because noise may be spread unevenly.

    Models with additive noise, of the same spread everywhere, describe an effect whose noise is
    spread unevenly so badly that a wrong direction can win by hundreds of nats. Each direction is
    therefore compared again under models in which the spread may depend on the causes. It is in
    doubt if the reverse is then shorter by ``nats``; and, where the noise of the edge's cause or
    effect in the graph is in fact uneven, unless the reverse is then longer by ``nats``.

    Parameters
    ----------
    problem
        The search that found the graph.
    score
        Its score.
    graph
        The graph that it found.
    edges
        The edges of the graph whose direction would be told.
    nats
        What a direction has to gain.
    """
    wanted = frozenset(edges)
    if not wanted:
        return frozenset()
    if problem.is_small and problem.d <= MOST_EXACT:
        found = exact_reversal(replace(problem, score=score.uneven), wanted)
    else:
        found = order_reversal(problem, wanted, graph, _Uneven(score), enough=nats)

    def is_uneven(node: int) -> bool:
        parents = parents_in(graph, node)
        return score(node, parents) - score.uneven(node, parents) >= nats

    return frozenset(
        edge
        for edge, gain in found.items()
        if gain <= -nats or (gain < nats and any(map(is_uneven, edge)))
    )
