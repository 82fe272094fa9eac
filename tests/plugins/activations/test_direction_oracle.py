"""The oracle: its promises, and closed forms where the rest of the network is linear."""

from __future__ import annotations

import pytest
import torch

from causalxai import Classifier, Dataset, ScoringInputs
from causalxai.intervention import Action, Intervention
from causalxai.oracle import Oracle
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, checks_for
from causalxai_activations.direction_oracle import DirectionOracle
from causalxai_activations.direction_space import DirectionSpace


@pytest.mark.parametrize("check", checks_for(Oracle), ids=lambda check: check.__name__)
def test_direction_oracle_keeps_its_promises(check, direction_inputs: ScoringInputs):
    images = direction_inputs.dataset.test.images[:4]
    check(Bench(plugin=DirectionOracle(), inputs=direction_inputs, images=images))


def test_a_move_has_the_closed_form_effect_on_a_linear_logit(
    linear_classifier: Classifier, shifted: Dataset
):
    space = DirectionSpace(controls=19, layer="hidden")
    space.fit(linear_classifier, shifted, rng=torch_generator(0))
    oracle = DirectionOracle().bind(linear_classifier, space)
    images = shifted.test.images[:5]
    units = space.encode(images)
    answer = oracle.query(units, Intervention.shift(torch.tensor([0, 1]), 2.0)).answer("logits")
    weights = linear_classifier.model.last.weight
    per_unit = space.spreads_[:, None].float() * (space.directions_ @ weights.T)
    expected = linear_classifier.logits(images) + 2 * per_unit[:, None]
    torch.testing.assert_close(answer, expected, atol=1e-5, rtol=1e-4)
    both = Intervention(torch.tensor([[0, 1]]), torch.tensor([[2.0, 2.0]]), Action.SHIFT)
    together = oracle.query(units, both).answer("logits")[0]
    expected = linear_classifier.logits(images) + 2 * per_unit.sum(dim=0)
    torch.testing.assert_close(together, expected, atol=1e-5, rtol=1e-4)


def test_the_readback_is_the_position_after_the_move(direction_inputs: ScoringInputs):
    space = direction_inputs.space
    units = space.encode(direction_inputs.dataset.test.images[:5])
    asked = Intervention.set(torch.tensor([0]), 1.5)
    read = direction_inputs.oracle.query(units, asked, want=("readback",)).answer("readback")[0]
    torch.testing.assert_close(read[:, 0], torch.full((5,), 1.5), atol=1e-4, rtol=0)
    # The other direction is not orthogonal: the image moves along it by the cosine.
    cosine = float(space.directions_[0] @ space.directions_[1])
    step = (1.5 - units.values[:, 0]) * float(space.spreads_[0] / space.spreads_[1])
    torch.testing.assert_close(read[:, 1], units.values[:, 1] + cosine * step, atol=1e-4, rtol=0)
