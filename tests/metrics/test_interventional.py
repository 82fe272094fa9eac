"""What is claimed of do() against what do() does, in a world of known effects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from captum.metrics import infidelity
from scipy import stats
from torch import Tensor

from causalxai import Explanation, ScoringInputs
from causalxai.concept import BooleanConcept, Concept, ParameterConcept, Units
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.metrics.interventional import InterventionalFaithfulness, _correlations, _Subsets
from causalxai.oracle import Oracle, Response, Want
from causalxai.testing.toys import ToySpace, ToyWorld

Explain = Callable[[Tensor], Explanation]


@pytest.fixture(scope="module")
def direct(world: ToyWorld) -> Tensor:
    """What one sd of each concept adds to the first class's logit, the others held, [d]."""
    values = world.space.encode(world.dataset.test.images).values
    return values.std(dim=0, correction=0) * world.reads[:, 0]


@pytest.fixture(scope="module")
def total(world: ToyWorld) -> Tensor:
    """The same with all consequences, [d]."""
    values = world.space.encode(world.dataset.test.images).values
    return values.std(dim=0, correction=0) * world.logit_effects[:, 0]


def noise(seed: int = 0) -> Tensor:
    return torch.randn(40, 4, generator=torch.Generator().manual_seed(seed))


def test_truth_beats_noise_and_noise_chance(world: ToyWorld, total: Tensor, explain: Explain):
    random = total.abs().mean() * noise()
    true, noisy, none = (
        InterventionalFaithfulness().compute(explain(claim), world.inputs())
        for claim in (total.expand(40, -1), total + 1.5 * random, random)
    )
    assert true.estimate.low > noisy.estimate.high
    assert noisy.estimate.low > none.estimate.high
    assert noisy.estimate.low > noisy.chance.high
    assert none.estimate.low < none.chance.high
    assert none.chance.low < none.estimate.high
    assert true.translated is False


def test_direct_effects_are_right_with_the_others_held(
    world: ToyWorld, direct: Tensor, explain: Explain
):
    result = InterventionalFaithfulness().compute(explain(direct.expand(40, -1)), world.inputs())
    assert result.parts["others held"].value == pytest.approx(1, abs=0.01)
    assert result.estimate.value < 0.99
    reversed_claim = explain(-direct.expand(40, -1))
    opposite = InterventionalFaithfulness().compute(reversed_claim, world.inputs())
    assert opposite.parts["others held"].value == pytest.approx(-1, abs=0.01)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_scale_of_importances_does_not_count(
    world: ToyWorld, total: Tensor, explain: Explain, scale: float
):
    claim = total + noise()
    metric = InterventionalFaithfulness(subsets=10)
    plain, scaled = (metric.compute(explain(one), world.inputs()) for one in (claim, scale * claim))
    assert scaled.estimate.value == pytest.approx(plain.estimate.value, abs=1e-9)


def test_on_a_model_without_effects_there_is_no_score(
    world: ToyWorld, total: Tensor, explain: Explain
):
    with torch.no_grad():
        inputs = world.inputs()
        weight = inputs.classifier.model[1].weight
        kept = weight.clone()
        weight.zero_()
        result = InterventionalFaithfulness().compute(explain(total.expand(40, -1)), inputs)
        weight.copy_(kept)
    assert result.status == "skipped"
    assert "no effects to compare" in result.reason


def test_an_explanation_that_claims_nothing_counts_0_and_is_told(
    world: ToyWorld, total: Tensor, explain: Explain
):
    claim = total.expand(40, -1).clone()
    everywhere = InterventionalFaithfulness().compute(explain(claim), world.inputs())
    claim[:10] = 0
    result = InterventionalFaithfulness().compute(explain(claim), world.inputs())
    assert result.estimate.n == 40
    assert result.estimate.value == pytest.approx(0.75 * everywhere.estimate.value, abs=0.05)
    assert result.reason == "silent in 10 of 40 images, which count as 0"
    nothing = InterventionalFaithfulness().compute(explain(0 * claim), world.inputs())
    assert (nothing.status, nothing.estimate.value) == ("ok", 0)
    assert "silent in 40 of 40 images" in nothing.reason


def test_images_where_the_oracle_makes_no_difference_are_left_out(
    world: ToyWorld, total: Tensor, explain: Explain
):
    class Deaf(Weighted):
        """Answers for the images at odd places in the batch only."""

        def _respond(
            self, units: Units, interventions: Intervention, want: tuple[Want, ...]
        ) -> Response:
            logits = super()._respond(units, interventions, want).logits
            logits[:, ::2] = 0
            return Response(logits=logits)

    inputs = replace(world.inputs(), oracle=Deaf().bind(world.classifier, world.space))
    result = InterventionalFaithfulness(held=False).compute(explain(total.expand(40, -1)), inputs)
    assert result.estimate.n == 20
    assert result.parts["images left out"].value == 0.5


def test_concepts_that_are_not_named_count_nothing(
    world: ToyWorld, total: Tensor, explain: Explain
):
    everything = explain(total.expand(40, -1))
    best = int(total.abs().argmax())
    lonely = replace(
        everything,
        concepts=everything.concepts[best : best + 1],
        importance=everything.importance[:, best : best + 1],
    )
    one, all_of_them = (
        InterventionalFaithfulness().compute(each, world.inputs()) for each in (lonely, everything)
    )
    assert one.reason.startswith("3 of 4 concepts are not named and count as 0")
    assert 0 < one.estimate.value < all_of_them.estimate.value


def among(world: ToyWorld, count: int) -> ScoringInputs:
    """Return a context whose data set labels the first concepts alone."""
    train, test = (
        replace(split, concepts=None) for split in (world.dataset.train, world.dataset.test)
    )
    names = world.space.names()[:count]
    data = replace(world.dataset, concept_names=names, train=train, test=test)
    return replace(world.inputs(), dataset=data)


def test_chance_is_that_of_random_importances_with_two_concepts_too(world: ToyWorld):
    inputs = among(world, 2)
    images = world.dataset.test.images[:80]
    target = torch.zeros(len(images), dtype=torch.int64)
    # The two are alike, so that to exchange them is no guess.
    claim = torch.ones(len(images), 2)
    explanation = Explanation(images, target, world.space.names()[:2], claim)
    result = InterventionalFaithfulness(images=80).compute(explanation, inputs)
    assert result.chance.low < 0 < result.chance.high
    exchanged = result.controls["concepts exchanged"].value
    assert exchanged == pytest.approx(result.estimate.value)


def test_listing_the_oracles_single_effects_is_told(
    world: ToyWorld, total: Tensor, explain: Explain
):
    oracle = Weighted().bind(world.classifier, world.space)
    additive = InterventionalFaithfulness().compute(
        explain(noise()), replace(world.inputs(), oracle=oracle)
    )
    assert additive.controls["oracle's single effects"].value == pytest.approx(1, abs=1e-9)
    assert "effects add up exactly here: listing single effects scores 1" in additive.reason
    # A cause done along with its effect: what one adds, the other one's do() takes away.
    causal = InterventionalFaithfulness().compute(explain(total.expand(40, -1)), world.inputs())
    assert causal.controls["oracle's single effects"].value < 0.999
    assert causal.estimate.value == pytest.approx(
        causal.controls["oracle's single effects"].value, abs=0.02
    )
    assert "add up" not in causal.reason


def test_one_concept_is_not_enough(world: ToyWorld):
    images = world.dataset.test.images[:4]
    names = world.space.names()[:1]
    explanation = Explanation(images, torch.zeros(4).long(), names, torch.ones(4, 1))
    result = InterventionalFaithfulness().compute(explanation, among(world, 1))
    assert (result.status, "a single concept" in result.reason) == ("skipped", True)


def test_where_captum_finds_less_infidelity_there_is_more_faithfulness(world: ToyWorld):
    images = world.dataset.test.images[:20]
    target = torch.zeros(20, dtype=torch.int64)
    gradient = world.classifier.model[1].weight.detach()[0].view(8, 8).expand(20, -1, -1)
    scores = []
    for level in (0.0, 2.0, 20.0):
        rng = torch.Generator().manual_seed(3)
        heat = gradient + level * gradient.std() * torch.randn(gradient.shape, generator=rng)
        ours = InterventionalFaithfulness().compute(
            Explanation(images, target, maps={"map": heat}), world.inputs()
        )

        def moved(pixels: Tensor, rng: torch.Generator = rng) -> tuple[Tensor, Tensor]:
            change = 0.01 * torch.randn(pixels.shape, generator=rng)
            return change, pixels - change

        theirs = infidelity(
            world.classifier.logits, moved, images, heat[:, None], target=target
        ).mean()
        assert ours.translated is True
        scores.append((float(theirs), ours.parts["others held"].value))
    infidelities, faithfulness = zip(*scores, strict=True)
    assert list(infidelities) == sorted(infidelities)
    assert list(faithfulness) == sorted(faithfulness, reverse=True)


class Switches(ToySpace):
    """Whether each patch is bright, as bits or as parameters that are there."""

    kind: type[Concept] = BooleanConcept

    @property
    def concepts(self) -> Sequence[Concept]:
        return [self.kind(name) for name in self._names]

    def encode(self, images: Tensor) -> Units:
        lit = super().encode(images).values > 0
        return Units(lit.float() if self.kind is BooleanConcept else torch.ones(len(images), 4))


class Weighted(Oracle):
    """The logit of the first class is a weighted sum of the switches that are on."""

    weights = torch.tensor([1.0, -2.0, 4.0, 0.5])

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        first = interventions.apply(units.values) @ self.weights
        return Response(logits=torch.stack([first, 0 * first, 0 * first], dim=2))


@pytest.mark.parametrize("kind", [BooleanConcept, ParameterConcept])
def test_flips_and_removals_take_away_what_is_supported(
    world: ToyWorld, explain: Explain, kind: type[Concept]
):
    class Kind(Switches):
        pass

    Kind.kind = kind
    space = Kind().fit(world.classifier, world.dataset, rng=torch.Generator())
    oracle = Weighted().bind(world.classifier, space)
    inputs = replace(world.inputs(), space=space, oracle=oracle)
    on = space.encode(world.dataset.test.images[:40]).values
    supports = (2 * on - 1) * oracle.weights
    result = InterventionalFaithfulness().compute(explain(supports), inputs)
    assert result.estimate.value == pytest.approx(1, abs=1e-9)
    assert result.chance.high < 0.7
    assert ("others held" in result.parts) == (kind is BooleanConcept)


def test_subsets_are_of_all_sizes_and_name_no_concept_twice():
    subsets = _Subsets.draw(400, 9, torch.Generator().manual_seed(0))
    assert subsets.columns.shape == (400, 5)
    sizes = (subsets.columns != NO_TARGET).sum(dim=1)
    assert torch.bincount(sizes).tolist()[0] == 0
    assert (torch.bincount(sizes)[1:] > 50).all()
    for row in subsets.columns:
        members = row[row != NO_TARGET].tolist()
        assert len(set(members)) == len(members)
    pairs = _Subsets.draw(40, 2, torch.Generator().manual_seed(0))
    assert set((pairs.columns != NO_TARGET).sum(dim=1).tolist()) == {1, 2}
    assert _Subsets.draw(5, 10_000, torch.Generator().manual_seed(0)).columns.shape == (5, 64)


def test_correlations_are_spearmans():
    rng = torch.Generator().manual_seed(0)
    claimed = torch.randn(12, 5, generator=rng).round(decimals=1).numpy()
    shown = torch.randn(12, 5, generator=rng).round(decimals=1).numpy()
    claimed[:, 4] = 7.0
    found = _correlations(claimed, shown)
    assert found[4] == 0
    for column in range(4):
        expected = stats.spearmanr(claimed[:, column], shown[:, column]).statistic
        assert found[column] == pytest.approx(expected)
