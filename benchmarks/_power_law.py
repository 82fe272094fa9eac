"""Exponents of times that grow as a power of a quantity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import linregress


@dataclass(frozen=True)
class Fit:
    """A power law, fitted to at least three points.

    Parameters
    ----------
    exponent
        The power.
    standard_error
        Its standard error.
    """

    exponent: float
    standard_error: float


def power_law(at: Sequence[float], seconds: Sequence[float]) -> Fit:
    """Fit ``seconds = a * at ** exponent`` by least squares of the logarithms.

    Raises
    ------
    ValueError
        If there are fewer than three points, which leave no error to be estimated.
    """
    if len(at) < 3:
        raise ValueError(f"an exponent needs three points or more, not {len(at)}")
    found = linregress(np.log(at), np.log(seconds))
    return Fit(float(found.slope), float(found.stderr))
