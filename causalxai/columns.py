"""Columns of numbers: whether they vary, and whether they are linear functions of one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from causalxai.errors import DataError

Values: TypeAlias = NDArray[np.float64]

DEPENDENT = 1e-3
"""A column is a linear function of others if its residual has at most this share of its sd.

The share is far above what rounding to float32 leaves of an exact function, and far below the noise
of a measurement."""

_SAME = 1e-12
"""A column is constant if its range is at most this share of its largest value: rounding errors."""

_EXCHANGES = 200


@dataclass(frozen=True)
class LinearDependence:
    """A column that the others determine.

    Parameters
    ----------
    column
        Its index.
    others
        The columns of which it is a linear function; none if it is constant.
    """

    column: int
    others: tuple[int, ...]

    def described(self, names: Sequence[str]) -> str:
        """Return the dependence as a sentence without a full stop."""
        if not self.others:
            return f"{names[self.column]} has the same value in every row"
        *most, last = (names[other] for other in self.others)
        listed = f"{', '.join(most)} and {last}" if most else last
        return f"{names[self.column]} is a linear function of {listed}"


def standardised(values: Values) -> Values:
    """Return columns ``[n, d]`` with mean 0 and sd 1, whatever their units; constant ones are 0.

    The result is accurate for units of any size, such as 1e300 or 1e-300.
    """
    values = np.asarray(values, dtype=np.float64)
    largest = np.abs(values).max(axis=0, initial=0.0)
    scaled = values / np.where(largest > 0, largest, 1.0)
    centred = scaled - scaled.mean(axis=0)
    spread = centred.std(axis=0)
    constant = np.ptp(scaled, axis=0) <= _SAME
    result: Values = np.where(constant, 0.0, centred / np.where(constant, 1.0, spread))
    return result


def dependent_columns(values: Values) -> frozenset[int]:
    """Return all columns of ``[n, d]`` that are constant or linear functions of others.

    The answer depends neither on units nor on the order of columns or rows. It is about a linear
    function with an intercept: three columns that say which of three kinds an image has are
    dependent.
    """
    factor, constant = _factor(values)
    every = range(values.shape[1])
    return frozenset(
        k
        for k in every
        if constant[k]
        or _explained(factor, k, [j for j in every if j != k and not constant[j]])[1] <= DEPENDENT
    )


def linear_dependences(values: Values) -> tuple[LinearDependence, ...]:
    """Return linear dependences of columns ``[n, d]``, each on columns before it.

    It is empty if and only if ``dependent_columns`` is.
    """
    factor, constant = _factor(values)
    found = [LinearDependence(k, ()) for k in np.flatnonzero(constant).tolist()]
    among = sorted(dependent_columns(values) - set(np.flatnonzero(constant).tolist()))
    kept: list[int] = []
    for k in among:
        weights, share = _explained(factor, k, kept)
        if share > DEPENDENT:
            kept.append(k)
            continue
        found.append(LinearDependence(k, _needed(weights, kept)))
    if among and len(kept) == len(among):
        # Only all others together determine a column: each is within the tolerance, hardly.
        k = among[-1]
        found.append(LinearDependence(k, tuple(among[:-1])))
    return tuple(found)


def require_independent(values: Values, names: Sequence[str] | None = None) -> None:
    """Require columns ``[n, d]`` of which none is constant or a linear function of others.

    Parameters
    ----------
    values
        Finite numbers.
    names
        The columns' names, for messages; by default their numbers.

    Raises
    ------
    DataError
        If a value is not finite, there are fewer rows than a linear function of all columns has
        coefficients, or columns depend on one another; the message says which.
    """
    n, d = values.shape
    called = [f"column {k}" for k in range(d)] if names is None else names
    broken = np.flatnonzero(~np.isfinite(values).all(axis=0))
    if len(broken):
        raise DataError(f"{called[broken[0]]} has values that are not finite numbers")
    if n < d + 2:
        raise DataError(f"{n} rows are too few to tell {d} columns apart: {d + 2} are the least")
    found = linear_dependences(values)
    if found:
        said = "; ".join(one.described(called) for one in found)
        raise DataError(
            f"{said}; nothing can be learned of the causes of such columns: leave some out until "
            "none is constant or follows from the others"
        )


def require_float32(values: Values, names: Sequence[str]) -> None:
    """Require columns ``[n, d]`` whose values a network can tell apart, which computes in float32.

    Raises
    ------
    DataError
        If a column's values are too large or too small, or vary too little for their size; the
        message names it.
    """
    largest = np.abs(values).max(axis=0, initial=0.0)
    spread = largest * (values / np.where(largest > 0, largest, 1.0)).std(axis=0)
    info = np.finfo(np.float32)
    for name, sd, most in zip(names, spread.tolist(), largest.tolist(), strict=True):
        if not (most < float(info.max) ** 0.5 and (sd == 0 or sd > float(info.tiny) ** 0.5)):
            raise DataError(
                f"the values of {name} have an sd of {sd:.2g}, with which networks cannot compute: "
                "choose another unit"
            )
        if 0 < sd < most * float(info.eps) / DEPENDENT:
            raise DataError(
                f"the values of {name} vary by {sd:.2g} and are as large as {most:.9g}, so that "
                "networks, which keep 7 digits, cannot tell them apart: subtract their mean"
            )


def informative_rows(values: Values, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Exchange some rows of a sample in which columns are dependent that are not so in all rows.

    In a random sample, a rare attribute may be the same throughout. A method that needs columns
    which vary could then not be applied to it, although it can be to all rows. As few rows as
    possible are exchanged; the sample itself determines which, so that no random number is drawn.

    Parameters
    ----------
    values
        ``[n, d]``, all rows.
    rows
        ``[m]``, the indices of the sample.

    Returns
    -------
    ndarray
        ``[m]``, the same indices where the sample is in order, or cannot be put in order.
    """
    if not np.isfinite(values).all() or not len(rows):
        return rows
    chosen = rows.copy()
    always = dependent_columns(values)
    for step in range(_EXCHANGES):
        lost = sorted(dependent_columns(values[chosen]) - always)
        if not lost:
            return chosen
        breaking = _rows_that_break(values, chosen, lost)
        if not len(breaking):
            return chosen
        number = int(chosen.sum()) + step
        chosen[number % len(chosen)] = breaking[number % len(breaking)]
    return chosen


def _rows_that_break(
    values: Values, rows: NDArray[np.int64], lost: Sequence[int]
) -> NDArray[np.int64]:
    """Return the rows that do not follow the linear function which holds in a sample."""
    sample = values[rows][:, lost]
    constant = np.ptp(sample, axis=0) <= _SAME * np.abs(sample).max(axis=0)
    column = lost[int(constant.argmax())] if constant.any() else lost[-1]
    others = [] if constant.any() else [k for k in lost if k != column]
    own = standardised(values)
    design = np.column_stack([np.ones(len(values)), own[:, others]])
    weights = np.linalg.lstsq(design[rows], own[rows, column], rcond=1e-9)[0]
    away = np.abs(own[:, column] - design @ weights)
    return np.flatnonzero(away > DEPENDENT)


def _factor(values: Values) -> tuple[Values, NDArray[np.bool_]]:
    """Return the factor R of the standardised columns, with columns of norm 1, and constants."""
    columns = standardised(values) / np.sqrt(max(len(values), 1))
    constant = ~columns.any(axis=0)
    return np.asarray(np.linalg.qr(columns, mode="r"), dtype=np.float64), constant


def _explained(factor: Values, column: int, others: Sequence[int]) -> tuple[Values, float]:
    """Return the weights of other columns in a regression, and the residual's share of the sd."""
    design = factor[:, list(others)]
    weights = np.linalg.lstsq(design, factor[:, column], rcond=1e-9)[0]
    left = float(np.linalg.norm(factor[:, column] - design @ weights))
    return np.asarray(weights, dtype=np.float64), left


def _needed(weights: Values, columns: Sequence[int]) -> tuple[int, ...]:
    return tuple(
        k for k, weight in zip(columns, weights, strict=True) if abs(weight) > 10 * DEPENDENT
    )
