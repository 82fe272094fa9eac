"""Graph discoverers: from answers, or from observations, to a causal graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from causalxai.errors import ContractError
from causalxai.plugin import Plugin, PluginConfig
from causalxai.report.section import Section

if TYPE_CHECKING:
    from causalxai.context import Context
    from causalxai.graph import CausalGraph


class BackgroundKnowledge(PluginConfig):
    """What is known of the graph beforehand; a hard constraint on every discoverer."""

    required: tuple[tuple[str, str], ...] = Field(default=(), description="edges that must be")
    forbidden: tuple[tuple[str, str], ...] = Field(default=(), description="edges that can't be")
    tiers: tuple[tuple[str, ...], ...] = Field(
        default=(), description="groups in causal order; no edge leads back to an earlier group"
    )

    def violations(self, graph: CausalGraph) -> list[str]:
        """Return what in ``graph`` contradicts this knowledge, in words."""
        tier = {node: index for index, group in enumerate(self.tiers) for node in group}
        return [
            *(f"{a} → {b} is required" for a, b in self.required if not graph.has_edge(a, b)),
            *(f"{a} → {b} is forbidden" for a, b in self.forbidden if graph.has_edge(a, b)),
            *(
                f"{edge.source} → {edge.target} leads back to an earlier tier"
                for edge in graph.edges
                if tier.get(edge.source, 0) > tier.get(edge.target, len(self.tiers))
            ),
        ]


class DiscovererConfig(PluginConfig):
    """Settings that every discoverer has."""

    background: BackgroundKnowledge = BackgroundKnowledge()


class GraphDiscoverer(Plugin, ABC):
    """Turns an oracle's answers (or observations) into a causal graph."""

    Config: ClassVar[type[PluginConfig]] = DiscovererConfig
    requires: ClassVar[frozenset[str]] = frozenset({"oracle"})
    """Capabilities of the context that it cannot do without: see ``Context.capabilities``."""

    @final
    def discover(self, context: Context) -> CausalGraph:
        """Return the graph.

        Raises
        ------
        CapabilityError
            If the context lacks something that the discoverer requires.
        ContractError
            If the graph contradicts the user's background knowledge.
        """
        context.require(self.requires, type(self).__name__)
        graph = self._discover(context)
        if isinstance(self.config, DiscovererConfig):
            broken = self.config.background.violations(graph)
            if broken:
                who = f"{type(self).__module__}.{type(self).__qualname__}"
                raise ContractError(f"{who} ignores background knowledge: {'; '.join(broken)}")
        return graph

    @abstractmethod
    def _discover(self, context: Context) -> CausalGraph: ...

    def sections(self, graph: CausalGraph, context: Context) -> Sequence[Section]:  # noqa: ARG002
        """Return what the report should show of the graph beyond its drawing."""
        return ()
