"""Background knowledge over columns: which edges may be, which must, and which order follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self, TypeAlias

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from causalxai.errors import CapabilityError, did_you_mean
from causalxai.graph_discoverer import BackgroundKnowledge

Pair: TypeAlias = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Constraints:
    """What a graph over ``d`` columns must and must not have.

    Parameters
    ----------
    allowed
        ``[d, d]``, boolean: whether i → j may be.
    required
        The edges that must be; each of them is allowed, its reverse is not, and they have no cycle.
    """

    allowed: NDArray[np.bool_]
    required: frozenset[Pair] = frozenset()

    @classmethod
    def none(cls, d: int) -> Self:
        """Know nothing: every edge may be."""
        return cls(~np.eye(d, dtype=bool))

    @classmethod
    def of(cls, background: BackgroundKnowledge, names: Sequence[str]) -> Self:
        """Read background knowledge.

        Parameters
        ----------
        background
            What the user wrote.
        names
            Of the columns, in order.

        Raises
        ------
        CapabilityError
            If it names a concept that is not there, or no graph can satisfy it.
        """
        _require_known(background, names)
        index = {name: i for i, name in enumerate(names)}
        forbidden = [(index[a], index[b]) for a, b in background.forbidden]
        required = frozenset((index[a], index[b]) for a, b in background.required)
        tier = {index[name]: i for i, group in enumerate(background.tiers) for name in group}

        allowed = ~np.eye(len(names), dtype=bool)
        for i, j in [*forbidden, *((i, j) for i in tier for j in tier if tier[i] > tier[j])]:
            allowed[i, j] = False
        for i, j in sorted(required):
            if not allowed[i, j]:
                raise CapabilityError(
                    f"background knowledge contradicts itself: {names[i]} → {names[j]} is "
                    "required, but forbidden or against the tiers"
                )
        if not nx.is_directed_acyclic_graph(nx.DiGraph(required)):
            raise CapabilityError("background knowledge contradicts itself: it requires a cycle")
        for i, j in required:
            allowed[j, i] = False
        return cls(allowed, required)

    @property
    def empty(self) -> bool:
        """Whether nothing is known."""
        return not self.required and int((~self.allowed).sum()) == len(self.allowed)

    @cached_property
    def precedes(self) -> NDArray[np.bool_]:
        """``[d, d]``, boolean: whether i stands before j in every causal order worth trying.

        Either i → j is required, or allowed edges lead from i to j and none lead back. These
        relations have no cycle.
        """
        reach = _closure(self.allowed)
        before = reach & ~reach.T
        for i, j in self.required:
            before[i, j] = True
        return _closure(before)


def _require_known(background: BackgroundKnowledge, names: Sequence[str]) -> None:
    for group in (*background.required, *background.forbidden, *background.tiers):
        for name in group:
            if name not in names:
                raise CapabilityError(
                    f"background knowledge speaks of {name!r}, which is no concept"
                    f"{did_you_mean(name, names)} (there are: {', '.join(names)})"
                )


def _closure(relation: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the transitive closure."""
    reach = relation.copy()
    for middle in range(len(reach)):
        reach |= reach[:, middle, None] & reach[None, middle]
    return reach
