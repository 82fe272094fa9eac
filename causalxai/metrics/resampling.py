"""Intervals and chance levels for scores that are not means over images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from causalxai.metric import Estimate

Rows: TypeAlias = NDArray[np.int64]
"""``[m]``, the indices of some of the images."""
Statistic: TypeAlias = Callable[[Rows], float]
"""A function that scores the images with the given indices."""

_PERCENTILES = (2.5, 97.5)


def bootstrapped(
    statistic: Statistic, n: int, rng: np.random.Generator, *, draws: int = 500
) -> Estimate:
    """Return a score of ``n`` images with a percentile bootstrap interval.

    It is for scores that are not distorted when an image is drawn twice, such as ratios of means.
    Draws in which the score is not finite are left out.
    """
    value = float(statistic(np.arange(n)))
    if n < 2:
        return Estimate(value, n=n)
    drawn = stats.bootstrap(
        (np.arange(n),),
        statistic,
        n_resamples=draws,
        vectorized=False,
        method="percentile",
        rng=rng,
    ).bootstrap_distribution
    finite = drawn[np.isfinite(drawn)]
    if not finite.size:
        return Estimate(value, n=n)
    low, high = np.percentile(finite, _PERCENTILES)
    return Estimate(value, min(float(low), value), max(float(high), value), n)


def halved(
    statistic: Statistic,
    n: int,
    rng: np.random.Generator,
    *,
    draws: int = 100,
    bounds: tuple[float | None, float | None] = (None, None),
) -> Estimate:
    """Return a score of ``n`` images with an interval by random halves [1]_.

    Images that are drawn twice look like dependence, so that a bootstrap of mutual information
    overestimates the score. Random halves are drawn *without* replacement. Their scores vary
    around their centre as the score of all images varies around its expectation (the delete-half
    jackknife); the interval adds their deviations from their median to the value.

    Parameters
    ----------
    statistic
        The score.
    n
        The number of images.
    rng
        The generator of the halves.
    draws
        The number of halves.
    bounds
        The range of the score, to which the interval is limited.

    References
    ----------
    .. [1] Shao, Wu, "A general theory for jackknife variance estimation", Annals of Statistics
       17, 1989.
    """
    value = float(statistic(np.arange(n)))
    drawn = np.array([statistic(rng.permutation(n)[: n // 2]) for _ in range(draws)])
    finite = drawn[np.isfinite(drawn)]
    if not finite.size:
        return Estimate(value, n=n)
    low, high = value + np.percentile(finite - np.median(finite), _PERCENTILES)
    low, high = np.clip((low, high), *bounds) if bounds != (None, None) else (low, high)
    return Estimate(value, float(low), float(high), n)


def null_range(scores: ArrayLike) -> Estimate:
    """Return the mean of chance scores, with the range that contains 95 % of them.

    A score within this range is compatible with an explanation that knows nothing.
    """
    data = np.asarray(scores, dtype=np.float64)
    low, high = np.percentile(data, _PERCENTILES)
    return Estimate(float(data.mean()), float(low), float(high), int(data.size))
