"""The best parents of a node among those that come before it in an order, grown and shrunk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from causalxai_glance.scm.lockstep import KnownScore, Steps, jointly, solve
from causalxai_glance.scm.search import LocalScore, RankedScore, SearchProblem

Question: TypeAlias = tuple[int, frozenset[int], frozenset[int]]
"""A node, the nodes that may be its parents, and those of them that must be."""

_TRIED = 3
"""The number of candidates that are scored as one more parent, of those that rank first."""


class BestParents:
    """The best parents that are found for each set of candidates, with their score.

    They are chosen by the problem's score, without regard to its constraints on edges. With another
    score, those are left out that are useless under it, and the scores are those of the other one.

    Parameters
    ----------
    problem
        It gives the score and the largest number of parents.
    other
        Another score.
    """

    def __init__(self, problem: SearchProblem, other: LocalScore | None = None) -> None:
        self._d = problem.d
        self._most = problem.d if problem.max_parents is None else problem.max_parents
        self._score = KnownScore(problem.score)
        self._ranked = problem.score if isinstance(problem.score, RankedScore) else None
        self._other = None if other is None else KnownScore(other)
        self._found: dict[Question, tuple[float, frozenset[int]]] = {}

    def __call__(self, question: Question) -> tuple[float, frozenset[int]]:
        """Return the score of a node with the best parents, and these."""
        if question not in self._found:
            solve(self.found([question]))
        return self._found[question]

    def found(self, questions: Iterable[Question]) -> Steps[None]:
        """Find the best parents in answer to many questions at once."""
        new = dict.fromkeys(one for one in questions if one not in self._found)
        if new:
            yield from jointly(self._find(question) for question in new)

    def neighbours(self) -> list[frozenset[int]]:
        """Return, for each node, those that describe it beside all others or are described by it.

        They are all others where the score does not tell which parents are worth trying.
        """
        every = frozenset(range(self._d))
        if self._ranked is None:
            return [every] * self._d
        own = solve(jointly(self._described_by(node, self._ranked) for node in sorted(every)))
        return [
            near | {other for other in every if node in own[other]} for node, near in enumerate(own)
        ]

    def _described_by(self, node: int, score: RankedScore) -> Steps[frozenset[int]]:
        """Return the nodes that describe a node, added as long as the description gets shorter."""
        chosen: frozenset[int] = frozenset()
        while True:
            yield from self._score.needed(node, [chosen])
            ranked = score.ranked(node, chosen)
            nearest, added = frozenset(ranked[:_TRIED]), chosen | set(ranked[:1])
            yield from self._score.needed(node, [added])
            if self._score(node, added) >= self._score(node, chosen):
                return chosen | nearest
            chosen = added

    def _find(self, question: Question) -> Steps[None]:
        child, allowed, needed = question
        parents = yield from self._grown(child, allowed, needed)
        found = yield from self._shrunk(child, parents, needed, self._score)
        if self._other is not None:
            found = yield from self._shrunk(child, found[1], needed, self._other)
        self._found[question] = found

    def _grown(
        self, child: int, allowed: frozenset[int], needed: frozenset[int]
    ) -> Steps[frozenset[int]]:
        parents = needed
        while len(parents) < self._most:
            # The ranking of further parents needs the fit to those that are chosen.
            yield from self._score.needed(child, [parents])
            tried = [parents | {one} for one in self._additions(child, parents, allowed)]
            yield from self._score.needed(child, tried)
            larger = min(tried, key=lambda own: self._score(child, own), default=parents)
            if self._score(child, larger) >= self._score(child, parents):
                break
            parents = larger
        return parents

    def _additions(self, child: int, parents: frozenset[int], allowed: frozenset[int]) -> list[int]:
        if self._ranked is None:
            return sorted(allowed - parents)
        ranked = (one for one in self._ranked.ranked(child, parents) if one in allowed)
        return [one for _, one in zip(range(_TRIED), ranked, strict=False)]

    def _shrunk(
        self, child: int, parents: frozenset[int], needed: frozenset[int], score: KnownScore
    ) -> Steps[tuple[float, frozenset[int]]]:
        """Leave parents out as long as a score improves; return the score and those that remain."""
        while True:
            tried = [parents - {one} for one in sorted(parents - needed)]
            yield from score.needed(child, [parents, *tried])
            least = score(child, parents)
            smaller = min(tried, key=lambda own: score(child, own), default=parents)
            if score(child, smaller) >= least:
                return least, parents
            parents = smaller
