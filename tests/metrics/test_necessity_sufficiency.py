"""Concepts that decide the prediction, by a linear classifier that can be read by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai.intervention import Intervention
from causalxai.metrics.necessity_sufficiency import NecessitySufficiency
from causalxai.oracle import Oracle, Response, Want
from causalxai.testing.toys import ToyWorld

from .conftest import Explain

COUNT = 40


class SignOfFirst(Oracle):
    """Predicts class 0 where the mean of the first two concepts is above 0, whatever else is."""

    propagates = False
    noise = 0.0

    def _respond(self, units, interventions: Intervention, want: tuple[Want, ...]) -> Response:
        after = interventions.apply(units.values)
        first = after[..., :2].mean(dim=-1) + self.noise
        return Response(logits=torch.stack([first, -first, torch.full_like(first, -99)], dim=-1))


def scored(importance: Tensor, world: ToyWorld, explain: Explain, **settings):
    oracle = SignOfFirst().bind(world.classifier, world.space)
    inputs = replace(world.inputs(), oracle=oracle)
    return NecessitySufficiency(**settings).compute(explain(importance), inputs)


def test_the_concepts_that_decide_are_necessary_and_sufficient(world: ToyWorld, explain: Explain):
    values = world.space.encode(world.dataset.test.images[:COUNT]).values
    sign = values[:, :2].mean(dim=1, keepdim=True).sign()
    truth = torch.cat([sign.expand(-1, 2), torch.zeros(COUNT, 2)], dim=1)
    # Ten standard deviations against their importance are enough to turn each prediction.
    right = scored(truth, world, explain, units=10)
    assert right.estimate.value == 1
    assert right.parts["necessity"].value == right.parts["sufficiency"].value == 1
    wrong = scored(truth.flip(1), world, explain, units=10)
    assert wrong.parts["necessity"].value == 0
    assert right.chance.high < right.estimate.value
    assert wrong.estimate.value == right.controls["least important"].value


def test_concepts_that_change_together_are_asked_together(world: ToyWorld, explain: Explain):
    """Each image's necessity is the same alone as among others whose sets differ."""
    rng = torch.Generator().manual_seed(3)
    importance = torch.randn(COUNT, 4, generator=rng)
    values = world.space.encode(world.dataset.test.images[:COUNT]).values
    scales = torch.tensor([concept.scale for concept in world.space.concepts])
    chosen = importance.abs().argsort(dim=1, descending=True)[:, :2]
    named = torch.zeros(COUNT, 4).bool().scatter(1, chosen, True)
    moved = values - 2 * scales * importance.sign() * named
    turned = (moved[:, :2].mean(dim=1) > 0) != (values[:, :2].mean(dim=1) > 0)
    result = scored(importance, world, explain)
    assert result.parts["necessity"].value == pytest.approx(turned.double().mean().item())


def test_a_single_concept_is_skipped(world: ToyWorld, explain: Explain):
    class Alone(type(world.space)):
        @property
        def concepts(self):
            return super().concepts[:1]

    space = Alone().fit(world.classifier, world.dataset, rng=torch.Generator())
    inputs = replace(
        world.inputs(), space=space, oracle=SignOfFirst().bind(world.classifier, space)
    )
    result = NecessitySufficiency().compute(explain(torch.zeros(4, 4)), inputs)
    assert (result.status, "takes 2 to 64; there are 1" in result.reason) == ("skipped", True)
