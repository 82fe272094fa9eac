"""Regression with subsequent independence test: additive noise, mechanisms of any smooth shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from causalxai_discovery.causal_learn import causal_learn
from causalxai_discovery.claims import Claims
from causalxai_discovery.constraints import Constraints
from causalxai_discovery.observations import (
    ObservationDiscoverer,
    ObservationsConfig,
    tested_rows,
    without_units,
)

_KNOTS = 8
_FEWEST = 5
_PENALTIES = tuple(np.logspace(-4, 3, 8))


def discover_resit(
    values: NDArray[np.float64],
    rng: np.random.Generator,
    constraints: Constraints | None = None,
    *,
    alpha: float = 0.01,
    test_rows: int = 1000,
) -> Claims:
    """Run RESIT [1]_ with additive models of penalised cubic splines, as its authors use.

    Parameters
    ----------
    values
        ``[n, d]``.
    rng
        Draws the rows of the tests.
    constraints
        The order is searched among those that the constraints allow, and parents among the allowed
        ones.
    alpha
        A parent is removed if the residual without it is independent of the predecessors, that is,
        if HSIC's p-value is above this level, in (0, 1). Required parents are kept.
    test_rows
        The largest number of rows of the independence tests, which take quadratic time. Regressions
        use all rows.

    Returns
    -------
    Claims
        Directed edges only. A concept whose value is the same in all but four of the tested rows,
        or fewer, has none: the approximate p-values of HSIC would give it an edge by chance in 15 %
        of tables, at a level of 1 %.

    Raises
    ------
    DataError
        If a column is constant or a linear function of others.

    References
    ----------
    .. [1] Peters, Mooij, Janzing, Schölkopf, "Causal discovery with continuous additive noise
       models", JMLR 15, 2014, algorithm 1.
    """
    values = without_units(values)
    known = Constraints.none(values.shape[1]) if constraints is None else constraints
    rows = tested_rows(values, rng, test_rows)
    kept = [column for column in range(values.shape[1]) if not _rare(values[rows, column])]
    search = _Resit(values[:, kept], rows, known.among(kept), alpha)
    order = search.order()
    parents = {target: search.parents(target, order[:k]) for k, target in enumerate(order)}
    return Claims(frozenset((i, j) for j, causes in parents.items() for i in causes)).placed(kept)


def _rare(column: NDArray[np.float64]) -> bool:
    """Return whether all but a few values of a column are the same."""
    return len(column) - int(np.unique(column, return_counts=True)[1].max()) < _FEWEST


# Written by hand because RESIT in the lingam package does not support background knowledge.
@dataclass(frozen=True, eq=False)
class _Resit:
    values: NDArray[np.float64]
    rows: NDArray[np.int_]
    known: Constraints
    alpha: float

    def order(self) -> list[int]:
        """Return the columns in causal order, from repeatedly removing the best sink."""
        rest, order = list(range(self.values.shape[1])), list[int]()
        while rest:
            sinks = [k for k in rest if not self.known.precedes[k, rest].any()]
            others = {k: [j for j in rest if j != k] for k in sinks}
            sink = sinks[0]
            if len(sinks) > 1:
                sink = min(sinks, key=lambda k: self._dependence(k, others[k], others[k])[0])
            order.insert(0, sink)
            rest.remove(sink)
        return order

    def parents(self, target: int, before: Sequence[int]) -> list[int]:
        """Return the predecessors that are needed in the regression on a target."""
        kept = [j for j in before if self.known.allowed[j, target]]
        for parent in [j for j in kept if (j, target) not in self.known.required]:
            without = [j for j in kept if j != parent]
            if self._dependence(target, without, before)[1] > self.alpha:
                kept = without
        return kept

    def _dependence(
        self, target: int, causes: Sequence[int], others: Sequence[int]
    ) -> tuple[float, float]:
        """Return HSIC and its p-value between the residual and the other columns jointly."""
        residual = self.values[:, target] - self._prediction(target, causes)
        spread = residual.std()
        if not spread > 0:
            # A few rows can be fitted exactly; nothing is left that could depend on anything.
            return 0.0, 1.0
        hsic = causal_learn("search.FCMBased.lingam.hsic").hsic_test_gamma
        tested = residual[self.rows, None] / spread
        statistic, p = hsic(tested, self.values[self.rows][:, others])
        return float(statistic), float(p)

    def _prediction(self, target: int, causes: Sequence[int]) -> NDArray[np.float64] | float:
        if not causes:
            return 0.0
        splines = SplineTransformer(n_knots=_KNOTS, knots="quantile", extrapolation="linear")
        model = make_pipeline(splines, StandardScaler(), RidgeCV(alphas=_PENALTIES))
        columns = self.values[:, causes]
        fitted: NDArray[np.float64] = model.fit(columns, self.values[:, target]).predict(columns)
        return fitted


class Resit(ObservationDiscoverer):
    """RESIT on observed concepts; see ``discover_resit``."""

    measured_false_edges = (
        "Of 40 graphs of four independent concepts with 500 images each, 1 to 3 had an edge "
        "(measured; normal and exponential concepts)."
    )

    class Config(ObservationsConfig):
        """Settings of ``Resit``.

        Parameters
        ----------
        alpha
            The p-value of independence above which a parent is left out.
        test_rows
            The largest number of images that the independence tests use.
        """

        alpha: float = Field(default=0.01, gt=0, lt=1)
        test_rows: int = Field(default=1000, ge=20)

    config: Config

    def _search(
        self, values: NDArray[np.float64], constraints: Constraints, rng: np.random.Generator
    ) -> Claims:
        return discover_resit(
            values,
            rng,
            constraints,
            alpha=self.config.alpha,
            test_rows=self.config.test_rows,
        )
