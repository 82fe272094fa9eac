"""The report's section on an explanation by factors: which matter, and where they are."""

from __future__ import annotations

import torch

from causalxai.capabilities import expect
from causalxai.dataset import some_of_each_class
from causalxai.explainer import Explanation
from causalxai.report.builder import ReportInputs
from causalxai.report.pictures import draw_picture
from causalxai.report.plots import axes_grid, embed, new_figure
from causalxai.report.section import Figure, Section, Table
from causalxai_activations.factor_explainer import REMOVAL, TOTAL_INDEX, FactorExplainer
from causalxai_activations.factor_space import MAPS, FactorSpace
from causalxai_activations.report.heat import draw_heat

_IMAGES = 6
_FACTORS = 4


def explanation_report(
    _explainer: FactorExplainer, explanation: Explanation, inputs: ReportInputs
) -> tuple[Section]:
    """Show the importance of the factors, and for some images those that matter most."""
    items: tuple[Table, Figure] = (_table(explanation), _pictures(explanation, inputs))
    return (Section("What the factors contribute", items),)


def _table(explanation: Explanation) -> Table:
    importance = explanation.importance
    assert importance is not None  # The explainer always gives it.
    index = explanation.details[TOTAL_INDEX].mean(dim=0)
    removal = explanation.details[REMOVAL].mean(dim=0)
    order = index.argsort(descending=True, stable=True).tolist()
    rows = tuple(
        (
            explanation.concepts[factor],
            f"{float(index[factor]):.2f}",
            f"{float(importance[:, factor].mean()):+.2f}",
            f"{float(removal[factor]):+.2f}",
        )
        for factor in order
    )
    return Table(
        ("factor", "total index", "importance", "added as it stands"),
        rows,
        f"Means over {len(explanation)} images, for the logit of each image's class. The total "
        "index is the share of the logit's variance that a factor takes part in when all are "
        f"scaled at random; it is {1 / len(rows):.2f} for each if all matter alike and do not "
        "interact. The importance is the same on the scale of the logit. The last column is the "
        "logit minus the logit without the factor.",
    )


def _pictures(explanation: Explanation, inputs: ReportInputs) -> Figure:
    """Draw some images of each class, and the factors that matter most to each."""
    space = expect(inputs.space, FactorSpace, "craft")
    importance = explanation.importance
    assert importance is not None
    chosen = some_of_each_class(explanation.target, _IMAGES)
    images = explanation.images[torch.tensor(chosen)]
    maps = space.encode(images).residual[MAPS].cpu()
    shown = min(_FACTORS, importance.shape[1])
    figure = new_figure(1.25 * (shown + 1), 1.35 * len(chosen))
    for place, (line, row) in enumerate(
        zip(axes_grid(figure, len(chosen), shown + 1), chosen, strict=True)
    ):
        name = inputs.dataset.class_names[int(explanation.target[row])]
        draw_picture(line[0], images[place], name)
        order = importance[row].abs().argsort(descending=True, stable=True)[:shown].tolist()
        for axes, factor in zip(line[1:], order, strict=True):
            title = f"{explanation.concepts[factor]}: {float(importance[row, factor]):+.2f}"
            heat = maps[place, factor]
            draw_heat(axes, images[place], heat, float(heat.max()), title)
    return embed(
        figure,
        "Images, each with the class that is explained, and beside it the factors that matter most "
        "to its logit: where each of them is (bright; each map has its own scale), and its "
        "importance.",
        "Images and, beside each, heat maps of its most important factors.",
        raster=True,
    )
