"""Curves of the terms of a loss during training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from causalxai.report.plots import CATEGORIES, axes_grid, embed, new_figure
from causalxai.report.section import Figure
from causalxai.short_repr import short_repr

_COLUMNS = 4
_SMOOTHED = 50
_POINTS = 150
_GRID = {"left": 0, "right": 1, "bottom": 0, "top": 1, "wspace": 0.22, "hspace": 0.5}
"""The place of the curves, in shares of the figure, and the space between them, in their sizes."""


@dataclass(frozen=True, eq=False)
class TrainingCurve:
    """One term of a loss.

    Parameters
    ----------
    title
        The name of the term.
    steps
        ``[n]``, the steps at which it was computed, counted from 1.
    values
        ``[n]``, its value at each step.
    """

    title: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    __repr__ = short_repr

    @classmethod
    def at_every_step(cls, title: str, values: NDArray[np.float64]) -> Self:
        """Return the curve of a term that each step of a training computes."""
        return cls(title, np.arange(1, len(values) + 1), values)

    @classmethod
    def where_not_zero(cls, title: str, values: NDArray[np.float64]) -> Self:
        """Return the curve of a term that some steps leave out; these have a 0 in the history."""
        steps = np.flatnonzero(values)
        return cls(title, steps + 1, values[steps])

    def smoothed(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return running means, each at the middle of its window; at most some hundreds."""
        window = max(1, min(_SMOOTHED, len(self.values) // 10))
        box = np.ones(window) / window
        at, means = (np.convolve(x, box, mode="valid") for x in (self.steps, self.values))
        every = max(1, len(at) // _POINTS)
        return at[::every], means[::every]


def draw_training_curves(curves: Sequence[TrainingCurve], caption: str, alt: str) -> Figure:
    """Draw a small smoothed curve for each term, each on its own scale.

    Parameters
    ----------
    curves
        The curves; those without values, or with zeros alone, are left out.
    caption, alt
        Texts of the figure.
    """
    present = [curve for curve in curves if np.any(curve.values)]
    columns = min(_COLUMNS, max(1, len(present)))
    lines = max(1, -(-len(present) // columns))
    figure = new_figure(2.4 * columns, 1.5 * lines)
    # A regular grid needs no search for a layout, which would take longer than all the rest.
    figure.set_layout_engine("none")
    every = [axes for row in axes_grid(figure, lines, columns, gridspec_kw=_GRID) for axes in row]
    for axes, curve in zip(every, present, strict=False):
        axes.plot(*curve.smoothed(), color=CATEGORIES[0], linewidth=1)
        axes.set_title(curve.title, fontsize=8)
        axes.tick_params(labelsize=7)
    for axes in every[len(present) :]:
        axes.set_axis_off()
    # Below the last line, where no title is in the way.
    every[-columns].set_xlabel("step", fontsize=8)
    return embed(figure, caption, alt)
