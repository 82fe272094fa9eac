"""The paper's figure 3, and further figures of minimal sets and of single bits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from causalxai.dataset import some_of_each_class
from causalxai.explainer import Explanation
from causalxai.report.builder import ReportInputs
from causalxai.report.pictures import draw_difference, draw_picture
from causalxai.report.plots import CATEGORIES, INK, OPPOSE, SUPPORT, axes_grid, embed, new_figure
from causalxai.report.section import Figure, Section, Table, Text
from causalxai_dvae.explainer import FlipExplainer
from causalxai_dvae.flip_answers import FlipAnswers
from causalxai_dvae.report.code import say_prediction

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_IMAGES, _MOST_BARS, _MOST_BITS = 6, 7, 24
_COLUMNS = 5
_CHART = 2.0
_PALE = 0.4


def explanation_report(
    explainer: FlipExplainer,  # noqa: ARG001
    explanation: Explanation,
    inputs: ReportInputs,
) -> tuple[Section]:
    """Show the paper's figure 3, and a summary of the flips over all images."""
    return (explanation_section(explanation, inputs.dataset.class_names),)


def explanation_section(explanation: Explanation, class_names: Sequence[str]) -> Section:
    """Show the effects of flips on some images, and their summary over all images.

    Parameters
    ----------
    explanation
        Made by ``FlipExplainer``.
    class_names
        Of the ``K`` classes.
    """
    answers = FlipAnswers.of(explanation)
    items: list[Text | Table | Figure] = [Text(_verdict(explanation, answers, class_names))]
    if len(answers.pictured):
        items.append(_flips(explanation, answers, class_names))
    items += [_over_all_images(explanation), _landings(explanation, answers, class_names)]
    return Section(
        "Flips that change the prediction",
        items,
        finding=_finding(explanation, answers),
        doubt=_doubt(explanation, answers),
    )


def _finding(explanation: Explanation, answers: FlipAnswers) -> str:
    """Say how few bits change the prediction."""
    n, bits, sizes = len(explanation), len(explanation.concepts), _sizes(explanation)
    if not len(sizes):
        return f"No prediction of the {n} images was changed by flips of a few of the {bits} bits."
    alone = (answers.each_flipped.argmax(dim=2) != answers.perceived.argmax(dim=1)[:, None]).any(1)
    return (
        f"Flipping a few of the {bits} bits, {float(np.median(sizes)):g} in the median, changes "
        f"the predicted class of {len(sizes)} of {n} images; a single bit does for "
        f"{int(alone.sum())}."
    )


def _doubt(explanation: Explanation, answers: FlipAnswers) -> str:
    """Say of how many images the code has another class than the image."""
    n, before = len(explanation), answers.perceived.argmax(dim=1)
    lost = int((explanation.details["original"].argmax(dim=1) != before).sum())
    if not lost:
        return ""
    return (
        f"Of {n} images, {lost} {'has' if lost == 1 else 'have'} another predicted class from the "
        "decoded code: do not believe the flips of these."
    )


def _verdict(explanation: Explanation, answers: FlipAnswers, class_names: Sequence[str]) -> str:
    """Describe how many predictions are changed by which flips."""
    n, before = len(explanation), answers.perceived.argmax(dim=1)
    kept = int((explanation.details["original"].argmax(dim=1) == before).sum())
    all_bits = int((answers.all_flipped.argmax(dim=1) != before).sum())
    alone = (answers.each_flipped.argmax(dim=2) != before[:, None]).any(dim=1)
    return (
        f"Of {n} images, {kept} have the same predicted class from the decoded code, from which "
        f"all flips start. Flipping all bits changes {all_bits} of {n} predictions; flipping the "
        f"best single bit changes {int(alone.sum())}. {_say_sizes(explanation)} Sets are found "
        "greedily: no single bit can be removed from them, but there may be smaller ones."
        + (
            ""
            if len(class_names) == 2
            else " With more than two classes, the flip of all bits moves the prediction away "
            "from its class, but not to a given class."
        )
    )


def _say_sizes(explanation: Explanation) -> str:
    details, towards = explanation.details, explanation.meta["towards"]
    goal = "another class" if towards is None else f"the class {towards}"
    sizes = _sizes(explanation)
    there = int((details["turned"] & (details["size"] == 0)).sum())
    never = int((~details["turned"]).sum())
    already = f" {there} are predicted as {towards} already." if there else ""
    failed = f" No set was found for {never}." if never else ""
    if not len(sizes):
        return f"No prediction was changed to {goal} by flips of a few bits.{already}{failed}"
    return (
        f"The small sets of flips that lead to {goal} have {float(np.median(sizes)):g} bits in "
        f"the median ({int(sizes.min())} to {int(sizes.max())}).{already}{failed}"
    )


def _sizes(explanation: Explanation) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the sizes of the sets that change a prediction."""
    size = explanation.details["size"]
    return np.asarray(size[explanation.details["turned"] & (size > 0)].numpy())


def _flips(explanation: Explanation, answers: FlipAnswers, class_names: Sequence[str]) -> Figure:
    """Draw a row for each of some images: pictures, and the most important bits."""
    blocks = some_of_each_class(explanation.target[answers.pictured], _MOST_IMAGES)
    figure = new_figure(1.15 * _COLUMNS + _CHART, 1.4 * len(blocks))
    rows = axes_grid(figure, len(blocks), _COLUMNS + 1, width_ratios=[1.15] * _COLUMNS + [_CHART])
    for number, (row, block) in enumerate(zip(rows, blocks, strict=True)):
        titled = number == 0
        _draw_pictures(row[:_COLUMNS], explanation, answers, block, class_names, titled=titled)
        image = int(answers.pictured[block])
        _draw_importance(row[_COLUMNS], explanation, image, class_names)
    return embed(
        figure,
        "For each image: the classifier's input; the generator's pictures of its code, and of "
        "the code with every bit flipped; their difference (white: brighter after the flip, "
        "black: darker; one scale per image); and the picture with only a small set of bits "
        "flipped that changes the prediction. Below each: the class that the classifier, or its "
        "rest from the decoded code, predicts, and its probability. Bars: the contribution of each "
        "bit's value to the logit of the class; green supports the class, orange opposes it. The "
        "bits of the small set, from which no single bit can be removed, are in full colour, and "
        "their number is given above.",
        "Pictures of images, of their codes and of flipped codes, and bar charts of bits.",
        raster=True,
    )


def _draw_pictures(
    row: Sequence[Axes],
    explanation: Explanation,
    answers: FlipAnswers,
    block: int,
    class_names: Sequence[str],
    *,
    titled: bool,
) -> None:
    details = explanation.details
    image = int(answers.pictured[block])
    perceived, flipped, few = answers.pictures[:, block]
    logits = (answers.perceived, answers.all_flipped, answers.minimal_flipped)
    with_phi, with_psi, with_few = (each[image].softmax(dim=0) for each in logits)
    predictions = (details["original"][image], with_phi, with_psi, None, with_few)
    titles = ("image", "of the code", "all bits flipped", "difference", "few flipped")
    shown = (explanation.images[image], perceived, flipped, None, few)
    for axes, picture, title, prediction in zip(row, shown, titles, predictions, strict=True):
        title = title if titled else ""
        if picture is None or prediction is None:
            draw_difference(axes, (flipped - perceived).mean(dim=0), title)
            continue
        draw_picture(axes, picture, title)
        axes.set_xlabel(say_prediction(prediction, class_names), fontsize=8)
    if not bool(details["turned"][image]):
        row[-1].set_xlabel("none found", fontsize=8)
    elif not bool(details["minimal"][image].any()):
        row[-1].set_xlabel("there already", fontsize=8)


def _draw_importance(
    axes: Axes, explanation: Explanation, image: int, class_names: Sequence[str]
) -> None:
    """Draw bars for the most important bits, those of the small set in full colour."""
    assert explanation.importance is not None
    importance = explanation.importance[image].numpy()
    minimal = explanation.details["minimal"][image].numpy()
    strongest = np.argsort(-np.abs(importance), kind="stable")
    strongest = strongest[np.argsort(~minimal[strongest], kind="stable")][:_MOST_BARS]
    chosen = strongest[np.argsort(-importance[strongest], kind="stable")]
    values = importance[chosen]
    places = np.arange(len(chosen))
    colours = [SUPPORT if value > 0 else OPPOSE for value in values]
    bars = axes.barh(places, values, color=colours, height=0.7)
    for bar, needed in zip(bars, minimal[chosen], strict=True):
        bar.set_alpha(1.0 if needed else _PALE)
    assert explanation.units is not None
    code = explanation.units.values[image].int().tolist()
    names = [f"{explanation.concepts[bit]} = {code[bit]}" for bit in chosen]
    axes.set_yticks(places, names, fontsize=6.5)
    axes.tick_params(axis="x", labelsize=6.5)
    axes.tick_params(axis="y", length=0)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.invert_yaxis()
    name = class_names[int(explanation.target[image])]
    size = int(minimal.sum())
    title = f"logit of {name}" + (f"; {size} flipped" if size else "")
    axes.set_title(title, fontsize=7.5, loc="left")


def _over_all_images(explanation: Explanation) -> Figure:
    """Draw the sizes of the sets, the mean contribution of each bit, and its share of sets."""
    assert explanation.importance is not None
    importance = explanation.importance.double().numpy()
    bits = np.argsort(-np.abs(importance).mean(axis=0), kind="stable")[:_MOST_BITS]
    figure = new_figure(9.0, max(2.4, 0.15 * len(bits) + 0.8))
    sizes, strength, needed = axes_grid(figure, 1, 3, width_ratios=[1.0, 1.2, 1.0])[0]
    _draw_sizes(sizes, explanation)
    places = np.arange(len(bits))
    for axes in (strength, needed):
        names = [explanation.concepts[bit] for bit in bits]
        axes.set_yticks(places, names, fontsize=6.5)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelsize=7)
        axes.invert_yaxis()
    mine = importance[:, bits]
    strength.barh(places, mine.clip(min=0).mean(axis=0), color=SUPPORT, height=0.7)
    strength.barh(places, mine.clip(max=0).mean(axis=0), color=OPPOSE, height=0.7)
    strength.axvline(0, color=INK, linewidth=0.8)
    strength.set_title("contribution of each bit to the logit", fontsize=8, loc="left")
    turned = explanation.details["size"] > 0
    share = explanation.details["minimal"][turned].double().mean(dim=0).nan_to_num().numpy()
    needed.barh(places, share[bits], color=CATEGORIES[2], height=0.7)
    needed.set_xlim(0, 1)
    needed.set_title("share of small sets with the bit", fontsize=8, loc="left")
    more = "" if len(bits) == importance.shape[1] else f" The {len(bits)} strongest bits are shown."
    return embed(
        figure,
        "Over all images: the number of bits that change the prediction; the mean contribution "
        "of each bit's value to the logit of the image's class, where it supports it (green) and "
        f"where it opposes it (orange); and the share of small sets that contain the bit.{more}",
        "A histogram of the sizes of the small sets, and bars for each bit.",
    )


def _draw_sizes(axes: Axes, explanation: Explanation) -> None:
    sizes = _sizes(explanation)
    counts = np.bincount(sizes, minlength=2)[1:]
    bars = axes.bar(np.arange(1, len(counts) + 1), counts, color=CATEGORIES[0], width=0.8)
    axes.bar_label(bars, [str(count) if count else "" for count in counts], fontsize=7, padding=1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(labelsize=7)
    axes.set_xlabel("bits", fontsize=8)
    axes.set_title("images by size of the small set", fontsize=8, loc="left")


def _landings(explanation: Explanation, answers: FlipAnswers, class_names: Sequence[str]) -> Table:
    """Show the predictions of each class after flipping all bits, and the small sets."""
    details = explanation.details
    before = answers.perceived.argmax(dim=1)
    rows = []
    for klass in before.unique().tolist():
        mine = before == klass
        turned = mine & (details["size"] > 0)
        rows.append(
            (
                class_names[klass],
                str(int(mine.sum())),
                _say_classes(answers.all_flipped[mine].argmax(dim=1), class_names),
                _say_classes(answers.minimal_flipped[turned].argmax(dim=1), class_names),
                f"{np.median(details['size'][turned].numpy()):g}" if turned.any() else "none",
            )
        )
    return Table(
        ("predicted", "images", "with all bits flipped", "with a few flipped",
         "median size of the small set"),
        tuple(rows),
        "The predictions of the classifier's rest from the decoded code, before and after.",
    )  # fmt: skip


def _say_classes(classes: Tensor, class_names: Sequence[str]) -> str:
    counts = Counter(classes.tolist())
    said = [f"{class_names[klass]} ({count})" for klass, count in counts.most_common()]
    return ", ".join(said) or "none"
