"""95 % intervals of means and of other scores that hold for few values too."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import scipy
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]
Bounds: TypeAlias = tuple[float | None, float | None]
"""The least and the largest possible value; ``None`` where there is no limit."""

UNBOUNDED: Final[Bounds] = (None, None)

FEWEST: Final = 5
"""Fewer values have no interval: resamples of four values are constant too often."""

_TAIL: Final = 0.025
_MANY = 20
_LEAST_TAIL = 0.0125
_ROUNDING = 1e-12
_UNKNOWN = (-np.inf, np.inf)


def mean_interval(
    data: Values, resamples: NDArray[np.int64], bounds: Bounds = UNBOUNDED
) -> tuple[float, float] | None:
    """Return a 95 % interval of the mean of independent values, or ``None`` if nothing is known.

    It is the bootstrap-t interval [1]_: the quantiles of ``(resample's mean - mean) / resample's
    standard error`` replace those of Student's t, so that skewness moves the ends. Two rules make
    it hold for few values of a skewed distribution and for heavy tails:

    - Below twenty values, a sample rarely shows the long tail that it comes from. The end on the
      side of the sample's skewness is therefore taken at a tail probability of 2.5 % * n / 20
      (1.25 % at least).
    - From twenty values on, each end is the farther one of bootstrap-t and Student's t.

    If nearly all values are equal, so many resamples are constant that an end is infinite. It is
    then that of a score of this mean which is either at its least or at its largest possible
    value, the least favourable case (Clopper and Pearson); without both limits there is no
    interval.

    Parameters
    ----------
    data
        ``[n]``, the values.
    resamples
        ``[r, n]``, row by row the indices of a resample.
    bounds
        The range of the values, to which the interval is limited.

    References
    ----------
    .. [1] Efron, Tibshirani, "An introduction to the bootstrap", 1993, section 12.5.
    """
    n = len(data)
    if n < FEWEST:
        return None
    low, high = _UNKNOWN if _all_or_none(data, bounds) else _studentised(data, resamples)
    least, most = _least_favourable(float(data.mean()), n, bounds)
    low, high = (low if np.isfinite(low) else least), (high if np.isfinite(high) else most)
    return limited(low, high, bounds) if np.isfinite((low, high)).all() else None


def score_interval(
    value: float, left_out: Values, drawn: Values, resamples: NDArray[np.int64]
) -> tuple[float, float] | None:
    """Return a 95 % interval of a score that is no mean, or ``None`` if it does not vary.

    Each end is the farther one of two intervals: the percentile interval of the bootstrap, which
    shows a curved score but is too narrow for few images, and ``mean_interval`` of the jackknife's
    pseudo-values [1]_, which are to a smooth score what the values are to a mean.

    Parameters
    ----------
    value
        The score of all ``n`` images.
    left_out
        ``[n]``, the scores without one image each.
    drawn
        ``[r]``, the scores of the resamples; those that are not finite are left out.
    resamples
        ``[r, n]``, row by row the indices of a resample.

    References
    ----------
    .. [1] Tukey, "Bias and confidence in not-quite large samples", Annals of Mathematical
       Statistics 29, 1958.
    """
    n = len(left_out)
    pseudo = (n - 1) * (value - left_out)
    drawn = drawn[np.isfinite(drawn)]
    if n < FEWEST or not np.isfinite(pseudo).all() or not drawn.size:
        return None
    around = mean_interval(pseudo - pseudo.mean(), resamples)
    if around is None:
        return None
    low, high = np.percentile(drawn, (100 * _TAIL, 100 - 100 * _TAIL))
    return min(value + around[0], float(low)), max(value + around[1], float(high))


def limited(low: float, high: float, bounds: Bounds) -> tuple[float, float]:
    """Return an interval without what lies outside the range."""
    least, most = bounds
    ends = np.clip((low, high), -np.inf if least is None else least, most)
    return float(ends[0]), float(ends[1])


def widened(ends: Values, value: Values | np.float64, n: int) -> Values:
    """Return percentile intervals ``[2, ...]``, widened as Student's t is than the normal's.

    A percentile interval of ``n`` values takes the normal quantile and divides by ``n`` in the
    variance; this sets both right. Effects that are the same in every image keep an interval
    without width, so that an edge that is certain stays one.
    """
    if n < 2:
        return ends
    factor = (
        scipy.stats.t.ppf(1 - _TAIL, n - 1) / scipy.stats.norm.ppf(1 - _TAIL) * np.sqrt(n / (n - 1))
    )
    wide: Values = value + factor * (ends - value)
    return wide


def _studentised(data: Values, resamples: NDArray[np.int64]) -> tuple[float, float]:
    n, mean, deviation = len(data), float(data.mean()), float(data.std(ddof=1))
    if not 0 < deviation < np.inf or deviation <= _ROUNDING * float(np.abs(data).max()):
        return _UNKNOWN
    standard = (data - mean) / deviation
    drawn = standard[resamples]
    means, spreads = drawn.mean(axis=1), drawn.std(axis=1, ddof=1)
    spreads[spreads < 1e-9] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.nan_to_num(np.sqrt(n) * means / spreads, nan=0.0, posinf=np.inf, neginf=-np.inf)
    skewness = float((standard**3).mean())
    few = max(_LEAST_TAIL, _TAIL * min(1.0, n / _MANY))
    left, right = (few if skewness < 0 else _TAIL), (few if skewness > 0 else _TAIL)
    # The upper end belongs to the lower quantile: a small mean comes with a small spread there.
    least = min(0.0, float(np.quantile(ratios, right, method="lower")))
    most = max(0.0, float(np.quantile(ratios, 1 - left, method="higher")))
    if n >= _MANY:
        student = float(scipy.stats.t.ppf(1 - _TAIL, n - 1))
        least, most = min(least, -student), max(most, student)
    error = deviation / np.sqrt(n)
    return mean - most * error, mean - least * error


def _all_or_none(data: Values, bounds: Bounds) -> bool:
    least, most = bounds
    return least is not None and most is not None and bool(np.isin(data, (least, most)).all())


def _least_favourable(mean: float, n: int, bounds: Bounds) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson for a share at this place of the range."""
    least, most = bounds
    if least is None or most is None:
        return _UNKNOWN
    hits = n * min(1.0, max(0.0, (mean - least) / (most - least)))
    low = scipy.stats.beta.ppf(_TAIL, hits, n - hits + 1) if hits > 0 else 0.0
    high = scipy.stats.beta.ppf(1 - _TAIL, hits + 1, n - hits) if hits < n else 1.0
    return least + (most - least) * float(low), least + (most - least) * float(high)
