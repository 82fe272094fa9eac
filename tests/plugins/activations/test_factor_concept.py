"""A factor's own intervention is its removal; other values can be set."""

from __future__ import annotations

import torch

from causalxai.intervention import Action
from causalxai_activations.factor_concept import FactorConcept

FACTOR = FactorConcept("factor 2", scale=0.5)


def test_one_unit_of_change_is_the_removal():
    values = torch.tensor([0.0, 0.3, 2.0])
    for up in (True, False):
        change = FACTOR.unit_change(values, up=up)
        assert torch.equal(change.set_to, torch.zeros(3))
        assert torch.equal(change.share, -torch.ones(3))
        asked = FACTOR.intervention(1, up=up)
        assert (asked.action, asked.targets.tolist(), asked.values.tolist()) == (
            Action.SET, [[1]], [[0.0]],
        )  # fmt: skip
        assert FACTOR.sign(up=up) == -1


def test_contrasts_stay_above_zero():
    above, below = FACTOR.contrast(torch.tensor([0.1, 1.0]))
    torch.testing.assert_close(above, torch.tensor([0.35, 1.25]))
    torch.testing.assert_close(below, torch.tensor([0.0, 0.75]))


def test_changes_are_said_in_words():
    assert FACTOR.in_words(1.0, 0.0) == "factor 2 removed"
    assert FACTOR.in_words(1.0, 2.0) == "factor 2 +2\N{NO-BREAK SPACE}sd"
