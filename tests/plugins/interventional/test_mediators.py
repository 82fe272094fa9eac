"""Maps of mediators are those of the network that is explained, however it is written."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from causalxai_interventional.mechanisms import SelectionRule, find_mechanisms
from causalxai_interventional.mediators import convolutions, mediator_maps, untraced_layers

SHAPE = (1, 8, 8)


class Net(nn.Module):
    """Convolutions in a given order, behind an optional hook that turns the images around."""

    def __init__(self, order: str = "ab", turned: bool = False) -> None:
        super().__init__()
        self.order = order
        self.out = nn.Linear(3, 3)
        for name in "cba":
            setattr(self, name, nn.Conv2d(3, 3, 3, padding=1))
        if turned:
            self.register_forward_pre_hook(lambda _m, args: (1 - args[0],))

    def forward(self, x):
        x = x.expand(-1, 3, -1, -1)
        for name in self.order:
            x = F.relu(self.get_submodule(name)(x))
        return self.out(x.mean(dim=(2, 3)))


def test_hooks_of_the_whole_network_are_seen(seeded, make_classifier, make_oracle, rng):
    """Without such a hook, the maps would be those of other images."""
    images = torch.rand(3, *SHAPE, generator=rng)
    oracle = make_oracle(make_classifier(Net(turned=True), SHAPE, 3))
    assert untraced_layers(oracle, ["a", "b"]) == []
    units = oracle.space.encode(images)
    found = find_mechanisms(oracle, units, torch.arange(3)[:, None], SelectionRule(tau=0.05))
    plain, _ = mediator_maps(oracle, units, found, ["a"])["a"]
    response = F.relu(oracle.classifier.model.a((1 - images).expand(-1, 3, -1, -1)))
    causal = found.layers["a"].mediators[:, 0].float()
    weight = causal / causal.sum(dim=1, keepdim=True).clamp(min=1)
    expected = torch.einsum("nchw,nc->nhw", response, weight)
    assert expected.abs().max() > 1e-2
    torch.testing.assert_close(plain, expected)


def test_layers_are_in_the_order_of_their_last_runs(seeded, make_classifier, make_oracle):
    oracle = make_oracle(make_classifier(Net("abca"), SHAPE, 3))
    assert convolutions(oracle) == ("b", "c", "a")
    assert untraced_layers(oracle, convolutions(oracle)) == ["a"]
    only = make_oracle(make_classifier(Net("abca"), SHAPE, 3), layers=["a", "c"])
    assert convolutions(only) == ("c", "a")
