"""Products of basis columns, with which all bases and all links are screened together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from causalxai_glance.scm.basis import KNOTS, Basis
from causalxai_glance.scm.links import LinkGrid
from causalxai_glance.scm.noise import Cells

Values = NDArray[np.float64]

SHARPEST = 1e-3
"""The smallest sd of a residual, as a share of its column's sd."""

RIDGE = 1e-9
"""Keeps systems of equations solvable where columns are collinear."""

PILE = 5
"""At least this many equal values at an end, and twice as many as next to it, count as clipped."""

LEVELS, MOST_LEVELS, ROWS_A_LEVEL = 8, 64, 10
"""Limits on distinct values below which a column is a discretised one; see ``is_stepped``."""

COARSE = 30
"""Columns of 3 to this many distinct values determine no direction; see ``is_coarse``."""


@dataclass(frozen=True)
class Design:
    """Centred, orthonormal bases of all columns, and their products.

    Parameters
    ----------
    bases, slices
        For each column its bases and their slices of ``columns``.
    functions
        ``[functions, n]``, a row for each function of a basis.
    gram
        ``[functions, functions]``.
    """

    bases: tuple[tuple[Basis, ...], ...]
    slices: tuple[tuple[slice, ...], ...]
    functions: Values
    gram: Values

    @classmethod
    def of(cls, values: Values) -> Self:
        """Return the design of standardised columns ``[n, d]``."""
        bases, slices, blocks = [], [], []
        end = 0
        for column in values.T:
            some = [Basis.spline(column, knots) for knots in KNOTS]
            own = tuple(basis for basis in some if basis is not None)
            places = []
            for basis in own:
                blocks.append(_orthonormal(basis.columns(column)).T)
                places.append(slice(end, end + basis.size))
                end += basis.size
            bases.append(own)
            slices.append(tuple(places))
        functions = np.concatenate(blocks)
        return cls(tuple(bases), tuple(slices), functions, functions @ functions.T)

    def where(self, parents: Sequence[int], chosen: Sequence[int]) -> NDArray[np.int64]:
        """Return the indices of the functions of the chosen basis of each parent."""
        parts = [self._indices[p][c] for p, c in zip(parents, chosen, strict=True)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def weighted(self, weights: Values, parents: Sequence[int]) -> Values:
        """Return sums of the functions of some parents, ``[sums, n]``.

        Parameters
        ----------
        weights
            ``[sums, functions]`` of all functions, 0 for those of other columns.
        parents
            The columns.
        """
        summed: Values = np.zeros((len(weights), self.functions.shape[1]))
        for parent in parents:
            for own in self.slices[parent]:
                # Most sums take one basis of a parent, whose functions are neighbours.
                rows = np.flatnonzero(weights[:, own].any(axis=1))
                if len(rows):
                    summed[rows] += weights[rows, own] @ self.functions[own]
        return summed

    @cached_property
    def _indices(self) -> tuple[tuple[NDArray[np.int64], ...], ...]:
        """The indices of the functions of each basis of each column."""
        return tuple(tuple(np.arange(some.start, some.stop) for some in own) for own in self.slices)

    def solve(self, where: NDArray[np.int64], products: Values) -> Values:
        """Return the weights of functions in the least-squares fit to a target.

        Parameters
        ----------
        where
            The indices of the functions.
        products
            ``[functions, ...]``, those of these functions with the target.
        """
        gram = self.gram.take(where[:, None] * len(self.gram) + where)
        # The ridge keeps the system solvable where columns are collinear.
        gram.flat[:: len(where) + 1] += RIDGE
        # LAPACK itself: numpy's and scipy's checks would take longer than the small system.
        solution, failed = dposv(gram, products)[1:]
        return np.asarray(np.linalg.solve(gram, products) if failed else solution)


def _orthonormal(columns: Values) -> Values:
    return np.asarray(np.linalg.qr(columns - columns.mean(axis=0))[0], dtype=np.float64)


class Child:
    """One column under every link, as products with the design and with itself.

    ``products`` are those of the design's functions with the pieces of which links are sums,
    ``[functions, pieces]``; ``squares`` are the links' squared norms.

    Parameters
    ----------
    column
        ``[n]``, standardised.
    design
        The design of all columns, which include this one.
    links
        Whether links other than the identity are considered.
    """

    def __init__(self, column: Values, design: Design, links: bool) -> None:
        links = links and not is_stepped(column)
        self.grid = LinkGrid.around(column) if links else LinkGrid(column, (), ())
        self._pieces = (self.grid.pieces - self.grid.pieces.mean(axis=0)).T.copy()
        self.products = design.functions @ self._pieces.T
        self.squares = self.grid.squares(self._pieces @ self._pieces.T)

    @cached_property
    def cells(self) -> Cells | None:
        """The intervals of values that are levels of a discretised column, or that were clipped."""
        x = self.grid.column
        levels, which, counts = np.unique(x, return_inverse=True, return_counts=True)
        if is_stepped(x):
            half = np.r_[np.inf, np.diff(levels) / 2, np.inf]
            return Cells(np.arange(len(x)), half[which], half[which + 1])
        low = counts[0] >= max(PILE, 2 * counts[1])
        high = counts[-1] >= max(PILE, 2 * counts[-2])
        at_low, at_high = low & (which == 0), high & (which == len(levels) - 1)
        rows = np.flatnonzero(at_low | at_high)
        if not len(rows):
            return None
        return Cells(
            rows, np.where(at_low, np.inf, 0.0)[rows], np.where(at_high, np.inf, 0.0)[rows]
        )

    def log_jacobian(self, link: int) -> float:
        """Return the sum of ``log g'`` over the values that are scored by a density."""
        whole = float(self.grid.log_jacobians[link])
        if self.cells is None:
            return whole
        within = self.grid.column[self.cells.rows]
        return whole - float(self.grid.links[link].log_jacobian(within).sum())

    @cached_property
    def floors(self) -> Values:
        """``[links]``: the smallest sum of squares of a residual, in the link's space."""
        n = len(self.grid.column)
        return np.asarray(
            n * SHARPEST**2 * np.exp(2 * self.grid.log_jacobians / n), dtype=np.float64
        )

    @cached_property
    def gaussian_constants(self) -> Values:
        """``[links]``: what a description under normal noise costs besides its fit to parents."""
        n = len(self.grid.column)
        constants = 0.5 * (self.grid.parameters + 2) * np.log(n) - self.grid.log_jacobians
        return np.asarray(constants + 0.5 * n * np.log(2 * np.pi * np.e / n), dtype=np.float64)

    def mapped(self, link: int) -> Values:
        """Return the column in a link's space, centred."""
        return np.asarray(self.mapped_all([link])[0], dtype=np.float64)

    def mapped_all(self, links: Sequence[int]) -> Values:
        """Return the column in the spaces of several links, ``[links, n]``, centred."""
        summed = self.grid.sums[[*links]] @ self._pieces
        return np.asarray(summed - summed.mean(axis=1, keepdims=True), dtype=np.float64)


def is_stepped(column: Values) -> bool:
    """Return whether each value of a column stands for an interval around it.

    Columns of up to 8 distinct values are stepped, and of up to 64 where each has 10 rows on
    average. They carry no link: the bounds of links come so near to the extreme values that
    repeated values there would gain log-Jacobian without bound. Measurements that are merely
    rounded have more values and keep their links.
    """
    levels = len(np.unique(column))
    return levels <= max(LEVELS, min(MOST_LEVELS, len(column) // ROWS_A_LEVEL))


def is_coarse(column: Values) -> bool:
    """Return whether a column has more than two levels, but too few to determine a direction.

    Splines are fitted to the levels themselves, so that steps between levels resemble nonlinear
    effects, and the direction in which these are simpler would be taken as the causal one. In
    random pairs with 1000 rows whose effects, causes or both were rounded, the directions that
    gained 5 nats or more were wrong in 22 % with 3 levels, by up to 98 nats with 5 levels, in 2 %
    with 15 levels, and from 20 levels on no more often than without rounding.
    """
    levels = len(np.unique(column))
    return 3 <= levels <= min(COARSE, len(column) // 2)


def raw_coefficients(blocks: list[Values], mapped: Values) -> tuple[Values, float]:
    """Return weights of the uncentred functions, and the mean to subtract from the intercept."""
    if not blocks:
        return np.empty(0), 0.0
    columns = np.concatenate(blocks, axis=1)
    means = columns.mean(axis=0)
    weights = np.linalg.lstsq(columns - means, mapped, rcond=1e-9)[0]
    return weights, float(means @ weights)
