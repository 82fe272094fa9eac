"""Directions from readings with errors, by models convolved with the measurement errors.

A concept that is read with error does not screen off its causes from its effects, and the concept
that is read best looks like a cause of all others. The model of a graph is therefore fitted to the
concepts behind the readings: the density of a reading is the model's density of concepts, averaged
over the distribution of measurement errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, product
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai_glance.perception.measurement_model import Values
from causalxai_glance.scm import Basis, Pair

GraphScore: TypeAlias = Callable[[frozenset[Pair]], float]

_KNOTS = 5
_ROOT_COMPONENTS, _COMPONENTS = 4, 2
_LEAST_VARIANCE = 1e-4
_RIDGE = 1e-6
_HALF_LOG_TAU = 0.5 * float(np.log(2 * np.pi))


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

    def terms(self, residual: Tensor) -> Tensor:
        """Return the log density of each component, ``[n, components]``."""
        z = (residual[:, None] - self.mean) / self.sd
        return self.share.log() - self.sd.log() - _HALF_LOG_TAU - 0.5 * z**2

    def improved(self, residual: Tensor, weights: Tensor) -> _Mixture:
        """Return the mixture after one step of expectation maximisation."""
        belongs = self.terms(residual).softmax(dim=1) * weights[:, None]
        total = belongs.sum(dim=0) + 1e-6
        mean = residual @ belongs / total
        spread = (belongs * (residual[:, None] - mean) ** 2).sum(dim=0) / total
        return _Mixture(total / total.sum(), mean, (spread + _LEAST_VARIANCE).sqrt())


@dataclass(frozen=True)
class _Basis:
    """Basis functions of all concepts, with the columns of each one's line and spline."""

    columns: Tensor
    line: tuple[tuple[int, ...], ...]
    curve: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, points: Tensor, readings: Tensor) -> _Basis:
        blocks, line, curve = [torch.ones(len(points), 1)], [], []
        at = 1
        for x, seen in zip(points.T, readings.T, strict=True):
            bent = _curve(x, torch.quantile(seen, torch.linspace(0.02, 0.98, _KNOTS)))
            blocks += [x[:, None], bent]
            line.append((at,))
            curve.append(tuple(range(at, at + 1 + bent.shape[1])))
            at += 1 + bent.shape[1]
        return cls(torch.cat(blocks, dim=1), tuple(line), tuple(curve))


def _curve(x: Tensor, knots: Tensor) -> Tensor:
    """Return the nonlinear functions of a natural cubic spline, ``[n, knots - 2]``, with sd 1."""
    spline = Basis(knots=tuple(knots.tolist()))
    bent = torch.from_numpy(spline.columns(x.numpy())[:, 1:]).float()
    return bent / bent.std(dim=0).clamp(min=1e-6)


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

    References
    ----------
    .. [1] Friedman, "Learning belief networks in the presence of missing values and hidden
       variables", ICML 1997.
    """

    def __init__(self, readings: Values, errors: Values, *, steps: int = 12) -> None:
        self._n, self._k, self._d = errors.shape
        self._steps = steps
        mean, sd = readings.mean(axis=0), readings.std(axis=0)
        points = (readings[:, None] - errors - mean) / sd
        self._points = torch.from_numpy(points.reshape(-1, self._d)).float()
        seen = torch.from_numpy((readings - mean) / sd).float()
        self._basis = _Basis.of(self._points, seen)
        self._known: dict[frozenset[Pair], float] = {}

    def __call__(self, edges: frozenset[Pair]) -> float:
        """Return the description length under a graph."""
        if edges not in self._known:
            self._known[edges] = self._length(edges)
        return self._known[edges]

    @torch.no_grad()
    def _length(self, edges: frozenset[Pair]) -> float:
        parents = [sorted(i for i, to in edges if to == j) for j in range(self._d)]
        weights = torch.full((self._n, self._k), 1 / self._k)
        noises: list[_Mixture | None] = [None] * self._d
        likelihood, constants = 0.0, 0
        for _ in range(self._steps):
            flat = weights.reshape(-1)
            columns = self._basis.columns
            gram = (columns.T @ (columns * flat[:, None])).double().numpy()
            density, constants = torch.zeros(len(flat)), 0
            for j, own in enumerate(parents):
                where, slopes = self._equation(gram, j, own)
                residual = self._points[:, j] - columns[:, where] @ slopes
                size = _COMPONENTS if own else _ROOT_COMPONENTS
                noise = noises[j] or _Mixture.around(residual, flat, size)
                noise = noise.improved(residual, flat)
                noises[j] = noise
                density += noise.terms(residual).logsumexp(dim=1)
                constants += len(where) - 1 + 3 * size - 1
            joint = density.reshape(self._n, self._k)
            weights = joint.softmax(dim=1)
            likelihood = float((joint.logsumexp(dim=1).double() - np.log(self._k)).sum())
        return 0.5 * constants * float(np.log(self._n)) - likelihood

    def _equation(
        self, gram: NDArray[np.float64], child: int, parents: Sequence[int]
    ) -> tuple[list[int], Tensor]:
        """Return the columns and the slopes of the shortest additive equation."""
        (own,) = self._basis.line[child]
        best: tuple[float, list[int], NDArray[np.float64]] | None = None
        for shapes in product((self._basis.line, self._basis.curve), repeat=len(parents)):
            chosen = [shape[parent] for shape, parent in zip(shapes, parents, strict=True)]
            where = [0, *(column for columns in chosen for column in columns)]
            square = gram[np.ix_(where, where)] + _RIDGE * self._n * np.eye(len(where))
            slopes = np.linalg.solve(square, gram[where, own])
            left = max(gram[own, own] - slopes @ gram[where, own], _LEAST_VARIANCE)
            length = 0.5 * self._n * np.log(left) + 0.5 * len(where) * np.log(self._n)
            if best is None or length < best[0]:
                best = length, where, slopes
        assert best is not None
        return best[1], torch.from_numpy(best[2]).float()


def climb(
    nodes: Sequence[int],
    score: GraphScore,
    start: Iterable[Pair],
    *,
    required: Iterable[Pair] = (),
    forbidden: Iterable[Pair] = (),
) -> frozenset[Pair]:
    """Return a graph that no addition, removal or reversal of an edge improves.

    Parameters
    ----------
    nodes
        The nodes between which edges may change.
    score
        The score of a whole graph; lower is better.
    start
        The initial graph, which has all required edges and no forbidden ones.
    required, forbidden
        Edges that the graph must have, and edges that it must not have.
    """
    must, never = frozenset(required), frozenset(forbidden)
    best = frozenset(start)
    while True:
        rivals = [g for g in _neighbours(nodes, best) if must <= g and not g & never]
        nearest = min(rivals, key=score, default=best)
        if score(nearest) >= score(best):
            return best
        best = nearest


def complete_graphs(
    nodes: Sequence[int], *, required: Iterable[Pair] = (), forbidden: Iterable[Pair] = ()
) -> list[frozenset[Pair]]:
    """Return, for each order of the nodes, the complete graph without the forbidden edges.

    Orders that contradict a required edge are omitted.
    """
    must, never = frozenset(required), frozenset(forbidden)
    found = []
    for order in permutations(nodes):
        edges = must | (frozenset(combinations(order, 2)) - never)
        if is_acyclic(edges):
            found.append(edges)
    return list(dict.fromkeys(found))


def _neighbours(nodes: Sequence[int], edges: frozenset[Pair]) -> list[frozenset[Pair]]:
    found = []
    for i, j in product(nodes, repeat=2):
        if (i, j) in edges:
            found += [edges - {(i, j)}, edges - {(i, j)} | {(j, i)}]
        elif i != j and (j, i) not in edges:
            found.append(edges | {(i, j)})
    return [graph for graph in found if is_acyclic(graph)]


def is_acyclic(edges: Iterable[Pair]) -> bool:
    """Return whether the graph has no directed cycle."""
    left = set(edges)
    while left:
        ends = {j for _, j in left} - {i for i, _ in left}
        if not ends:
            return False
        left = {(i, j) for i, j in left if j not in ends}
    return True
