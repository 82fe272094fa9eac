"""Intervals and chance levels for scores that are not means over images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalxai.intervals import FEWEST, UNBOUNDED, Bounds, limited, score_interval, widened
from causalxai.metric import Estimate

Rows: TypeAlias = NDArray[np.int64]
"""``[m]``, the indices of some of the images."""
Statistic: TypeAlias = Callable[[Rows], float]
"""A function that scores the images with the given indices."""

_PERCENTILES = (2.5, 97.5)
_FEWEST_HALVED = 20


def bootstrapped(
    statistic: Statistic,
    n: int,
    rng: np.random.Generator,
    *,
    draws: int = 500,
    bounds: Bounds = UNBOUNDED,
) -> Estimate:
    """Return a score of ``n`` images with its interval (see ``intervals.score_interval``).

    It is for scores that are not distorted when an image is drawn twice, such as ratios of means.
    There is no interval for fewer than five images, nor where the score does not depend on the
    images, nor where leaving out one image leaves no score.

    Parameters
    ----------
    statistic
        The score.
    n
        The number of images.
    rng
        The generator of the resamples.
    draws
        The number of resamples.
    bounds
        The range of the score, to which the interval is limited.
    """
    every = np.arange(n)
    value = float(statistic(every))
    if n < 2:
        return Estimate(value, n=n)
    resamples = rng.integers(0, n, (draws, n))
    if n < FEWEST or not np.isfinite(value):
        return Estimate(value, n=n)
    drawn = np.array([statistic(rows) for rows in resamples], dtype=np.float64)
    left_out = np.array([statistic(np.delete(every, one)) for one in every], dtype=np.float64)
    interval = score_interval(value, left_out, drawn, resamples)
    low, high = limited(*interval, bounds) if interval else (None, None)
    return Estimate(value, low, high, n)


def halved(
    statistic: Statistic,
    n: int,
    rng: np.random.Generator,
    *,
    draws: int = 100,
    bounds: Bounds = UNBOUNDED,
) -> Estimate:
    """Return a score of ``n`` images with an interval by random halves [1]_.

    Images that are drawn twice look like dependence, so that a bootstrap of mutual information
    overestimates the score. Random halves are drawn *without* replacement. Their scores vary
    around their centre as the score of all images varies around its expectation (the delete-half
    jackknife); the interval adds their deviations from their median to the value, widened as
    Student's t is wider than the normal distribution. Fewer than twenty images have no interval:
    a half of them shows too few different scores.

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
    if not finite.size or n < _FEWEST_HALVED:
        return Estimate(value, n=n)
    ends = value + np.percentile(finite - np.median(finite), _PERCENTILES)
    low, high = widened(ends, np.float64(value), n)
    return Estimate(value, *limited(low, high, bounds), n)


def null_range(scores: ArrayLike) -> Estimate:
    """Return the mean of chance scores, with the range that contains 95 % of them.

    A score within this range is compatible with an explanation that knows nothing.
    """
    data = np.asarray(scores, dtype=np.float64)
    low, high = np.percentile(data, _PERCENTILES)
    return Estimate(float(data.mean()), float(low), float(high), int(data.size))
