from __future__ import annotations

import pytest
import torch
from torch import nn

from causalxai import Classifier
from causalxai.network.probe_images import probe_images
from causalxai.network.tracing import UntraceableError
from causalxai_interventional.dataflow import Dataflow
from causalxai_models.lenet import LeNet
from causalxai_models.resnet18 import ResNet18


def flow_of(classifier):
    return Dataflow(classifier, probe_images(classifier.image_shape))


def test_feeders_of_a_chain(make_classifier):
    flow = flow_of(make_classifier(LeNet((1, 28, 28), 10), (1, 28, 28), 10))
    found = {name: flow.feeders(name) for name in ("conv1", "conv2", "fc1", "fc2")}
    assert found == {"conv1": (), "conv2": ("conv1",), "fc1": ("conv2",), "fc2": ("fc1",)}


@pytest.fixture(scope="module")
def resnet_flow():
    names = [str(k) for k in range(10)]
    return flow_of(Classifier(ResNet18(3, 10, width=8), class_names=names, image_shape=(3, 32, 32)))


def test_feeders_through_skip_connections(resnet_flow):
    assert resnet_flow.feeders("layer1.0.conv2") == ("layer1.0.conv1",)
    assert resnet_flow.feeders("layer1.1.conv1") == ("conv1", "layer1.0.conv2")
    assert resnet_flow.feeders("layer2.1.conv1") == ("layer2.0.conv2", "layer2.0.downsample.0")
    assert resnet_flow.feeders("fc") == (
        "layer4.0.conv2",
        "layer4.0.downsample.0",
        "layer4.1.conv2",
    )


def test_mediators_keep_the_pixels(resnet_flow):
    inputs = torch.rand(2, 3, 32, 32)
    node = resnet_flow.mediator("layer4.1.conv2")
    response = resnet_flow.capture(inputs, {node})[node]
    assert response.shape == (2, 64, 1, 1)
    assert response.min() >= 0, "the mediator is what follows the last ReLU of the block"


def test_capture_is_not_overwritten_by_what_comes_later(make_classifier):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(72, 2))
    flow = flow_of(make_classifier(model, (1, 8, 8), 2))
    images = torch.rand(1, 1, 8, 8)
    node = flow.node("0")
    torch.testing.assert_close(flow.capture(images, {node})[node], model[0](images))


class Looks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, 2)

    def forward(self, x):
        return self.out(x.flatten(1)) if x.min() > -1 else self.out(-x.flatten(1))


def test_what_cannot_be_traced_says_so(make_classifier):
    with pytest.raises(UntraceableError):
        flow_of(make_classifier(Looks(), (1, 2, 2), 2))


class Tokens(nn.Module):
    """Linear layers over tokens, flattened: features do not lie in blocks of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.out = nn.Linear(16, 2)

    def forward(self, x):
        return self.out(torch.relu(self.first(x[:, 0])).flatten(1))


class GlobalMean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3)
        self.act = nn.PReLU(4)
        self.out = nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.act(self.first(x)).mean((2, 3)))


def test_feeders_share_the_axis_of_channels(make_classifier):
    assert flow_of(make_classifier(Tokens(), (1, 4, 4), 2)).feeders("out") == ()
    assert flow_of(make_classifier(GlobalMean(), (1, 4, 4), 2)).feeders("out") == ("first",)


@pytest.mark.parametrize(
    "hook",
    [
        lambda model: model.register_forward_pre_hook(lambda _m, args: (1 - args[0],)),
        lambda model: model.register_forward_hook(lambda _m, _a, logits: logits.flip(1)),
        lambda model: model.out.register_forward_hook(lambda _m, _a, output: 2 * output),
    ],
    ids=["before", "after", "of a layer"],
)
def test_hooks_are_followed(hook, make_classifier):
    model = GlobalMean()
    hook(model)
    flow = flow_of(make_classifier(model, (1, 4, 4), 2))
    assert flow.gives_the_logits(torch.rand(3, 1, 4, 4))


class Repeats(nn.Module):
    """Runs a layer twice, and uses the weight of another in another way."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.scale, self.out = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(16, 2)

    def forward(self, x):
        x = torch.tanh(self.first(torch.tanh(self.first(x[:, 0]))))
        return self.out((self.scale(x) * self.scale.weight.mean()).flatten(1))


def test_layers_and_their_calls(make_classifier):
    flow = flow_of(make_classifier(Repeats(), (1, 4, 4), 2))
    assert len(flow.calls("first")) == 2
    assert flow.node("first") is None
    assert flow.node("out") is flow.calls("out")[0]
    assert flow.calls("scale") == ()
