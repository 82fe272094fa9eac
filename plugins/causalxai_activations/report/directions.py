"""The report's section on directions: what they tell of their concepts, and the TCAV scores."""

from __future__ import annotations

import torch

from causalxai.dataset import Dataset
from causalxai.image_data.split import evenly_spaced_rows
from causalxai.report.builder import ReportInputs
from causalxai.report.pictures import draw_picture
from causalxai.report.plots import CATEGORIES, INK, axes_grid, embed, new_figure
from causalxai.report.section import Figure, Section, Table, Text
from causalxai_activations.direction_quality import DirectionQuality
from causalxai_activations.direction_space import DirectionSpace
from causalxai_activations.tcav_scores import CHANCE

_SIDE = 4
_READ = 256
_MOST = 12
_FADED = "#b8c0c8"


def concept_report(space: DirectionSpace, inputs: ReportInputs) -> tuple[Section]:
    """Show how well directions tell their concepts, the scores, and images along each direction."""
    items: list[Text | Table | Figure] = [Text(_verdict(space))]
    if (warning := space.warning()) is not None:
        items.append(Text(f"Note: {warning}."))
    items.append(_quality_table(space))
    if space.classes_:
        items += [_scores(space, inputs.dataset), _score_table(space, inputs.dataset)]
    items.append(_images(space, inputs.dataset))
    return (Section("The directions of the concepts", items, doubt=_DOUBT),)


_DOUBT = (
    "A direction points to whatever goes along with the concept in its examples, and not to the "
    "concept alone."
)


def _verdict(space: DirectionSpace) -> str:
    scores = space.scores_
    tested = (
        f"Compared with {space.config.controls} random directions, {int(scores.found.sum())} of "
        f"{scores.score.size} TCAV scores differ from chance, and "
        f"{int(scores.effects_found.sum())} effects are larger than by chance; of each, at most "
        "5 % are expected to be false findings."
        if space.classes_
        else "No class has five test images, so that there are no TCAV scores."
    )
    learned = f"{len(space.quality_)} directions were learned in the layer {space.layer_.name}."
    return f"{learned} {tested} {_DOUBT}"


def _quality_table(space: DirectionSpace) -> Table:
    rows = tuple(
        (
            one.name,
            str(one.learned_from),
            one.without or "values of it",
            one.measure,
            _held_out(one),
            f"{one.chance:.2f}",
        )
        for one in space.quality_
    )
    return Table(
        ("concept", "examples", "compared with", "measure", "on other examples", "by chance"),
        rows,
        "How well each direction tells its concept on examples that it was not learned from, with "
        "a 95 % interval.",
    )


def _held_out(one: DirectionQuality) -> str:
    told = one.held_out
    if told.low is None or told.high is None:
        return f"{told.value:.2f}"
    return f"{told.value:.2f} [{told.low:.2f}, {told.high:.2f}]"


def _scores(space: DirectionSpace, dataset: Dataset) -> Figure:
    """Draw the scores with their intervals, and the range of random directions."""
    scores, names = space.scores_, [one.name for one in space.quality_]
    figure = new_figure(6.4, 0.4 + 0.24 * len(names) * len(space.classes_) + 0.3 * len(names))
    for axes, concept in zip(
        (row[0] for row in axes_grid(figure, len(names), 1, sharex=True)),
        range(len(names)),
        strict=True,
    ):
        for place, klass in enumerate(space.classes_):
            at = (concept, place)
            axes.plot(
                [scores.random_low[at], scores.random_high[at]], [place, place],
                color=_FADED, linewidth=6, solid_capstyle="butt",
            )  # fmt: skip
            colour = CATEGORIES[0] if scores.found[at] or scores.effects_found[at] else INK
            axes.plot([scores.low[at], scores.high[at]], [place, place], color=colour, linewidth=1)
            axes.plot([scores.score[at]], [place], "o", color=colour, markersize=4)
            axes.text(1.03, place, dataset.class_names[klass], fontsize=7, va="center")
        axes.axvline(CHANCE, color=INK, linewidth=0.8, linestyle=":")
        axes.set_xlim(-0.02, 1.02)
        axes.set_yticks([])
        axes.set_ylabel(names[concept], fontsize=8)
        axes.tick_params(axis="x", labelsize=7)
    return embed(
        figure,
        "TCAV scores: for each concept and class, the share of the class's test images whose logit "
        "for the class rises with the concept, with a 95 % interval over images. Grey: the middle "
        "95 % of random directions. Coloured: the score, or the effect, differs from theirs (see "
        "the table).",
        "Points of the TCAV scores by concept and class, over the range of random directions.",
    )


def _score_table(space: DirectionSpace, dataset: Dataset) -> Table:
    scores = space.scores_
    rows = tuple(
        (
            one.name,
            dataset.class_names[klass],
            f"{scores.score[at]:.2f} [{scores.low[at]:.2f}, {scores.high[at]:.2f}]",
            f"{scores.random_low[at]:.2f} to {scores.random_high[at]:.2f}",
            f"{scores.adjusted[at]:.3f}",
            f"{scores.effect[at]:+.2f}",
            f"{scores.random_effect[at]:.2f}",
            f"{scores.effect_adjusted[at]:.3f}",
        )
        for concept, one in enumerate(space.quality_)
        for place, klass in enumerate(space.classes_)
        for at in [(concept, place)]
    )
    return Table(
        (
            *("concept", "class", "TCAV score", "random directions", "p"),
            *("logit per sd", "random directions, 95 % within ±", "p of the effect"),
        ),
        rows,
        "Random directions are learned from the same examples with their labels exchanged; the "
        "score of one is 0.5 on average. The effect is how much the logit rises for one standard "
        "deviation along the direction. Each p is the share of random directions whose score is "
        "as far from 0.5, or whose effect is as large, adjusted to the number of tests after "
        "Benjamini and Hochberg.",
    )


def _images(space: DirectionSpace, dataset: Dataset) -> Figure:
    """Draw, for each concept, the test images that have least and most of it."""
    images = dataset.test.images[evenly_spaced_rows(len(dataset.test), _READ)]
    count = len(images)
    values = space.encode(images).values.cpu()
    shown, side = min(len(space.quality_), _MOST), min(_SIDE, count // 2)
    figure = new_figure(0.85 * 2 * side + 0.6, 0.95 * shown + 0.2)
    for concept, line in enumerate(axes_grid(figure, shown, 2 * side)):
        order = values[:, concept].argsort(stable=True)
        for axes, row in zip(line, torch.cat([order[:side], order[-side:]]).tolist(), strict=True):
            draw_picture(axes, images[row], f"{float(values[row, concept]):+.1f} sd")
        line[0].set_ylabel(space.quality_[concept].name, fontsize=8)
    more = len(space.quality_) - shown
    return embed(
        figure,
        f"Of {count} test images those that lie lowest (left) and highest (right) along each "
        "direction, with their positions in standard deviations. They show what a direction stands "
        f"for in the network.{f' {more} more concepts are not shown.' if more else ''}",
        "For each concept, the test images with least and with most of it.",
        raster=True,
    )
