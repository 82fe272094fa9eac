"""A fast strategy is chosen only after it was right about edits that have an effect."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from causalxai import Intervention
from causalxai_interventional.exactness import telling_probes
from causalxai_interventional.hooked_propagation import SerialPropagation
from causalxai_interventional.propagation import DataflowPropagation

SHAPE = (2, 8, 8)


class OtherOutput(nn.Conv2d):
    """It computes with ten times the squares of its weights."""

    def forward(self, x):
        return F.conv2d(x, 10 * self.weight.square())


class Network(nn.Module):
    def __init__(self, first=nn.Conv2d, gain=1.0, offset=0.0) -> None:
        super().__init__()
        self.first = first(2, 4, 3, bias=False)
        self.out = nn.Linear(4, 3)
        self.gain, self.offset = gain, offset

    def forward(self, x):
        x = torch.relu(self.first(x)).mean(dim=(2, 3))
        return self.out(x) * self.gain + self.offset


def removed(oracle, images, layer):
    units = oracle.space.encode(images)
    return oracle.query(units, Intervention.ablate(oracle.space.layer(layer).targets)).logits


def test_black_images_prove_nothing(seeded, make_classifier, make_oracle, naive, rng):
    """All strategies are right about black images, of which no edge makes anything."""
    oracle = make_oracle(make_classifier(Network(OtherOutput), SHAPE, 3))
    black, images = torch.zeros(3, *SHAPE), torch.rand(3, *SHAPE, generator=rng)
    layer = oracle.space.layer("first")
    removed(oracle, black, "first")
    expected = torch.stack([naive(oracle, images, [i]) for i in layer.indices])
    torch.testing.assert_close(removed(oracle, images, "first"), expected)
    assert isinstance(oracle._chosen["first"], SerialPropagation)


@pytest.mark.parametrize("offset", [0.0, 100.0, 10_000.0])
def test_effects_below_rounding_prove_nothing(offset, seeded, make_classifier, make_oracle, rng):
    """Beside a large constant, what single edges do is lost in the tolerance."""
    model = Network(OtherOutput, gain=0.1, offset=offset)
    oracle = make_oracle(make_classifier(model, SHAPE, 3))
    removed(oracle, torch.rand(3, *SHAPE, generator=rng), "first")
    assert isinstance(oracle._chosen["first"], SerialPropagation)


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_small_effects_do_not_make_it_slow(offset, seeded, make_classifier, make_oracle, rng):
    oracle = make_oracle(make_classifier(Network(gain=0.1, offset=offset), SHAPE, 3))
    removed(oracle, torch.rand(3, *SHAPE, generator=rng), "first")
    assert isinstance(oracle._chosen["first"], DataflowPropagation)


def test_effects_that_only_float64_shows_do_not_make_it_slow(
    seeded, make_classifier, make_oracle, rng
):
    oracle = make_oracle(make_classifier(Network(gain=1e-9, offset=1.0), SHAPE, 3))
    removed(oracle, torch.rand(3, *SHAPE, generator=rng), "first")
    assert isinstance(oracle._chosen["first"], DataflowPropagation)


def test_a_layer_without_any_effect_runs_with_edited_weights(
    seeded, make_classifier, make_oracle, rng, caplog
):
    oracle = make_oracle(make_classifier(Network(gain=0.0), SHAPE, 3))
    layer = oracle.space.layer("first")
    images = torch.rand(3, *SHAPE, generator=rng)
    assert telling_probes(layer, images, oracle._with_weights) is None
    assert torch.equal(removed(oracle, images, "first"), torch.zeros(layer.count, 3, 3))
    assert "no edit that was tried moves the logits" in caplog.text


def test_fewer_probes_are_as_well_spread(small, make_oracle, rng):
    oracle = make_oracle(small)
    images = torch.rand(3, *small.image_shape, generator=rng)
    layer = oracle.space.layer("conv2")
    probes = telling_probes(layer, images, oracle._with_weights, count=5)
    assert 4 <= len(probes.edits) <= 8
    assert len(probes.edits.channel.unique()) >= 4


def test_probes_know_right_from_wrong(small, make_oracle, rng):
    oracle = make_oracle(small)
    images = torch.rand(3, *small.image_shape, generator=rng)
    probes = telling_probes(oracle.space.layer("conv2"), images, oracle._with_weights)
    assert probes is not None
    assert probes.agree(probes.logits)
    wrong = probes.logits.clone()
    wrong[4] = small.logits(images)
    assert not probes.agree(wrong)
    assert not probes.agree(torch.full_like(wrong, torch.nan))
