"""In a linear network, the first-order estimate of a removal is its effect."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from causalxai import Classifier
from causalxai_interventional.first_order import first_order_effects
from causalxai_interventional.parameter_space import ParameterLayer

CLASSES, PIXELS, IMAGES = 3, 4, 5


@pytest.fixture
def linear() -> Classifier:
    model = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, CLASSES))
    with torch.no_grad():
        model[1].weight.copy_(torch.arange(12.0).view(CLASSES, PIXELS) - 5)
        model[1].bias.copy_(torch.tensor([0.5, -1.0, 2.0]))
    return Classifier(model, class_names="abc", image_shape=(1, 2, 2))


@pytest.mark.parametrize("granularity", ["slice", "filter", "neuron"])
def test_the_estimate_is_the_change_of_the_logit(linear: Classifier, granularity):
    images = torch.rand(IMAGES, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([0, 1, 2, 0, 1])
    layer = ParameterLayer("1", CLASSES, PIXELS, 1, granularity, first=0, tier=0)
    estimates = first_order_effects(linear, [layer], images, target)
    assert estimates.shape == (IMAGES, layer.count)
    weights, bias = linear.model[1].weight, linear.model[1].bias
    terms = -weights[None] * images.flatten(1)[:, None]
    own = nn.functional.one_hot(target, CLASSES)
    if granularity == "slice":
        expected = (terms * own[..., None]).flatten(1)
    else:
        expected = (terms.sum(dim=2) - (bias if granularity == "neuron" else 0)) * own
    torch.testing.assert_close(estimates, expected)
