"""A graph's local Markov conditions, put to the test where they hold and where they don't."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from causalxai import CausalGraph, EdgeKind, Metric, ScoringInputs
from causalxai.explainer import Explanation
from causalxai.graph import Edge
from causalxai.metric import MetricResult
from causalxai.testing import Bench, Case, parametrize_with_checks, toy_world
from causalxai_discovery.falsify import Falsify, partial_correlation

WORLD = toy_world(0)
NAMES = WORLD.dataset.concept_names
A, B, C, D = NAMES
CHAIN = CausalGraph(NAMES, [(A, B), (B, C), (C, D)])


def inputs(graph: CausalGraph, concepts: torch.Tensor) -> ScoringInputs:
    rows = torch.zeros(len(concepts), dtype=torch.int64)
    train = replace(WORLD.dataset.train[rows], concepts=concepts)
    return replace(WORLD.inputs(), graph=graph, dataset=replace(WORLD.dataset, train=train))


def chain(n: int = 400) -> torch.Tensor:
    noise = np.random.default_rng(0).normal(size=(n, 4))
    return torch.from_numpy(noise.cumsum(axis=1)).float()


def scored(graph: CausalGraph, concepts: torch.Tensor, **settings: object) -> MetricResult:
    images = WORLD.dataset.test.images[:2]
    explanation = Explanation(images, torch.tensor([0, 1]), maps={"m": images[:, 0]})
    return Falsify(**settings).compute(explanation, inputs(graph, concepts))


@pytest.mark.parametrize("settings", [{"test": "linear"}, {"rows": 150, "permutations": 10}])
def test_a_true_graph_violates_less_than_its_permutations(settings):
    result = scored(CHAIN, chain(), **settings)
    assert result.status == "ok"
    assert result.estimate.n == 3  # c of a, d of a and b: each given its parent
    assert result.estimate.value == 0
    assert result.chance.value > 0.4
    # the chain, and its reverse, which implies the same
    assert result.parts["as good by chance"].value < 0.3


def test_a_wrong_graph_violates_what_it_claims():
    wrong = CausalGraph(NAMES, [(A, C), (C, B), (B, D)])
    right = scored(CHAIN, chain(), test="linear")
    result = scored(wrong, chain(), test="linear")
    assert result.estimate.value > right.estimate.value + 0.3
    empty = scored(CausalGraph(NAMES), chain(), test="linear")
    assert empty.estimate.value == 1
    assert empty.parts["same class"].value == 1  # no permutation of it is another graph


def test_open_directions_are_edges():
    pairs = [(A, B), (B, C), (C, D)]
    undirected = [Edge(*pair, EdgeKind.UNDIRECTED) for pair in pairs]
    right = scored(CHAIN, chain(), test="linear")
    result = scored(CausalGraph(NAMES, undirected), chain(), test="linear")
    assert (result.estimate.value, result.estimate.n) == (0, right.estimate.n)
    square = CausalGraph(NAMES, [*undirected, Edge(D, A, EdgeKind.UNDIRECTED)])
    result = scored(square, chain(), test="linear")
    assert (result.status, "every choice of directions" in result.reason) == ("skipped", True)


def test_a_graph_with_unobserved_causes_is_not_tested_as_if_it_had_none():
    graph = CausalGraph(NAMES, [Edge(A, B), Edge(B, C, EdgeKind.BIDIRECTED)])
    result = scored(graph, chain(), test="linear")
    assert (result.status, f"not with {B} ↔ {C}" in result.reason) == ("skipped", True)


@pytest.mark.parametrize("test", ["linear", "kernel"])
def test_a_concept_that_is_the_same_in_all_rows_looked_at_is_named(test):
    concepts = chain(2000)
    concepts[:, 2] = 0
    concepts[7, 2] = 1
    result = scored(CHAIN, concepts, test=test, rows=30)
    assert result.status == "skipped"
    assert f"{C} cannot be tested: all of the 30 images" in result.reason


def test_concepts_that_follow_from_others_are_named():
    concepts = chain()
    concepts[:, 3] = concepts[:, 0] - concepts[:, 1]
    result = scored(CHAIN, concepts)
    assert result.status == "skipped"
    assert f"cannot be tested: {D} is a linear function of {A} and {B}" in result.reason


def test_kernels_see_what_correlations_miss():
    x = np.random.default_rng(0).uniform(-1, 1, (200, 4))
    x[:, 1] = x[:, 0] ** 2
    graph, concepts = CausalGraph([A, B]), torch.from_numpy(x).float()
    assert scored(graph, concepts, test="linear").estimate.value == 0
    assert scored(graph, concepts, permutations=3).estimate.value == 1


def test_graphs_that_imply_nothing_are_skipped():
    full = CausalGraph(NAMES, [(NAMES[i], NAMES[j]) for i in range(4) for j in range(i + 1, 4)])
    result = scored(full, chain())
    assert result.status == "skipped"
    assert "implies no independence" in result.reason
    result = scored(CausalGraph(["x", "y", A]), chain())
    assert result.reason == "fewer than two of the graph's nodes are observed"


def test_partial_correlation_is_the_coefficients_p_value():
    x, y, z = np.random.default_rng(2).normal(size=(3, 60))
    y = y + 0.2 * x + z
    assert partial_correlation(x, y) == pytest.approx(stats.pearsonr(x, y).pvalue)
    design = np.column_stack([np.ones(60), x, z])
    inverse = np.linalg.inv(design.T @ design)
    weights = inverse @ design.T @ y
    error = np.sqrt(((y - design @ weights) ** 2).sum() / 57 * inverse[1, 1])
    expected = 2 * stats.t.sf(abs(weights[1] / error), 57)
    assert partial_correlation(x, y, z[:, None]) == pytest.approx(expected)


def bench() -> Bench[Metric]:
    world = toy_world(0)
    plugin = Falsify(test="linear", permutations=5)
    return Bench(plugin=plugin, inputs=world.inputs(), images=world.dataset.test.images[:3])


@parametrize_with_checks([Case("falsify", Metric, bench)])
def test_conformance(case, check):
    check(case.build())
