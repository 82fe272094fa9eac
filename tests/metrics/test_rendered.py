"""What the renderer says of explained images."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai.errors import CapabilityError
from causalxai.intervention import Intervention
from causalxai.metric import MetricUndefinedError
from causalxai.metrics.rendered import RenderedWorld, recognised, scaled_concepts
from causalxai.testing.toys import ToyWorld


def test_an_individual_in_its_own_state_is_its_image(drawn: ToyWorld):
    images = drawn.dataset.test.images[:5]
    world = RenderedWorld.of(drawn.dataset, drawn.classifier, images)
    assert torch.allclose(world.pictures(world.own)[0], images, atol=1e-6)
    assert torch.allclose(world.states(Intervention.none()), world.own, atol=1e-4)
    logits = world.logits(world.pictures(world.own))[0]
    assert torch.allclose(logits.float(), drawn.classifier.logits(images), atol=1e-3)


def test_units_are_standard_deviations_of_the_test_images(drawn: ToyWorld):
    scales = [concept.scale for concept in scaled_concepts(drawn.dataset)]
    own = drawn.space.encode(drawn.dataset.test.images[:]).values.std(dim=0, correction=0)
    assert scales == pytest.approx(own.tolist())
    assert scales == pytest.approx([concept.scale for concept in drawn.space.concepts])


def test_booleans_have_no_other_unit_than_the_flip(patched: ToyWorld):
    assert [concept.scale for concept in scaled_concepts(patched.dataset)] == [1.0] * 4


def test_no_renderer_and_unknown_images_are_told(drawn: ToyWorld):
    images = drawn.dataset.test.images[:2]
    with pytest.raises(CapabilityError, match="has no renderer"):
        recognised(replace(drawn.dataset, renderer=None), images)
    with pytest.raises(MetricUndefinedError, match="not among"):
        recognised(drawn.dataset, 1 - images)
