"""The paper's figures 2, 3, 6 and 7, drawn for the user's own classifier and images."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
from matplotlib.ticker import LogFormatter, NullFormatter
from torch import Tensor

from causalxai.dataset import some_of_each_class
from causalxai.explainer import Explanation
from causalxai.report.builder import ReportInputs
from causalxai.report.maps import (
    correlation_between_classes,
    doubt_of_maps,
    share_with_half_of_support,
)
from causalxai.report.pictures import draw_picture, draw_signed
from causalxai.report.plots import CATEGORIES, INK, OPPOSE, SUPPORT, axes_grid, embed, new_figure
from causalxai.report.section import Figure, Section, Table, Text
from causalxai_interventional.explainer import InterventionalExplainer

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# Letters of a title above a picture.
_ACROSS = 17


def explanation_report(
    explainer: InterventionalExplainer,  # noqa: ARG001
    explanation: Explanation,
    inputs: ReportInputs,
) -> list[Section]:
    """Show the maps of the mediators, if there are any, and the effects of single edges."""
    names = inputs.dataset.class_names
    effects = effect_section(explanation, names)
    if explanation.maps:
        return [map_section(explanation, names), effects]
    return [Section(effects.title, [*_remarks(explanation), *effects.items])]


def effect_section(explanation: Explanation, class_names: Sequence[str]) -> Section:
    """Show CS by layer for images of two classes, and how removals move the logit (2 and 3)."""
    chosen = some_of_each_class(explanation.target, most=2)
    layers = _spread_out(cast("list[str]", explanation.meta["layers"]))
    figure = new_figure(8, 1.7 * len(chosen) + 0.4)
    spread = new_figure(8, 1.7 * len(chosen) + 0.4)
    effect_rows, spread_rows = (
        axes_grid(one, len(chosen), len(layers)) for one in (figure, spread)
    )
    for image, effect_axes, spread_axes in zip(chosen, effect_rows, spread_rows, strict=True):
        klass = class_names[int(explanation.target[image])]
        for (number, layer), above, below in zip(layers, effect_axes, spread_axes, strict=True):
            here = explanation.details["layer"] == number
            _draw_effects(above, explanation, image, here)
            _draw_spread(below, explanation, image, here)
            for axes in (above, below):
                axes.set_title(f"{layer}\nclass {klass}", fontsize=8)
    effect_axes[0].set_ylabel("CS (nats)")
    spread_axes[0].set_ylabel("edges")
    return Section(
        "Effects of single edges",
        [
            *_screening_note(explanation),
            embed(
                figure,
                "Causal effect CS of each removal, KL(p_do || p): green supports the class (G+), "
                "orange opposes it (G-), grey is neither. One image of each class.",
                "Scatter plots of the causal effect of each tested edge, layer by layer.",
                raster=True,
            ),
            embed(
                spread,
                "The logit after each removal; the line is the logit with all edges intact. "
                "Counts on a logarithmic axis.",
                "Histograms of the class's logit after single removals, layer by layer.",
            ),
        ],
    )


def _screening_note(explanation: Explanation) -> list[Text]:
    """Return a note if the edges to test were chosen by a first-order estimate."""
    screening = cast("dict[str, float]", explanation.meta.get("screening", {}))
    if not screening:
        return []
    agreement = ", ".join(f"{layer} {value:.2f}" for layer, value in screening.items())
    return [
        Text(
            "Screened: a first-order estimate chose the edges of each layer that were then tested "
            "exactly; the others were not tested. Rank correlation of the estimate with the exact "
            f"effect among the tested: {agreement}."
        )
    ]


def _spread_out(layers: Sequence[str], most: int = 5) -> list[tuple[int, str]]:
    """Return the layers with their positions: the first, the last and some between."""
    positions = np.linspace(0, len(layers) - 1, min(most, len(layers))).round().astype(int)
    return [(int(i), layers[i]) for i in positions]


def _draw_effects(axes: Axes, explanation: Explanation, image: int, here: Tensor) -> None:
    tested = explanation.details["tested"][image, here].bool()
    cs = explanation.details["information"][image, here][tested]
    position = explanation.details["index"][here][tested]
    supports = explanation.details["supports"][image, here][tested].bool()
    opposes = explanation.details["opposes"][image, here][tested].bool()
    groups = ((~supports & ~opposes, "#b8c0c8"), (supports, SUPPORT), (opposes, OPPOSE))
    for chosen, colour in groups:
        axes.scatter(position[chosen], cs[chosen], s=4, color=colour, linewidths=0)


def _draw_spread(axes: Axes, explanation: Explanation, image: int, here: Tensor) -> None:
    assert explanation.importance is not None
    tested = explanation.details["tested"][image, here].bool()
    logit = float(explanation.details["logit"][image])
    after = logit - explanation.importance[image, here][tested]
    if len(after):
        axes.hist(after.numpy(), bins=30, color=CATEGORIES[0], log=True)
        # The default writes powers of ten as formulas, which figures of the report do not have.
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.axvline(logit, color=INK, linewidth=1)


def map_section(explanation: Explanation, class_names: Sequence[str]) -> Section:
    """Show the mediators' maps beside captum's (figures 6 and 7)."""
    chosen = some_of_each_class(explanation.target, most=6)
    names = list(explanation.maps)
    figure = new_figure(1.05 * (len(names) + 1), 1.15 * len(chosen) + 0.3)
    for row, (image, axes) in enumerate(
        zip(chosen, axes_grid(figure, len(chosen), len(names) + 1), strict=True)
    ):
        draw_picture(axes[0], explanation.images[image], "" if row else "image")
        axes[0].set_ylabel(f"class {class_names[int(explanation.target[image])]}", fontsize=8)
        for one, name in zip(axes[1:], names, strict=True):
            draw_signed(one, explanation.maps[name][image], "" if row else _short(name))
    pictures = embed(
        figure,
        "Green supports the class, orange opposes it; each map has its own scale. The plain "
        "mediator map (the paper's) and saliency have no sign. Deletion and insertion score each "
        "of them.",
        "Attribution maps of several methods for the same images.",
        raster=True,
    )
    content = [*_remarks(explanation), pictures, *_class_dependence(explanation)]
    first = names[0]
    share = share_with_half_of_support(explanation.maps[first])
    return Section(
        "Where the mediators respond",
        content,
        finding=""
        if share is None
        else f"Half of the support for the class lies on {share:.0%} of the pixels, by “{first}”.",
        doubt=doubt_of_maps(first, explanation.maps[first], explanation.target),
    )


def _remarks(explanation: Explanation) -> list[Text]:
    remarks = cast("list[str]", explanation.meta.get("remarks", []))
    return [Text(f"Note: {remark}.") for remark in remarks]


def _short(name: str) -> str:
    """Break a map's name into lines that fit above a picture."""
    return textwrap.fill(name, _ACROSS)


def _class_dependence(explanation: Explanation) -> list[Table | Figure]:
    """Show the correlation of maps between classes: maps that are the same explain no class."""
    alike = {
        name: correlation_between_classes(maps, explanation.target)
        for name, maps in explanation.maps.items()
    }
    rows = [(name, f"{value:.2f}") for name, value in alike.items() if value is not None]
    if not rows:
        return []
    caption = "Correlation between the mean maps of different classes (1: alike for every class)."
    return [Table(("map", "correlation between classes"), tuple(rows), caption)]
