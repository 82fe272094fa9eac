"""Statistics of scores: means over replicates, paired differences and ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from causalxai.config.vary import Label

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Mean:
    """A mean over replicates, with the sample's standard deviation if there are two or more.

    ``low`` and ``high`` are missing if there is one value or if all are equal, because then the
    sample does not show how uncertain the mean is.
    """

    value: float
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 1


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean with its 95 % interval by Student's t, which assumes normal values."""
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Mean(mean, n=n)
    sd = float(np.std(values, ddof=1))
    if sd <= _ROUNDING * float(np.abs(values).max()):
        return Mean(mean, sd, n=n)
    low, high = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    return Mean(mean, sd, float(low), float(high), n)


@dataclass(frozen=True)
class Difference:
    """The difference between the scores of two labels, in pairs.

    Parameters
    ----------
    mean
        The mean difference, with the paired t interval.
    wins
        The share of pairs in which the first is better, ties by half; ``None`` where the metric
        has no direction.
    """

    mean: Mean
    wins: float | None


def paired_difference(
    first: Sequence[float], second: Sequence[float], *, higher_is_better: bool | None
) -> Difference:
    """Compare paired scores; scores that differ only by rounding are ties."""
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    gaps = one - other
    gaps[np.abs(gaps) < _ROUNDING * np.maximum(np.abs(one), np.abs(other))] = 0
    mean = mean_of(gaps.tolist())
    if higher_is_better is None:
        return Difference(mean, None)
    gains = np.sign(gaps if higher_is_better else -gaps)
    return Difference(mean, float((gains + 1).mean() / 2))


def rounded(score: float) -> float:
    """Return a score with twelve significant digits; smaller differences are due to rounding."""
    return float(f"{score:.12g}")


def ranks(scores: Mapping[Label, float], *, higher_is_better: bool) -> dict[Label, float]:
    """Rank labels by their ``rounded`` scores: 1 is the best, and ties share their mean rank."""
    ranked = pd.Series(list(map(rounded, scores.values()))).rank(ascending=not higher_is_better)
    return dict(zip(scores, map(float, ranked), strict=True))
