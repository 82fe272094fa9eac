"""How claims about one kind of concept are read as claims about another."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai.concept import BooleanConcept, Concept
from causalxai.metrics.claimed_effects import TrueEffects, claimed_effects
from causalxai.metrics.rendered import RenderedWorld
from causalxai.testing.toys import ToySpace, ToyWorld

from .conftest import Explain

COUNT = 20


def test_what_cannot_go_up_has_no_effect(drawn: ToyWorld):
    world = RenderedWorld.of(drawn.dataset, drawn.classifier, drawn.dataset.test.images[:COUNT])
    low = [replace(concept, high=-20.0) for concept in world.concepts[:2]]
    bounded = replace(world, concepts=(*low, *world.concepts[2:]))
    true = TrueEffects.of(bounded, torch.zeros(COUNT).long())
    assert (true.total[:, :2] == 0).all() and (true.total[:, 2:] != 0).all()
    assert (true.share[:, :2] == 0).all() and (true.direction == 1).all()


def test_a_flip_to_0_makes_a_concept_less(patched: ToyWorld):
    images = patched.dataset.test.images[:COUNT]
    world = RenderedWorld.of(patched.dataset, patched.classifier, images)
    true = TrueEffects.of(world, torch.zeros(COUNT).long())
    assert (true.direction == -1).all()


def test_the_effects_are_those_of_the_linear_model(drawn: ToyWorld):
    images, target = drawn.dataset.test.images[:COUNT], torch.arange(COUNT) % 3
    world = RenderedWorld.of(drawn.dataset, drawn.classifier, images)
    true = TrueEffects.of(world, target)
    scales = torch.tensor([concept.scale for concept in world.concepts])
    moved = true.share * scales
    total, direct = (table[:, target].T * moved for table in (drawn.logit_effects, drawn.reads))
    assert torch.allclose(true.total.float(), total, atol=2e-3)
    assert torch.allclose(true.direct.float(), direct, atol=2e-3)


class Booleans(ToySpace):
    """Says of each patch whether it is bright."""

    @property
    def concepts(self) -> list[Concept]:
        return [BooleanConcept(name) for name in self._names]


def claims(importance: Tensor, world: ToyWorld, space: ToySpace, explain: Explain) -> Tensor:
    explanation = explain(importance)
    inputs = replace(world.inputs(), space=space, oracle=None)
    images = explanation.images
    rendered = RenderedWorld.of(world.dataset, world.classifier, images)
    true = TrueEffects.of(rendered, explanation.target)
    return claimed_effects(explanation, inputs, true).effect


def test_continuous_claims_about_parts_that_are_there(patched: ToyWorld, explain: Explain):
    # All patches are there, and there is no spread: from 1 to 0 is one unit down.
    found = claims(torch.full((COUNT, 4), 2.0), patched, patched.space, explain)
    assert torch.equal(found, torch.full((COUNT, 4), -2.0).double())


def test_boolean_claims_about_continuous_concepts(drawn: ToyWorld, explain: Explain):
    space = Booleans().fit(drawn.classifier, drawn.dataset, rng=torch.Generator())
    found = claims(torch.ones(COUNT, 4), drawn, space, explain)
    values = drawn.space.encode(explain(torch.ones(COUNT, 4)).images).values
    # The importance of a boolean concept is that of its present value.
    assert torch.equal(found > 0, values > values.mean(dim=0))


def test_one_value_for_each_image(drawn: ToyWorld, explain: Explain):
    importance = torch.rand(COUNT, 4, generator=torch.Generator().manual_seed(0))
    found = claims(importance, drawn, drawn.space, explain)
    assert found.float().flatten().tolist() == pytest.approx(importance.flatten().tolist(), rel=0.2)
