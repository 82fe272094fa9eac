from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from causalxai import CausalGraph, Classifier, Dataset, Node, ScoringInputs
from causalxai.errors import CapabilityError
from causalxai.report.builder import ReportInputs
from causalxai.testing import Bench, checks_for, toy_world
from causalxai_glance.perception import (
    PerceivedDiscoverer,
    PerceptionConfig,
    ReadOutConfig,
    find_edges,
    paint_references,
    perceive,
)
from causalxai_glance.perception.perception import observations
from causalxai_glance.report.perception import graph_report

MakeDataset = Callable[..., Dataset]
MakeDiscoverer = Callable[..., PerceivedDiscoverer]
MakeContext = Callable[..., ScoringInputs]
MakeInputs = Callable[[ScoringInputs], ReportInputs]


@pytest.mark.parametrize("cause", [0, 1])
def test_the_direction_that_the_pictures_hold_is_perceived(
    make_dataset: MakeDataset,
    make_discoverer: MakeDiscoverer,
    make_context: MakeContext,
    cause: int,
) -> None:
    inputs = make_context(make_dataset(cause))
    graph = make_discoverer().discover(inputs)
    names = inputs.dataset.concept_names
    (edge,) = graph.edges
    assert (edge.source, edge.target) == (names[cause], names[1 - cause])
    assert edge.frequency is not None and edge.frequency >= 0.75
    assert edge.weight is not None and edge.weight > 0.8
    assert graph.annotations["false_edges"] == []
    for name in names:
        assert graph.node(name).annotations["r2"] > 0.95
        assert 0.8 < graph.node(name).annotations["others_alone"] < 1


def test_a_blind_read_out_finds_nothing(
    glimpse: Classifier, make_dataset: MakeDataset, quick: PerceptionConfig, rng: torch.Generator
) -> None:
    perception = perceive(glimpse, make_dataset(), rng=rng, config=quick, blind=True)
    assert (perception.measurement_model.r2 < 0.1).all()
    assert find_edges(perception, rng=np.random.default_rng(0)) == frozenset()


def test_a_classifier_that_cannot_see_gets_no_edge_and_the_graph_says_why(
    make_dataset: MakeDataset,
    make_discoverer: MakeDiscoverer,
    make_context: MakeContext,
    report_inputs: MakeInputs,
) -> None:
    inputs = make_context(make_dataset())
    for parameter in inputs.classifier.model.parameters():
        parameter.zero_()
    discoverer = make_discoverer()
    graph = discoverer.discover(inputs)
    assert not graph.edges
    assert "below 0.9" in graph.node("top").annotations["unread"]
    (section,) = graph_report(discoverer, graph, report_inputs(inputs)).sections
    assert "below 0.9" in str(section.items[0].rows)


def test_an_edge_that_the_control_has_too_is_removed(
    make_dataset: MakeDataset,
    make_discoverer: MakeDiscoverer,
    make_context: MakeContext,
    report_inputs: MakeInputs,
) -> None:
    """Reference images whose concepts depend on one another are no reference."""
    dataset = make_dataset()
    inputs = make_context(replace(dataset, reference=dataset.train))
    graph = make_discoverer().discover(inputs)
    assert not graph.edges
    assert graph.annotations["false_edges"]
    (section,) = graph_report(make_discoverer(), graph, report_inputs(inputs)).sections
    assert "not reliable" in str(section.items[1])


def test_sections_show_the_figures_and_the_edges(
    make_dataset: MakeDataset, make_context: MakeContext, report_inputs: MakeInputs
) -> None:
    figures = {"r2": 0.97, "cross_talk": 0.01, "agreement": 0.98, "others_alone": 0.5}
    nodes = [Node("a", annotations=figures), Node("b", annotations=figures)]
    known = {"false_edges": [], "reference_images": 10, "resamples": 4}
    graph = CausalGraph(nodes, annotations=known)
    inputs = report_inputs(make_context(make_dataset()))
    (section,) = graph_report(PerceivedDiscoverer(), graph, inputs).sections
    assert len(section.items) == 2
    assert "0.970" in str(section.items[0].rows)


def test_what_is_needed_follows_from_the_references(
    make_dataset: MakeDataset, make_context: MakeContext
) -> None:
    bare = make_context(replace(make_dataset(), reference=None))
    with pytest.raises(CapabilityError, match=r"needs .*reference"):
        PerceivedDiscoverer().discover(bare)
    with pytest.raises(CapabilityError, match="needs an oracle that renders"):
        PerceivedDiscoverer(references="twin").discover(bare)
    with pytest.raises(CapabilityError, match="references: 10000"):
        perceive(bare.classifier, bare.dataset, rng=bare.rng)


def test_the_oracle_paints_independent_references() -> None:
    world = toy_world(0)
    inputs = world.inputs()
    painted = paint_references(inputs, 150)
    assert painted.concepts is not None and painted.groups is not None
    assert len(painted) == 150 and len(painted.groups.unique()) == 96
    read = world.space.encode(painted.images).values
    torch.testing.assert_close(read, painted.concepts, atol=1e-3, rtol=0)
    source = observations(world.dataset)
    assert torch.equal(painted.labels, source.labels[painted.groups])
    related = _strongest_correlation(world.space.encode(source.images).values)
    assert _strongest_correlation(painted.concepts) < 0.3 < 0.5 < related


def _strongest_correlation(values: Tensor) -> float:
    return float((torch.corrcoef(values.T) - torch.eye(values.shape[1])).abs().max())


def test_the_twin_can_stand_in_for_reference_images() -> None:
    world = toy_world(0)
    config = PerceptionConfig(pooled=2, readout=ReadOutConfig(hidden=8, folds=2, epochs=3))
    discoverer = PerceivedDiscoverer(references="twin", painted=120, perception=config, resamples=0)
    graph = discoverer.discover(world.inputs())
    assert graph.annotations["references"] == "twin"
    assert graph.annotations["reference_images"] == 120


@pytest.mark.parametrize(
    "check", checks_for(PerceivedDiscoverer), ids=lambda check: str(check.__name__)
)
def test_conformance(
    check: Callable[[Bench[PerceivedDiscoverer]], None],
    make_dataset: MakeDataset,
    make_discoverer: MakeDiscoverer,
    make_context: MakeContext,
) -> None:
    inputs = make_context(make_dataset(n=450))
    check(
        Bench(
            plugin=make_discoverer(resamples=1),
            inputs=inputs,
            images=inputs.dataset.test.images[:4],
        )
    )
