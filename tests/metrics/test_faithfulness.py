"""Dependence between perceived concepts and importances, over a world of known effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from causalxai import Explanation, Metric, ScoringInputs
from causalxai.concept import BooleanConcept, Concept, Units
from causalxai.metrics.faithfulness import Faithfulness, InformationCoefficient
from causalxai.testing.toys import ToySpace, ToyWorld

QUICK = {"permutations": 20, "halves": 20}
BOTH = pytest.mark.parametrize(
    "metric", [Faithfulness(**QUICK), InformationCoefficient(**QUICK)], ids=lambda one: one.name
)


@pytest.fixture(scope="module")
def contributions(world: ToyWorld) -> Tensor:
    """What each concept, as it stands in the image, adds to the first class, [n, d]."""
    return world.space.encode(world.dataset.test.images).values * world.reads[:, 0]


def noise(like: Tensor, seed: int = 0) -> Tensor:
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed))


@BOTH
def test_truth_beats_noise_and_noise_chance(
    metric: Metric, world: ToyWorld, contributions: Tensor, explain: Callable[[Tensor], Explanation]
):
    random = noise(contributions)
    noisy = contributions + 0.5 * contributions.std(dim=0) * random
    true, middle, none = (
        metric.compute(explain(claim), world.inputs()) for claim in (contributions, noisy, random)
    )
    assert true.estimate.value == pytest.approx(1, abs=0.02)
    assert true.estimate.low > middle.estimate.high
    assert middle.estimate.low > none.estimate.high
    assert middle.estimate.low > middle.chance.high
    assert none.chance.low <= none.estimate.value <= none.chance.high
    assert none.parts["adjusted"].low < 0.05
    assert middle.parts["adjusted"].value < middle.estimate.value


@BOTH
def test_neither_unit_nor_the_order_of_concepts_counts(
    metric: Metric, world: ToyWorld, contributions: Tensor, explain: Callable[[Tensor], Explanation]
):
    claim = contributions + noise(contributions) * contributions.std(dim=0)
    plain = explain(claim)
    rescaled = explain(claim * torch.tensor([1024.0, 0.25, 2.0, 0.5]))
    order = [2, 0, 3, 1]
    reordered = replace(
        plain,
        concepts=tuple(plain.concepts[j] for j in order),
        importance=plain.importance[:, order],
    )
    first = metric.compute(plain, world.inputs())
    for other in (rescaled, reordered, explain(claim.sinh())):
        again = metric.compute(other, world.inputs())
        assert again.estimate.value == pytest.approx(first.estimate.value, abs=1e-6)
        assert again.chance.value == pytest.approx(first.chance.value, abs=1e-6)


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.integers(10, 40))
def test_whatever_is_claimed_scores_within_the_range(
    world: ToyWorld, explain: Callable[[Tensor], Explanation], seed: int, n: int
):
    claim = noise(torch.empty(n, 4), seed).round()
    result = Faithfulness(**QUICK).compute(explain(claim), world.inputs())
    assert result.status == "ok"
    assert 0 <= result.estimate.value <= 1
    assert (result.estimate.low is None) == (n < 20)
    if n >= 20:
        assert 0 <= result.estimate.low <= result.estimate.value <= result.estimate.high <= 1


def test_bins_find_dependence_where_there_is_none_and_adjusting_mends_it(
    world: ToyWorld, explain: Callable[[Tensor], Explanation]
):
    random = noise(torch.empty(120, 4))
    result = Faithfulness().compute(explain(random), world.inputs())
    assert result.estimate.value > 0.07
    assert abs(result.parts["adjusted"].value) < 0.05


def test_few_images_have_fewer_bins(world: ToyWorld, explain: Callable[[Tensor], Explanation]):
    # Two bins of five: an importance that tells the upper half from the lower scores 1.
    values = world.space.encode(world.dataset.test.images[:10]).values
    upper = (values > values.median(dim=0).values).float()
    result = Faithfulness(**QUICK).compute(explain(upper), world.inputs())
    assert result.estimate.value == pytest.approx(1)


@BOTH
def test_importances_that_never_vary_count_0_and_are_told(
    metric: Metric, world: ToyWorld, contributions: Tensor, explain: Callable[[Tensor], Explanation]
):
    claim = contributions * torch.tensor([1.0, 0.0, 1.0, 0.0])
    result = metric.compute(explain(claim), world.inputs())
    assert result.estimate.value == pytest.approx(0.5, abs=0.02)
    assert result.reason == "2 of 4 have the same importance in all images and count as 0"
    assert len(result.parts) == 5
    constant = metric.compute(explain(torch.ones(120, 4)), world.inputs())
    assert (constant.status, constant.estimate.value, constant.chance.value) == ("ok", 0, 0)
    few = metric.compute(explain(claim[:9]), world.inputs())
    assert (few.status, few.reason) == (
        "skipped",
        "dependence needs 10 or more explanations to be estimated, not 9",
    )


@BOTH
def test_naming_fewer_concepts_is_no_way_to_a_better_score(
    metric: Metric, world: ToyWorld, contributions: Tensor, explain: Callable[[Tensor], Explanation]
):
    whole = explain(contributions)
    half = replace(whole, concepts=whole.concepts[:2], importance=whole.importance[:, :2])
    result = metric.compute(half, world.inputs())
    assert result.estimate.value == pytest.approx(0.5, abs=0.02)
    assert result.reason.startswith("2 of 4 concepts are not named and count as 0")


@BOTH
def test_values_that_never_vary_are_left_out_and_told(
    metric: Metric, world: ToyWorld, contributions: Tensor, explain: Callable[[Tensor], Explanation]
):
    class Still(ToySpace):
        still: ClassVar[list[int]] = [1]

        def encode(self, images: Tensor) -> Units:
            values = super().encode(images).values.clone()
            values[:, self.still] = 1.0
            return Units(values)

    space = Still().fit(world.classifier, world.dataset, rng=torch.Generator())
    inputs = replace(world.inputs(), space=space)
    result = metric.compute(explain(contributions), inputs)
    assert result.estimate.value == pytest.approx(1, abs=0.02)
    assert result.reason == "left out: 1 of 4 concepts do not vary"
    space.still = [0, 1, 2, 3]
    nothing = metric.compute(explain(contributions), inputs)
    assert (nothing.status, "each concept has the same value" in nothing.reason) == (
        "skipped",
        True,
    )


@BOTH
def test_maps_are_read_through_the_generator(
    metric: Metric, world: ToyWorld, contributions: Tensor
):
    patches = contributions.view(-1, 2, 2).repeat_interleave(4, 1).repeat_interleave(4, 2)
    images = world.dataset.test.images
    explanation = Explanation(
        images, torch.zeros(len(images), dtype=torch.int64), maps={"patches": patches}
    )
    result = metric.compute(explanation, world.inputs())
    assert (result.status, result.translated) == ("ok", True)
    assert result.estimate.low > result.chance.high
    blind = metric.compute(explanation, replace(world.inputs(), oracle=None))
    assert (blind.status, blind.reason) == (
        "skipped",
        "the run has no oracle that renders images",
    )


class Bits(ToySpace):
    """Whether each patch is bright."""

    @property
    def concepts(self) -> list[Concept]:
        return [BooleanConcept(name) for name in self._names]

    def encode(self, images: Tensor) -> Units:
        return Units((super().encode(images).values > 0).float())


@pytest.mark.parametrize("make", [Faithfulness, InformationCoefficient])
def test_a_bit_that_is_told_for_certain_scores_one(
    make: Callable[..., Metric], world: ToyWorld, explain: Callable[[Tensor], Explanation]
):
    space = Bits().fit(world.classifier, world.dataset, rng=torch.Generator())
    inputs: ScoringInputs = replace(world.inputs(), space=space)
    bits = space.encode(world.dataset.test.images).values
    score = partial(make(**QUICK).compute, inputs=inputs)
    clear = score(explain(2 * bits - 1 + 0.1 * noise(bits)))
    blurred = score(explain(2 * bits - 1 + 2 * noise(bits)))
    assert clear.estimate.value > 0.85
    assert blurred.estimate.high < clear.estimate.low
