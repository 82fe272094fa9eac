"""Links: increasing maps under which an effect is a sum of contributions and noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
LinkKind = Literal["identity", "log-above", "log-below", "logit"]

STEPS: tuple[float, ...] = tuple(float(step) for step in np.geomspace(0.0003, 1.0, 16))
"""The distances of candidate bounds from the data, in multiples of the data's range."""

_FINITE = 700.0  # The exponential of a larger number would overflow.


@dataclass(frozen=True)
class Link:
    """An increasing map ``g`` from a concept's values to the space where its noise is additive.

    Parameters
    ----------
    kind
        ``identity``; ``log-above``: log(x - low); ``log-below``: -log(high - x); ``logit``:
        log((x - low) / (high - x)).
    low, high
        The bounds, in the concept's own unit, where the kind has them.
    guard
        Values that are nearer to a bound than this, or beyond it, are mapped as if they were at
        this distance.

    Notes
    -----
    With a link, an additive-noise model becomes a post-nonlinear one [1]_.

    References
    ----------
    .. [1] Zhang, Hyvärinen, "On the identifiability of the post-nonlinear causal model", UAI 2009.
    """

    kind: LinkKind = "identity"
    low: float | None = None
    high: float | None = None
    guard: float = 0.0

    def __post_init__(self) -> None:
        bounds = {"identity": (), "log-above": ("low",), "log-below": ("high",)}
        needed = bounds.get(self.kind, ("low", "high"))
        given = tuple(name for name in ("low", "high") if getattr(self, name) is not None)
        if given != needed:
            raise ValueError(f"a {self.kind} link has the bounds {needed or 'none'}, not {given}")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low must be below high, {self.low:g} is not below {self.high:g}")

    @property
    def parameters(self) -> int:
        """The number of free parameters of the link: 0, 1 or 2."""
        return (self.low is not None) + (self.high is not None)

    def forward(self, values: ArrayLike) -> Values:
        """Return ``g(x)``, of the shape of ``values``; finite also at and beyond the bounds."""
        x = np.asarray(values, dtype=np.float64)
        y = x.copy() if self.kind == "identity" else np.zeros_like(x)
        above, below = self._gaps(x)
        if above is not None:
            y += np.log(above)
        if below is not None:
            y -= np.log(below)
        return y

    def inverse(self, mapped: ArrayLike) -> Values:
        """Return the values that ``forward`` maps to ``mapped``, within the bounds."""
        y = np.asarray(mapped, dtype=np.float64)
        if self.kind == "identity":
            return y.copy()
        y = np.clip(y, -_FINITE, _FINITE)
        if self.low is not None and self.high is not None:
            share = np.exp(-np.logaddexp(0.0, -y))
            other = np.exp(-np.logaddexp(0.0, y))
            # Computed from the nearer bound, so that rounding at the farther one has no influence.
            span = self.high - self.low
            inner = np.where(y < 0, self.low + span * share, self.high - span * other)
            return np.asarray(inner, dtype=np.float64)
        if self.low is not None:
            return np.asarray(self.low + np.exp(y), dtype=np.float64)
        assert self.high is not None
        return np.asarray(self.high - np.exp(-y), dtype=np.float64)

    def log_jacobian(self, values: ArrayLike) -> Values:
        """Return ``log g'(x)`` for each value."""
        x = np.asarray(values, dtype=np.float64)
        result = np.zeros_like(x)
        for gap in self._gaps(x):
            if gap is not None:
                result -= np.log(gap)
        if self.low is not None and self.high is not None:
            result += np.log(self.high - self.low)
        return result

    def rescaled(self, location: float, scale: float) -> Self:
        """Return the link for ``location + scale * x``, where this one is for ``x``."""
        return type(self)(
            self.kind,
            None if self.low is None else location + scale * self.low,
            None if self.high is None else location + scale * self.high,
            self.guard * scale,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the link as plain JSON."""
        return {"kind": self.kind, "low": self.low, "high": self.high, "guard": self.guard}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Return the link that ``to_json`` described."""
        return cls(record["kind"], record["low"], record["high"], record["guard"])

    def _gaps(self, x: Values) -> tuple[Values | None, Values | None]:
        """Return the distances to the lower and the upper bound, each at least the guard."""
        nearest = max(self.guard, float(np.finfo(np.float64).tiny))
        above, below = None, None
        if self.low is not None:
            most = np.inf if self.high is None else self.high - self.low - nearest
            above = np.clip(x - self.low, nearest, most)
        if self.high is not None:
            most = np.inf if self.low is None else self.high - self.low - nearest
            below = np.clip(self.high - x, nearest, most)
        return above, below


@dataclass(frozen=True)
class LinkGrid:
    """Candidate links of one column, and the few columns of which they are all sums.

    A logit is the sum of the two logarithms. Quantities that are linear in the mapped column are
    therefore computed only for the logarithms.

    Parameters
    ----------
    column
        ``[n]`` values.
    lows, highs
        The candidate bounds, below and above all values.
    """

    column: Values
    lows: tuple[float, ...]
    highs: tuple[float, ...]

    @classmethod
    def around(cls, column: ArrayLike, steps: tuple[float, ...] = STEPS) -> Self:
        """Return the grid with bounds at ``steps`` multiples of the column's range outside it."""
        x = np.asarray(column, dtype=np.float64)
        low, high = float(x.min()), float(x.max())
        span = high - low
        return cls(x, tuple(low - s * span for s in steps), tuple(high + s * span for s in steps))

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The identity, then the logarithms, then the logits."""
        least, most = float(self.column.min()), float(self.column.max())
        below = [(low, (least - low) / 2) for low in self.lows]
        above = [(high, (high - most) / 2) for high in self.highs]
        return (
            Link(),
            *(Link("log-above", low, None, guard) for low, guard in below),
            *(Link("log-below", None, high, guard) for high, guard in above),
            *(Link("logit", a, b, min(g, h)) for a, g in below for b, h in above),
        )

    @cached_property
    def pieces(self) -> Values:
        """``[n, 1 + lows + highs]``: x, log(x - low) and -log(high - x)."""
        x = self.column[:, None]
        return np.concatenate(
            [x, np.log(x - np.asarray(self.lows)), -np.log(np.asarray(self.highs) - x)], axis=1
        )

    @cached_property
    def sums(self) -> Values:
        """``[links, pieces]`` of 0 and 1: the pieces whose sum is the link."""
        lows, highs = len(self.lows), len(self.highs)
        single = np.eye(1 + lows + highs)
        pairs = single[1 : 1 + lows, None] + single[None, 1 + lows :]
        return np.concatenate([single, pairs.reshape(-1, single.shape[1])])

    def squares(self, products: Values) -> Values:
        """Return each link's squared norm, ``[..., links]``.

        Parameters
        ----------
        products
            ``[..., pieces, pieces]``, the scalar products of the pieces.
        """
        lows = slice(1, 1 + len(self.lows))
        highs = slice(1 + len(self.lows), None)
        own = products.diagonal(axis1=-2, axis2=-1)
        logits = own[..., lows, None] + own[..., None, highs] + 2 * products[..., lows, highs]
        return np.concatenate([own, logits.reshape(*own.shape[:-1], -1)], axis=-1)

    @cached_property
    def log_jacobians(self) -> Values:
        """``[links]``: sum of ``log g'(x)`` over the column."""
        signs = np.r_[0.0, -np.ones(len(self.lows)), np.ones(len(self.highs))]
        total = self.sums @ (signs * self.pieces.sum(axis=0))
        spans = np.asarray(self.highs) - np.asarray(self.lows)[:, None]
        total[1 + len(self.lows) + len(self.highs) :] += len(self.column) * np.log(spans).ravel()
        return np.asarray(total, dtype=np.float64)

    @cached_property
    def parameters(self) -> NDArray[np.int64]:
        """``[links]``: the number of free parameters of each link."""
        return np.array([link.parameters for link in self.links])
