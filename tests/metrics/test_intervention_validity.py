"""Readback against the value set, for oracles that obey, half obey and don't."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai import Explanation, MetricResult, ScoringInputs
from causalxai.capabilities import Capability
from causalxai.concept import BooleanConcept, Concept, ParameterConcept, Units
from causalxai.intervention import Intervention
from causalxai.metrics.intervention_validity import InterventionValidity
from causalxai.metrics.translation import MOST_RENDERED
from causalxai.oracle import Oracle, Response, Want
from causalxai.testing.toys import ToySpace, ToyWorld


class Obeying(Oracle):
    """Reads back as much of what was set as it obeys, and some noise of its own."""

    capabilities = frozenset({Capability.READBACK})
    obeys = 1.0
    blur = 0.0

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        after = interventions.apply(units.values)
        wave = (1000 * after.sum(dim=2, keepdim=True)).sin()
        read = units.values + self.obeys * (after - units.values) + self.blur * wave
        return Response(logits=torch.zeros(*read.shape[:2], 3), readback=read)


def judged(world: ToyWorld, obeys: float, blur: float = 0.0) -> MetricResult:
    oracle = Obeying().bind(world.classifier, world.space)
    oracle.obeys, oracle.blur = obeys, blur
    inputs = replace(world.inputs(), oracle=oracle)
    return InterventionValidity().compute(shown(world), inputs)


def shown(world: ToyWorld, count: int = 60) -> Explanation:
    images = world.dataset.test.images[:count]
    return Explanation(images, torch.zeros(count).long(), maps={"none": torch.zeros(count, 8, 8)})


def test_obedience_beats_half_of_it_and_that_beats_none(world: ToyWorld):
    full, half, none = (judged(world, obeys) for obeys in (1.0, 0.6, 0.0))
    assert full.estimate.value == pytest.approx(1)
    assert full.estimate.low > half.estimate.high
    assert half.estimate.low > none.estimate.high
    assert half.estimate.low > half.chance.high
    assert none.estimate.low < none.chance.high
    assert none.estimate.value == pytest.approx(none.controls["do() ignored"].value)


@pytest.mark.parametrize("obeys", [1.0, 0.5, 0.0])
def test_the_own_effect_is_the_share_that_is_obeyed(world: ToyWorld, obeys: float):
    result = judged(world, obeys)
    for name in world.space.names():
        assert result.parts[f"own effect: {name}"].value == pytest.approx(obeys, abs=1e-5)


def test_what_is_off_by_noise_has_its_own_effect_yet_not_its_value(world: ToyWorld):
    result = judged(world, 1.0, blur=1.0)
    assert result.estimate.value < 0.9
    for name in world.space.names():
        assert result.parts[f"own effect: {name}"].value == pytest.approx(1, abs=0.25)


def test_r2_is_one_minus_error_over_variance(world: ToyWorld):
    # Half obedience: the error is .5 (set - own), the two are as good as independent.
    result = judged(world, 0.5)
    for name in world.space.names():
        assert result.parts[f"R²: {name}"].value == pytest.approx(1 - 0.25 * 2, abs=0.2)


class Bits(ToySpace):
    @property
    def concepts(self) -> list[Concept]:
        return [BooleanConcept(name) for name in self._names]

    def encode(self, images: Tensor) -> Units:
        return Units((super().encode(images).values > 0).float())


@pytest.mark.parametrize(("obeys", "share"), [(1.0, 1.0), (0.6, 1.0), (0.4, 0.0)])
def test_flips_are_read_back_or_not(world: ToyWorld, obeys: float, share: float):
    space = Bits().fit(world.classifier, world.dataset, rng=torch.Generator())
    oracle = Obeying().bind(world.classifier, space)
    oracle.obeys = obeys
    inputs: ScoringInputs = replace(world.inputs(), space=space, oracle=oracle)
    result = InterventionValidity().compute(shown(world), inputs)
    assert result.estimate.value == share
    assert result.controls["do() ignored"].value == 0
    assert 0.2 < result.chance.value < 0.8
    assert set(result.parts) == {
        f"{kind}: {name}" for name in space.names() for kind in ("flips obeyed", "own effect")
    }


def test_concepts_that_are_not_scored_are_told(world: ToyWorld):
    class Many(ToySpace):
        count = MOST_RENDERED + 2

        @property
        def concepts(self) -> list[Concept]:
            return [Concept(f"concept {number}") for number in range(self.count)]

        def encode(self, images: Tensor) -> Units:
            values = super().encode(images).values.repeat(1, self.count)[:, : self.count]
            values[:, 1] = 0
            return Units(values)

    space = Many().fit(world.classifier, world.dataset, rng=torch.Generator())
    oracle = Obeying().bind(world.classifier, space)
    train, test = (
        replace(split, concepts=None) for split in (world.dataset.train, world.dataset.test)
    )
    data = replace(world.dataset, concept_names=(), graph=None, train=train, test=test)
    inputs = replace(world.inputs(), space=space, oracle=oracle, dataset=data)
    result = InterventionValidity(values=1).compute(shown(world), inputs)
    assert result.reason == (
        "left out: 2 of 66 concepts, all beyond the first 64; "
        "left out: 1 of 64 concepts do not vary"
    )
    space.count = 4
    few = InterventionValidity().compute(shown(world), inputs)
    assert few.reason == "left out: 1 of 4 concepts do not vary"
    assert judged(world, 1.0).reason == ""


def test_parameters_and_single_images_are_skipped(world: ToyWorld):
    class Parameters(ToySpace):
        @property
        def concepts(self) -> list[Concept]:
            return [ParameterConcept(name) for name in self._names]

    space = Parameters().fit(world.classifier, world.dataset, rng=torch.Generator())
    oracle = Obeying().bind(world.classifier, space)
    inputs = replace(world.inputs(), space=space, oracle=oracle)
    result = InterventionValidity().compute(shown(world), inputs)
    assert (result.status, "parameters have no readback" in result.reason) == ("skipped", True)
    alone = InterventionValidity().compute(shown(world, 1), world.inputs())
    assert (alone.status, "takes two or more images" in alone.reason) == ("skipped", True)
