"""Edits are computed exactly in each form that a change can have."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from causalxai_interventional.exactness import edits_of
from causalxai_interventional.propagation import DataflowPropagation

SHAPE = (2, 8, 8)


class Net(nn.Module):
    """Two convolutions with something between them, a linear layer, and an end."""

    def __init__(self, between=torch.relu, end=lambda x: x, width=4) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(width, 3, 3)
        self.out = nn.Linear(3, 3)
        self.depthwise = nn.Conv2d(4, 8, 3, padding=1, groups=4)
        self.gate, self.norm = nn.Conv2d(4, 4, 1), nn.GroupNorm(2, 4)
        self.between, self.end = between, end

    def forward(self, x):
        x = self.between(self, self.first(x))
        return self.end(self.out(torch.relu(self.second(x)).mean(dim=(2, 3))))


def _gated(net, x):
    return x * net.gate(x.mean((2, 3), keepdim=True)).sigmoid()


class Attends(nn.Module):
    """A block of a transformer over the rows of the image, whose first row is read."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(16, 8)
        self.query, self.key, self.value = (nn.Linear(8, 8) for _ in range(3))
        self.back = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)
        self.up, self.down = nn.Linear(8, 12), nn.Linear(12, 8)
        self.out = nn.Linear(8, 3)

    def heads(self, x):
        return x.view(x.shape[0], -1, 2, 4).transpose(1, 2)

    def forward(self, x):
        x = self.embed(x.transpose(1, 2).flatten(2))
        query, key, value = (self.heads(part(x)) for part in (self.query, self.key, self.value))
        read = F.scaled_dot_product_attention(query, key, value)
        x = x + self.back(read.transpose(1, 2).reshape(x.shape[0], -1, 8))
        x = x + self.down(F.gelu(self.up(self.norm(x))))
        return self.out(x[:, 0])


@pytest.mark.parametrize(
    ("between", "width"),
    [
        (lambda _, x: F.relu(x, inplace=True), 4),
        (lambda _, x: F.max_pool2d(F.silu(x), 2), 4),
        (lambda net, x: net.depthwise(x), 8),
        (_gated, 4),
        (lambda _, x: torch.cat([x, torch.tanh(x)], dim=1), 8),
        (lambda _, x: torch.cat([torch.zeros_like(x), x], dim=1), 8),
        (lambda net, x: net.norm(x), 4),
        (lambda net, x: torch.relu(x + net.gate(x)), 4),
        (lambda _, x: x * x.amax(dim=1, keepdim=True), 4),
        (lambda _, x: x.permute(0, 2, 3, 1).softmax(dim=-1).permute(0, 3, 1, 2), 4),
        (lambda _, x: F.pixel_shuffle(x, 2).repeat(1, 4, 1, 1), 4),
    ],
    ids=[
        "relu",
        "pool",
        "depthwise",
        "gate",
        "cat itself",
        "cat",
        "norm",
        "skip",
        "max",
        "softmax",
        "shuffle",
    ],
)
@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_edits_of_the_first_layer(
    between, width, granularity, seeded, make_classifier, make_oracle, assert_as_naive, rng
):
    model = Net(between, width=width)
    oracle = make_oracle(make_classifier(model, SHAPE, 3), granularity, "dataflow")
    images = torch.rand(3, *SHAPE, generator=rng)
    layer = oracle.space.layer("first")
    assert_as_naive(oracle, images, list(layer.indices))
    assert_as_naive(oracle, images, [layer.first + 1, layer.first], value=2.0)


@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_edits_of_a_transformer(
    granularity, seeded, make_classifier, make_oracle, assert_as_naive, some_of, rng
):
    model = Attends()
    with torch.no_grad():
        model.query.weight *= 8
        model.out.weight *= 50
    oracle = make_oracle(make_classifier(model, SHAPE, 3), granularity, "dataflow")
    images = torch.rand(3, *SHAPE, generator=rng)
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, some_of(oracle, layer.name, 9))


def test_edits_of_the_last_layer_change_one_logit_each(seeded, make_classifier, make_oracle, rng):
    oracle = make_oracle(make_classifier(Net(lambda _, x: x), SHAPE, 3), "slice")
    plan = oracle.dataflow.plan("out")
    (segment,) = plan.segments
    assert [step.block is not None for step in segment.steps] == [True]


@pytest.mark.parametrize("working_set", [2**8, 2**12, 2**30])
def test_answers_do_not_depend_on_the_number_of_edits_at_once(
    working_set, seeded, make_classifier, make_oracle, rng
):
    classifier = make_classifier(Net(lambda net, x: torch.relu(x + net.norm(x))), SHAPE, 3)
    oracle = make_oracle(classifier, "slice")
    images = torch.rand(3, *SHAPE, generator=rng)
    layer = oracle.space.layer("first")
    edits = edits_of(layer, layer.targets.flip(0), torch.rand(layer.count, 3, generator=rng))
    whole = DataflowPropagation(classifier, 2**26, oracle.dataflow)
    parts = DataflowPropagation(classifier, working_set, oracle.dataflow)
    with torch.no_grad():
        expected = whole.logits("first", images, edits)
        torch.testing.assert_close(parts.logits("first", images, edits), expected)
