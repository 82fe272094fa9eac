"""Samples to which equations can be fitted, and what is wrong with those that cannot be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalxai.columns import require_independent
from causalxai.errors import DataError
from causalxai_glance.scm.attribute_score import is_boolean

Values = NDArray[np.float64]

FEWEST = 30
"""The smallest number of rows to which an equation can be fitted."""

_LARGEST = 1e100


def checked(values: ArrayLike, names: Sequence[str] | None = None) -> Values:
    """Return values as ``[n, d]`` floats from which equations can be fitted.

    Raises
    ------
    DataError
        If they cannot be fitted; the message names the column.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] == 0:
        raise DataError(f"values have the shape {x.shape}, they must be [rows, columns]")
    if len(x) < FEWEST:
        raise DataError(f"{len(x)} rows are too few to fit equations, give at least {FEWEST}")
    for number, column in enumerate(x.T):
        wrong = _complaint(column)
        if wrong is not None:
            name = f"column {number}" if names is None else repr(names[number])
            raise DataError(f"{name} {wrong}")
    return x


def searchable(values: ArrayLike, names: Sequence[str]) -> Values:
    """Return values as ``checked`` does, if a graph of them can be found.

    Where columns are linear functions of one another, many graphs describe them equally well, and
    rounding errors would decide between them.

    Raises
    ------
    DataError
        If they cannot be fitted, or columns follow from others; the message names the columns.
    """
    x = checked(values, names)
    require_independent(x, names)
    return x


def can_be_scored(column: Values) -> bool:
    """Return whether a column varies and can be scored."""
    return _complaint(column) is None


def _complaint(column: Values) -> str | None:
    """Return why a column cannot be fitted, as a predicate to follow its name, or ``None``."""
    bad = int((~np.isfinite(column)).sum())
    if bad:
        return f"is not finite in {bad} of {len(column)} rows"
    low, high = float(column.min()), float(column.max())
    if max(abs(low), abs(high)) > _LARGEST or 0 < high - low < 1 / _LARGEST:
        return (
            f"has values from {low:.3g} to {high:.3g}, too large or small for squares: rescale it"
        )
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        return f"is constant ({column[0]:g}), so that no equation can be fitted"
    if np.isin(column, (low, high)).all() and not is_boolean(column):
        return (
            f"has two values, {low:g} and {high:g}; a boolean column must have the values 0 and 1"
        )
    return None
