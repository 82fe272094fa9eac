"""Attribution maps laid over the images that they explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
from torch import Tensor

from causalxai.dataset import some_of_each_class
from causalxai.explainer import Explanation
from causalxai.report.builder import ReportInputs
from causalxai.report.maps import doubt_of_maps, share_with_half_of_support
from causalxai.report.pictures import as_shown, draw_picture
from causalxai.report.plots import axes_grid, effect_colours, embed, image_axes, new_figure
from causalxai.report.section import Section, Text
from causalxai_baselines.attribution import Attribution

_MOST = 8


def explanation_report(
    explainer: Attribution, explanation: Explanation, inputs: ReportInputs
) -> tuple[Section]:
    """Show some of the images with the map laid over them."""
    names = inputs.dataset.class_names
    section = overlay_section(explanation, names, explainer.name, explainer.map_note)
    remarks = cast("list[str]", explanation.meta.get("remarks", []))
    notes = [Text(f"Note: {remark}.") for remark in remarks]
    return (replace(section, items=[*notes, *section.items]),)


def overlay_section(
    explanation: Explanation, class_names: Sequence[str], name: str, note: str
) -> Section:
    """Show some images of each class, and below each the map over its grey shadow."""
    chosen = some_of_each_class(explanation.target, _MOST)
    figure = new_figure(1.05 * len(chosen) + 0.2, 2.5)
    above, below = axes_grid(figure, 2, len(chosen))
    for image, picture_axes, heat_axes in zip(chosen, above, below, strict=True):
        picture = as_shown(explanation.images[image]).numpy()
        title = f"class {class_names[int(explanation.target[image])]}"
        draw_picture(picture_axes, explanation.images[image], title)
        heat = explanation.maps[name][image].numpy()
        limit = float(np.abs(heat).max()) or 1.0
        axes = image_axes(heat_axes)
        axes.imshow(picture.mean(axis=-1), cmap="gray_r", vmin=0, vmax=3)
        axes.imshow(heat, cmap=effect_colours(), vmin=-limit, vmax=limit, alpha=0.75)
    pictures = embed(
        figure,
        f"Above the image, below {name} over it. {note}",
        f"Images and, below each, the attribution map of {name}.",
        raster=True,
    )
    return Section(
        f"Where {name} looks",
        [pictures],
        finding=_finding(name, explanation.maps[name]),
        doubt=doubt_of_maps(name, explanation.maps[name], explanation.target),
    )


def _finding(name: str, maps: Tensor) -> str:
    """Say on how many pixels the support lies."""
    share = share_with_half_of_support(maps)
    if share is None:
        return f"In no image does {name} find a pixel that supports the class."
    return f"Half of the support for the class lies on {share:.0%} of the pixels, by {name}."
