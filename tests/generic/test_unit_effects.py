"""Single effects, where the right answer is known in closed form."""

from __future__ import annotations

import pytest
import torch

from causalxai.concept import Concept, Units
from causalxai.generic import unit_effects as module
from causalxai.generic.unit_effects import unit_effects
from causalxai.testing import ToyWorld
from causalxai.testing.toys import ToySpace

EVERY = torch.arange(4)


@pytest.mark.parametrize("up", [True, False])
def test_one_unit_adds_what_the_closed_form_says(world: ToyWorld, up: bool):
    test = world.dataset.test
    units = world.space.encode(test.images)
    found = unit_effects(world.oracle, units, test.labels, EVERY, up=up)
    scale = torch.tensor([concept.scale for concept in world.space.concepts])
    expected = (scale[:, None] * world.logit_effects)[:, test.labels].T
    torch.testing.assert_close(found.importance, expected, atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(found.share, torch.full((32, 4), 1.0 if up else -1.0))


def test_concepts_are_asked_in_parts_that_change_nothing(world: ToyWorld, monkeypatch):
    test = world.dataset.test
    units = world.space.encode(test.images)
    expected = unit_effects(world.oracle, units, test.labels, EVERY)
    monkeypatch.setattr(module, "_CONCEPTS_AT_ONCE", 3)
    found = unit_effects(world.oracle, units, test.labels, EVERY)
    torch.testing.assert_close(found.effect, expected.effect)
    assert torch.equal(found.share, expected.share)


def test_a_concept_that_cannot_move_adds_nothing(world: ToyWorld):
    class Stuck(ToySpace):
        @property
        def concepts(self):
            return [Concept(name, low=-20, high=-20, scale=1.0) for name in self._names]

        def encode(self, images):
            units = super().encode(images)
            return Units(torch.full_like(units.values, -20.0), units.residual)

    space = Stuck().fit(world.classifier, world.dataset, rng=torch.Generator())
    oracle = type(world.oracle)(world.oracle.config).bind(world.classifier, space)
    images = world.dataset.test.images[:3]
    stuck = unit_effects(oracle, space.encode(images), torch.zeros(3).long(), EVERY)
    assert not stuck.share.any()
    assert not stuck.importance.any()
