"""The report's section on a twin: its images, its alignment and its training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.dataset import Dataset, Split
from causalxai.report.builder import ReportInputs
from causalxai.report.excitation import evenly_spaced
from causalxai.report.pictures import draw_picture
from causalxai.report.plots import CATEGORIES, INK, axes_grid, embed, new_figure
from causalxai.report.section import Figure, Section, Table, Text
from causalxai.report.training_curves import TrainingCurve, draw_training_curves
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.twin.quality import FAITHFUL_EFFECT, FAITHFUL_READBACK, Quality
from causalxai_glance.twin.training import TERMS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_OVERLAP = 0.1
"""The overlap of concepts below which what-ifs about one of them alone are doubted."""

_PICTURES, _POINTS, _PANELS = 10, 400, 3
# Scatter plots are raster images with fewer pixels than the page is wide, hence small fonts.
_TITLE, _LABEL, _TICK = 6.0, 5.5, 5.0
_MARKERS = "osD^vPX*<>"
_SPLIT = (
    " For boolean concepts: histograms of the readings, filled for images that have the concept, "
    "outlined for the others."
)
_BOOLEAN = (
    " Boolean concepts are set to 0 and to 1, and the unit is the step between them. The AUC is "
    "the probability that an image with the concept has a larger reading than one without it "
    "(chance: 0.5)."
)


def concept_report(space: LatentSpace, inputs: ReportInputs) -> tuple[Section]:
    """Show the twin's reconstructions, its alignment and its training losses."""
    return (twin_section(space, inputs.dataset),)


def twin_section(space: LatentSpace, dataset: Dataset) -> Section:
    """Show a fitted twin's reconstructions of test images, and measures of its quality.

    Parameters
    ----------
    space
        Fitted.
    dataset
        A few of its test images are shown.
    """
    pictured = evenly_spaced(dataset.test, _PICTURES)
    plotted = evenly_spaced(dataset.test, _POINTS)
    latents = space.latents(space.encode(plotted.images[:]).values).cpu()
    items: list[Text | Table | Figure] = [Text(_verdict(space.quality_))]
    items.append(_pictures(space, pictured))
    if space.named_:
        items.append(_quality_table(space.quality_, space.named_))
    if space.named_ and plotted.concepts is not None:
        items.append(_alignment(space, plotted.concepts, space.values(latents.to(space.sd_)).cpu()))
    unnamed = latents[:, len(space.named_) :]
    items += [_clusters(unnamed, plotted.labels, dataset), _losses(space.history_)]
    quality = space.quality_
    unfaithful = [name for i, name in enumerate(space.named_) if not quality.faithful_in(i)]
    doubts = (doubt_of_twin(unfaithful), doubt_of_overlap(space.overlap_))
    return Section("What the twin generates", items, doubt=" ".join(filter(None, doubts)))


def doubt_of_twin(unfaithful: Sequence[str]) -> str:
    """Say in which concepts the twin is not faithful; empty if it is in all."""
    if not unfaithful:
        return ""
    which = "this concept" if len(unfaithful) == 1 else "these concepts"
    return (
        f"The twin is not faithful in {', '.join(unfaithful)}: do not believe the what-ifs about "
        f"{which}."
    )


def doubt_of_overlap(overlap: float | None) -> str:
    """Say that images hardly show what one concept alone changes; empty if they show it.

    Parameters
    ----------
    overlap
        As ``LatentSpace.overlap_``.
    """
    if overlap is None or overlap >= LEAST_OVERLAP:
        return ""
    return (
        "The concepts vary so closely together that the training images hardly show what changes "
        f"with one of them alone: with weights that make them independent, {overlap:.1%} of the "
        "images would tell as much. Do not believe pictures of one concept changed alone; "
        "reference images, whose concepts are independent, would help."
    )


def _verdict(quality: Quality) -> str:
    share = quality.reconstruction / quality.mean_image if quality.mean_image else float("nan")
    pictures = (
        f"On {quality.n} test images, the twin's pictures have a mean squared error of "
        f"{quality.reconstruction:.4f}, {share:.0%} of that of the training images' mean. The "
        f"classifier predicts the same class for {quality.agreement:.1%} of the pictures as for "
        "the images themselves."
    )
    if not quality.readback:
        return f"{pictures} No concept is named, so obedience to do() is not measured."
    bounds = (
        f"read back from the picture with an R² of {FAITHFUL_READBACK:g} or more, and moves by "
        f"{FAITHFUL_EFFECT:g} or more for each unit that do() moves it"
    )
    if quality.faithful:
        return (
            f"{pictures} The twin is faithful: every named concept is {bounds}. Its answers about "
            "these concepts reflect what the classifier perceives."
        )
    return (
        f"{pictures} The twin is not faithful: not every named concept is {bounds}. Values that "
        "do() sets do not fully appear in the image, or the classifier does not perceive them "
        "there. Its answers about the concepts marked below are only approximate; more training "
        "steps may help."
    )


def _pictures(space: LatentSpace, split: Split) -> Figure:
    with torch.no_grad():
        painted = space.twin_.render(space.latents(space.encode(split.images[:]).values)).cpu()
    figure = new_figure(0.95 * len(split), 2.1)
    rows = axes_grid(figure, 2, len(split))
    for column, pair in enumerate(zip(split.images, painted, strict=True)):
        for row, image in enumerate(pair):
            draw_picture(rows[row][column], image)
    rows[0][0].set_ylabel("image", fontsize=8)
    rows[1][0].set_ylabel("perceived", fontsize=8)
    return embed(
        figure,
        "Test images, and the twin's reconstructions from the classifier's embeddings. Details "
        "that are missing in a reconstruction are either not in the embedding, or the twin has "
        "not learned to generate them.",
        "Test images in one row, the twin's reconstructions in another.",
        raster=True,
    )


def _quality_table(quality: Quality, names: tuple[str, ...]) -> Table:
    rows, boolean = [], any(auc is not None for auc in quality.validity_auc)
    for i, name in enumerate(names):
        own = quality.own_effect[i]
        stray = max((abs(other) for j, other in enumerate(quality.effect[i]) if j != i), default=0)
        figures = [quality.alignment[i], quality.readback[i], quality.validity[i], own, stray]
        if boolean:
            figures += [quality.alignment_auc[i], quality.validity_auc[i]]
        faithful = "yes" if quality.faithful_in(i) else "no"
        rows.append((name, *map(_measured, figures), faithful))
    return Table(
        ("concept", "alignment R²", "readback R²", "do() readback R²", "own effect",
         "effect on others", *(("alignment AUC", "do() readback AUC") if boolean else ()),
         "faithful"),
        tuple(rows),
        "On test images, on which the twin was not trained. Alignment: agreement of the latent "
        "with its label. Readback: agreement of the latent that "
        "is read from the twin's image with the one from which "
        "the image was generated, also after do() set it to "
        "values of N(0, 1) (intervention validity). Own effect: "
        "the change of the latent that is read back for each "
        "unit by which do() moves it (ideally 1). Effect on "
        "others: the largest change of another concept that was "
        "held (ideally 0)." + (_BOOLEAN if boolean else ""),
    )  # fmt: skip


def _measured(figure: float | None) -> str:
    return "not measured" if figure is None else f"{figure:.2f}"


def _alignment(space: LatentSpace, labels: Tensor, readings: Tensor) -> Figure:
    k = len(space.named_)
    columns = min(k, _PANELS)
    lines = -(-k // columns)
    figure = new_figure(2.4 * columns, 2.4 * lines)
    every = [axes for row in axes_grid(figure, lines, columns) for axes in row]
    for place, name in enumerate(space.named_):
        axes, label, reading = every[place], labels[:, place], readings[:, place]
        _compare(axes, label.numpy(), reading.numpy(), place in space.boolean_)
        r2 = _measured(space.quality_.alignment[place])
        axes.set_title(f"{name}, R² {r2}", fontsize=_TITLE)
    for axes in every[k:]:
        axes.set_axis_off()
    return embed(
        figure,
        "The label of each named concept against its "
        "aligned latent, in the label's unit, for test "
        "images. Points on the line agree." + (_SPLIT if space.boolean_ else ""),
        "Scatter plots of labels against aligned latents.",
        raster=True,
    )


def _compare(
    axes: Axes, label: NDArray[np.float32], reading: NDArray[np.float32], boolean: bool
) -> None:
    """Draw readings against labels, or histograms of them with and without the concept."""
    if boolean:
        bins = np.linspace(min(-0.2, reading.min()), max(1.2, reading.max()), 30).tolist()
        axes.hist(reading[label > 0.5], bins, color=CATEGORIES[0], alpha=0.6)
        axes.hist(reading[label <= 0.5], bins, color=INK, histtype="step")
        axes.set_yticks([])
        _label(axes, "aligned latent", "images")
        return
    axes.scatter(label, reading, s=5, color=CATEGORIES[0], alpha=0.6, lw=0)
    ends = [float(label.min()), float(label.max())]
    axes.plot(ends, ends, color=INK, linewidth=0.8)
    _label(axes, "label", "aligned latent")


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=_LABEL)
    axes.set_ylabel(y, fontsize=_LABEL)
    axes.tick_params(labelsize=_TICK, length=2)


def _clusters(unnamed: Tensor, labels: Tensor, dataset: Dataset) -> Figure:
    """Draw the two principal components of the latents that have no name."""
    flat, shares = _principal_plane(unnamed.cpu().double().numpy())
    figure = new_figure(5.5, 3.6)
    axes = axes_grid(figure, 1, 1)[0][0]
    for klass, name in enumerate(dataset.class_names):
        mine = flat[(labels == klass).numpy()]
        if not len(mine):
            continue
        colour = CATEGORIES[klass % len(CATEGORIES)]
        marker = _MARKERS[klass % len(_MARKERS)]
        x, y = mine.T
        axes.scatter(x, y, s=14, color=colour, marker=marker, alpha=0.6, lw=0)
        _name_cluster(axes, np.median(mine, axis=0), name, colour)
    first, second = (f"component {i} ({share:.0%}" for i, share in enumerate(shares, start=1))
    _label(axes, f"{first} of the variance)", f"{second})")
    return embed(
        figure,
        "Test images in the plane of the unnamed latents' two largest principal components, with "
        "a colour and a marker for each class and its name at its median. If the classes are "
        "separated, the unnamed latents carry the class.",
        "Scatter plot of the unnamed latents of test images, by class.",
        raster=True,
    )


def _principal_plane(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return coordinates ``[n, 2]`` along the two largest components, and their shares."""
    centred = values - values.mean(axis=0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    # A component's sign is arbitrary: its largest loading is made positive.
    largest = np.abs(directions).argmax(axis=1)
    directions *= np.sign(directions[np.arange(len(directions)), largest])[:, None]
    flat, shares = np.zeros((len(values), 2)), np.zeros(2)
    kept = min(2, len(directions))
    flat[:, :kept] = centred @ directions[:kept].T
    total = np.square(spread).sum()
    shares[:kept] = np.square(spread[:kept]) / total if total > 0 else 0
    return flat, shares


def _name_cluster(axes: Axes, place: NDArray[np.float64], name: str, colour: str) -> None:
    axes.text(
        place[0], place[1], name, fontsize=_TITLE, ha="center", va="center", color=INK,
        bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": colour, "alpha": 0.85},
    )  # fmt: skip


def _losses(history: Tensor) -> Figure:
    """Draw a small curve for each term that the training had."""
    # Some terms are computed in every few steps only.
    columns = zip(TERMS, history.cpu().double().numpy().T, strict=True)
    return draw_training_curves(
        [TrainingCurve.where_not_zero(term, column) for term, column in columns],
        "The weighted terms of the loss over the training, smoothed; each on its own scale.",
        "Curves of the loss's terms.",
    )
