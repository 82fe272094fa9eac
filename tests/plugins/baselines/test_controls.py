"""Explanations that know nothing."""

from __future__ import annotations

import pytest
import torch

from causalxai.testing import toy_world
from causalxai_baselines.controls import ConstantExplainer, RandomExplainer


def test_controls_speak_of_the_spaces_concepts():
    inputs = toy_world(0).inputs()
    images = inputs.dataset.test.images
    for explainer in (RandomExplainer(), ConstantExplainer()):
        explanation = explainer.explain(images, 1, inputs)
        assert explanation.concepts == inputs.space.names()
        assert explanation.importance.shape == (len(images), 4)


def test_random_explanations_are_standard_normal_and_differ():
    inputs = toy_world(0).inputs()
    images = inputs.dataset.test.images
    one, other = (RandomExplainer().explain(images, 1, inputs) for _ in range(2))
    for sample in (one.maps["random"], torch.cat([one.importance, other.importance])):
        assert abs(float(sample.mean())) < 4 / sample.numel() ** 0.5
        assert float(sample.std()) == pytest.approx(1, abs=4 / sample.numel() ** 0.5)
    assert not torch.equal(one.importance, other.importance)


def test_constant_explanations_do_not_tell_anything_apart():
    inputs = toy_world(0).inputs()
    images = inputs.dataset.test.images
    explanation = ConstantExplainer().explain(images, torch.arange(len(images)) % 3, inputs)
    assert explanation.importance.unique().tolist() == [1]
    assert explanation.maps["constant"].unique().tolist() == [1]
