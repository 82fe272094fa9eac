"""Searches that proceed together, so that what all of them need next is computed at once."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import TypeAlias, TypeVar

from causalxai_glance.scm.search import Family, LocalScore, PreparedScore

T = TypeVar("T")


class KnownScore:
    """A score, whose values are kept once they are known.

    Parameters
    ----------
    score
        It is called once for each family; with a ``PreparedScore``, many are computed at once.
    """

    def __init__(self, score: LocalScore) -> None:
        self._score = score
        self._prepared = score if isinstance(score, PreparedScore) else None
        self._known: dict[Family, float] = {}

    def __call__(self, child: int, parents: frozenset[int]) -> float:
        """Return the score; lower is better."""
        if (child, parents) not in self._known:
            self._known[child, parents] = float(self._score(child, parents))
        return self._known[child, parents]

    def prepare(self, families: Sequence[Family]) -> None:
        """Compute many scores at once, where the score is able to."""
        if self._prepared is not None:
            self._prepared.prepare(families)

    def needed(self, child: int, sets: Iterable[frozenset[int]]) -> Steps[None]:
        """Ask for the scores of some sets of parents, as far as they are not known."""
        missing = [(child, parents) for parents in sets if (child, parents) not in self._known]
        if missing:
            yield [(self, family) for family in missing]


Steps: TypeAlias = Generator[list[tuple[KnownScore, Family]], None, T]
"""A search that yields what it needs next, each time before it goes on."""


def solve(search: Steps[T]) -> T:
    """Return the result of a search, having computed together what it asks for at a time."""
    while True:
        try:
            wanted = next(search)
        except StopIteration as end:
            result: T = end.value
            return result
        families: dict[KnownScore, dict[Family, None]] = {}
        for score, family in wanted:
            families.setdefault(score, {})[family] = None
        for score, own in families.items():
            score.prepare([*own])


def jointly(searches: Iterable[Steps[T]]) -> Steps[list[T]]:
    """Return the results of searches that do not depend on each other and proceed together."""
    results: dict[int, T] = {}
    going = dict(enumerate(searches))
    while going:
        wanted: list[tuple[KnownScore, Family]] = []
        for number, search in [*going.items()]:
            try:
                wanted += next(search)
            except StopIteration as end:
                results[number] = end.value
                del going[number]
        if wanted:
            yield wanted
    return [results[number] for number in sorted(results)]
