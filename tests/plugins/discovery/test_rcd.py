"""RCD on arrays whose graph, and whose hidden causes, are known."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from causalxai import CausalGraph, Edge, EdgeKind, GraphDiscoverer, ScoringInputs
from causalxai.dataset import Dataset
from causalxai.metrics.graph_scores import index, shd
from causalxai.report.graph_drawing import draw_graph
from causalxai.testing import Bench, Case, parametrize_with_checks, toy_world
from causalxai_discovery.claims import Claims
from causalxai_discovery.rcd import Rcd, discover_rcd
from causalxai_discovery.report.observations import graph_report


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def hidden(n: int = 1000) -> np.ndarray:
    """0 → 1, and something nobody sees that causes 1 and 2."""
    noise = rng(2).exponential(size=(n, 4))
    secret = 2 * noise[:, 3]
    a = noise[:, 0]
    return np.stack([a, a + secret + 0.5 * noise[:, 1], secret + 0.5 * noise[:, 2]], axis=1)


def chain(n: int = 500) -> np.ndarray:
    return rng(1).exponential(size=(n, 3)).cumsum(axis=1)


@pytest.mark.parametrize("columns", list(permutations(range(3))), ids=str)
def test_a_chain_is_found_whatever_the_order_of_columns(columns):
    expected = frozenset((columns.index(i), columns.index(i + 1)) for i in (0, 1))
    assert discover_rcd(chain()[:, columns], rng()) == Claims(expected)


@pytest.mark.parametrize("columns", list(permutations(range(3))), ids=str)
def test_a_hidden_cause_is_told_apart_from_an_edge(columns):
    found = discover_rcd(hidden()[:, columns], rng())
    assert found == Claims(
        frozenset({(columns.index(0), columns.index(1))}),
        bidirected=frozenset({frozenset((columns.index(1), columns.index(2)))}),
    )


def test_independent_columns_have_no_edge():
    assert discover_rcd(rng(1).exponential(size=(400, 3)), rng()) == Claims(frozenset())


def context_of(values: np.ndarray) -> ScoringInputs:
    inputs = toy_world(0).inputs()
    dataset = inputs.dataset
    repeat = torch.zeros(len(values), dtype=torch.long)
    train = replace(dataset.train[repeat], concepts=torch.from_numpy(values).float())
    test = replace(dataset.test, concepts=None)
    names = ("a", "b", "c")[: values.shape[1]]
    made = Dataset(train=train, test=test, class_names=dataset.class_names, concept_names=names)
    return replace(inputs, dataset=made)


def test_hidden_causes_are_said_and_shown(report_inputs):
    inputs = context_of(hidden())
    graph = Rcd().discover(inputs)
    assert [str(edge) for edge in graph.edges] == ["a → b", "b ↔ c"]
    inputs = report_inputs(inputs)
    section, *_ = graph_report(Rcd(), graph, inputs).sections
    assert "b ↔ c" in section.items[0].text
    found = Rcd().discover(context_of(chain()))
    titles = [section.title for section in graph_report(Rcd(), found, inputs).sections]
    assert titles == ["False edges"]


def test_a_hidden_cause_of_concepts_with_any_name_is_drawn_stored_and_scored(tmp_path: Path):
    names = ("a — b; c", "x ↔ y", 'line\nbreak "->"')
    inputs = context_of(hidden())
    inputs = replace(inputs, dataset=replace(inputs.dataset, concept_names=names))
    graph = Rcd().discover(inputs)
    assert [(edge.source, edge.target, edge.kind) for edge in graph.edges] == [
        (names[0], names[1], EdgeKind.DIRECTED),
        (names[1], names[2], EdgeKind.BIDIRECTED),
    ]
    for suffix in ("graphml", "dot", "json"):
        graph.save(tmp_path / f"graph.{suffix}")
        assert CausalGraph.load(tmp_path / f"graph.{suffix}") == graph
    for figure in (draw_graph(graph), draw_graph(graph, isolated=False)):
        assert figure.svg is not None and "stroke-dasharray" in figure.svg
    truth = CausalGraph(
        names, [(names[0], names[1]), Edge(names[2], names[1], graph.edges[1].kind)]
    )
    assert (index(graph, truth), shd(graph, truth)) == (1, 0)
    assert shd(graph, CausalGraph(names, [names[:2], names[1:]])) == 1


def test_background_knowledge_is_kept_and_the_repair_is_said():
    known = {"tiers": [["b"], ["a"]], "required": [["b", "c"]]}  # both against the data
    graph = Rcd(background=known).discover(context_of(hidden()))
    assert {(edge.source, edge.target) for edge in graph.edges} == {("b", "a"), ("b", "c")}
    assert "b → a turned" in "; ".join(graph.annotations["repairs"])
    assert "b → c added" in "; ".join(graph.annotations["repairs"])


def test_bootstrap_gives_each_edge_its_frequency():
    graph = Rcd(bootstrap=4, test_rows=200).discover(context_of(chain()))
    assert graph.edges
    assert all(0 <= edge.frequency <= 1 for edge in graph.edges)


def bench() -> Bench[GraphDiscoverer]:
    world = toy_world(0)
    return Bench(plugin=Rcd(), inputs=world.inputs(), images=world.dataset.test.images[:4])


@parametrize_with_checks([Case("rcd", GraphDiscoverer, bench)])
def test_conformance(case, check):
    check(case.build())
