"""The report's section on a code: its reconstruction, its bits and its pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from causalxai.dataset import Dataset
from causalxai.image_data.split import evenly_spaced_rows
from causalxai.report.builder import ReportInputs
from causalxai.report.pictures import draw_picture
from causalxai.report.plots import CATEGORIES, INK, axes_grid, embed, new_figure
from causalxai.report.section import Figure, Section, Table, Text
from causalxai.report.training_curves import TrainingCurve, draw_training_curves
from causalxai_dvae.autoencoder_training import TERMS as CODING_TERMS
from causalxai_dvae.autoencoder_training import CodeQuality
from causalxai_dvae.bit_space import BitSpace
from causalxai_dvae.generator_training import TERMS as PAINTING_TERMS
from causalxai_dvae.picture_quality import PictureQuality

_PICTURES = 10
_FADED = "#b8c0c8"
_FAITHFUL = 0.9
_LONG = 12


def concept_report(space: BitSpace, inputs: ReportInputs) -> tuple[Section]:
    """Show the code's quality, the bits' information, the pictures and the trainings."""
    return (code_section(space, inputs.dataset),)


def code_section(space: BitSpace, dataset: Dataset) -> Section:
    """Show measures of a fitted code and of its pictures.

    Parameters
    ----------
    space
        Fitted.
    dataset
        A few of its test images are shown.
    """
    quality, pictures = space.quality_, space.pictures_
    turn = space.config.autoencoder.turn
    items: list[Text | Table | Figure] = [Text(_code_verdict(quality, space.layer_.name, turn))]
    if (warning := quality.collapse_warning()) is not None:
        items.append(Text(f"Note: {warning}."))
    items += [
        _quality_table(quality),
        _bits(quality),
        Text(_picture_verdict(pictures)),
        _painted(space, dataset),
        _losses(space),
    ]
    return Section("The code of the hidden layer", items, doubt=_doubt(warning, pictures))


def _doubt(warning: str | None, pictures: PictureQuality) -> str:
    """Say what of the code or of its pictures is not to be believed."""
    if warning is not None:
        return f"{warning[0].upper()}{warning[1:]}."
    if _worst_agreement(pictures) < _FAITHFUL:
        return (
            "The generator's pictures are only illustrations: they omit or add features that "
            "determine the prediction."
        )
    return ""


def _code_verdict(quality: CodeQuality, layer: str, turn: float) -> str:
    trained = f", as it was trained to (turn: {turn:g})" if turn > 0 else ""
    return (
        f"{len(quality.ones)} bits represent the layer {layer}. On {quality.n} test images, the "
        "classifier's rest predicts the same class from the decoded code as from the layer itself "
        f"for {quality.agreement:.1%}; with all bits flipped, it predicts another class for "
        f"{quality.changed:.1%}{trained}. The images have {quality.distinct_codes} different codes."
    )


def _picture_verdict(pictures: PictureQuality) -> str:
    share = pictures.reconstruction / pictures.mean_image if pictures.mean_image else float("nan")
    beyond = _worst_agreement(pictures)
    verdict = (
        "The pictures show the features that determine the prediction."
        if beyond >= _FAITHFUL
        else f"One of the two agreements is less than {_FAITHFUL:.0%} of the way from chance to "
        "full agreement: the pictures are only illustrations, because they omit or add "
        "features that determine the prediction."
    )
    return (
        f"The generator's pictures of the code have a mean squared error of "
        f"{pictures.reconstruction:.4f}, {share:.0%} of that of the mean image. Shown the picture "
        f"of a code, the classifier predicts what its rest makes of the decoded code for "
        f"{pictures.agreement:.1%} (by chance {pictures.chance:.1%}), with all bits flipped for "
        f"{pictures.agreement_flipped:.1%} (by chance {pictures.chance_flipped:.1%}). {verdict} "
        "Generator and classifier draw on the layer's units alike by a cosine of "
        f"{pictures.shared_information:.2f} ({pictures.shared_by_chance:.2f} with units shuffled); "
        "a high cosine alone is no better explanation."
    )


def _worst_agreement(pictures: PictureQuality) -> float:
    """Return the lower one of the two agreements, as the share of the way from chance."""
    return min(
        _beyond_chance(pictures.agreement, pictures.chance),
        _beyond_chance(pictures.agreement_flipped, pictures.chance_flipped),
    )


def _beyond_chance(agreement: float, chance: float) -> float:
    """Return the share of the way from chance to full agreement; 0 where chance is 1."""
    return (agreement - chance) / (1 - chance) if chance < 1 else 0.0


def _quality_table(quality: CodeQuality) -> Table:
    figures = (
        quality.changed, quality.changed_from_phi, quality.accuracy,
        quality.accuracy_reconstructed, quality.agreement, quality.explained,
    )  # fmt: skip
    return Table(
        ("changed by the flip", "changed from \N{GREEK SMALL LETTER PHI} itself",
         "accuracy with \N{GREEK SMALL LETTER PHI}",
         "with \N{GREEK SMALL LETTER PHI}\N{PRIME}", "agreement", "variance explained"),
        (tuple(f"{figure:.1%}" for figure in figures),),
        "On test images, on which the code was not trained. "
        "\N{GREEK SMALL LETTER PHI} is the layer, "
        "\N{GREEK SMALL LETTER PHI}\N{PRIME} "
        "its decoded code. The flip is of all bits, and the change is from the prediction with "
        "\N{GREEK SMALL LETTER PHI}\N{PRIME}, or with \N{GREEK SMALL LETTER PHI}.",
    )  # fmt: skip


def _bits(quality: CodeQuality) -> Figure:
    """Draw the information of each bit, and its share of ones."""
    count = len(quality.ones)
    figure = new_figure(max(4.0, 0.28 * count + 1.2), 3.2)
    upper, lower = (row[0] for row in axes_grid(figure, 2, 1, sharex=True))
    places = np.arange(count)
    colours = [_FADED if bit in quality.dead else CATEGORIES[0] for bit in range(count)]
    upper.bar(places, quality.information, color=colours, width=0.75)
    upper.set_ylim(0, 1)
    upper.set_ylabel("information, in bits", fontsize=8)
    lower.bar(places, quality.ones, color=colours, width=0.75)
    lower.axhline(0.5, color=INK, linewidth=0.8, linestyle=":")
    lower.set_ylim(0, 1)
    lower.set_ylabel("share of ones", fontsize=8)
    lower.set_xlabel("bit", fontsize=8)
    lower.set_xticks(places, [str(place) for place in places], fontsize=7)
    for axes in (upper, lower):
        axes.tick_params(axis="y", labelsize=7)
        axes.margins(x=0.01)
    return embed(
        figure,
        "The mutual information of each bit and the test image (0: random, or constant; 1: "
        "always certain, and one for half of the images), and the share of images for which the "
        "bit is one. Grey bits have almost no information.",
        "Bars of the information of each bit, and of its share of ones.",
    )


def _painted(space: BitSpace, dataset: Dataset) -> Figure:
    """Draw test images, their pictures, and those of the flipped code."""
    test = dataset.test
    images = test.images[evenly_spaced_rows(len(test), _PICTURES)]
    with torch.no_grad():
        code = space.encode(images).values
        decoded = [space.autoencoder_.decode(one) for one in (code, 1 - code)]
        pictures = [space.generator_.paint(phi).cpu() for phi in decoded]
        logits = [space.layer_.logits(phi) for phi in (space.activations(images), *decoded)]
    figure = new_figure(0.95 * len(images), 3.6)
    labels = ("image", "of the code", "all bits flipped")
    lines = axes_grid(figure, 3, len(images))
    for line, row, seen, label in zip(lines, [images, *pictures], logits, labels, strict=True):
        for axes, image, prediction in zip(line, row, seen.softmax(dim=1), strict=True):
            draw_picture(axes, image)
            axes.set_xlabel(say_prediction(prediction, dataset.class_names), fontsize=7)
        line[0].set_ylabel(label, fontsize=8)
    return embed(
        figure,
        "Test images, the generator's pictures of their decoded codes, and of the codes with "
        "every bit flipped. Below each: the prediction of the classifier's rest from the layer, "
        "or from the decoded code, and its probability.",
        "Test images in one row, pictures of their codes and of the flipped codes in two more.",
        raster=True,
    )


def say_prediction(probabilities: Tensor, class_names: Sequence[str]) -> str:
    """Return the likeliest class and its probability, as plain text."""
    probability, klass = probabilities.max(dim=0)
    name = class_names[int(klass)]
    # Broken into two lines where it would overlap its neighbour.
    gap = "\n" if len(name) > _LONG else " "
    return f"{name}:{gap}{float(probability):.2f}"


def _losses(space: BitSpace) -> Figure:
    """Draw a small curve for each term of both trainings."""
    trainings = (
        ("code", CODING_TERMS, space.coding_history_),
        ("pictures", PAINTING_TERMS, space.painting_history_),
    )
    return draw_training_curves(
        [
            TrainingCurve.at_every_step(f"{training}: {term}", column)
            for training, terms, history in trainings
            for term, column in zip(terms, history.cpu().double().numpy().T, strict=True)
        ],
        "The weighted terms of the two losses over the trainings, smoothed; each on its own scale.",
        "Curves of the losses' terms.",
    )
