"""Graph discoverers: find a causal graph from the oracle's answers or from observations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, final

import networkx as nx
from pydantic import Field

from causalxai.capabilities import Capability, needed, require
from causalxai.dataset_dependent import DatasetDependent
from causalxai.errors import CapabilityError, ContractError, did_you_mean
from causalxai.graph import CausalGraph
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.short_repr import short_repr

if TYPE_CHECKING:
    import torch

    from causalxai.classifier import Classifier
    from causalxai.concept_space import ConceptSpace
    from causalxai.dataset import Dataset
    from causalxai.graph import Edge
    from causalxai.oracle import Oracle
    from causalxai.storage.record import Record


class BackgroundKnowledge(PluginConfig):
    """What is known of the graph before discovery; a hard constraint on every discoverer."""

    required: tuple[tuple[str, str], ...] = Field(
        default=(), description="edges that the graph must have"
    )
    forbidden: tuple[tuple[str, str], ...] = Field(
        default=(), description="edges that the graph must not have"
    )
    tiers: tuple[tuple[str, ...], ...] = Field(
        default=(), description="groups in causal order; no edge leads back to an earlier group"
    )

    def among(
        self, names: Sequence[str]
    ) -> tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]:
        """Return the required and the forbidden edges, as pairs of indices into ``names``.

        Raises
        ------
        CapabilityError
            If the knowledge mentions an unknown name, or no graph can satisfy all of it.
        """
        for name in chain(*self.required, *self.forbidden, *self.tiers):
            if name not in names:
                raise CapabilityError(
                    f"background knowledge mentions {name!r}, which is not a concept"
                    f"{did_you_mean(name, names)} (there are: {', '.join(names)})"
                )
        place = {name: index for index, name in enumerate(names)}
        tier = {place[name]: index for index, group in enumerate(self.tiers) for name in group}
        required = frozenset((place[a], place[b]) for a, b in self.required)
        backward = {(a, b) for a in tier for b in tier if tier[a] > tier[b]}
        forbidden = frozenset((place[a], place[b]) for a, b in self.forbidden) | backward
        for a, b in sorted(required):
            if a == b or (a, b) in forbidden:
                raise CapabilityError(
                    f"background knowledge contradicts itself: {names[a]} → {names[b]} is "
                    "required, but forbidden or against the tiers"
                )
        if not nx.is_directed_acyclic_graph(nx.DiGraph(sorted(required))):
            raise CapabilityError("background knowledge contradicts itself: it requires a cycle")
        return required, forbidden

    def violations(self, graph: CausalGraph) -> list[str]:
        """Return a description of everything in ``graph`` that contradicts this knowledge.

        A required edge must be directed as required. An edge that leaves its direction open must
        not admit a forbidden direction, because the knowledge settles it. A bidirected edge says
        that neither node is a cause of the other, so it contradicts only a required edge.
        """
        tier = {node: index for index, group in enumerate(self.tiers) for node in group}
        broken = [f"{a} → {b} is required" for a, b in self.required if not graph.has_edge(a, b)]
        for a, b in self.forbidden:
            edge = graph.between(a, b)
            if edge is not None and edge.admits(a, b):
                broken.append(f"{a} → {b} is forbidden{_but(edge)}")
        for edge in graph.edges:
            for a, b in ((edge.source, edge.target), (edge.target, edge.source)):
                if edge.admits(a, b) and tier.get(a, 0) > tier.get(b, len(self.tiers)):
                    broken.append(f"{a} → {b} leads back to an earlier tier{_but(edge)}")
        return broken


def _but(edge: Edge) -> str:
    return "" if edge.directed else f", and {edge} leaves it open"


@dataclass(frozen=True, kw_only=True)
class DiscoveryInputs:
    """The inputs of a discoverer.

    Parameters
    ----------
    classifier, dataset
        The classifier that is explained, and the data set.
    rng
        The stage's own random generator.
    progress
        Receives reports on the progress of long work.
    space
        The fitted concept space, where the run has one.
    oracle
        The oracle, bound to ``space``, where the run has one.

    Raises
    ------
    ValueError
        If the oracle is bound to another concept space than ``space``.
    """

    classifier: Classifier
    dataset: Dataset
    rng: torch.Generator
    progress: Progress = SILENT
    space: ConceptSpace | None = None
    oracle: Oracle | None = None

    __repr__ = short_repr

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the run offers up to this stage."""
        found = set(self.dataset.offers)
        if self.space is not None:
            found.add(Capability.CONCEPTS)
        if self.oracle is not None:
            found |= {Capability.ORACLE, *self.oracle.capabilities}
        return frozenset(found)

    def require(self, needed: frozenset[Capability], who: str) -> None:
        """Raise CapabilityError if the run lacks one of the capabilities that ``who`` needs."""
        require(needed, self.capabilities, who)

    def need_space(self) -> ConceptSpace:
        """Return the concept space; CapabilityError if the run has none."""
        return needed(self.space, Capability.CONCEPTS)

    def need_oracle(self) -> Oracle:
        """Return the oracle; CapabilityError if the run has none."""
        return needed(self.oracle, Capability.ORACLE)


class DiscovererConfig(PluginConfig):
    """The settings that all discoverers share."""

    background: BackgroundKnowledge = Field(
        default=BackgroundKnowledge(),
        description="edges that the graph must have or must not have, and tiers of concepts",
    )


class GraphDiscoverer(DatasetDependent, ABC):
    """Finds a causal graph from an oracle's answers or from observations."""

    Config: ClassVar[type[PluginConfig]] = DiscovererConfig
    requires: frozenset[Capability] = frozenset({Capability.ORACLE})
    """The capabilities that it needs. An instance may need more or fewer than its class."""

    space_kind: ClassVar[type] = object
    """The only class of concept spaces that it works with; ``object`` for all."""
    oracle_kind: ClassVar[type] = object
    """The only class of oracles that it works with; ``object`` for all."""
    prepares: bool = False
    """Whether a part of the discovery needs neither concepts nor an oracle, so that a comparison
    does it while concepts are trained. Such a class has ``_prepare`` and ``_discover_with``. An
    instance may differ from its class."""

    @final
    def prepare(self, inputs: DiscoveryInputs) -> Record:
        """Do the part of the discovery that needs neither concepts nor an oracle.

        Parameters
        ----------
        inputs
            Those of ``discover``, with a generator in the same state. The concept space and the
            oracle are not used.
        """
        return self._prepare(replace(inputs, space=None, oracle=None))

    @final
    def discover(self, inputs: DiscoveryInputs, prepared: Record | None = None) -> CausalGraph:
        """Return the graph.

        Parameters
        ----------
        inputs
            What the run has found so far.
        prepared
            What ``prepare`` returned, where it was called before. The graph is the same with it
            and without.

        Raises
        ------
        CapabilityError
            If the run lacks something that the discoverer requires.
        ContractError
            If the graph contradicts the user's background knowledge.
        """
        inputs.require(self.requires, type(self).__name__)
        graph = (
            self._discover(inputs) if prepared is None else self._discover_with(inputs, prepared)
        )
        if not isinstance(graph, CausalGraph):
            kind = type(graph).__name__
            raise ContractError(f"{self.origin} must return a CausalGraph, not {kind}")
        if isinstance(self.config, DiscovererConfig):
            broken = self.config.background.violations(graph)
            if broken:
                raise ContractError(
                    f"{self.origin} ignores background knowledge: {'; '.join(broken)}"
                )
        return graph

    @abstractmethod
    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph: ...

    def _prepare(self, inputs: DiscoveryInputs) -> Record:
        raise NotImplementedError(f"{type(self).__name__} prepares nothing")

    def _discover_with(self, inputs: DiscoveryInputs, prepared: Record) -> CausalGraph:
        raise NotImplementedError(f"{type(self).__name__} prepares nothing")
