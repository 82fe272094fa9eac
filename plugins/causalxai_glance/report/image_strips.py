"""The paper's figures 5 and 9: all attributes of a few images flipped, and one of many images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from torch import Tensor

from causalxai.dataset import some_of_each_class
from causalxai.explainer import Explanation
from causalxai.report.pictures import draw_difference, draw_picture
from causalxai.report.plots import axes_grid, embed, new_figure
from causalxai.report.section import Figure
from causalxai_glance.pairs import Pairs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MINUS = "\N{MINUS SIGN}"

_MOST_FACES, _MOST_ACROSS, _PLACE = 6, 10, 1.0


def strips(explanation: Explanation, pairs: Pairs, class_names: Sequence[str]) -> list[Figure]:
    """Show boolean concepts flipped in some images; nothing where no concept is boolean.

    Parameters
    ----------
    explanation
        Made by ``GlanceExplainer``, with pictures.
    pairs
        Its what-ifs.
    class_names
        Of the ``K`` classes.
    """
    if not _places(explanation):
        return []
    featured = _featured(explanation)
    return [
        _every_flip(explanation, pairs, class_names),
        _across(explanation, pairs, featured, class_names),
    ]


def side_name(explanation: Explanation, concept: str, side: int) -> str:
    """Return the label of one side of a counterfactual pair."""
    if concept in cast("list[str]", explanation.meta["boolean"]):
        return f"{concept} = {1 - side}"
    return f"{concept} {('+', MINUS)[side]}"


def flipped_side(explanation: Explanation, image: int, concept: str) -> int:
    """Return the side of a boolean concept's pair that is farther from the image's reading."""
    assert explanation.units is not None
    reading = explanation.units.values[image, explanation.concepts.index(concept)]
    return int(reading > 0.5)


def _places(explanation: Explanation) -> list[int]:
    """Return the indices of the boolean concepts among the contrasted ones."""
    contrasted = cast("list[str]", explanation.meta["contrasted"])
    boolean = cast("list[str]", explanation.meta["boolean"])
    return [place for place, name in enumerate(contrasted) if name in boolean]


def _featured(explanation: Explanation) -> int:
    """Return the index of the requested concept, or of the one that moves the logits most."""
    contrasted = cast("list[str]", explanation.meta["contrasted"])
    asked = explanation.meta.get("featured")
    if asked:
        return contrasted.index(str(asked))
    effect = explanation.details["effect"].abs().mean(dim=(0, 2))
    return max(_places(explanation), key=lambda place: float(effect[place]))


def _every_flip(explanation: Explanation, pairs: Pairs, class_names: Sequence[str]) -> Figure:
    """Draw a row for each image: given, perceived, and with each concept flipped."""
    blocks = _of_both_kinds(explanation, pairs, _MOST_FACES)
    places, original = _places(explanation), explanation.details["original"]
    names = cast("list[str]", explanation.meta["contrasted"])
    figure = new_figure(_PLACE * (2 + len(places)), 1.6 * _PLACE * len(blocks))
    rows = axes_grid(figure, len(blocks), 2 + len(places))
    for row, block in zip(rows, blocks, strict=True):
        image = int(pairs.pictured[block])
        target = int(explanation.target[image])
        draw_picture(row[0], explanation.images[image], class_names[target])
        draw_picture(row[1], pairs.perceived_pictures[block], "perceived")
        _write_confidence(row[0], float(original[image, target]))
        _write_confidence(row[1], _confidence(pairs.perceived[image], target))
        for axes, place in zip(row[2:], places, strict=True):
            side = flipped_side(explanation, image, names[place])
            # Broken into two lines because the pictures are narrow.
            title = side_name(explanation, names[place], side).replace(" = ", "\n= ")
            draw_picture(axes, pairs.intervened_pictures[block, place, side], title)
            _write_confidence(axes, _confidence(pairs.intervened[image, place, side], target))
    return embed(
        figure,
        "What if each attribute were different? The classifier's input, the twin's "
        "reconstruction, and its images after do(attribute = 0 or 1), whichever is farther from "
        "the twin's reading; the effects of the attribute follow. Below each image: the "
        "classifier's confidence in the class that names the row.",
        "Rows of pictures, each with another attribute set to its opposite.",
        raster=True,
    )


def _across(
    explanation: Explanation, pairs: Pairs, place: int, class_names: Sequence[str]
) -> Figure:
    """Draw a column for each image: given, perceived, one concept flipped, and the difference."""
    blocks = _of_both_kinds(explanation, pairs, _MOST_ACROSS)
    name = cast("list[str]", explanation.meta["contrasted"])[place]
    figure = new_figure(_PLACE * len(blocks) + 0.8, 5.4 * _PLACE)
    rows = axes_grid(figure, 4, len(blocks))
    for column, block in enumerate(blocks):
        image = int(pairs.pictured[block])
        target = int(explanation.target[image])
        side = flipped_side(explanation, image, name)
        perceived = pairs.perceived_pictures[block]
        after = pairs.intervened_pictures[block, place, side]
        draw_picture(rows[0][column], explanation.images[image], class_names[target])
        draw_picture(rows[1][column], perceived, "")
        draw_picture(rows[2][column], after, f"= {1 - side}")
        draw_difference(rows[3][column], (after - perceived).mean(dim=0))
        _write_confidence(rows[1][column], _confidence(pairs.perceived[image], target))
        _write_confidence(
            rows[2][column], _confidence(pairs.intervened[image, place, side], target)
        )
    for row, label in zip(rows, ("image", "perceived", "do()", "difference"), strict=True):
        row[0].set_ylabel(label, fontsize=8)
    return embed(
        figure,
        f"do({name}) on several images: each as it was given, as the twin paints it, with "
        f"{name} set to the value that is farther from its reading, and where that changes the "
        "picture (white is brighter, black darker; each on its own scale). The numbers are the "
        "classifier's confidence in the class above.",
        f"Columns of pictures before and after an intervention on {name}.",
        raster=True,
    )


def _of_both_kinds(explanation: Explanation, pairs: Pairs, most: int) -> list[int]:
    """Return rows of ``pictured``, of every class in turn."""
    classes = explanation.target[pairs.pictured]
    return sorted(some_of_each_class(classes, most))


def _confidence(logits: Tensor, klass: int) -> float:
    return float(logits.softmax(dim=0)[klass])


def _write_confidence(axes: Axes, confidence: float) -> None:
    axes.set_xlabel(f"{confidence:.2f}", fontsize=8, labelpad=2)
