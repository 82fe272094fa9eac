"""Background knowledge over columns: allowed and required edges, and the order they imply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from causalxai.graph_discoverer import BackgroundKnowledge

Pair: TypeAlias = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Constraints:
    """Constraints on the edges of a graph over ``d`` columns.

    Parameters
    ----------
    allowed
        ``[d, d]``, boolean: whether i → j is allowed.
    required
        The required edges. Each of them is allowed, its reverse is not, and they have no cycle.
    """

    allowed: NDArray[np.bool_]
    required: frozenset[Pair] = frozenset()

    @classmethod
    def none(cls, d: int) -> Self:
        """Return no constraints: every edge is allowed."""
        return cls(~np.eye(d, dtype=bool))

    @classmethod
    def of(cls, background: BackgroundKnowledge, names: Sequence[str]) -> Self:
        """Read background knowledge.

        Parameters
        ----------
        background
            What the user wrote.
        names
            The names of the columns, in order.

        Raises
        ------
        CapabilityError
            If it names an unknown concept, or no graph can satisfy it.
        """
        required, forbidden = background.among(names)
        allowed = ~np.eye(len(names), dtype=bool)
        for i, j in forbidden:
            allowed[i, j] = False
        for i, j in required:
            allowed[j, i] = False
        return cls(allowed, required)

    def among(self, columns: Sequence[int]) -> Self:
        """Return the constraints on some of the columns, which are numbered anew."""
        place = {int(column): index for index, column in enumerate(columns)}
        required = frozenset(
            (place[i], place[j]) for i, j in self.required if {i, j} <= place.keys()
        )
        return type(self)(self.allowed[np.ix_(columns, columns)], required)

    @property
    def empty(self) -> bool:
        """Whether there are no constraints."""
        return not self.required and int((~self.allowed).sum()) == len(self.allowed)

    @cached_property
    def precedes(self) -> NDArray[np.bool_]:
        """``[d, d]``, boolean: whether i precedes j in every causal order that has to be tried.

        Either i → j is required, or there is a path of allowed edges from i to j and none back.
        These relations have no cycle.
        """
        reach = _closure(self.allowed)
        before = reach & ~reach.T
        for i, j in self.required:
            before[i, j] = True
        return _closure(before)


def _closure(relation: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the transitive closure."""
    reach = relation.copy()
    for middle in range(len(reach)):
        reach |= reach[:, middle, None] & reach[None, middle]
    return reach
