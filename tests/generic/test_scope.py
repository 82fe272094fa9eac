"""Which of many concepts are asked for."""

from __future__ import annotations

import pytest
import torch

from causalxai.errors import CapabilityError
from causalxai.generic.scope import ScopeConfig, choose, places_in
from causalxai.generic.single_effects import SingleEffects
from causalxai.generic.unit_effects import unit_effects
from causalxai.testing import ToyWorld

EVERY = torch.arange(4)


def test_of_many_concepts_the_strongest_are_taken(world: ToyWorld):
    test = world.dataset.test
    units = world.space.encode(test.images)
    strength = unit_effects(world.oracle, units, test.labels, EVERY).importance.abs().mean(dim=0)
    scope = choose(world.oracle, units, test.labels, ScopeConfig(most=2))
    assert scope.places.tolist() == sorted(strength.argsort(descending=True)[:2].tolist())
    assert scope.names == tuple(world.space.names()[place] for place in scope.places.tolist())
    assert scope.summary() == {"concepts considered": 4, "concepts left out": 2}


def test_layers_narrow_the_choice(pair):
    parts = pair("parameters")
    places = places_in(parts.space, ["conv2"])
    assert {parts.space.concepts[place].layer for place in places.tolist()} == {"conv2"}
    images = parts.dataset.test.images[:2]
    found = SingleEffects(layers=["conv2"], most=5).explain(images, 0, parts)
    assert all(name.startswith("conv2[") for name in found.concepts)
    assert found.meta["concepts left out"] == len(places) - 5
    with pytest.raises(CapabilityError, match=r"no concept lives in a layer 'conv3'.*conv2"):
        SingleEffects(layers=["conv3"]).explain(images, 0, parts)
