"""The divergence in closed form, and oracles that change one thing, everything and nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai.concept import Units
from causalxai.intervention import Intervention
from causalxai.metrics.minimality import Minimality, _divergence
from causalxai.oracle import Oracle
from causalxai.testing.toys import ToyOracle, ToyWorld

from .conftest import Explain


def test_the_divergence_is_that_of_the_publication():
    apart = torch.tensor([[1.0, 2.0, 3.0, 4.0]]).expand(3, 4).double()
    new = torch.tensor([[False, False, True, True]]).expand(3, 4)
    own = ~new
    moved = torch.tensor([2.5, 3.0, 0.0]).double()
    # Farther than both with the own value and nearer than both with the new one; as far as one of
    # the two with the new value; and no change.
    expected = [
        math.log(math.exp(0) + math.exp(0)),
        math.log(math.exp(0.5) + math.exp(0)),
        math.log(math.exp(0) + math.exp(1)),
    ]
    assert _divergence(moved, apart, new, own).tolist() == pytest.approx(expected)


def test_images_that_cannot_be_compared_have_no_divergence():
    nobody = torch.zeros(1, 2).bool()
    found = _divergence(torch.ones(1).double(), torch.ones(1, 2).double(), nobody, ~nobody)
    assert found.isnan().all()


class ChangesAll(ToyOracle):
    """Shows a far picture whatever is set."""

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        done = super().states(units, interventions)
        return -5 * done if interventions.targets.numel() else done


class ChangesNothing(ToyOracle):
    """Shows the image whatever is set."""

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        return units.values.expand(len(interventions), *units.values.shape)


def scored(oracle: Oracle, world: ToyWorld, explain: Explain):
    inputs = replace(world.inputs(), oracle=oracle)
    return Minimality().compute(explain(torch.zeros(40, 4)), inputs)


def test_changing_everything_is_worse_than_changing_one_thing(world: ToyWorld, explain: Explain):
    config = world.oracle.config
    one = scored(world.oracle, world, explain)
    every = scored(ChangesAll(config).bind(world.classifier, world.space), world, explain)
    assert one.estimate.high < every.estimate.low
    assert one.estimate.value < one.chance.value < every.estimate.value


def test_changing_nothing_scores_as_the_control(world: ToyWorld, explain: Explain):
    oracle = ChangesNothing(world.oracle.config).bind(world.classifier, world.space)
    result = scored(oracle, world, explain)
    # log(1 + e): nearer than all with the new value, but no farther than those with the own one.
    assert result.controls["nothing done"].value == pytest.approx(math.log(1 + math.e))
    assert result.estimate.value == pytest.approx(math.log(1 + math.e), abs=0.01)


def test_the_range_is_that_of_the_divergence():
    assert Minimality.value_range == pytest.approx((math.log(2), math.log(2 * math.e)))
