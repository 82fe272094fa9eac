"""What is made of weights is made anew when the weights change, however they are written."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from causalxai.network.exported import exported
from causalxai_interventional.blocks import argument, name_of
from causalxai_interventional.kept_constants import Kept, KeptConstants
from causalxai_interventional.simplification import simplify

SHAPE = (2, 4, 4)


class Net(nn.Module):
    """Two convolutions, the first with batch normalisation, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.second, self.out = nn.Conv2d(4, 3, 3, padding=1), nn.Linear(48, 3)

    def forward(self, x):
        return self.out(torch.relu(self.second(torch.relu(self.norm(self.first(x))))).flatten(1))


@pytest.fixture
def model(seeded):
    return Net().eval()


@pytest.fixture
def network(model):
    with torch.no_grad():
        return exported(model, torch.rand(3, *SHAPE), simplify)


def weights_of(network, kept):
    """Return the weights of both convolutions in a new query."""
    known = KeptConstants(network, kept, channels_last=True)
    calls = [node for node in network.nodes if name_of(node) == "conv2d"]
    return [known[argument(call, 1)] for call in calls]


@torch.no_grad()
def test_only_what_changed_is_made_anew(network, model):
    kept = Kept()
    before = weights_of(network, kept)
    again = weights_of(network, kept)
    assert all(one is other for one, other in zip(before, again, strict=True))
    model.norm.weight.data[0] *= 2
    first, second = weights_of(network, kept)
    assert second is before[1]
    expected = before[0].clone()
    expected[0] *= 2
    torch.testing.assert_close(first, expected)


@torch.no_grad()
def test_a_value_of_one_weight_does_not_hide_a_change_of_another(network, model):
    kept = Kept()
    (call, *_) = (node for node in network.nodes if name_of(node) == "conv2d")
    weight = argument(call, 1)

    def total() -> float:
        known = KeptConstants(network, kept)
        return float(known.made(weight, "sum", lambda: known[weight].sum()))

    before = total()
    model.first.weight.numpy()[:] *= 3
    assert total() == pytest.approx(3 * before, rel=1e-5)


@torch.no_grad()
def test_nothing_is_kept_beyond_the_memory(network):
    kept = Kept()
    known = KeptConstants(network, kept)
    weight = next(node for node in network.nodes if name_of(node) == "conv2d").args[1]
    made = known.made(weight, "twice", lambda: 2 * known[weight])
    known.keep_within(2**20)
    again = KeptConstants(network, kept)
    assert again.made(weight, "twice", lambda: 2 * again[weight]) is made
    known.keep_within(100)
    assert not kept.made
    assert not kept.copies


@pytest.mark.parametrize("memory_ceiling", [2**8, 2**24])
def test_answers_follow_the_weights(
    memory_ceiling, seeded, make_classifier, make_oracle, assert_as_naive, some_of, rng
):
    oracle = make_oracle(
        make_classifier(Net(), SHAPE, 3), "slice", "dataflow", memory_ceiling=memory_ceiling
    )
    model, images = oracle.classifier.model, torch.rand(2, *SHAPE, generator=rng)
    for name in ("first", "second", "norm"):
        some = some_of(oracle, "first", 3)
        assert_as_naive(oracle, images, some)
        model.get_submodule(name).weight.data *= 2
        assert_as_naive(oracle, images, some)


class Counts(nn.Module):
    """Multiplies by numbers that are made of nothing."""

    def forward(self, x):
        return (x * torch.arange(4)).flatten(1)


@torch.no_grad()
def test_what_is_made_of_nothing_depends_on_no_weight():
    network, kept = exported(Counts(), torch.rand(3, *SHAPE), simplify), Kept()
    (node,) = (node for node in network.nodes if name_of(node) == "arange")
    assert kept.sources_of(node) == frozenset()
    for _ in range(2):
        assert KeptConstants(network, kept)[node].tolist() == [0, 1, 2, 3]
