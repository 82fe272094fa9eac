"""The functions of concepts that equations add up: lines, and natural cubic splines."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai_glance.scm import Basis, Choice

Rows: TypeAlias = NDArray[np.int64]
"""Numbers of basis functions."""
Shapes: TypeAlias = tuple[tuple[tuple[int, ...], ...], ...]
"""For each concept and each shape of its effect, the rows of the basis functions."""

_KNOTS = 5


@dataclass(frozen=True)
class BasisFunctions:
    """Basis functions of all concepts, ``[functions, n]``, with those of each one's shapes.

    The first shape is a line, the second a spline.
    """

    rows: Tensor
    shapes: Shapes

    @classmethod
    def of(cls, points: Tensor, readings: Tensor) -> BasisFunctions:
        """Return the functions at points, with knots at quantiles of the readings.

        Parameters
        ----------
        points
            ``[d, n]``, float32.
        readings
            ``[m, d]``, float32.
        """
        blocks, shapes = [torch.ones(1, points.shape[1])], []
        at = 1
        for x, seen in zip(points, readings.T, strict=True):
            bent = _curve(x, torch.quantile(seen, torch.linspace(0.02, 0.98, _KNOTS)))
            blocks += [x[None], bent]
            shapes.append(((at,), tuple(range(at, at + 1 + len(bent)))))
            at += 1 + len(bent)
        return cls(torch.cat(blocks), tuple(shapes))

    def needed(self, causes: Collection[int]) -> list[int]:
        """Return the rows of the constant, of all lines, and of the curves of some concepts."""
        curves = {row for cause in causes for row in self.shapes[cause][1]}
        return sorted({0, *(line for (line,), _ in self.shapes), *curves})

    def line(self, concept: int) -> int:
        """Return the row that has the concept itself."""
        return self.shapes[concept][0][0]


@cache
def rows_of_equation(shapes: Shapes, parents: tuple[int, ...], choice: Choice) -> tuple[Rows, Rows]:
    """Return the rows of an equation, and the places of their products in a flat matrix."""
    functions = 1 + sum(len(spline) for _, spline in shapes)
    chosen = (shapes[p][c] for p, c in zip(parents, choice, strict=True))
    where = np.array([0, *(row for rows in chosen for row in rows)])
    return where, where[:, None] * functions + where


def _curve(x: Tensor, knots: Tensor) -> Tensor:
    """Return the nonlinear functions of a natural cubic spline, ``[knots - 2, n]``, with sd 1."""
    spline = Basis(knots=tuple(knots.tolist()))
    bent = torch.from_numpy(spline.columns(x.numpy())[:, 1:]).float().T
    return bent / bent.std(dim=1, keepdim=True).clamp(min=1e-6)
