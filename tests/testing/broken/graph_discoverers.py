"""Graph_discoverers that break a promise."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.graph import CausalGraph, Edge
from causalxai.graph_discoverer import DiscoveryInputs, GraphDiscoverer
from causalxai.metric import ScoringInputs
from causalxai.report.builder import GraphReport
from causalxai.report.section import Section
from causalxai.storage.record import Record
from causalxai.testing.toys import ToyDiscoverer
from tests.testing.broken.register import breaks


@breaks("discoverer", "discovers_a_causal_graph")
class FindsNothing(ToyDiscoverer):
    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        return CausalGraph([])


@breaks("discoverer", "same_rng_gives_the_same_graph")
class GuessesWeights(ToyDiscoverer):
    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        return CausalGraph("ab", [Edge("a", "b", weight=float(torch.rand(())))])


@breaks("discoverer", "graph_survives_storage")
class ClaimsNoNumber(ToyDiscoverer):
    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        return CausalGraph("ab", [Edge("a", "b", p=float("nan"))])


@breaks("discoverer", "discovery_leaves_its_inputs_alone")
class LeavesAHook(ToyDiscoverer):
    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        inputs.classifier.model[1].register_forward_hook(lambda *_: None)
        return super()._discover(inputs)


@breaks("discoverer", "graph_needs_what_it_requires")
class HidesItsNeeds(ToyDiscoverer):
    requires: frozenset[Capability] = frozenset()


@breaks("discoverer", "preparation_changes_nothing")
class PreparesSomethingElse(ToyDiscoverer):
    prepares = True

    def _prepare(self, inputs: DiscoveryInputs) -> Record:
        return Record(meta={"weight": 0.5})

    def _discover_with(self, inputs: DiscoveryInputs, prepared: Record) -> CausalGraph:
        return CausalGraph("ab", [Edge("a", "b", weight=float(prepared.meta["weight"]))])


@breaks("discoverer", "preparation_changes_nothing")
class PreparesNoRecord(ToyDiscoverer):
    prepares = True

    def _prepare(self, inputs: DiscoveryInputs) -> Any:
        return 1.0


@breaks("discoverer", "forbidden_edges_stay_away", "required_edges_are_there")
class KnowsBetter(ToyDiscoverer):
    def discover(self, inputs: ScoringInputs) -> CausalGraph:  # type: ignore[misc]
        return self._discover(inputs)


@breaks("discoverer", "graph_sections_can_be_shown")
class ShowsTexts(ToyDiscoverer):
    @staticmethod
    def report_builder(*_: object) -> Any:
        return GraphReport(["a text"])


@breaks("discoverer", "graph_sections_can_be_shown")
class LeavesOpenWhetherItDraws(ToyDiscoverer):
    @staticmethod
    def report_builder(*_: object) -> Any:
        return [Section("The graph", [])]


class ReadsTheTable(GraphDiscoverer):
    """Joins concepts whose covariance is large, and claims that the first name is the cause."""

    requires = frozenset({Capability.OBSERVATIONS})

    def _discover(self, inputs: ScoringInputs) -> CausalGraph:
        names, concepts = inputs.dataset.concept_names, inputs.dataset.train.concepts
        assert concepts is not None
        joined = self.joined(concepts.double())
        pairs = [
            (a, b)
            for i, a in enumerate(names)
            for j, b in enumerate(names)
            if joined[i, j] and a < b
        ]
        return CausalGraph(names, pairs)

    def joined(self, values: Tensor) -> Tensor:
        return values.T.corrcoef().abs() > 0.3


@breaks("discoverer", "units_of_observations_do_not_matter")
class MeasuresCovariances(ReadsTheTable):
    def joined(self, values: Tensor) -> Tensor:
        return values.T.cov().abs() > 0.5


@breaks("discoverer", "names_of_observations_do_not_matter")
class OrdersByName(ReadsTheTable):
    """The one that is broken by its very rule."""


@breaks("discoverer", "unfit_observations_are_refused_in_words")
class InvertsCovariances(ReadsTheTable):
    def joined(self, values: Tensor) -> Tensor:
        return torch.linalg.inv(values.T.cov()).abs() > 1
