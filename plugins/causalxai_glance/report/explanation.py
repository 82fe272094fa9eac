"""The paper's figures 4, 5 and 7: reconstructions, what-ifs and the importance of concepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, SupportsFloat, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from causalxai.dataset import some_of_each_class
from causalxai.explainer import Explanation
from causalxai.report.builder import ReportInputs
from causalxai.report.pictures import draw_difference, draw_picture
from causalxai.report.plots import INK, OPPOSE, SUPPORT, axes_grid, embed, new_figure
from causalxai.report.section import Figure, Section, Table, Text
from causalxai_glance.explainer import GlanceExplainer
from causalxai_glance.pairs import Pairs
from causalxai_glance.report.image_strips import MINUS, side_name, strips

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer

_MOST_IMAGES, _MOST_CONTRASTED, _MOST_UNNAMED, _MOST_BARS = 4, 3, 4, 9
# The R² from which on a linear model of the logit is good, and from which on it is rough.
_GOOD_FIT, _ROUGH_FIT = 0.8, 0.5
_CHART = 2.6
_NEUTRAL = "#b8c0c8"
_NUMBERS = 1.04


def explanation_report(
    explainer: GlanceExplainer,  # noqa: ARG001
    explanation: Explanation,
    inputs: ReportInputs,
) -> tuple[Section]:
    """Show the paper's figures 4, 5 and 7, and the quality of the local models."""
    return (explanation_section(explanation, inputs.dataset.class_names),)


def explanation_section(explanation: Explanation, class_names: Sequence[str]) -> Section:
    """Show what-ifs for some images, and their summary over all images.

    Parameters
    ----------
    explanation
        Made by ``GlanceExplainer``.
    class_names
        Of the ``K`` classes.
    """
    pairs = Pairs.of(explanation)
    shown: list[Text | Table | Figure] = []
    if len(pairs.pictured):
        shown = [
            _what_ifs(explanation, pairs, class_names),
            *strips(explanation, pairs, class_names),
        ]
    return Section(
        "Importance of concepts in single images",
        [Text(_trust(explanation, pairs)), *shown, _summary(explanation, pairs, class_names)],
        finding=_finding(explanation, pairs),
        doubt=_doubt(explanation.details["fidelity"]),
    )


def _finding(explanation: Explanation, pairs: Pairs) -> str:
    """Say which concept turns most predictions."""
    names, n = cast("list[str]", explanation.meta["contrasted"]), len(explanation)
    turned = pairs.intervened.argmax(dim=-1) != pairs.perceived.argmax(dim=-1)[:, None, None]
    by_concept = turned.any(dim=2).sum(dim=0)
    if not int(by_concept.max()):
        return f"No change of a single concept turns the predicted class of any of the {n} images."
    most = int(by_concept.argmax())
    return (
        f"Changing {names[most]} turns the predicted class of {int(by_concept[most])} of {n} "
        "images, more than any other single concept."
        if int((by_concept == by_concept[most]).sum()) == 1
        else f"Changing {names[most]} turns the predicted class of {int(by_concept[most])} of {n} "
        "images, and no other single concept turns more."
    )


def _doubt(fidelity: Tensor) -> str:
    """Say near how many images the importances mean little."""
    poor = int((fidelity < _ROUGH_FIT).sum())
    if not poor:
        return ""
    return (
        f"Near {poor} of {len(fidelity)} images the logit is no linear function of the concepts: "
        "do not believe the importances there."
    )


def _trust(explanation: Explanation, pairs: Pairs) -> str:
    """Describe the quality of the local models and of the twin's pictures."""
    fidelity, original = explanation.details["fidelity"], explanation.details["original"]
    perceived = pairs.perceived.softmax(dim=1)
    same = original.argmax(dim=1) == perceived.argmax(dim=1)
    gap = (original - perceived).gather(1, explanation.target[:, None]).abs().mean()
    return (
        f"Each image is explained by a sparse linear model of {explanation.meta['samples']} "
        "samples around it, which the twin rendered and the classifier classified. On held-out "
        f"samples, the model's R² is {float(fidelity.mean()):.2f} on average "
        f"({float(fidelity.min()):.2f} to {float(fidelity.max()):.2f}). {_additivity(fidelity)} "
        "The explanations are of the images as the twin paints them: the classifier predicts the "
        f"same class there in {int(same.sum())} of {len(same)} images, and its confidence differs "
        f"by {float(gap):.2f} on average."
    )


def _additivity(fidelity: Tensor) -> str:
    """Describe near how many images a linear model fits the logit, by the local models' R²."""
    good, poor = fidelity >= _GOOD_FIT, fidelity < _ROUGH_FIT
    kinds = (
        (good, "nearly linear", f"{_GOOD_FIT:g} or more"),
        (~good & ~poor, "roughly linear", f"{_ROUGH_FIT:g} to {_GOOD_FIT:g}"),
        (poor, "not linear, and importances have little meaning", f"under {_ROUGH_FIT:g}"),
    )
    kinds_found = [
        f"near {int(which.sum())} of {len(fidelity)} images it is {kind} (R² {bounds})"
        for which, kind, bounds in kinds
        if which.any()
    ]
    return (
        "The model assumes that the logit is a linear function of the concepts: "
        f"{', '.join(kinds_found)}."
    )


def _what_ifs(explanation: Explanation, pairs: Pairs, class_names: Sequence[str]) -> Figure:
    """Draw one block of two rows for each of some images: up above, down below."""
    blocks = sorted(some_of_each_class(explanation.target[pairs.pictured], _MOST_IMAGES))
    concepts = _most_effective(explanation)
    columns = 1 + 2 * len(concepts)
    figure = new_figure(0.95 * columns + 2 * _CHART, 2.5 * len(blocks))
    ratios = [0.95] * columns + [_CHART] * 2
    rows = axes_grid(figure, 2 * len(blocks), columns + 2, width_ratios=ratios)
    for number, block in enumerate(blocks):
        above, below = rows[2 * number : 2 * number + 2]
        _draw_pictures(above[:columns], below[:columns], explanation, pairs, block, concepts)
        for upper, lower in zip(above[columns:], below[columns:], strict=True):
            _merge(upper, lower)
        image = int(pairs.pictured[block])
        _draw_importance(above[columns], explanation, image)
        _draw_confidence(above[columns + 1], explanation, pairs, image, concepts, class_names)
    step = float(cast("float", explanation.meta["step"]))
    drawn = embed(
        figure,
        "For each image, what the classifier was given and, below, what the twin paints of it; "
        f"then pictures with one concept {_steps(explanation, step)} (above) or "
        f"{_steps(explanation, step, up=False)} (below), what it causes following, each beside its "
        "difference from the perceived picture: white is brighter, black darker, grey the same, "
        "on one scale an image. Importance is the logit that one unit of a concept (an sd, or "
        "being there) adds by itself; bars to the right, in green, support the class, bars to the "
        "left, in orange, oppose it. Confidence is the probability of the class.",
        "Pictures of images, of what the classifier perceives in them and of interventions, with "
        "bar charts of the importance of concepts and of the confidence in the class.",
        raster=True,
    )
    return replace(drawn, folded="What-ifs of single images as one figure, with differences")


def _most_effective(explanation: Explanation) -> list[int]:
    """Return indices in ``contrasted`` of the concepts whose do() moves the logits most."""
    effect = explanation.details["effect"].abs().mean(dim=(0, 2))
    order = effect.argsort(descending=True, stable=True)
    return sorted(order[:_MOST_CONTRASTED].tolist())


def _merge(upper: Axes, lower: Axes) -> None:
    """Merge two axes into the upper one."""
    above, below = upper.get_subplotspec(), lower.get_subplotspec()
    assert above is not None and below is not None
    layout = above.get_gridspec()
    rows = slice(above.rowspan.start, below.rowspan.stop)
    lower.remove()
    upper.set_subplotspec(layout[rows, above.colspan.start])


def _draw_pictures(
    above: Sequence[Axes],
    below: Sequence[Axes],
    explanation: Explanation,
    pairs: Pairs,
    block: int,
    concepts: Sequence[int],
) -> None:
    perceived, intervened = pairs.perceived_pictures[block], pairs.intervened_pictures[block]
    limit = float((intervened - perceived).abs().max()) or 1.0
    names = cast("list[str]", explanation.meta["contrasted"])
    draw_picture(above[0], explanation.images[int(pairs.pictured[block])], "image")
    draw_picture(below[0], perceived, "perceived")
    for place, concept in enumerate(concepts):
        for side, row in enumerate((above, below)):
            after = intervened[concept, side]
            draw_picture(row[1 + 2 * place], after, side_name(explanation, names[concept], side))
            change = (after - perceived).mean(dim=0)
            draw_difference(row[2 + 2 * place], change, "difference", limit)


def _draw_importance(axes: Axes, explanation: Explanation, image: int) -> None:
    """Draw bars for the named concepts and for the most important unnamed ones."""
    assert explanation.importance is not None
    importance = explanation.importance[image].numpy()
    named = int(cast("int", explanation.meta["named"]))
    strongest = np.argsort(-np.abs(importance), kind="stable")
    known = [index for index in strongest if index < named]
    others = [index for index in strongest if index >= named and importance[index] != 0]
    chosen = [*known[: _MOST_BARS - min(len(others), _MOST_UNNAMED)], *others[:_MOST_UNNAMED]]
    values = importance[chosen]
    colours = [SUPPORT if value > 0 else OPPOSE for value in values]
    bars = _bars(axes, [explanation.concepts[index] for index in chosen], values, colours)
    axes.bar_label(bars, [_signed(value) for value in values], padding=2, fontsize=7)
    axes.axvline(0, color=INK, linewidth=0.8)
    fidelity = float(explanation.details["fidelity"][image])
    unit = "unit" if explanation.meta["boolean"] else "sd"
    axes.set_title(f"importance (logit for one {unit}), R² {fidelity:.2f}", fontsize=8, loc="left")
    axes.margins(x=0.3)


def _draw_confidence(
    axes: Axes,
    explanation: Explanation,
    pairs: Pairs,
    image: int,
    concepts: Sequence[int],
    class_names: Sequence[str],
) -> None:
    """Draw the probability of the class for the image and for every picture of it."""
    names = cast("list[str]", explanation.meta["contrasted"])
    target = int(explanation.target[image])
    intervened = pairs.intervened[image].softmax(dim=-1)[..., target]
    perceived = pairs.perceived[image].softmax(dim=-1)[target]
    labels = ["image", "perceived"]
    values = [float(explanation.details["original"][image, target]), float(perceived)]
    for concept in concepts:
        for side in (0, 1):
            labels.append(side_name(explanation, names[concept], side))
            values.append(float(intervened[concept, side]))
    colours = [INK, INK] + [_NEUTRAL] * (len(values) - 2)
    _bars(axes, labels, np.array(values), colours)
    for row, value in enumerate(values):
        # To the right of the longest possible bar, so that no line crosses the labels.
        axes.text(_NUMBERS, row, f"{value:.2f}", fontsize=7, va="center")
    axes.axvline(values[1], color=INK, linewidth=0.8, linestyle=":")
    axes.set_xlim(0, 1.25)
    axes.set_xticks([0, 0.5, 1])
    title = f"confidence in class {class_names[target]}"
    axes.set_title(title, fontsize=8, loc="left")


def _bars(
    axes: Axes,
    labels: Sequence[str],
    values: NDArray[np.float64],
    colours: Sequence[str],
) -> BarContainer:
    places = np.arange(len(values))
    bars = axes.barh(places, values, color=list(colours), height=0.7)
    axes.set_yticks(places, labels, fontsize=7)
    axes.tick_params(axis="x", labelsize=7)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    return bars


def _summary(explanation: Explanation, pairs: Pairs, class_names: Sequence[str]) -> Table:
    """Summarise the effects of do() on each concept over all explained images."""
    assert explanation.importance is not None
    details, names = explanation.details, cast("list[str]", explanation.meta["contrasted"])
    n = len(explanation)
    predicted = pairs.perceived.argmax(dim=-1)
    rows = []
    for place, name in enumerate(names):
        column = explanation.importance[:, explanation.concepts.index(name)]
        turned = pairs.intervened[:, place].argmax(dim=-1) != predicted[:, None]
        sides = (
            f"{_signed(details['effect'][:, place, side].mean())} ({_turns(turned[:, side], n)})"
            for side in (0, 1)
        )
        by_class = "; ".join(
            f"class {class_names[klass]}: {_signed(column[explanation.target == klass].mean())}"
            for klass in explanation.target.unique().tolist()
        )
        chosen = f"{int((column != 0).sum())} of {n}"
        rows.append((name, by_class, chosen, *sides))
    step = float(cast("float", explanation.meta["step"]))
    columns = (
        "concept", "mean importance by class", "selected",
        f"do({_steps(explanation, step)})", f"do({_steps(explanation, step, up=False)})",
    )  # fmt: skip
    return Table(
        columns,
        tuple(rows),
        "Importance: the change of the logit of the image's class by one unit of the concept (an "
        "sd, or presence) alone, with its effects held. do(): the mean change of that logit with "
        "all consequences, and the number of images whose predicted class changes.",
    )


def _steps(explanation: Explanation, step: float, *, up: bool = True) -> str:
    """Describe the intervention on one side of a pair."""
    boolean = cast("list[str]", explanation.meta["boolean"])
    contrasted = cast("list[str]", explanation.meta["contrasted"])
    ways = []
    if not set(contrasted) <= set(boolean):
        ways.append(f"+{step:g} sd" if up else f"{MINUS}{step:g} sd")
    if boolean:
        ways.append("= 1" if up else "= 0")
    return " or ".join(ways)


def _signed(value: SupportsFloat) -> str:
    return f"{float(value):+.2f}".replace("-", MINUS)


def _turns(turned: Tensor, n: int) -> str:
    return f"turns {int(turned.sum())} of {n}"
