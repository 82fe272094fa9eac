"""Composition of oracles that give the image back, blur it, or show another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai.metrics.composition import Composition
from causalxai.testing.toys import ToyWorld

from .conftest import Explain, PaintedOracle


def composed(world: ToyWorld, explain: Explain, paint: Callable[[Tensor], Tensor], **settings):
    inputs = replace(world.inputs(), oracle=PaintedOracle.of(world, paint))
    return Composition(**settings).compute(explain(torch.zeros(40, 4)), inputs)


def test_an_image_that_comes_back_scores_0(world: ToyWorld, explain: Explain):
    result = composed(world, explain, lambda images: images)
    assert result.estimate.value == pytest.approx(0, abs=1e-6)
    assert result.chance.low > 0.01
    assert result.controls["mean image"].low > 0.01


def test_what_fades_in_each_pass_fades_more_with_more_passes(world: ToyWorld, explain: Explain):
    # What is left of an image's contrast after p passes is .9 to the power of p.
    result = composed(world, explain, lambda images: 0.5 + 0.9 * (images - 0.5), passes=3)
    contrast = (explain(torch.zeros(40, 4)).images - 0.5).abs().mean().item()
    assert result.parts["after one pass"].value == pytest.approx(0.1 * contrast, abs=1e-5)
    assert result.estimate.value == pytest.approx((1 - 0.9**3) * contrast, abs=1e-5)


def test_the_mean_image_scores_as_the_control(world: ToyWorld, explain: Explain):
    mean = world.dataset.train.images[:].mean(dim=0)
    result = composed(world, explain, lambda images: mean.expand_as(images))
    assert result.estimate.value == pytest.approx(result.controls["mean image"].value, abs=1e-6)
    assert result.estimate.value == pytest.approx(result.chance.value, abs=1e-6)


def test_a_single_image_is_skipped(world: ToyWorld, explain: Explain):
    result = Composition().compute(explain(torch.zeros(1, 4)), world.inputs())
    assert (result.status, "two or more images" in result.reason) == ("skipped", True)
