"""Reversibility of oracles that take an intervention back, and of others."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai.concept import Units
from causalxai.intervention import Intervention
from causalxai.metrics.reversibility import Reversibility
from causalxai.oracle import Oracle
from causalxai.testing.toys import ToyOracle, ToyWorld

from .conftest import Explain, PaintedOracle


def reversed_by(oracle: Oracle, world: ToyWorld, explain: Explain, count: int = 40):
    inputs = replace(world.inputs(), oracle=oracle)
    return Reversibility().compute(explain(torch.zeros(count, 4)), inputs)


def test_the_true_model_takes_back_what_it_did(world: ToyWorld, explain: Explain):
    result = reversed_by(world.oracle, world, explain)
    assert result.estimate.value == pytest.approx(0, abs=1e-5)
    assert result.controls["not undone"].low > 0.001
    assert result.parts["nothing done"].value == pytest.approx(0, abs=1e-5)
    assert result.chance.low > result.controls["not undone"].high


def test_where_do_has_no_effect_the_control_says_so(world: ToyWorld, explain: Explain):
    class Deaf(ToyOracle):
        def states(self, units: Units, interventions: Intervention) -> Tensor:
            return units.values.expand(len(interventions), *units.values.shape)

    deaf = Deaf(world.oracle.config).bind(world.classifier, world.space)
    result = reversed_by(deaf, world, explain)
    assert result.estimate.value == pytest.approx(0, abs=1e-6)
    assert result.controls["not undone"].value == pytest.approx(0, abs=1e-6)


def test_what_is_lost_on_the_way_does_not_come_back(world: ToyWorld, explain: Explain):
    # Half of the contrast is lost in each of the two renderings, and in each of two empty passes.
    faded = PaintedOracle.of(world, lambda images: 0.5 + 0.5 * (images - 0.5))
    result = reversed_by(faded, world, explain)
    assert result.estimate.low > 0.01
    assert result.parts["nothing done"].value == pytest.approx(
        0.75 * (explain(torch.zeros(40, 4)).images - 0.5).abs().mean().item(), abs=1e-5
    )


def test_a_single_image_is_skipped(world: ToyWorld, explain: Explain):
    result = reversed_by(world.oracle, world, explain, count=1)
    assert (result.status, "two or more images" in result.reason) == ("skipped", True)
