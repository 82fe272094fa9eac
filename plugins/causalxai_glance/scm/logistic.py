"""Logistic regressions by Newton's method, of one column or of many tables at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Values = NDArray[np.float64]

RIDGE = 1e-3
"""The weight of the penalty ``½ RIDGE w^2`` in nats, which keeps deterministic log odds finite.

With thousands of rows, a deterministic effect gets odds of about 100 000."""

# Newton's method is written by hand for speed: scikit-learn's LogisticRegression and statsmodels
# fit one table per call, and a search over graphs needs thousands of small ones.
_STEPS = 60
_GAIN = 1e-8  # nats
_JITTER = 1e-10
_HALVINGS = 20


def fit_tables(design: Values, counts: Values, present: Values) -> tuple[Values, Values]:
    """Fit log odds that are linear in one common design to many tables.

    Parameters
    ----------
    design
        ``[cells, k]``, its first column all ones.
    counts, present
        ``[tables, cells]``: the number of rows in each cell, and of those in which the child is 1.

    Returns
    -------
    ndarray
        ``[tables, k]``, the coefficients.
    ndarray
        ``[tables]``, the negative log likelihoods in nats, without the penalty.
    """
    cells, k = design.shape
    # The outer products of all cells, flattened, so that one matrix product gives all Hessians.
    squares = (design[:, :, None] * design[:, None, :]).reshape(cells, k * k)
    penalty = np.full(k, RIDGE)
    penalty[0] = 0.0
    weights: Values = np.zeros((len(counts), k))
    share = present.sum(axis=1) / counts.sum(axis=1)
    weights[:, 0] = np.log(share / (1 - share))
    loss: Values = _loss(weights, design, counts, present) + _price(weights, penalty)
    for _ in range(_STEPS):
        chance = expit(weights @ design.T)
        slope = (counts * chance - present) @ design + penalty * weights
        curve = ((counts * chance * (1 - chance)) @ squares).reshape(-1, k, k)
        curve += np.diag(penalty + _JITTER)
        # Newton steps for all tables together; a step is halved where it would raise the loss.
        move = np.linalg.solve(curve, slope[..., None])[..., 0]
        size: Values = np.ones((len(counts), 1))
        for _ in range(_HALVINGS):
            tried = weights - size * move
            now = _loss(tried, design, counts, present) + _price(tried, penalty)
            worse = now > loss + _GAIN
            if not worse.any():
                break
            size = np.where(worse[:, None], size / 2, size)
        better = now < loss
        gain = np.where(better, loss - now, 0.0)
        weights = np.where(better[:, None], tried, weights)
        loss = np.where(better, now, loss)
        if gain.max() < _GAIN:
            break
    return weights, _loss(weights, design, counts, present)


def fit_rows(design: Values, child: Values) -> tuple[Values, float]:
    """Fit one child ``[n]`` of 0 and 1 to a design ``[n, k]``; its first column is all ones."""
    weights, loss = fit_tables(design, np.ones((1, len(child))), child[None])
    return weights[0], float(loss[0])


def tabulate(
    columns: NDArray[np.int64], child: Values, counts: Values, sets: Sequence[tuple[int, ...]]
) -> tuple[Values, Values, Values]:
    """Count rows by the values of sets of boolean columns, all sets of the same size ``p``.

    Parameters
    ----------
    columns
        ``[m, d]`` of 0 and 1, the distinct rows.
    child, counts
        ``[m]``: the child's value in each distinct row, and the row's count.
    sets
        ``p`` columns each.

    Returns
    -------
    ndarray
        The design ``[2^p, 1 + p]`` that all tables share.
    ndarray, ndarray
        ``[sets, 2^p]``: rows, and rows where the child is 1.
    """
    size = len(sets[0])
    cells = np.arange(1 << size)
    design = np.column_stack([np.ones(1 << size), *(cells >> bit & 1 for bit in range(size))])
    total = np.empty((len(sets), 1 << size))
    present = np.empty_like(total)
    powers = 1 << np.arange(size)
    for row, chosen in enumerate(sets):
        where = columns[:, list(chosen)] @ powers if size else np.zeros(len(columns), np.int64)
        total[row] = np.bincount(where, counts, 1 << size)
        present[row] = np.bincount(where, counts * child, 1 << size)
    return design, total, present


def _loss(weights: Values, design: Values, counts: Values, present: Values) -> Values:
    odds = weights @ design.T
    return np.asarray(
        (counts * np.logaddexp(0.0, odds) - present * odds).sum(axis=1), dtype=np.float64
    )


def _price(weights: Values, penalty: Values) -> Values:
    return np.asarray(0.5 * weights**2 @ penalty, dtype=np.float64)
