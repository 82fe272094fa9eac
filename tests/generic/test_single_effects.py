"""The explainer of single effects, in the toy world."""

from __future__ import annotations

import torch

from causalxai.generic.single_effects import SingleEffects
from causalxai.testing import ToyWorld


def test_up_and_down_say_the_same_of_a_linear_world(world: ToyWorld):
    test = world.dataset.test
    up, down = (
        SingleEffects(direction=way).explain(test.images, test.labels, world.inputs())
        for way in ("up", "down")
    )
    torch.testing.assert_close(up.importance, down.importance, atol=2e-3, rtol=1e-3)
    scale = torch.tensor([concept.scale for concept in world.space.concepts])
    expected = scale * world.logit_effects[:, test.labels].T
    torch.testing.assert_close(up.importance, expected, atol=2e-3, rtol=1e-3)
