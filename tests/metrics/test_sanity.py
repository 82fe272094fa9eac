"""Sanity: explanations of the classifier change with its weights, others do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

from causalxai import Classifier, Explainer, Explanation, MetricResult, ScoringInputs
from causalxai.metrics.parameter_randomisation import randomised
from causalxai.metrics.sanity import Sanity
from causalxai.plugin import PluginConfig
from causalxai.testing.toys import ToyExplainer, ToyWorld


class Mapping(Explainer):
    """A map of the image alone, of the classifier, of noise, or of nothing."""

    class Config(PluginConfig):
        of: str = "image"

    config: Config

    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        heat = {
            "image": lambda: images[:, 0],
            "classifier": lambda: gradients(inputs)[target].view_as(images[:, 0]),
            "noise": lambda: torch.randn(images[:, 0].shape, generator=inputs.rng),
            "nothing": lambda: torch.ones_like(images[:, 0]),
        }[self.config.of]()
        return Explanation(images=images, target=target, maps={"map": heat})


def gradients(inputs: ScoringInputs) -> Tensor:
    """Return ``[K, pixels]``: the toy classifier is linear."""
    weight: Tensor = inputs.classifier.model[1].weight  # type: ignore[index, union-attr]
    return weight


def scored(world: ToyWorld, explainer: Explainer, **settings: Any) -> MetricResult:
    inputs = replace(world.inputs(), explainer=explainer)
    images = world.dataset.test.images[:10]
    explanation = explainer.explain(images, world.classifier.predict(images), inputs)
    return Sanity(**settings).compute(explanation, replace(inputs, rng=world.inputs().rng))


def test_a_map_of_the_image_alone_never_changes(world: ToyWorld):
    result = scored(world, Mapping(of="image"))
    assert result.status == "ok"
    assert (result.estimate.value, result.estimate.n) == (0, 8)
    assert result.controls["same weights"].value == 0
    assert result.chance.value > 0.7


def test_a_map_of_the_weights_changes_as_their_ranks_do(world: ToyWorld):
    result = scored(world, Mapping(of="classifier"), images=10)
    rng = world.inputs().rng
    rows = torch.randperm(10, generator=rng)
    target = world.classifier.predict(world.dataset.test.images[:10])[rows]
    after = randomised(world.classifier, rng).model[1].weight[target]
    before = world.classifier.model[1].weight[target]
    rho = stats.spearmanr(before.detach().flatten(), after.detach().flatten()).statistic
    assert result.estimate.value == pytest.approx(1 - rho)
    assert result.estimate.value > 0.5 > result.controls["same weights"].value
    assert result.read == "pixels"


class Claiming(Explainer):
    """Two importances: the patches' values, turned around once the classifier has forgotten."""

    class Config(PluginConfig):
        concepts: int = 2

    config: Config
    knows: Classifier

    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        sign = 1 if inputs.classifier is self.knows else -1
        names = ("a", "b")[: self.config.concepts]
        claims = sign * images[:, 0, 0, : self.config.concepts]
        return Explanation(images=images, target=target, concepts=names, importance=claims)


def claimed(world: ToyWorld, **settings: Any) -> MetricResult:
    explainer = Claiming(**settings)
    explainer.knows = world.classifier
    return scored(world, explainer, images=4)


def test_with_two_concepts_a_claim_that_turns_around_has_changed(world: ToyWorld):
    result = claimed(world)
    assert result.estimate.value == pytest.approx(2)
    assert result.read == "concepts"
    assert result.chance.low < 1 < result.chance.high


def test_too_few_entries_have_no_ranks(world: ToyWorld):
    result = claimed(world, concepts=1)
    assert (result.status, "4 entries" in result.reason) == ("skipped", True)


def test_noise_changes_as_much_when_it_is_only_asked_again(world: ToyWorld):
    result = scored(world, Mapping(of="noise"))
    # The same seed: noise that does not look at the classifier is the same, too.
    assert result.estimate.value == 0
    assert result.controls["same weights"].value > 0.7


def test_importances_are_asked_of_an_oracle_of_the_other_classifier(world: ToyWorld):
    inputs = replace(world.inputs(), explainer=ToyExplainer())
    before = inputs.oracle.ledger.answers
    weights = [p.clone() for p in world.classifier.model.parameters()]
    result = scored(world, ToyExplainer())
    assert result.estimate.value > 0
    assert result.controls["same weights"].value == 0
    assert inputs.oracle.ledger.answers > before
    assert inputs.oracle.classifier is world.classifier
    after = world.classifier.model.parameters()
    assert all(torch.equal(a, b) for a, b in zip(weights, after, strict=True))


def test_what_is_the_same_everywhere_has_no_ranks(world: ToyWorld):
    unchanged = scored(world, Mapping(of="nothing"))
    assert (unchanged.status, unchanged.estimate.value) == ("ok", 0)

    class Flat(Mapping):
        def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
            height = inputs.classifier.logits(world.dataset.test.images[:1])[0, 0]
            heat = height + torch.zeros_like(images[:, 0])
            return Explanation(images=images, target=target, maps={"map": heat})

    moved = scored(world, Flat())
    assert (moved.status, "cannot be ranked" in moved.reason) == ("skipped", True)


def test_a_classifier_without_weights_is_told(world: ToyWorld):
    class Sum(torch.nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.flatten(1)[:, :3]

    bare = type(world.classifier)(Sum(), class_names="abc", image_shape=(1, 8, 8))
    inputs = replace(world.inputs(), classifier=bare, explainer=Mapping())
    images = world.dataset.test.images[:4]
    explanation = Mapping().explain(images, 0, inputs)
    result = Sanity().compute(explanation, inputs)
    assert (result.status, result.estimate) == ("skipped", None)
    assert "no layer with weights" in result.reason
