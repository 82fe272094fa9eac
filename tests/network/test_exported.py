"""Exported networks give the network's answers, with the network's own weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from causalxai.network import exported as module
from causalxai.network.exported import exported
from causalxai.network.tracing import UntraceableError

IMAGES = torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(0))


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.out = nn.Linear(64, 3)
        self.register_buffer("shift", torch.ones(3))

    def forward(self, x):
        return self.out(self.body(x).view(x.size(0), -1)) + self.shift


class Checks(Plain):
    def forward(self, x):
        if x.shape[1:] != (1, 6, 6):
            raise ValueError("wrong size")
        return super().forward(x)


class Keeps(Plain):
    """Keeps what it sees, in an attribute and in buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))
        self.last: list[torch.Tensor] = []

    def forward(self, x):
        self.seen = 0.9 * self.seen + 0.1 * x.mean()
        self.last.append(x)
        return super().forward(x)


class Looks(Plain):
    def forward(self, x):
        return super().forward(x) if x.sum() > 1 else super().forward(-x)


class TwoParts(nn.Module):
    """Two convolutions of the images, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 3, 6), nn.Conv2d(1, 3, 6)

    def forward(self, x):
        return self.first(x).flatten(1) + self.second(x).flatten(1)


class CannotBeCopied(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.lines = (line for line in "ab")


class Counts(Plain):
    """Gives other answers for a single image."""

    def forward(self, x):
        return super().forward(x) * (1 + torch.sym_min(x.shape[0], 2))


class Noisy(Plain):
    def forward(self, x):
        return super().forward(x) + torch.randn(3)


def logits(network, images):
    return network.run(images, [network.logits])[network.logits]


@pytest.mark.parametrize(
    "build",
    [
        Plain,
        Checks,
        Keeps,
        lambda: torch.compile(Plain(), backend="eager"),
        lambda: nn.Sequential(Plain()),
    ],
    ids=["plain", "checks its images' size", "keeps", "compiled", "wrapped"],
)
def test_networks_are_followed(build):
    model = build().eval()
    network = exported(model, IMAGES)
    for images in (IMAGES, IMAGES[:1], IMAGES.repeat(3, 1, 1, 1)):
        with torch.no_grad():
            torch.testing.assert_close(logits(network, images), model(images))


@torch.no_grad()
def test_weights_and_buffers_are_the_networks_own():
    model = Plain().eval()
    network = exported(model, IMAGES)
    model.out.weight.mul_(2)
    model.body[1].running_mean.add_(0.5)
    model.shift = torch.full((3,), 7.0)
    torch.testing.assert_close(logits(network, IMAGES), model(IMAGES))


def test_the_network_keeps_nothing_of_being_exported():
    model = Keeps().eval()
    exported(model, IMAGES)
    kept = [type(images) for images in model.last]
    assert set(kept) == {torch.Tensor}, "the network was only asked about real images"


def test_hooks_that_only_read_get_no_placeholders():
    model, seen = Plain().eval(), []
    model.body.register_forward_hook(lambda _m, _a, output: seen.append(output))
    exported(model, IMAGES)
    assert {type(output) for output in seen} == {torch.Tensor}


@pytest.mark.parametrize("build", [Looks, CannotBeCopied, Noisy])
def test_what_cannot_be_followed_says_so(build):
    with pytest.raises(UntraceableError):
        exported(build().eval(), IMAGES)


def test_operations_know_their_modules_and_sizes():
    model = Plain().eval()
    network = exported(model, IMAGES)
    (call,) = [node for node in network.nodes if "conv2d" in str(node.target)]
    assert {model, model.body, model.body[0]} == network.modules(call)
    assert network.shape(call, 5) == (5, 4, 4, 4)
    assert network.batch_axis(call) == 0
    assert network.parameter(call.args[1]) == "body.0.weight"
    assert call.args[1] not in network.by_image


def test_only_what_is_asked_for_is_run(monkeypatch):
    network = exported(TwoParts().eval(), IMAGES)
    parts = [node for node in network.nodes if "conv2d" in str(node.target)]
    run = []
    own = module.called
    monkeypatch.setattr(module, "called", lambda node, value: run.append(node) or own(node, value))
    found = network.run(IMAGES, [parts[1]])
    assert [node for node in run if node in network.by_image] == [parts[1]]
    assert found.keys() == {parts[1]}
    network.run(IMAGES, [network.logits])
    assert set(parts) <= set(run)
