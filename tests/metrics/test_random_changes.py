"""Which concepts of which images are set to what."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai.concept import BooleanConcept, Concept, Units
from causalxai.metric import MetricUndefinedError
from causalxai.metrics.random_changes import ChangesConfig, RandomChanges, values_of_others
from causalxai.testing.toys import ToySpace, ToyWorld

from .conftest import Explain


def test_a_concept_gets_what_other_images_have():
    own = torch.arange(7.0)
    drawn = values_of_others(Concept("c"), own, 50, torch.Generator().manual_seed(0))
    assert drawn.shape == (50, 7)
    assert all(sorted(row.tolist()) == own.tolist() for row in drawn)
    assert not (drawn == own).any()


def test_a_boolean_concept_gets_the_opposite():
    own = torch.tensor([0.0, 1.0, 1.0])
    drawn = values_of_others(BooleanConcept("c"), own, 3, torch.Generator())
    assert drawn.tolist() == [[1, 0, 0]]


def test_an_intervention_and_its_undoing_are_of_the_same_concept(world: ToyWorld, explain: Explain):
    changes = RandomChanges.draw(
        explain(torch.zeros(20, 4)), world.inputs(), ChangesConfig(images=9, concepts=4)
    )
    assert changes.remark == ""
    assert changes.set_to.shape == (4, 9)
    for place, new, done in changes.each():
        there = done.apply(changes.units.values)
        assert torch.equal(there[0, :, place], new)
        again = changes.undoing(place).apply(there[0])
        assert torch.equal(again[0], changes.units.values)


def test_what_is_left_out_is_told(world: ToyWorld, explain: Explain):
    class Still(ToySpace):
        def encode(self, images: Tensor) -> Units:
            units = super().encode(images)
            units.values[:, 1] = 0
            return units

    space = Still().fit(world.classifier, world.dataset, rng=torch.Generator())
    oracle = type(world.oracle)(world.oracle.config).bind(world.classifier, space)
    inputs = replace(world.inputs(), space=space, oracle=oracle)
    explanation = explain(torch.zeros(20, 4))
    every = RandomChanges.draw(explanation, inputs, ChangesConfig(images=9, concepts=4))
    assert (every.places, every.remark) == ((0, 2, 3), "left out: 1 of 4 concepts do not vary")
    few = RandomChanges.draw(explanation, world.inputs(), ChangesConfig(images=9, concepts=2))
    assert len(few.places) == 2
    assert few.remark == "left out: 2 of 4 concepts, drawn at random"
    with pytest.raises(MetricUndefinedError, match="two or more images"):
        RandomChanges.draw(explain(torch.zeros(1, 4)), inputs, ChangesConfig(images=9, concepts=4))
