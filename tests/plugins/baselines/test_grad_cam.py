from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.errors import CapabilityError
from causalxai_baselines.grad_cam import GradCam
from tests.plugins.baselines.small_networks import (
    SHAPE,
    Linear,
    Small,
    context_of,
    explained,
    seeded,
)


def test_grad_cam_is_the_papers_formula():
    inputs = context_of(seeded(Small))
    model, images = inputs.classifier.model, inputs.dataset.test.images
    features = model.conv2(F.relu(model.conv1(images))).requires_grad_()
    hidden = F.relu(features + F.relu(model.conv1(images)))
    logit = model.fc(F.max_pool2d(hidden, 3, 2, 1).tanh().flatten(1))[:, 1]
    (gradient,) = torch.autograd.grad(logit.sum(), features)
    coarse = (gradient.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1, keepdim=True)
    expected = F.interpolate(coarse.detach(), SHAPE[1:], mode="bilinear")[:, 0]
    for layer in ("conv2", None):
        signed = GradCam(layer=layer, relu=False)
        torch.testing.assert_close(explained(signed, inputs), expected)
    kept = F.interpolate(coarse.detach().relu(), SHAPE[1:], mode="bilinear")[:, 0]
    assert (expected < 0).any()
    torch.testing.assert_close(explained(GradCam(), inputs), kept)


class Unmapped(Small):
    """Has layers without feature maps of their own, and one that its logits do not need."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([nn.Conv2d(SHAPE[0], 3, 3)])
        self.recurrent = nn.GRU(12, 12)
        self.table = Says(torch.ones(1, 4, 2, 2))

    def forward(self, images: Tensor) -> Tensor:
        self.parts[0](images)
        self.recurrent(images[:, 0])
        return super().forward(images) + self.table(images).mean()


class Says(nn.Module):
    def __init__(self, words: Tensor) -> None:
        super().__init__()
        self.words = words

    def forward(self, _images: Tensor) -> Tensor:
        return self.words


@pytest.mark.parametrize(
    ("layer", "complaint"),
    [
        ("parts", "'parts' is never called"),
        ("fc", r"no feature maps .*: for 2 images it gives \[2, 3\]"),
        ("recurrent", "no feature maps .*: for 2 images it gives tuple"),
        ("table", r"for 2 images it gives \[1, 4, 2, 2\]"),
        ("parts.0", "'parts.0' has no part in the logits"),
    ],
)
def test_grad_cam_names_convolutions_where_a_layer_has_no_maps(layer, complaint):
    inputs = context_of(seeded(Unmapped))
    with pytest.raises(CapabilityError, match=rf"{complaint}.*\(the last convolutions: .*conv2\)$"):
        explained(GradCam(layer=layer), inputs)


def test_grad_cam_says_which_layers_there_are():
    inputs = context_of(seeded(Small))
    with pytest.raises(CapabilityError, match="did you mean 'conv1'"):
        explained(GradCam(layer="cnv1"), inputs)
    with pytest.raises(CapabilityError, match="no feature maps"):
        explained(GradCam(layer="fc"), inputs)
    with pytest.raises(CapabilityError, match="needs a convolution"):
        explained(GradCam(), context_of(seeded(Linear)))
