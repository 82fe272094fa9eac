"""DeepLIFT and DeepSHAP: sums that add up, and the networks where they do not."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.dataset import Split
from causalxai.errors import CapabilityError
from causalxai_baselines.attribution import baseline_of
from causalxai_baselines.deep_lift import DeepLift, DeepShap
from causalxai_models.lenet import LeNet
from tests.plugins.baselines.small_networks import (
    CLASSES,
    SHAPE,
    Linear,
    Small,
    context_of,
    explained,
    seeded,
    weights,
)


def test_deep_shap_of_a_linear_model_compares_with_the_mean_baseline(linear):
    images = linear.dataset.test.images
    everything = DeepShap(baselines=len(images))
    expected = weights(linear) * (images - images.mean(dim=0))
    found = explained(everything, linear)
    torch.testing.assert_close(found, expected.sum(dim=1), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 20, 20), (3, 16, 18)], ids=str)
@pytest.mark.parametrize("baseline", ["black", "grey", "mean"])
def test_deep_lift_adds_up_in_lenet(shape, baseline):
    inputs = context_of(seeded(partial(LeNet, shape, 4)), shape)
    images = inputs.dataset.test.images
    explanation = DeepLift(baseline=baseline).explain(images, 2, inputs)
    logits = inputs.classifier.logits
    expected = (logits(images) - logits(baseline_of(images, baseline)))[:, 2]
    total = explanation.maps["deep-lift"].sum(dim=(1, 2))
    torch.testing.assert_close(total, expected, atol=1e-5, rtol=1e-4)
    assert explanation.details["gap"].abs().max() < 1e-5


@pytest.mark.parametrize("model", [Small, partial(LeNet, (2, 16, 16), 3)], ids=["small", "lenet"])
def test_deep_shap_adds_up_to_the_mean_over_baselines(model):
    network = seeded(model)
    shape = (2, 16, 16) if isinstance(network, LeNet) else SHAPE
    inputs = context_of(network, shape)
    images = inputs.dataset.test.images
    total = explained(DeepShap(baselines=len(images)), inputs).sum(dim=(1, 2))
    logits = inputs.classifier.logits(images)[:, 1]
    torch.testing.assert_close(total, logits - logits.mean(), atol=1e-5, rtol=1e-4)


def test_deep_shap_is_the_mean_of_deep_lift_over_its_baselines():
    inputs = context_of(seeded(Small))
    images = inputs.dataset.test.images
    black = torch.zeros_like(images)
    train = Split(black, inputs.dataset.train.labels)
    on_black = replace(inputs, dataset=replace(inputs.dataset, train=train))
    torch.testing.assert_close(
        explained(DeepShap(baselines=3), on_black), explained(DeepLift(), inputs)
    )


class Gelu(Linear):
    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(F.gelu(4 * images - 2).flatten(1))
        return logits


class Untraceable(nn.Module):
    """Depends on its input, which no trace can follow."""

    def __init__(self, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(SHAPE[0], 4, 3)
        self.activation = activation
        self.pool = nn.MaxPool2d(3, 1)
        self.fc = nn.Linear(4 * 8 * 8, len(CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        if images.sum() < 0:
            images = -images
        x = self.conv(images)
        x = F.relu(x) if self.activation is None else self.activation(x)
        logits: Tensor = self.fc(self.pool(x).flatten(1))
        return logits


@pytest.mark.parametrize("explainer", [DeepLift(), DeepShap(baselines=3)])
def test_networks_where_the_rescale_rule_does_not_add_up_are_refused(explainer):
    with pytest.raises(CapabilityError, match=r"without a rule.*use integrated-gradients"):
        explained(explainer, context_of(seeded(Gelu)))
    with pytest.raises(CapabilityError, match=r"cannot be traced.*use integrated-gradients"):
        explained(explainer, context_of(seeded(Untraceable)))


class SlightlyCurved(Linear):
    """Has a root for which there is no rule; it weighs more the fainter an image is."""

    def forward(self, images: Tensor) -> Tensor:
        x = images.flatten(1)
        logits: Tensor = self.fc(x) + 3e-4 * (x.sum(dim=1, keepdim=True) + 1e-4).sqrt()
        return logits


def test_whether_a_network_is_refused_is_no_matter_of_its_batches():
    inputs = context_of(seeded(SlightlyCurved))
    images = inputs.dataset.test.images.clone()
    images[0] *= 1e-3
    whole = DeepLift().explain(images, 1, inputs)
    gap = whole.details["gap"]
    difference = (whole.maps["deep-lift"].sum(dim=(1, 2)) - gap).abs()
    gap = gap.abs()
    # Alone in its batch, the faint image would be held against its own small difference.
    assert gap[0] > 0.01 * difference[0].clamp(min=1e-3)
    assert gap.max() < 0.01 * difference.max()
    for size in (1, 5):
        single = DeepLift(batch_size=size).explain(images, 1, inputs)
        torch.testing.assert_close(single.maps["deep-lift"], whole.maps["deep-lift"])


def test_untraceable_networks_of_modules_are_followed():
    inputs = context_of(seeded(lambda: Untraceable(nn.ReLU(inplace=True))))
    explanation = DeepLift().explain(inputs.dataset.test.images, 0, inputs)
    assert explanation.details["gap"].abs().max() < 1e-5


def test_a_shared_module_that_cannot_be_parted_is_refused():
    class Twice(Untraceable):
        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = super().forward(self.activation(images - 0.5))
            return logits

    with pytest.raises(CapabilityError, match="cannot follow"):
        explained(DeepLift(), context_of(seeded(lambda: Twice(nn.ReLU()))))
