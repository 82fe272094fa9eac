"""Mutual information between two columns, by bins and by nearest neighbours."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

Column = NDArray[np.float64]


def equal_frequency(values: Column, bins: int) -> NDArray[np.int64]:
    """Return each value's bin; bins are equally full except that equal values share a bin."""
    ranks = scipy.stats.rankdata(values, method="average") - 0.5
    numbers: NDArray[np.int64] = (ranks * bins / len(values)).astype(np.int64)
    return numbers


def entropy(codes: NDArray[np.int64]) -> float:
    """Return the entropy of non-negative codes, in nats, by their frequencies."""
    counts = np.bincount(codes)
    shares = counts[counts > 0] / len(codes)
    return float(-(shares * np.log(shares)).sum())


def information(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Return the mutual information of two columns of codes, in nats, by their frequencies."""
    joint = one * (int(other.max()) + 1) + other
    return max(0.0, entropy(one) + entropy(other) - entropy(joint))


def binned_dependence(one: Column, other: Column, bins: int, *, boolean: bool = False) -> float:
    """Return ``I / sqrt(H H)`` of two columns in bins of equal frequency, in [0, 1].

    Parameters
    ----------
    one, other
        ``[n]``; only their ranks matter.
    bins
        The number of bins, at least 2.
    boolean
        Whether ``one`` takes two values; then it is its own code, and the result ``I / H(one)``.

    Returns
    -------
    float
        NaN if all values of a column are in one bin.
    """
    first = (one > one.mean()).astype(np.int64) if boolean else equal_frequency(one, bins)
    second = equal_frequency(other, bins)
    scale = entropy(first) if boolean else np.sqrt(entropy(first) * entropy(second))
    if scale <= 0 or entropy(second) <= 0:
        return float("nan")
    return min(1.0, information(first, second) / float(scale))


def coefficient(one: Column, other: Column, neighbours: int, seed: int) -> float:
    """Return the coefficient of information ``sqrt(1 - exp(-2 I))`` of normal scores, in [0, 1].

    I is estimated by nearest neighbours [1]_ between the normal scores of the columns' ranks, so
    that only the ranks count. For two columns that are jointly normal it is the absolute
    correlation [2]_.

    Parameters
    ----------
    one, other
        ``[n]``.
    neighbours
        The number of neighbours of the estimator (k).
    seed
        The seed of the noise that separates equal values.

    References
    ----------
    .. [1] Kraskov, Stögbauer, Grassberger, "Estimating mutual information", Physical Review E 69,
       2004; by scikit-learn.
    .. [2] Linfoot, "An informational measure of correlation", Information and Control 1, 1957.
    """
    from sklearn.feature_selection import mutual_info_regression

    nats = mutual_info_regression(
        _normal_scores(one)[:, None],
        _normal_scores(other),
        discrete_features=False,
        n_neighbors=neighbours,
        random_state=seed,
    )[0]
    return float(np.sqrt(-np.expm1(-2 * max(0.0, nats))))


def boolean_coefficient(one: Column, other: Column, neighbours: int, seed: int) -> float:
    """Return ``coefficient`` for a boolean column ``one``, as a share of its maximum.

    The information about a boolean column is at most its entropy, so that the coefficient stays
    below 1. The estimator is that of Ross, "Mutual information between discrete and continuous data
    sets", PLoS ONE 9, 2014; by scikit-learn.
    """
    codes = (one > one.mean()).astype(np.int64)
    most = entropy(codes)
    if most <= 0:
        return float("nan")
    from sklearn.feature_selection import mutual_info_classif

    nats = mutual_info_classif(
        _normal_scores(other)[:, None],
        codes,
        discrete_features=False,
        n_neighbors=neighbours,
        random_state=seed,
    )[0]
    share = np.expm1(-2 * min(max(0.0, nats), most)) / np.expm1(-2 * most)
    return float(np.sqrt(share))


def _normal_scores(values: Column) -> Column:
    ranks = scipy.stats.rankdata(values, method="average")
    scores: Column = scipy.stats.norm.ppf((ranks - 0.5) / len(values))
    return scores
