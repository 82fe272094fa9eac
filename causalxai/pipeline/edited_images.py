"""The report's section on images whose named attribute is edited, as in the DVAE's figure 5."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from causalxai.errors import CapabilityError
from causalxai.image_data.split import some_of_each_class
from causalxai.intervention import Intervention
from causalxai.metric import MetricUndefinedError, ScoringInputs
from causalxai.metrics.edited_attribute import EditedImages
from causalxai.report.builder import ReportInputs
from causalxai.report.pictures import draw_picture
from causalxai.report.plots import axes_grid, embed, new_figure
from causalxai.report.section import Figure, Section, Text

_IMAGES = 50
_SHOWN = 6


def edited_section(inputs: ReportInputs) -> Section | None:
    """Show images before and after the attribute that the explanation names is drawn anew.

    Parameters
    ----------
    inputs
        Of the report.

    Returns
    -------
    Section or None
        ``None`` if there is no explanation, or none that names an attribute which the data set's
        renderer can change; the metric ``edited-attribute`` then says why.
    """
    explanation = inputs.explanation
    if explanation is None:
        return None
    rows = some_of_each_class(explanation.target, min(_IMAGES, len(explanation)))
    asked = ScoringInputs(
        classifier=inputs.classifier,
        dataset=inputs.dataset,
        rng=inputs.rng,
        space=inputs.space,
        oracle=inputs.oracle,
    )
    try:
        edits = EditedImages.of(explanation.of_rows(torch.tensor(rows)), asked)
    except (CapabilityError, MetricUndefinedError):
        return None
    names = inputs.classifier.class_names
    return Section(
        "The named attribute, drawn anew",
        [Text(_told(edits, names)), _figure(edits, names)],
        finding=_finding(edits),
    )


def _finding(edits: EditedImages) -> str:
    known = edits.named >= 0
    change = edits.change[known]
    named = change.gather(1, edits.named[known, None])[:, 0]
    return (
        "Drawn anew with the attribute that the explanation names, images have a probability of "
        f"their class that differs by {float(named.mean()):.2f} on average; with any attribute, by "
        f"{float(change.mean()):.2f}."
    )


def _told(edits: EditedImages, class_names: Sequence[str]) -> str:
    return (
        f"Attributes are {edits.words(tuple(class_names))}. The data set's renderer, which does "
        "not depend on the method, draws each image with this attribute changed by one unit (a "
        "standard deviation, or a flip), with all that follows, and the classifier predicts anew."
    )


def _figure(edits: EditedImages, class_names: Sequence[str]) -> Figure:
    """Draw a row for each of some images: before, and with the named attribute changed."""
    known = (edits.named >= 0).nonzero()[:, 0]
    chosen = known[torch.tensor(some_of_each_class(edits.target[known], _SHOWN))].tolist()
    names, units = edits.world.names(), edits.world.units
    figure = new_figure(1.5 * len(chosen), 3.4)
    above, below = axes_grid(figure, 2, len(chosen))
    for column, row in enumerate(chosen):
        place, klass = int(edits.named[row]), class_names[int(edits.target[row])]
        one = units[torch.tensor([row])]
        value = edits.set_to[row, place].reshape(1, 1, 1)
        done = Intervention.set(torch.tensor([[place]]), value)
        after = edits.world.renderer.draw(one, edits.world.renderer.states(one, done))[0, 0]
        before = edits.world.renderer.draw(one, one.values[None])[0, 0]
        draw_picture(above[column], before)
        above[column].set_xlabel(f"{klass} {float(edits.before[row]):.2f}", fontsize=8)
        concept = edits.world.concepts[place]
        words = concept.in_words(float(one.values[0, place]), float(value))
        draw_picture(below[column], after)
        told = f"{words}\n{klass} {float(edits.after[row, place]):.2f}"
        below[column].set_xlabel(told, fontsize=8)
    above[0].set_ylabel("image", fontsize=8)
    below[0].set_ylabel("edited", fontsize=8)
    return embed(
        figure,
        "Images, and the same drawn anew with the named attribute changed. Below each: the "
        "explained class and its probability, before and after, and what was changed. "
        f"Attributes that could be named: {', '.join(names)}.",
        "Images before and after the edit of an attribute.",
        raster=True,
    )
