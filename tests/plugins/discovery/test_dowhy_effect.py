"""Effects by adjustment beside the oracle's, in a linear world where both are known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from causalxai import CausalGraph, EdgeKind, Metric, Node, NodeKind, ScoringInputs
from causalxai.explainer import Explanation
from causalxai.graph import Edge
from causalxai.metric import MetricResult
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Case, parametrize_with_checks, toy_world
from causalxai.testing.toys import paint
from causalxai_discovery.causal_table import CausalTable
from causalxai_discovery.dowhy_effect import (
    DowhyEffect,
    _with_interval,
    adjusted_effects,
    oracle_effects,
)

WORLD = toy_world(0)
CLASSES = [0, 1, 2]


def plenty(graph: CausalGraph | None = None) -> ScoringInputs:
    """Return the world with 2 000 training images."""
    values = WORLD.scm.sample(2000, torch_generator(3))
    train = replace(
        WORLD.dataset.train,
        images=paint(values).clamp(0, 1),
        labels=torch.zeros(2000, dtype=torch.int64),
        concepts=values,
    )
    found = replace(WORLD.inputs(), dataset=replace(WORLD.dataset, train=train))
    return found if graph is None else replace(found, graph=graph)


def explanation(classes: list[int]) -> Explanation:
    images = WORLD.dataset.test.images[: len(classes)]
    return Explanation(images=images, target=torch.tensor(classes), maps={"m": images[:, 0]})


def scored(graph: CausalGraph | None = None) -> MetricResult:
    metric = DowhyEffect(rows=500, units=16, simulations=1)
    return metric.compute(explanation(CLASSES), plenty(graph))


@cache
def agreement() -> MetricResult:
    return scored()


def per_sd(table: CausalTable) -> np.ndarray:
    return table.values.std(axis=0)[:, None] * WORLD.logit_effects.double().numpy()


def test_adjustment_finds_the_total_effects_and_the_refuters_do_what_they_should():
    table = CausalTable.of(plenty(), 2000)
    found = adjusted_effects(table, CLASSES, 2, np.random.default_rng(0))
    scale = np.abs(per_sd(table)).max()
    np.testing.assert_allclose(found.effect, per_sd(table), atol=0.05 * scale)
    np.testing.assert_allclose(found.with_common_cause, found.effect, atol=0.01 * scale)
    assert np.abs(found.of_placebo).max() < 0.1 * scale


def test_the_oracle_gives_the_total_effects_exactly():
    table = CausalTable.of(plenty(), 2000)
    found = oracle_effects(WORLD.oracle, table, 16)
    np.testing.assert_allclose(found, per_sd(table), atol=1e-3)


def test_two_opinions_agree_where_the_graph_is_right():
    result = agreement()
    assert result.status == "ok"
    assert result.estimate.value > 0.95
    assert (result.estimate.n, result.estimate.low) == (4, None)
    assert abs(result.chance.value) < 0.2
    assert result.chance.low < -0.3 < 0.3 < result.chance.high
    assert result.parts["linear correlation"].value > 0.99
    assert result.parts["opposite signs"].value < 0.2
    assert result.parts["random common cause"].value > 0.95
    assert result.controls["placebo treatment"].value < result.estimate.value
    for who in ("dowhy", "oracle"):
        sizes = [result.parts[f"{who}: {name}"].value for name in WORLD.space.names()]
        assert max(sizes) == 1


def test_a_graph_that_is_turned_around_is_disagreed_with():
    turned = CausalGraph(
        WORLD.space.names(), [(e.target, e.source) for e in WORLD.scm.graph().edges]
    )
    right = DowhyEffect().compute(explanation(CLASSES), plenty())
    wrong = DowhyEffect().compute(explanation(CLASSES), plenty(turned))
    linear = "linear correlation"
    assert wrong.parts[linear].value < right.parts[linear].value - 0.02


def test_concepts_that_do_not_reach_the_logit_have_no_effect():
    a, b, c, d = WORLD.space.names()
    graph = CausalGraph(
        [a, b, c, d, Node("prediction", NodeKind.PREDICTION)], [(a, "prediction"), (b, a)]
    )
    table = CausalTable.of(plenty(graph), 500)
    found = adjusted_effects(table, [1], 2, np.random.default_rng(0))
    assert found.effect[:2].all()
    assert not found.effect[2:].any()


def test_too_few_effects_are_skipped():
    a, b, *_ = WORLD.space.names()
    result = DowhyEffect().compute(explanation([1]), plenty(CausalGraph([a, b])))
    assert (result.status, result.reason) == ("skipped", "a correlation needs 3 effects or more")


def test_the_interval_is_over_concepts_and_not_over_their_classes():
    rng = np.random.default_rng(0)
    one = rng.normal(size=(12, 1))
    other = one + rng.normal(size=(12, 1))
    widths = []
    for classes in (1, 30):
        many = [np.repeat(column, classes, axis=1) for column in (one, other)]
        estimate = _with_interval(*many, np.random.default_rng(1))
        widths.append(estimate.high - estimate.low)
        assert estimate.n == 12
        assert estimate.low <= estimate.value <= estimate.high
    assert widths[1] == pytest.approx(widths[0], abs=0.05)
    few = _with_interval(one[:4], other[:4], rng)
    assert (few.n, few.low) == (4, None)


def test_effects_that_depend_on_an_open_direction_are_not_told():
    names = WORLD.space.names()
    edges = [Edge(names[2], names[3]), Edge(names[0], names[1], EdgeKind.UNDIRECTED)]
    graph = CausalGraph(names, edges)
    result = DowhyEffect().compute(explanation(CLASSES), plenty(graph))
    assert result.status == "skipped"
    assert f"has undirected edges ({names[0]} — {names[1]})" in result.reason


def bench() -> Bench[Metric]:
    world = toy_world(0)
    plugin = DowhyEffect(simulations=1, units=4)
    return Bench(plugin=plugin, inputs=world.inputs(), images=world.dataset.test.images[:3])


@parametrize_with_checks([Case("dowhy-effect", Metric, bench)])
def test_conformance(case, check):
    check(case.build())
