from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.intervention import Intervention
from causalxai.metric import ScoringInputs
from causalxai.oracle import Oracle, Response, Want
from causalxai.seeding import torch_generator
from causalxai.testing.toys import toy_world
from causalxai_glance.effects import Concepts
from causalxai_glance.paper_discoverer import (
    PaperDiscoverer,
    Trials,
    own_effects,
    paper_weights,
    run_trials,
)


class Sliding(Oracle):
    """What is read back moves along the data, however little was set: ``(l' - l) T``."""

    capabilities = frozenset({Capability.READBACK})
    slide: torch.Tensor

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        moved = interventions.apply(units.values) - units.values
        logits = torch.zeros(len(interventions), len(units), len(self.classifier.class_names))
        return Response(logits=logits, readback=units.values + moved @ self.slide)


def trials(slide: list[list[float]]) -> Trials:
    world = toy_world(0)
    oracle = Sliding().bind(world.classifier, world.space)
    matrix = torch.eye(4)
    matrix[: len(slide), : len(slide)] = torch.tensor(slide)
    oracle.slide = matrix
    units = world.space.encode(world.dataset.test.images[:8])
    return run_trials(Concepts(oracle, units, len(slide), torch.ones(len(slide))))


CHAIN = [[1.0, 0.8, 0.48], [0.0, 1.0, 0.6], [0.0, 0.0, 1.0]]


def test_a_chain_keeps_its_links_and_loses_its_shortcut():
    assert PaperDiscoverer().edges(trials(CHAIN)) == {(0, 1), (1, 2)}


def test_a_shortcut_that_does_more_than_the_chain_stays():
    more = [[1.0, 0.8, 0.9], *CHAIN[1:]]
    assert PaperDiscoverer().edges(trials(more)) == {(0, 1), (1, 2), (0, 2)}


def test_where_all_shows_both_ways_the_larger_weights_make_a_chain():
    both = [[1.0, 0.8, 0.48], [0.7, 1.0, 0.6], [0.4, 0.5, 1.0]]
    slid = trials(both)
    exact = np.einsum("nsij,jm->nsijm", slid.moved, np.array(both))
    np.testing.assert_allclose(slid.controlled, exact - slid.moved[:, :, :, None], atol=1e-4)
    assert PaperDiscoverer().edges(slid) == {(0, 1), (1, 2)}


def test_a_barred_edge_leaves_room_for_its_reverse():
    slid = trials([[1.0, 0.9], [0.5, 1.0]])
    assert PaperDiscoverer().edges(slid, {(0, 1)}) == {(1, 0)}


def test_changes_below_the_threshold_are_no_edges():
    assert PaperDiscoverer(threshold=0.7).edges(trials(CHAIN)) == {(0, 1)}
    assert PaperDiscoverer(threshold=0.9).edges(trials(CHAIN)) == frozenset()


def test_the_larger_weight_decides_the_direction():
    assert PaperDiscoverer().edges(trials([[1.0, 0.5], [0.9, 1.0]])) == {(1, 0)}
    assert PaperDiscoverer().edges(trials([[1.0, 0.9], [0.5, 1.0]])) == {(0, 1)}


def test_the_weakest_edge_of_a_loop_goes():
    loop = [[1.0, 0.9, 0.0], [0.0, 1.0, 0.8], [0.7, 0.0, 1.0]]
    assert PaperDiscoverer().edges(trials(loop)) == {(0, 1), (1, 2)}


@pytest.mark.parametrize("estimator", ["ratio-of-means", "mean-of-ratios"])
def test_weights_are_the_slopes(estimator: Any):
    found = trials(CHAIN)
    np.testing.assert_allclose(paper_weights(found.moved, estimator), CHAIN, atol=1e-5)
    np.testing.assert_allclose(own_effects(found.moved), 1, atol=1e-5)


def test_a_mean_of_ratios_is_ruled_by_the_smallest_change_of_the_cause():
    moved = np.ones((50, 2, 2, 2))
    moved[:, 1] = -1
    moved[0, 0, 0, 0] = 0.01
    assert paper_weights(moved, "ratio-of-means")[0, 1] == pytest.approx(1, abs=0.02)
    assert paper_weights(moved, "mean-of-ratios")[0, 1] > 1.9


def test_the_graph_tells_what_its_directions_are_worth(glance_context: ScoringInputs):
    graph = PaperDiscoverer(threshold=0.01, units=40, repeats=5).discover(glance_context)
    assert graph.nodes == ("size", "brightness")
    assert len(graph.edges) == 1
    (edge,) = graph.edges
    assert edge.weight is not None and edge.frequency is not None
    assert edge.annotations["product"] == pytest.approx(
        edge.weight * edge.annotations["reverse_weight"]
    )
    for name in graph.nodes:
        assert "own_effect" in graph.node(name).annotations


def test_knowledge_is_obeyed(glance_context: ScoringInputs):
    for pair in (("size", "brightness"), ("brightness", "size")):
        known = {"required": [pair]}
        plugin = PaperDiscoverer(background=known, threshold=0.01, units=20, repeats=0)
        graph = plugin.discover(replace(glance_context, rng=torch_generator(0)))
        assert [(edge.source, edge.target) for edge in graph.edges] == [pair]
