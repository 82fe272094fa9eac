"""A traced copy gives the network's answers, and tracing leaves the network as it is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from causalxai.network.probe_images import probe_images
from causalxai_interventional.dataflow import Dataflow
from causalxai_interventional.tracing import UntraceableError, traced

SHAPE = (1, 6, 6)


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


def flow_of(model, make_classifier):
    return Dataflow(make_classifier(model, SHAPE, 3), probe_images(SHAPE))


def test_the_network_keeps_nothing_of_being_traced():
    model = Keeps().eval()
    traced(model)
    assert torch.equal(model.seen, torch.zeros(()))
    assert torch.equal(model.calls, torch.zeros(()))
    assert model.last == []


def test_the_copy_shares_the_parameters(seeded):
    model = Plain().eval()
    copy = traced(model)
    assert all(
        ours is theirs for ours, theirs in zip(model.parameters(), copy.parameters(), strict=True)
    )


@pytest.mark.parametrize(
    "hook",
    [
        lambda model: model.register_forward_pre_hook(lambda _m, args: (1 - args[0],)),
        lambda model: model.register_forward_hook(lambda _m, _a, logits: logits.flip(1)),
    ],
    ids=["before", "after"],
)
def test_hooks_of_the_network_make_the_copy_wrong(hook, seeded, make_classifier):
    model = Plain()
    hook(model)
    with pytest.raises(UntraceableError, match="gives other logits"):
        flow_of(model, make_classifier)


def test_hooks_get_no_placeholders(seeded, make_classifier):
    model, seen = Plain(), []
    model.body.register_forward_hook(lambda _m, _a, output: seen.append(output))
    with pytest.raises(UntraceableError, match="have hooks"):
        flow_of(model, make_classifier)
    assert all(type(output) is Tensor for output in seen)


def test_hooks_of_single_layers_run_in_the_copy(seeded, make_classifier):
    model = Plain()
    model.out.register_forward_hook(lambda _m, _a, output: 2 * output)
    images = torch.rand(3, *SHAPE)
    assert flow_of(model, make_classifier).gives_the_logits(images)
