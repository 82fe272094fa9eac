"""Directions from readings with errors, by models convolved with the measurement errors.

A concept that is read with error does not screen off its causes from its effects, and the concept
that is read best looks like a cause of all others. The model of a graph is therefore fitted to the
concepts behind the readings: the density of a reading is the model's density of concepts, averaged
over the distribution of measurement errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.linalg.lapack import dposv
from torch import Tensor

from causalxai_glance.perception.basis_functions import BasisFunctions, Rows, rows_of_equation
from causalxai_glance.perception.climbing import Graph
from causalxai_glance.perception.measurement_model import Values
from causalxai_glance.perception.normal_mixture import LEAST_VARIANCE, NormalMixture, log_sum
from causalxai_glance.scm import Choice, screened

_ROOT_COMPONENTS, _COMPONENTS = 4, 2
_RIDGE = 1e-6

PARTS = (250, 1000)
"""The numbers of readings on which graphs are compared before they are fitted to all readings."""

_AT_ONCE = 20_000  # The number of draws whose working memory stays within a core's cache.

_UNKNOWN = 4.0
"""How many times the likelihood can rise as much as the drawn errors let a regression gain."""

_ROUGH = 1.0  # Tolerance, in nats, for what a regression tells.
_ERRORS, _SLACK = 4.0, 5.0  # Standard errors and nats that are subtracted from a part's lag.


@dataclass(frozen=True)
class _Fit:
    """The model of a graph that was fitted to readings.

    Parameters
    ----------
    densities
        ``[n]``, the log density of each reading.
    constants
        The number of free parameters.
    weights
        ``[d, functions]``, whose products with the basis functions are the residuals.
    noises
        One of each concept.
    """

    densities: Values
    constants: int
    weights: Values
    noises: tuple[NormalMixture, ...]


def _parents(edges: Graph, child: int) -> list[int]:
    return sorted(i for i, to in edges if to == child)


def _components(parents: Sequence[int]) -> int:
    """Return the number of components of a concept's noise."""
    return _COMPONENTS if parents else _ROOT_COMPONENTS


class ConvolvedScore:
    """The description length of readings under a whole graph, in nats; lower is better.

    ``-log p(readings | graph) + ½ k log n`` with ``p(reading) = E over errors e of
    p_model(reading - e)``, maximised over additive equations (for each parent a line or a natural
    spline, whichever is shorter) with mixtures of normals as noise, by expectation-maximisation in
    which also the lines and splines are chosen anew in each step [1]_.

    Parameters
    ----------
    readings
        ``[n, d]``.
    errors
        ``[n, k, d]``, for each reading ``k`` draws of its measurement error.
    steps
        The number of steps of expectation maximisation.
    of
        The number of readings of which these are a part: lengths are then estimates of that of all
        readings.

    Attributes
    ----------
    part
        The score of a part of the readings, which takes a fraction of the time; ``None`` where
        there are few readings. It may have a part of its own.

    References
    ----------
    .. [1] Friedman, "Learning belief networks in the presence of missing values and hidden
       variables", ICML 1997.
    """

    def __init__(
        self, readings: Values, errors: Values, *, steps: int = 12, of: int | None = None
    ) -> None:
        self._n, self._k, self._d = errors.shape
        self._steps = steps
        self._of = self._n if of is None else of
        mean, sd = readings.mean(axis=0), readings.std(axis=0)
        points = ((readings[:, None] - errors - mean) / sd).reshape(-1, self._d)
        seen = torch.from_numpy((readings - mean) / sd).float()
        self._basis = BasisFunctions.of(torch.from_numpy(points.T.copy()).float(), seen)
        self._known: dict[Graph, _Fit] = {}
        self._grams: dict[Graph, Values] = {}
        self.part: ConvolvedScore | None = None
        size = max((size for size in PARTS if 2 * size <= self._n), default=None)
        if size is not None:
            rows = np.linspace(0, self._n - 1, size).round().astype(np.int64)
            self.part = ConvolvedScore(readings[rows], errors[rows], steps=steps, of=self._of)

    @property
    def alone(self) -> ConvolvedScore:
        """The same, but for lengths, which are those of this part of the readings itself."""
        other = copy(self)
        other._of = self._n
        return other

    @property
    def levels(self) -> list[ConvolvedScore]:
        """The scores of the parts, that of the smallest part first, and this one."""
        return [*([] if self.part is None else self.part.levels), self]

    def __call__(self, edges: Graph) -> float:
        """Return the description length under a graph."""
        fit = self._fit(edges)
        likelihood = float(fit.densities.sum()) * self._of / self._n
        return float(0.5 * fit.constants * np.log(self._of) - likelihood)

    def least_lag(self, edges: Graph, other: Graph) -> float:
        """Return the least nats by which a graph is longer than another one on all readings.

        They are estimated from the lag in every single reading of this part: four standard errors,
        and a few nats for the parameters that fit a part too well, are subtracted.
        """
        lag = self(edges) - self(other)
        each = self._fit(other).densities - self._fit(edges).densities
        error = self._of * float(each.std()) / float(np.sqrt(self._n))
        return lag - _ERRORS * error - _SLACK

    def contenders(self, graphs: Sequence[Graph]) -> list[Graph]:
        """Return the graphs that can be the best one, the likeliest first.

        The part of the readings tells, if there is one, and else all readings.
        """
        if self.part is None:
            return sorted(graphs, key=self)
        kept = sorted(self.part.contenders(graphs), key=self.part)
        return [edges for edges in kept if self.part.least_lag(edges, kept[0]) <= 0]

    def promising(self, best: Graph, rivals: Sequence[Graph]) -> list[Graph]:
        """Return the graphs that can be better than one from which each differs by an edge.

        The errors are drawn with their probabilities under the better known graph, as in structural
        expectation maximisation [1]_, so that only the equations have to be compared whose parents
        differ. A regression tells what an edge explains. Because it takes the drawn errors as
        known, the likelihood can rise further or fall less; that is allowed for. An edge that is
        reversed may always be better, which regressions do not tell.
        """
        gram = self._gram(best)

        def may_be_better(other: Graph) -> bool:
            changed = {j for _, j in best ^ other}
            if len(changed) > 1:
                return True
            (child,) = changed
            left, constants = self._regressed(gram, child, best)
            other_left, other_constants = self._regressed(gram, child, other)
            gain = 0.5 * self._of * float(np.log(left / other_left))
            gain = gain * _UNKNOWN if gain > 0 else gain / _UNKNOWN
            price = 0.5 * (other_constants - constants) * float(np.log(self._of))
            return price <= gain + _ROUGH

        return [other for other in rivals if may_be_better(other)]

    def _gram(self, edges: Graph) -> Values:
        """Return the products of all basis functions, weighted as under a graph."""
        if edges not in self._grams:
            fit = self._fit(edges)
            self._grams[edges] = self._expected(self._basis.rows, fit.weights, fit.noises)[1]
        return self._grams[edges]

    def _regressed(self, gram: Values, child: int, edges: Graph) -> tuple[float, int]:
        """Return the sum of squares that a concept's parents leave, and its free parameters."""
        parents = _parents(edges, child)
        where, _, left = self._equation(gram, child, parents)
        return left, len(where) + 3 * _components(parents)

    def _fit(self, edges: Graph) -> _Fit:
        if edges not in self._known:
            self._known[edges] = self._fitted(edges)
        return self._known[edges]

    @cached_property
    def _even_gram(self) -> Values:
        """The products of the basis functions where all draws of an error are equally likely."""
        rows = self._basis.rows
        return np.asarray((rows @ rows.T).double().numpy() / self._k)

    @torch.no_grad()
    def _fitted(self, edges: Graph) -> _Fit:
        parents = [_parents(edges, j) for j in range(self._d)]
        # The functions of concepts without effects are not needed.
        needed = self._basis.needed({i for own in parents for i in own})
        rows = self._basis.rows[needed]
        gram = self._even_gram
        noises: list[NormalMixture] = []
        densities, weights, functions = np.empty(0), np.empty(0), 0
        for _ in range(self._steps):
            weights, left, functions = self._equations(gram, parents)
            if not noises:
                sizes = map(_components, parents)
                noises = list(map(NormalMixture.around, np.sqrt(left / self._n).tolist(), sizes))
            densities, products, moments = self._expected(rows, weights[:, needed], noises)
            gram = np.zeros_like(self._even_gram)
            gram[np.ix_(needed, needed)] = products
            noises = [NormalMixture.of(own) for own in moments]
        constants = functions + sum(noise.parameters for noise in noises)
        return _Fit(densities, constants, weights, tuple(noises))

    def _expected(
        self, rows: Tensor, weights: Values, noises: Sequence[NormalMixture]
    ) -> tuple[Values, Values, list[Values]]:
        """Weigh the draws of each error by their probabilities, and the components of the noises.

        Parameters
        ----------
        rows
            Basis functions ``[functions, n]``.
        weights
            ``[d, functions]``, whose products with the functions are the residuals.
        noises
            One of each concept.

        Returns
        -------
        densities, products, moments
            The log density of each reading, the weighted products of the functions, and the masses,
            sums and sums of squares of each noise's components, ``[components, 3]``.
        """
        slopes = torch.from_numpy(weights).float()
        densities = []
        products = np.zeros((len(rows), len(rows)))
        moments = [np.zeros((len(one.mean), 3)) for one in noises]
        for some in rows.split(max(_AT_ONCE // self._k, 1) * self._k, dim=1):
            residuals = slopes @ some
            each = [one.apportion(own) for own, one in zip(residuals, noises, strict=True)]
            joint = torch.stack([density for density, _ in each]).sum(dim=0)
            by_reading, probable = log_sum(joint.reshape(-1, self._k), 1)
            densities.append(by_reading.double() - np.log(self._k))
            probable = probable.reshape(-1)
            products += ((some * probable) @ some.T).double().numpy()
            for own, (_, shares), sums in zip(residuals, each, moments, strict=True):
                powers = torch.stack([torch.ones_like(own), own, own.square()])
                sums += (shares.mul_(probable) @ powers.T).double().numpy()
        return np.asarray(torch.cat(densities).numpy()), products, moments

    def _equations(
        self, gram: Values, parents: Sequence[Sequence[int]]
    ) -> tuple[Values, Values, int]:
        """Return the shortest equation of each concept, by weighted regressions.

        Returns
        -------
        weights, left, functions
            ``[d, functions]``, whose products with the basis functions are the residuals; the
            residuals' sums of squares ``[d]``; and the number of functions that are used.
        """
        weights, left = np.zeros((self._d, len(gram))), np.zeros(self._d)
        functions = 0
        for j, own in enumerate(parents):
            where, slopes, left[j] = self._equation(gram, j, own)
            weights[j, where] = -slopes
            weights[j, self._basis.line(j)] += 1
            functions += len(where) - 1
        return weights, left, functions

    def _equation(
        self, gram: Values, child: int, parents: Sequence[int]
    ) -> tuple[Rows, Values, float]:
        """Return basis functions, slopes and sum of squares of the shortest additive equation."""
        own = self._basis.line(child)

        def fit(choice: Choice) -> tuple[float, tuple[Rows, Values, float]]:
            where, square = rows_of_equation(self._basis.shapes, tuple(parents), choice)
            inner, across = gram.take(square), gram[own].take(where)
            inner.flat[:: len(where) + 1] += _RIDGE * self._n
            # LAPACK itself: numpy's checks would take longer than the small system.
            solution, failed = dposv(inner, across)[1:]
            slopes = np.linalg.solve(inner, across) if failed else solution
            left = max(float(gram[own, own] - slopes @ across), LEAST_VARIANCE)
            length = 0.5 * self._of * np.log(left) + 0.5 * len(where) * np.log(self._of)
            return float(length), (where, slopes, left)

        fits = screened([2] * len(parents), fit, lambda fitted: fitted[0])
        return min(fits.values(), key=lambda fitted: fitted[0])[1]
