"""Basis functions of one parent: a line, or a natural cubic spline with linear ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]

KNOTS: dict[int, tuple[float, ...]] = {
    0: (),
    3: (0.0, 0.5, 1.0),
    6: (0.0, 0.1, 0.35, 0.65, 0.9, 1.0),
    10: (0.0, 0.03, 0.1, 0.22, 0.4, 0.6, 0.78, 0.9, 0.97, 1.0),
    15: (0, 0.01, 0.03, 0.08, 0.15, 0.25, 0.37, 0.5, 0.63, 0.75, 0.85, 0.92, 0.97, 0.99, 1.0),
}
"""Positions of a spline's knots, as quantiles of the parent's distinct values; 0 knots: a line.

The outer knots are the extremes, because linear tails fit causes with long tails badly. The larger
sets are for curves that are steep at their ends: with too few knots, the inverse function would
appear simpler than the true one."""

ROWS = 20
"""The least number of rows for each function of a spline; with fewer rows it would overfit."""

_NEAREST = 1e-3  # knots, in standard deviations


# Written by hand because scikit-learn's SplineTransformer has no natural splines. Its splines have
# two more functions, each of which would cost ½ log n in a description length.
@dataclass(frozen=True)
class Basis:
    """Basis functions whose weighted sum is the contribution of one parent to an effect.

    Parameters
    ----------
    location, scale
        Mean and sd with which the parent is standardised.
    knots
        Ascending, in standardised units; empty for a line.

    Notes
    -----
    Natural cubic splines are linear beyond the outer knots [1]_, so that an intervention outside
    the range of the data does not give extreme values.

    References
    ----------
    .. [1] Hastie, Tibshirani, Friedman, "The elements of statistical learning", section 5.2.1.
    """

    location: float = 0.0
    scale: float = 1.0
    knots: tuple[float, ...] = ()

    @classmethod
    def spline(cls, column: ArrayLike, knots: int) -> Self | None:
        """Return the basis with ``knots`` at quantiles of a standardised column.

        ``None`` where the column has too few rows or distinct values for this number of knots.
        """
        x = np.asarray(column, dtype=np.float64)
        if not knots:
            return cls()
        different = np.unique(x)
        if len(x) < ROWS * (knots - 1) or len(different) < knots:
            return None
        at = np.quantile(different, KNOTS[knots])
        return None if np.diff(at).min() < _NEAREST else cls(knots=tuple(at.tolist()))

    @property
    def size(self) -> int:
        """The number of basis functions."""
        return max(len(self.knots) - 1, 1)

    def columns(self, values: ArrayLike) -> Values:
        """Return the functions' values, ``[..., size]`` for ``[...]``; the linear one is first."""
        x = (np.asarray(values, dtype=np.float64) - self.location) / self.scale
        if not self.knots:
            return x[..., None]
        knots = np.asarray(self.knots)
        cubes = np.maximum(x[..., None] - knots, 0.0) ** 3
        slopes = (cubes[..., :-1] - cubes[..., -1:]) / (knots[-1] - knots[:-1])
        return np.concatenate([x[..., None], slopes[..., :-1] - slopes[..., -1:]], axis=-1)

    def rescaled(self, location: float, scale: float) -> Self:
        """Return the basis for ``location + scale * x``, where this one is for ``x``."""
        return type(self)(location + scale * self.location, scale * self.scale, self.knots)

    def to_json(self) -> dict[str, Any]:
        """Return the basis as plain JSON."""
        return {"location": self.location, "scale": self.scale, "knots": [*self.knots]}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Return the basis that ``to_json`` described."""
        return cls(record["location"], record["scale"], tuple(record["knots"]))
