"""The score of a sample in which some columns do not vary."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike

from causalxai_glance.scm.sample_checks import can_be_scored
from causalxai_glance.scm.score import MdlScore
from causalxai_glance.scm.search import Family, Pair


class PartialScore:
    """``MdlScore`` of the columns that vary in a sample; others score 0 and get no edge.

    A rare attribute is often constant throughout a small sample.

    Parameters
    ----------
    values
        ``[n, d]``.
    links
        As for ``MdlScore``.
    among
        The columns that may be scored; all by default.
    """

    def __init__(
        self, values: ArrayLike, *, links: bool = True, among: Collection[int] | None = None
    ) -> None:
        x = np.asarray(values, dtype=np.float64)
        self.d = x.shape[1]
        asked = range(self.d) if among is None else sorted(among)
        scored = [column for column in asked if can_be_scored(x[:, column])]
        self._columns = scored
        self._place = {column: place for place, column in enumerate(scored)}
        self._score = MdlScore(x[:, scored], links=links) if scored else None

    @property
    def forbidden(self) -> frozenset[Pair]:
        """The pairs for which the sample has no information."""
        pairs = ((i, j) for i in range(self.d) for j in range(self.d) if i != j)
        return frozenset(pair for pair in pairs if not self._place.keys() >= set(pair))

    def __call__(self, child: int, parents: frozenset[int]) -> float:
        """Return the description length of ``child`` given those of its parents that vary."""
        if self._score is None or child not in self._place:
            return 0.0
        return self._score(self._place[child], self._varying(parents))

    def screen(self, child: int, parents: frozenset[int]) -> float:
        """Return an approximation of the same in less time; see ``MdlScore.screen``."""
        if self._score is None or child not in self._place:
            return 0.0
        return self._score.screen(self._place[child], self._varying(parents))

    def prepare(self, families: Sequence[Family]) -> None:
        """Fit many families at once; see ``MdlScore.prepare``."""
        if self._score is not None:
            scored = [
                (self._place[child], self._varying(parents))
                for child, parents in families
                if child in self._place
            ]
            self._score.prepare(scored)

    def ranked(self, child: int, parents: frozenset[int]) -> list[int]:
        """Return the columns that may improve a set of parents; see ``MdlScore.ranked``."""
        if self._score is None or child not in self._place:
            return []
        found = self._score.ranked(self._place[child], self._varying(parents))
        return [self._columns[place] for place in found]

    def _varying(self, parents: frozenset[int]) -> frozenset[int]:
        """Return the parents that are scored, by their places among the scored columns."""
        return frozenset(self._place[parent] for parent in parents if parent in self._place)
