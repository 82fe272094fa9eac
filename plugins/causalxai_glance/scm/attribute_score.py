"""The description length of a boolean attribute given its causes, in nats."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import combinations, pairwise
from math import comb

import numpy as np
from numpy.typing import NDArray

from causalxai_glance.scm.basis import Basis
from causalxai_glance.scm.choices import Choice, screened
from causalxai_glance.scm.design import Design, raw_coefficients
from causalxai_glance.scm.logistic import fit_rows, fit_tables, tabulate
from causalxai_glance.scm.threshold import ThresholdEquation

Values = NDArray[np.float64]

_AT_ONCE = 2000  # The largest number of parent sets that are fitted together.
_MOST_CELLS = 4096
_LINE = Basis()


class AttributeScore:
    """Fits and scores equations of the columns whose values are 0 and 1, by logistic regression.

    The score is ``negative log likelihood + ½ k log n``, in nats. Where all parents are boolean as
    well, equal rows are grouped into one cell with its count, and all parent sets of one size are
    fitted together.

    Parameters
    ----------
    values
        ``[n, d]``, in their own units.
    design
        Bases of the standardised columns.
    location, scale
        ``[d]``, mean and sd with which the columns were standardised.
    """

    def __init__(self, values: Values, design: Design, location: Values, scale: Values) -> None:
        self._values, self._design = values, design
        self._location, self._scale = location, scale
        self.boolean = frozenset(
            column for column in range(values.shape[1]) if is_boolean(values[:, column])
        )
        self._tables: dict[tuple[int, tuple[int, ...]], tuple[Values, float]] = {}

    def equation(self, child: int, parents: tuple[int, ...]) -> ThresholdEquation:
        """Return the equation of a boolean column given its parents in ascending order."""
        if self.boolean.issuperset(parents) and 1 << len(parents) <= _MOST_CELLS:
            return self._from_table(child, parents)
        return self._from_rows(child, parents)

    def _price(self, constants: int) -> float:
        return 0.5 * constants * float(np.log(len(self._values)))

    @cached_property
    def _different(self) -> tuple[NDArray[np.int64], Values]:
        """The distinct rows of the boolean columns, other columns set to 0, and their counts."""
        bits = np.zeros(self._values.shape, dtype=np.int64)
        own = sorted(self.boolean)
        bits[:, own] = self._values[:, own]
        rows, counts = np.unique(bits, axis=0, return_counts=True)
        return rows, counts.astype(np.float64)

    def _from_table(self, child: int, parents: tuple[int, ...]) -> ThresholdEquation:
        if (child, parents) not in self._tables:
            self._fit_tables(child, parents)
        weights, loss = self._tables[child, parents]
        return ThresholdEquation(
            child,
            parents,
            float(weights[0]),
            (_LINE,) * len(parents),
            tuple((float(weight),) for weight in weights[1:]),
            loss + self._price(len(weights)),
        )

    def _fit_tables(self, child: int, parents: tuple[int, ...]) -> None:
        """Fit a child to all parent sets of this size, or to this one where there are too many."""
        others = sorted(self.boolean - {child})
        sets = [parents]
        if comb(len(others), len(parents)) <= _AT_ONCE:
            sets = [*combinations(others, len(parents))]
        rows, counts = self._different
        design, total, present = tabulate(rows, rows[:, child].astype(np.float64), counts, sets)
        weights, losses = fit_tables(design, total, present)
        for chosen, own, loss in zip(sets, weights, losses, strict=True):
            self._tables[child, chosen] = own, float(loss)

    def _from_rows(self, child: int, parents: tuple[int, ...]) -> ThresholdEquation:
        column = self._values[:, child]
        fits = screened(
            [len(self._design.bases[parent]) for parent in parents],
            lambda choice: self._fit(column, parents, choice),
            lambda fit: fit[0],
        )
        chosen = min(fits, key=lambda choice: fits[choice][0])
        score, odds = fits[chosen]
        bases = [
            self._design.bases[p][c].rescaled(float(self._location[p]), float(self._scale[p]))
            if p not in self.boolean
            else _LINE
            for p, c in zip(parents, chosen, strict=True)
        ]
        raw = [basis.columns(self._values[:, p]) for basis, p in zip(bases, parents, strict=True)]
        weights, remainder = raw_coefficients(raw, odds - odds.mean())
        ends = np.cumsum([0] + [basis.size for basis in bases])
        return ThresholdEquation(
            child,
            parents,
            float(odds.mean()) - remainder,
            tuple(bases),
            tuple(tuple(weights[a:b].tolist()) for a, b in pairwise(ends)),
            score,
        )

    def _fit(self, column: Values, parents: Sequence[int], chosen: Choice) -> tuple[float, Values]:
        where = self._design.where(parents, chosen)
        n = len(column)
        design = np.column_stack([np.ones(n), self._design.functions[where].T * np.sqrt(n)])
        weights, loss = fit_rows(design, column)
        return loss + self._price(design.shape[1]), design @ weights


def is_boolean(column: Values) -> bool:
    """Return whether a column's values are exactly 0 and 1."""
    return set(np.unique(column)) == {0.0, 1.0}
