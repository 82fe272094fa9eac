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


class Structured(nn.Module):
    """Gives its maps in a structure, of which its parent uses the first tensor."""

    def __init__(self, pack):
        super().__init__()
        self.conv, self.pack = nn.Conv2d(1, 3, 5, stride=4), pack

    def forward(self, images):
        maps = torch.tanh(self.conv(images))
        return self.pack(maps, maps.mean((2, 3)))


class Unpacks(nn.Module):
    def __init__(self, pack, unpack):
        super().__init__()
        self.body, self.last, self.unpack = Structured(pack), nn.Linear(3 * 7 * 7, 4), unpack

    def forward(self, images):
        return self.last(self.unpack(self.body(images)).flatten(1))


def attention():
    """Pools the columns of the image by attention, which gives a pair."""

    class Pools(nn.Module):
        def __init__(self):
            super().__init__()
            self.query = nn.Parameter(torch.randn(1, 1, 32))
            self.attend = nn.MultiheadAttention(32, 2, batch_first=True)
            self.last = nn.Linear(32, 4)

        def forward(self, images):
            read, _ = self.attend(
                self.query.expand(len(images), -1, -1), images[:, 0], images[:, 0]
            )
            return self.last(read)[:, 0]

    return Pools()


@pytest.mark.parametrize(
    ("model", "layer", "shape"),
    [
        (Unpacks(lambda a, b: (a, b), lambda pair: pair[0]), "body", (3, 7, 7)),
        (Unpacks(lambda a, b: [None, a], lambda found: found[1]), "body", (3, 7, 7)),
        (Unpacks(lambda a, b: {"maps": a, "n": 3}, lambda found: found["maps"]), "body", (3, 7, 7)),
        (attention(), "attend", (1, 32)),
    ],
)
def test_of_a_structure_the_first_tensor_is_replaced(model, layer, shape):
    asked = classifier(model, 4)
    images = torch.rand(5, *IMAGE, generator=torch.Generator().manual_seed(1))
    hidden = asked.hidden(layer)
    assert hidden.shape == shape
    torch.testing.assert_close(hidden.logits(hidden.activations(images)), asked.logits(images))
    other = torch.randn(5, *shape, generator=torch.Generator().manual_seed(2))
    expected = model.last(other.flatten(1))
    torch.testing.assert_close(hidden.logits(other), expected)


def test_of_a_structure_whose_second_tensor_counts_nothing_is_read():
    model = Unpacks(lambda a, b: (b, a), lambda pair: pair[1])
    with pytest.raises(CapabilityError, match=r"'body' alone.* would do: body.conv \[3, 7, 7\]"):
        classifier(model, 4).hidden("body")


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


class Odd(nn.Module):
    """Its parts are not called, called twice, have no tensor, and give rows for all images."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([nn.Identity()])
        self.twice, self.look, self.last = nn.Tanh(), nn.Linear(32 * 32, 8), nn.Linear(8, 2)
        self.names, self.table = Says("nothing"), Says(torch.ones(3, 8))

    def forward(self, images):
        assert self.names(images) == "nothing"
        seen = self.twice(self.look(self.twice(images.flatten(1))))
        return self.last(seen + self.table(images).sum(0))


class Says(nn.Module):
    def __init__(self, words):
        super().__init__()
        self.words = words

    def forward(self, _images):
        return self.words


@pytest.mark.parametrize(
    ("layer", "complaint"),
    [
        ("parts", "it is never called as a module"),
        ("twice", "it runs 2 times"),
        ("names", "gives a str without a tensor"),
        ("table", r"for 7 images it gives \[3, 8\]"),
        ("lokk", "no layer 'lokk'; did you mean 'look'"),
    ],
)
def test_a_layer_that_will_not_do_is_refused_with_one_that_would(layer, complaint):
    with pytest.raises(CapabilityError, match=rf"{complaint}.*; layers that would do: look \[8\]$"):
        classifier(Odd(), 2).hidden(layer)


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
