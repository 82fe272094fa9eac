"""Concept spaces: how far their concepts vary, and names that have moved."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from causalxai.concept import Units
from causalxai.concept_space import held_out_scales
from causalxai.testing import toy_world
from causalxai.testing.toys import ToySpace


def test_a_scale_is_the_sd_over_held_out_images():
    world = toy_world(0)
    values = world.space.encode(world.dataset.test.images).values
    expected = values.std(dim=0, correction=0).tolist()
    assert [concept.scale for concept in world.space.concepts] == pytest.approx(expected)


def test_scales_look_at_512_images_at_most():
    class Counting(ToySpace):
        seen: Sequence[int] = ()

        def encode(self, images: Tensor) -> Units:
            self.seen = (*self.seen, len(images))
            return Units(images.flatten(1))

    space = Counting()
    held_out_scales(space, torch.rand(1000, 1, 2, 2))
    assert space.seen == (512,)
