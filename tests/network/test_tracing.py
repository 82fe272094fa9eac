"""Tracing leaves the network as it is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from causalxai.network.tracing import UntraceableError, traced


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.Tanh())
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.body(x))


class Keeps(Plain):
    """Keeps what it sees, in an attribute and in buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("calls", torch.zeros(()))
        self.last: list[Tensor] = []

    def forward(self, x):
        self.seen = 0.9 * self.seen + 0.1 * x.mean()
        self.calls += 1
        self.last.append(x)
        return super().forward(x)


class Looks(Plain):
    def forward(self, x):
        return super().forward(x) if x.sum() > 1 else super().forward(-x)


class CannotBeCopied(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.steps = iter(())
        self.lines = (line for line in "ab")


class Doubles(nn.Linear):
    def forward(self, x):
        return super().forward(2 * x)


def test_a_layer_of_a_class_of_ones_own_is_one_step():
    model = nn.Sequential(nn.Flatten(), Doubles(36, 3))
    copy = traced(model)
    steps = [node.target for node in copy.graph.nodes if node.op == "call_module"]
    assert steps == ["0", "1"]
    images = torch.rand(3, 1, 6, 6)
    torch.testing.assert_close(copy(images), model(images))


def test_the_network_keeps_nothing_of_being_traced():
    model = Keeps().eval()
    traced(model)
    assert torch.equal(model.seen, torch.zeros(()))
    assert torch.equal(model.calls, torch.zeros(()))
    assert model.last == []


def test_the_copy_computes_the_same_with_the_same_parameters():
    model = Plain().eval()
    copy = traced(model)
    images = torch.rand(3, 1, 6, 6)
    torch.testing.assert_close(copy(images), model(images))
    pairs = zip(model.parameters(), copy.parameters(), strict=True)
    assert all(ours is theirs for ours, theirs in pairs)


@pytest.mark.parametrize("model", [Looks(), CannotBeCopied()])
def test_what_cannot_be_traced_says_so(model):
    with pytest.raises(UntraceableError):
        traced(model)


def test_hooks_get_no_placeholders():
    model, seen = Plain(), []
    model.body.register_forward_hook(lambda _m, _a, output: seen.append(output))
    with pytest.raises(UntraceableError, match="have hooks"):
        traced(model)
    assert seen == []
