"""A graph in memory is taken as it is."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from causalxai import CausalGraph, Edge, Node, NodeKind, explain, load
from causalxai.graph_discoverer import DiscoveryInputs
from causalxai.live.graph import LiveGraph, graph_digest
from causalxai.testing import ToyWorld, toy_world


@pytest.fixture(scope="module")
def world() -> ToyWorld:
    return toy_world(0)


def some(*names: str) -> CausalGraph:
    nodes = [*map(Node, names), Node("class x", NodeKind.CLASS)]
    return CausalGraph(nodes, [Edge(names[0], "class x", weight=0.5)])


def discovered(graph: CausalGraph, world: ToyWorld) -> CausalGraph:
    inputs = DiscoveryInputs(
        classifier=world.classifier, dataset=world.dataset, rng=torch.Generator(), space=world.space
    )
    return LiveGraph(graph=graph, digest=graph_digest(graph)).discover(inputs)


def test_a_run_has_the_graph_and_is_opened_with_it(world: ToyWorld, tmp_path: Path) -> None:
    graph = some(world.space.names()[0])
    done = explain(world.classifier, world.dataset, graph=graph, out=tmp_path)
    assert done.graph == graph
    assert "class x" in done.report.read_text()
    assert done.spec.live == ("dataset", "classifier", "graph")
    again = load(
        done.directory, world.classifier, world.dataset, graph=some(world.space.names()[0])
    )
    assert again.graph == graph
    other = explain(
        world.classifier, world.dataset, graph=some(world.space.names()[1]), out=tmp_path
    )
    assert other.directory != done.directory


def test_nodes_that_are_no_concepts_are_told(
    world: ToyWorld, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert discovered(graph := some(*world.space.names()), world) is graph
        assert not caplog.messages
        discovered(some("nothing", "less"), world)
    assert "'nothing', 'less' are no concepts of this run" in caplog.text


def test_all_of_a_graph_is_in_its_digest() -> None:
    graph = some("a", "b")
    assert graph_digest(graph) == graph_digest(some("a", "b"))
    others = [some("b", "a"), some("a"), CausalGraph(graph.edges and [Node("a"), Node("b")], [])]
    assert len({graph_digest(other) for other in (graph, *others)}) == 4
