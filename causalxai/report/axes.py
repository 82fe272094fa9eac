"""Graphs, explanations, data sets and runs, drawn on matplotlib's axes for their ``plot()``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation
from causalxai.graph import CausalGraph
from causalxai.image_data.split import some_of_each_class
from causalxai.report.graph_drawing import draw_on_axes
from causalxai.report.pictures import as_shown, draw_picture
from causalxai.report.plots import INK, OPPOSE, SUPPORT, effect_colours, image_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_CONCEPTS, _ROW, _COLUMNS = 10, 0.32, 6


class _Drawable(Protocol):
    """What is drawn of a run."""

    @property
    def pipeline(self) -> _Results: ...


class _Results(Protocol):
    @property
    def graph(self) -> CausalGraph | None: ...
    @property
    def explanation(self) -> Explanation | None: ...


def new_axes(width: float, height: float) -> Axes:
    """Return the axes of a new figure, which notebooks show; sizes in inches."""
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(width, height), layout="constrained")[1]


def plot_graph(graph: CausalGraph, axes: Axes | None = None) -> Axes:
    """Draw a graph, as ``CausalGraph.plot`` does."""
    return draw_on_axes(graph, axes, new_axes)


def plot_explanation(explanation: Explanation, image: int = 0, axes: Axes | None = None) -> Axes:
    """Draw the explanation of one image, as ``Explanation.plot`` does."""
    n = len(explanation)
    if not -n <= image < n:
        raise IndexError(f"image should be from 0 to {n - 1}, not {image}: {n} were explained")
    if explanation.importance is None:
        return _draw_map(explanation, image, axes or new_axes(3, 3))
    importance = explanation.importance[image].double().cpu()
    chosen = importance.abs().argsort(descending=True, stable=True)[:_MOST_CONCEPTS].tolist()
    values = [float(importance[place]) for place in chosen]
    axes = axes or new_axes(5, 0.9 + _ROW * len(chosen))
    colours = [SUPPORT if value > 0 else OPPOSE for value in values]
    axes.barh(np.arange(len(values)), values, color=colours)
    names = [explanation.concepts[place] for place in chosen]
    # Names of users are text, also where they contain dollar signs.
    axes.set_yticks(np.arange(len(values)), names, parse_math=False)
    axes.invert_yaxis()
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("importance (logit)")
    axes.set_title(_title(explanation, image))
    return axes


def _draw_map(explanation: Explanation, image: int, axes: Axes) -> Axes:
    name, maps = next(iter(explanation.maps.items()))
    heat = maps[image].cpu().numpy()
    limit = float(np.abs(heat).max()) or 1.0
    shadow = as_shown(explanation.images[image].cpu()).numpy().mean(axis=-1)
    image_axes(axes).imshow(shadow, cmap="gray_r", vmin=0, vmax=3)
    axes.imshow(heat, cmap=effect_colours(), vmin=-limit, vmax=limit, alpha=0.75)
    axes.set_title(f"{_title(explanation, image)}: {name}", parse_math=False)
    return axes


def _title(explanation: Explanation, image: int) -> str:
    place = image % len(explanation)
    return f"image {place}, class index {int(explanation.target[place])}"


def plot_images(dataset: Dataset, count: int = 12, axes: Axes | None = None) -> Axes:
    """Draw some test images, as ``Dataset.plot`` does."""
    chosen = some_of_each_class(dataset.test.labels, count)
    columns = max(1, min(_COLUMNS, len(chosen)))
    rows = max(1, math.ceil(len(chosen) / columns))
    axes = axes or new_axes(1.2 * columns, 1.45 * rows)
    axes.axis("off")
    for place, image in enumerate(chosen):
        row, column = divmod(place, columns)
        at = (column / columns, 1 - (row + 1) / rows, 0.92 / columns, 0.8 / rows)
        inset = axes.inset_axes(at)
        draw_picture(inset, dataset.test.images[[image]][0])
        label = dataset.class_names[int(dataset.test.labels[image])]
        inset.set_title(label, fontsize=8, parse_math=False)
    return axes


def plot_run(run: _Drawable, axes: Axes | None = None) -> Axes:
    """Draw the graph of a run or else its explanation, as ``Run.plot`` does."""
    results = run.pipeline
    if results.graph is not None:
        return plot_graph(results.graph, axes)
    if results.explanation is not None:
        return plot_explanation(results.explanation, 0, axes)
    raise CapabilityError("this run has neither a graph nor an explanation that can be plotted")
