"""Stability of explainers that are as unstable as they are told to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from captum.metrics import sensitivity_max
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from causalxai import Classifier, Explainer, Explanation, Metric, ScoringInputs
from causalxai.capabilities import Capability
from causalxai.metrics.repeated_explanations import ask_again
from causalxai.metrics.stability import (
    RelativeStability,
    Stability,
    _direction_spread,
    _Distances,
)
from causalxai.plugin import PluginConfig
from causalxai.testing.toys import ToyWorld

BOTH = pytest.mark.parametrize("metric", [Stability(), RelativeStability()], ids=lambda m: m.name)


class Shaky(Explainer):
    """What each patch adds to the logit, times a scale, and noise."""

    requires = frozenset({Capability.CONCEPTS})

    class Config(PluginConfig):
        noise: float = 0.0
        truth: float = 1.0
        scale: float = 1.0
        forgets: bool = False

    config: Config

    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        values = inputs.space.encode(images).values
        importance = self.config.truth * values + self.config.noise * torch.randn(
            values.shape, generator=inputs.rng
        )
        names, claims = inputs.space.names(), self.config.scale * importance
        if self.config.forgets:  # Another concept each time, and in another order.
            kept = torch.randperm(4, generator=inputs.rng)[:3].tolist()
            names, claims = tuple(names[j] for j in kept), claims[:, kept]
        return Explanation(images, target, names, claims)


class Constant(Explainer):
    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        return Explanation(images, target, ("a", "b"), torch.tensor([[1.0, 2.0]] * len(images)))


class Gradient(Explainer):
    """A map that is steep in the pixels, or not."""

    class Config(PluginConfig):
        steepness: float = 1.0

    config: Config

    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        return Explanation(images, target, maps={"map": self.heat(images)})

    def heat(self, images: Tensor) -> Tensor:
        return 1 + self.config.steepness * (images.mean(dim=1) - 0.5)


def scored(metric: Metric, explainer: Explainer, world: ToyWorld) -> object:
    inputs = replace(world.inputs(), explainer=explainer)
    images = world.dataset.test.images[:40]
    target = world.classifier.predict(images)
    explanation = Explanation(images, target, maps={"not asked": torch.zeros(40, 8, 8)})
    return metric.compute(explanation, inputs)


@pytest.mark.parametrize("make", [Stability, RelativeStability])
def test_calm_beats_shaky_and_shaky_chance(make: Callable[..., Metric], world: ToyWorld):
    metric = make(images=30, noise=0.01)
    calm, shaky, none = (
        scored(metric, explainer, world)
        for explainer in (Shaky(), Shaky(noise=0.8), Shaky(truth=0.0, noise=1.0))
    )
    assert calm.estimate.low > shaky.estimate.high
    assert shaky.estimate.low > none.estimate.high
    assert shaky.estimate.low > shaky.chance.high
    assert none.estimate.low < none.chance.high
    assert none.chance.low < none.estimate.high
    assert calm.translated is False


@BOTH
@pytest.mark.parametrize("scale", [10.0, 0.001, -3.0])
def test_the_scale_of_explanations_does_not_count(metric: Metric, world: ToyWorld, scale: float):
    plain, scaled = (scored(metric, Shaky(noise=1.0, scale=s), world) for s in (1.0, scale))
    assert scaled.estimate.value == pytest.approx(plain.estimate.value, rel=1e-4)
    if metric.name == "stability":
        raw = scaled.parts["raw"].value / plain.parts["raw"].value
        assert raw == pytest.approx(scale**2, rel=1e-4)


@BOTH
def test_concepts_may_come_in_any_order_and_be_left_out(metric: Metric, world: ToyWorld):
    whole, parts = (scored(metric, Shaky(forgets=forgets), world) for forgets in (False, True))
    assert parts.status == "ok"
    assert parts.estimate.value < whole.estimate.value


def test_a_constant_explanation_is_stable_and_has_no_relative_stability(world: ToyWorld):
    result = scored(Stability(), Constant(), world)
    assert (result.estimate.value, result.parts["raw"].value) == pytest.approx((0, 0), abs=1e-12)
    relative = scored(RelativeStability(), Constant(), world)
    assert (relative.status, "no spread to compare" in relative.reason) == ("skipped", True)


@BOTH
def test_copies_of_another_class_are_left_out_and_counted(metric: Metric, world: ToyWorld):
    faint = scored(type(metric)(noise=0.001), Shaky(), world)
    loud = scored(type(metric)(noise=0.5), Shaky(), world)
    assert faint.parts["copies left out"].value == 0
    assert 0.2 < loud.parts["copies left out"].value < 1
    assert loud.parts["copies left out"].n == 40


def test_kept_copies_are_those_of_the_same_class(world: ToyWorld):
    inputs = replace(world.inputs(), explainer=Shaky())
    images = world.dataset.test.images[:20]
    target = world.classifier.predict(images)
    answers = ask_again(
        Explanation(images, target),
        inputs,
        images=20,
        copies=3,
        repeats=2,
        noise=0.3,
        who="a test",
    )
    assert answers.claims.shape == (20, 3, 2, 4)
    seen = torch.from_numpy(answers.claims[:, :, 0]).float() @ world.reads
    order = torch.randperm(20, generator=world.inputs().rng)
    same = seen.argmax(dim=2) == target[order][:, None]
    assert (torch.from_numpy(answers.kept) == same).float().mean() > 0.95
    assert answers.of(0).shape == (answers.kept[0].sum(), 2, 4)
    assert answers.read == "concepts"


def test_no_copy_left_is_skipped(world: ToyWorld):
    class Fickle(torch.nn.Module):
        """Says another class whenever it is asked, once it has been examined."""

        asked, fickle = 0, False

        def forward(self, images: Tensor) -> Tensor:
            self.asked += self.fickle
            return 2 * torch.eye(3)[self.asked % 3].expand(len(images), -1)

    network = Fickle()
    classifier = Classifier(network, class_names=("a", "b", "c"), image_shape=(1, 8, 8))
    classifier.model.fickle = True
    inputs = replace(world.inputs(), explainer=Shaky(), classifier=classifier)
    images = world.dataset.test.images[:4]
    result = Stability(copies=2).compute(Explanation(images, torch.zeros(4).long()), inputs)
    assert (result.status, "reduce the noise" in result.reason) == ("skipped", True)


def test_zeros_have_no_direction(world: ToyWorld):
    result = scored(Stability(), Shaky(truth=0.0), world)
    assert (result.status, "zeros alone" in result.reason) == ("skipped", True)


def test_what_is_steeper_is_less_stable_and_more_sensitive_to_captum(world: ToyWorld):
    images, rng = world.dataset.test.images[:20], torch.Generator()
    sensitivities, stabilities = [], []

    def disturbed(images: Tensor, radius: float) -> Tensor:
        return images + radius * torch.rand(images.shape, generator=rng.manual_seed(0))

    for steepness in (0.1, 1.0, 3.0):
        explainer = Gradient(steepness=steepness)
        stabilities.append(scored(Stability(), explainer, world).estimate.value)
        heat = partial(Gradient.heat, explainer)
        found = sensitivity_max(lambda images, heat=heat: heat(images[0]), images, disturbed)
        sensitivities.append(float(found.mean()))
    assert sensitivities == sorted(sensitivities)
    assert stabilities == sorted(stabilities, reverse=True)


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 999))
def test_the_spread_of_directions_is_their_variance(m: int, d: int, seed: int):
    claims = np.random.default_rng(seed).normal(size=(m, d))
    unit = claims / np.linalg.norm(claims, axis=1, keepdims=True)
    spread = float(_direction_spread(claims))
    assert spread == pytest.approx(float(unit.var(axis=0).sum()), abs=1e-9)
    assert 0 <= spread <= 1


@given(st.lists(st.integers(2, 5), min_size=2, max_size=4), st.integers(1, 3), st.integers(0, 999))
def test_distances_are_those_of_all_pairs_of_different_copies(
    counts: list[int], repeats: int, seed: int
):
    rng = np.random.default_rng(seed)
    every = [rng.normal(size=(count, repeats, 3)) for count in counts]
    found = _Distances(every)
    flat = [claims.reshape(-1, 3) for claims in every]
    half = [[0.5 * ((a[:, None] - b[None]) ** 2).sum(axis=2) for b in flat] for a in flat]
    for i, count in enumerate(counts):
        copy = np.arange(count).repeat(repeats)
        different = copy[:, None] != copy[None]
        assert found.within[i] == pytest.approx(half[i][i][different].mean())
    n = len(counts)
    between = [half[i][j].mean() for i in range(n) for j in range(n) if i != j]
    assert found.between(np.arange(n)) == pytest.approx(np.mean(between))
    assert np.isnan(found.ratio(np.zeros(3, dtype=int)))


class Whimsical(Explainer):
    """Says something else of each image, and the same when it is asked again."""

    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        seeds = images.sum(dim=(1, 2, 3)).view(torch.int32).tolist()
        draws = [torch.randn(4, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return Explanation(images, target, inputs.space.names(), torch.stack(draws))


@pytest.mark.parametrize("copies", [2, 5])
def test_repeating_what_is_unrelated_makes_it_no_stabler(copies: int, world: ToyWorld):
    settings = {"images": 40, "copies": copies, "repeats": 4, "noise": 0.001}
    relative = scored(RelativeStability(**settings), Whimsical(), world)
    assert relative.estimate.low < 0 < relative.estimate.high
    assert abs(relative.estimate.value - relative.chance.value) < 0.15
    plain = scored(Stability(**settings), Whimsical(), world)
    assert abs(plain.estimate.value - plain.chance.value) < 0.06


@BOTH
def test_what_was_read_is_told(metric: Metric, world: ToyWorld):
    assert scored(metric, Shaky(), world).read == "concepts"
    assert scored(metric, Gradient(), world).read == "pixels"
