"""Edits of attributes in a world in which what each does to the prediction is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai.explainer import Explanation
from causalxai.intervention import Action, Intervention
from causalxai.metric import MetricResult
from causalxai.metrics.edited_attribute import EditedAttribute
from causalxai.metrics.rendered import scaled_concepts
from causalxai.testing.toys import ToyWorld
from causalxai.what_if import Change, WhatIf

from .conftest import Explain

COUNT = 30
BIT = (Change("bit 1", Action.FLIP, 0.0, "not bit 1"),)


def changes(world: ToyWorld, explanation: Explanation) -> tuple[Tensor, Tensor]:
    """Return the probability of class 0 ``[n]``, and after one unit more of each concept."""
    renderer = world.dataset.renderer
    units = renderer.recognise(explanation.images)

    def probability(pictures: Tensor) -> Tensor:
        return world.classifier.logits(pictures).double().softmax(dim=1)[:, 0]

    after = []
    for place, concept in enumerate(scaled_concepts(world.dataset)):
        done = Intervention.shift(torch.tensor([place]), concept.scale)
        after.append(probability(renderer.draw(units, renderer.states(units, done))[0]))
    return probability(explanation.images), torch.stack(after, dim=1)


def claims_of(column: int, sign: float = 1.0) -> Tensor:
    claims = torch.full((COUNT, 4), 0.1)
    claims[:, column] = sign
    return claims


def scored(explanation: Explanation, world: ToyWorld) -> MetricResult:
    result = EditedAttribute().compute(explanation, world.inputs())
    assert result.estimate is not None, result.reason
    return result


@pytest.mark.parametrize("column", range(4))
def test_the_named_attribute_is_drawn_anew(drawn: ToyWorld, explain: Explain, column: int):
    explanation = explain(claims_of(column))
    result = scored(explanation, drawn)
    before, after = changes(drawn, explanation)
    change = (after - before[:, None]).abs().mean(dim=0)
    assert result.estimate.value == pytest.approx(float(change[column]), abs=1e-5)
    assert result.parts["before"].value == pytest.approx(float(before.mean()), abs=1e-5)
    assert result.parts["after"].value == pytest.approx(float(after[:, column].mean()), abs=1e-5)
    assert result.chance is not None
    assert result.chance.value == pytest.approx(float(change.mean()), abs=1e-5)
    assert result.parts["best attribute"].value == pytest.approx(float(change.max()), abs=1e-5)
    others = [float(one) for place, one in enumerate(change) if place != column]
    another = result.controls["another attribute"].value
    assert any(another == pytest.approx(one, abs=1e-5) for one in others)
    name = drawn.space.names()[column]
    assert result.reason == f"named by importances: {name} for {drawn.classifier.class_names[0]}"
    assert result.translated is False


def test_a_claim_of_the_wrong_sign_is_told(drawn: ToyWorld, explain: Explain):
    true = float(drawn.logit_effects[0, 0])
    sign = 1.0 if true > 0 else -1.0
    right, wrong = (scored(explain(claims_of(0, one)), drawn) for one in (sign, -sign))
    assert right.parts["as claimed"].value == 1
    assert wrong.parts["as claimed"].value == 0
    assert right.estimate.value == pytest.approx(wrong.estimate.value)


def flipped(world: ToyWorld, explain: Explain, column: int, rows: range) -> Explanation:
    """An explanation of bits without names, whose flips change the picture in one concept."""
    explanation = explain(torch.ones(COUNT, 2))
    renderer = world.dataset.renderer
    units = renderer.recognise(explanation.images)
    # Down in the pictures of less probability: more of the concept supports the class.
    pictures = {1.0: 3.0, 0.0: 0.0, -1.0: -6.0}
    what_ifs = []
    for logit, amount in pictures.items():
        moved = units.values.clone()
        moved[:, column] += amount
        drawn = renderer.draw(units, moved[None])[0]
        logits = torch.tensor([logit, 0.0, 0.0])
        what_ifs += [WhatIf(row, BIT if amount else (), logits, drawn[row]) for row in rows]
    return replace(explanation, concepts=("bit 1", "bit 2"), what_ifs=tuple(what_ifs))


def test_what_a_flip_without_names_changes_is_measured_on_its_pictures(
    drawn: ToyWorld, explain: Explain
):
    explanation = flipped(drawn, explain, 2, range(10))
    result = scored(explanation, drawn)
    before, after = changes(drawn, explanation)
    # Images without pictures are of the same class, for which the attribute is named.
    expected = (after[:, 2] - before).abs().mean()
    assert result.estimate.value == pytest.approx(float(expected), abs=1e-5)
    assert "the pictures of its what-ifs: bottom left" in result.reason
    assert result.translated is True
    supports = float(drawn.logit_effects[2, 0]) > 0
    assert result.parts["as claimed"].value == supports


def test_a_map_names_what_it_is_translated_to(drawn: ToyWorld, explain: Explain):
    heat = torch.zeros(COUNT, 8, 8)
    heat[:, :4, 4:] = 1.0
    explanation = replace(
        explain(torch.zeros(COUNT, 4)), concepts=(), importance=None, maps={"one patch": heat}
    )
    result = scored(explanation, drawn)
    renderer = drawn.dataset.renderer
    units = renderer.recognise(explanation.images)
    moved = []
    for place, concept in enumerate(scaled_concepts(drawn.dataset)):
        done = Intervention.shift(torch.tensor([place]), concept.scale)
        change = renderer.draw(units, renderer.states(units, done))[0] - explanation.images
        moved.append(float((change[:, 0] * heat).sum(dim=(1, 2)).mean()))
    named = drawn.space.names()[int(torch.tensor(moved).abs().argmax())]
    assert f"named by a map: {named} for" in result.reason
    assert result.translated is True


def test_an_attribute_that_is_called_as_a_class_is_told_apart(drawn: ToyWorld, explain: Explain):
    names = ("top left", *drawn.dataset.class_names[1:])
    classifier = replace_names(drawn, names)
    claims = claims_of(0)
    claims[:, 1] = 0.5
    explanation = explain(claims)
    result = scored(explanation, classifier)
    before, after = changes(drawn, explanation)
    expected = (after[:, 1] - before).abs().mean()
    assert result.parts["beside the label"].value == pytest.approx(float(expected), abs=1e-5)


def replace_names(world: ToyWorld, names: tuple[str, ...]) -> ToyWorld:
    classifier = type(world.classifier)(
        world.classifier.model, class_names=names, image_shape=world.classifier.image_shape
    )
    return replace(world, classifier=classifier, dataset=replace(world.dataset, class_names=names))


def test_classes_name_their_own_attributes(drawn: ToyWorld, explain: Explain):
    claims = claims_of(0)
    claims[10:] = claims_of(3)[10:]
    target = torch.tensor([0] * 10 + [1] * 20)
    result = scored(replace(explain(claims), target=target), drawn)
    first, second = drawn.classifier.class_names[:2]
    assert result.reason.endswith(f"top left for {first}, bottom right for {second}")


def test_a_class_for_which_nothing_is_claimed_is_left_out(drawn: ToyWorld, explain: Explain):
    claims = claims_of(1)
    claims[10:] = 0
    target = torch.tensor([0] * 10 + [1] * 20)
    result = scored(replace(explain(claims), target=target), drawn)
    assert result.estimate.n == 10
    assert result.reason.endswith("left out: 20 images of classes without a name")


def test_without_any_name_there_is_no_score(drawn: ToyWorld, explain: Explain):
    result = EditedAttribute().compute(explain(torch.zeros(COUNT, 4)), drawn.inputs())
    assert result.status == "skipped"
    assert "it names none" in result.reason
    silent = replace(explain(claims_of(0)), concepts=("a", "b", "c", "d"))
    result = EditedAttribute().compute(silent, drawn.inputs())
    assert result.status == "skipped"
