"""Deletion and insertion for a network whose curves can be computed by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from causalxai import Classifier, Explanation, ScoringInputs
from causalxai.metrics.pixel_flipping import Deletion, Insertion, PixelFlipping
from causalxai.testing.toys import ToyWorld

WEIGHTS = (1.0, -0.5, 2.0, 0.25, -1.0, 0.5)
SHAPE = (1, 2, 3)
PIXELS = len(WEIGHTS)
ORDERS = st.permutations(range(PIXELS))
KINDS = pytest.mark.parametrize("kind", [Deletion, Insertion])


class Linear(nn.Module):
    """The logit of class 1 is a weighted sum of the pixels, that of class 0 is zero."""

    def forward(self, images: Tensor) -> Tensor:
        logit = images.flatten(2).sum(dim=1) @ torch.tensor(WEIGHTS)
        return torch.stack([torch.zeros_like(logit), logit], dim=1)


def linear(shape: tuple[int, int, int] = SHAPE) -> Classifier:
    return Classifier(Linear(), class_names=("no", "yes"), image_shape=shape)


def ranked(order: Sequence[int]) -> Tensor:
    """Return a map that puts the pixels into this order."""
    heat = torch.empty(PIXELS)
    heat[list(order)] = torch.arange(PIXELS, 0, -1.0)
    return heat.view(1, 2, 3)


def area(
    metric: PixelFlipping, heat: Tensor, images: Tensor | None = None, target: int = 1
) -> float:
    pictures = torch.ones(1, *SHAPE) if images is None else images
    classes = torch.full((len(pictures),), target)
    return float(metric.areas(linear(SHAPE), pictures, classes, heat)[0])


def by_hand(kind: type[PixelFlipping], order: Sequence[int]) -> float:
    """Return the area for a white image, one pixel at a step."""
    curve = []
    for step in range(PIXELS + 1):
        shown = order[step:] if kind is Deletion else order[:step]
        curve.append(1 / (1 + math.exp(-sum(WEIGHTS[pixel] for pixel in shown))))
    return sum((a + b) / 2 for a, b in pairwise(curve)) / PIXELS


@KINDS
@given(order=ORDERS)
def test_the_area_is_that_under_the_curve(kind: type[PixelFlipping], order: list[int]):
    measured = area(kind(steps=PIXELS), ranked(order))
    assert measured == pytest.approx(by_hand(kind, order), rel=1e-5)


@KINDS
def test_no_order_beats_that_of_true_importance(kind: type[PixelFlipping]):
    best = area(kind(steps=PIXELS), torch.tensor(WEIGHTS).view(1, 2, 3))

    @given(order=ORDERS)
    def is_no_better(order: list[int]) -> None:
        other = area(kind(steps=PIXELS), ranked(order))
        assert (other >= best - 1e-6) if kind is Deletion else (other <= best + 1e-6)

    is_no_better()


@KINDS
@given(order=ORDERS, scale=st.floats(1e-3, 1e3), offset=st.floats(-10, 10))
def test_only_the_ranking_of_a_map_counts(
    kind: type[PixelFlipping], order: list[int], scale: float, offset: float
):
    heat = ranked(order).double()
    expected = area(kind(steps=4), heat)
    for other in (heat * scale + offset, heat**3, heat.exp()):
        assert area(kind(steps=4), other) == expected


@KINDS
def test_ties_go_in_the_order_of_the_pixels(kind: type[PixelFlipping]):
    # Enough pixels for a sort that is not stable to mix them up.
    pixels = torch.arange(40 * 40.0).view(1, 40, 40)
    images = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))

    class Ramp(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            logit = (images * (pixels / 1600 - 0.5)).sum(dim=(1, 2, 3)) / 10
            return torch.stack([-logit, logit], dim=1)

    classifier = Classifier(Ramp(), class_names=("no", "yes"), image_shape=(1, 40, 40))
    flat, falling, rising = (
        kind().areas(classifier, images, torch.tensor([1]), heat)
        for heat in (torch.zeros(1, 40, 40), -pixels, pixels)
    )
    assert torch.equal(flat, falling)
    assert not torch.allclose(flat, rising)


@given(order=ORDERS, target=st.integers(0, 1))
def test_deletion_is_insertion_of_the_reversed_order_read_backwards(order: list[int], target: int):
    deleted = area(Deletion(steps=PIXELS), ranked(order), target=target)
    inserted = area(Insertion(steps=PIXELS), -ranked(order), target=target)
    assert deleted == pytest.approx(inserted, rel=1e-6)


@KINDS
@given(order=ORDERS)
def test_the_other_class_gets_what_this_one_loses(kind: type[PixelFlipping], order: list[int]):
    metric = kind(steps=PIXELS)
    both = [area(metric, ranked(order), target=target) for target in (0, 1)]
    assert sum(both) == pytest.approx(1, rel=1e-6)


@KINDS
@pytest.mark.parametrize("steps", [2, 7, 49, 100])
def test_a_class_that_is_always_certain_has_the_whole_area(kind: type[PixelFlipping], steps: int):
    class Certain(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.tensor([[-1000.0, 1000.0]]).expand(len(images), 2)

    classifier = Classifier(Certain(), class_names=("no", "yes"), image_shape=SHAPE)
    metric, images = kind(steps=steps), torch.rand(1, *SHAPE)
    areas = metric.areas(classifier, images, torch.tensor([1]), torch.rand(1, 2, 3))
    assert float(areas) == pytest.approx(1, rel=1e-12)
    assert float(areas) <= 1  # Or the score would lie out of its range.


@KINDS
def test_the_baseline_is_what_a_pixel_becomes(kind: type[PixelFlipping]):
    grey = torch.full((1, *SHAPE), 0.5)
    probability = float(linear().probabilities(grey)[0, 1])
    # The mean of an even picture is the picture itself.
    to_mean = area(kind(steps=4, baseline="mean"), ranked(range(PIXELS)), grey)
    assert to_mean == pytest.approx(probability, rel=1e-6)
    assert area(kind(steps=4), ranked(range(PIXELS)), grey) != pytest.approx(probability, rel=1e-2)


@KINDS
def test_a_pixel_changes_in_all_its_channels(kind: type[PixelFlipping]):
    colour = torch.cat([torch.ones(1, *SHAPE) / 4, torch.ones(1, *SHAPE) * 3 / 4], dim=1)
    order = (4, 2, 0, 5, 1, 3)
    areas = kind(steps=PIXELS).areas(linear((2, 2, 3)), colour, torch.tensor([1]), ranked(order))
    assert float(areas) == pytest.approx(by_hand(kind, order), rel=1e-5)


@KINDS
def test_images_are_scored_one_by_one(kind: type[PixelFlipping]):
    rng = torch.Generator().manual_seed(0)
    images, heat = torch.rand(4, *SHAPE, generator=rng), torch.rand(4, 2, 3, generator=rng)
    target, metric = torch.tensor([0, 1, 1, 0]), kind(steps=4)
    together = metric.areas(linear(), images, target, heat)
    alone = [
        metric.areas(linear(), images[i : i + 1], target[i : i + 1], heat[i : i + 1])
        for i in range(4)
    ]
    assert torch.allclose(together, torch.cat(alone))


@pytest.fixture
def many(inputs: ScoringInputs) -> tuple[Explanation, ScoringInputs]:
    """Fifty white images whose first map knows the weights and whose second has the opposite."""
    truth = torch.tensor(WEIGHTS).view(1, 2, 3).expand(50, -1, -1)
    explanation = Explanation(
        torch.ones(50, *SHAPE),
        torch.ones(50, dtype=torch.int64),
        maps={"truth": truth, "opposite": -truth},
    )
    return explanation, replace(inputs, classifier=linear())


@KINDS
def test_the_truth_beats_chance_and_chance_the_opposite(
    kind: type[PixelFlipping], many: tuple[Explanation, ScoringInputs]
):
    result = kind(steps=PIXELS).compute(*many)
    assert result.status == "ok"
    assert list(result.parts) == ["opposite"]
    best, random, worst = result.estimate, result.chance, result.parts["opposite"]
    sign = 1 if result.higher_is_better else -1
    assert sign * best.value > sign * random.value > sign * worst.value
    assert best.n == random.n == 50
    # Random orders differ from image to image; the maps are the same for all of them.
    assert random.low < random.value < random.high
    # Scores that are all the same may have been anything in [0, 1] with this mean.
    assert 0 <= best.low < best.value < best.high <= 1
    assert random.high - random.low < best.high - best.low


def test_the_same_generator_gives_the_same_score(many: tuple[Explanation, ScoringInputs]):
    explanation, inputs = many
    results = [
        Deletion(steps=4).compute(
            explanation, replace(inputs, rng=torch.Generator().manual_seed(seed))
        )
        for seed in (0, 0, 1)
    ]
    assert results[0] == results[1]
    assert results[0].chance != results[2].chance


def test_an_explanation_without_maps_is_skipped(many: tuple[Explanation, ScoringInputs]):
    explanation, inputs = many
    result = Deletion().compute(replace(explanation, maps={}), inputs)
    assert (result.status, result.reason) == ("skipped", "the explanation has no attribution map")


@KINDS
def test_concepts_are_painted_where_there_is_no_map(kind: type[PixelFlipping], world: ToyWorld):
    images = world.dataset.test.images[:40]
    target = world.classifier.predict(images)
    # What each patch, as it stands, adds to the target's logit.
    truth = world.space.encode(images).values * world.reads[:, target].T
    explanation = Explanation(images, target, world.space.names(), truth)
    right, wrong = (
        kind(baseline="mean").compute(replace(explanation, importance=claim), world.inputs())
        for claim in (truth, -truth)
    )
    assert (right.status, right.translated) == ("ok", True)
    sign = 1 if right.higher_is_better else -1
    assert sign * right.estimate.value > sign * wrong.estimate.value
    blind = kind().compute(explanation, replace(world.inputs(), oracle=None))
    assert (blind.status, "no attribution map" in blind.reason) == ("skipped", True)


def test_own_maps_are_not_translated(many: tuple[Explanation, ScoringInputs]):
    assert Deletion(steps=2).compute(*many).translated is False
