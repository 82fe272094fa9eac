"""The section on single images: each picture, bar and number is the right one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure as PlotFigure

from causalxai import ScoringInputs
from causalxai.explainer import Explanation
from causalxai.report.plots import OPPOSE, SUPPORT
from causalxai.report.section import Figure, Table, Text
from causalxai_glance.explainer import GlanceExplainer
from causalxai_glance.pairs import Pairs
from causalxai_glance.report import explanation as explanation_figures
from causalxai_glance.report.explanation import explanation_section
from tests.plugins.glance.report.sections import items, words
from tests.plugins.glance.report.small_explanation import (
    CLASSES,
    MINUS,
    NAMES,
    K,
    N,
    bars,
    block_of,
    explanation,
    shown,
    signed,
)


@pytest.mark.parametrize("image", range(N))
def test_what_ifs_are_the_pictures_of_the_intervention_that_the_title_names(
    plots: list[PlotFigure], image: int
) -> None:
    given = explanation()
    explanation_section(given, CLASSES)
    axes = [one for one in block_of(plots[0], image) if one.images]
    titles = [one.get_title() for one in axes]
    pairs = Pairs.of(given)
    perceived = pairs.perceived_pictures[image, 0]
    assert titles == [
        *("image", "size +", "difference", "brightness +", "difference"),
        *("perceived", f"size {MINUS}", "difference", f"brightness {MINUS}", "difference"),
    ]
    torch.testing.assert_close(shown(axes[0]), given.images[image, 0])
    torch.testing.assert_close(shown(axes[5]), perceived)
    for side in (0, 1):
        for concept in (0, 1):
            place = 5 * side + 1 + 2 * concept
            after = pairs.intervened_pictures[image, concept, side, 0]
            torch.testing.assert_close(shown(axes[place]), after)
            torch.testing.assert_close(shown(axes[place + 1]), after - perceived)


def test_differences_are_white_where_it_is_brighter_and_on_one_scale(
    plots: list[PlotFigure],
) -> None:
    given = explanation()
    explanation_section(given, CLASSES)
    pairs = Pairs.of(given)
    changes = pairs.intervened_pictures[0] - pairs.perceived_pictures[0]
    pictures = [one.images[0] for one in block_of(plots[0], 0) if "diff" in one.get_title()]
    assert len(pictures) == 4
    for picture in pictures:
        limit = float(changes.abs().max())
        assert picture.get_clim() == pytest.approx((-limit, limit))
        assert picture.cmap(picture.norm(limit))[:3] == pytest.approx((1, 1, 1))


@pytest.mark.parametrize("image", range(N))
def test_bars_of_importance_are_named_and_coloured_by_what_they_are(
    plots: list[PlotFigure], image: int
) -> None:
    given = explanation()
    explanation_section(given, CLASSES)
    axes = block_of(plots[0], image)[5]
    found = bars(axes)
    importance = dict(zip(given.concepts, given.importance[image].tolist(), strict=True))
    unnamed = sorted(given.concepts[2:], key=lambda name: -abs(importance[name]))
    named = sorted(NAMES, key=lambda name: -abs(importance[name]))
    assert [*found] == [*named, *unnamed[:4]]
    for name, (length, colour, number) in found.items():
        assert length == pytest.approx(importance[name])
        assert colour == (SUPPORT if importance[name] > 0 else OPPOSE)
        assert number == signed(importance[name])
    assert axes.get_title(loc="left").endswith(f"{given.details['fidelity'][image]:.2f}")


@pytest.mark.parametrize("image", range(N))
def test_bars_of_confidence_are_the_class_s_in_each_picture(
    plots: list[PlotFigure], image: int
) -> None:
    given = explanation()
    explanation_section(given, CLASSES)
    axes = block_of(plots[0], image)[6]
    target, pairs = int(given.target[image]), Pairs.of(given)
    intervened = pairs.intervened[image].softmax(dim=-1)[..., target]
    expected = {
        "image": given.details["original"][image, target],
        "perceived": pairs.perceived[image].softmax(dim=0)[target],
        "size +": intervened[0, 0],
        f"size {MINUS}": intervened[0, 1],
        "brightness +": intervened[1, 0],
        f"brightness {MINUS}": intervened[1, 1],
    }
    found = bars(axes)
    assert [*found] == [*expected]
    for name, (length, _, number) in found.items():
        assert length == pytest.approx(float(expected[name]))
        assert number == f"{expected[name]:.2f}"
    assert axes.get_title(loc="left") == f"confidence in class {CLASSES[target]}"
    [line] = axes.lines
    assert line.get_xdata()[0] == pytest.approx(float(expected["perceived"]))
    assert min(text.get_position()[0] for text in axes.texts) > 1


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_pictures_of_any_number_of_channels_are_shown(
    plots: list[PlotFigure], channels: int
) -> None:
    given = explanation(boolean=NAMES, channels=channels)
    explanation_section(given, CLASSES)
    first = given.images[0]
    for figure in plots:
        found = shown(figure.axes[0])
        expected = first.movedim(0, -1) if channels == 3 else first.mean(dim=0)
        torch.testing.assert_close(found, expected)


@pytest.mark.usefixtures("plots")
@pytest.mark.parametrize(
    ("fidelity", "said"),
    [
        ([0.8, 0.9, 1.0], "concepts: near 3 of 3 images it is nearly linear (R² 0.8 or more)."),
        ([0.79, 0.5, 0.6], "concepts: near 3 of 3 images it is roughly linear (R² 0.5 to 0.8)."),
        (
            [0.9, 0.6, 0.3],
            "near 1 of 3 images it is nearly linear (R² 0.8 or more), near 1 of 3 images it is "
            "roughly linear (R² 0.5 to 0.8), near 1 of 3 images it is not linear, and importances "
            "have little meaning (R² under 0.5).",
        ),
    ],
)
def test_additivity_is_told_by_the_fidelity(fidelity: list[float], said: str) -> None:
    given = explanation()
    given.details["fidelity"][:] = torch.tensor(fidelity)
    words = explanation_section(given, CLASSES).items[0]
    assert isinstance(words, Text)
    assert said in words.text


@pytest.mark.usefixtures("plots")
def test_the_summary_reads_as_no_subtraction() -> None:
    given = explanation()
    given.importance[:, 0] = torch.tensor([1.73, -2.07, 0.5])
    given.details["effect"][:, 0] = torch.tensor([1.0, -3.0])
    _, _, table = explanation_section(given, CLASSES).items
    name, by_class, _, up, down = table.rows[0]
    assert name == "size"
    assert by_class == f"class x: {MINUS}2.07; class y: +0.50; class z: +1.73"
    assert up.startswith("+1.00 (turns") and down.startswith(f"{MINUS}3.00 (turns")


def test_the_concept_that_turns_most_predictions_is_named():
    given = explanation()
    pairs = Pairs.of(given)
    before = pairs.perceived.argmax(dim=1)
    turned = [
        sum(bool((pairs.intervened[i, c].argmax(dim=1) != before[i]).any()) for i in range(N))
        for c in range(2)
    ]
    most = NAMES[int(np.argmax(turned))]
    said = explanation_figures._finding(given, pairs)
    assert said.startswith(f"Changing {most} turns the predicted class of {max(turned)} of {N} ")
    still = replace(pairs, intervened=pairs.perceived[:, None, None].expand(N, 2, 2, K))
    assert explanation_figures._finding(given, still) == (
        f"No change of a single concept turns the predicted class of any of the {N} images."
    )


def test_importances_where_the_logit_is_not_linear_are_doubted():
    assert explanation_figures._doubt(torch.tensor([0.9, 0.6])) == ""
    assert explanation_figures._doubt(torch.tensor([0.9, 0.6, 0.3])) == (
        "Near 1 of 3 images the logit is no linear function of the concepts: do not believe the "
        "importances there."
    )


def explanation_of(inputs: ScoringInputs, count: int = 6, **settings: object) -> Explanation:
    inputs = replace(inputs, rng=torch.Generator().manual_seed(1))
    images = inputs.dataset.test.images[:count]
    target = inputs.classifier.predict(images)
    return GlanceExplainer(samples=32, **settings).explain(images, target, inputs)


def test_explanations_are_shown_and_summed_up(glance_context: ScoringInputs):
    explanation = explanation_of(glance_context, pictures=1)
    section = explanation_section(explanation, glance_context.classifier.class_names)
    [figure], [table] = items(section, Figure), items(section, Table)
    assert figure.png is not None
    assert [row[0] for row in table.rows] == ["size", "brightness"]
    effect = explanation.details["effect"].mean(dim=0)
    pairs = Pairs.of(explanation)
    turned = pairs.intervened.argmax(dim=-1)
    predicted = pairs.perceived.argmax(dim=-1)[:, None, None]
    count = (turned != predicted).sum(dim=0)
    for concept, row in enumerate(table.rows):
        for side in (0, 1):
            said = f"{signed(effect[concept, side])} (turns {count[concept, side]} of 6)"
            assert row[3 + side] == said
        for klass in explanation.target.unique().tolist():
            mean = explanation.importance[explanation.target == klass, concept].mean()
            name = glance_context.classifier.class_names[klass]
            assert f"class {name}: {signed(mean)}" in row[1]


def test_trust_is_told_in_numbers(glance_context: ScoringInputs):
    explanation = explanation_of(glance_context, pictures=0)
    fidelity = torch.tensor([0.9, 0.8, 0.2, 0.7, 0.6, 0.4])
    perceived = explanation.details["original"].log()
    perceived[0] = perceived[0].roll(1)
    details = {**explanation.details, "fidelity": fidelity}
    what_ifs = tuple(
        one if one.changes else replace(one, logits=perceived[one.row])
        for one in explanation.what_ifs
    )
    changed = replace(explanation, details=details, what_ifs=what_ifs)
    section = explanation_section(changed, ("x", "y", "z"))
    said = words(section)
    assert "0.60 on average (0.20 to 0.90)" in said
    assert "near 2 of 6 images it is not linear" in said
    assert "the same class there in 5 of 6" in said
    assert not items(section, Figure)


def test_the_same_explanation_gives_the_same_bytes(glance_context: ScoringInputs):
    explanation = explanation_of(glance_context, count=1)
    one, other = (
        items(explanation_section(explanation, ("x", "y", "z")), Figure)[0] for _ in range(2)
    )
    assert one.png == other.png
    more = replace(explanation, importance=-explanation.importance)
    assert items(explanation_section(more, ("x", "y", "z")), Figure)[0].png != one.png
