"""Intervals and chance levels for scores that are no mean over images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from causalxai.metric import Estimate

Rows: TypeAlias = NDArray[np.int64]
"""``[m]``, the numbers of some of the images."""
Statistic: TypeAlias = Callable[[Rows], float]
"""A score of some of the images, by their numbers."""

_PERCENTILES = (2.5, 97.5)


def bootstrapped(
    statistic: Statistic, n: int, rng: np.random.Generator, *, draws: int = 500
) -> Estimate:
    """Return a score of ``n`` images with a percentile bootstrap interval.

    For scores that images drawn twice do not disturb, such as ratios of means. Draws in which the
    score is not defined (not finite) are left out.
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

    An image that is drawn twice looks like information, so that a bootstrap of mutual information
    lies above what it should surround. The scores of random halves *without* replacement spread
    about the score of the half as that of the whole does about its own expectation (the jackknife
    that deletes half); their deviations from their median are put about the value.

    Parameters
    ----------
    statistic
        The score.
    n
        The number of images.
    rng
        Draws the halves.
    draws
        How many.
    bounds
        Where the score can lie; the interval keeps to it.

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
    """Return the mean of scores by chance, and the range in which 95 % of single ones lie.

    A score within the range is one that an explanation which knows nothing may well have.
    """
    data = np.asarray(scores, dtype=np.float64)
    low, high = np.percentile(data, _PERCENTILES)
    return Estimate(float(data.mean()), float(low), float(high), int(data.size))
