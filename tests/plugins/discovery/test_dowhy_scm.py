"""A structural model by dowhy's gcm against the closed forms of a linear world."""

from __future__ import annotations

import logging
import random
import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from causalxai import (
    CausalGraph,
    Edge,
    EdgeKind,
    Explainer,
    Explanation,
    Node,
    NodeKind,
    ScoringInputs,
)
from causalxai.errors import CapabilityError
from causalxai.report.section import Table, Text
from causalxai.testing import Bench, Case, parametrize_with_checks, toy_world
from causalxai.testing.toys import paint
from causalxai_discovery.causal_table import LOGIT, CausalTable
from causalxai_discovery.dowhy_library import dowhy, dowhy_session
from causalxai_discovery.dowhy_scm import DowhyScm, _r2
from causalxai_discovery.report.dowhy_scm import explanation_report

WORLD = toy_world(0)
OUTCOMES = (
    Node("whole", NodeKind.PREDICTION),
    Node("one of them", NodeKind.CLASS, label=WORLD.dataset.class_names[1]),
)
TARGET = torch.arange(8) % 3

# Logits are around 1, and sums of some of them in double precision are off by 1e-16 or so.
ROUNDING = 1e-12


def inputs(graph: CausalGraph | None = None) -> ScoringInputs:
    found = WORLD.inputs()
    return found if graph is None else replace(found, graph=graph)


@cache
def explained() -> Explanation:
    images = WORLD.dataset.test.images[:8]
    return DowhyScm(samples=400).explain(images, TARGET, inputs())


class Fit:
    """Least squares on the same images, with pencil and paper."""

    def __init__(self) -> None:
        self.values = WORLD.space.encode(WORLD.dataset.train.images).values.double().numpy()
        centred = self.values - self.values.mean(axis=0)
        adjacency = WORLD.scm.weights.numpy() != 0
        self.weights = np.zeros(adjacency.shape)
        for effect in range(len(adjacency)):
            causes = np.nonzero(adjacency[:, effect])[0]
            if len(causes):
                fit = np.linalg.lstsq(centred[:, causes], centred[:, effect], rcond=None)[0]
                self.weights[causes, effect] = fit
        self.noise = (centred - centred @ self.weights).var(axis=0)
        reads = WORLD.reads.double().numpy()
        self.reads = reads
        self.total = np.linalg.inv(np.eye(len(adjacency)) - self.weights) @ reads


def test_importance_is_the_counterfactual_difference_of_the_linear_world():
    fit, images = Fit(), WORLD.dataset.test.images[:8]
    values = WORLD.space.encode(images).values.double().numpy()
    expected = (values - fit.values.mean(axis=0)) * fit.total[:, TARGET].T
    explanation = explained()
    assert explanation.concepts == WORLD.space.names()
    np.testing.assert_allclose(explanation.importance, expected, atol=2e-3)


def test_effects_are_total_effects():
    fit = Fit()
    expected = fit.values.std(axis=0, ddof=1) * fit.total[:, TARGET].T
    found = explained().details["interventional_effect"]
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_strengths_are_direct_and_influences_those_of_the_noise():
    fit, details = Fit(), explained().details
    variance = fit.values.var(axis=0)
    direct = fit.reads[:, TARGET].T ** 2 * variance
    np.testing.assert_allclose(details["arrow_strength"], direct, rtol=0.2, atol=0.1)
    expected = fit.total[:, TARGET].T ** 2 * fit.noise
    tolerance = 0.25 * expected.sum(axis=1).max()
    np.testing.assert_allclose(details["intrinsic_influence"], expected, atol=tolerance)
    assert details["unexplained"].abs().max() < 0.02
    arrows = fit.weights**2 * variance[:, None]
    np.testing.assert_allclose(details["concept_arrows"], arrows, rtol=0.2, atol=0.05)
    assert (explained().details["concept_arrows"][fit.weights == 0] == 0).all()


def test_a_linear_logit_is_explained_to_the_last_bit():
    r2 = explained().meta["r2"]
    assert set(r2) == set(WORLD.dataset.class_names)
    assert min(r2.values()) > 0.999


def test_boosted_trees_explain_less_of_what_is_linear():
    images = WORLD.dataset.test.images[:2]
    boosted = DowhyScm(mechanism="boosted", samples=50).explain(images, 1, inputs())
    (r2,) = boosted.meta["r2"].values()
    assert 0.2 < r2 < min(explained().meta["r2"].values())


def test_only_the_predictions_parents_act_on_the_logit():
    a, b, c, d = WORLD.space.names()
    for node in OUTCOMES:
        graph = CausalGraph([a, b, c, d, node], [(a, b), (b, node.name)])
        table = CausalTable.of(inputs(graph), 100)
        assert set(table.dag(1).edges) == {("c0", "c1"), ("c1", LOGIT)}
        explanation = DowhyScm(samples=30).explain(WORLD.dataset.test.images[:3], 1, inputs(graph))
        assert explanation.importance[:, :2].abs().min() > ROUNDING
        assert explanation.importance[:, 2:].abs().max() < ROUNDING
        assert explanation.details["intrinsic_influence"][:, 2:].abs().max() < ROUNDING
        assert max(explanation.meta["r2"].values()) < 0.999
    graph = CausalGraph([a, c, "elsewhere"], [(c, a)])
    table = CausalTable.of(inputs(graph), 100)
    assert table.names == (a, c)
    assert table.places == (0, 2)
    assert set(table.dag(1).edges) == {("c1", "c0"), ("c0", LOGIT), ("c1", LOGIT)}


def test_a_class_that_no_concept_causes_has_no_cause_and_is_unexplained():
    names = WORLD.space.names()
    graph = CausalGraph([*names, *OUTCOMES], [(names[0], "whole")])
    table = CausalTable.of(inputs(graph), 100)
    assert not table.dag(1).in_degree(LOGIT)
    assert set(table.dag(0).edges) == {("c0", LOGIT)}
    explanation = DowhyScm(samples=30).explain(WORLD.dataset.test.images[:3], 1, inputs(graph))
    assert explanation.importance.abs().max() < ROUNDING
    assert not explanation.details["arrow_strength"].any()
    torch.testing.assert_close(explanation.details["unexplained"], torch.ones(3))
    assert max(explanation.meta["r2"].values()) <= 0


def test_the_unexplained_is_a_share():
    names = WORLD.space.names()
    graph = CausalGraph([*names, OUTCOMES[0]], [(names[0], "whole")])
    explanation = DowhyScm(samples=100).explain(WORLD.dataset.test.images[:3], 1, inputs(graph))
    (r2,) = explanation.meta["r2"].values()
    unexplained = float(explanation.details["unexplained"][0])
    assert 0 < unexplained < 1
    assert unexplained == pytest.approx(1 - r2, abs=0.2)


def test_a_fit_that_is_off_by_a_constant_does_not_explain_everything():
    logits = np.array([0.0, 1.0, 2.0, 3.0])
    assert _r2(logits, logits) == 1
    assert _r2(logits + 10, logits) == pytest.approx(1 - 100 / 1.25)


def test_an_open_direction_is_refused():
    a, b, *_ = names = WORLD.space.names()
    graph = CausalGraph(names, [Edge(a, b, EdgeKind.UNDIRECTED)])
    with pytest.raises(CapabilityError, match=f"has undirected edges .{a} — {b}."):
        DowhyScm().explain(WORLD.dataset.test.images[:2], 1, inputs(graph))


def test_a_cause_that_nobody_observed_is_refused():
    a, b, *_ = names = WORLD.space.names()
    graph = CausalGraph(names, [Edge(a, b, EdgeKind.BIDIRECTED)])
    with pytest.raises(CapabilityError, match=f"unobserved common causes of concepts .{a} ↔ {b}."):
        DowhyScm().explain(WORLD.dataset.test.images[:2], 1, inputs(graph))


@pytest.mark.parametrize("node", OUTCOMES, ids=["prediction", "class"])
def test_an_open_edge_of_the_outcome_leads_into_it(node: Node):
    a, b, c, d = WORLD.space.names()
    for ends in ((b, node.name), (node.name, b)):
        graph = CausalGraph([a, b, c, d, node], [Edge(a, b), Edge(*ends, EdgeKind.UNDIRECTED)])
        table = CausalTable.of(inputs(graph), 100)
        assert set(table.dag(1).edges) == {("c0", "c1"), ("c1", LOGIT)}


def test_a_concept_that_is_called_like_a_class_is_none():
    names = WORLD.space.names()
    graph = CausalGraph([*names, "prediction", f"class {WORLD.dataset.class_names[1]}"])
    table = CausalTable.of(inputs(graph), 100)
    assert set(table.dag(1).edges) == {(column, LOGIT) for column in table.columns}


def test_an_open_direction_is_refused_before_images_are_read(monkeypatch: pytest.MonkeyPatch):
    def read(*_: object) -> None:
        raise AssertionError("images are read")

    monkeypatch.setattr(type(WORLD.space), "encode", read)
    a, b, *_ = names = WORLD.space.names()
    with pytest.raises(CapabilityError, match="has undirected edges"):
        CausalTable.of(inputs(CausalGraph(names, [Edge(a, b, EdgeKind.UNDIRECTED)])), 100)


def test_the_report_tells_the_fit_and_every_class(report_inputs):
    (section,) = explanation_report(DowhyScm(), explained(), report_inputs(inputs()))
    text, table = section.items
    assert isinstance(text, Text)
    assert isinstance(table, Table)
    assert "1.00" in text.text
    assert len(table.rows) == 3 * 4


def test_what_cannot_be_modelled_is_refused():
    images = WORLD.dataset.test.images[:2]
    with pytest.raises(CapabilityError, match="no concept of the space is in the graph"):
        DowhyScm().explain(images, 1, inputs(CausalGraph(["x", "y"])))
    dataset = WORLD.dataset
    few = replace(inputs(), dataset=replace(dataset, train=dataset.train[:15]))
    with pytest.raises(CapabilityError, match="15 training images are too few"):
        DowhyScm().explain(images, 1, few)
    values = dataset.train.concepts.clone()
    values[:, 1] = 2.0
    flat = replace(dataset.train, images=paint(values))
    same = replace(inputs(), dataset=replace(dataset, train=flat))
    with pytest.raises(CapabilityError, match="these do not: top right"):
        DowhyScm().explain(images, 1, same)
    values[:, 1] = values[:, 0] / 2
    twice = replace(dataset.train, images=paint(values))
    same = replace(inputs(), dataset=replace(dataset, train=twice))
    with pytest.raises(CapabilityError, match="top right is a linear function of top left"):
        DowhyScm().explain(images, 1, same)


def test_a_rare_concept_is_in_the_table():
    dataset = WORLD.dataset
    values = dataset.train.concepts.clone()
    values[:, 1] = 0
    values[3, 1] = 1
    rare = replace(dataset, train=replace(dataset.train, images=paint(values)))
    for seed in range(5):
        rng = torch.Generator().manual_seed(seed)
        table = CausalTable.of(replace(inputs(), dataset=rare, rng=rng), 20)
        assert np.ptp(table.values, axis=0).min() > 0
        shown = WORLD.space.encode(table.images).values.double().numpy()
        assert table.values == pytest.approx(shown)


def test_a_session_leaves_no_trace_and_is_seeded():
    settings, logger = dowhy("gcm").config, logging.getLogger("dowhy")
    random.seed(1)
    np.random.seed(2)
    before = random.getstate(), np.random.get_state()[1].tolist()
    kept = settings.show_progress_bars, settings.default_n_jobs, logger.level, warnings.filters[:]
    drawn = []
    for _ in range(2):
        with dowhy_session(np.random.default_rng(7)):
            drawn.append((random.random(), np.random.random()))
            assert (settings.show_progress_bars, settings.default_n_jobs) == (False, 1)
    assert drawn[0] == drawn[1]
    with pytest.raises(ValueError, match="broken"), dowhy_session(np.random.default_rng(8)):
        raise ValueError("broken")
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
    after = settings.show_progress_bars, settings.default_n_jobs, logger.level, warnings.filters[:]
    assert after == kept


def bench() -> Bench[Explainer]:
    images = WORLD.dataset.test.images[:4]
    fresh = toy_world(0).inputs()
    return Bench(plugin=DowhyScm(samples=25), inputs=fresh, images=images)


@parametrize_with_checks([Case("dowhy-scm", Explainer, bench)])
def test_conformance(case, check):
    check(case.build())
