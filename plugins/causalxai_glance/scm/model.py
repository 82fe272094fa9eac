"""A structural causal model of concepts, with abduction, action and prediction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalxai.errors import DataError
from causalxai_glance.scm.graph_search import find_graph
from causalxai_glance.scm.sample_checks import checked, searchable
from causalxai_glance.scm.score import MdlScore, edge_price
from causalxai_glance.scm.search import Pair, SearchProblem
from causalxai_glance.scm.structural_equation import StructuralEquation
from causalxai_glance.scm.threshold import ThresholdEquation

Values = NDArray[np.float64]
AnyEquation: TypeAlias = StructuralEquation | ThresholdEquation

Following = Literal["expected", "likeliest"]
"""The value of a boolean effect whose causes changed: its probability, or the likelier value."""


@dataclass(frozen=True)
class StructuralModel:
    """Structural equations of concepts, one for each, over an acyclic graph.

    Columns of 0 and 1 are boolean attributes and have threshold equations.

    Parameters
    ----------
    names
        The names of the columns.
    edges
        ``(i, j)``: i → j.
    equations
        In topological order.
    """

    names: tuple[str, ...]
    edges: frozenset[Pair]
    equations: tuple[AnyEquation, ...]

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
        """Fit an equation to every column.

        Parameters
        ----------
        values
            ``[n, d]``.
        names
            Of the ``d`` columns.
        edges
            The graph; by default the one with the least description length of the values.
        links
            Whether effects may be transformed by links.
        required, forbidden, max_parents
            Constraints of the search; see ``SearchProblem``.

        Raises
        ------
        DataError
            If the values cannot be fitted, the edges are not an acyclic graph, or there are no
            edges and columns are linear functions of others. The message names the column.
        """
        x = np.asarray(values, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(names):
            raise DataError(f"values have the shape {x.shape}, but there are {len(names)} names")
        score = MdlScore((searchable if edges is None else checked)(x, names), links=links)
        if edges is None:
            graph = find_graph(
                SearchProblem(
                    score.d,
                    score,
                    frozenset(required),
                    frozenset(forbidden),
                    max_parents,
                    score.most_nodes,
                )
            )
        else:
            graph = frozenset((int(i), int(j)) for i, j in edges)
        equations = tuple(
            score.equation(child, frozenset(i for i, j in graph if j == child))
            for child in _ordered(graph, len(names))
        )
        return cls(tuple(names), graph, equations)

    @property
    def d(self) -> int:
        """The number of concepts."""
        return len(self.names)

    @property
    def score(self) -> float:
        """Description length of the columns and of the graph, in nats."""
        columns = sum(equation.score for equation in self.equations)
        return columns + edge_price(self.d) * len(self.edges)

    @property
    def boolean(self) -> frozenset[int]:
        """The boolean columns, whose values are 0 and 1."""
        return frozenset(m.child for m in self.equations if isinstance(m, ThresholdEquation))

    def abduct(self, values: ArrayLike, rng: np.random.Generator | None = None) -> Values:
        """Return the noise ``[n, d]`` of units ``[n, d]``, in the spaces of the links.

        The noise of a boolean attribute is known only up to the side of its threshold: it is drawn
        with ``rng``, or is the median without one.

        Raises
        ------
        DataError
            If an attribute is neither 0 nor 1 in some unit.
        """
        x = self._units(values)
        noise = np.empty_like(x)
        for equation in self.equations:
            if isinstance(equation, ThresholdEquation):
                noise[:, equation.child] = equation.abduct(x, rng)
            else:
                noise[:, equation.child] = equation.abduct(x)
        return noise

    def predict(
        self, noise: ArrayLike, actions: Mapping[int, float | Values] | None = None
    ) -> Values:
        """Return the values that follow from the noise under actions.

        Parameters
        ----------
        noise
            ``[n, d]``, as from ``abduct``.
        actions
            The values to which columns are set: a number, or ``[n]``.

        Returns
        -------
        ndarray
            ``[n, d]``.
        """
        e = self._units(noise)
        actions = {} if actions is None else actions
        self._check_targets(np.array([*actions], dtype=np.int64))
        values = np.empty_like(e)
        for equation in self.equations:
            child = equation.child
            if child in actions:
                values[:, child] = actions[child]
            else:
                parents = values[:, list(equation.parents)]
                values[:, child] = equation.predict(parents, e[:, child])
        return values

    def counterfactual(
        self,
        values: ArrayLike,
        targets: ArrayLike,
        settings: ArrayLike,
        *,
        following: Following = "expected",
    ) -> Values:
        """Return the counterfactual values of units, had concepts been set.

        Parameters
        ----------
        values
            ``[n, d]``, the factual values of the units.
        targets
            ``[q, k]``, for each of ``q`` interventions the columns that are set; -1: none.
        settings
            ``[q, n, k]``, the values to which they are set; ignored where there is no target.
        following
            The value of a boolean attribute whose causes changed. ``expected`` is the probability,
            given the unit, that it would be present; the attribute's own effects receive this
            fraction as their input, so that means are exact for the direct effects of the concepts
            that are set. ``likeliest`` is the likelier of 0 and 1, and the factual value where that
            lies on the same side of one half.

        Returns
        -------
        ndarray
            ``[q, n, d]``. A concept that is set has the value to which it is set. A concept keeps
            its factual value, to the bit, in units where none of its parents changes, even where
            its link cannot abduct it.

        Raises
        ------
        DataError
            If shapes do not agree, a target is not a column or is repeated within an intervention,
            or values are not finite.

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
        for equation in self.equations:
            self._propagate(equation, x, result, is_free[:, equation.child], following)
        return result

    @staticmethod
    def _propagate(
        equation: AnyEquation,
        factual: Values,
        result: Values,
        free: NDArray[np.bool_],
        following: Following,
    ) -> None:
        """Update a child in place where it is not set and one of its parents has changed."""
        parents = list(equation.parents)
        changed = (result[:, :, parents] != factual[:, parents]).any(axis=2) & free[:, None]
        query, unit = np.nonzero(changed)
        if not len(query):
            return
        now = result[query, unit][:, parents]
        if isinstance(equation, ThresholdEquation):
            after = equation.follow(factual[unit], now)
            if following == "likeliest":
                own, turned = factual[unit, equation.child], np.where(after > 0.5, 1.0, 0.0)
                after = np.where((own > 0.5) == (after > 0.5), own, turned)
            result[query, unit, equation.child] = after
        else:
            noise = equation.abduct(factual)
            result[query, unit, equation.child] = equation.predict(now, noise[unit])

    def to_json(self) -> dict[str, Any]:
        """Return the model as plain JSON; the restored model predicts the same to the bit."""
        return {
            "names": [*self.names],
            "edges": [list(edge) for edge in sorted(self.edges)],
            "equations": [equation.to_json() for equation in self.equations],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Return the model that ``to_json`` described."""
        return cls(
            tuple(record["names"]),
            frozenset((i, j) for i, j in record["edges"]),
            tuple(map(_equation, record["equations"])),
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
            raise DataError(f"{wrong} are not among the {self.d} columns: {', '.join(self.names)}")


def _equation(record: dict[str, Any]) -> AnyEquation:
    is_threshold = record.get("kind") == "threshold"
    return (
        ThresholdEquation.from_json(record)
        if is_threshold
        else StructuralEquation.from_json(record)
    )


def _ordered(edges: frozenset[Pair], d: int) -> list[int]:
    """Return the columns in topological order, by number where the graph leaves the order open."""
    outside = sorted(edge for edge in edges if not all(0 <= node < d for node in edge))
    if outside:
        raise DataError(f"edges {outside} are not between the {d} columns")
    before = {j: [i for i, to in sorted(edges) if to == j] for j in range(d)}
    try:
        return [*TopologicalSorter(before).static_order()]
    except CycleError as error:
        raise DataError(f"the edges have a cycle: {error.args[1]}") from error
