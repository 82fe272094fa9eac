"""The discoverers as stages of the pipeline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from causalxai import CausalGraph, EdgeKind, GraphDiscoverer, ScoringInputs
from causalxai.errors import CapabilityError, DataError
from causalxai.graph_discoverer import BackgroundKnowledge
from causalxai.metrics.graph_scores import index, shd, skeleton_f1
from causalxai.report.builder import GraphReport
from causalxai.report.graph_drawing import draw_graph
from causalxai.report.section import Text
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Case, parametrize_with_checks, toy_world
from causalxai_discovery import observations
from causalxai_discovery.claims import Claims
from causalxai_discovery.constraints import Constraints
from causalxai_discovery.direct_lingam import DirectLingam
from causalxai_discovery.ges import Ges
from causalxai_discovery.pc import Pc, discover_pc
from causalxai_discovery.random_order import RandomOrder
from causalxai_discovery.report.observations import graph_report
from causalxai_discovery.resit import Resit

DISCOVERERS = {
    "ges": Ges,
    "pc": Pc,
    "direct-lingam": DirectLingam,
    "resit": Resit,
    "random-order": RandomOrder,
}


def many(inputs: ScoringInputs, n: int = 1500) -> ScoringInputs:
    """Return the context with more images, and with noise that is not Gaussian."""
    weights = torch.tensor([edge.weight for edge in inputs.graph.edges])
    assert weights.abs().min() >= 0.5
    matrix = torch.from_numpy(inputs.graph.adjacency(inputs.dataset.concept_names)).float()
    noise = torch.rand(n, 4, generator=torch_generator(5)) - 0.5
    train = inputs.dataset.train[torch.zeros(n, dtype=torch.long)]
    concepts = noise @ torch.linalg.inv(torch.eye(4) - matrix)
    return replace(inputs, dataset=replace(inputs.dataset, train=replace(train, concepts=concepts)))


def observed(inputs: ScoringInputs, concepts: torch.Tensor) -> ScoringInputs:
    train = replace(inputs.dataset.train, concepts=concepts)
    return replace(inputs, dataset=replace(inputs.dataset, train=train))


@pytest.fixture
def inputs() -> ScoringInputs:
    return toy_world(0).inputs()


def bench(discoverer: type[GraphDiscoverer], **settings: object):
    def build() -> Bench[GraphDiscoverer]:
        world = toy_world(0)
        images = world.dataset.test.images[:4]
        return Bench(plugin=discoverer(**settings), inputs=world.inputs(), images=images)

    return build


@parametrize_with_checks(
    [
        *(Case(name, GraphDiscoverer, bench(cls)) for name, cls in DISCOVERERS.items()),
        Case("ges-bootstrap", GraphDiscoverer, bench(Ges, bootstrap=5)),
        Case("pc-kci", GraphDiscoverer, bench(Pc, test="kci")),
    ]
)
def test_conformance(case, check):
    check(case.build())


@pytest.mark.parametrize("discoverer", [DirectLingam, Resit])
def test_a_diamond_is_found(discoverer, inputs):
    graph = discoverer().discover(many(inputs))
    found = {(edge.source, edge.target) for edge in graph.edges}
    truth = {(edge.source, edge.target) for edge in inputs.graph.edges}
    assert found == truth
    assert graph.nodes == inputs.dataset.concept_names
    note = graph.annotations.get("false_edges", "")
    assert graph.annotations == {"rows": 1500} | ({"false_edges": note} if note else {})


@pytest.mark.parametrize("discoverer", [Ges, Pc])
def test_what_is_left_open_is_said_and_shown(discoverer, inputs, report_inputs):
    a, b = inputs.graph.edges[0].source, inputs.graph.edges[0].target
    graph = discoverer().discover(many(inputs))
    edge = graph.edge(a, b)
    assert edge.kind is EdgeKind.UNDIRECTED
    assert not graph.has_edge(a, b)
    section, rate = graph_report(discoverer(), graph, report_inputs(inputs)).sections
    assert rate.title == "False edges"
    assert "independent concepts" in rate.items[0].text
    assert isinstance(section.items[0], Text)
    assert str(edge) in section.items[0].text
    known = discoverer(background={"required": [(a, b)]}).discover(many(inputs))
    assert known.has_edge(a, b)


def test_open_directions_of_concepts_with_any_name_are_drawn_stored_and_scored(inputs, tmp_path):
    found, first = many(inputs), inputs.graph.edges[0]
    odd = {first.source: "a — b; c", first.target: 'line\nbreak "->"'}
    named = {name: odd.get(name, f"{name} ↔ x") for name in inputs.dataset.concept_names}
    names = tuple(named.values())
    found = replace(found, dataset=replace(found.dataset, concept_names=names))
    graph = Pc().discover(found)
    opened = graph.edges_of(EdgeKind.UNDIRECTED)
    assert set(odd.values()) in [edge.pair for edge in opened]
    for suffix in ("graphml", "dot", "json"):
        graph.save(tmp_path / f"graph.{suffix}")
        assert CausalGraph.load(tmp_path / f"graph.{suffix}") == graph
    for figure in (draw_graph(graph), draw_graph(graph, isolated=False)):
        assert figure.svg is not None and "stroke-dasharray" in figure.svg
    pairs = [(named[edge.source], named[edge.target]) for edge in inputs.graph.edges]
    truth = CausalGraph(names, pairs)
    assert skeleton_f1(graph, truth) == 1
    assert shd(graph, truth) == len(opened)
    assert index(graph, truth) == 1 - len(opened) / len(pairs)


def test_a_graph_that_leaves_nothing_open_has_no_section(inputs, report_inputs):
    report = graph_report(DirectLingam(), inputs.graph, report_inputs(inputs))
    assert report == GraphReport(())


def test_pc_says_how_often_independent_concepts_have_an_edge(inputs):
    d = len(inputs.dataset.concept_names)
    pairs = d * (d - 1) // 2
    said = Pc(alpha=0.1).discover(many(inputs)).annotations["false_edges"]
    assert f"about {1 - 0.9**pairs:.0%} have an edge" in said
    said = Pc(alpha=0.1, family_wise=True).discover(many(inputs)).annotations["false_edges"]
    assert "at most 10.00% have an edge" in said


def test_pc_can_keep_alpha_for_the_whole_graph():
    rng = np.random.default_rng(0)
    drawn = [rng.normal(size=(200, 5)) for _ in range(40)]
    each = [discover_pc(values, alpha=0.1) for values in drawn]
    whole = [discover_pc(values, alpha=0.1, family_wise=True) for values in drawn]
    alike = [discover_pc(values, alpha=0.01) for values in drawn]
    assert whole == alike  # Ten pairs.
    assert sum(bool(list(claims.edges())) for claims in each) > 10
    assert sum(bool(list(claims.edges())) for claims in whole) <= 10


def test_repairs_are_said(inputs):
    a, *_, d = inputs.graph.order()
    graph = Ges(background={"required": [(a, d)]}).discover(many(inputs))
    assert f"{a} → {d} added, because it is required" in graph.annotations["repairs"]


def test_bootstrap_gives_each_edge_its_frequency(inputs):
    graph = DirectLingam(bootstrap=10).discover(many(inputs))
    assert graph.edges
    assert all(0.5 < edge.frequency <= 1 for edge in graph.edges)
    few = DirectLingam(bootstrap=10).discover(many(inputs, 40))
    assert any(edge.frequency < 1 for edge in few.edges)
    assert all(edge.frequency is None for edge in DirectLingam().discover(inputs).edges)


def test_frequencies_come_from_halves_in_which_nothing_stands_twice(inputs, monkeypatch):
    seen = []

    def search(_, values, *__):
        seen.append(values)
        return Claims(frozenset({(0, 1)} if len(seen) % 2 else ()))

    monkeypatch.setattr(Ges, "_search", search)
    graph = Ges(bootstrap=4).discover(many(inputs, 301))
    assert [edge.frequency for edge in graph.edges] == [0.5]
    assert [len(values) for values in seen] == [301, 150, 150, 150, 150]
    assert all(len(np.unique(values[:, 0])) == len(values) for values in seen)
    assert not np.array_equal(seen[1], seen[2])


@pytest.mark.parametrize("discoverer", DISCOVERERS.values(), ids=DISCOVERERS)
def test_a_rare_attribute_does_not_end_the_run(discoverer, inputs):
    """One image in 200 has it: it is the same throughout half of the halves."""
    inputs = many(inputs, 200)
    concepts = inputs.dataset.train.concepts.clone()
    concepts[:, 1] = (torch.arange(200) < 1).float()
    graph = discoverer(bootstrap=6).discover(observed(inputs, concepts))
    assert graph.nodes == inputs.dataset.concept_names


def test_attributes_that_are_the_same_in_a_half_have_no_edges_there(inputs):
    """Of two rare attributes a half has often only the image that has both."""
    inputs = many(inputs, 200)
    concepts = inputs.dataset.train.concepts.clone()
    concepts[:, 2] = ((torch.arange(200) == 0) | (torch.arange(200) == 1)).float()
    concepts[:, 3] = ((torch.arange(200) == 1) | (torch.arange(200) == 2)).float()
    names = inputs.dataset.concept_names
    graph = Ges(bootstrap=20).discover(observed(inputs, concepts))
    edge = graph.between(*names[:2])
    assert edge is not None
    assert edge.frequency is not None


def test_columns_that_are_searched_keep_their_numbers_and_constraints(inputs):
    values = observations.observed(many(inputs).dataset)
    values[:, 1] = 3.0
    rng = np.random.default_rng(0)
    names = inputs.dataset.concept_names
    without = [0, 2, 3]
    alone = DirectLingam()._search(values[:, without], Constraints.none(3), rng)
    claims = DirectLingam()._search_informative(values, Constraints.none(4), rng)
    assert alone.directed
    assert claims.directed == {(without[i], without[j]) for i, j in alone.directed}
    (i, j) = min(claims.directed)
    known = Constraints.of(BackgroundKnowledge(required=((names[j], names[i]),)), names)
    assert (i, j) not in DirectLingam()._search_informative(values, known, rng).directed
    values[:, [0, 2]] = 3.0
    assert DirectLingam()._search_informative(values, known, rng) == Claims(frozenset())


def test_concepts_must_vary_and_be_numbers(inputs):
    concepts = inputs.dataset.train.concepts
    same = concepts.clone()
    same[:, 1] = 3.0
    with pytest.raises(DataError, match="top right has the same value in every row"):
        Ges().discover(observed(inputs, same))
    twice = concepts.clone()
    twice[:, 3] = 2 * concepts[:, 0] - concepts[:, 1]
    message = "bottom right is a linear function of top left and top right"
    with pytest.raises(DataError, match=message):
        Ges().discover(observed(inputs, twice))
    broken = concepts.clone()
    broken[3, 2] = torch.nan
    with pytest.raises(DataError, match=r"finite value.*bottom left"):
        Ges().discover(observed(inputs, broken))


def test_too_few_images_are_refused(inputs):
    dataset = inputs.dataset
    few = replace(inputs, dataset=replace(dataset, train=dataset.train[:12]))
    with pytest.raises(DataError, match="12 images are too few"):
        Ges().discover(few)


def test_unknown_concepts_in_background_knowledge_get_a_suggestion(inputs):
    known = {"forbidden": [("top lift", "top right")]}
    with pytest.raises(CapabilityError, match="did you mean 'top left'"):
        RandomOrder(background=known).discover(inputs)
