"""Every part keeps the promises of its interface, and finds truths that are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from causalxai_quadrants.discoverer import VaryTogether
from causalxai_quadrants.explainer import OneAtATime
from causalxai_quadrants.metric import TopConceptTurns
from causalxai_quadrants.oracle import QuadrantOracle
from causalxai_quadrants.space import QuadrantSpace

from causalxai import (
    ConceptSpace,
    Explainer,
    Explanation,
    GraphDiscoverer,
    Intervention,
    Metric,
    Oracle,
    ScoringInputs,
)
from causalxai.plugin import Plugin
from causalxai.testing import Bench, Case, Check, parametrize_with_checks, toy_world

WORLD = toy_world(seed=0)
IMAGES = WORLD.dataset.test.images[:4]


def inputs() -> ScoringInputs:
    """Return a linear classifier and images with four flat patches, and this plugin's concepts."""
    given = WORLD.inputs()
    space = QuadrantSpace().fit(given.classifier, given.dataset)
    oracle = QuadrantOracle().bind(given.classifier, space)
    return replace(given, space=space, oracle=oracle)


def case(name: str, interface: type, plugin: type[Plugin], **settings: Any) -> Case:
    """Return a case that puts a new instance of the plugin on the bench for each check."""
    return Case(
        name,
        interface,
        lambda: Bench(plugin=plugin(**settings), inputs=inputs(), images=IMAGES),
    )


@parametrize_with_checks(
    [
        case("space", ConceptSpace, QuadrantSpace),
        case("oracle", Oracle, QuadrantOracle),
        case("discoverer", GraphDiscoverer, VaryTogether, threshold=0.1),
        case("explainer", Explainer, OneAtATime, value=0.5),
        case("metric", Metric, TopConceptTurns),
    ]
)
def test_conformance(case: Case, check: Check) -> None:
    """Run the suites that every plugin of these kinds must pass."""
    check(case.build())


def test_a_quadrant_that_is_set_is_read_back() -> None:
    """Half grey images leave room, so that nothing is cut off at black or white."""
    oracle = inputs().need_oracle()
    units = oracle.space.encode(torch.full((2, 1, 8, 8), 0.5))
    answer = oracle.query(units, Intervention.set(torch.tensor([1]), 0.75), want=("readback",))
    expected = torch.tensor([0.5, 0.75, 0.5, 0.5]).expand(1, 2, 4)
    assert torch.allclose(answer.answer("readback"), expected)


def test_importance_is_the_closed_form() -> None:
    """A linear classifier that reads mean brightnesses loses their effect times the change."""
    given = inputs()
    found = OneAtATime(value=0.5).explain(IMAGES, 1, given).importance
    # The world's own concepts are brightness in other units: 0.5 is their 0, 1 is 50 of theirs.
    change = (given.need_space().encode(IMAGES).values - 0.5) * 50
    assert found is not None
    assert torch.allclose(found, change * WORLD.reads[:, 1], atol=1e-2)


def test_quadrants_that_vary_together_are_joined() -> None:
    """The threshold parts those that do from those that do not."""
    given = inputs()
    every, none = (VaryTogether(threshold=t).discover(given) for t in (0.0, 1.0))
    assert list(every.nodes) == list(none.nodes) == list(given.need_space().names())
    assert len(every.edges) == 6
    assert not none.edges
    assert not any(edge.directed for edge in every.edges)


@pytest.mark.parametrize("top", range(4))
def test_the_metric_counts_the_predictions_that_turn(top: int) -> None:
    """Its score is the share among all images whose prediction turns without the top concept."""
    given = inputs()
    images = WORLD.dataset.test.images
    importance = torch.zeros(len(images), 4)
    importance[:, top] = 1
    target = torch.zeros(len(images), dtype=torch.int64)
    explanation = Explanation(
        images=images,
        target=target,
        concepts=given.need_space().names(),
        importance=importance,
    )
    dark = images.clone()
    # [n, 1, 8, 8] -> [n, 1, row, 4, column, 4] -> [n, 1, 4, 4], a view of the quadrant.
    quadrant = dark.view(-1, 1, 2, 4, 2, 4)[:, :, top // 2, :, top % 2]
    quadrant -= quadrant.mean(dim=(2, 3), keepdim=True)
    dark.clamp_(0, 1)
    turned = given.classifier.predict(dark) != given.classifier.predict(images)
    found = TopConceptTurns().compute(explanation, given).estimate
    assert found is not None
    assert found.value == pytest.approx(float(turned.double().mean()))
