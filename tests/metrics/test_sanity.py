"""Sanity: explanations of the classifier change with its weights, others do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from causalxai import Context, Explainer, Explanation, MetricResult
from causalxai.metrics.sanity import Sanity
from causalxai.plugin import PluginConfig
from causalxai.randomised import randomised
from causalxai.testing.toys import ToyExplainer, ToyWorld


class Mapping(Explainer):
    """A map of the image alone, of the classifier, of noise, or of nothing."""

    class Config(PluginConfig):
        of: str = "image"

    config: Config

    def _explain(self, inputs: Tensor, target: Tensor, context: Context) -> Explanation:
        heat = {
            "image": lambda: inputs[:, 0],
            "classifier": lambda: gradients(context)[target].view_as(inputs[:, 0]),
            "noise": lambda: torch.randn(inputs[:, 0].shape, generator=context.rng),
            "nothing": lambda: torch.ones_like(inputs[:, 0]),
            "class": lambda: (
                target.view(-1, 1, 1) * context.classifier.logits(inputs[:1])[0, 0]
                + torch.zeros_like(inputs[:, 0])
            ),
        }[self.config.of]()
        return Explanation(inputs=inputs, target=target, maps={"map": heat})


def gradients(context: Context) -> Tensor:
    """Return ``[K, pixels]``: the toy classifier is linear."""
    weight: Tensor = context.classifier.model[1].weight  # type: ignore[index, union-attr]
    return weight


def scored(world: ToyWorld, explainer: Explainer, **settings: Any) -> MetricResult:
    context = replace(world.context(), explainer=explainer)
    images = world.dataset.test.images[:10]
    explanation = explainer.explain(images, world.classifier.predict(images), context)
    return Sanity(**settings).compute(explanation, replace(context, rng=world.context().rng))


def test_a_map_of_the_image_alone_never_changes(world: ToyWorld):
    result = scored(world, Mapping(of="image"))
    assert result.status == "ok"
    assert (result.estimate.value, result.estimate.n) == (0, 8)
    assert result.controls["same weights"].value == 0
    assert result.chance.value > 0.7


def test_a_map_of_the_weights_changes_as_their_ranks_do(world: ToyWorld):
    result = scored(world, Mapping(of="classifier"), images=10)
    rng = world.context().rng
    rows = torch.randperm(10, generator=rng)
    target = world.classifier.predict(world.dataset.test.images[:10])[rows]
    after = randomised(world.classifier, rng).model[1].weight
    changes = [
        1 - abs(stats.spearmanr(world.classifier.model[1].weight[k], after[k]).statistic)
        for k in target.tolist()
    ]
    assert result.estimate.value == pytest.approx(np.mean(changes))
    assert result.estimate.value > 0.5 > result.controls["same weights"].value


def test_noise_changes_as_much_when_it_is_only_asked_again(world: ToyWorld):
    result = scored(world, Mapping(of="noise"))
    # The same seed: noise that does not look at the classifier is the same, too.
    assert result.estimate.value == 0
    assert result.controls["same weights"].value > 0.7


def test_importances_are_asked_of_an_oracle_of_the_other_classifier(world: ToyWorld):
    context = replace(world.context(), explainer=ToyExplainer())
    before = context.oracle.ledger.answers
    weights = [p.clone() for p in world.classifier.model.parameters()]
    result = scored(world, ToyExplainer())
    assert result.estimate.value > 0
    assert result.controls["same weights"].value == 0
    assert context.oracle.ledger.answers > before
    assert context.oracle.classifier is world.classifier
    after = world.classifier.model.parameters()
    assert all(torch.equal(a, b) for a, b in zip(weights, after, strict=True))


def test_what_is_the_same_everywhere_has_no_ranks(world: ToyWorld):
    unchanged = scored(world, Mapping(of="nothing"))
    assert (unchanged.status, unchanged.estimate.value) == ("ok", 0)
    moved = scored(world, Mapping(of="class"))
    assert moved.status in {"skipped", "ok"}
    if moved.status == "ok":  # Class 0 stays at 0, the others move.
        assert moved.reason.startswith("left out: ")


def test_a_classifier_without_weights_is_told(world: ToyWorld):
    class Sum(torch.nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.flatten(1)[:, :3]

    bare = type(world.classifier)(Sum(), class_names="abc", image_shape=(1, 8, 8))
    context = replace(world.context(), classifier=bare, explainer=Mapping())
    images = world.dataset.test.images[:4]
    explanation = Mapping().explain(images, 0, context)
    result = Sanity().compute(explanation, context)
    assert (result.status, result.estimate) == ("skipped", None)
    assert "no layer with weights" in result.reason
