"""Claims against effects that are known in closed form, because the world is linear."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from causalxai.classifier import Classifier
from causalxai.generic.single_effects import SingleEffects
from causalxai.metric import MetricResult
from causalxai.metrics.effect_error import EffectError, cosine, exchange
from causalxai.testing.toys import ToyWorld

from .conftest import Explain

COUNT = 40


def truth(world: ToyWorld, count: int = COUNT) -> Tensor:
    """Return what one standard deviation of each concept adds to the logit of class 0."""
    scales = torch.tensor([concept.scale for concept in world.space.concepts])
    return (world.logit_effects[:, 0] * scales).expand(count, -1)


def scored(importance: Tensor, world: ToyWorld, explain: Explain) -> MetricResult:
    return EffectError().compute(explain(importance), world.inputs())


def test_the_truth_scores_1_on_any_scale(drawn: ToyWorld, explain: Explain):
    exact = scored(truth(drawn), drawn, explain)
    assert exact.estimate.value == pytest.approx(1, abs=1e-4)
    assert exact.parts["normalised error"].value == pytest.approx(0, abs=2e-3)
    larger = scored(7 * truth(drawn), drawn, explain)
    assert larger.estimate.value == pytest.approx(1, abs=1e-4)
    assert larger.parts["normalised error"].value == pytest.approx(6, abs=0.02)
    for name in ("on average", "correlation", "sign agreement"):
        assert exact.parts[name].value == pytest.approx(1, abs=1e-4)
    assert (exact.translated, exact.read, exact.reason) == (False, "concepts", "")


def test_the_opposite_scores_minus_1_and_half_wrong_signs_in_between(
    drawn: ToyWorld, explain: Explain
):
    assert scored(-truth(drawn), drawn, explain).estimate.value == pytest.approx(-1, abs=1e-4)
    turned = truth(drawn).clone()
    turned[:, 0] *= -1
    found = scored(turned, drawn, explain)
    weights = truth(drawn)[0].square()
    expected = 1 - 2 * float(weights[0] / weights.sum())
    assert found.estimate.value == pytest.approx(expected, abs=1e-4)
    assert found.parts["sign agreement"].value == pytest.approx(0.75)
    assert found.parts["strongest concept"].value == 1
    weaker = truth(drawn).clone()
    weaker[:10, truth(drawn)[0].abs().argmax()] = 0
    found = scored(weaker, drawn, explain)
    assert found.parts["strongest concept"].value == pytest.approx(0.75)


def test_noise_is_at_chance(drawn: ToyWorld, explain: Explain):
    noise = torch.randn(COUNT, 4, generator=torch.Generator().manual_seed(0))
    found = scored(noise, drawn, explain)
    assert found.estimate.low < 0 < found.estimate.high
    assert found.chance.low < 0 < found.chance.high


def test_an_explainer_that_asks_the_true_model_is_right(drawn: ToyWorld, explain: Explain):
    inputs = drawn.inputs()
    images = explain(torch.zeros(COUNT, 4)).images
    explanation = SingleEffects(pictures=0).explain(images, 0, inputs)
    assert EffectError().compute(explanation, inputs).estimate.value > 0.9999


def test_direct_effects_are_right_where_others_are_held(drawn: ToyWorld, explain: Explain):
    scales = torch.tensor([concept.scale for concept in drawn.space.concepts])
    direct = (drawn.reads[:, 0] * scales).expand(COUNT, -1)
    found = scored(direct, drawn, explain)
    assert found.parts["others held"].value == pytest.approx(1, abs=1e-4)
    assert found.estimate.value < 0.999


def test_claims_count_by_name_and_unnamed_concepts_as_0(drawn: ToyWorld, explain: Explain):
    explanation = explain(truth(drawn))
    swapped = replace(
        explanation,
        concepts=explanation.concepts[::-1],
        importance=explanation.importance.flip(1),
    )
    found = EffectError().compute(swapped, drawn.inputs())
    assert found.estimate.value == pytest.approx(1, abs=1e-4)
    some = replace(explanation, concepts=(*explanation.concepts[:3], "another"))
    found = EffectError().compute(some, drawn.inputs())
    weights = truth(drawn)[0].square()
    assert found.estimate.value == pytest.approx(float((weights[:3].sum() / weights.sum()).sqrt()))
    assert found.reason == "1 of 4 concepts are not named and count as 0"


def test_a_map_is_translated_and_nothing_named_is_skipped(drawn: ToyWorld, explain: Explain):
    explanation = explain(truth(drawn))
    # The gradient of a linear network: its sum over a change of the picture is the effect.
    heat = _gradient(drawn).reshape(8, 8).expand(COUNT, -1, -1)
    by_map = replace(explanation, concepts=(), importance=None, maps={"gradient": heat})
    found = EffectError().compute(by_map, drawn.inputs())
    assert found.estimate.value == pytest.approx(1, abs=1e-3)
    assert found.translated is True
    named = replace(explanation, concepts=("a", "b", "c", "d"))
    skipped = EffectError().compute(named, drawn.inputs())
    assert (skipped.status, "names none of the concepts" in skipped.reason) == ("skipped", True)


def _gradient(world: ToyWorld) -> Tensor:
    images = world.dataset.test.images[:1].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(world.classifier.model(images)[0, 0], images)
    return gradient


def test_a_classifier_that_uses_nothing_has_no_score(drawn: ToyWorld, explain: Explain):
    blind = replace(drawn.inputs(), classifier=_blind())
    found = EffectError().compute(explain(truth(drawn)), blind)
    assert (found.status, "no effects to compare" in found.reason) == ("skipped", True)


def _blind() -> Classifier:
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    nn.init.zeros_(network[1].weight)
    return Classifier(network, class_names=("a", "b", "c"), image_shape=(1, 8, 8))


def test_unknown_pictures_are_skipped(drawn: ToyWorld, explain: Explain):
    explanation = explain(truth(drawn))
    other = replace(explanation, images=1 - explanation.images)
    found = EffectError().compute(other, drawn.inputs())
    assert (found.status, "is not among" in found.reason) == ("skipped", True)


def test_a_claim_of_nothing_counts_0(drawn: ToyWorld, explain: Explain):
    half = truth(drawn).clone()
    half[::2] = 0
    found = scored(half, drawn, explain)
    assert found.estimate.value == pytest.approx(0.5, abs=1e-4)
    assert "silent in 20 of 40 images" in found.reason


def test_correlations_are_those_of_scipy():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 5, 6))
    centred = [table - table.mean(axis=1, keepdims=True) for table in (one, other)]
    expected = [stats.pearsonr(a, b).statistic for a, b in zip(one, other, strict=True)]
    assert cosine(*centred) == pytest.approx(np.array(expected))
    apart = one / np.linalg.norm(one, axis=1, keepdims=True)
    apart -= other / np.linalg.norm(other, axis=1, keepdims=True)
    assert cosine(one, other) == pytest.approx(1 - (apart**2).sum(axis=1) / 2)
    assert cosine(np.zeros((1, 3)), np.ones((1, 3))).tolist() == [0.0]


@pytest.mark.parametrize("d", [2, 5])
def test_claims_are_exchanged_in_every_image(d: int):
    claims = torch.rand(30, d, generator=torch.Generator().manual_seed(d))
    found = exchange(claims, torch.Generator().manual_seed(1))
    assert torch.equal(found.sort(dim=1).values, claims.sort(dim=1).values)
    assert bool((found != claims).any(dim=1).all())


def test_an_explanation_of_other_classes_is_scored_by_their_logits(
    drawn: ToyWorld, explain: Explain
):
    scales = torch.tensor([concept.scale for concept in drawn.space.concepts])
    target = torch.arange(COUNT) % 3
    importance = drawn.logit_effects[:, target].T * scales
    explanation = replace(explain(importance), target=target)
    found = EffectError().compute(explanation, drawn.inputs())
    assert found.estimate.value == pytest.approx(1, abs=1e-4)
    assert found.parts["on average"].value == pytest.approx(1, abs=1e-4)
