from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from causalxai import CausalGraph, Explanation, ScoringInputs
from causalxai_baselines.controls import RandomExplainer
from causalxai_interventional.edge_counts import ClassSpecificEdges, NeutralEdges
from causalxai_interventional.explainer import InterventionalExplainer
from causalxai_interventional.mechanisms import SelectionRule

CONV1, FC2 = 0, 3


@pytest.fixture
def explained(inputs: ScoringInputs) -> ScoringInputs:
    explainer = InterventionalExplainer(rule=SelectionRule(), references=False)
    return replace(inputs, explainer=explainer, graph=CausalGraph(["a"], []))


def by_hand(
    inputs: ScoringInputs, supports: list[list[int]], layer: list[int], target: list[int]
) -> Explanation:
    """An explanation in which all edges are tested and no edge opposes."""
    table = torch.tensor(supports, dtype=torch.uint8)
    n, m = table.shape
    details = {
        "tested": torch.ones_like(table),
        "supports": table,
        "opposes": torch.zeros_like(table),
        "information": torch.zeros(n, m),
        "layer": torch.tensor(layer),
        "index": torch.arange(m),
        "logit": torch.ones(n),
    }
    return Explanation(
        images=inputs.dataset.test.images[:n],
        target=torch.tensor(target),
        concepts=tuple(f"edge {i}" for i in range(m)),
        importance=table.float(),
        details=details,
    )


def test_neutral_edges_are_those_in_neither_set(explained: ScoringInputs):
    images = explained.dataset.test.images[:6]
    found = explained.need_explainer("test").explain(
        images, explained.classifier.predict(images), explained
    )
    result = NeutralEdges().compute(found, explained)
    shares: list[float] = []
    for row in range(6):
        tested, kept = 0, 0
        for edge in range(len(found.concepts)):
            if found.details["tested"][row, edge]:
                tested += 1
                in_one = found.details["supports"][row, edge] or found.details["opposes"][row, edge]
                kept += not in_one
        shares.append(kept / tested)
    assert result.estimate is not None, result.reason
    assert result.estimate.value == pytest.approx(sum(shares) / 6)
    assert set(result.parts) == {
        *(f"neutral in {name}" for name in ("conv1", "conv2", "fc1", "fc2")),
        "without any effect",
    }


def test_what_does_nothing_is_neutral_and_chance_is_that_of_normal_effects(
    explained: ScoringInputs,
):
    explanation = by_hand(explained, [[1, 0, 0, 1]], [CONV1, CONV1, FC2, FC2], [0])
    result = NeutralEdges().compute(explanation, explained)
    assert result.estimate is not None, result.reason
    assert result.estimate.value == pytest.approx(0.5)
    assert result.parts["without any effect"].value == pytest.approx(0.5)
    assert result.chance is not None
    within = 0.5 * (math.erf(2**-0.5) - math.erf(-(2**-0.5)))
    assert result.chance.value == pytest.approx(within)
    literal = InterventionalExplainer(rule=SelectionRule(threshold="paper"))
    unknown = NeutralEdges().compute(explanation, replace(explained, explainer=literal))
    assert unknown.chance is None


# Edges of conv1: frequent for both classes, for the first, for the second, for none.
SUPPORTS = [
    [1, 1, 0, 1, 1],
    [1, 1, 0, 0, 1],
    [1, 0, 1, 1, 0],
    [1, 0, 1, 0, 0],
]
LAYERS = [CONV1, CONV1, CONV1, CONV1, FC2]


def test_edges_that_are_frequent_for_one_class_only_are_specific(explained: ScoringInputs):
    explanation = by_hand(explained, SUPPORTS, LAYERS, [0, 0, 2, 2])
    result = ClassSpecificEdges().compute(explanation, explained)
    assert result.estimate is not None, result.reason
    # fc2, where the only edge is specific, is left out: its units are the classes.
    assert result.estimate.value == pytest.approx(2 / 3)
    assert result.reason.startswith("left out: fc2")
    parts = {name: part.value for name, part in result.parts.items()}
    assert parts["specific in conv1"] == pytest.approx(2 / 3)
    assert parts["specific in fc2"] == pytest.approx(1.0)
    assert parts["frequent in conv1"] == pytest.approx(2.0)
    assert parts["frequent in fc2"] == pytest.approx(0.5)


def test_half_of_the_images_are_enough_where_it_is_asked_for(explained: ScoringInputs):
    explanation = by_hand(explained, SUPPORTS, LAYERS, [0, 0, 2, 2])
    result = ClassSpecificEdges(frequency=0.5).compute(explanation, explained)
    assert result.estimate is not None, result.reason
    assert result.estimate.value == pytest.approx(2 / 4)


def test_classes_that_were_exchanged_have_fewer_edges_of_their_own(explained: ScoringInputs):
    table = [[1, 0, 1]] * 10 + [[0, 1, 1]] * 10
    explanation = by_hand(explained, table, [CONV1] * 3, [0] * 10 + [1] * 10)
    result = ClassSpecificEdges().compute(explanation, explained)
    assert result.estimate is not None, result.reason
    assert result.chance is not None
    assert result.estimate.value == pytest.approx(2 / 3)
    assert result.chance.value < 1 / 3


@pytest.mark.parametrize(
    ("table", "target", "reason"),
    [
        (SUPPORTS, [1, 1, 1, 1], "explain two or more"),
        ([[0] * 5] * 4, [0, 0, 1, 1], "no edge is in G+ in 80%"),
    ],
)
def test_without_two_classes_or_frequent_edges_there_is_no_score(
    explained: ScoringInputs, table: list[list[int]], target: list[int], reason: str
):
    result = ClassSpecificEdges().compute(by_hand(explained, table, LAYERS, target), explained)
    assert result.status == "skipped"
    assert reason in result.reason


@pytest.mark.parametrize("metric", [NeutralEdges, ClassSpecificEdges])
def test_other_explainers_have_no_such_edges(explained: ScoringInputs, metric: Any):
    explanation = by_hand(explained, SUPPORTS, LAYERS, [0, 0, 1, 1])
    other = replace(explained, explainer=RandomExplainer())
    result = metric().compute(explanation, other)
    assert result.status == "skipped"
    assert "InterventionalExplainer" in result.reason
