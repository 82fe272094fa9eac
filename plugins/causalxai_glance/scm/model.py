"""A structural causal model of concepts, and Pearl's three steps in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalxai.errors import DataError
from causalxai_glance.scm.score import MdlScore, checked
from causalxai_glance.scm.search import Pair, exact_search
from causalxai_glance.scm.structural_equation import Mechanism
from causalxai_glance.scm.threshold import ThresholdMechanism

Values = NDArray[np.float64]
AnyMechanism: TypeAlias = Mechanism | ThresholdMechanism

Following = Literal["expected", "likeliest"]
"""What an attribute is after its causes changed: its probability, or the likelier of 0 and 1."""


@dataclass(frozen=True)
class StructuralModel:
    """Mechanisms of concepts, one each, along an acyclic graph.

    Columns of 0 and 1 are attributes that are there or not, and have threshold mechanisms.

    Parameters
    ----------
    names
        The columns'.
    edges
        ``(i, j)``: i → j.
    mechanisms
        In topological order.
    """

    names: tuple[str, ...]
    edges: frozenset[Pair]
    mechanisms: tuple[AnyMechanism, ...]

    @classmethod
    def fit(
        cls,
        values: ArrayLike,
        names: Sequence[str],
        *,
        edges: Iterable[Pair] | None = None,
        links: bool = True,
        required: Iterable[Pair] = (),
        forbidden: Iterable[Pair] = (),
        max_parents: int | None = None,
    ) -> Self:
        """Fit a mechanism to every column.

        Parameters
        ----------
        values
            ``[n, d]``.
        names
            Of the ``d`` columns.
        edges
            The graph; ``None``: the one that describes the values shortest.
        links
            Whether effects may carry links.
        required, forbidden, max_parents
            Bounds of the search, see ``exact_search``.

        Raises
        ------
        DataError
            If the values can't be fitted or the edges are no acyclic graph; columns are named.
        CapabilityError
            If there are too many columns to search.
        """
        x = np.asarray(values, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(names):
            raise DataError(f"values have the shape {x.shape}, and there are {len(names)} names")
        score = MdlScore(checked(x, names), links=links)
        if edges is None:
            graph = exact_search(
                score.d,
                score,
                required=required,
                forbidden=forbidden,
                max_parents=max_parents,
                most_nodes=score.most_nodes,
            )
        else:
            graph = frozenset((int(i), int(j)) for i, j in edges)
        mechanisms = tuple(
            score.mechanism(child, frozenset(i for i, j in graph if j == child))
            for child in _ordered(graph, len(names))
        )
        return cls(tuple(names), graph, mechanisms)

    @property
    def d(self) -> int:
        """How many concepts there are."""
        return len(self.names)

    @property
    def score(self) -> float:
        """Description length of the columns, in nats."""
        return sum(mechanism.score for mechanism in self.mechanisms)

    @property
    def boolean(self) -> frozenset[int]:
        """The columns that are there (1) or not (0)."""
        return frozenset(m.child for m in self.mechanisms if isinstance(m, ThresholdMechanism))

    def abduct(self, values: ArrayLike, rng: np.random.Generator | None = None) -> Values:
        """Return the noise ``[n, d]`` of units ``[n, d]``, in the spaces of the links.

        That of an attribute is known but for its side of a threshold: drawn by ``rng``, the median
        without.

        Raises
        ------
        DataError
            If an attribute is neither 0 nor 1 in some unit.
        """
        x = self._units(values)
        noise = np.empty_like(x)
        for mechanism in self.mechanisms:
            if isinstance(mechanism, ThresholdMechanism):
                noise[:, mechanism.child] = mechanism.abduct(x, rng)
            else:
                noise[:, mechanism.child] = mechanism.abduct(x)
        return noise

    def predict(
        self, noise: ArrayLike, actions: Mapping[int, float | Values] | None = None
    ) -> Values:
        """Return the values that noise leads to under actions.

        Parameters
        ----------
        noise
            ``[n, d]``, as from ``abduct``.
        actions
            What columns are set to: a number, or ``[n]``.

        Returns
        -------
        ndarray
            ``[n, d]``.
        """
        e = self._units(noise)
        actions = {} if actions is None else actions
        self._check_targets(np.array([*actions], dtype=np.int64))
        values = np.empty_like(e)
        for mechanism in self.mechanisms:
            child = mechanism.child
            if child in actions:
                values[:, child] = actions[child]
            else:
                parents = values[:, list(mechanism.parents)]
                values[:, child] = mechanism.predict(parents, e[:, child])
        return values

    def counterfactual(
        self,
        values: ArrayLike,
        targets: ArrayLike,
        settings: ArrayLike,
        *,
        following: Following = "expected",
    ) -> Values:
        """Return what units would be like, had concepts been set.

        Parameters
        ----------
        values
            ``[n, d]``, the units as they are.
        targets
            ``[q, k]``, for each of ``q`` interventions the columns that are set; -1: none.
        settings
            ``[q, n, k]``, what they are set to; anything where there is no target.
        following
            What becomes of an attribute whose causes changed. ``expected``: the probability, given
            the unit, that it would be there, which its own effects see as so much of it: exact
            means for the attributes next to what is set. ``likeliest``: 1 or 0 by what is likelier,
            and its own value where that is on the same side of a half.

        Returns
        -------
        ndarray
            ``[q, n, d]``. What is set is as set. A concept keeps its value, to the bit, in units
            where none of its parents changes, also one that its link cannot abduct.

        Raises
        ------
        DataError
            If shapes do not agree, a target is no column or stands twice in an intervention, or
            values are not finite.

        References
        ----------
        .. [1] Pearl, "Causality", 2nd edition, 2009, theorem 7.1.7.
        """
        x = self._units(values)
        aims, given = self._interventions(targets, settings, len(x))
        result = np.repeat(x[None], len(aims), axis=0)
        is_free = np.ones((len(aims), self.d), dtype=bool)
        for query, place in zip(*np.nonzero(aims >= 0), strict=True):
            column = aims[query, place]
            result[query, :, column] = given[query, :, place]
            is_free[query, column] = False
        for mechanism in self.mechanisms:
            self._propagate(mechanism, x, result, is_free[:, mechanism.child], following)
        return result

    @staticmethod
    def _propagate(
        mechanism: AnyMechanism,
        factual: Values,
        result: Values,
        free: NDArray[np.bool_],
        following: Following,
    ) -> None:
        """Renew a child in place, where it is free and a parent of it has changed."""
        parents = list(mechanism.parents)
        changed = (result[:, :, parents] != factual[:, parents]).any(axis=2) & free[:, None]
        query, unit = np.nonzero(changed)
        if not len(query):
            return
        now = result[query, unit][:, parents]
        if isinstance(mechanism, ThresholdMechanism):
            after = mechanism.follow(factual[unit], now)
            if following == "likeliest":
                own, turned = factual[unit, mechanism.child], np.where(after > 0.5, 1.0, 0.0)
                after = np.where((own > 0.5) == (after > 0.5), own, turned)
            result[query, unit, mechanism.child] = after
        else:
            noise = mechanism.abduct(factual)
            result[query, unit, mechanism.child] = mechanism.predict(now, noise[unit])

    def to_json(self) -> dict[str, Any]:
        """Return the model as plain JSON, from which it predicts the same to the bit."""
        return {
            "names": [*self.names],
            "edges": [list(edge) for edge in sorted(self.edges)],
            "mechanisms": [mechanism.to_json() for mechanism in self.mechanisms],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Undo ``to_json``."""
        return cls(
            tuple(record["names"]),
            frozenset((i, j) for i, j in record["edges"]),
            tuple(map(_mechanism, record["mechanisms"])),
        )

    def _units(self, values: ArrayLike) -> Values:
        x = np.asarray(values, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != self.d:
            raise DataError(f"units have the shape {x.shape}, they must be [n, {self.d}]")
        for name, column in zip(self.names, x.T, strict=True):
            if not np.isfinite(column).all():
                raise DataError(f"{name!r} is not finite in some units")
        return x

    def _interventions(
        self, targets: ArrayLike, settings: ArrayLike, n: int
    ) -> tuple[NDArray[np.int64], Values]:
        aims = np.asarray(targets, dtype=np.int64)
        given = np.asarray(settings, dtype=np.float64)
        if aims.ndim != 2 or given.shape != (len(aims), n, aims.shape[1]):
            raise DataError(
                f"targets {aims.shape} and settings {given.shape} must be [q, k] and [q, n, k] "
                f"for {n} units"
            )
        self._check_targets(aims[aims != -1])
        ordered = np.sort(aims, axis=1)
        if ((np.diff(ordered, axis=1) == 0) & (ordered[:, 1:] >= 0)).any():
            raise DataError("an intervention sets a column twice")
        if not np.isfinite(np.where(aims[:, None] >= 0, given, 0.0)).all():
            raise DataError("a setting is not finite")
        return aims, given

    def _check_targets(self, targets: NDArray[np.int64]) -> None:
        wrong = sorted(set(targets.tolist()) - set(range(self.d)))
        if wrong:
            raise DataError(f"{wrong} are no columns of {self.d}: {', '.join(self.names)}")


def _mechanism(record: dict[str, Any]) -> AnyMechanism:
    is_threshold = record.get("kind") == "threshold"
    return ThresholdMechanism.from_json(record) if is_threshold else Mechanism.from_json(record)


def _ordered(edges: frozenset[Pair], d: int) -> list[int]:
    """Return the columns, causes first, by number where the graph leaves it open."""
    outside = sorted(edge for edge in edges if not all(0 <= node < d for node in edge))
    if outside:
        raise DataError(f"edges {outside} are not between the {d} columns")
    before = {j: [i for i, to in sorted(edges) if to == j] for j in range(d)}
    try:
        return [*TopologicalSorter(before).static_order()]
    except CycleError as error:
        raise DataError(f"the edges have a cycle: {error.args[1]}") from error
