from __future__ import annotations

import torch

from causalxai_baselines.gradients import IntegratedGradients, Saliency
from tests.plugins.baselines.small_networks import (
    SHAPE,
    Small,
    context_of,
    explained,
    seeded,
    weights,
)


def test_saliency_of_a_linear_model_is_its_weights(linear):
    expected = weights(linear).expand(12, *SHAPE)
    signed = explained(Saliency(absolute=False), linear)
    torch.testing.assert_close(signed, expected.sum(dim=1))
    torch.testing.assert_close(explained(Saliency(), linear), expected.abs().amax(dim=1))


def test_integrated_gradients_tell_what_their_sum_misses():
    inputs = context_of(seeded(Small))
    images = inputs.dataset.test.images
    few, many = (
        IntegratedGradients(steps=steps).explain(images, 1, inputs).details["gap"].abs().max()
        for steps in (4, 200)
    )
    assert many < few
    logits = inputs.classifier.logits
    expected = (logits(images) - logits(torch.zeros_like(images)))[:, 1]
    explanation = IntegratedGradients(steps=4).explain(images, 1, inputs)
    total = explanation.maps["integrated gradients"].sum(dim=(1, 2))
    torch.testing.assert_close(total - expected, explanation.details["gap"], atol=1e-5, rtol=0)
