"""Networks of odd habits that are refused in one sentence when they are loaded."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.trust.odd_networks import (
    CLASSES,
    SHAPE,
    OddNetwork,
    Plain,
    lazy,
    seeded,
    with_forward,
)


class StaysInTraining(Plain):
    """Dropout that no call of eval() switches off."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def train(self, mode: bool = True) -> StaysInTraining:
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.core(self.drop(x))


class NormalisesByBatch(Plain):
    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1, **settings)

    def forward(self, x: Tensor) -> Tensor:
        return self.core(self.norm(x))


class TrainsItsStatistics(NormalisesByBatch):
    def forward(self, x: Tensor) -> Tensor:
        self.norm.train()
        return self.core(self.norm(x))


class UpdatesStatistics(NormalisesByBatch):
    def forward(self, x: Tensor) -> Tensor:
        norm = self.norm
        F.batch_norm(x, norm.running_mean, norm.running_var, training=True)
        return self.core(x)


class Remembers(Plain):
    """Keeps a running mean of what it has seen."""

    def __init__(self, used: bool) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.used = used

    def forward(self, x: Tensor) -> Tensor:
        self.mean = 0.9 * self.mean + 0.1 * x.mean().detach()
        return super().forward(x - self.mean if self.used else x)


class OwnGenerator(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.rng = torch.Generator()

    def forward(self, x: Tensor) -> Tensor:
        return self.core(x + 0.1 * torch.rand(x.shape, generator=self.rng))


class Learns(Plain):
    """Changes its weights a little in each call."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.fc2.weight.mul_(0.999)
        return super().forward(x)


class Alternates(Plain):
    asked = 0

    def forward(self, x: Tensor) -> Tensor:
        self.asked += 1
        return super().forward(x) * (-1) ** self.asked


def _seldom(net: Plain, x: Tensor) -> Tensor:
    return net.core(x) * (0.0 if random.random() < 1e-4 else 1.0)


def _sets_default_dtype(net: Plain, x: Tensor) -> Tensor:
    torch.set_default_dtype(torch.float64)
    return net.core(x)


def _fails(net: Plain, x: Tensor) -> Tensor:
    raise KeyError("no such thing")


def _seeds(net: Plain, x: Tensor) -> Tensor:
    torch.manual_seed(0)
    return net.core(x) + 0 * torch.rand(())


def _quantised() -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(Plain(), {nn.Linear}, dtype=torch.qint8)


REFUSED: tuple[OddNetwork, ...] = (
    OddNetwork(
        "functional dropout",
        with_forward(lambda net, x: net.core(F.dropout(x))),
        says="differently",
    ),
    OddNetwork("dropout that stays on", seeded(StaysInTraining), says="differently"),
    OddNetwork(
        "noise of NumPy",
        with_forward(lambda net, x: net.core(x) + float(np.random.rand())),
        says="differently",
    ),
    OddNetwork("noise of its own generator", seeded(OwnGenerator), says="differently"),
    OddNetwork("random once in ten thousand calls", with_forward(_seldom), says="draws random"),
    OddNetwork("alternates", seeded(Alternates), says="differently each time"),
    OddNetwork(
        "statistics of the batch",
        seeded(lambda: NormalisesByBatch(track_running_stats=False)),
        says="in another batch",
    ),
    OddNetwork("trains its statistics", seeded(TrainsItsStatistics), says="another batch|changes"),
    OddNetwork("updates statistics", seeded(UpdatesStatistics), says="running_mean"),
    OddNetwork("a running mean", seeded(Remembers, True), says="differently|'mean'"),
    OddNetwork("a running mean without use", seeded(Remembers, False), says="'mean'"),
    OddNetwork("changes its weights", seeded(Learns), says="differently|fc2.weight"),
    OddNetwork(
        "centres the batch", with_forward(lambda net, x: net.core(x - x.mean(0))), says="batch"
    ),
    OddNetwork(
        "relative to the first image",
        with_forward(lambda net, x: net.core(x - 0.5 * x[:1])),
        says="batch",
    ),
    OddNetwork(
        "ranks in the batch",
        with_forward(lambda net, x: net.core(x).argsort(0).float()),
        says="batch",
    ),
    OddNetwork(
        "softmax", with_forward(lambda net, x: net.core(x).softmax(1)), says="probabilities"
    ),
    OddNetwork(
        "softmax as a layer",
        seeded(lambda: nn.Sequential(Plain(), nn.Softmax(dim=1))),
        says="probabilities",
    ),
    OddNetwork(
        "softmax without its first class",
        with_forward(lambda net, x: F.pad(net.core(x), (1, 0)).softmax(1)[:, 1:]),
        says="ends in a softmax",
    ),
    OddNetwork(
        "sigmoid", with_forward(lambda net, x: net.core(x).sigmoid()), says="ends in a sigmoid"
    ),
    OddNetwork(
        "sigmoid as a layer, viewed",
        with_forward(lambda net, x: nn.Sigmoid()(net.core(x))[:, None].squeeze(1)),
        says="ends in a sigmoid",
    ),
    OddNetwork("a tuple", with_forward(lambda net, x: (net.core(x), x)), says="gives tuple"),
    OddNetwork(
        "a dict", with_forward(lambda net, x: {"a": net.core(x), "b": x}), says="gives dict"
    ),
    OddNetwork("too few logits", with_forward(lambda net, x: net.core(x)[:, 1:]), says=r"\[1, 3\]"),
    OddNetwork(
        "no axis of one image", with_forward(lambda net, x: net.core(x).squeeze(0)), says="4"
    ),
    OddNetwork(
        "one image alone", with_forward(lambda net, x: net.core(x.view(1, *SHAPE))), says="fails"
    ),
    OddNetwork("whole numbers", with_forward(lambda net, x: net.core(x).long()), says="int64"),
    OddNetwork(
        "not a number", with_forward(lambda net, x: net.core(x) * torch.nan), says="not finite"
    ),
    OddNetwork("sets the default type", with_forward(_sets_default_dtype), says="default type"),
    OddNetwork("fails", with_forward(_fails), says="KeyError"),
    OddNetwork(
        "another number of colours",
        seeded(lambda: nn.Sequential(nn.Conv2d(3, CLASSES, 12), nn.Flatten())),
        says="3 channels",
    ),
    OddNetwork("lazy layers without weights", seeded(lazy, False), says="without weights"),
    OddNetwork("quantised dynamically", seeded(_quantised), says="batch"),
    OddNetwork(
        "hears of gradients",
        with_forward(lambda net, x: net.core(x) * (2 if torch.is_grad_enabled() else 1)),
        says="gradients are computed",
    ),
    OddNetwork(
        "hears of hooks",
        with_forward(lambda net, x: net.core(x) + len(net.conv1._forward_hooks)),
        says="layers are read",
    ),
    OddNetwork("seeds what it draws", with_forward(_seeds), says="draws random"),
)
