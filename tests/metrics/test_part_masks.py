"""Masks of patches that can be removed, and what each contributes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai.metric import MetricUndefinedError
from causalxai.metrics.part_masks import PartMasks
from causalxai.testing.toys import ToyWorld

from .conftest import PatchRenderer


def test_a_part_contributes_what_its_removal_takes(patched: ToyWorld):
    images, target = patched.dataset.test.images[:12], torch.arange(12) % 3
    masks = PartMasks.of(patched.inputs(), images, target)
    assert masks.names == patched.space.names()
    assert bool(masks.present.all())
    assert torch.equal(masks.seen.sum(dim=1), torch.ones(12, 8, 8).long())
    # A patch is removed by painting it grey, which is the value 0; the network is linear.
    values = patched.space.encode(images).values
    expected = values * patched.reads[:, target].T
    assert torch.allclose(masks.contribution.float(), expected, atol=1e-3)
    where, words = masks.decisive()
    best = expected.argmax(dim=1)
    assert torch.equal(where, masks.seen[torch.arange(12), best])
    assert words == "within the part that contributes most"


def test_masks_of_objects_are_taken_together(patched: ToyWorld):
    class Objects(PatchRenderer):
        @property
        def mask_names(self):
            return ("left", "right")

        def masks(self, units, states):
            names = super().mask_names
            whole = PatchRenderer.masks(self._renamed(names), units, states)
            return {"left": whole[names[0]], "right": whole[names[1]]}

        def _renamed(self, names):
            class Named(PatchRenderer):
                mask_names = names

            return Named(patched)

    inputs = patched.inputs()
    data = replace(patched.dataset, renderer=Objects(patched))
    masks = PartMasks.of(
        replace(inputs, dataset=data), patched.dataset.test.images[:3], torch.zeros(3).long()
    )
    assert (masks.contribution, masks.names) == (None, ("left", "right"))
    where, words = masks.decisive()
    assert bool(where[:, :4].all()) and not bool(where[:, 4:].any())
    assert words == "within left, right"


def test_a_renderer_without_masks_is_told(drawn: ToyWorld):
    with pytest.raises(MetricUndefinedError, match="does not say where"):
        PartMasks.of(drawn.inputs(), drawn.dataset.test.images[:3], torch.zeros(3).long())
