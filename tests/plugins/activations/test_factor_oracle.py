"""The oracle: its promises, and closed forms where the rest of the network is linear."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from causalxai import Classifier, ScoringInputs
from causalxai.concept import Units
from causalxai.errors import CapabilityError
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle
from causalxai.testing import Bench, checks_for, toy_world
from causalxai_activations.factor_oracle import FactorOracle
from causalxai_activations.factor_space import ACTIVATIONS, MAPS, FactorSpace


@pytest.fixture
def units(space: FactorSpace, inputs: ScoringInputs) -> Units:
    return space.encode(inputs.dataset.test.images[:8])


@pytest.fixture
def effect(space: FactorSpace, classifier: Classifier) -> Tensor:
    """``[k, K]``, what one unit of each factor's mean adds to the logits."""
    return space.factors_ @ classifier.model.last.weight.T


@pytest.mark.parametrize("check", checks_for(Oracle), ids=lambda check: check.__name__)
def test_factor_oracle_keeps_its_promises(check, inputs: ScoringInputs):
    images = inputs.dataset.test.images[:4]
    check(Bench(plugin=FactorOracle(), inputs=inputs, images=images))


def test_the_removal_takes_away_what_the_factor_adds(
    inputs: ScoringInputs, units: Units, effect: Tensor
):
    places = torch.arange(3)
    before = inputs.oracle.query(units, Intervention.none()).answer("logits")
    after = inputs.oracle.query(units, Intervention.ablate(places)).answer("logits")
    # The layer is the product of the factors up to the last digits, so that nothing is cut at 0.
    expected = (units.values[..., None] * effect).transpose(0, 1)
    torch.testing.assert_close(before - after, expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize("amount", [0.05, 0.8])
def test_more_of_a_factor_adds_its_effect(
    inputs: ScoringInputs, units: Units, effect: Tensor, amount: float
):
    asked = Intervention.shift(torch.tensor([1]), amount)
    answer = inputs.oracle.query(units, asked, want=("logits", "readback"))
    before = inputs.classifier.logits(inputs.dataset.test.images[:8])
    expected = (amount * effect[1]).expand(8, -1)
    torch.testing.assert_close(answer.answer("logits")[0] - before, expected, atol=1e-5, rtol=1e-3)
    read = answer.answer("readback")[0]
    assert (read[:, 1] > units.values[:, 1]).all()


def test_less_of_a_factor_scales_its_map(inputs: ScoringInputs, units: Units):
    factors = inputs.space.factors_
    answer = inputs.oracle.query(
        units, Intervention.set(torch.tensor([0]), 0.5 * units.values[:, :1][None])
    )
    half = 0.5 * units.residual[MAPS][:, 0]
    activations = units.residual[ACTIVATIONS] - half[:, None] * factors[0][:, None, None]
    expected = inputs.space.layer_.logits(activations.clamp(min=0))
    torch.testing.assert_close(answer.answer("logits")[0], expected)


def test_there_is_no_less_than_nothing(inputs: ScoringInputs, units: Units):
    removed, below = (
        inputs.oracle.query(units, Intervention.set(torch.tensor([2]), value), want=wants)
        for value, wants in ((0.0, ("logits", "readback")), (-3.0, ("logits", "readback")))
    )
    assert torch.equal(removed.answer("logits"), below.answer("logits"))
    torch.testing.assert_close(
        removed.answer("readback")[0, :, 2], torch.zeros(8), atol=1e-3, rtol=0
    )
    states = inputs.oracle.states(units, Intervention.set(torch.tensor([2]), -3.0))
    assert torch.equal(states[0, :, 2], torch.zeros(8))


def test_another_space_is_refused(classifier: Classifier):
    with pytest.raises(CapabilityError, match="concepts of FactorSpace, not for those of ToySpace"):
        FactorOracle().bind(classifier, toy_world(0).space)
