"""Explanations in one vocabulary, read in another: linear worlds give the answer in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from captum.metrics import infidelity
from torch import Tensor

from causalxai import Explanation, ScoringInputs
from causalxai.capabilities import Capability
from causalxai.concept import BooleanConcept, Concept, Units
from causalxai.concept_space import ConceptSpace
from causalxai.errors import CapabilityError
from causalxai.intervention import Intervention
from causalxai.metrics.translation import (
    MOST_RENDERED,
    to_concepts,
    to_pixels,
)
from causalxai.oracle import Oracle, Response, Want
from causalxai.testing import toy_world
from causalxai.testing.toys import ToySpace, ToyWorld

PIXELS_OF_A_PATCH = 16
SCALE = 50.0
"""Concept values to one unit of brightness in the toy world's pictures."""


@pytest.fixture(scope="module")
def world() -> ToyWorld:
    return toy_world(0)


def explained(world: ToyWorld, **claims: object) -> Explanation:
    images = world.dataset.test.images[:6]
    return Explanation(images, world.classifier.predict(images), **claims)


def sds(world: ToyWorld) -> Tensor:
    return world.space.encode(world.dataset.test.images).values.std(dim=0, correction=0)


def gradient(world: ToyWorld, target: Tensor) -> Tensor:
    """Return what each pixel adds to the target's logit, [n, 8, 8]."""
    weight = world.classifier.model[1].weight.detach()
    return weight[target].unflatten(1, (8, 8))


def test_importances_of_the_space_are_taken_as_they_are(world: ToyWorld):
    importance = torch.randn(6, 4)
    names = world.space.names()[::-1]
    claims = to_concepts(explained(world, concepts=names, importance=importance), world.inputs())
    assert claims.translated is False
    assert claims.places.tolist() == [0, 1, 2, 3]
    assert torch.equal(claims.importance, importance.flip(1))


def test_concepts_that_an_explanation_does_not_name_count_0_and_are_told(world: ToyWorld):
    names = (world.space.names()[2], "a stranger")
    claims = to_concepts(
        explained(world, concepts=names, importance=torch.tensor([[1.0, 2.0]] * 6)),
        world.inputs(),
    )
    assert claims.places.tolist() == [0, 1, 2, 3]
    assert claims.importance.tolist() == [[0.0, 0.0, 1.0, 0.0]] * 6
    assert claims.remark == "3 of 4 concepts are not named and count as 0"
    whole = explained(world, concepts=world.space.names(), importance=torch.zeros(6, 4))
    assert to_concepts(whole, world.inputs()).remark == ""


def test_what_is_not_claimed_is_not_painted(world: ToyWorld):
    class Many(ToySpace):
        @property
        def concepts(self) -> Sequence[Concept]:
            return [Concept(f"concept {number}") for number in range(MOST_RENDERED + 1)]

        def encode(self, images: Tensor) -> Units:
            four = super().encode(images)
            more = four.values.repeat(1, MOST_RENDERED)[:, : MOST_RENDERED + 1]
            return Units(more, four.residual)

    class Narrow(Oracle):
        capabilities = frozenset({Capability.IMAGES})

        def _respond(
            self, units: Units, interventions: Intervention, want: tuple[Want, ...]
        ) -> Response:
            after = interventions.apply(units.values)[..., 1]
            images = after[..., None, None, None].expand(-1, -1, 1, 8, 8)
            return Response(images=images)

    space: ConceptSpace = Many().fit(world.classifier, world.dataset, rng=torch.Generator())
    oracle = Narrow().bind(world.classifier, space)
    inputs = replace(world.inputs(), space=space, oracle=oracle)
    unlabelled = replace(
        world.dataset,
        concept_names=(),
        graph=None,
        train=replace(world.dataset.train, concepts=None),
        test=replace(world.dataset.test, concepts=None),
    )
    inputs = replace(inputs, dataset=unlabelled)
    one = explained(world, concepts=("concept 1",), importance=torch.ones(6, 1))
    (heat,) = to_pixels(one, inputs).maps.values()
    assert (heat > 0).all()


def test_only_named_concepts_count_where_there_are_any(world: ToyWorld):
    inputs = world.inputs()
    named = replace(
        inputs.dataset,
        concept_names=world.space.names()[1:3],
        train=replace(inputs.dataset.train, concepts=None),
        test=replace(inputs.dataset.test, concepts=None),
    )
    explanation = explained(
        world, concepts=world.space.names(), importance=torch.arange(24.0).view(6, 4)
    )
    claims = to_concepts(explanation, replace(inputs, dataset=named))
    assert claims.places.tolist() == [1, 2]
    assert torch.equal(claims.importance, explanation.importance[:, 1:3])


def test_the_gradient_claims_the_effect_of_do(world: ToyWorld):
    explanation = explained(world)
    explanation = replace(explanation, maps={"gradient": gradient(world, explanation.target)})
    claims = to_concepts(explanation, world.inputs())
    assert claims.translated is True
    # A linear network's gradient, over how the picture changes, is the change of the logit.
    effects = sds(world)[:, None] * world.logit_effects
    torch.testing.assert_close(
        claims.importance, effects[:, explanation.target].T, rtol=1e-3, atol=1e-3
    )


def test_where_maps_claim_what_do_does_captum_finds_no_infidelity(world: ToyWorld):
    explanation = explained(world)
    heat = gradient(world, explanation.target)
    for wrong in (0.0, 0.5):
        noise = wrong * heat.std() * torch.randn(heat.shape, generator=torch.Generator())
        claims = to_concepts(replace(explanation, maps={"map": heat + noise}), world.inputs())
        effects = (sds(world)[:, None] * world.logit_effects)[:, explanation.target].T
        ours = (claims.importance - effects).square().mean(dim=1)
        theirs = torch.stack(
            [_infidelity_of_a_shift(world, explanation, heat + noise, j) for j in range(4)], 1
        )
        torch.testing.assert_close(ours, theirs.mean(dim=1), rtol=1e-2, atol=1e-4)
        assert (float(ours.mean()) > 1e-2) == (wrong > 0)


def _infidelity_of_a_shift(
    world: ToyWorld, explanation: Explanation, heat: Tensor, concept: int
) -> Tensor:
    units = world.space.encode(explanation.images)
    done = Intervention.shift(torch.tensor([concept]), float(sds(world)[concept]))
    after = world.oracle.query(units, done, want=("images",)).answer("images")[0]
    found = infidelity(
        world.classifier.logits,
        lambda images: (explanation.images[: len(images)] - after, after),
        explanation.images,
        heat[:, None],
        target=explanation.target,
        n_perturb_samples=1,
    )
    return torch.as_tensor(found)


def test_concepts_are_painted_where_they_change_the_picture(world: ToyWorld):
    importance = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    explanation = explained(world, concepts=world.space.names(), importance=importance)
    claims = to_pixels(explanation, world.inputs())
    assert claims.translated is True
    (heat,) = claims.maps.values()
    moved = sds(world)[:, None] * world.scm.total_effects() / SCALE
    by_patch = (importance @ moved).view(6, 2, 2)
    expected = by_patch.repeat_interleave(4, 1).repeat_interleave(4, 2)
    torch.testing.assert_close(heat, expected, rtol=1e-3, atol=1e-4)


def test_own_maps_are_kept(world: ToyWorld):
    maps = {"one": torch.rand(6, 8, 8), "other": torch.rand(6, 8, 8)}
    claims = to_pixels(explained(world, maps=maps), replace(world.inputs(), oracle=None))
    assert (claims.translated, claims.maps) == (False, maps)


class BitSpace(ToySpace):
    """Whether each patch is bright."""

    @property
    def concepts(self) -> Sequence[Concept]:
        return [BooleanConcept(name) for name in self._names]

    def encode(self, images: Tensor) -> Units:
        units = super().encode(images)
        return Units((units.values > 0).float(), {"images": images})


class BitOracle(Oracle):
    """A flip adds or takes away a tenth of brightness."""

    capabilities = frozenset({Capability.IMAGES})

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        moved = 0.1 * (interventions.apply(units.values) - units.values)
        patches = moved.unflatten(2, (1, 2, 2)).repeat_interleave(4, 3).repeat_interleave(4, 4)
        images = (units.residual["images"] + patches).clamp(0, 1)
        logits = self.classifier.logits(images.flatten(0, 1)).unflatten(0, moved.shape[:2])
        return Response(logits=logits, images=images)


def bits(world: ToyWorld) -> ScoringInputs:
    space = BitSpace().fit(world.classifier, world.dataset, rng=torch.Generator())
    oracle = BitOracle().bind(world.classifier, space)
    return replace(world.inputs(), space=space, oracle=oracle)


def test_a_flip_takes_away_what_a_bit_supports_as_it_stands(world: ToyWorld):
    inputs = bits(world)
    explanation = explained(world)
    bright = torch.ones(6, 8, 8)
    claims = to_concepts(replace(explanation, maps={"light": bright}), inputs)
    on = inputs.space.encode(explanation.images).values
    # The map says that light supports the class: bits that are on do, those that are off oppose.
    expected = 0.1 * PIXELS_OF_A_PATCH * (2 * on - 1)
    torch.testing.assert_close(claims.importance, expected, rtol=1e-3, atol=1e-3)


def test_painting_a_concept_and_reading_it_back_keeps_its_sign(world: ToyWorld):
    for inputs in (world.inputs(), bits(world)):
        lonely = torch.eye(4)[[0, 1, 2, 3, 0, 1]]
        explanation = explained(world, concepts=world.space.names(), importance=lonely)
        maps = to_pixels(explanation, inputs).maps
        read = to_concepts(replace(explanation, concepts=(), importance=None, maps=maps), inputs)
        assert (read.importance[lonely > 0] > 0).all()


def test_what_cannot_be_translated_is_told(world: ToyWorld):
    inputs = world.inputs()
    maps = explained(world, maps={"map": torch.rand(6, 8, 8)})
    strangers = explained(world, concepts=("a", "b"), importance=torch.rand(6, 2))
    for explanation, poorer, reason in [
        (maps, replace(inputs, oracle=None), "no oracle that renders"),
        (maps, replace(inputs, space=None), "no concept space"),
        (strangers, inputs, "neither importances of the space's concepts nor a map"),
    ]:
        with pytest.raises(CapabilityError, match=reason):
            to_concepts(explanation, poorer)
    own = explained(world, concepts=world.space.names(), importance=torch.rand(6, 4))
    for explanation, poorer in [(strangers, replace(inputs, space=None)), (own, _blind(inputs))]:
        with pytest.raises(CapabilityError, match="the explanation has no attribution map"):
            to_pixels(explanation, poorer)


def _blind(inputs: ScoringInputs) -> ScoringInputs:
    return replace(inputs, oracle=None)


def test_too_many_concepts_are_not_rendered_one_by_one(world: ToyWorld):
    class Many(ToySpace):
        @property
        def concepts(self) -> Sequence[Concept]:
            return [Concept(f"concept {number}") for number in range(MOST_RENDERED + 1)]

    space: ConceptSpace = Many().fit(world.classifier, world.dataset, rng=torch.Generator())
    inputs = replace(world.inputs(), space=space)
    with pytest.raises(CapabilityError, match="65 concepts are too many to render"):
        to_concepts(explained(world, maps={"map": torch.rand(6, 8, 8)}), inputs)
