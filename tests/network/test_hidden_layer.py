"""A cut through a network: the rest of it must be a function of the layer alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError
from causalxai_models.lenet import LeNet
from causalxai_models.resnet18 import ResNet18

IMAGE = (1, 32, 32)


class InPlace(nn.Module):
    """Changes its hidden layer's output in place, and keeps the batch size from the input."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 5, stride=4)
        self.last = nn.Linear(3 * 7 * 7, 4)

    def forward(self, images):
        n = len(images)
        return self.last(functional.relu_(self.conv(images)).reshape(n, -1))


class PassedBy(nn.Module):
    """Its branch is not the whole way."""

    def __init__(self):
        super().__init__()
        self.branch = nn.Linear(32 * 32, 8)
        self.other = nn.Linear(32 * 32, 8)
        self.last = nn.Linear(8, 2)

    def forward(self, images):
        flat = images.flatten(1)
        return self.last(self.branch(flat) + self.other(flat))


def classifier(model, classes):
    return Classifier(model, class_names=[str(c) for c in range(classes)], image_shape=IMAGE)


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        (LeNet(IMAGE, 3), "conv1"),
        (LeNet(IMAGE, 3), "fc1"),
        (LeNet(IMAGE, 3), None),
        (ResNet18(1, 3, width=8), "layer2"),
        (ResNet18(1, 3, width=8), "avgpool"),
        (InPlace(), "conv"),
        (InPlace(), None),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_the_rest_of_the_network_gives_the_logits(model, layer):
    asked = classifier(model, model.eval()(torch.zeros(1, *IMAGE)).shape[1])
    images = torch.rand(5, *IMAGE, generator=torch.Generator().manual_seed(1))
    hidden = asked.hidden(layer)
    activations = hidden.activations(images)
    assert activations.shape == (5, *hidden.shape)
    assert hidden.width == activations[0].numel()
    torch.testing.assert_close(hidden.logits(activations), asked.logits(images))
    torch.testing.assert_close(hidden.logits(activations.flatten(1)), asked.logits(images))


def test_logits_have_the_gradient_of_the_rest():
    torch.manual_seed(0)
    model = LeNet(IMAGE, 3)
    hidden = classifier(model, 3).hidden("fc1")
    activations = torch.randn(4, *hidden.shape, requires_grad=True)
    hidden.logits(activations)[:, 1].sum().backward()
    by_hand = model.fc2.weight[1] * (activations > 0)
    torch.testing.assert_close(activations.grad, by_hand)


def test_activations_are_not_what_the_network_makes_of_them_in_place():
    model = InPlace()
    images = torch.rand(3, *IMAGE)
    activations = classifier(model, 4).hidden("conv").activations(images)
    torch.testing.assert_close(activations, model.conv(images))
    assert bool((activations < 0).any())


def test_putting_activations_in_leaves_no_hook_and_does_not_change_them():
    model = InPlace()
    hidden = classifier(model, 4).hidden("conv")
    activations = torch.randn(3, *hidden.shape)
    before = activations.clone()
    hidden.logits(activations)
    assert torch.equal(activations, before)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())


def test_a_layer_that_is_passed_by_is_refused():
    with pytest.raises(CapabilityError, match="'branch' alone: another path goes around it"):
        classifier(PassedBy(), 2).hidden("branch")


class Hungry(nn.Module):
    """Has no memory left when it is to go on from what is put into its hidden layer."""

    def __init__(self):
        super().__init__()
        self.look = nn.Linear(32 * 32, 8)
        self.last = nn.Linear(8, 2)

    def forward(self, images):
        seen = self.look(images.flatten(1))
        if len(seen) != len(images):
            raise torch.OutOfMemoryError("no memory is left")
        return self.last(seen)


def test_too_little_memory_is_not_taken_for_a_branch():
    with pytest.raises(torch.OutOfMemoryError, match="no memory is left"):
        classifier(Hungry(), 2).hidden("look")


def test_an_unknown_layer_gets_a_suggestion():
    with pytest.raises(CapabilityError, match=r"no layer 'conv3'.*conv2"):
        classifier(LeNet(IMAGE, 3), 3).hidden("conv3")
