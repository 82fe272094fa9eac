"""Single effects, where the right answer is known in closed form."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai.concept_space import Concept, Units
from causalxai.errors import CapabilityError
from causalxai.generic import unit_effects as module
from causalxai.generic.scope import ScopeConfig, choose, places_in
from causalxai.generic.single_effects import SingleEffects
from causalxai.generic.unit_effects import unit_effects
from causalxai.testing import ToyWorld
from causalxai.testing.toys import ToyOracle, ToySpace

EVERY = torch.arange(4)


class Blind(ToyOracle):
    """Has no pictures."""

    capabilities = frozenset()


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


def test_of_many_concepts_the_strongest_are_taken(world: ToyWorld):
    test = world.dataset.test
    units = world.space.encode(test.images)
    strength = unit_effects(world.oracle, units, test.labels, EVERY).importance.abs().mean(dim=0)
    scope = choose(world.oracle, units, test.labels, ScopeConfig(most=2))
    assert scope.places.tolist() == sorted(strength.argsort(descending=True)[:2].tolist())
    assert scope.names == tuple(world.space.names()[place] for place in scope.places.tolist())
    assert scope.told() == {"concepts considered": 4, "concepts left out": 2}


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


def test_what_ifs_show_the_strongest_concepts_in_words(world: ToyWorld):
    images = world.dataset.test.images[:6]
    found = SingleEffects(pictures=2, direction="down").explain(images, 0, world.inputs())
    rows = {what_if.row for what_if in found.what_ifs}
    assert len(rows) == 2
    told = [what_if for what_if in found.what_ifs if what_if.changes]
    assert len(told) == 2 * 3
    for what_if in told:
        (change,) = what_if.changes
        assert what_if.words == f"{change.concept} \N{MINUS SIGN}1\N{NO-BREAK SPACE}sd"
        place = world.space.names().index(change.concept)
        assert change.value == pytest.approx(-world.space.concepts[place].scale, rel=1e-4)
        # The toy oracle judges pictures, so that the classifier says the same of what is shown.
        again = world.classifier.logits(what_if.image[None])[0]
        torch.testing.assert_close(what_if.logits, again, atol=1e-4, rtol=1e-4)
    nothing = SingleEffects(pictures=0).explain(images, 0, world.inputs())
    assert nothing.what_ifs == ()
    blind = replace(
        world.inputs(), oracle=Blind(world.oracle.config).bind(world.classifier, world.space)
    )
    assert SingleEffects().explain(images, 0, blind).what_ifs == ()
