"""Simplified networks give the same answers, with the network's weights of the moment."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from causalxai.network.exported import exported
from causalxai_interventional.blocks import name_of
from causalxai_interventional.simplification import simplify

IMAGES = torch.rand(4, 2, 8, 8, generator=torch.Generator().manual_seed(0))


class Normalises(nn.Module):
    """Batch normalisation behind a convolution, behind a sum, and behind a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 3, 3), nn.Conv2d(3, 3, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(3), nn.BatchNorm2d(3, affine=False)])
        self.act, self.drop = nn.PReLU(3), nn.Dropout(0.5)
        self.fc, self.last = nn.Linear(3, 4), nn.BatchNorm1d(4)

    def forward(self, x):
        x = self.act(self.norms[0](self.first(x)))
        x = self.drop(self.norms[1](x + self.second(x)))
        return self.last(self.fc(x.mean(dim=(2, 3))))


def warmed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Normalises()
        for _ in range(5):
            model(torch.rand(8, 2, 8, 8))
    return model.eval()


@torch.no_grad()
def test_answers_stay_the_same():
    model = warmed()
    network = exported(model, IMAGES, simplify)
    names = {name_of(node) for node in network.nodes}
    assert not names & {"batch_norm", "dropout", "clone", "view", "prelu"}
    model.norms[0].running_var.mul_(3)
    model.first.weight.mul_(2)
    found = network.run(IMAGES, [network.logits])[network.logits]
    torch.testing.assert_close(found, model(IMAGES))


class Pads(nn.Module):
    def __init__(self, sides, mode="constant") -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, padding=1, stride=2)
        self.sides, self.mode = sides, mode

    def forward(self, x):
        return self.conv(F.pad(x, self.sides, mode=self.mode)).mean(dim=(2, 3))


@pytest.mark.parametrize(
    ("sides", "mode", "left"),
    [
        ((2, 2, 1, 1), "constant", 0),
        ((0, 0, 0, 0), "constant", 0),
        ((0, 1, 0, 1), "constant", 1),
        ((1, 1, 1, 1), "reflect", 1),
    ],
)
def test_convolutions_pad_images_themselves(sides, mode, left):
    network = exported(Pads(sides, mode).eval(), IMAGES, simplify)
    assert sum("pad" in name_of(node) for node in network.nodes) == left


def test_a_normalisation_is_part_of_the_convolution_before_it():
    model = warmed()
    network = exported(model, IMAGES, simplify)
    (call,) = [
        n for n in network.nodes if name_of(n) == "conv2d" and model.first in network.modules(n)
    ]
    (reader,) = call.users
    assert name_of(reader) == "_prelu_kernel"


class DividesChannels(nn.Module):
    def forward(self, x):
        first, second = x.unbind(1)
        *_, third = torch.cat([first, second.exp()], dim=2).split(5, dim=-1)
        return third.flatten(1)


@torch.no_grad()
def test_parts_are_taken_one_by_one():
    network = exported(DividesChannels(), IMAGES, simplify)
    names = [name_of(node) for node in network.nodes]
    assert names.count("select") == 2
    assert names.count("slice") == 1
    found = network.run(IMAGES, [network.logits])[network.logits]
    torch.testing.assert_close(found, DividesChannels()(IMAGES))
