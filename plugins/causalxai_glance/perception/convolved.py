"""Directions from readings with errors, by models convolved with the measurement errors.

A concept that is read with error does not screen off its causes from its effects, and the concept
that is read best looks like a cause of all others. The model of a graph is therefore fitted to the
concepts behind the readings: the density of a reading is the model's density of concepts, averaged
over the distribution of measurement errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai_glance.perception.climbing import Graph
from causalxai_glance.perception.measurement_model import Values
from causalxai_glance.scm import Basis, Choice, screened

_KNOTS = 5
_ROOT_COMPONENTS, _COMPONENTS = 4, 2
_LEAST_VARIANCE = 1e-4
_RIDGE = 1e-6
_HALF_LOG_TAU = 0.5 * float(np.log(2 * np.pi))

PART = 1000
"""The number of readings on which graphs are compared before they are fitted to all readings."""

_ERRORS, _SLACK = 4.0, 5.0  # Standard errors and nats that are subtracted from a part's lag.


# Written by hand because scikit-learn's GaussianMixture takes no sample weights, and the mixture of
# ``scm.noise`` groups unweighted values; here the weights change with each step of the outer model.
@dataclass(frozen=True)
class _Mixture:
    """A mixture of normal distributions, the noise of one concept."""

    share: Tensor
    mean: Tensor
    sd: Tensor

    @classmethod
    def around(cls, residual: Tensor, weights: Tensor, components: int) -> _Mixture:
        mean = (weights * residual).sum() / weights.sum()
        sd = ((weights * (residual - mean) ** 2).sum() / weights.sum()).sqrt()
        place = torch.linspace(-1, 1, components) * (1.0 if components > _COMPONENTS else 0.1)
        width = torch.linspace(0.7, 1.3, components) if components == _COMPONENTS else 0.7
        return cls(
            torch.full((components,), 1 / components), mean + sd * place, sd * width + 0 * place
        )

    @property
    def parameters(self) -> int:
        """The number of free parameters."""
        return 3 * len(self.mean) - 1

    def terms(self, residual: Tensor) -> Tensor:
        """Return the log density of each component, ``[components, n]``."""
        # Components come first and the operations are in place, which is several times faster.
        z = (residual - self.mean[:, None]).div_(self.sd[:, None])
        constant = self.share.log() - self.sd.log() - _HALF_LOG_TAU
        return z.square_().mul_(-0.5).add_(constant[:, None])

    def log_density(self, residual: Tensor) -> Tensor:
        """Return the log density of each residual, ``[n]``."""
        terms = self.terms(residual)
        # torch.logsumexp takes twice as long.
        peak = terms.amax(dim=0)
        return terms.sub_(peak).exp_().sum(dim=0).log_().add_(peak)

    def improved(self, residual: Tensor, weights: Tensor) -> _Mixture:
        """Return the mixture after one step of expectation maximisation."""
        belongs = self.terms(residual).softmax(dim=0).mul_(weights)
        powers = torch.stack([torch.ones_like(residual), residual, residual.square()])
        total, sums, squares = (belongs @ powers.T).double().T
        total = total + 1e-6
        mean = sums / total
        spread = (squares / total - mean**2).clamp_(min=0)
        sd = (spread + _LEAST_VARIANCE).sqrt()
        return _Mixture((total / total.sum()).float(), mean.float(), sd.float())


@dataclass(frozen=True)
class _Basis:
    """Basis functions of all concepts, ``[functions, n]``, with those of each one's shapes.

    The first shape is a line, the second a spline.
    """

    rows: Tensor
    shapes: tuple[tuple[tuple[int, ...], ...], ...]

    @classmethod
    def of(cls, points: Tensor, readings: Tensor) -> _Basis:
        blocks, shapes = [torch.ones(1, points.shape[1])], []
        at = 1
        for x, seen in zip(points, readings.T, strict=True):
            bent = _curve(x, torch.quantile(seen, torch.linspace(0.02, 0.98, _KNOTS)))
            blocks += [x[None], bent]
            shapes.append(((at,), tuple(range(at, at + 1 + len(bent)))))
            at += 1 + len(bent)
        return cls(torch.cat(blocks), tuple(shapes))

    def line(self, concept: int) -> int:
        """Return the row that has the concept itself."""
        return self.shapes[concept][0][0]


def _curve(x: Tensor, knots: Tensor) -> Tensor:
    """Return the nonlinear functions of a natural cubic spline, ``[knots - 2, n]``, with sd 1."""
    spline = Basis(knots=tuple(knots.tolist()))
    bent = torch.from_numpy(spline.columns(x.numpy())[:, 1:]).float().T
    return bent / bent.std(dim=1, keepdim=True).clamp(min=1e-6)


@dataclass(frozen=True)
class _Fit:
    """The log density ``[n]`` of each reading under a graph, and the number of free parameters."""

    densities: NDArray[np.float64]
    constants: int


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
        there are few readings.

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
        self._points = torch.from_numpy(points.T.copy()).float()
        seen = torch.from_numpy((readings - mean) / sd).float()
        self._basis = _Basis.of(self._points, seen)
        self._known: dict[Graph, _Fit] = {}
        self.part: ConvolvedScore | None = None
        if self._n >= 2 * PART:
            rows = np.linspace(0, self._n - 1, PART).round().astype(np.int64)
            self.part = ConvolvedScore(readings[rows], errors[rows], steps=steps, of=self._n)

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
        """Return the graphs that can be the best one, as far as the part of the readings tells."""
        if self.part is None:
            return list(graphs)
        leader = min(graphs, key=self.part)
        return [edges for edges in graphs if self.part.least_lag(edges, leader) <= 0]

    def _fit(self, edges: Graph) -> _Fit:
        if edges not in self._known:
            self._known[edges] = self._fitted(edges)
        return self._known[edges]

    @torch.no_grad()
    def _fitted(self, edges: Graph) -> _Fit:
        parents = [sorted(i for i, to in edges if to == j) for j in range(self._d)]
        weights = torch.full((self._n * self._k,), 1 / self._k)
        noises: dict[int, _Mixture] = {}
        densities, functions = torch.empty(0), 0
        for _ in range(self._steps):
            residuals, functions = self._residuals(parents, weights)
            joint = torch.zeros(len(weights))
            for j, residual in enumerate(residuals):
                size = _COMPONENTS if parents[j] else _ROOT_COMPONENTS
                noise = noises.get(j) or _Mixture.around(residual, weights, size)
                noises[j] = noise.improved(residual, weights)
                joint += noises[j].log_density(residual)
            by_reading = joint.reshape(self._n, self._k)
            weights = by_reading.softmax(dim=1).reshape(-1)
            densities = by_reading.logsumexp(dim=1).double() - np.log(self._k)
        constants = functions + sum(noise.parameters for noise in noises.values())
        return _Fit(np.asarray(densities.numpy()), constants)

    def _residuals(self, parents: Sequence[Sequence[int]], weights: Tensor) -> tuple[Tensor, int]:
        """Return the residuals ``[d, n]`` of weighted regressions, and their basis functions."""
        rows = self._basis.rows
        gram = ((rows * weights) @ rows.T).double().numpy()
        slopes = np.zeros((self._d, len(rows)))
        functions = 0
        for j, own in enumerate(parents):
            where, values = self._equation(gram, j, own)
            slopes[j, where] = values
            functions += len(where) - 1
        return self._points - torch.from_numpy(slopes).float() @ rows, functions

    def _equation(
        self, gram: Values, child: int, parents: Sequence[int]
    ) -> tuple[list[int], Values]:
        """Return the basis functions and the slopes of the shortest additive equation."""
        own = self._basis.line(child)

        def fit(choice: Choice) -> tuple[float, list[int], Values]:
            chosen = (self._basis.shapes[p][c] for p, c in zip(parents, choice, strict=True))
            where = [0, *(row for rows in chosen for row in rows)]
            square = gram[np.ix_(where, where)] + _RIDGE * self._n * np.eye(len(where))
            slopes = np.linalg.solve(square, gram[where, own])
            left = max(gram[own, own] - slopes @ gram[where, own], _LEAST_VARIANCE)
            length = 0.5 * self._of * np.log(left) + 0.5 * len(where) * np.log(self._of)
            return float(length), where, slopes

        fits = screened([2] * len(parents), fit, lambda fitted: fitted[0])
        _, where, slopes = min(fits.values(), key=lambda fitted: fitted[0])
        return where, slopes
