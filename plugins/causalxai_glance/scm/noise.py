"""Noise distributions: Gaussian mixtures whose number of components is chosen by BIC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr

Values = NDArray[np.float64]
Parts: TypeAlias = tuple[Values, Values, Values]  # weights, means, standard deviations

NARROWEST = 0.1
"""The smallest sd of a component, as a share of the residual's sd.

Without a limit, the density at rounded, repeated or clipped values would be unbounded."""

_GROUPS, _TAIL = 100, 10
_TRIAL_STEPS, _STEPS = 10, 100
_CACHED = 50_000  # The number of values that stay within a processor's cache with what is computed.
_TRIED_AT_ONCE = 48  # The number of samples whose trials stay within a processor's cache.
_GAIN = 0.01  # nats per step
_LEAST_DENSITY = 1e-290
_ROUGH = 2.0  # Tolerance, in nats, for the approximation by groups.
_LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class Noise:
    """A mixture of Gaussians.

    Parameters
    ----------
    weights, means, sds
        One of each per component; a single component is a Gaussian.
    """

    weights: tuple[float, ...]
    means: tuple[float, ...]
    sds: tuple[float, ...]

    @property
    def components(self) -> int:
        """The number of components."""
        return len(self.weights)

    @property
    def parameters(self) -> int:
        """The number of free parameters of the mixture, including its mean."""
        return 3 * len(self.weights) - 1

    def log_density(self, values: ArrayLike) -> Values:
        """Return the log density at each value."""
        x = np.asarray(values, dtype=np.float64)
        weights, means, sds = self._parts(x.ndim)
        scaled = (x - means) / sds
        return _log_sum(np.log(weights / sds) - 0.5 * _LOG_2PI - 0.5 * scaled * scaled)

    def log_mass(self, lower: ArrayLike, upper: ArrayLike) -> Values:
        """Return the log probability of each interval, whose ends may be infinite."""
        a, b = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
        weights, means, sds = self._parts(a.ndim)
        a, b = (a - means) / sds, (b - means) / sds
        # Reflected into the lower half, where the logarithm of the distribution function is
        # accurate.
        flip = a + b > 0
        a, b = np.where(flip, -b, a), np.where(flip, -a, b)
        inner = log_ndtr(a) - log_ndtr(b)
        return _log_sum(np.log(weights) + log_ndtr(b) + np.log(-np.expm1(inner)))

    def entropy(self, residual: ArrayLike) -> float:
        """Return the mean negative log likelihood of a sample, in nats."""
        return -float(self.log_density(residual).mean())

    def sample(self, n: int, rng: np.random.Generator) -> Values:
        """Draw ``n`` values."""
        which = rng.choice(self.components, size=n, p=np.asarray(self.weights))
        means, sds = np.asarray(self.means), np.asarray(self.sds)
        return np.asarray(means[which] + sds[which] * rng.standard_normal(n), dtype=np.float64)

    def moved(self, location: float, scale: float) -> Self:
        """Return the distribution of ``location + scale * noise``; scale is positive."""
        return type(self)(
            self.weights,
            tuple(location + scale * mean for mean in self.means),
            tuple(scale * sd for sd in self.sds),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the noise as plain JSON."""
        return {"weights": [*self.weights], "means": [*self.means], "sds": [*self.sds]}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Return the noise that ``to_json`` described."""
        return cls(tuple(record["weights"]), tuple(record["means"]), tuple(record["sds"]))

    def _parts(self, ndim: int) -> Parts:
        """Return weights, means and sds, components first, to broadcast with ``ndim`` axes."""
        weights, means, sds = (
            np.asarray(part).reshape(-1, *(1,) * ndim)
            for part in (self.weights, self.means, self.sds)
        )
        return weights, means, sds


@dataclass(frozen=True)
class NoiseFit:
    """Noise fitted to a sample.

    Parameters
    ----------
    noise
        The distribution.
    length
        Its description length of the sample, in nats: negative log likelihood + ½ k log n.
    """

    noise: Noise
    length: float


@dataclass(frozen=True)
class Cells:
    """Values of which only an interval is known.

    Parameters
    ----------
    rows
        ``[c]``, the rows of these values.
    lower, upper
        ``[c]``, the distances from the residual down and up to the ends of its interval, in the
        residual's unit; infinite where a value was clipped.
    """

    rows: NDArray[np.int64]
    lower: Values
    upper: Values


def fit_noise(
    residuals: ArrayLike, most: int | NDArray[np.int64] = 3, cells: Cells | None = None
) -> list[NoiseFit]:
    """Fit to every sample the mixture with the least description length (BIC).

    Parameters
    ----------
    residuals
        ``[samples, n]``; no sample is constant.
    most
        The largest number of components, of all samples or ``[samples]`` of each.
    cells
        Values that are only known to lie in an interval; they count with its probability instead of
        a density.

    Returns
    -------
    list of NoiseFit
        One per sample. For speed, expectation maximisation runs over groups of neighbouring values
        with their exact first two moments; the description length is that of the values themselves.
    """
    x = np.atleast_2d(np.asarray(residuals, dtype=np.float64))
    limits = np.broadcast_to(most, len(x))
    means, sds, moments, starts = _summaries(x, int(limits.max()))

    def measured(noise: Noise, row: int) -> NoiseFit:
        noise = noise.moved(float(means[row]), float(sds[row]))
        return NoiseFit(noise, _length(noise, x[row], cells))

    if cells is None:
        closed = _standard_length(x.shape[1]) + x.shape[1] * np.log(sds)
        moved = (_STANDARD.moved(*unit) for unit in zip(means.tolist(), sds.tolist(), strict=True))
        fits = [NoiseFit(*own) for own in zip(moved, closed.tolist(), strict=True)]
    else:
        fits = [measured(_STANDARD, row) for row in range(len(x))]
    rough = np.full(len(x), np.inf if cells else _standard_length(x.shape[1]))
    for components in range(2, int(limits.max()) + 1):
        rows = np.flatnonzero(limits >= components)
        parts, likelihoods = _mixtures(moments[rows], _of_rows(starts[components], rows))
        lengths = 0.5 * (3 * components - 1) * np.log(x.shape[1]) - likelihoods
        # The grouped likelihood ignores cells, so that with cells every mixture is measured
        # exactly.
        for place in np.flatnonzero((lengths < rough[rows] + _ROUGH) | (cells is not None)):
            row = int(rows[place])
            mixture = Noise(*(tuple(part[place].tolist()) for part in parts))
            fits[row] = min(fits[row], measured(mixture, row), key=lambda fit: fit.length)
            rough[row] = min(rough[row], lengths[place])
    return fits


def _length(noise: Noise, sample: Values, cells: Cells | None) -> float:
    length = 0.5 * noise.parameters * float(np.log(len(sample)))
    if cells is None:
        return length - float(noise.log_density(sample).sum())
    within = sample[cells.rows]
    length -= float(noise.log_mass(within - cells.lower, within + cells.upper).sum())
    return length - float(noise.log_density(np.delete(sample, cells.rows)).sum())


def _standard_length(n: int) -> float:
    return 0.5 * n * (_LOG_2PI + 1) + float(np.log(n))


_STANDARD = Noise((1.0,), (0.0,), (1.0,))


def _log_sum(joint: Values) -> Values:
    """Return the log of the sum of exponentials over the first axis, that of the components."""
    peak = joint.max(axis=0)
    return np.asarray(np.log(np.exp(joint - peak).sum(axis=0)) + peak, dtype=np.float64)


def _summaries(x: Values, most: int) -> tuple[Values, Values, Values, dict[int, Parts]]:
    """Return means, sds, moments of groups, and the starts for each number of components."""
    # The passes over a few samples at a time stay within a processor's cache.
    step = max(1, _CACHED // x.shape[1])
    parts = [_summary(x[at : at + step], most) for at in range(0, len(x), step)]
    means, sds, moments = (np.concatenate([own[kind] for own in parts]) for kind in range(3))
    starts = {
        components: _joined([own[3][components] for own in parts])
        for components in range(2, most + 1)
    }
    return means, sds, moments, starts


def _summary(x: Values, most: int) -> tuple[Values, Values, Values, dict[int, Parts]]:
    means, sds = x.mean(axis=1), x.std(axis=1)
    ordered = (x - means[:, None]) / sds[:, None]
    ordered.sort(axis=1)
    squares = ordered**2
    middle = x.shape[1] // 2
    medians = (ordered[:, middle] + ordered[:, -1 - middle]) / 2
    starts = {own: _starts(ordered, squares, medians, own) for own in range(2, most + 1)}
    return means, sds, _grouped(ordered, squares), starts


def _joined(parts: Sequence[Parts]) -> Parts:
    weights, means, sds = (np.concatenate(own) for own in zip(*parts, strict=True))
    return weights, means, sds


def _of_rows(parts: Parts, rows: NDArray[np.int64] | slice) -> Parts:
    weights, means, sds = parts
    return weights[rows], means[rows], sds[rows]


def _grouped(ordered: Values, squares: Values) -> Values:
    """Return counts, sums and sums of squares ``[samples, 3, groups]``; tails are not grouped."""
    n = ordered.shape[1]
    edges = np.arange(n)
    if n > _GROUPS + 2 * _TAIL:
        inner = np.linspace(_TAIL, n - _TAIL, _GROUPS + 1).round().astype(int)
        edges = np.r_[np.arange(_TAIL), inner, np.arange(n - _TAIL + 1, n)]
    counts = np.diff(np.r_[edges, n]).astype(np.float64)
    sums = np.add.reduceat(ordered, edges, axis=1)
    of_squares = np.add.reduceat(squares, edges, axis=1)
    return np.stack([np.broadcast_to(counts, sums.shape), sums, of_squares], axis=1)


def _starts(ordered: Values, squares: Values, medians: Values, components: int) -> Parts:
    """Return four starts per sample, ``[samples, 4, K]`` for each kind of parameter."""
    # Slices of equal mass, a narrow component within wider ones, a lower tail and an upper tail.
    rest = components - 1
    even = np.full(components, 1 / components)
    lower = np.r_[0.15, np.full(rest, 0.85 / rest)]
    sliced = [_slices(ordered, squares, shares) for shares in (even, lower, lower[::-1])]
    centre = np.repeat(medians[:, None], components, axis=1)
    scales = np.broadcast_to(np.geomspace(0.4, 2.0, components), centre.shape)
    sliced.insert(1, (np.broadcast_to(even, centre.shape), centre, scales))
    weights, means, sds = (np.stack(parts, axis=1) for parts in zip(*sliced, strict=True))
    return weights, means, sds


def _slices(ordered: Values, squares: Values, shares: Values) -> Parts:
    n = ordered.shape[1]
    cuts = (np.r_[0.0, np.cumsum(shares)] * n).round().astype(int)
    starts = np.minimum(cuts[:-1], n - 1)
    sizes = np.maximum(np.diff(cuts), 1)
    means = np.add.reduceat(ordered, starts, axis=1) / sizes
    variances = np.add.reduceat(squares, starts, axis=1) / sizes - means**2
    sds = np.sqrt(np.maximum(variances, (2 * NARROWEST) ** 2))
    return np.broadcast_to(shares, means.shape), means, sds


# Expectation maximisation is written by hand for speed: scikit-learn's GaussianMixture takes one
# sample and one start per call, and neither weights nor moments of groups, while a graph search
# fits thousands of residuals.
def _mixtures(moments: Values, starts: Parts) -> tuple[Parts, Values]:
    """Run a few steps from every start, then many from the best one of each sample."""
    counts = moments[:, 0]
    centres = moments[:, 1] / counts
    # [samples, 3, groups]: a log density is a quadratic function, a product with these.
    powers = np.stack([np.ones_like(centres), centres, centres**2], axis=1)
    chunks = [slice(at, at + _TRIED_AT_ONCE) for at in range(0, len(moments), _TRIED_AT_ONCE)]
    tried = [_best_start(moments[own], powers[own], _of_rows(starts, own)) for own in chunks]
    weights, means, sds, likelihood = (np.concatenate(own) for own in zip(*tried, strict=True))
    going = np.arange(len(moments))
    for _ in range(_STEPS):
        # Samples whose likelihood hardly rises any more are left as they are.
        before = likelihood[going]
        now = weights[going], means[going], sds[going]
        stepped, after = _step(moments[going], powers[going], now)
        weights[going], means[going], sds[going] = stepped
        likelihood[going] = after
        going = going[(after - before)[:, 0] >= _GAIN]
        if not len(going):
            break
    constant = 0.5 * _LOG_2PI * counts.sum(axis=-1)
    return (weights[:, 0], means[:, 0], sds[:, 0]), likelihood[:, 0] - constant


def _best_start(
    moments: Values, powers: Values, parts: Parts
) -> tuple[Values, Values, Values, Values]:
    """Return weights, means, sds and likelihood of each sample's best start after a few steps.

    Of ``[samples, starts, K]``, ``[samples, 1, K]`` is left.
    """
    likelihood = np.full((len(moments), 1), -np.inf)
    for _ in range(_TRIAL_STEPS):
        parts, likelihood = _step(moments, powers, parts)
    rows, winner = np.arange(len(moments)), likelihood.argmax(axis=1)
    weights, means, sds = (part[rows, winner][:, None] for part in parts)
    return weights, means, sds, likelihood[rows, winner][:, None]


def _step(moments: Values, powers: Values, parts: Parts) -> tuple[Parts, Values]:
    """Do one step of expectation maximisation; return the likelihood before it, too."""
    weights, means, sds = parts
    samples, starts, size = means.shape
    inverse = 1 / sds**2
    constants = np.log(weights / sds) - 0.5 * means**2 * inverse
    quadratics = np.stack([constants, means * inverse, -0.5 * inverse], axis=-1)
    # [samples, starts * K, 3] @ [samples, 3, groups]
    share = quadratics.reshape(samples, starts * size, 3) @ powers
    np.exp(share, out=share)
    share = share.reshape(samples, starts, size, -1)
    # A group that is out of reach of all components counts as hardly likely, but not as impossible.
    total = np.maximum(share.sum(axis=2), _LEAST_DENSITY)
    likelihood = (np.log(total) @ moments[:, 0, :, None])[..., 0]
    share /= total[:, :, None]
    # [samples, starts, K, groups] @ [samples, 1, groups, 3]: count, sum and square of each
    # component.
    sums = share @ moments.mT[:, None]
    mass = np.maximum(sums[..., 0], 1e-8)
    centre = sums[..., 1] / mass
    variance = sums[..., 2] / mass - centre**2
    sds = np.sqrt(np.maximum(variance, NARROWEST**2))
    return (mass / mass.sum(axis=-1, keepdims=True), centre, sds), likelihood
