"""``plot()`` of graphs, explanations, data sets and runs.

Reports stand above what they draw, so that a graph does not know how it is drawn: the package
names the module with the drawings by ``draw_with``. That module is loaded when something is
plotted, because matplotlib takes long to load.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_DRAWING_MODULES: list[str] = []


def draw_with(module: str) -> None:
    """Name the module that draws, in the place of any that was named before.

    Parameters
    ----------
    module
        Has the functions ``plot_graph``, ``plot_explanation``, ``plot_images`` and ``plot_run``,
        which take what ``plot`` takes and return the axes. ``causalxai.report.axes`` by default.
    """
    _DRAWING_MODULES[:] = [module]


def _drawn(name: str, *arguments: object) -> Axes:
    (module,) = _DRAWING_MODULES
    return cast("Axes", getattr(import_module(module), name)(*arguments))


class PlotsGraph:
    """Has a causal graph to be plotted."""

    def plot(self, *, axes: Axes | None = None) -> Axes:
        """Draw the graph, causes left of their effects.

        Edges are green where the weight is positive, orange where it is negative, and purple where
        they are not to be believed. Of a graph with more than 60 edges, the strongest paths to its
        classes are drawn.

        Parameters
        ----------
        axes
            The axes to draw on; those of a new figure unless given.
        """
        return _drawn("plot_graph", self, axes)


class PlotsExplanation:
    """Has explained images to be plotted."""

    def plot(self, image: int = 0, *, axes: Axes | None = None) -> Axes:
        """Draw the importances of one image as bars; without importances, its first map over it.

        Green supports the class, orange opposes it. At most ten concepts are drawn.

        Parameters
        ----------
        image
            The index of the image, from 0; from the end if it is negative.
        axes
            The axes to draw on; those of a new figure unless given.

        Raises
        ------
        IndexError
            If there is no such image.
        """
        return _drawn("plot_explanation", self, image, axes)


class PlotsImages:
    """Has labelled images to be plotted."""

    def plot(self, count: int = 12, *, axes: Axes | None = None) -> Axes:
        """Draw some test images of each class, with their classes.

        Parameters
        ----------
        count
            The maximum number of images.
        axes
            The axes to draw on; those of a new figure unless given.
        """
        return _drawn("plot_images", self, count, axes)


class PlotsRun:
    """Has a graph or an explanation to be plotted."""

    def plot(self, *, axes: Axes | None = None) -> Axes:
        """Draw the run's graph; without a graph, the explanation of its first image.

        Parameters
        ----------
        axes
            The axes to draw on; those of a new figure unless given.

        Raises
        ------
        CapabilityError
            If the run has neither.
        """
        return _drawn("plot_run", self, axes)
