"""The connections between layers are right, or not claimed."""

from __future__ import annotations

import torch
from torch import nn

from causalxai_interventional import connections
from causalxai_models.resnet18 import ResNet18

SHAPE = (2, 8, 8)


class Bypassed(nn.Module):
    """A layer's channels reach the logits through the next layer and through a product."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.out = nn.Linear(3, 3)

    def forward(self, x):
        x = torch.relu(self.first(x))
        y = torch.relu(self.second(x)).mean(dim=(2, 3))
        return self.out(y) + torch.einsum("nchw,nchw->nc", x, x)


class Branching(nn.Module):
    """Control flow that depends on the images, and channels in another order."""

    def __init__(self, shuffled: bool) -> None:
        super().__init__()
        self.shuffled = shuffled
        self.first = nn.Conv2d(2, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.out = nn.Linear(3, 3)

    def forward(self, x):
        x = torch.relu(self.first(x if x.min() > -1 else -x))
        if self.shuffled and x.shape[1] > 1:
            x = x.roll(1, dims=1)
        x = torch.relu(self.second(x))
        return self.out(x.mean(dim=(2, 3)) if int(x.shape[-1]) > 1 else x.flatten(1))


class ABA(nn.Module):
    """Convolution a, convolution b, and convolution a again."""

    def __init__(self) -> None:
        super().__init__()
        self.b = nn.Conv2d(2, 2, 3, padding=1)
        self.out = nn.Linear(2, 3)
        self.a = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x):
        for layer in (self.a, self.b, self.a):
            x = torch.relu(layer(x))
        return self.out(x.mean(dim=(2, 3)))


def connections_of(model, make_classifier, make_oracle, shape=SHAPE, **settings):
    return make_oracle(make_classifier(model, shape, 3), **settings).connections


def test_a_chain_is_closed(small, make_oracle):
    found = make_oracle(small).connections
    assert found.feeds == {"conv1": (), "conv2": ("conv1",), "fc1": ("conv2",), "fc2": ("fc1",)}
    assert found.closed == {"conv1", "conv2", "fc1"}
    assert found.readers("conv2") == ("fc1",)
    assert found.passed_by == ()


def test_what_the_operations_tell_is_not_measured(
    small, seeded, make_classifier, make_oracle, monkeypatch
):
    monkeypatch.setattr(connections, "_is_closed", lambda *_: False)
    assert make_oracle(small).connections.closed == {"conv1", "conv2", "fc1"}
    assert connections_of(Bypassed(), make_classifier, make_oracle).closed == {"second"}
    assert connections_of(Branching(False), make_classifier, make_oracle).closed == set()


def test_skip_connections_are_closed(seeded, make_classifier, make_oracle):
    model = ResNet18(2, 3, width=4)
    found = connections_of(model, make_classifier, make_oracle, (2, 32, 32))
    assert found.passed_by == ()
    assert len(found.closed) == 20


def test_another_way_to_the_logits_is_seen(seeded, make_classifier, make_oracle):
    found = connections_of(Bypassed(), make_classifier, make_oracle)
    assert found.feeds["second"] == ("first",)
    assert found.passed_by == ("first",)


def test_a_network_that_cannot_be_traced_is_tried(seeded, make_classifier, make_oracle):
    found = connections_of(Branching(False), make_classifier, make_oracle)
    assert found.feeds == {"first": (), "second": ("first",), "out": ("second",)}
    assert found.closed == {"first", "second"}


def test_channels_in_another_order_are_not_taken_for_the_same(seeded, make_classifier, make_oracle):
    found = connections_of(Branching(True), make_classifier, make_oracle)
    assert found.feeds == {"first": (), "second": (), "out": ("second",)}


def test_layers_that_run_twice(seeded, make_classifier, make_oracle):
    oracle = make_oracle(make_classifier(ABA(), SHAPE, 3))
    assert [layer.name for layer in oracle.space.layers] == ["a", "b", "out"]
    found = oracle.connections
    assert found.feeds == {"a": (), "b": ("a",), "out": ("a",)}
    assert found.readers("a") == ("b", "out")
