"""Correctness over graphs that are discovered again, by discoverers that err as told."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai import CausalGraph, Edge, EdgeKind, Explanation, MetricResult, ScoringInputs
from causalxai.capabilities import Capability
from causalxai.columns import require_independent
from causalxai.graph_discoverer import DiscovererConfig, GraphDiscoverer
from causalxai.metrics.correctness import Correctness
from causalxai.testing.toys import CONCEPTS, ToyDiscoverer, ToyWorld, toy_world


class Erring(GraphDiscoverer):
    """Knows the truth, and turns or drops each edge with some probability."""

    requires: frozenset[Capability] = frozenset()

    class Config(DiscovererConfig):
        turns: float = 0.0
        per_subset: bool = False

    config: Config

    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        assert inputs.graph is None
        rng = inputs.rng
        if self.config.per_subset:  # All repeats on one subset err alike.
            seed = int(inputs.dataset.train.images.sum() * 1e4)
            rng = torch.Generator().manual_seed(seed)
        truth = inputs.dataset.graph
        kept = [edge for edge in truth.edges if torch.rand((), generator=rng) >= self.config.turns]
        return CausalGraph((*CONCEPTS, "the prediction"), [(e.source, e.target) for e in kept])


class Particular(Erring):
    """Refuses concepts that do not vary, or follow from one another."""

    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        values = inputs.dataset.train.concepts
        assert values is not None
        require_independent(values.double().numpy())
        return super()._discover(inputs)


def scored(world: ToyWorld, discoverer: GraphDiscoverer, **settings: int) -> MetricResult:
    inputs = replace(world.inputs(), discoverer=discoverer)
    return Correctness(**settings).compute(explanation(world), inputs)


def explanation(world: ToyWorld) -> Explanation:
    images = world.dataset.test.images[:2]
    return Explanation(images, torch.zeros(2).long(), maps={"none": torch.zeros(2, 8, 8)})


def test_right_beats_half_right_and_that_beats_chance(world: ToyWorld):
    right = scored(world, Erring())
    half = scored(world, Erring(turns=0.3), subsets=12)
    none = scored(world, Erring(turns=1.0))
    # Five subsets that agree do not show how uncertain their mean is.
    assert (right.estimate.value, right.estimate.low, right.estimate.n) == (1, None, 5)
    assert right.estimate.value > half.estimate.high
    assert half.estimate.low > none.estimate.value == 0
    assert right.estimate.value > right.chance.high
    assert right.chance.value < 0 < right.chance.n
    assert right.parts["SHD"].value == right.parts["SID"].value == 0
    assert right.parts["skeleton F1"].value == right.parts["orientation accuracy"].value == 1
    assert half.parts["SHD"].value == pytest.approx(4 * (1 - half.estimate.value))
    assert none.parts["with the image"].value == 0.5
    assert "left out: orientation accuracy: no edge between true" in none.reason


@pytest.mark.slow
def test_the_interval_is_that_of_the_data_where_subsets_are_many(world: ToyWorld):
    few = scored(world, Erring(turns=0.5), subsets=10)
    many = scored(world, Erring(turns=0.5), subsets=80)
    assert "intervals: Monte-Carlo error of 10 subsets; 40 give that of the data" in few.reason
    assert "Monte-Carlo" not in many.reason
    # That of the mean narrows with the subsets; that of a single one's graph does not.
    assert many.estimate.high - many.estimate.low > few.estimate.high - few.estimate.low
    assert "Monte-Carlo" not in scored(world, Erring(), subsets=1).reason


def test_the_toy_discoverer_is_right(world: ToyWorld):
    result = scored(world, ToyDiscoverer(), subsets=2)
    assert (result.estimate.value, result.parts["this graph"].value) == (1, 1)


def test_consistency_is_within_subsets_and_stability_between_them(world: ToyWorld):
    alike = scored(world, Erring(turns=0.5, per_subset=True))
    assert alike.parts["consistency"].value == 1
    assert alike.parts["stability"].value < 1
    errs = scored(world, Erring(turns=0.5), subsets=10)
    assert errs.parts["consistency"].value == pytest.approx(errs.parts["stability"].value, abs=0.15)
    once = scored(world, Erring(), repeats=1)
    assert "consistency" not in once.parts


def test_subsets_are_drawn_with_replacement_and_repeats_see_the_same(world: ToyWorld):
    seen = []

    class Watching(Erring):
        def _discover(self, inputs: ScoringInputs) -> CausalGraph:
            seen.append((inputs.dataset, inputs.rng.initial_seed()))
            return super()._discover(inputs)

    scored(world, Watching(), subsets=2, repeats=2)
    first, again, other, _ = (dataset.train.images for dataset, _ in seen)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == other.shape == world.dataset.train.images.shape
    assert len(first.flatten(1).unique(dim=0)) < len(first)
    assert len({seed for _, seed in seen}) == 4


def test_without_a_truth_there_is_no_score(world: ToyWorld):
    for truth, reason in [
        (None, "true graph of this data set is not known"),
        (CausalGraph(CONCEPTS), "the true graph has no edge"),
        (CausalGraph(("x", "y"), [("x", "y")]), "has 0 of the true graph's nodes"),
    ]:
        inputs = replace(
            world.inputs(),
            discoverer=Erring(),
            dataset=replace(world.dataset, graph=truth),
        )
        result = Correctness().compute(explanation(world), inputs)
        assert result.status == "skipped"
        assert reason in result.reason


def test_open_directions_count_nothing_and_are_told(world: ToyWorld):
    class Open(Erring):
        def _discover(self, inputs: ScoringInputs) -> CausalGraph:
            truth = inputs.dataset.graph.edges
            edges = [Edge(edge.source, edge.target, EdgeKind.UNDIRECTED) for edge in truth]
            return CausalGraph(CONCEPTS, edges)

    result = scored(world, Open())
    assert result.estimate.value == 0
    assert (result.parts["skeleton F1"].value, result.parts["SHD"].value) == (1, 4)
    assert "SID: SID is defined for graphs with directed edges alone" in result.reason
    assert "SID" not in result.parts


@pytest.mark.parametrize("seed", range(4))
def test_rare_attributes_vary_in_every_subset(seed: int):
    world = toy_world(seed)
    train = world.dataset.train
    values = train.concepts.clone()
    values[:, 2:] = 0
    # A subset would often have none of three images, or only the one that has both attributes.
    values[[0, 1], 2] = values[[1, 2], 3] = 1.0
    dataset = replace(world.dataset, train=replace(train, concepts=values))
    inputs = replace(world.inputs(), dataset=dataset, discoverer=Particular())
    result = Correctness(subsets=20, repeats=1).compute(explanation(world), inputs)
    assert result.estimate.value == 1
