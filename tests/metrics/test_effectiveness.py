"""Effectiveness and leakage of oracles that set what they should, and more or less than that."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai.concept import Units
from causalxai.intervention import Intervention
from causalxai.metric import MetricResult
from causalxai.metrics.effectiveness import Effectiveness
from causalxai.oracle import Oracle
from causalxai.testing.toys import ToyOracle, ToyWorld

from .conftest import Explain

COUNT = 20


class Separate(ToyOracle):
    """Nothing follows; each concept that is set drags ``leak`` of the change to the next one."""

    leak = 0.0
    obeys = 1.0

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        return interventions.apply(units.values)

    def _respond(self, units, interventions, want):
        done = interventions.apply(units.values)
        moved = (done - units.values) * self.obeys
        shown = Units(units.values + moved + self.leak * moved.roll(1, dims=2), units.residual)
        flat = Units(
            shown.values.flatten(0, 1),
            {name: part.repeat(len(done), 1, 1, 1) for name, part in units.residual.items()},
        )
        answer = super()._respond(flat, Intervention.none(), want)
        shape = done.shape[:2]
        return type(answer)(
            **{
                name: getattr(answer, name)[0].unflatten(0, shape)
                for name in ("logits", "readback", "images")
            }
        )


def scored(oracle: Oracle, world: ToyWorld, explain: Explain) -> MetricResult:
    inputs = replace(world.inputs(), oracle=oracle)
    return Effectiveness().compute(explain(torch.zeros(COUNT, 4)), inputs)


def separate(world: ToyWorld, leak: float, obeys: float = 1.0) -> Oracle:
    oracle = Separate(world.oracle.config).bind(world.classifier, world.space)
    oracle.leak, oracle.obeys = leak, obeys
    return oracle


def test_what_is_set_is_seen_and_nothing_else_moves(drawn: ToyWorld, explain: Explain):
    result = scored(separate(drawn, 0.0), drawn, explain)
    assert result.estimate.value == pytest.approx(1, abs=1e-4)
    assert result.parts["leakage"].value == pytest.approx(0, abs=1e-4)
    assert result.chance.value < 0.5
    assert result.controls["do() ignored"].value < 0.5
    assert result.reason == "measured by the data set's ruler"


def test_leakage_is_told_in_standard_deviations(drawn: ToyWorld, explain: Explain):
    half, quarter = (scored(separate(drawn, leak), drawn, explain) for leak in (0.5, 0.25))
    assert half.estimate.value == pytest.approx(1, abs=1e-4)
    assert quarter.parts["leakage"].value > 0.02
    assert half.parts["leakage"].value == pytest.approx(
        2 * quarter.parts["leakage"].value, rel=1e-4
    )
    # One of the three others moves by half of the change, in its own standard deviations.
    values = drawn.space.encode(explain(torch.zeros(COUNT, 4)).images).values.double()
    spread = values.std(dim=0, correction=0)
    expected = 0.5 * (2 / torch.pi**0.5) * spread / spread.roll(-1) / 3
    assert half.parts["leakage"].value == pytest.approx(float(expected.mean()), rel=0.3)


def test_what_follows_by_the_model_does_not_leak(drawn: ToyWorld, explain: Explain):
    result = scored(drawn.oracle, drawn, explain)
    assert result.estimate.value == pytest.approx(1, abs=1e-4)
    assert result.parts["leakage"].value == pytest.approx(0, abs=1e-4)


def test_half_obedience_has_half_of_the_effect(drawn: ToyWorld, explain: Explain):
    result = scored(separate(drawn, 0.0, obeys=0.5), drawn, explain)
    for name in drawn.space.names():
        assert result.parts[f"own effect: {name}"].value == pytest.approx(0.5, abs=1e-4)
    assert result.estimate.high < 1


def test_without_a_renderer_readers_measure_and_else_the_oracle(
    labelled: ToyWorld, explain: Explain
):
    world = labelled
    by_readers = scored(world.oracle, world, explain)
    assert by_readers.reason.startswith("measured by readers trained on images (R² ")
    assert by_readers.estimate.low > 0.5
    train, test = (
        replace(split, concepts=None) for split in (world.dataset.train, world.dataset.test)
    )
    unlabelled = replace(world.dataset, concept_names=(), graph=None, train=train, test=test)
    by_itself = scored(world.oracle, replace(world, dataset=unlabelled), explain)
    assert by_itself.reason == "measured by the oracle's own readback"
    assert by_itself.estimate.value == pytest.approx(1, abs=1e-4)


def test_without_pictures_and_readback_it_is_skipped(drawn: ToyWorld, explain: Explain):
    class Mute(ToyOracle):
        capabilities = frozenset()

    mute = Mute(drawn.oracle.config).bind(drawn.classifier, drawn.space)
    result = scored(mute, drawn, explain)
    assert (result.status, "can be measured" in result.reason) == ("skipped", True)
