"""The layers that divide a network, against trying each of its layers."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError
from causalxai.network.dividing_layers import dividing_layers, offer
from causalxai.network.hidden_layer import NamedLayer
from causalxai.network.probe_images import probe_images
from causalxai_models.lenet import LeNet
from causalxai_models.resnet18 import ResNet18

IMAGE = (1, 32, 32)
IMAGES = probe_images(IMAGE)[:2]


class Inception(nn.Module):
    """Two branches that join, in place, and a part that runs twice."""

    def __init__(self):
        super().__init__()
        self.stem, self.one, self.two = (nn.Conv2d(c, 4, 3, padding=1) for c in (1, 4, 4))
        self.shared, self.last = nn.Conv2d(4, 4, 1), nn.Linear(4, 3)

    def forward(self, images):
        x = functional.relu_(self.stem(images))
        x = self.one(x).add_(self.two(x))
        x = self.shared(torch.tanh(self.shared(x)))
        return self.last(x.mean((2, 3)))


def ready(model):
    names = ("a", "b", "c")
    return Classifier(model, class_names=names, image_shape=IMAGE).model


@pytest.mark.parametrize("build", [lambda: LeNet(IMAGE, 3), lambda: ResNet18(1, 3, 8), Inception])
def test_they_are_those_at_which_the_network_can_be_cut(build):
    torch.manual_seed(0)
    model = ready(build())
    found = {layer.name: layer.shape for layer in dividing_layers(model, IMAGES)}
    for name, module in model.named_modules():
        if not name or isinstance(module, nn.Identity):
            continue
        try:
            layer = NamedLayer(model, name, IMAGES)
        except CapabilityError:
            assert name not in found
            continue
        # A layer with the same output may stand for it, and the logits are no hidden layer.
        same = [other for other in found if name.startswith(f"{other}.")]
        assert found.get(name) == layer.shape or layer.shape == (3,) or same, name
    assert found


def test_ways_are_counted_and_not_walked():
    """A network of 64 joins has more ways than could be walked."""
    model = ready(nn.Sequential(nn.Flatten(), *(Doubles() for _ in range(64)), nn.Linear(1024, 3)))
    assert len(dividing_layers(model, IMAGES)) == 65


class Doubles(nn.Module):
    def forward(self, x):
        return (torch.tanh(x) + torch.sin(x)) / 2


def test_a_way_without_a_gradient_is_seen_when_a_layer_is_offered():
    class PassesBy(LeNet):
        def forward(self, images):
            return super().forward(images) + images.detach().mean((1, 2, 3))[:, None]

    model = ready(PassesBy(IMAGE, 3))
    assert dividing_layers(model, IMAGES)
    assert offer(model, probe_images(IMAGE)) == ""


def test_no_hook_stays_behind_and_without_gradients_there_are_none():
    model = ready(LeNet(IMAGE, 3))
    assert offer(model, IMAGES).startswith("layers that would do: ")
    assert not any(part._forward_hooks for part in model.modules())
    cut_off = nn.Sequential(model, nn.Identity())
    cut_off.forward = lambda images: model(images).detach()
    assert dividing_layers(cut_off, IMAGES) == ()
