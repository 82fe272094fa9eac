from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai import CausalGraph, ScoringInputs, Split
from causalxai_interventional.mechanisms import SelectionRule, find_mechanisms
from causalxai_interventional.opposition import OppositionRemoved

RULE = SelectionRule(tau=0.5)
FREQUENCY = 0.4


@pytest.fixture
def with_graph(inputs: ScoringInputs) -> ScoringInputs:
    return replace(inputs, graph=CausalGraph(["a"], []))


def frequent(inputs: ScoringInputs) -> tuple[Tensor, Tensor]:
    """Which edges support and oppose each class, found by one image after the other."""
    train, oracle = inputs.dataset.train, inputs.oracle
    right = inputs.classifier.predict(train.images) == train.labels
    tables = []
    for field in ("supports", "opposes"):
        rows = []
        for index in range(3):
            images = train.images[right & (train.labels == index)]
            hits = [
                find_mechanisms(
                    oracle, oracle.space.encode(image[None]), torch.tensor([[index]]), RULE
                ).flat(field)[0, 0]
                for image in images
            ]
            rows.append(torch.stack(hits).double().mean(dim=0) >= FREQUENCY)
        tables.append(torch.stack(rows))
    return tables[0], tables[1]


def test_accuracy_by_hand(with_graph: ScoringInputs, naive):
    # All positives choose the edges, so that nothing is drawn at random.
    metric = OppositionRemoved(positives=60, frequency=FREQUENCY, rule=RULE.model_dump())
    result = metric.compute(None, with_graph)
    assert result.estimate is not None, result.reason
    supporting, opposing = frequent(with_graph)
    removed = opposing.any(dim=0) & ~supporting.any(dim=0)
    assert removed.any()
    test, oracle = with_graph.dataset.test, with_graph.oracle

    def logits(edges: Tensor) -> Tensor:
        return naive(oracle, test.images, edges.nonzero()[:, 0].tolist())

    without = logits(removed).argmax(dim=1)
    assert result.estimate.value == pytest.approx(float((without == test.labels).double().mean()))
    plain = with_graph.classifier.predict(test.images)
    unchanged = float((plain == test.labels).double().mean())
    assert result.controls["unchanged"].value == pytest.approx(unchanged)
    each = torch.stack([logits(edges) for edges in opposing])
    rows = torch.arange(len(test))
    own = each[test.labels, rows].argmax(dim=1) == test.labels
    assert result.parts["for the true class"].value == pytest.approx(float(own.double().mean()))
    unlabelled = each[torch.arange(3), :, torch.arange(3)].argmax(dim=0) == test.labels
    expected = float(unlabelled.double().mean())
    assert result.parts["without the label"].value == pytest.approx(expected)
    assert result.parts["removed"].value == pytest.approx(float(removed.double().mean()))
    assert result.chance == result.controls["a random set of the same size"]


def test_without_frequent_opposition_there_is_no_score(with_graph: ScoringInputs):
    never = SelectionRule(tau=1e3).model_dump()
    result = OppositionRemoved(positives=3, rule=never).compute(None, with_graph)
    assert result.status == "skipped"
    assert "lower 'frequency'" in result.reason


def test_a_class_without_a_right_training_image_is_named(with_graph: ScoringInputs):
    train = with_graph.dataset.train
    wrong = Split(train.images, (with_graph.classifier.predict(train.images) + 1) % 3)
    inputs = replace(with_graph, dataset=replace(with_graph.dataset, train=wrong))
    result = OppositionRemoved(positives=3, rule=RULE.model_dump()).compute(None, inputs)
    assert result.status == "skipped"
    assert "no training image of class '0' is classified right" in result.reason
