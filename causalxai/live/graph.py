"""A causal graph that is in memory already, in the place of a discoverer."""

from __future__ import annotations

import hashlib
import json
import logging

from pydantic import ConfigDict, Field, InstanceOf

from causalxai.capabilities import Capability
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import DiscoveryInputs, GraphDiscoverer
from causalxai.graph_elements import NodeKind
from causalxai.plugin import PluginConfig

_NAMED = 3

_logger = logging.getLogger(__name__)


class LiveGraph(GraphDiscoverer):
    """A ``CausalGraph`` that the caller has made; it is taken as it is."""

    requires: frozenset[Capability] = frozenset()

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        graph
            The graph.
        digest
            That of ``graph_digest``, taken when the run was asked for.
        """

        model_config = ConfigDict(arbitrary_types_allowed=True)

        graph: InstanceOf[CausalGraph] = Field(exclude=True, repr=False)
        digest: str

    config: Config

    def portable_config(self) -> dict[str, object]:
        """Return nothing, because the fingerprint says everything."""
        return {}

    def fingerprint(self) -> str:
        """Return the digest."""
        return self.config.digest

    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph:
        graph = self.config.graph
        known = inputs.dataset.concept_names if inputs.space is None else inputs.space.names()
        unknown = [node.name for node in graph.of_kind(NodeKind.CONCEPT) if node.name not in known]
        if known and unknown:
            more = ", …" * (len(unknown) > _NAMED)
            _logger.warning(
                "graph: %s%s are no concepts of this run, so that nothing is known of them "
                "(concepts: %s%s)",
                ", ".join(map(repr, unknown[:_NAMED])), more,
                ", ".join(map(repr, known[:_NAMED])), ", …" * (len(known) > _NAMED),
            )  # fmt: skip
        return graph


def graph_digest(graph: CausalGraph) -> str:
    """Return a digest of a graph with all that is known of its nodes and edges."""
    return hashlib.sha256(json.dumps(graph.to_json(), sort_keys=True).encode()).hexdigest()
